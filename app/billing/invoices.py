"""Invoices of the billing engine as rows: kept as drafts, worked out again, finalised, voided. In the caller's
transaction.

Finalising numbers a document (`app/invoicing`) in the same transaction, once: what is asked twice, or was cut off in
between, finds what was done. What a finalised invoice says never changes; credit notes and payments stand beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.billing import facts, mailing, paying_in_credits, period_events, subscriptions, tables, taxes
from app.billing.drafts import Built
from app.billing.periods import Unit, calendar_start, moved
from app.billing.rating import Draft, RatedLine, UsedKind
from app.invoicing.compose import DraftLine
from app.invoicing.issue import CreditDraft, InvoiceDraft, issue_credit_note, issue_invoice
from app.kernel import faults
from app.kernel.errors import Broken, Conflict, NotFound
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id
from app.kernel.money import plain
from app.kernel.text import t

INVOICE, LINE = tables.billing_invoice, tables.billing_invoice_line
DRAFT, FINALIZED, VOIDED, SKIPPED = "DRAFT", "FINALIZED", "VOIDED", "SKIPPED"
PENDING, SUCCEEDED, FAILED, PROCESSING = "PENDING", "SUCCEEDED", "FAILED", "PROCESSING"
REFUNDED, PARTIALLY_REFUNDED, OVERPAID = "REFUNDED", "PARTIALLY_REFUNDED", "OVERPAID"
SUBSCRIPTION, ONE_OFF, CREDIT = "SUBSCRIPTION", "ONE_OFF", "CREDIT"
SOURCE_KIND: Final = "period"
#: How long a draft waits for what comes in late before it is finalised by itself.
LATE_WINDOW: Final = timedelta(hours=2)
NET: Final = {"15 NET": 15, "30 NET": 30, "45 NET": 45, "60 NET": 60, "75 NET": 75, "90 NET": 90}
#: Payment terms that end with a month: how many after the one it is issued in.
MONTH_ENDS: Final = {"END_OF_MONTH": 0, "END_OF_NEXT_MONTH": 1}
TERMS: Final = (*NET, *MONTH_ENDS)
MOST_KINDS: Final = 200  # kinds of events a line names; the rest is added up in one


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What an invoice is for. `source` names it: there is never a second one of the same."""

    customer_id: str
    workspace_id: str
    currency: str
    source: str
    kind: str
    reason: str
    subscription_id: str | None = None
    description: str = ""
    due_at: datetime | None = None
    credit_micros: int = 0
    manual: bool = False
    meta: Mapping[str, str] | None = None


def keep(connection: Connection, head: Head, built: Built, *, actor: str, now: datetime) -> Row[Any]:
    """Store a draft, or answer the one that is there for the same source."""
    draft, invoice_id = built.draft, new_id("inv")
    row = {
        "id": invoice_id,
        "customer_id": head.customer_id,
        "workspace_id": head.workspace_id,
        "subscription_id": head.subscription_id,
        "source": head.source,
        "kind": head.kind,
        "state": DRAFT,
        "payment_state": PENDING,
        "reason": head.reason,
        "description": head.description,
        "currency": draft.currency,
        "period_start": draft.span.start,
        "period_end": draft.span.end,
        **_sums(draft),
        "paid": 0,
        "adjusted": 0,
        "refunded": 0,
        "credit_micros": head.credit_micros,
        "computed": _kept(built),
        "due_at": head.due_at,
        "manual": head.manual,
        "meta": dict(head.meta or {}),
        "version": 1,
        "created_at": now,
        "created_by": actor,
        "updated_at": now,
    }
    once = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    made = connection.execute(once(INVOICE).values(**row).on_conflict_do_nothing().returning(INVOICE.c.id)).scalar()
    if made is None:
        return by_source(connection, head.source)
    faults.point("period.after_invoice")
    _write_lines(connection, invoice_id, draft, now)
    kept = find(connection, invoice_id)
    period_events.invoice_is(connection, "invoice.create.drafted", kept, key=f"invoice.create.drafted:{invoice_id}")
    return kept


