"""What customers may be told by webhook, written down in the transaction of its fact; a line each in `TYPES`.

    events.tell(connection, workspace_id, events.BALANCE_LOW, {"available": …}, key=f"balance.low:{…}")

What concerns billing is announced to the operator's own systems, in the words that integrators know (`BILLING_TYPES`):

    events.announce(connection, "wallet.created", {"wallet": {…}}, key=f"wallet.created:{…}")

Where nobody listens nothing is written. Values are a `Money`, a `Fiat`, a moment, a day or plain JSON;
whoever sends the event writes them out. What travels with an operation of the ledger is made by `row`.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock
from app.kernel.db import Database
from app.kernel.ids import new_id
from app.kernel.outbox import WAITING, put
from app.kernel.plain import to_plain
from app.kernel.tables import outbox, webhook_listener

#: The outbox's topic of all of them.
TOPIC = "event"

GENERATION_STARTED = "generation.started"
GENERATION_COMPLETED = "generation.completed"
GENERATION_FAILED = "generation.failed"
GENERATION_CANCELED = "generation.canceled"
BALANCE_LOW = "balance.low"
TOPUP_SUCCEEDED = "topup.succeeded"
TOPUP_FAILED = "topup.failed"
INVOICE_ISSUED = "invoice.issued"
INVOICE_CREDITED = "invoice.credited"
BUDGET_REACHED = "budget.reached"
#: Sent when somebody asks for it on the page, to that endpoint alone.
TEST = "webhook.test"
TYPES = (
    GENERATION_STARTED,
    GENERATION_COMPLETED,
    GENERATION_FAILED,
    GENERATION_CANCELED,
    BALANCE_LOW,
    TOPUP_SUCCEEDED,
    TOPUP_FAILED,
    INVOICE_ISSUED,
    INVOICE_CREDITED,
    BUDGET_REACHED,
)
#: The outbox's topic of what is announced, and whose endpoints hear it: the house's.
BILLING, HOUSE = "billing", "house"
#: Only what is really sent somewhere: whoever chooses one waits for it.
BILLING_TYPES = tuple(
    f"{thing}.{what}"
    for thing, whats in {
        "customer": "created updated deleted",
        "feature": "created updated deleted",
        "entitlement": "created updated deleted",
        "subscription": "created draft.created activated paused resumed cancelled plan_changed",
        "invoice": (
            "create.drafted update.finalized update.payment update.voided payment.overdue communication.triggered"
        ),
        "payment": "created success failed",
        "wallet": (
            "created updated terminated transaction.created "
            "ongoing_balance.dropped ongoing_balance.recovered ongoing_balance.updated"
        ),
    }.items()
    for what in whats.split()
)
#: How old the knowledge of who listens may be. An endpoint made in another process is told of what happens from then.
FRESH_SECONDS = 2.0

#: For a `Companion` (`rows=1`): the operation it travels with happens once, and its key with it.
INSERT = insert(outbox)
_LISTENS = exists().where(webhook_listener.c.workspace_id == bindparam("b_workspace"))
_COLUMNS = [column for column in outbox.columns if column.name not in ("done_at", "error")]
_IF_HEARD = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(outbox)
    .from_select(
        [column.name for column in _COLUMNS],
        select(*(bindparam(f"b_{column.name}", type_=column.type) for column in _COLUMNS)).where(_LISTENS),
    )
    .on_conflict_do_nothing(index_elements=["key"])
    .returning(outbox.c.id)
    for dialect in (sqlite, postgresql)
}


def tell(connection: Connection, workspace_id: str, type_: str, data: Mapping[str, Any], *, key: str) -> bool:
    """Promise the event in the caller's transaction; False when nobody listens or the key was promised before."""
    values = {f"b_{name}": value for name, value in row(workspace_id, type_, data, key=key).items()}
    statement = _IF_HEARD[connection.dialect.name]
    return connection.execute(statement, {**values, "b_workspace": workspace_id}).first() is not None


def announce(connection: Connection, type_: str, data: Mapping[str, Any], *, key: str) -> bool:
    """Promise it to the house's endpoints; False when there are none, or when the key was promised before."""
    if type_ not in BILLING_TYPES:
        raise ValueError(f"unknown event {type_!r}: add it to BILLING_TYPES")
    heard = select(webhook_listener.c.workspace_id).where(webhook_listener.c.workspace_id == HOUSE)
    if connection.execute(heard).first() is None:
        return False
    payload = {"type": type_, "at": clock.now().isoformat(), "data": to_plain(_exact(data))}
    return put(connection, BILLING, payload, key=f"billing:{key}")


def _exact(value: Any) -> Any:
    """The same without floats, which nothing of ours keeps."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {str(name): _exact(item) for name, item in value.items()}
    return [_exact(item) for item in value] if isinstance(value, list | tuple) else value


def row(
    workspace_id: str,
    type_: str,
    data: Mapping[str, Any],
    *,
    key: str,
    url: str | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """The parameters of `INSERT`. `url` is one more address that this event goes to."""
    if type_ not in TYPES:
        raise ValueError(f"unknown event {type_!r}: add it to TYPES")
    at = now or clock.now()
    payload = {"workspace_id": workspace_id, "type": type_, "at": at.isoformat(), "data": to_plain(data), "url": url}
    return {
        "id": new_id("out"),
        "topic": TOPIC,
        "key": key,
        "payload": payload,
        "state": WAITING,
        "attempts": 0,
        "next_at": at,
        "created_at": at,
    }


class Listeners:
    """Which workspaces listen, known in memory: a generation nobody wants to hear of costs no statement."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: frozenset[str] = frozenset()
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def has(self, workspace_id: str) -> bool:
        """By what was read last; ask for `fresh` before."""
        return workspace_id in self._known

    async def fresh(self) -> None:
        """Read again if what is known has grown old; off the event loop, and mostly nothing at all."""
        if self._is_old():
            await asyncio.to_thread(self.read)

    def read(self) -> None:
        """Read who listens, unless somebody just did."""
        with self._lock:
            if self._is_old():
                began = time.monotonic()
                with self._db.read() as connection:
                    self._known = frozenset(connection.execute(select(webhook_listener.c.workspace_id)).scalars())
                self._read_at = began

    def forget(self) -> None:
        """Somebody of this process began or ceased to listen: what is known is old."""
        with self._lock:
            self._read_at = None

    def _is_old(self) -> bool:
        read_at = self._read_at
        return read_at is None or time.monotonic() - read_at >= FRESH_SECONDS
