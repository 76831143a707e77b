"""Subscriptions whose payment failed: days of grace with a warning, then the subscription rests until it is paid.

While it rests its plan promises nothing: who has another plan goes on with that one, who has none is refused. A payment
that is merely missing changes nothing here, because not everybody reports payments; and whoever pays afterwards is
dunned as a whole (`postpaid.py`). Each step is taken once for an invoice, so an operator may resume it before.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from app.billing import closing, invoices, joining, payments, postpaid, subscriptions, tables
from app.billing.lifecycle import State
from app.kernel import outbox

WARNED_AFTER: Final = timedelta(days=7)
RESTS_AFTER: Final = timedelta(days=14)
#: Why a subscription rests: the reason of its pause, and who paused it.
UNPAID: Final = "A payment failed."
ACTOR: Final = "farebox"
#: Under this name an invoice keeps what was done about it.
STEP: Final = "unpaid"
WARNED, RESTS, RESUMED = "warned", "rests", "resumed"
LETTERS: Final = {WARNED: "dunning_3", RESTS: "dunning_4"}
_INVOICE, _PAUSE, _SUB = tables.billing_invoice, tables.subscription_pause, tables.subscription
#: Nobody else's pause is ended here, whatever its reason says.
_OURS: Final = (_PAUSE.c.reason == UNPAID) & (_PAUSE.c.created_by == ACTOR)


def due(connection: Connection) -> list[str]:
    """Subscriptions to look at: of an invoice whose payment failed, or resting because of one."""
    c = _INVOICE.c
    failed = select(c.subscription_id).where(
        c.subscription_id.is_not(None),
        c.state == invoices.FINALIZED,
        c.payment_state == invoices.FAILED,
        c.total > c.paid + c.adjusted,
        c.workspace_id.not_in(select(postpaid.POSTPAID.c.workspace_id)),
    )
    rests = select(_PAUSE.c.subscription_id).where(_PAUSE.c.resumed_at.is_(None), _OURS)
    found = {*connection.execute(failed).scalars(), *connection.execute(rests).scalars()}
    return sorted(str(each) for each in found)


def look(connection: Connection, subscription_id: str, now: datetime) -> str | None:
    """Warn, let it rest or let it go on; what was done, None for nothing."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    unpaid = _unpaid(connection, subscription_id)
    if not any(each.computed.get(STEP) == RESTS for each in unpaid) and _rests(connection, row):
        joining.resume(connection, row.id, actor=ACTOR, now=now)
        return RESUMED
    invoice = next((each for each in unpaid if each.payment_state == invoices.FAILED), None)
    if invoice is None:
        return None
    waited = now - _failed_at(connection, invoice)
    done = invoice.computed.get(STEP)
    if waited >= RESTS_AFTER and done != RESTS and row.state == State.ACTIVE:
        closing.pause(connection, row.id, reason=UNPAID, meta={"invoice_id": invoice.id}, actor=ACTOR, now=now)
        return _did(connection, invoice, RESTS, now, told=not _has_another(connection, row))
    if waited >= WARNED_AFTER and done is None:
        return _did(connection, invoice, WARNED, now)
    return None


def _rests(connection: Connection, row: Row[Any]) -> bool:
    """Whether it is paused because of a payment."""
    mine = (_PAUSE.c.subscription_id == row.id) & _PAUSE.c.resumed_at.is_(None) & _OURS
    return row.state == State.PAUSED and connection.execute(select(_PAUSE.c.id).where(mine)).first() is not None


def _unpaid(connection: Connection, subscription_id: str) -> list[Row[Any]]:
    """Its invoices that are still to be paid, oldest first; not those that nobody will pay."""
    c = _INVOICE.c
    query = select(_INVOICE).where(
        c.subscription_id == subscription_id, c.state == invoices.FINALIZED, c.total > c.paid + c.adjusted
    )
    rows = connection.execute(query.order_by(c.due_at, c.id)).all()
    return [row for row in rows if not row.computed.get(postpaid.WRITTEN_OFF)]


def _failed_at(connection: Connection, invoice: Row[Any]) -> datetime:
    """From when grace counts: the first payment that failed, and not before the invoice was due."""
    c = tables.billing_payment.c
    first = select(func.min(c.failed_at)).where(c.invoice_id == invoice.id, c.state == payments.FAILED)
    failed: datetime = connection.execute(first).scalar() or invoice.updated_at
    return max(failed, invoice.due_at or failed)


def _has_another(connection: Connection, row: Row[Any]) -> bool:
    live = (State.ACTIVE, State.TRIALING)
    other = (_SUB.c.workspace_id == row.workspace_id) & (_SUB.c.id != row.id) & _SUB.c.state.in_(live)
    return connection.execute(select(_SUB.c.id).where(other)).first() is not None


def _did(connection: Connection, invoice: Row[Any], step: str, now: datetime, *, told: bool = True) -> str:
    """Remember that it was done about this invoice, and mail the owners."""
    locked = invoices.find(connection, invoice.id, lock=True)
    invoices.change(connection, locked, now, computed={**locked.computed, STEP: step})
    if told:
        outbox.mail(
            connection,
            LETTERS[step],
            key=f"dunning:{invoice.id}:{step}",
            params={
                "number": invoice.number,
                "amount": invoices.remaining(locked),
                "due_on": (invoice.due_at or invoice.finalized_at).date(),
            },
            workspace_id=invoice.workspace_id,
        )
    return step
