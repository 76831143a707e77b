"""Chores: on time, by one process at a time, and never twice without need. On both databases."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

import pytest
from sqlalchemy import event

from app.jobs.chores import Chore, Chores
from app.jobs.leases import LEASE
from app.kernel.db import Database

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PATIENCE_SECONDS = 60


class Watch:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def watch() -> Watch:
    return Watch()


class Count:
    """A chore that counts its turns, and fails when told to."""

    def __init__(self) -> None:
        self.turns, self.failing = 0, False

    async def __call__(self) -> None:
        self.turns += 1
        if self.failing:
            raise RuntimeError("no such luck")


def due(chores: Chores) -> list[str]:
    return asyncio.run(chores.run_due())


def test_a_chore_has_its_turn_every_period(database: Database, watch: Watch) -> None:
    count = Count()
    chores = Chores(database, [Chore("sweep", 600, count)], now=watch)
    assert (due(chores), due(chores)) == (["sweep"], [])
    watch.forward(seconds=599)
    assert due(chores) == []
    watch.forward(seconds=1)
    assert due(chores) == ["sweep"]
    assert count.turns == 2


@pytest.mark.one_engine
def test_a_daily_chore_waits_for_its_time_even_over_a_restart(database: Database, watch: Watch) -> None:
    def started() -> Chores:
        return Chores(database, [Chore("nightly", 0, Count(), daily_at=time_of_day(2, 30))], now=watch)

    assert due(started()) == []
    watch.now = datetime(2026, 11, 22, 2, 30, 1, tzinfo=UTC)
    assert due(started()) == ["nightly"]
    watch.now = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    assert due(started()) == []
    watch.now = datetime(2026, 11, 23, 2, 31, tzinfo=UTC)
    assert due(started()) == ["nightly"]


def test_two_processes_share_the_turns_of_a_rare_chore(database: Database, watch: Watch) -> None:
    count = Count()
    one, two = (Chores(database, [Chore("sweep", 600, count)], now=watch) for _ in range(2))
    for _ in range(3):
        due(one)
        due(two)
        watch.forward(seconds=600)
    assert count.turns == 3


def test_a_frequent_chore_stays_with_the_process_that_has_it(database: Database, watch: Watch) -> None:
    mine, theirs = Count(), Count()
    one = Chores(database, [Chore("deliver", 2, mine)], now=watch)
    two = Chores(database, [Chore("deliver", 2, theirs)], now=watch)
    for _ in range(60):
        due(one)
        due(two)
        watch.forward(seconds=2)
    assert (mine.turns, theirs.turns) == (60, 0)


@pytest.mark.one_engine
def test_a_frequent_chore_that_goes_well_hardly_writes(database: Database, watch: Watch) -> None:
    commits: list[object] = []
    chores = Chores(database, [Chore("deliver", 2, Count())], now=watch)
    due(chores)
    event.listen(database.engine, "commit", commits.append)
    for _ in range(60):
        watch.forward(seconds=2)
        due(chores)
    assert len(commits) <= 10


def test_when_a_process_dies_the_next_takes_over_once_its_lease_ran_out(database: Database, watch: Watch) -> None:
    died, heir = Count(), Count()
    due(Chores(database, [Chore("deliver", 2, died)], now=watch))
    two = Chores(database, [Chore("deliver", 2, heir)], now=watch)
    watch.forward(seconds=2)
    assert due(two) == []
    watch.forward(seconds=LEASE.total_seconds())
    assert due(two) == ["deliver"]
    assert (died.turns, heir.turns) == (1, 1)


def test_a_stopped_process_gives_its_chores_back(database: Database, watch: Watch) -> None:
    first = Chores(database, [Chore("deliver", 2, Count())], now=watch)
    due(first)
    first.stop()
    watch.forward(seconds=2)
    assert due(Chores(database, [Chore("deliver", 2, Count())], now=watch)) == ["deliver"]


@pytest.mark.one_engine
def test_a_woken_chore_does_not_wait_for_its_time(database: Database, watch: Watch) -> None:
    chores = Chores(database, [Chore("sweep", 600, Count()), Chore("inbox", 600, Count())], now=watch)
    due(chores)
    chores.wake("inbox")
    assert (due(chores), due(chores)) == (["inbox"], [])


@pytest.mark.one_engine
def test_a_failed_turn_is_told_and_tried_again_at_growing_intervals(database: Database, watch: Watch) -> None:
    count = Count()
    count.failing = True
    chores = Chores(database, [Chore("sweep", 600, count)], now=watch)
    due(chores)
    (turn,) = chores.turns()
    assert (turn.failures, turn.error, turn.next_at - watch.now) == (
        1,
        "RuntimeError: no such luck",
        timedelta(minutes=1),
    )
    watch.forward(minutes=1)
    due(chores)
    (turn,) = chores.turns()
    assert (turn.failures, turn.next_at - watch.now) == (2, timedelta(minutes=2))
    count.failing = False
    watch.forward(minutes=2)
    due(chores)
    (turn,) = chores.turns()
    assert (turn.failures, turn.error, turn.finished_at) == (0, None, watch.now)


@pytest.mark.one_engine
def test_a_chore_that_fails_does_not_hinder_the_others(database: Database, watch: Watch) -> None:
    bad, good = Count(), Count()
    bad.failing = True
    assert due(Chores(database, [Chore("bad", 2, bad), Chore("good", 2, good)], now=watch)) == ["bad", "good"]
    assert good.turns == 1


@pytest.mark.one_engine
@pytest.mark.parametrize("every", [2, 600])
def test_a_clock_that_was_put_back_stops_nothing(database: Database, watch: Watch, every: float) -> None:
    count = Count()
    chores = Chores(database, [Chore("sweep", every, count)], now=watch)
    due(chores)
    watch.forward(hours=-5)
    for _ in range(3):
        due(chores)
        watch.forward(seconds=every)
    assert count.turns == 4


def test_the_thread_does_the_work_and_wakes_at_once(database: Database) -> None:
    seen = threading.Semaphore(0)

    async def run() -> None:
        seen.release()

    chores = Chores(database, [Chore("inbox", 3600, run)])
    chores.start()
    try:
        assert seen.acquire(timeout=PATIENCE_SECONDS)
        chores.wake("inbox")
        assert seen.acquire(timeout=PATIENCE_SECONDS)
    finally:
        chores.stop()


@pytest.mark.one_engine
def test_a_slow_chore_delays_no_other(database: Database) -> None:
    seen, release = threading.Semaphore(0), threading.Event()

    async def slow() -> None:
        await asyncio.to_thread(release.wait, PATIENCE_SECONDS)

    async def quick() -> None:
        seen.release()

    chores = Chores(database, [Chore("slow", 1, slow), Chore("quick", 0.1, quick)])
    chores.start()
    try:
        for _ in range(3):
            assert seen.acquire(timeout=PATIENCE_SECONDS)
    finally:
        release.set()
        began = time.monotonic()
        chores.stop()
    assert time.monotonic() - began < PATIENCE_SECONDS
