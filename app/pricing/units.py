"""The one table of units: what a price is per, how often it is measured, and from what.

A new unit is one entry in `UNITS`. Quantities are exact ratios of two integers, because that is what the hot path
multiplies; a measure that nobody reported raises `Unpriced` instead of counting as nothing.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.kernel.errors import Unpriced
from app.pricing.parameters import DEFAULT_DIVISOR
from app.pricing.usage import Output, Usage

Ratio = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a model adds to the measuring: pixels in a megapixel, frames in a second."""

    divisor: int = DEFAULT_DIVISOR
    fps: Decimal | None = None


Measure = Callable[[Usage, Frame], Sequence[Ratio]]


@dataclass(frozen=True, slots=True)
class PriceKey:
    """One price of a unit: its key in the rule, its metric on a line, and how many one price pays for."""

    key: str
    metric: str
    measure: Measure  # one billable quantity per output, or a single one per generation
    per: int = 1
    raw: Measure | None = None  # the quantity before rounding up, where that differs


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of sale. A rule gives every key of one of `choices`; a key in `optional` may be left out."""

    name: str
    choices: tuple[tuple[PriceKey, ...], ...]
    per_output: bool
    optional: frozenset[str] = frozenset()

    @property
    def keys(self) -> tuple[PriceKey, ...]:
        return tuple(key for choice in self.choices for key in choice)


def _each(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return ((1, 1),) * len(usage.outputs)


def _once(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return ((1, 1),)


def _seconds(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return [_known(output.seconds, "seconds").as_integer_ratio() for output in usage.outputs]


def _pixels(output: Output) -> int:
    width, height = _known(output.width, "width"), _known(output.height, "height")
    return int(width) * int(height)


def _megapixels(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return [_billed_megapixels(output) or (-(-_pixels(output) // frame.divisor), 1) for output in usage.outputs]


def _raw_megapixels(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return [_billed_megapixels(output) or (_pixels(output), frame.divisor) for output in usage.outputs]


def _billed_megapixels(output: Output) -> Ratio | None:
    """What the provider counted itself, which is billable as it stands."""
    return None if output.megapixels is None else output.megapixels.as_integer_ratio()


def _video_tokens(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return [_tokens_of_video(output, frame) for output in usage.outputs]


def _tokens_of_video(output: Output, frame: Frame) -> Ratio:
    if output.video_tokens is not None:
        return _known(output.video_tokens, "video tokens").as_integer_ratio()
    fps = _known(frame.fps if output.fps is None else output.fps, "frames per second").as_integer_ratio()
    seconds = _known(output.seconds, "seconds").as_integer_ratio()
    return _pixels(output) * fps[0] * seconds[0], 1024 * fps[1] * seconds[1]


def _characters(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return ((int(_known(usage.characters, "characters")), 1),)


def _tokens(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    if usage.tokens is not None:
        return (_known(usage.tokens, "tokens").as_integer_ratio(),)
    taken, made = _known(usage.input_tokens, "tokens"), _known(usage.output_tokens, "tokens")
    return (sum((_cached(usage), _seen(usage), _drawn(usage)), taken + made).as_integer_ratio(),)


def _cached_input_tokens(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return (_cached(usage).as_integer_ratio(),)


def _image_input_tokens(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return (_seen(usage).as_integer_ratio(),)


def _image_output_tokens(usage: Usage, frame: Frame) -> Sequence[Ratio]:
    return (_drawn(usage).as_integer_ratio(),)


def _cached(usage: Usage) -> Decimal:
    return _known(usage.cached_input_tokens or 0, "cached input tokens")


def _seen(usage: Usage) -> Decimal:
    return _known(usage.image_input_tokens or 0, "image input tokens")


def _drawn(usage: Usage) -> Decimal:
    return _known(usage.image_output_tokens or 0, "image output tokens")


def _input_tokens(*beside: Callable[[Usage], Decimal]) -> Measure:
    """Input tokens, with the classes that have no price of their own."""

    def measure(usage: Usage, frame: Frame) -> Sequence[Ratio]:
        fresh = _known(usage.input_tokens, "input tokens")
        return (sum((one(usage) for one in beside), fresh).as_integer_ratio(),)

    return measure


def _output_tokens(*beside: Callable[[Usage], Decimal]) -> Measure:
    """Output tokens, with the classes that have no price of their own."""

    def measure(usage: Usage, frame: Frame) -> Sequence[Ratio]:
        made = _known(usage.output_tokens, "output tokens")
        return (sum((one(usage) for one in beside), made).as_integer_ratio(),)

    return measure


def _known(measured: Decimal | int | None, what: str) -> Decimal:
    """The measure, or `Unpriced`: for one that nobody gave, and for one that would turn a charge into a gift."""
    if measured is None:
        raise Unpriced(f"The price needs {what}, and nobody said how many.", code="unmeasured", measure=what)
    figure = Decimal(measured)
    if not figure.is_finite() or figure < 0:
        raise Unpriced(f"{measured} {what} cannot be charged for.", code="unmeasured", measure=what)
    return figure


_INPUT = PriceKey("per1kInputTokens", "input_tokens", _input_tokens(), 1000)
_CACHED = PriceKey("per1kCachedInputTokens", "cached_input_tokens", _cached_input_tokens, 1000)
_IMAGE_INPUT = PriceKey("per1kImageInputTokens", "image_input_tokens", _image_input_tokens, 1000)
_OUTPUT = PriceKey("per1kOutputTokens", "output_tokens", _output_tokens(), 1000)
_IMAGE_OUTPUT = PriceKey("per1kImageOutputTokens", "image_output_tokens", _image_output_tokens, 1000)
_TOKENS = PriceKey("per1kTokens", "tokens", _tokens, 1000)

#: What becomes of a class of tokens that has no price of its own: it counts with the key it is put beside.
_BESIDE_INPUT = {_CACHED.key: _cached, _IMAGE_INPUT.key: _seen}
_BESIDE_OUTPUT = {_IMAGE_OUTPUT.key: _drawn}


def in_full(key: PriceKey, priced: Collection[str]) -> PriceKey:
    """The key as it measures where only the keys in `priced` have a price: tokens without one are ordinary ones."""
    if key.key == _INPUT.key:
        beside = [count for name, count in _BESIDE_INPUT.items() if name not in priced]
        return replace(key, measure=_input_tokens(*beside))
    if key.key == _OUTPUT.key:
        beside = [count for name, count in _BESIDE_OUTPUT.items() if name not in priced]
        return replace(key, measure=_output_tokens(*beside))
    return key


def _one(
    name: str, key: str, metric: str, measure: Measure, *, per: int = 1, each: bool = True, raw: Measure | None = None
) -> Unit:
    return Unit(name, ((PriceKey(key, metric, measure, per, raw),),), each)


UNITS = {
    unit.name: unit
    for unit in (
        _one("image", "perImage", "image_count", _each),
        _one("megapixel", "perMegapixel", "megapixels", _megapixels, raw=_raw_megapixels),
        _one("second", "perSecond", "seconds", _seconds),
        _one("video_token", "per1kVideoTokens", "video_tokens", _video_tokens, per=1000),
        _one("world", "perWorld", "world_count", _each),
        Unit(
            "token",
            ((_TOKENS,), (_INPUT, _CACHED, _IMAGE_INPUT, _OUTPUT, _IMAGE_OUTPUT)),
            False,
            frozenset({_CACHED.key, _IMAGE_INPUT.key, _IMAGE_OUTPUT.key}),
        ),
        _one("character", "per1kCharacters", "characters", _characters, per=1000, each=False),
        _one("request", "perRequest", "request_count", _once, each=False),
    )
}


def delivered(usage: Usage) -> bool:
    """Whether anything was made at all: an output, or a token of text."""
    if usage.outputs:
        return True
    return any(
        (
            usage.tokens,
            usage.input_tokens,
            usage.cached_input_tokens,
            usage.output_tokens,
            usage.image_input_tokens,
            usage.image_output_tokens,
        )
    )
