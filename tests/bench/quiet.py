"""Rounds of a measurement, and how much of the processor other machines had in each.

A virtual machine is kept from its processors now and then (Linux calls it steal): for tens of milliseconds, in which
whatever is measured stands still. That is in no process's own figures, makes every one of them later, and is no
property of what is measured. So a figure in milliseconds or per second is taken in rounds, until enough of them were
left alone; rounds are chosen by what was stolen and never by what they measured. On a machine of its own that is as
many as are wanted.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

#: Of all processors' time. A tick is 10 ms: less than this cannot be seen in a round of a second.
LEFT_ALONE: Final = 0.01


class Ticks(NamedTuple):
    """What the processors were kept from so far, and their time in all."""

    stolen: int
    all: int

    def since(self, before: "Ticks") -> float:
        """The share that was stolen; 0 where nobody counts it."""
        passed = self.all - before.all
        return (self.stolen - before.stolen) / passed if passed else 0.0


def ticks() -> Ticks:
    """As the kernel counts them; nothing where it does not."""
    try:
        user_to_steal = Path("/proc/stat").read_text(encoding="utf-8").split(maxsplit=9)[1:9]
    except OSError:
        return Ticks(0, 0)
    return Ticks(int(user_to_steal[7]), sum(map(int, user_to_steal)))


class Round(NamedTuple, Generic[T]):
    """What was measured, and the share of the processors that was stolen meanwhile."""

    found: T
    stolen: float


class Rounds(NamedTuple, Generic[T]):
    """The rounds that count, and what is to be said about the choice."""

    found: list[T]
    said: str


def one_round(measure: Callable[[], T]) -> Round[T]:
    """Measure once."""
    before = ticks()
    found = measure()
    return Round(found, ticks().since(before))


def left_alone(measure: Callable[[], T], *, wanted: int, most: int) -> Rounds[T]:
    """`wanted` rounds in which nobody took the processor, or of `most` those in which the least was taken."""
    rounds: list[Round[T]] = []
    while len(rounds) < most and not enough(rounds, wanted):
        rounds.append(one_round(measure))
    return chosen(rounds, wanted)


def enough(rounds: Iterable[Round[T]], wanted: int) -> bool:
    """Whether so many were left alone."""
    return sum(each.stolen <= LEFT_ALONE for each in rounds) >= wanted


def chosen(rounds: list[Round[T]], wanted: int) -> Rounds[T]:
    """Those with the least stolen."""
    kept = sorted(rounds, key=lambda each: each.stolen)[:wanted]
    if len(kept) == len(rounds) and kept[-1].stolen <= LEFT_ALONE:
        return Rounds([each.found for each in kept], "")
    return Rounds(
        [each.found for each in kept],
        f"{len(kept)} of {len(rounds)} rounds, those with least stolen (≤ {kept[-1].stolen:.0%})",
    )
