"""The rows behind automatic top-ups: what stands, what was spent, and what a success or a decline changes.

All of it within the caller's transaction; the order moves in the same one.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from app.kernel import events, outbox
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.ledger import reads as books
from app.payments import rows, tables
from app.payments.card_tables import auto_topup, off_session_charge, saved_card
from app.payments.declines import Decline, classify, wait_after
from app.payments.lifecycle import Event
from app.payments.lifecycle import State as OrderState
from app.payments.orders import AUTO_TOPUP
from app.payments.topup_rules import MIN_INTERVAL, Mode, Rules, Standing, State, day_of, month_of

ASKED, UNKNOWN, ANSWERED, DECLINED, ACTION, NEVER = "asked", "unknown", "answered", "declined", "needs_action", "never"

# Why it is disabled, beside the bank's own codes.
TOO_MANY: Final = "failed_attempt_limit_reached"
MISSING: Final = "missing_payment_method"
CUSTOMER_DELETED: Final = "customer_deleted"
DISPUTED: Final = "disputed"
CHARGE_FAILED: Final = "charge_failed"
MISMATCH: Final = "mismatch"

UNDER_WAY: Final = (OrderState.DRAFT, OrderState.PENDING, OrderState.PROCESSING, OrderState.UNKNOWN)
#: How long an order waits for its owner when the bank wants to see them.
ACTION_WAITS: Final = timedelta(days=7)
#: No money was taken and none will be; everything else counts against the month's maximum.
NOT_SPENT: Final = (OrderState.FAILED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED)


def find(connection: Connection, workspace_id: str, *, lock: bool = False) -> Row[Any] | None:
    """The rules of a workspace; locked, nobody else decides about a charge of it meanwhile."""
    query = select(auto_topup).where(auto_topup.c.workspace_id == workspace_id)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def rules_of(row: Row[Any]) -> Rules:
    currency = row.currency
    return Rules(
        threshold=Money(row.threshold_micros),
        mode=Mode(row.mode),
        month_cap=Fiat(row.month_cap_minor, currency),
        amount=None if row.amount_minor is None else Fiat(row.amount_minor, currency),
        refill_to=None if row.refill_micros is None else Money(row.refill_micros),
        charge_cap=None if row.charge_cap_minor is None else Fiat(row.charge_cap_minor, currency),
        most_per_day=row.most_per_day,
    )


def standing(connection: Connection, workspace_id: str, currency: str, now: datetime) -> Standing:
    """What was charged by itself until now; `not_before` is the rules' own and left out here."""
    orders = tables.payment_order.c
    mine = (orders.workspace_id == workspace_id) & (orders.kind == AUTO_TOPUP)
    (month, month_end), (day, day_end) = month_of(now), day_of(now)
    spent = select(func.coalesce(func.sum(orders.gross_minor), 0)).where(
        mine,
        orders.created_at >= month,
        orders.created_at < month_end,
        orders.currency == currency,
        orders.state.not_in([str(state) for state in NOT_SPENT]),
    )
    today = select(func.count(), func.max(orders.created_at)).where(
        mine, orders.created_at >= day, orders.created_at < day_end
    )
    last = select(orders.created_at).where(mine).order_by(orders.created_at.desc()).limit(1)
    under_way = select(orders.id).where(mine, orders.state.in_([str(state) for state in UNDER_WAY])).limit(1)
    return Standing(
        spent=Fiat(int(connection.execute(spent).scalar_one()), currency),
        today=int(connection.execute(today).one()[0]),
        last_at=connection.execute(last).scalar(),
        in_flight=connection.execute(under_way).first() is not None,
    )


def currencies_of_month(connection: Connection, workspace_id: str, now: datetime) -> set[str]:
    """In which currencies money was charged by itself this month: a maximum means one of them."""
    orders = tables.payment_order.c
    month, end = month_of(now)
    query = select(orders.currency).where(
        orders.workspace_id == workspace_id,
        orders.kind == AUTO_TOPUP,
        orders.created_at >= month,
        orders.created_at < end,
        orders.state.not_in([str(state) for state in NOT_SPENT]),
    )
    return set(connection.execute(query.distinct()).scalars())


def change(connection: Connection, workspace_id: str, now: datetime, **values: Any) -> None:
    connection.execute(
        update(auto_topup).where(auto_topup.c.workspace_id == workspace_id).values(changed_at=now, **values)
    )


def charge_of(connection: Connection, order_id: str) -> Row[Any] | None:
    """What the provider was asked for an order."""
    query = select(off_session_charge).where(off_session_charge.c.order_id == order_id)
    return connection.execute(query).one_or_none()


def mark(connection: Connection, order_id: str, now: datetime, **values: Any) -> None:
    """Write down how a charge stands."""
    mine = update(off_session_charge).where(off_session_charge.c.order_id == order_id)
    connection.execute(mine.values(updated_at=now, **values))


# --- what came of it


def succeeded(connection: Connection, order: Row[Any], now: datetime) -> None:
    """The order was paid and credited: the count of failures begins anew. In the transaction of the credits."""
    charge = charge_of(connection, order.id)
    mark(connection, order.id, now, state=ANSWERED, look_at=None, code=None)
    setting = find(connection, order.workspace_id, lock=True)
    if setting is not None:
        resumes = setting.state == State.NEEDS_ACTION
        state = {"state": State.ON, "reason": ""} if resumes else {}
        change(connection, order.workspace_id, now, failures=0, not_before=now + MIN_INTERVAL, **state)
    if charge is not None and charge.state == ACTION:
        return  # the customer paid it themselves and has its invoice
    outbox.mail(
        connection,
        "topup_ok",
        key=f"topup_ok:{order.id}",
        workspace_id=order.workspace_id,
        params={
            "credits": Money(order.credits_micros),
            "amount": _gross(order),
            "available": books.balance(connection, order.workspace_id).available,
            "card": _card_text(connection, charge),
        },
    )


