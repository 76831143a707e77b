"""Requests and tokens a minute: in this process, shared through Redis, and when Redis is away."""

import asyncio
import multiprocessing
from typing import Literal
from uuid import uuid4

import pytest

from app.generation.rate import Rate, RateHeaders, Refusal, in_words
from app.generation.rates import Rates


class Time:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def rate(
    allowed: int,
    amount: int = 1,
    *,
    kind: Literal["requests", "tokens"] = "requests",
    scope: Literal["key", "model", "workspace"] = "key",
    subject: str = "key_1",
) -> Rate:
    return Rate(kind, scope, subject, allowed, amount)


def take(rates: Rates, *wanted: Rate) -> RateHeaders | Refusal:
    return asyncio.run(rates.take(wanted))


def granted(rates: Rates, times: int, *wanted: Rate) -> int:
    async def all_of_them() -> int:
        try:
            return sum([isinstance(await rates.take(wanted), RateHeaders) for _ in range(times)])
        finally:
            await rates.close()

    return asyncio.run(all_of_them())


def test_a_window_moves() -> None:
    now = Time()
    rates = Rates(clock=now)

    assert granted(rates, 2, rate(3)) == 2
    now.seconds += 40
    assert granted(rates, 5, rate(3)) == 1
    refused = take(rates, rate(3))
    assert isinstance(refused, Refusal)
    assert refused.retry_after_seconds == 20  # when the first two are a minute old
    now.seconds += 20
    assert granted(rates, 5, rate(3)) == 2


def test_tokens_are_amounts() -> None:
    now = Time()
    rates = Rates(clock=now)
    big = rate(1_000, 600, kind="tokens")

    assert granted(rates, 3, big) == 1
    now.seconds += 30
    assert granted(rates, 1, rate(1_000, 400, kind="tokens")) == 1
    asyncio.run(rates.add([rate(1_000, 250, kind="tokens")]))  # what was answered beyond what was asked for
    now.seconds += 31
    left = take(rates, rate(1_000, 100, kind="tokens"))
    assert isinstance(left, RateHeaders)
    assert left.tokens is not None
    assert left.tokens.remaining == 1_000 - 400 - 250 - 100


def test_the_narrowest_refuses_first_and_nothing_wider_is_used_up() -> None:
    rates = Rates(clock=Time())
    key, workspace = rate(2), rate(10, scope="workspace", subject="ws_1")

    assert granted(rates, 20, key, workspace) == 2
    left = take(rates, workspace)
    assert isinstance(left, RateHeaders)
    assert left.requests is not None
    assert left.requests.remaining == 7


def test_headers_tell_of_the_tightest_limit() -> None:
    now = Time()
    stood = take(Rates(clock=now), rate(60), rate(5, scope="workspace", subject="ws_1"), rate(900, 100, kind="tokens"))

    assert isinstance(stood, RateHeaders)
    assert stood.openai() == {
        "x-ratelimit-limit-requests": "5",
        "x-ratelimit-remaining-requests": "4",
        "x-ratelimit-reset-requests": "1m0s",
        "x-ratelimit-limit-tokens": "900",
        "x-ratelimit-remaining-tokens": "800",
        "x-ratelimit-reset-tokens": "1m0s",
    }
    assert RateHeaders().openai() == {}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "0ms"), (0.82, "820ms"), (6.15, "6.2s"), (59.99, "1m0s"), (75, "1m15s")]
)
def test_durations_are_written_as_openai_writes_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


# --- Redis


def hammer(redis_url: str, subject: str, granted_count: "multiprocessing.Queue[int]") -> None:
    granted_count.put(granted(Rates(redis_url), 30, rate(20, subject=subject)))


def test_two_processes_share_a_limit(redis_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    counts: multiprocessing.Queue[int] = context.Queue()
    subject = uuid4().hex
    processes = [context.Process(target=hammer, args=(redis_url, subject, counts)) for _ in range(2)]
    for process in processes:
        process.start()

    assert sum(counts.get(timeout=60) for _ in processes) == 20
    for process in processes:
        process.join(timeout=30)


def test_redis_counts_tokens_as_amounts(redis_url: str) -> None:
    subject = uuid4().hex
    big = rate(1_000_000, 400_000, kind="tokens", subject=subject)

    async def scenario() -> list[RateHeaders | Refusal]:
        rates = Rates(redis_url)
        answers = [await rates.take([big]) for _ in range(3)]
        await rates.close()
        return answers

    first, second, third = asyncio.run(scenario())
    assert isinstance(first, RateHeaders)
    assert first.tokens is not None
    assert first.tokens.remaining == 600_000
    assert isinstance(second, RateHeaders)
    assert isinstance(third, Refusal)
    assert 1 <= third.retry_after_seconds <= 60


def test_without_its_redis_a_process_counts_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    now = Time()
    rates = Rates("redis://127.0.0.1:9/0", clock=now)  # nobody listens there

    assert granted(rates, 5, rate(3)) == 3
    assert caplog.text.count("Redis does not answer") == 1  # and it is not asked again for a while


def test_what_turned_out_later_is_counted_and_never_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The request it is about is settled: nothing that happens to Redis may reach it."""
    now = Time()
    rates = Rates("redis://127.0.0.1:9/0", clock=now)  # nobody listens there

    asyncio.run(rates.add([rate(100, 60, kind="tokens"), rate(100, 30, kind="tokens")]))

    assert caplog.text.count("Redis does not answer") == 1
    left = take(rates, rate(100, 5, kind="tokens"))
    assert isinstance(left, RateHeaders)
    assert left.tokens is not None
    assert left.tokens.remaining == 5