def recompute(connection: Connection, row: Row[Any], built: Built, *, now: datetime) -> Row[Any]:
    """A draft takes over new figures; `row` was read under its lock."""
    require_draft(row)
    connection.execute(delete(LINE).where(LINE.c.invoice_id == row.id))
    _write_lines(connection, row.id, built.draft, now)
    return change(connection, row, now, **_sums(built.draft), computed=_kept(built))


def finalize(connection: Connection, invoice_id: str, *, now: datetime, net_days: int = 30) -> Row[Any]:
    """Give a draft its number: a document that never changes. Again, it answers what was done. An invoice of nothing
    is skipped. Raises `SellerNeeded`, or `Conflict` for one that was voided."""
    row = find(connection, invoice_id, lock=True)
    if row.state in (FINALIZED, SKIPPED):
        return row
    require_draft(row)
    lines = lines_of(connection, invoice_id)
    if not row.subtotal and not row.total and not any(line.events for line in lines):
        return change(connection, row, now, state=SKIPPED, finalized_at=now)
    due_at = row.due_at or now + timedelta(days=net_days)
    issued = _issue(connection, row, lines, now, due_at)
    faults.point("period.after_document")
    journals = paying_in_credits.take(connection, row, now)
    paid = row.total == 0
    changed = change(
        connection,
        row,
        now,
        state=FINALIZED,
        finalized_at=now,
        due_at=due_at,
        document_id=issued.invoice_id,
        number=issued.number,
        computed={**row.computed, "journals": journals},
        payment_state=SUCCEEDED if paid else row.payment_state,
        paid_at=now if paid else None,
    )
    mailing.invoice(connection, changed, now)
    faults.point("period.before_commit")
    return changed


def void(connection: Connection, invoice_id: str, *, now: datetime) -> Row[Any]:
    """A draft is dropped; a finalised one that nobody paid anything of is taken back whole by a credit note. What was
    carried from before and taken off it is there for the next invoice again.

    Raises `Conflict` where something was paid or is being paid, and for what was used on a limit: the ledger goes on
    asking for that until it is paid, credited or written off.
    """
    row = locked(connection, invoice_id)
    if row.state == VOIDED:
        return row
    if row.credit_micros:
        raise Conflict(
            "This invoice is for what was used on a limit: issue a credit note, or write it off.",
            code="invalid_operation",
        )
    if row.paid or row.adjusted or row.refunded or row.payment_state == PROCESSING:
        raise Conflict("Something of this invoice was paid or credited: issue a credit note.", code="invalid_operation")
    if is_being_paid(connection, invoice_id):
        raise Conflict(
            "A payment of this invoice is open: report that it succeeded or failed first.", code="invalid_operation"
        )
    if row.state == FINALIZED and row.document_id and row.total:
        whole = Fiat(row.total, row.currency)
        issued = issue_credit_note(
            connection,
            CreditDraft(
                invoice_id=row.document_id,
                gross=whole,
                issued_at=now,
                source_id=f"void:{row.id}",
                source_kind=SOURCE_KIND,
                reason=t("period.void_reason"),
            ),
        )
        mailing.credit_note(connection, row, issued, whole, now)
    paying_in_credits.give_back(connection, row.computed.get("journals") or {}, now)
    if row.state == FINALIZED and row.subscription_id and row.carried_used:
        subscription = subscriptions.find(connection, row.subscription_id, lock=True)
        subscriptions.change(connection, subscription, now, carried=subscription.carried + row.carried_used)
    return change(connection, row, now, state=VOIDED, voided_at=now)


def find(connection: Connection, invoice_id: str, *, lock: bool = False) -> Row[Any]:
    """The invoice, or `NotFound`; with `lock` nobody else changes it until the transaction ends."""
    query = select(INVOICE).where(INVOICE.c.id == invoice_id)
    found = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound(f"There is no invoice {invoice_id[:100]}.", code="invoice_not_found")
    return found


def locked(connection: Connection, invoice_id: str) -> Row[Any]:
    """The invoice under its lock, after its subscription's: in this order everybody takes them who needs both."""
    row = find(connection, invoice_id)
    if row.subscription_id:
        subscriptions.find(connection, row.subscription_id, lock=True)
    return find(connection, invoice_id, lock=True)


