"""Invoices of the billing engine, their lines and what is behind them, as text. PURE but for the words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypedDict

from app.billing import invoices
from app.billing.drafts import Built
from app.billing.postpaid import WRITTEN_OFF
from app.billing.rating import Draft
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.metering.reading import Seen
from app.ui import present

SETTLED: Final = (invoices.SUCCEEDED, invoices.OVERPAID)
LONGEST_DETAIL: Final = 240
#: What an event of ours says that is nobody's business but the operator's.
INSIDE: Final = frozenset({"cost_usd", "upstream_model", "provider", "settled_by"})


class InvoiceRow(TypedDict):
    id: str
    href: str  # the document; "" for a draft
    number: str
    period: str
    state: str
    tone: str
    due: str
    total: str
    left: str  # what is still to be paid; "" for nothing
    is_draft: bool


class LineRow(TypedDict):
    id: str
    name: str
    reason: str
    part: str  # of which plan
    quantity: str
    events: str
    amount: str
    is_open: bool  # whether something is behind it


class SumRow(TypedDict):
    name: str
    amount: str


class KindRow(TypedDict):
    key: str
    name: str
    detail: str
    events: str
    quantity: str


class EventRow(TypedDict):
    id: str
    href: str
    time: str
    whole_time: str
    detail: str


def invoice_row(row: Any, at: datetime, *, for_operator: bool = False) -> InvoiceRow:
    """An invoice in a list. Customers never read that somebody gave up on theirs."""
    state, tone = state_of(row, at, for_operator=for_operator)
    left = invoices.remaining(row)
    is_open = row.state == invoices.FINALIZED and bool(left) and state != "written_off"
    return InvoiceRow(
        id=row.id,
        href=f"/invoices/{row.document_id}" if row.document_id else "",
        number=row.number or t("billed.draft"),
        period=span(row.period_start, row.period_end),
        state=t(f"billed.state.{state}"),
        tone=tone,
        due=present.date(row.due_at) if row.due_at and is_open else "",
        total=present.fiat(Fiat(row.total, row.currency)),
        left=present.fiat(left) if is_open else "",
        is_draft=row.state == invoices.DRAFT,
    )


def state_of(row: Any, at: datetime, *, for_operator: bool = False) -> tuple[str, str]:
    """How an invoice stands: a key of [billed.state] and its tone."""
    if row.state == invoices.DRAFT:
        return "draft", "neutral"
    if row.state in (invoices.VOIDED, invoices.SKIPPED):
        return row.state.lower(), "neutral"
    if for_operator and row.computed.get(WRITTEN_OFF):
        return "written_off", "neutral"
    if row.payment_state in SETTLED or not invoices.remaining(row):
        return "paid", "good"
    if row.payment_state in (invoices.REFUNDED, invoices.PARTIALLY_REFUNDED):
        return "refunded", "neutral"
    if row.due_at is not None and row.due_at < at:
        return "overdue", "loss"
    if row.payment_state == invoices.FAILED:
        return "failed", "loss"
    return ("processing", "accent") if row.payment_state == invoices.PROCESSING else ("due", "thin")


def stored_lines(lines: Sequence[Any], currency: str) -> list[LineRow]:
    """The lines of an invoice that is kept."""
    return [
        _line(
            line.id, line.name, line.reason, line.plan_name, Fraction(line.quantity), line.events,
            Fiat(line.amount, currency), is_open=bool(line.drill),
        )
        for line in lines
    ]  # fmt: skip


def draft_lines(draft: Draft) -> list[LineRow]:
    """The lines of an invoice that is only worked out."""
    return [
        _line(
            str(place), line.name, line.reason, line.item.plan_name if line.item else "", line.quantity,
            line.used.events, Fiat.from_exact(line.exact, draft.currency), is_open=False,
        )
        for place, line in enumerate(draft.lines)
    ]  # fmt: skip


def stored_sums(row: Any) -> list[SumRow]:
    """From the lines to the total; what is nothing is left out."""
    taken = ((name, getattr(row, name)) for name in ("subtotal", "discount", "credits", "tax"))
    return _sums({name: Fiat(minor, row.currency) for name, minor in taken}, row.computed.get("tax") or {})


def draft_sums(built: Built) -> list[SumRow]:
    due = built.draft.due
    figures = {"subtotal": due.subtotal, "discount": due.discount, "credits": due.credits, "tax": due.tax}
    found = _sums(figures, built.computed["tax"])
    left = built.draft.carried_left
    return [*found, SumRow(name=t("billed.sum.carried"), amount=present.fiat(left))] if left else found


def kind_rows(drill: Sequence[Mapping[str, Any]], *, for_operator: bool = False) -> list[KindRow]:
    """The kinds of events behind a line; one without a name is everything beyond those named."""
    return [
        KindRow(
            key=str(place),
            name=kind["event_name"] or t("billed.other_kinds"),
            detail=said(kind["properties"], for_operator=for_operator),
            events=present.count(int(kind["events"])),
            quantity=present.number(Decimal(kind["quantity"])),
        )
        for place, kind in enumerate(drill)
    ]


def event_row(seen: Seen, at: datetime, *, for_operator: bool = False) -> EventRow:
    """One event; that of a generation of our own leads to it."""
    return EventRow(
        id=seen.event_id,
        href=f"/logs/{seen.generation_id}" if seen.generation_id else "",
        time=present.moment(seen.at, at),
        whole_time=present.full_moment(seen.at),
        detail=said(seen.properties, for_operator=for_operator),
    )


def said(properties: Mapping[str, Any], *, for_operator: bool) -> str:
    """`model veo-3.1, resolution 720p`, without what only an operator may know."""
    told = sorted((name, value) for name, value in properties.items() if for_operator or name not in INSIDE)
    return ", ".join(f"{name} {value}" for name, value in told)[:LONGEST_DETAIL]


def span(start: datetime, end: datetime) -> str:
    """`1 Nov – 1 Dec 2026`."""
    first = present.date(start)
    if start.year == end.year:
        first = first.removesuffix(f" {start.year}")
    return f"{first} {present.NOTHING} {present.date(end)}"


def _line(
    key: str, name: str, reason: str, plan: str, quantity: Fraction, events: int, amount: Fiat, *, is_open: bool
) -> LineRow:
    return LineRow(
        id=key,
        name=name,
        reason=reason,
        part=plan,
        quantity=present.number(quantity),
        events=present.count(events) if events else "",
        amount=present.fiat(amount),
        is_open=is_open,
    )


def _sums(figures: Mapping[str, Fiat], tax: Mapping[str, Any]) -> list[SumRow]:
    rates = ", ".join(f"{rate['code']} {rate['percentage']}%" for rate in tax.get("rates") or ())
    found = []
    for name, figure in figures.items():
        if not figure:
            continue
        off = name in ("discount", "credits")
        label = t("billed.sum.tax_of", rates=rates) if name == "tax" and rates else t(f"billed.sum.{name}")
        found.append(SumRow(name=label, amount=present.fiat(-figure if off else figure)))
    # a subtotal that is the total says it twice
    return [] if len(found) == 1 and figures["subtotal"] else found
