"""What a call used: the provider's own figures where it told them, our count of the text where it did not.

An explicit zero is a figure. What is counted here is marked as estimated on the generation's trace.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from app.generation.tokens import count
from app.pricing.usage import Usage

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Told:
    """The provider's figures, and the text that came back for when there are none."""

    figures: Mapping[str, Decimal]
    written: Callable[[], str]


def reported_usage(figures: Mapping[str, Decimal], outputs: Usage | None = None) -> Usage:
    """The provider's figures as quantities; what it did not tell stays None."""
    return replace(
        outputs or Usage(),
        tokens=figures.get("tokens"),
        input_tokens=figures.get("input_tokens"),
        cached_input_tokens=figures.get("cached_input_tokens"),
        output_tokens=figures.get("output_tokens"),
        image_input_tokens=figures.get("image_input_tokens"),
        image_output_tokens=figures.get("image_output_tokens"),
    )


def tokens_of(usage: Usage) -> int:
    """What it took of a limit on tokens."""
    if usage.tokens is not None:
        return int(usage.tokens)
    classes = (
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.output_tokens,
        usage.image_input_tokens,
        usage.image_output_tokens,
    )
    return int(sum((one for one in classes if one is not None), ZERO))


async def measured(told: Told, count_input: Callable[[], int], *, writes: bool) -> tuple[Usage, bool]:
    """The usage of a text to charge for, and whether any of it is our own count. Without `writes` nothing but input
    is used, as for embeddings."""
    usage = reported_usage(told.figures)
    if usage.tokens is not None:
        return usage, False
    if not writes:
        usage = replace(usage, output_tokens=ZERO)
    estimated = usage.input_tokens is None or usage.output_tokens is None
    if usage.input_tokens is None:
        usage = replace(usage, input_tokens=Decimal(await asyncio.to_thread(count_input)))
    if usage.output_tokens is None:
        usage = replace(usage, output_tokens=Decimal(await asyncio.to_thread(count, told.written())))
    return usage, estimated
