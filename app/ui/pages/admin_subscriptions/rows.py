"""Subscriptions, their lines and their history as text. PURE but for the words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, TypedDict

from app.billing import addons
from app.billing.lifecycle import State
from app.billing.listing import ENDING, Listed
from app.billing.rating import RatedLine, amount_of
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.ui import present
from app.ui.pages.admin_plans.rows import cost_in_words
from app.ui.pages.billed.rows import span

ALL: Final = "all"
ADDON: Final = "addon_"  # what the id of an addon begins with
STATES: Final = (State.ACTIVE, State.TRIALING, ENDING, State.PAUSED, State.INCOMPLETE, State.DRAFT, State.CANCELLED)
TONES: Final[Mapping[str, str]] = {
    State.ACTIVE: "good",
    State.TRIALING: "accent",
    State.PAUSED: "thin",
    State.INCOMPLETE: "thin",
}


class Choice(TypedDict):
    value: str
    label: str


class SubscriptionRow(TypedDict):
    id: str
    href: str
    customer: str
    email: str
    plan: str
    state: str
    tone: str
    note: str  # that it ends, or when its trial does
    price: str
    period: str
    started: str


class LineRow(TypedDict):
    id: str
    name: str
    cost: str
    when: str
    quantity: str
    plan: str
    is_over: bool


class AddonRow(TypedDict):
    """An addon on the subscription; `id` is that of the association."""

    id: str
    name: str
    when: str
    state: str
    tone: str
    may_drop: bool
    is_over: bool


class MomentRow(TypedDict):
    key: str
    time: str
    whole_time: str
    icon: str
    what: str
    detail: str


class ChangeRow(TypedDict):
    key: str
    name: str
    reason: str
    amount: str


def state_options(counts: Mapping[str, int]) -> list[Choice]:
    """All, then each state that somebody is in."""
    shown = [state for state in STATES if counts.get(state)]
    whole = sum(count for state, count in counts.items() if state != ENDING)
    return [
        Choice(value=ALL, label=t("admin_subscriptions.any_state", count=present.count(whole))),
        *(Choice(value=state, label=f"{state_word(state)} {present.DOT} {counts[state]:,}") for state in shown),
    ]


def state_word(state: str) -> str:
    return t(f"admin_subscriptions.state.{state}")


def subscription_row(listed: Listed, at: datetime) -> SubscriptionRow:
    """A line of the table."""
    row = listed.row
    return SubscriptionRow(
        id=row.id,
        href=f"/admin/subscriptions/{row.id}",
        customer=listed.customer,
        email=listed.email,
        plan=listed.plan,
        state=state_word(row.state),
        tone=TONES.get(row.state, "neutral"),
        note=note(row, at),
        price=price_words(listed.fixed, listed.metered, row.billing_period, row.billing_period_count),
        period="" if row.state == State.CANCELLED else span(row.period_start, row.period_end),
        started=present.date(row.start_at),
    )


def note(row: Any, at: datetime) -> str:
    """What is about to happen to it."""
    if row.state == State.CANCELLED:
        return t("admin_subscriptions.ended_on", day=present.date(row.cancelled_at)) if row.cancelled_at else ""
    if row.cancel_at is not None:
        return t("admin_subscriptions.ends_on", day=present.date(row.cancel_at))
    if row.next_plan:
        return t("admin_subscriptions.moves_to", plan=row.next_plan["plan_name"], day=present.date(row.period_end))
    if row.state == State.TRIALING and row.trial_end:
        return t("admin_subscriptions.trial_until", day=present.date(row.trial_end))
    return t("admin_subscriptions.starts_on", day=present.date(row.start_at)) if row.start_at > at else ""


def price_words(fixed: Fiat, metered: int, period: str, count: int = 1) -> str:
    """`$20.00 monthly + usage`."""
    rhythm = period_words(period, count)
    said = t("admin_subscriptions.price.fixed", amount=present.fiat(fixed), period=rhythm) if fixed else ""
    if not metered:
        return said or t("admin_subscriptions.price.nothing", period=rhythm)
    return (
        t("admin_subscriptions.price.both", fixed=said) if said else t("admin_subscriptions.price.usage", period=rhythm)
    )


def period_words(period: str, count: int = 1) -> str:
    word = t(f"admin_plans.period.{period.lower()}")
    return word if count == 1 else t("admin_subscriptions.price.every", count=count, period=word)


def line_row(line: Any, meters: Mapping[str, str], at: datetime) -> LineRow:
    """One price, as it was agreed."""
    when = t("admin_subscriptions.line.since", day=present.date(line.start_at))
    is_over = line.end_at is not None and line.end_at <= at
    if line.end_at is not None:
        when = span(line.start_at, line.end_at)
    return LineRow(
        id=line.id,
        name=line.name,
        cost=cost_in_words(line.price, meters.get(line.meter_id or "", "")),
        when=when,
        quantity=present.number(Fraction(line.quantity)) if Fraction(line.quantity) != 1 else "",
        plan=line.plan_name,
        is_over=is_over,
    )


def addon_row(kept: Any, at: datetime) -> AddonRow:
    """What it is called, and from when to when."""
    state = addons.status_of(kept, at)
    when = t("admin_subscriptions.line.since", day=present.date(kept.start_at))
    if kept.end_at is not None:
        when = span(kept.start_at, kept.end_at)
    return AddonRow(
        id=kept.id,
        name=kept.name,
        when=when,
        state=t(f"admin_subscriptions.addon.{state}"),
        tone={"active": "good", "pending": "accent"}.get(state, "neutral"),
        may_drop=state != "cancelled" and kept.cancelled_at is None,
        is_over=state == "cancelled",
    )


def history_rows(
    row: Any,
    lines: Sequence[Any],
    pauses: Sequence[Any],
    billed: Sequence[Any],
    taken: Sequence[Any],
    names: Mapping[str, str],
    at: datetime,
) -> list[MomentRow]:
    """What became of it, the latest first, as far as its rows tell."""

    def by(actor: str) -> str:
        return t("admin_subscriptions.history.by", name=names.get(actor) or called(actor))

    found: list[tuple[datetime, str, str, str]] = [
        (row.created_at, "plus", t("admin_subscriptions.history.created"), by(row.created_by))
    ]
    if (
        row.trial_end is not None
        and row.trial_end <= at
        and (row.cancelled_at is None or row.cancelled_at > row.trial_end)
    ):
        found.append((row.trial_end, "hourglass", t("admin_subscriptions.history.trial_over"), ""))
    for pause in pauses:
        detail = ". ".join(filter(None, (pause.reason, by(pause.created_by))))
        found.append((pause.begun_at, "pause", t("admin_subscriptions.history.paused"), detail))
        if pause.resumed_at is not None and pause.resumed_at != row.cancelled_at:
            found.append((pause.resumed_at, "play", t("admin_subscriptions.history.resumed"), ""))
    found += _moves(row, lines)
    for kept in taken:
        if kept.end_at is not None and kept.end_at <= at:
            said = t("admin_subscriptions.history.addon_over", name=kept.name)
            found.append((kept.end_at, "circle-x", said, kept.cancel_reason or ""))
    for invoice in billed:
        total = present.fiat(Fiat(invoice.total, invoice.currency))
        if invoice.finalized_at is not None and invoice.number:
            said = t("admin_subscriptions.history.invoice", number=invoice.number)
            found.append((invoice.finalized_at, "receipt-text", said, total))
        if invoice.paid_at is not None and invoice.total:
            said = t("admin_subscriptions.history.paid", number=invoice.number or "")
            found.append((invoice.paid_at, "circle-check", said, total))
        if invoice.voided_at is not None:
            said = t("admin_subscriptions.history.voided", number=invoice.number or t("billed.draft"))
            found.append((invoice.voided_at, "ban", said, total))
    if row.cancelled_at is not None:
        found.append(
            (row.cancelled_at, "circle-x", t("admin_subscriptions.history.cancelled"), row.cancel_reason or "")
        )
    found.sort(key=lambda each: each[0], reverse=True)
    return [
        MomentRow(
            key=str(place),
            time=present.moment(when, at),
            whole_time=present.full_moment(when),
            icon=icon,
            what=what,
            detail=detail,
        )
        for place, (when, icon, what, detail) in enumerate(found)
    ]


def _moves(row: Any, lines: Sequence[Any]) -> list[tuple[datetime, str, str, str]]:
    """Lines that began later came with another plan, with an addon, or by themselves."""
    found, plan, added = list[tuple[datetime, str, str, str]](), "", set[tuple[str, datetime]]()
    for line in sorted(lines, key=lambda each: (each.start_at, each.position)):
        if line.plan_id.startswith(ADDON):
            if (line.plan_id, line.start_at) not in added:
                said = t("admin_subscriptions.history.addon", name=line.plan_name)
                found.append((line.start_at, "plus", said, ""))
            added.add((line.plan_id, line.start_at))
            continue
        if line.start_at <= row.start_at:
            plan = line.plan_id
            continue
        if line.plan_id != plan:
            plan = line.plan_id
            said = t("admin_subscriptions.history.moved", plan=line.plan_name)
            found.append((line.start_at, "arrow-right-left", said, ""))
    return found


def called(actor: str) -> str:
    """Who it was, where they are no person."""
    return (
        t("admin_subscriptions.history.program")
        if actor.startswith("bkey_")
        else t("admin_subscriptions.history.house")
    )


def change_rows(lines: Sequence[RatedLine], currency: str) -> list[ChangeRow]:
    """What a change takes off and adds, line by line."""
    return [
        ChangeRow(
            key=str(place),
            name=line.name,
            reason=line.reason,
            amount=present.fiat(Fiat.from_exact(line.exact, currency)),
        )
        for place, line in enumerate(lines)
    ]


def balance_words(lines: Sequence[RatedLine], currency: str) -> tuple[str, str]:
    """What lines come to together: how it is called, and the figure."""
    net = amount_of(lines, currency)
    key = "credit" if net.minor < 0 else "charge"
    return t(f"admin_subscriptions.net.{key}"), present.fiat(-net if net.minor < 0 else net)
