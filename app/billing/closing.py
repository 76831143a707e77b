"""Periods begin and end: the first invoice, the close of a period, a change of plan, the end of a subscription.

Each is one transaction under the subscription's lock, and each invoice has a source that exists once: a chore that was
killed carries on where it was, and two that run at once do the work once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from app.billing import drafts, invoices, paying_in_credits, prorating, subscriptions, tables
from app.billing.card_tables import billing_charge
from app.billing.drafts import Wallets
from app.billing.invoices import DRAFT, LATE_WINDOW, Head
from app.billing.lifecycle import Event, State, after
from app.billing.payment_terms import net_days
from app.billing.periods import Unit
from app.billing.prorating import NewPlan
from app.billing.rating import RatedLine
from app.billing.subscriptions import PRORATED_END, Line
from app.billing.wallets import funding
from app.billing.wanted import Wanted
from app.kernel import faults
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat
from app.metering.aggregate import Span
from app.payments.unmatched import Reason, report

_SUB, _INVOICE = tables.subscription, tables.billing_invoice
_PAYMENT, _CHARGE = tables.billing_payment, billing_charge
BATCH: Final = 100
#: Under this name a subscription keeps that it ended before its first payment.
NEVER_BEGAN: Final = "never_began"


def begin(connection: Connection, subscription_id: str, *, actor: str, now: datetime) -> Row[Any] | None:
    """What is paid ahead for the first period, if there is anything; a trial pays nothing. A subscription that waits
    for its first payment, and is asked for none, is active at once."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    span = subscriptions.period_of(row)
    if row.state not in (State.ACTIVE, State.INCOMPLETE):
        return None
    if not _pays_ahead(connection, row):
        _need_not_wait(connection, row, now)
        return None
    wanted = Wanted(span, ahead=span)
    head = _head(row, f"open:{span.start.isoformat()}", "SUBSCRIPTION_CREATE")
    made = invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
    if not made.total:
        _need_not_wait(connection, row, now)
    return made