def is_being_paid(connection: Connection, invoice_id: str) -> bool:
    """Whether a payment of it is open."""
    payment = tables.billing_payment.c
    query = select(payment.id).where(
        payment.invoice_id == invoice_id, payment.state.in_(("INITIATED", "PENDING", "PROCESSING"))
    )
    return connection.execute(query.limit(1)).first() is not None


def by_source(connection: Connection, source: str) -> Row[Any]:
    """The invoice that was made for this."""
    found = connection.execute(select(INVOICE).where(INVOICE.c.source == source)).one_or_none()
    if found is None:
        raise Broken(f"The invoice for {source} is there and is not.")
    return found


def lines_of(connection: Connection, invoice_id: str) -> list[Row[Any]]:
    return list(connection.execute(select(LINE).where(LINE.c.invoice_id == invoice_id).order_by(LINE.c.position)))


def change(connection: Connection, row: Row[Any], now: datetime, **values: Any) -> Row[Any]:
    """Change what was read under the lock; `Conflict` when somebody else was first."""
    done = connection.execute(
        update(INVOICE)
        .where(INVOICE.c.id == row.id, INVOICE.c.version == row.version)
        .values(**values, version=row.version + 1, updated_at=now)
    )
    if done.rowcount != 1:
        raise Conflict("The invoice was changed at the same moment. Look again.", code="version_conflict")
    changed = find(connection, row.id)
    period_events.invoice(connection, row, changed)
    return changed


def require_draft(row: Row[Any]) -> None:
    if row.state != DRAFT:
        raise Conflict(f"This invoice is {row.state}: only a draft can change.", code="invalid_operation")


def remaining(row: Row[Any]) -> Fiat:
    """What is still to be paid of it."""
    return Fiat(max(0, row.total - row.paid - row.adjusted), row.currency)


def net_days(agreed: Mapping[str, Any], at: datetime) -> int:
    """The payment terms of a subscription as days from when its invoice is issued."""
    terms = str(agreed.get("payment_terms") or "")
    if terms not in MONTH_ENDS:
        return NET.get(terms, 30)
    month = calendar_start(Unit.MONTHLY, at)
    return (moved(month, Unit.MONTHLY, MONTH_ENDS[terms] + 1) - month).days - at.astimezone(UTC).day


def _sums(draft: Draft) -> dict[str, int]:
    due = draft.due
    return {
        "subtotal": due.subtotal.minor,
        "discount": due.discount.minor,
        "credits": due.credits.minor,
        "tax": due.tax.minor,
        "total": due.total.minor,
        "carried_used": draft.carried_used.minor,
    }


def _kept(built: Built) -> dict[str, Any]:
    return {**built.computed, "carried_left": built.draft.carried_left.minor}


def _write_lines(connection: Connection, invoice_id: str, draft: Draft, now: datetime) -> None:
    rows = [_line(invoice_id, place, line, draft, now) for place, line in enumerate(draft.lines)]
    if rows:
        connection.execute(insert(LINE), rows)


def _line(invoice_id: str, place: int, line: RatedLine, draft: Draft, now: datetime) -> dict[str, Any]:
    item, settled, span = line.item, line.settled, line.span or draft.span
    if settled is None:
        raise Broken("A line of a draft was not settled.")
    commitment = None
    if item is not None and item.commitment is not None:
        commitment = {
            "amount": figure(item.commitment.amount),
            "overage_factor": figure(item.commitment.overage),
            "true_up_enabled": item.commitment.true_up,
            "is_windowed": item.windowed,
        }
    if line.true_up or line.overage:
        commitment = {**(commitment or {}), "true_up": figure(line.true_up), "overage": figure(line.overage)}
    return {
        "id": new_id("inv_line"),
        "invoice_id": invoice_id,
        "position": place,
        "subscription_line_id": item.line_id if item else line.line_id or None,
        "price_id": item.price_id if item else None,
        "meter_id": item.meter.id if item and item.meter else None,
        "kind": line.kind,
        "purpose": line.purpose,
        "name": line.name,
        "plan_name": item.plan_name if item else "",
        "quantity": str(line.quantity),
        "entitled": str(line.entitled),
        "amount": settled.amount.minor,
        "discount": settled.discount.minor,
        "credits": settled.credits.minor,
        "tier": line.tier,
        "reason": line.reason,
        "events": line.used.events,
        "drill": drill(line),
        "commitment": commitment,
        "period_start": span.start,
        "period_end": span.end,
        "meta": {},
        "created_at": now,
    }


