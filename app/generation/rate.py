"""One limit a minute: what it counts, how it stands after a request, and how each kind of client is told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from limits import RateLimitItemPerMinute

WINDOW_SECONDS = 60
MOST_ITEMS = 20_000  # limits remembered as the library words them
Kind = Literal["requests", "tokens"]
_ITEMS: dict[tuple[str, int], RateLimitItemPerMinute] = {}


class Rate(NamedTuple):
    """One limit of a request: `amount` of at most `allowed` a minute, counted for `subject`."""

    kind: Kind
    scope: Literal["key", "model", "workspace"]
    subject: str
    allowed: int
    amount: int


class Stand(NamedTuple):
    """How a rate stands: what is left, and in how many seconds all of it is there again."""

    rate: Rate
    remaining: int
    reset_seconds: float


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """How the tightest limit of requests and that of tokens stand after a request; nothing where nothing is limited."""

    requests: Stand | None = None
    tokens: Stand | None = None

    def openai(self) -> dict[str, str]:
        """`x-ratelimit-limit-requests` and its siblings, as OpenAI names and writes them."""
        found: dict[str, str] = {}
        for kind, stand in (("requests", self.requests), ("tokens", self.tokens)):
            if stand is not None:
                found[f"x-ratelimit-limit-{kind}"] = str(stand.rate.allowed)
                found[f"x-ratelimit-remaining-{kind}"] = str(stand.remaining)
                found[f"x-ratelimit-reset-{kind}"] = in_words(stand.reset_seconds)
        return found

    def anthropic(self, now: datetime) -> dict[str, str]:
        """The same for Anthropic's clients: `anthropic-ratelimit-requests-limit` and its siblings."""
        found: dict[str, str] = {}
        for kind, stand in (("requests", self.requests), ("tokens", self.tokens)):
            if stand is not None:
                at = (now + timedelta(seconds=stand.reset_seconds)).astimezone(UTC)
                found[f"anthropic-ratelimit-{kind}-limit"] = str(stand.rate.allowed)
                found[f"anthropic-ratelimit-{kind}-remaining"] = str(stand.remaining)
                found[f"anthropic-ratelimit-{kind}-reset"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return found


class Refusal(NamedTuple):
    """The rate that was not granted, and when asking again can succeed."""

    rate: Rate
    retry_after_seconds: int


def item_of(rate: Rate) -> RateLimitItemPerMinute:
    """The library's word for a limit."""
    known = _ITEMS.get((rate.kind, rate.allowed))
    if known is None:
        if len(_ITEMS) > MOST_ITEMS:
            _ITEMS.clear()
        known = _ITEMS[rate.kind, rate.allowed] = RateLimitItemPerMinute(rate.allowed, namespace=f"farebox:{rate.kind}")
    return known


def key_of(rate: Rate) -> str:
    return item_of(rate).key_for(rate.subject)


def tightest(stands: Sequence[Stand]) -> RateHeaders:
    """Of each kind the one with the least left."""
    by_kind: Mapping[str, list[Stand]] = {
        kind: [stand for stand in stands if stand.rate.kind == kind] for kind in ("requests", "tokens")
    }
    least = {kind: min(found, key=lambda stand: stand.remaining) for kind, found in by_kind.items() if found}
    return RateHeaders(least.get("requests"), least.get("tokens"))


def in_words(seconds: float) -> str:
    """A duration as OpenAI writes it: 820ms, 6.2s, 1m0s."""
    if seconds < 1:
        return f"{max(0, math.ceil(seconds * 1000))}ms"
    minutes, rest = divmod(math.ceil(seconds * 10) / 10, 60)
    figure = f"{rest:.1f}".removesuffix(".0")
    return f"{int(minutes)}m{figure}s" if minutes else f"{figure}s"


class RedisAway(Exception):
    """It did not answer in time, or not in a way to go by."""