def due(connection: Connection, now: datetime, limit: int = BATCH) -> list[str]:
    """Subscriptions whose period, or whose whole time, is over."""
    alive = _SUB.c.state.in_((State.ACTIVE, State.TRIALING))
    waiting = _SUB.c.state.in_((State.INCOMPLETE, State.PAUSED))  # their periods do not end, their whole time does
    over = or_(alive & (_SUB.c.period_end <= now), (alive | waiting) & (_SUB.c.cancel_at <= now))
    query = select(_SUB.c.id).where(over).order_by(_SUB.c.period_end, _SUB.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def close(connection: Connection, subscription_id: str, *, now: datetime, actor: str = "system") -> bool:
    """End the oldest period that is over and begin the next; False when there is none to end."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state in (State.INCOMPLETE, State.PAUSED) and row.cancel_at is not None and row.cancel_at <= now:
        _end(connection, row, row.cancel_at, now, actor)
        return True
    if row.state not in (State.ACTIVE, State.TRIALING):
        return False
    if row.cancel_at is not None and row.cancel_at <= min(row.period_end, now):
        _end(connection, row, row.cancel_at, now, actor)
        return True
    if row.period_end > now:
        return False
    closed = subscriptions.period_of(row)
    trial, whole, plan_id = subscriptions.is_trial(row, closed), subscriptions.whole_of(row), row.plan_id
    row = _next_period(connection, row, closed, now)
    if row.next_plan:
        row = _planned_change(connection, row, closed.end)
    ahead = subscriptions.period_of(row)
    wanted = Wanted(closed, None if trial else closed, ahead, used_whole=whole, plan_id=plan_id)
    reason = "SUBSCRIPTION_TRIAL_END" if trial else "SUBSCRIPTION_CYCLE"
    head = _head(row, f"close:{closed.end.isoformat()}", reason)
    invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
    faults.point("period.after_close")
    return True


def _next_period(connection: Connection, row: Row[Any], closed: Span, now: datetime) -> Row[Any]:
    span = subscriptions.cycle_of(row).containing(closed.end)
    values: dict[str, Any] = {"period_start": closed.end, "period_end": span.end}
    if row.state == State.TRIALING:
        values["state"] = after(State.TRIALING, Event.TRIAL_OVER)
    return subscriptions.change(connection, row, now, **values)


def _end(connection: Connection, row: Row[Any], at: datetime, now: datetime, actor: str) -> None:
    """The subscription ends at `at`: a last invoice for what was used until then, less what was paid for the days
    after it."""
    span, whole = Span(row.period_start, max(at, row.period_start)), subscriptions.whole_of(row)
    served = row.state != State.INCOMPLETE  # whose first invoice was never paid
    credits_: list[RatedLine] = []
    if served and row.agreed.get(PRORATED_END, True) and (at < row.period_end or row.state == State.PAUSED):
        credits_ = prorating.credit(connection, row, at)
        prorating.hold(connection, row, now)
    values = {"state": after(State(row.state), Event.CANCEL), "cancelled_at": at, "period_end": span.end}
    row = subscriptions.change(connection, row, now, **values)
    subscriptions.end_lines(connection, row.id, at, now)
    subscriptions.end_pause(connection, row.id, at)
    if served and span.start < span.end:
        head = _head(row, f"end:{span.end.isoformat()}", "SUBSCRIPTION_CYCLE")
        used = None if row.trial_end and span.end <= row.trial_end else span
        wanted = Wanted(span, used, others=tuple(credits_), used_whole=whole)
        invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
    if not served:
        _ask_no_more(connection, row, now)
    _give_rest(connection, row.id, now)
    faults.point("period.after_close")


def _ask_no_more(connection: Connection, row: Row[Any], now: datetime) -> None:
    """A subscription that ended before its first payment asks for none: its invoices are taken back, but for those
    that somebody is paying at this moment. `paid` sees to money that comes for one of them."""
    row = subscriptions.find(connection, row.id)
    subscriptions.change(connection, row, now, agreed={**row.agreed, NEVER_BEGAN: True})
    still = select(_INVOICE.c.id).where(
        _INVOICE.c.subscription_id == row.id,
        _INVOICE.c.state.in_((DRAFT, invoices.FINALIZED)),
        _INVOICE.c.paid + _INVOICE.c.adjusted + _INVOICE.c.refunded == 0,
    )
    for invoice_id in connection.execute(still.order_by(_INVOICE.c.id)).scalars().all():
        if not invoices.is_being_paid(connection, invoice_id):
            invoices.void(connection, invoice_id, now=now)


def cancel_now(
    connection: Connection,
    subscription_id: str,
    *,
    reason: str,
    prorate: bool,
    invoice: bool,
    actor: str,
    now: datetime,
) -> tuple[Row[Any], Row[Any] | None, list[RatedLine]]:
    """End it this moment. What was paid ahead and not used comes back as credit when asked; what was used is billed."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state == State.CANCELLED:
        return row, None, []
    before, span = row, subscriptions.period_of(row)
    was_trial = subscriptions.is_trial(row, span)
    served = row.state in (State.ACTIVE, State.TRIALING, State.PAUSED)
    credits_ = prorating.credit(connection, row, now) if prorate and served else []
    if served:
        prorating.hold(connection, row, now)
    row = subscriptions.cancel(connection, subscription_id, at=None, reason=reason, now=now)
    if before.state == State.INCOMPLETE:
        _ask_no_more(connection, row, now)
    made = None
    if served and (credits_ or (invoice and before.period_start < now)):
        begun = Span(min(before.period_start, now), now)  # nothing was used of one that was still to begin
        used = begun if invoice and not was_trial and begun.start < now else None
        whole = subscriptions.whole_of(before)
        wanted = Wanted(begun, used, others=tuple(credits_), used_whole=whole)
        head = _head(row, f"end:{now.isoformat()}", "SUBSCRIPTION_UPDATE")
        made = invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
    _give_rest(connection, row.id, now)
    return subscriptions.find(connection, row.id), made, credits_


def change_plan(
    connection: Connection, subscription_id: str, to: NewPlan, *, prorate: bool, actor: str, now: datetime
) -> tuple[Row[Any], Row[Any] | None, list[RatedLine]]:
    """Another plan from this moment on: credit for what was paid ahead, a charge for what is used instead."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    span, whole = subscriptions.period_of(row), subscriptions.whole_of(row)
    others, used, ahead = prorating.credit(connection, row, now, addons=False) if prorate else [], None, None
    prorating.hold(connection, row, now)
    moved = subscriptions.move(
        connection,
        row,
        plan_id=to.plan_id,
        plan_name=to.plan_name,
        lines=to.lines,
        unit=to.unit,
        count=to.count,
        now=now,
    )
    if subscriptions.is_trial(row, span):
        return moved, None, []
    if (to.unit, to.count) != (row.billing_period, row.billing_period_count):
        used, ahead = Span(span.start, now), Span(now, moved.period_end)
        moved = subscriptions.change(connection, moved, now, period_start=now)
    elif prorate:
        added = subscriptions.lines_of(connection, row.id)[-len(to.lines) :] if to.lines else []
        others += prorating.charge(row, to, now, [line.id for line in added])
    if not others and used is None:
        return moved, None, others
    plan_id = None if used is None else row.plan_id
    wanted = Wanted(span if used is None else used, used, ahead, tuple(others), used_whole=whole, plan_id=plan_id)
    head = _head(moved, f"change:{moved.version}", "SUBSCRIPTION_UPDATE")
    made = invoices.keep(connection, head, drafts.build(connection, moved, wanted, now=now), actor=actor, now=now)
    return moved, made, others


def plan_change_later(connection: Connection, subscription_id: str, to: NewPlan, *, now: datetime) -> Row[Any]:
    """Another plan from the next period on."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state not in (State.ACTIVE, State.TRIALING):
        raise Conflict(f"A subscription that is {row.state} keeps its plan.", code="invalid_operation")
    subscriptions.require_rhythm(connection, row, to.unit, to.count, row.period_end)
    kept = {
        "plan_id": to.plan_id,
        "plan_name": to.plan_name,
        "unit": to.unit,
        "count": to.count,
        "lines": [{"price": dict(line.price), "quantity": line.quantity, "name": line.name} for line in to.lines],
        "at": row.period_end.isoformat(),
    }
    return subscriptions.change(connection, row, now, next_plan=kept)


def _planned_change(connection: Connection, row: Row[Any], at: datetime) -> Row[Any]:
    kept = row.next_plan
    lines = tuple(Line(each["price"], each["quantity"], each["name"]) for each in kept["lines"])
    return subscriptions.move(
        connection,
        row,
        plan_id=kept["plan_id"],
        plan_name=kept["plan_name"],
        lines=lines,
        unit=Unit(kept["unit"]),
        count=kept["count"],
        now=at,
    )


# --- drafts become documents


def drafts_due(connection: Connection, now: datetime, limit: int = BATCH) -> list[str]:
    """Drafts of subscriptions that have waited long enough for what comes late."""
    waited = now - LATE_WINDOW
    query = (
        select(_INVOICE.c.id)
        .where(
            _INVOICE.c.state == DRAFT,
            _INVOICE.c.manual.is_(False),
            _INVOICE.c.kind == invoices.SUBSCRIPTION,
            _INVOICE.c.created_at <= waited,
            or_(_INVOICE.c.period_end <= waited, _INVOICE.c.reason != "SUBSCRIPTION_CYCLE"),
        )
        .order_by(_INVOICE.c.created_at, _INVOICE.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def finalize(connection: Connection, invoice_id: str, *, now: datetime, wallets: Wallets = funding) -> Row[Any]:
    """Work a subscription's draft out once more, then give it its number; others get it as they are."""
    row = invoices.find(connection, invoice_id)
    if row.subscription_id is None:
        return invoices.finalize(connection, invoice_id, now=now)
    subscription = subscriptions.find(connection, row.subscription_id, lock=True)
    row = invoices.find(connection, invoice_id, lock=True)
    if row.state != DRAFT:
        return invoices.finalize(connection, invoice_id, now=now)
    if not row.manual and "used" in row.computed:
        row = _recompute(connection, subscription, row, now, wallets)
    done = invoices.finalize(connection, invoice_id, now=now, net_days=net_days(subscription.agreed, now))
    if not row.manual and row.computed.get("carried_left", subscription.carried) != subscription.carried:
        subscriptions.change(connection, subscription, now, carried=row.computed["carried_left"])
    if done.payment_state == invoices.SUCCEEDED or done.state == invoices.SKIPPED:
        paid(connection, done, now)
    _give_rest(connection, row.subscription_id, now)
    return done


def ended_since(connection: Connection, since: datetime) -> list[str]:
    """Subscriptions that ended since then and have no draft any more: late usage may still come in for them."""
    drafts_ = select(_INVOICE.c.id).where(_INVOICE.c.subscription_id == _SUB.c.id, _INVOICE.c.state == DRAFT)
    query = select(_SUB.c.id).where(_SUB.c.state == State.CANCELLED, _SUB.c.cancelled_at > since, ~drafts_.exists())
    return list(connection.execute(query.order_by(_SUB.c.id)).scalars())


def bill_late(
    connection: Connection, subscription_id: str, *, now: datetime, wallets: Wallets = funding
) -> Row[Any] | None:
    """An invoice of what came after the last one of a subscription that is over; what became less goes into the
    customer's wallet. Once: what was stated is not stated again."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state != State.CANCELLED:
        return None
    built = drafts.build_late(connection, row, now=now, wallets=wallets)
    if built is None:
        return None
    head = _head(row, f"late:{now.isoformat()}", "SUBSCRIPTION_UPDATE")
    made = invoices.keep(connection, head, built, actor="system", now=now)
    return finalize(connection, made.id, now=now, wallets=wallets)


def _give_rest(connection: Connection, subscription_id: str, now: datetime) -> None:
    """Credit that no invoice of a cancelled subscription will use goes into the customer's wallet."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state != State.CANCELLED or not row.carried:
        return
    still = select(_INVOICE.c.id).where(_INVOICE.c.subscription_id == row.id, _INVOICE.c.state == DRAFT).limit(1)
    if connection.execute(still).scalar() is not None:
        return
    ref = f"{row.id}:rest:{row.version}"
    paying_in_credits.to_wallet(connection, row.customer_id, Fiat(row.carried, row.currency), ref, now)
    subscriptions.change(connection, row, now, carried=0)


def void(connection: Connection, invoice_id: str, *, now: datetime) -> Row[Any]:
    """As `invoices.void`; what it returns to a cancelled subscription goes on into the wallet."""
    row = invoices.find(connection, invoice_id)
    if row.subscription_id is not None:
        subscriptions.find(connection, row.subscription_id, lock=True)
    done = invoices.void(connection, invoice_id, now=now)
    if row.subscription_id is not None:
        _give_rest(connection, row.subscription_id, now)
    return done


def recalculate(connection: Connection, invoice_id: str, *, now: datetime, wallets: Wallets = funding) -> Row[Any]:
    """A draft takes over what is known by now."""
    row = invoices.find(connection, invoice_id)
    if row.subscription_id is None or "used" not in row.computed:
        invoices.require_draft(row)
        return row
    subscription = subscriptions.find(connection, row.subscription_id, lock=True)
    row = invoices.find(connection, invoice_id, lock=True)
    invoices.require_draft(row)
    return _recompute(connection, subscription, row, now, wallets)


def _recompute(
    connection: Connection, subscription: Row[Any], row: Row[Any], now: datetime, wallets: Wallets
) -> Row[Any]:
    wanted = Wanted.from_json(Span(row.period_start, row.period_end), row.computed)
    built = drafts.build(connection, subscription, wanted, now=now, wallets=wallets)
    return invoices.recompute(connection, row, built, now=now)


def preview(
    connection: Connection,
    subscription_id: str,
    *,
    now: datetime,
    span: Span | None = None,
    keep_zero: bool = True,
    wallets: Wallets = funding,
) -> tuple[Row[Any], drafts.Built]:
    """What the invoice of the period would be if it ended now; nothing is stored."""
    row = subscriptions.find(connection, subscription_id)
    current = subscriptions.period_of(row)
    wanted_span = span or current
    whole = subscriptions.whole_of(row) if wanted_span == current else None
    ahead = None
    if span is None and row.state in (State.ACTIVE, State.TRIALING) and not row.cancel_at:
        following = subscriptions.cycle_of(row).containing(current.end)
        ahead = Span(current.end, following.end)
    wanted = Wanted(wanted_span, wanted_span, ahead, used_whole=whole)
    built = drafts.build(connection, row, wanted, now=now, wallets=wallets, keep_zero=keep_zero)
    return row, built


def paid(connection: Connection, row: Row[Any], now: datetime) -> None:
    """The first invoice of a subscription that waits for its payment is paid, or asks for nothing: it begins. Of one
    that ended before it began the operators are told, because nothing is served for that money."""
    if row.subscription_id is None:
        return
    subscription = subscriptions.find(connection, row.subscription_id, lock=True)
    if row.paid and subscription.agreed.get(NEVER_BEGAN):
        report(
            connection,
            Reason.INVOICE_UNSERVED,
            provider="invoice",
            external_id=row.id,
            livemode=_is_real(connection, row.id),
            now=now,
            amount=Fiat(row.paid, row.currency),
            workspace_id=row.workspace_id,
            invoice=row.number,
        )
    _need_not_wait(connection, subscription, now)


def _is_real(connection: Connection, invoice_id: str) -> bool:
    """Whether the money of an invoice is: no provider took a part of it as a test."""
    taken = (
        select(_CHARGE.c.payment_id)
        .join(_PAYMENT, _PAYMENT.c.id == _CHARGE.c.payment_id)
        .where(_PAYMENT.c.invoice_id == invoice_id, _PAYMENT.c.succeeded_at.is_not(None), _CHARGE.c.livemode.is_(False))
    )
    return connection.execute(taken.limit(1)).first() is None


def _need_not_wait(connection: Connection, row: Row[Any], now: datetime) -> None:
    if row.state == State.INCOMPLETE:
        subscriptions.change(connection, row, now, state=after(State.INCOMPLETE, Event.PAID))


def amount_of(lines: Sequence[RatedLine], currency: str) -> Fiat:
    """Lines added up as they are printed."""
    return Fiat(sum(Fiat.from_exact(line.exact, currency).minor for line in lines), currency)


def _pays_ahead(connection: Connection, row: Row[Any]) -> bool:
    return bool(prorating.lines_ahead(connection, row, subscriptions.period_of(row), row.period_start))


def _head(row: Row[Any], what: str, reason: str) -> Head:
    return Head(
        customer_id=row.customer_id,
        workspace_id=row.workspace_id,
        currency=row.currency,
        source=f"{row.id}:{what}",
        kind=invoices.SUBSCRIPTION,
        reason=reason,
        subscription_id=row.id,
    )
