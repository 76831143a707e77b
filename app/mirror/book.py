"""The mirror's outbox: for each thing whether it stands at the remote, under which id, and what went wrong."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import outbox
from app.kernel.errors import NotFound
from app.mirror.tables import mirror_item, mirror_remote

CUSTOMER, PLAN, SUBSCRIPTION, EVENT = "customer", "plan", "subscription", "event"
WAITING, SENT, FAILED = "waiting", "sent", "failed"
#: So often a refusal is tried again, later and later; then it is for the operator.
GIVES_UP: Final = 5
LONGEST_ERROR: Final = 500
REMOTE: Final = "remote"
ITEM = mirror_item.c


def find(connection: Connection, kind: str, our_id: str) -> Row[Any] | None:
    return connection.execute(select(mirror_item).where(ITEM.kind == kind, ITEM.our_id == our_id)).first()


def sent(
    connection: Connection,
    kind: str,
    our_id: str,
    remote_id: str | None,
    now: datetime,
    *,
    remote_state: str | None = None,
    seen_at: datetime | None = None,
    seen_version: int | None = None,
) -> None:
    """It stands there as we said it at that version."""
    values = {
        "remote_id": remote_id, "state": SENT, "attempts": 0, "next_at": now, "error": None, "sent_at": now,
        "remote_state": remote_state, "seen_at": seen_at, "seen_version": seen_version,
    }  # fmt: skip
    _put(connection, kind, our_id, values, now)


def refused(
    connection: Connection,
    kind: str,
    our_id: str,
    error: str,
    now: datetime,
    *,
    seen_at: datetime | None = None,
    seen_version: int | None = None,
    for_good: bool = False,
) -> str:
    """The remote does not take it: again later, and after a few times only when somebody asks. Answers its state."""
    known = find(connection, kind, our_id)
    attempts = (0 if known is None or known.state == SENT else known.attempts) + 1
    state = FAILED if for_good or attempts >= GIVES_UP else WAITING
    values = {
        "state": state, "attempts": attempts, "next_at": now + outbox.backoff(attempts), "error": error[:LONGEST_ERROR],
        "seen_at": seen_at, "seen_version": seen_version,
    }  # fmt: skip
    _put(connection, kind, our_id, values, now)
    return state


def again(connection: Connection, now: datetime, kind: str | None = None, our_id: str | None = None) -> int:
    """Try what failed (or this one of it, also while it waits) once more, now; how many those were. `NotFound` when
    the one that was named is not there."""
    query = update(mirror_item).values(state=WAITING, attempts=0, next_at=now)
    if kind is None:
        return connection.execute(query.where(ITEM.state == FAILED)).rowcount
    changed = connection.execute(query.where(ITEM.kind == kind, ITEM.our_id == our_id, ITEM.state != SENT)).rowcount
    if not changed:
        raise NotFound("There is nothing like that to send again.", code="mirror_item_not_found")
    return changed


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many there are by kind and state."""
    query = select(ITEM.kind, ITEM.state, func.count()).group_by(ITEM.kind, ITEM.state)
    return {(str(kind), str(state)): int(number) for kind, state, number in connection.execute(query)}


def _put(connection: Connection, kind: str, our_id: str, values: dict[str, Any], now: datetime) -> None:
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    new = made(mirror_item).values(kind=kind, our_id=our_id, created_at=now, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["kind", "our_id"], set_=values))


# --- the remote itself


def remote(connection: Connection) -> Row[Any] | None:
    return connection.execute(select(mirror_remote).where(mirror_remote.c.name == REMOTE)).first()


def begin(connection: Connection, url: str, now: datetime) -> None:
    """Remember which remote the ids are of."""
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = made(mirror_remote).values(name=REMOTE, url=url, failures=0, begun_at=now)
    connection.execute(row.on_conflict_do_nothing(index_elements=["name"]))


def reached(connection: Connection, now: datetime) -> None:
    _remote(connection, failures=0, retry_at=None, error=None, reached_at=now)


def unreachable(connection: Connection, error: str, now: datetime, retry_at: datetime) -> None:
    failures = mirror_remote.c.failures + 1
    _remote(connection, failures=failures, retry_at=retry_at, error=error[:LONGEST_ERROR], failed_at=now)


def _remote(connection: Connection, **values: Any) -> None:
    connection.execute(update(mirror_remote).where(mirror_remote.c.name == REMOTE).values(**values))
