"""The breaker by a clock that is turned by hand, and how processes share what they know."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select

from app.generation.breaker import (
    FIRST_WAIT,
    LONGEST_WAIT,
    STREAK,
    Breaker,
    Vital,
    after_bad,
    after_check,
    after_fatal,
    after_good,
)
from app.generation.health import HEALTH, Health
from app.kernel.db import Database
from tests.generation.test_routing import route

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
A, SISTER, B = route("rte_a", "fal"), route("rte_s", "fal"), route("rte_b", "kie")


class Hand:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def failing(times: int, vital: Vital | None = None, at: datetime = START) -> Vital:
    vital = vital or Vital(START)
    for _ in range(times):
        vital = after_bad(vital, at, "busy")
    return vital


def test_failures_in_a_row_open_it_and_a_success_in_between_does_not() -> None:
    assert failing(STREAK - 1).breaker(START) is Breaker.CLOSED
    assert failing(STREAK).breaker(START) is Breaker.OPEN
    mended = failing(STREAK - 1, after_good(failing(STREAK - 1), START, 9))
    assert mended.breaker(START) is Breaker.CLOSED


def test_half_of_a_window_opens_it() -> None:
    vital = Vital(START)
    for _ in range(5):
        vital = after_good(after_bad(vital, START, "busy"), START)
    assert vital.breaker(START) is Breaker.CLOSED
    assert after_bad(vital, START, "busy").breaker(START) is Breaker.OPEN
    a_minute_later = START + timedelta(seconds=60)
    assert after_bad(vital, a_minute_later, "busy").breaker(a_minute_later) is Breaker.CLOSED


def test_it_lets_one_through_after_its_wait_and_waits_twice_as_long_after_each_failure() -> None:
    vital, now, waits = failing(STREAK), START, []
    for _ in range(7):
        assert vital.retry_at is not None
        waits.append(vital.retry_at - now)
        assert vital.breaker(vital.retry_at - SECOND) is Breaker.OPEN
        now = vital.retry_at
        assert vital.breaker(now) is Breaker.HALF_OPEN
        vital = after_bad(vital, now, "busy")
    assert waits == [min(FIRST_WAIT * 2**turn, LONGEST_WAIT) for turn in range(7)]
    assert vital.opened_at == START
    healed = after_good(vital, now)
    assert (healed.breaker(now), healed.openings) == (Breaker.CLOSED, 0)


def test_late_failures_of_an_open_breaker_do_not_prolong_it() -> None:
    vital = failing(STREAK)
    assert failing(20, vital, START + SECOND) == vital


def test_one_answer_about_our_account_is_enough() -> None:
    assert after_fatal(Vital(START), START, "key refused").breaker(START) is Breaker.OPEN


def test_an_active_probe_opens_and_keeps_open_and_never_closes() -> None:
    once = after_check(Vital(START), START, "no answer")
    assert once.breaker(START) is Breaker.CLOSED
    twice = after_check(once, START + SECOND, "no answer")
    assert twice.breaker(START + SECOND) is Breaker.OPEN
    due = START + SECOND + FIRST_WAIT
    assert after_check(twice, due, "no answer").breaker(due) is Breaker.OPEN
    assert after_check(twice, due, None).breaker(due) is Breaker.HALF_OPEN


# ── Shared ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def done(*each: Awaitable[None]) -> None:
    async def run() -> None:
        for one in each:
            await one

    asyncio.run(run())


def breaker(health: Health, one: object = A) -> Breaker:
    return health.of([one])[one.route_id].breaker  # type: ignore[attr-defined, list-item]


def test_another_process_hears_of_it_within_a_second(database: Database) -> None:
    clock = Hand()
    here, there = Health(database, clock), Health(database, clock)
    assert breaker(there) is Breaker.CLOSED

    done(*(here.bad(A, "busy") for _ in range(STREAK)))

    assert (breaker(here), breaker(there)) == (Breaker.OPEN, Breaker.CLOSED)
    clock.wait(1)
    assert (breaker(there), breaker(there, B)) == (Breaker.OPEN, Breaker.CLOSED)
    assert there.of([A])["rte_a"].because == "busy"


def test_two_processes_count_together(database: Database) -> None:
    clock = Hand()
    here, there = Health(database, clock), Health(database, clock)
    for turn in range(STREAK):
        done((here, there)[turn % 2].bad(A, "busy"))
        clock.wait(1)
    assert (breaker(here), breaker(there)) == (Breaker.OPEN, Breaker.OPEN)


def test_only_one_request_of_all_processes_tries_a_half_open_route(database: Database) -> None:
    clock = Hand()
    both = [Health(database, clock), Health(database, clock)]
    done(*(both[0].bad(A, "busy") for _ in range(STREAK)))
    clock.wait(FIRST_WAIT.total_seconds())

    async def all_at_once() -> list[bool]:
        return await asyncio.gather(*(health.may_try(A) for health in both for _ in range(8)))

    assert sum(asyncio.run(all_at_once())) == 1
    done(both[0].accepted(A))
    clock.wait(1)
    assert [breaker(health) for health in both] == [Breaker.CLOSED, Breaker.CLOSED]
    assert sum(asyncio.run(all_at_once())) == 16


def test_a_refused_key_closes_every_route_of_that_provider(database: Database) -> None:
    health = Health(database, Hand())
    done(health.provider_down("fal", "key refused"))
    assert [breaker(health, one) for one in (A, SISTER, B)] == [Breaker.OPEN, Breaker.OPEN, Breaker.CLOSED]


def test_what_goes_well_writes_nothing(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    clock, said = Hand(), []
    health = Health(database, clock)
    event.listen(database.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    for _ in range(3):
        done(*(health.good(A) for _ in range(500)), health.accepted(A))
        assert breaker(health) is Breaker.CLOSED
        clock.wait(1)
    assert not [statement for statement in said if not statement.lstrip().startswith(("SELECT", "BEGIN"))]
    # A minute's successes count against its failures: three in five hundred are no reason to stop.
    done(health.good(A), *(health.bad(A, "busy") for _ in range(STREAK - 1)))
    assert breaker(health) is Breaker.CLOSED
    database.dispose()


@pytest.mark.parametrize(("code", "rows"), [("content_policy_violation", 0), ("generation_failed", 1)])
def test_what_may_be_the_inputs_fault_says_nothing(sqlite_url: str, code: str, rows: int) -> None:
    database = Database(sqlite_url)
    done(Health(database, Hand()).failed(A, code, "no"))
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(HEALTH)).scalar_one() == rows
    database.dispose()
