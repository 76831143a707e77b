"""How the mirror stands, for pages, `doctor` and figures: what waits, what failed, how far usage was told."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, literal, select

from app.mirror import book, feeds
from app.mirror.tables import mirror_feed, mirror_hook, mirror_item

KINDS: Final = (book.CUSTOMER, book.PLAN, book.SUBSCRIPTION, book.EVENT)
SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Feed:
    """One reading of the log; `waiting` is at most how much is before it."""

    name: str
    state: str
    customer: str | None
    since: datetime | None
    sent: int
    refused: int
    waiting: int
    begun_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """`counts` by kind and state of the item; `hooks` by state of what the remote told us."""

    url: str
    failures: int = 0
    retry_at: datetime | None = None
    error: str | None = None
    failed_at: datetime | None = None
    reached_at: datetime | None = None
    begun_at: datetime | None = None
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    feeds: list[Feed] = field(default_factory=list)
    hooks: dict[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """What only an operator can send again."""
        return sum(number for (_, state), number in self.counts.items() if state == book.FAILED) + self.hooks.get(
            book.FAILED, 0
        )

    @property
    def backlog(self) -> int:
        """Events and things that wait to be sent."""
        things = sum(number for (_, state), number in self.counts.items() if state == book.WAITING)
        return things + sum(feed.waiting for feed in self.feeds if feed.state != feeds.DONE)


def read(connection: Connection) -> Standing:
    """As it is now."""
    remote = book.remote(connection)
    rows = connection.execute(select(mirror_feed).order_by(mirror_feed.c.begun_at.desc()).limit(SHOWN)).all()
    hooks = connection.execute(select(mirror_hook.c.state, func.count()).group_by(mirror_hook.c.state)).all()
    found = Standing("") if remote is None else _of(remote)
    found.counts.update(book.counts(connection))
    found.feeds.extend(_feed(connection, row) for row in rows)
    found.hooks.update({str(state): int(number) for state, number in hooks})
    return found


def items(connection: Connection, state: str, limit: int = SHOWN) -> list[Row[Any]]:
    """Things in a state, those that were tried last first."""
    query = select(mirror_item).where(mirror_item.c.state == state)
    return list(connection.execute(query.order_by(mirror_item.c.next_at.desc(), mirror_item.c.our_id).limit(limit)))


def hooks_in(connection: Connection, state: str, limit: int = SHOWN) -> list[Row[Any]]:
    """What the remote told us, as `items` are listed."""
    c = mirror_hook.c
    query = select(
        literal("webhook").label("kind"),
        c.message_id.label("our_id"),
        c.type.label("remote_id"),
        c.state,
        c.attempts,
        c.next_at,
        c.outcome.label("error"),
        c.received_at.label("created_at"),
    ).where(c.state == state)
    return list(connection.execute(query.order_by(c.received_at.desc()).limit(limit)))


def _of(remote: Row[Any]) -> Standing:
    return Standing(
        remote.url,
        remote.failures,
        remote.retry_at,
        remote.error,
        remote.failed_at,
        remote.reached_at,
        remote.begun_at,
    )


def _feed(connection: Connection, row: Row[Any]) -> Feed:
    waiting = 0 if row.state == feeds.DONE else feeds.waiting(connection, row)
    return Feed(
        row.name,
        row.state,
        row.customer,
        row.since,
        row.sent,
        row.refused,
        waiting,
        row.begun_at,
        row.done_at,
    )
