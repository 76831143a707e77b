"""What must happen after a transaction, written down inside it: it happens if the transaction commits, else never.

`put` in the transaction that decides, under a key that can exist once. Whoever carries messages claims what is due,
hands each to the handler of its topic outside any transaction, and then says `done`, `again` or `give_up`. A message is
delivered at least once: a claim only hides it for a while, so a killed process loses nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Update, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock
from app.kernel.ids import new_id
from app.kernel.plain import to_plain
from app.kernel.tables import outbox

WAITING, DONE, FAILED = "waiting", "done", "failed"
MAIL = "mail"
#: Waiting time before the second, third, … delivery; the last one repeats.
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 4 * 60, 12 * 60, 24 * 60))
LONGEST_ERROR = 500


class Message(NamedTuple):
    """One promise: `attempts` counts the deliveries begun, this one included."""

    id: str
    topic: str
    key: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime


def put(
    connection: Connection, topic: str, payload: Mapping[str, Any], *, key: str, at: datetime | None = None
) -> bool:
    """Promise it in the caller's transaction; False when this key was promised before (and then nothing changes).

    `at` is the earliest moment of delivery, now when left out.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    made_at = clock.now()
    row = {
        "id": new_id("out"),
        "topic": topic,
        "key": key,
        "payload": dict(payload),
        "state": WAITING,
        "attempts": 0,
        "next_at": at or made_at,
        "created_at": made_at,
    }
    unless_known = insert(outbox).values(row).on_conflict_do_nothing(index_elements=["key"])
    return connection.execute(unless_known.returning(outbox.c.id)).first() is not None


def mail(
    connection: Connection,
    template: str,
    *,
    key: str,
    params: Mapping[str, Any],
    workspace_id: str | None = None,
    to: str | None = None,
    operators: bool = False,
    attachments: Sequence[Mapping[str, str]] = (),
    at: datetime | None = None,
) -> bool:
    """Promise a mail to exactly one audience: a workspace's owners, an address, or the operators.

    `params` are values, not words: a `Fiat`, a `Money`, a date (`app/notify/letters.py` says which a template needs).
    `attachments` name what is to be attached, such as `{"kind": "invoice", "id": "inv_…", "name": "FB-2026-1.pdf"}`.
    False when the key was promised before.
    """
    if sum((workspace_id is not None, to is not None, operators)) != 1:
        raise ValueError("a mail has one audience: workspace_id, to or operators")
    payload = {
        "template": template,
        "params": to_plain(params),
        "workspace_id": workspace_id,
        "to": to,
        "operators": operators,
        "attachments": [dict(attachment) for attachment in attachments],
    }
    return put(connection, MAIL, payload, key=key, at=at)


def is_due(connection: Connection, topics: Collection[str], now: datetime) -> bool:
    """Whether there is anything to claim: a cheap look before a write transaction."""
    return connection.execute(_due(topics, now).limit(1)).first() is not None


def claim(
    connection: Connection, topics: Collection[str], now: datetime, *, hide: timedelta, limit: int = 50
) -> list[Message]:
    """Take what is due, oldest first, and hide it from everyone else for `hide`. Commit before working on it."""
    due = _due(topics, now).order_by(outbox.c.next_at, outbox.c.id).limit(limit).with_for_update(skip_locked=True)
    ids = connection.execute(due).scalars().all()
    if not ids:
        return []
    connection.execute(
        update(outbox).where(outbox.c.id.in_(ids)).values(attempts=outbox.c.attempts + 1, next_at=now + hide)
    )
    columns = (getattr(outbox.c, name) for name in Message._fields)
    found = {row.id: Message._make(row) for row in connection.execute(select(*columns).where(outbox.c.id.in_(ids)))}
    return [found[message_id] for message_id in ids]


def done(connection: Connection, message_id: str, now: datetime) -> None:
    """It happened. May be called in the transaction that made it happen."""
    connection.execute(_of(message_id).values(state=DONE, done_at=now, error=None))


def again(connection: Connection, message: Message, now: datetime, error: str) -> datetime:
    """It did not happen yet: later, after the waiting time of this many attempts, which is answered."""
    at = now + backoff(message.attempts)
    connection.execute(_of(message.id).values(next_at=at, error=error[:LONGEST_ERROR]))
    return at


def give_up(connection: Connection, message_id: str, now: datetime, error: str) -> None:
    """It never will happen by itself; it stays for an operator to see."""
    connection.execute(_of(message_id).values(state=FAILED, done_at=now, error=error[:LONGEST_ERROR]))


def backoff(attempts: int) -> timedelta:
    """How long to wait after this many deliveries that failed."""
    return BACKOFF[min(max(attempts, 1), len(BACKOFF)) - 1]


def forget(connection: Connection, before: datetime) -> int:
    """Delete what was done before this moment; answers how many. What failed stays."""
    return connection.execute(delete(outbox).where(outbox.c.state == DONE, outbox.c.done_at < before)).rowcount


def _due(topics: Collection[str], now: datetime) -> Select[tuple[str]]:
    return select(outbox.c.id).where(outbox.c.state == WAITING, outbox.c.next_at <= now, outbox.c.topic.in_(topics))


def _of(message_id: str) -> Update:
    return update(outbox).where(outbox.c.id == message_id, outbox.c.state == WAITING)