def declined(connection: Connection, order: Row[Any], code: str, now: datetime, link: str) -> Decline:
    """The bank said no. The order fails, unless its owner can still pay it themselves; `link` is where.

    Orders are moved before the rules are locked, here as in the transaction that credits.
    """
    kind = classify(code)
    charge = charge_of(connection, order.id)
    if kind is Decline.AUTHENTICATE:
        _needs_action(connection, order, charge, code, now, link)
    elif _fail(connection, order, code, now, state=DECLINED):
        setting = find(connection, order.workspace_id, lock=True)
        if setting is None or setting.state != State.ON or charge is None or setting.card_id != charge.card_id:
            return kind  # turned off or changed meanwhile: nothing is left to slow down
        if kind is Decline.SOFT:
            _slow_down(connection, order, setting, charge, code, now)
        else:
            reason = MISSING if kind is Decline.GONE else code
            disable(connection, order.workspace_id, reason, now, key=order.id, card=_card_text(connection, charge))
    return kind


def refused(connection: Connection, order: Row[Any], reason: str, now: datetime) -> None:
    """The provider would not even try: the order fails, and asking again would change nothing."""
    charge = charge_of(connection, order.id)
    if _fail(connection, order, reason, now, state=DECLINED):
        disable(connection, order.workspace_id, reason, now, key=order.id, card=_card_text(connection, charge))


def never_made(connection: Connection, order: Row[Any], why: str, now: datetime, not_before: datetime | None) -> None:
    """There was no charge, and there will be none for this order; nobody is to blame."""
    if _fail(connection, order, why, now, state=NEVER) and not_before is not None:
        change(connection, order.workspace_id, now, not_before=not_before)


def disable(connection: Connection, workspace_id: str, reason: str, now: datetime, *, key: str, card: str = "") -> bool:
    """Turn it off for a reason of ours and tell the owners; False when it was not on."""
    mine = update(auto_topup).where(
        auto_topup.c.workspace_id == workspace_id, auto_topup.c.state.in_([State.ON, State.NEEDS_ACTION])
    )
    off = mine.values(state=State.DISABLED, reason=reason, not_before=None, changed_by=rows.SYSTEM, changed_at=now)
    if connection.execute(off).rowcount != 1:
        return False
    outbox.mail(
        connection,
        "topup_disabled",
        key=f"topup_disabled:{workspace_id}:{key}",
        workspace_id=workspace_id,
        params={"reason": reason, "card": card},
    )
    return True


def _slow_down(
    connection: Connection, order: Row[Any], setting: Row[Any], charge: Row[Any], code: str, now: datetime
) -> None:
    failures, card = setting.failures + 1, _card_text(connection, charge)
    wait = wait_after(failures)
    if wait is None:
        change(connection, order.workspace_id, now, failures=failures)
        disable(connection, order.workspace_id, TOO_MANY, now, key=order.id, card=card)
        return
    change(connection, order.workspace_id, now, failures=failures, not_before=now + wait)
    outbox.mail(
        connection,
        "topup_failed",
        key=f"topup_failed:{order.id}",
        workspace_id=order.workspace_id,
        params={"amount": _gross(order), "reason": code, "card": card, "retry_at": now + wait},
    )


def _needs_action(
    connection: Connection, order: Row[Any], charge: Row[Any] | None, code: str, now: datetime, link: str
) -> None:
    """The order waits for its owner: nothing more is charged by itself until it is paid or they turn it on again."""
    if not rows.move(connection, order.id, Event.OPEN, now, failure_code=code, expires_at=now + ACTION_WAITS):
        return
    mark(connection, order.id, now, state=ACTION, code=code, look_at=None)
    mine = update(auto_topup).where(auto_topup.c.workspace_id == order.workspace_id, auto_topup.c.state == State.ON)
    connection.execute(mine.values(state=State.NEEDS_ACTION, reason=code, changed_by=rows.SYSTEM, changed_at=now))
    outbox.mail(
        connection,
        "topup_needs_action",
        key=f"topup_needs_action:{order.id}",
        workspace_id=order.workspace_id,
        params={"amount": _gross(order), "link": link, "card": _card_text(connection, charge)},
    )


def _fail(connection: Connection, order: Row[Any], code: str, now: datetime, *, state: str) -> bool:
    """False when the order has moved on meanwhile, such as to paid."""
    if not rows.move(connection, order.id, Event.FAIL, now, failure_code=code, look_at=None):
        return False
    mark(connection, order.id, now, state=state, code=code, look_at=None)
    rows.tell(connection, order, events.TOPUP_FAILED, reason=code)
    return True


def _gross(order: Row[Any]) -> Fiat:
    return Fiat(order.gross_minor, order.currency)


def _card_text(connection: Connection, charge: Row[Any] | None) -> str:
    if charge is None:
        return ""
    card = connection.execute(select(saved_card).where(saved_card.c.id == charge.card_id)).one_or_none()
    return card_text(card.brand, card.last4) if card is not None else ""


def card_text(brand: str, last4: str) -> str:
    """`Visa 4242`."""
    return f"{brand.replace('_', ' ').title()} {last4}"
