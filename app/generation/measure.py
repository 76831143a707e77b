"""From what arrived to what is priced: the files' own count, size and length, and the provider's own figures.

The customer pays for files that we hold and could open; the provider bills what it made, which may be more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.generation.usage import reported_usage
from app.kernel.money import plain
from app.pricing.usage import Output, Usage


@dataclass(frozen=True, slots=True)
class Arrived:
    """One output: stored with us, or (`file_id` None) made upstream and lost on the way."""

    file_id: str | None
    width: int | None = None
    height: int | None = None
    seconds: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """Everything the last attempt brought. `reported` is the provider's own usage; zero is a figure, absent is not.

    `units` says what `billable_units` counts: "second", "image", "megapixel" (the route knows), or None.
    """

    outputs: tuple[Arrived, ...]
    expected_count: int
    units: str | None = None
    billable_units: Decimal | None = None
    reported: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Arrived, ...]:
        return tuple(output for output in self.outputs if output.file_id is not None)

    @property
    def billed_text(self) -> str | None:
        """`3.008 second`, for the trace; None when the provider gave no count."""
        if self.billable_units is None:
            return None
        return f"{plain(self.billable_units)} {self.units or ''}".strip()


def customer_usage(delivered: Delivered) -> Usage:
    """The usage the customer is charged for: what we hold, by the provider's length where it gave one."""
    return _usage(delivered.files, delivered)


def upstream_usage(delivered: Delivered) -> Usage:
    """The usage the provider bills: lost files included, by its own count where it gave one."""
    made = delivered.outputs
    counted = delivered.billable_units if delivered.units == "image" else delivered.reported.get("images")
    if counted is not None and made:
        made = tuple(made[index % len(made)] for index in range(int(counted)))
    usage = _usage(made, delivered)
    if delivered.units != "megapixel" or delivered.billable_units is None or not made:
        return usage
    each = Fraction(delivered.billable_units) / len(made)  # one figure for all of them
    return replace(usage, outputs=tuple(replace(output, megapixels=each) for output in usage.outputs))


def in_our_words(resolved: Mapping[str, Any] | None, mapping: Mapping[str, str | None]) -> dict[str, Any]:
    """What the provider says it really used, under our parameter names."""
    ours = {theirs: name for name, theirs in mapping.items() if theirs is not None}
    return {ours.get(name, name): value for name, value in (resolved or {}).items()}


def _usage(outputs: tuple[Arrived, ...], delivered: Delivered) -> Usage:
    reported = delivered.reported
    alone = len(delivered.outputs) == 1
    return reported_usage(reported, Usage(outputs=tuple(_output(item, delivered, alone) for item in outputs)))


def _output(item: Arrived, delivered: Delivered, alone: bool) -> Output:
    """A figure for the whole job describes an output only when there is one."""
    billed = delivered.billable_units if delivered.units == "second" else delivered.reported.get("seconds")
    return Output(
        width=item.width,
        height=item.height,
        seconds=billed if alone and billed is not None else item.seconds,
        video_tokens=delivered.reported.get("video_tokens") if alone else None,
    )
