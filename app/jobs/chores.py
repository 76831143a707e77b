"""Chores: what has to be done again and again, by one process at a time, whoever that is.

A chore is a name, a period and a coroutine that is safe to run at any moment, twice, or halfway. Each is tended by its
own task in one thread with its own event loop, so a slow one delays nobody. `wake` asks for a turn now.
"""

import asyncio
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from app.jobs.ending import LAST_SECONDS, Until
from app.jobs.leases import LEASE, Leases, Turn
from app.kernel import clock
from app.kernel.clock import Clock, as_utc
from app.kernel.db import Database
from app.kernel.errors import Broken

#: A chore at least this rare gives its lease back after every turn; a frequent one keeps it and writes nothing.
RARE = timedelta(seconds=60)
#: How soon a failed turn is tried again at the latest, the first time.
RETRY = timedelta(seconds=60)
#: How often a process looks at a chore that another one has.
GLANCE = timedelta(seconds=2)
TICK_SECONDS = 0.25
SHORTEST_NAP_SECONDS, LONGEST_NAP_SECONDS = 0.05, 5.0

log = logging.getLogger("farebox.chores")


@dataclass(frozen=True, slots=True)
class Chore:
    """`run` every so many seconds; with `daily_at` (UTC) once a day at that time instead."""

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[object]]
    daily_at: time | None = None

    @property
    def period(self) -> timedelta:
        return timedelta(days=1) if self.daily_at else timedelta(seconds=self.every_seconds)

    def next_after(self, moment: datetime) -> datetime:
        """The next turn after one that began then."""
        if self.daily_at is None:
            return moment + self.period
        today = datetime.combine(as_utc(moment).date(), self.daily_at, moment.tzinfo)
        return today if today > moment else today + timedelta(days=1)


@dataclass(slots=True)
class _Tended:
    """One chore and what this process knows about it."""

    chore: Chore
    due_at: datetime
    lease_until: datetime | None = None
    finished_at: datetime | None = None
    failures: int = 0
    woken: bool = False
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_rare(self) -> bool:
        return self.chore.period >= RARE

    def is_due(self, now: datetime) -> bool:
        """Its time has come, or the clock was put back."""
        return self.woken or now >= self.due_at or self.due_at > now + max(self.chore.period, RETRY)


