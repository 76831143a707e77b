"""The mirror in one hand: a turn of sending, what stands how, a backfill, sending again, and both sides' amounts.

Nothing of Farebox waits for it: it reads what others wrote, calls the remote outside any transaction, and keeps what
came of that in tables of its own.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete
from sqlmodel import Session

from app.accounts.audit import record
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Broken, NotFound
from app.mirror import amounts, book, feeds, hooks, standing
from app.mirror.amounts import Amounts, Pair
from app.mirror.feeds import Feeds
from app.mirror.hooks import Hooks, Told
from app.mirror.remote import Refused, Remote, Unreachable
from app.mirror.standing import Standing
from app.mirror.tables import mirror_amount, mirror_feed, mirror_item, mirror_remote
from app.mirror.things import Things

#: Waiting time after a turn that could not reach the remote, and after the next ones; the last one repeats.
BACKOFF: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800))

#: What a message of the remote's is called beside the kinds of things.
HOOK: Final = "webhook"

log = logging.getLogger("farebox.mirror")


@dataclass(frozen=True, slots=True)
class Account:
    """Which remote, and what opens it."""

    url: str
    key: str
    secrets: tuple[str, ...] = ()  # of its webhooks


class Mirror:
    """`account` None is a house without one: it sends nothing and never loads the SDK."""

    def __init__(self, db: Database, now: Clock, account: Account | None) -> None:
        self._db, self._now, self._account = db, now, account
        self._remote = None if account is None else Remote(account.url, account.key)
        if self._remote is not None:
            self._things = Things(db, self._remote, now)
            self._feeds = Feeds(db, self._remote, now)
            self._amounts = Amounts(db, self._remote, now)
            self._hooks = Hooks(db, self._remote, self._amounts, now)

    @property
    def is_on(self) -> bool:
        return self._account is not None

    @property
    def url(self) -> str:
        """Where the remote is; empty without one."""
        return "" if self._account is None else self._account.url

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()

    # --- the chore

    async def run(self) -> int:
        """Send what is due, unless the remote could not be reached a moment ago; how many things were sent."""
        return await asyncio.to_thread(self.send)

    def send(self) -> int:
        """The same, in this thread."""
        return self._turn(lambda: self._things.run() + self._feeds.run() + self._feeds.again() + self._hooks.run())

    async def compare(self) -> int:
        """Ask the remote what things come to there; how many amounts it told."""
        return await asyncio.to_thread(self.ask_amounts)

    def ask_amounts(self) -> int:
        """The same, in this thread."""
        return self._turn(self._amounts.run) if self.is_on else 0

    async def forget(self) -> int:
        """Delete what the remote told us long ago."""
        return await asyncio.to_thread(self._forget)

    def _forget(self) -> int:
        with self._db.write() as connection:
            return hooks.forget(connection, self._now())

    # --- what the remote tells

    @property
    def takes_hooks(self) -> bool:
        """Whether there is a secret that webhooks could be signed with."""
        return self._account is not None and bool(self._account.secrets)

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Told:
        """A message of the remote's. `BadSignature`, or `InvalidInput` for one that says nothing."""
        return hooks.verify(body, headers, () if self._account is None else self._account.secrets, self._now())

    async def accept(self, told: Told) -> None:
        """Write it down; returns after the commit. One that is known changes nothing."""
        await asyncio.to_thread(self._accept, told)

    def _accept(self, told: Told) -> None:
        with self._db.write() as connection:
            hooks.accept(connection, told, self._now())

    def _turn(self, work: Callable[[], int]) -> int:
        if self._remote is None or not self._may_try():
            return 0
        heard = self._remote.answers
        try:
            done = work()
        except Unreachable as error:
            self._wait(error)
            return 0
        if self._remote.answers > heard:  # a turn with nothing to ask says nothing about the remote
            self._went_well()
        return done

    def _may_try(self) -> bool:
        if self._account is None:
            return False
        now = self._now()
        with self._db.read() as connection:
            known = book.remote(connection)
        if known is None:
            with self._db.write() as connection:
                book.begin(connection, self._account.url, now)
            return True
        if known.url != self._account.url:
            raise Broken(
                f"The mirror was at {known.url} and is now to be at {self._account.url}, where none of its ids are "
                "known. Set FLEXPRICE_URL back, or begin anew on the page Mirror."
            )
        return known.retry_at is None or known.retry_at <= now or known.retry_at > now + BACKOFF[-1]

    def _wait(self, error: Unreachable) -> None:
        now = self._now()
        with self._db.write() as connection:
            known = book.remote(connection)
            failures = 0 if known is None else int(known.failures)
            pause = BACKOFF[min(failures, len(BACKOFF) - 1)]
            book.unreachable(connection, error.message, now, now + pause)
        log.warning("the mirror cannot be reached: %s; again in %s", error.message, pause)

    def _went_well(self) -> None:
        """Once a minute is often enough to write that down when nothing was wrong."""
        now = self._now()
        with self._db.read() as connection:
            known = book.remote(connection)
        if known is None or (
            known.failures == 0 and known.reached_at and now - known.reached_at < timedelta(minutes=1)
        ):
            return
        with self._db.write() as connection:
            book.reached(connection, now)

    # --- what an operator asks for

    def backfill(self, since: datetime | None, actor: str) -> str:
        """Send usage that is in the log already, from a day on or all of it. `Conflict` while one is under way."""
        with self._db.write() as connection:
            name = feeds.backfill(connection, self._now(), actor, since)
            _note(connection, actor, "mirror.backfill", f"from {since:%Y-%m-%d}" if since else "all of it", self._now())
        return name

    def again(self, kind: str | None = None, our_id: str | None = None) -> int:
        """Send once more what was refused: everything, or this one of it; a message of theirs is looked into again."""
        now = self._now()
        with self._db.write() as connection:
            if kind == HOOK:
                hooks.again(connection, str(our_id), now)
                return 1
            return book.again(connection, now, kind, our_id)

    def pair_plan(self, our_id: str, remote_id: str, actor: str) -> None:
        """Say which plan there is this one of ours. `NotFound` when there is none of that id; asks the remote."""
        if self._remote is None or not self._remote.has_plan(remote_id):
            raise NotFound(f"There is no plan {remote_id[:100]} there.", code="remote_plan_not_found")
        now = self._now()
        with self._db.write() as connection:
            book.sent(connection, book.PLAN, our_id, remote_id, now)
            _note(connection, actor, "mirror.plan_paired", f"{our_id} is {remote_id}", now)

    def begin_anew(self, actor: str) -> None:
        """Forget every id and amount of the remote there was: the address is another one now."""
        now = self._now()
        with self._db.write() as connection:
            for table in (mirror_item, mirror_feed, mirror_amount, mirror_remote):
                connection.execute(delete(table))
            _note(connection, actor, "mirror.begun_anew", self.url, now)

    # --- how it stands

    @property
    def is_elsewhere(self) -> bool:
        """Whether the ids here are those of a remote at another address."""
        with self._db.read() as connection:
            known = book.remote(connection)
        return known is not None and self.is_on and known.url != self.url

    def refused(self) -> list[Row[Any]]:
        """What was refused and is not tried again by itself, and what is tried again later."""
        with self._db.read() as connection:
            return [
                *standing.items(connection, book.FAILED),
                *standing.hooks_in(connection, book.FAILED),
                *(one for one in standing.items(connection, book.WAITING) if one.error),
            ]

    def standing(self) -> Standing:
        with self._db.read() as connection:
            return standing.read(connection)

    def remote_state(self, kind: str, our_id: str) -> str | None:
        """What the remote last said of a thing of ours."""
        with self._db.read() as connection:
            found = book.find(connection, kind, our_id)
        return None if found is None else found.remote_state

    def pairs(self) -> list[Pair]:
        """What things come to on both sides."""
        with self._db.read() as connection:
            return amounts.pairs(connection)

    def trouble(self) -> str | None:
        """What keeps the remote from being used now, asked of itself; None when nothing does."""
        if self._remote is None:
            return "is off"
        try:
            self._remote.ask()
        except (Unreachable, Refused) as error:
            return f"cannot be used ({error.message})"
        return None


def _note(connection: Connection, actor: str, action: str, detail: str, now: datetime) -> None:
    with Session(connection) as session:
        record(session, actor, action, "mirror", detail, at=now)
        session.flush()
