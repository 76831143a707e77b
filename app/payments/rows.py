"""Moving an order and noting why: conditional updates, in whatever transaction the caller has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import events
from app.kernel.errors import Broken, NotFound
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.payments import tables
from app.payments.lifecycle import Event, sources, target

SYSTEM = "system"
LONGEST_REASON = 300


def find(connection: Connection, order_id: str) -> Row[Any]:
    """The order; `NotFound` "order_not_found"."""
    row = peek(connection, order_id)
    if row is None:
        raise no_order(order_id)
    return row


def peek(connection: Connection, order_id: str) -> Row[Any] | None:
    return connection.execute(select(tables.payment_order).where(tables.payment_order.c.id == order_id)).one_or_none()


def no_order(order_id: str) -> NotFound:
    return NotFound(f"There is no order {order_id[:64]}.", code="order_not_found")


def move(
    connection: Connection, order_id: str, event: Event, now: datetime, *, actor: str = SYSTEM, **values: Any
) -> bool:
    """Take one step of the life of an order and log it; False when the table of transitions has no such step now.

    `values` are written with it. An order that waits for nothing any more is no longer looked at.
    """
    orders = tables.payment_order
    allowed = orders.c.state.in_([str(state) for state in sources(event)])
    step = update(orders).where(orders.c.id == order_id, allowed)
    if connection.execute(step.values(state=str(target(event)), updated_at=now, **values)).rowcount != 1:
        return False
    kept = {name: value for name, value in values.items() if name in _LOGGED and value is not None}
    note(connection, order_id, str(event), now, actor=actor, **kept)
    return True


_LOGGED = frozenset({"payment_id", "invoice_number", "failure_code", "failure_message", "customer_id"})


def change(connection: Connection, order_id: str, now: datetime, **values: Any) -> None:
    """Write facts about an order that are not a step of its life."""
    orders = tables.payment_order
    connection.execute(update(orders).where(orders.c.id == order_id).values(updated_at=now, **values))


def note(
    connection: Connection, order_id: str, kind: str, now: datetime, *, actor: str = SYSTEM, **detail: Any
) -> None:
    """Add a line to the order's log. `detail` is plain JSON."""
    row = {"id": new_id("evt"), "order_id": order_id, "kind": kind, "actor": actor, "created_at": now}
    connection.execute(insert(tables.order_event).values(**row, detail=_plain(detail)))


def insert_once(connection: Connection, table: Any, row: Mapping[str, Any], *unique: str) -> bool:
    """Insert unless a row with the same `unique` columns is there; whether it was inserted.

    Two who insert the same at once may meet at any unique index of the table, and PostgreSQL forgives only those it is
    told of: so it is told of all, and a row that stands in the way for another reason is said to.
    """
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = made(table).values(dict(row)).on_conflict_do_nothing()
    if connection.execute(statement.returning(table.c[unique[0]])).first() is not None:
        return True
    same = (table.c[name] == row[name] for name in unique)
    if connection.execute(select(table.c[unique[0]]).where(*same)).first() is None:
        raise Broken(f"A row of {table.name} stands in the way of another: {[row[name] for name in unique]}.")
    return False


def tell(connection: Connection, order: Row[Any], type_: str, *, reason: str | None = None, attempt: str = "") -> None:
    """The event of a top-up that was paid, or of an `attempt` to pay it that failed for this `reason`."""
    data = {
        "object": "topup",
        "order": order.id,
        "reference": order.reference,
        "kind": order.kind,
        "credits": Money(order.credits_micros),
        "bonus_credits": Money(order.bonus_micros),
        "amount": Fiat(order.gross_minor, order.currency),
        "invoice": order.invoice_number,
        "reason": reason,
    }
    events.tell(connection, order.workspace_id, type_, data, key=f"{type_}:{order.id}:{attempt}")


def _plain(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[:LONGEST_REASON] if isinstance(value, str) else value for name, value in detail.items()}
