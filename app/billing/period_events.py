"""What is announced of subscriptions, invoices and payments, in the transaction in which it happens."""

from typing import Any, Final

from sqlalchemy import Connection, Row

from app.kernel import events
from app.kernel.fiat import Fiat

#: By the state that a subscription came to; back from a pause it is resumed.
OF_STATE: Final = {
    "active": "subscription.activated",
    "paused": "subscription.paused",
    "cancelled": "subscription.cancelled",
}
OF_INVOICE: Final = {"FINALIZED": "invoice.update.finalized", "VOIDED": "invoice.update.voided"}
#: Asked for by hand: whoever writes to the customer hears of the invoice once more.
COMMUNICATION: Final = "invoice.communication.triggered"


def subscription(connection: Connection, type_: str, row: Row[Any]) -> None:
    """A subscription as it stands; `row` is the newest version."""
    said = {
        "id": row.id,
        "customer_id": row.customer_id,
        "plan_id": row.plan_id,
        "subscription_status": row.state,
        "current_period_start": row.period_start,
        "current_period_end": row.period_end,
        "cancel_at": row.cancel_at,
    }
    events.announce(connection, type_, {"subscription": said}, key=f"{type_}:{row.id}:{row.version}")


def changed(connection: Connection, before: Row[Any], after: Row[Any]) -> None:
    """What a change of a subscription means to who listens."""
    if before.state != after.state and after.state in OF_STATE:
        resumed = (before.state, after.state) == ("paused", "active")
        subscription(connection, "subscription.resumed" if resumed else OF_STATE[after.state], after)
    if before.plan_id != after.plan_id:
        subscription(connection, "subscription.plan_changed", after)


def invoice(connection: Connection, before: Row[Any], after: Row[Any]) -> None:
    """An invoice that was finalised, voided or paid."""
    types = [OF_INVOICE[after.state]] if before.state != after.state and after.state in OF_INVOICE else []
    if before.payment_state != after.payment_state and before.state == after.state:
        types.append("invoice.update.payment")
    for type_ in types:
        invoice_is(connection, type_, after, key=f"{type_}:{after.id}:{after.version}")


def invoice_is(connection: Connection, type_: str, after: Row[Any], *, key: str) -> None:
    """An invoice as it stands."""
    said = {
        "id": after.id,
        "invoice_number": after.number,
        "customer_id": after.customer_id,
        "subscription_id": after.subscription_id,
        "invoice_status": after.state,
        "payment_status": after.payment_state,
        "total": Fiat(after.total, after.currency),
        "due_date": after.due_at,
    }
    events.announce(connection, type_, {"invoice": said}, key=key)


def payment(connection: Connection, type_: str, row: Row[Any]) -> None:
    """A payment that is to come, that came, or did not."""
    said = {"id": row.id, "invoice_id": row.invoice_id, "amount": Fiat(row.amount, row.currency), "status": row.state}
    events.announce(connection, type_, {"payment": said}, key=f"{type_}:{row.id}")
