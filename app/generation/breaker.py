"""The circuit breaker as arithmetic: PURE, every moment is passed in.

    closed ── failures in a row, or half of a window ──▶ open ── its wait is over ──▶ half-open ── success ──▶ closed
                                                          ▲                              │
                                                          └─────── failure: wait longer ─┘

Half-open is not stored: it is open with its wait behind it, and lets one request through at a time.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

#: So many failures one after the other open the breaker …
STREAK = 4
#: … and so does half of a window, once it holds so many outcomes.
WINDOW = timedelta(seconds=60)
WINDOW_OUTCOMES = 10
#: The first wait; every opening without a success between them doubles it.
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=5)
#: How long a request that tries a half-open route keeps others from trying it too.
PROBE_LASTS = timedelta(seconds=100)


class Breaker(StrEnum):
    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Vital:
    """What is remembered of one route or provider. `reason` is the last failure, for operators."""

    window_at: datetime
    is_open: bool = False
    good: int = 0
    bad: int = 0
    streak: int = 0
    openings: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    probe_until: datetime | None = None
    reason: str = ""

    def breaker(self, now: datetime) -> Breaker:
        """How it stands at that moment."""
        if not self.is_open:
            return Breaker.CLOSED
        return Breaker.HALF_OPEN if self.retry_at is None or now >= self.retry_at else Breaker.OPEN

    def probe_is_free(self, now: datetime) -> bool:
        """Half-open, and nobody is trying it at this moment."""
        free = self.probe_until is None or now >= self.probe_until
        return free and self.breaker(now) is Breaker.HALF_OPEN

    @property
    def is_well(self) -> bool:
        """Nothing to heal: a success would change nothing that others need to know."""
        return not self.is_open and not self.streak and not self.bad


def after_good(vital: Vital, now: datetime, count: int = 1) -> Vital:
    """Successes: the streak ends, and an open breaker closes."""
    vital = _in_window(vital, now)
    if vital.is_open:
        return Vital(window_at=now, good=count)
    return replace(vital, good=vital.good + count, streak=0, openings=0)


def after_bad(vital: Vital, now: datetime, reason: str, count: int = 1) -> Vital:
    """Failures: counted while closed; an open breaker whose wait was over waits again, twice as long."""
    vital = _in_window(vital, now)
    if vital.is_open:
        return vital if vital.breaker(now) is Breaker.OPEN else _opened(vital, now, reason)
    worse = replace(vital, bad=vital.bad + count, streak=vital.streak + count, reason=reason)
    outcomes = worse.good + worse.bad
    too_many = worse.streak >= STREAK or (outcomes >= WINDOW_OUTCOMES and 2 * worse.bad >= outcomes)
    return _opened(worse, now, reason) if too_many else worse


def after_fatal(vital: Vital, now: datetime, reason: str) -> Vital:
    """A failure that one is enough of: a refused key, an empty account."""
    return _opened(_in_window(vital, now), now, reason) if vital.breaker(now) is not Breaker.OPEN else vital


def after_check(vital: Vital, now: datetime, reason: str | None) -> Vital:
    """An active probe, which buys nothing. It keeps a breaker open or opens it; only a request closes it."""
    if reason is None:
        return vital
    if vital.is_open:
        return replace(vital, retry_at=max(vital.retry_at or now, now + FIRST_WAIT), reason=reason)
    return after_bad(vital, now, reason, count=STREAK // 2)


def _opened(vital: Vital, now: datetime, reason: str) -> Vital:
    wait = min(FIRST_WAIT * (1 << min(vital.openings, 10)), LONGEST_WAIT)
    return replace(
        vital,
        is_open=True,
        openings=vital.openings + 1,
        opened_at=vital.opened_at if vital.is_open else now,
        retry_at=now + wait,
        probe_until=None,
        reason=reason,
    )


def _in_window(vital: Vital, now: datetime) -> Vital:
    """A window that is over starts afresh; the streak goes on."""
    if now - vital.window_at < WINDOW and now >= vital.window_at:
        return vital
    return replace(vital, window_at=now, good=0, bad=0)