class Chores:
    """The chores of this process. `start` tends them in a thread; a test calls `run_due` instead."""

    def __init__(self, db: Database, chores: Iterable[Chore], *, now: Clock = clock.now, owner: str = "") -> None:
        self._now = now
        self._leases = Leases(db, f"{owner}:{secrets.token_hex(4)}")
        self._tended = {chore.name: _Tended(chore, now()) for chore in chores}
        self._registered = False
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Tend the chores until `stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._tend_all()), name="chores", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Begin no turn any more."""
        self._stopping.set()
        for name in self._tended:
            self._ring(name)

    def stop(self, until: Until | None = None) -> None:
        """Let running turns end (for a while), then give the leases back."""
        self.end()
        if self._thread is not None:
            self._thread.join((until or Until()).left)
            self._thread = None
        if self._registered:
            self._leases.let_go()

    def wake(self, name: str) -> None:
        """Do this one soon, whatever its period says. Callable from any thread; costs nothing and may be lost."""
        self._tended[name].woken = True
        self._ring(name)

    async def run_due(self) -> list[str]:
        """One turn of each chore that is due, one after the other; answers the names of those that had one."""
        self._register()
        return [tended.chore.name for tended in self._tended.values() if await self._turn_if_due(tended)]

    def turns(self) -> list[Turn]:
        """How every chore stands, also those of other processes."""
        return self._leases.all()

    def _ring(self, name: str) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has just ended: nobody is left to hear it
                loop.call_soon_threadsafe(self._tended[name].bell.set)

    def _register(self) -> None:
        if self._registered:
            return
        now = self._now()
        first = {name: one.chore.next_after(now) if one.chore.daily_at else now for name, one in self._tended.items()}
        self._leases.register(first.items())
        self._registered = True

    async def _tend_all(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._registered and not self._stopping.is_set():
            try:
                await asyncio.to_thread(self._register)
            except Exception:
                log.exception("the chores could not be registered; trying again")
                await asyncio.sleep(TICK_SECONDS * 4)
        tasks = [asyncio.create_task(self._tend(tended)) for tended in self._tended.values()]
        while not self._stopping.is_set():
            await asyncio.sleep(TICK_SECONDS)
        _, unfinished = await asyncio.wait(tasks, timeout=LAST_SECONDS) if tasks else (None, set())
        for task in unfinished:
            task.cancel()
        self._loop = None

    async def _tend(self, tended: _Tended) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(tended.bell.wait(), self._nap(tended))
            tended.bell.clear()
            if self._stopping.is_set():
                return
            try:
                await self._turn_if_due(tended)
            except Exception:
                log.exception("the lease of %s could not be read or written; trying again", tended.chore.name)
                tended.due_at = self._now() + GLANCE

    def _nap(self, tended: _Tended) -> float:
        """Seconds to sleep; never long, because clocks are put back."""
        return min(max((tended.due_at - self._now()).total_seconds(), SHORTEST_NAP_SECONDS), LONGEST_NAP_SECONDS)

    async def _turn_if_due(self, tended: _Tended) -> bool:
        now = self._now()
        if not tended.is_due(now):
            return False
        woken, tended.woken = tended.woken, False
        if not await asyncio.to_thread(self._take, tended, now, woken):
            return False
        error = await self._run(tended)
        await asyncio.to_thread(self._finish, tended, now, error)
        return True

    def _take(self, tended: _Tended, now: datetime, woken: bool) -> bool:
        if _fresh(tended.lease_until, now):
            return True
        name, period = tended.chore.name, None if woken or not tended.is_rare else tended.chore.period
        known = self._leases.find(name)
        if known is None:
            raise Broken(f"The chore {name} has no row: somebody deleted it while Farebox was running.")
        if self._leases.is_free(known, now) and self._leases.take(
            name, now, period=period, finished_at=tended.finished_at
        ):
            tended.lease_until, tended.failures = now + LEASE, known.failures
            return True
        # Somebody else has it, or had it: look again when that may have changed.
        tended.lease_until, tended.due_at = None, min(max(known.next_at, now + GLANCE), now + LEASE)
        return False

    async def _run(self, tended: _Tended) -> str | None:
        """The turn itself; what went wrong with it, if anything."""
        renewing = asyncio.create_task(self._renew(tended))
        try:
            await tended.chore.run()
        except Exception as error:
            log.exception("the chore %s failed; it is tried again", tended.chore.name)
            return f"{type(error).__name__}: {error}"
        finally:
            renewing.cancel()
        return None

    async def _renew(self, tended: _Tended) -> None:
        """Keep the lease while a long turn lasts."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            now = self._now()
            try:
                await asyncio.to_thread(self._leases.renew, tended.chore.name, now)
                tended.lease_until = now + LEASE
            except Exception:
                log.exception("the lease of %s could not be renewed", tended.chore.name)

    def _finish(self, tended: _Tended, began: datetime, error: str | None) -> None:
        now = self._now()
        failures = tended.failures + 1 if error else 0
        went_well_again = not failures and not tended.failures
        tended.failures, tended.finished_at = failures, now
        tended.due_at = now + _patience(tended.chore, failures) if failures else tended.chore.next_after(began)
        if went_well_again and not tended.is_rare and _fresh(tended.lease_until, now):
            return  # a frequent chore that goes well writes a few times a minute, not at every turn
        tended.lease_until = None
        self._leases.finish(tended.chore.name, now, next_at=tended.due_at, failures=failures, error=error)


def _patience(chore: Chore, failures: int) -> timedelta:
    """How long to wait after this many failures in a row: at first a minute at most, then twice as long each time."""
    shortest, longest = min(chore.period, RETRY), max(chore.period, RETRY)
    return min(shortest * (1 << min(failures - 1, 12)), longest)


def _fresh(lease_until: datetime | None, now: datetime) -> bool:
    """Whether we have the lease and need not renew it yet."""
    return lease_until is not None and now < lease_until - LEASE / 2
