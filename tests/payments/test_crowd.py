"""What applies webhooks lets a crowd of them in first, and does not wait for ever."""

import asyncio

from app.payments.crowd import GONE_AFTER, LONGEST, MANY, Crowd


class Time:
    """A clock that only sleeping moves; `while_asleep` happens at every sleep."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.while_asleep = lambda: None

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.while_asleep()


def waited(time: Time, crowd: Crowd) -> float:
    before = time.now
    asyncio.run(crowd.let_in())
    return time.now - before


def test_nobody_waits_without_a_crowd() -> None:
    time = Time()
    crowd = Crowd(time.monotonic, time.sleep)
    assert waited(time, crowd) == 0
    crowd.seen(MANY - 1)
    assert waited(time, crowd) == 0


def test_a_crowd_is_waited_for_until_it_is_gone() -> None:
    time = Time()
    crowd = Crowd(time.monotonic, time.sleep)
    crowd.seen(MANY)
    assert GONE_AFTER <= waited(time, crowd) < LONGEST
    assert not crowd.here()


def test_a_crowd_that_stays_keeps_nobody_for_ever() -> None:
    time = Time()
    crowd = Crowd(time.monotonic, time.sleep)
    time.while_asleep = lambda: crowd.seen(MANY)
    crowd.seen(MANY)
    assert LONGEST <= waited(time, crowd) < 2 * LONGEST