def drill(line: RatedLine) -> list[dict[str, Any]]:
    """The kinds of events behind a line, the largest first; beyond so many the rest is one."""
    kinds = sorted(
        _alike(line.used.kinds), key=lambda kind: (-kind.quantity, kind.name, sorted(kind.properties.items()))
    )
    shown = [
        {
            "event_name": kind.name,
            "properties": dict(kind.properties),
            "events": kind.events,
            "quantity": figure(kind.quantity),
        }
        for kind in kinds[:MOST_KINDS]
    ]
    rest = kinds[MOST_KINDS:]
    if rest:
        shown.append(
            {
                "event_name": "",
                "properties": {},
                "events": sum(kind.events for kind in rest),
                "quantity": figure(sum((kind.quantity for kind in rest), Fraction(0))),
            }
        )
    return shown


def _alike(kinds: Sequence[UsedKind]) -> list[UsedKind]:
    """Those that say the same as one."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], UsedKind] = {}
    for kind in kinds:
        key = (kind.name, tuple(sorted(kind.properties.items())))
        before = found.get(key, replace(kind, events=0, quantity=Fraction(0)))
        found[key] = replace(kind, events=kind.events + before.events, quantity=kind.quantity + before.quantity)
    return list(found.values())


def figure(amount: Fraction) -> str:
    """An exact figure as decimal text, to twelve decimals where it has no end."""
    return plain(round(Decimal(amount.numerator) / Decimal(amount.denominator), 12))


def _issue(connection: Connection, row: Row[Any], lines: Sequence[Row[Any]], now: datetime, due_at: datetime) -> Any:
    customer = facts.customer_of(connection, row.customer_id)
    net, tax = Fiat(row.subtotal - row.discount - row.credits, row.currency), Fiat(row.tax, row.currency)
    decided = taxes.snapshot(connection, customer, net, tax, row.computed, now)
    if decided.total_tax != tax:
        raise Conflict(
            "The tax of this draft is not what it would be today. Recalculate it first.", code="invalid_operation"
        )
    written = tuple(_document_line(row, line) for line in lines) or (
        DraftLine(row.description or t("period.nothing_used"), net),
    )
    return issue_invoice(
        connection,
        InvoiceDraft(
            workspace_id=row.workspace_id,
            tax=decided,
            lines=written,
            issued_at=now,
            supplied_at=min(row.period_end, now),
            period=_days(row),
            source_id=row.id,
            source_kind=SOURCE_KIND,
            due_on=due_at.date(),
            notes=_notes(row),
        ),
    )


def _document_line(row: Row[Any], line: Row[Any]) -> DraftLine:
    """A line with what was taken off it already: the lines of a document add up to what is taxed."""
    quantity = Fraction(line.quantity)
    net = Fiat(line.amount - line.discount - line.credits, row.currency)
    details = [line.reason]
    if line.discount:
        details.append(t("period.line.discount", amount=str(Fiat(line.discount, row.currency))))
    if line.credits:
        details.append(t("period.line.credits", amount=str(Fiat(line.credits, row.currency))))
    shown = round(Decimal(quantity.numerator) / Decimal(quantity.denominator), 9).normalize()
    return DraftLine(
        description=line.name,
        net=net,
        quantity=shown if shown > 0 else Decimal(1),
        detail=". ".join(detail for detail in details if detail)[:1000],
        section=line.plan_name,
    )


def _days(row: Row[Any]) -> tuple[date, date] | None:
    first, last = row.period_start.date(), (row.period_end - timedelta(microseconds=1)).date()
    return (first, last) if first <= last else None


def _notes(row: Row[Any]) -> tuple[str, ...]:
    if not row.carried_used:
        return ()
    return (t("period.carried", amount=str(Fiat(row.carried_used, row.currency))),)
