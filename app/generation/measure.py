"""From what arrived to what is priced: the files' own count, size and length, and the provider's own figures.

The customer pays for files that we hold and could open; the provider bills what it made, which may be more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.catalogue.offers import Offer
from app.pricing.expect import character_count, video_tokens
from app.pricing.usage import Output, Usage


@dataclass(frozen=True, slots=True)
class Arrived:
    """One output: stored with us, or (`file_id` None) billed upstream and lost on the way."""

    file_id: str | None
    width: int | None = None
    height: int | None = None
    seconds: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """Everything the last attempt brought. `reported` is the provider's own usage; zero is a figure, absent is not."""

    outputs: tuple[Arrived, ...]
    expected_count: int
    billable_units: Decimal | None = None
    reported: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Arrived, ...]:
        return tuple(output for output in self.outputs if output.file_id is not None)

    @property
    def billed_text(self) -> str | None:
        return None if self.billable_units is None else f"{self.billable_units.normalize():f}"


def conditions(params: Mapping[str, Any], resolved: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the price's conditions look at: the request's parameters, and over them what the provider really used."""
    known = {name: value for name, value in (resolved or {}).items() if name in params and value is not None}
    return {**params, **known}


def customer_usage(params: Mapping[str, Any], offer: Offer, delivered: Delivered) -> Usage:
    """The usage the customer is charged for."""
    outputs = _outputs(delivered.files, delivered, offer, _units_are(offer, "second", delivered))
    return _usage(params, offer, outputs, delivered)


def upstream_usage(params: Mapping[str, Any], offer: Offer, settings: Mapping[str, Any], delivered: Delivered) -> Usage:
    """The usage the provider bills, lost files included, by its own count where it gave one."""
    unit = settings.get("billable_units")
    made = delivered.outputs
    if unit == "image" and delivered.billable_units is not None:
        made = (made * int(delivered.billable_units))[: int(delivered.billable_units)] if made else made
    return _usage(params, offer, _outputs(made, delivered, offer, unit == "second"), delivered)


def _units_are(offer: Offer, unit: str, delivered: Delivered) -> bool:
    return bool(offer.routes) and offer.routes[0].settings.get("billable_units") == unit


def _usage(params: Mapping[str, Any], offer: Offer, outputs: tuple[Output, ...], delivered: Delivered) -> Usage:
    reported = delivered.reported
    return Usage(
        outputs=outputs,
        characters=character_count(offer.schema, params),
        tokens=reported.get("tokens"),
        input_tokens=reported.get("input_tokens"),
        cached_input_tokens=reported.get("cached_input_tokens"),
        output_tokens=reported.get("output_tokens"),
    )


def _outputs(
    arrived: tuple[Arrived, ...], delivered: Delivered, offer: Offer, units_are_seconds: bool
) -> tuple[Output, ...]:
    alone = len(delivered.outputs) == 1
    billed_seconds = delivered.billable_units if units_are_seconds and alone else None
    if billed_seconds is None and alone:
        billed_seconds = delivered.reported.get("seconds")
    made = []
    for item in arrived:
        seconds = billed_seconds if billed_seconds is not None else item.seconds
        tokens = delivered.reported.get("video_tokens") if alone else None
        if tokens is None:
            tokens = video_tokens(offer.schema, item.width, item.height, seconds)
        made.append(Output(width=item.width, height=item.height, seconds=seconds, video_tokens=tokens))
    return tuple(made)
