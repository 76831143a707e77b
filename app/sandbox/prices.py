"""What each provider would bill, in US dollars: list prices seen in November 2026, and a fallback for the rest.

A tariff is a measure of the delivered output times a rate; the rate may depend on parameters. The sandbox reports the
measured quantity to its clients where the real provider does (fal's billable units) and writes the price in its book.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.kernel.money import USD, Money
from app.sandbox.plan import AUDIO, IMAGE, VIDEO, Plan, kind_of

Match = Mapping[str, str]
Measure = Callable[[Plan], Fraction]
MEGAPIXEL = 1024 * 1024


def _megapixels(plan: Plan) -> int:
    """Of one image, rounded up."""
    return math.ceil(Fraction(plan.width * plan.height, MEGAPIXEL))


MEASURES: Mapping[str, Measure] = {
    "images": lambda plan: Fraction(plan.count),
    "megapixels": lambda plan: Fraction(plan.count * _megapixels(plan)),
    "seconds": lambda plan: plan.count * plan.seconds,
    "video seconds at 16 fps": lambda plan: plan.count * Fraction(plan.frames, 16),
    "videos": lambda plan: Fraction(plan.count),
    "million video tokens": lambda plan: (
        plan.count * plan.seconds * Fraction(plan.width * plan.height * 24, 1024 * 1_000_000)
    ),
    "1000 characters": lambda plan: Fraction(plan.characters if plan.count else 0, 1000),
}


@dataclass(frozen=True, slots=True)
class Tariff:
    """`rates` are tried in order; `first` replaces the rate of every output's first unit."""

    unit: str
    rates: tuple[tuple[Match, str], ...]
    first: str | None = None

    def rate(self, params: Mapping[str, Any], plan: Plan) -> Decimal:
        return Decimal(next(rate for match, rate in self.rates if _matches(match, params, plan)))

    @property
    def list_rate(self) -> Decimal:
        """The rate a price list would show: the one of the default parameters."""
        return Decimal(self.rates[-1][1])


@dataclass(frozen=True, slots=True)
class Bill:
    """`quantity` counts `unit`s of what was delivered."""

    unit: str
    quantity: Fraction
    price: Money

    @property
    def quantity_text(self) -> str:
        """Exact where it ends, otherwise nine decimals."""
        return decimal_text(self.quantity)


def bill(provider: str, model: str, params: Mapping[str, Any], plan: Plan) -> Bill:
    """What this output costs, rounded once to a micro-dollar."""
    tariff = tariff_of(provider, model)
    quantity = MEASURES[tariff.unit](plan)
    total = quantity * Fraction(tariff.rate(params, plan))
    if tariff.first is not None:
        total += plan.count * (Fraction(Decimal(tariff.first)) - Fraction(tariff.rate(params, plan)))
    return Bill(tariff.unit, quantity, Money.from_exact(total, USD))


def tariff_of(provider: str, model: str) -> Tariff:
    """The listed tariff, else a plain one for the kind of model."""
    for pattern, tariff in _LISTED[provider]:
        if re.fullmatch(pattern, model):
            return tariff
    return _FALLBACK[kind_of(model)]


def decimal_text(number: Fraction) -> str:
    text = f"{Decimal(number.numerator) / Decimal(number.denominator):.9f}"
    return text.rstrip("0").rstrip(".")


def _matches(match: Match, params: Mapping[str, Any], plan: Plan) -> bool:
    return all(_param(name, params, plan) == value for name, value in match.items())


def _param(name: str, params: Mapping[str, Any], plan: Plan) -> str:
    """A parameter as text, with what the plan knows about the ones left out."""
    if name == "audio":
        return "true" if plan.sound else "false"
    if name == "pixels":
        return f"{plan.width}x{plan.height}"
    if name == "length":
        return decimal_text(plan.seconds)
    value = params.get(name)
    return str(value).lower() if value is not None else ""


def _per(unit: str, rate: str, *rates: tuple[Match, str], first: str | None = None) -> Tariff:
    return Tariff(unit, (*rates, ({}, rate)), first)


_FALLBACK = {
    IMAGE: _per("images", "0.04"),
    VIDEO: _per("seconds", "0.10"),
    AUDIO: _per("1000 characters", "0.05"),
}

_FAL = (
    (r"fal-ai/flux/schnell", _per("megapixels", "0.003")),
    (r"fal-ai/flux/dev", _per("megapixels", "0.025")),
    (r"fal-ai/flux-pro/v1\.1", _per("megapixels", "0.04")),
    (r"fal-ai/flux-pro/v1\.1-ultra", _per("images", "0.06")),
    (r"fal-ai/flux-pro/kontext/max(/.*)?", _per("images", "0.08")),
    (r"fal-ai/flux-pro/kontext(/.*)?", _per("images", "0.04")),
    (r"fal-ai/flux-2-pro", _per("megapixels", "0.015", first="0.03")),
    (r"fal-ai/nano-banana(/edit)?", _per("images", "0.039")),
    (r"fal-ai/nano-banana-pro(/edit)?", _per("images", "0.15", ({"resolution": "4k"}, "0.30"))),
    (
        r"fal-ai/nano-banana-2(/edit)?",
        _per(
            "images",
            "0.08",
            ({"resolution": "0.5k"}, "0.06"),
            ({"resolution": "2k"}, "0.12"),
            ({"resolution": "4k"}, "0.16"),
        ),
    ),
    (r"fal-ai/imagen4/preview/fast", _per("images", "0.02")),
    (r"fal-ai/imagen4/preview/ultra", _per("images", "0.06")),
    (r"fal-ai/imagen4/preview", _per("images", "0.0398")),
    (r"fal-ai/bytedance/seedream/v4/.*", _per("images", "0.03")),
    (r"fal-ai/bytedance/seedream/v4\.5/.*", _per("images", "0.04")),
    (
        r"openai/gpt-image-2",
        _per(
            "images",
            "0.053",
            ({"quality": "low", "pixels": "1024x1024"}, "0.006"),
            ({"quality": "low", "pixels": "3840x2160"}, "0.02"),
            ({"quality": "low"}, "0.01"),
            ({"quality": "high", "pixels": "1024x768"}, "0.15"),
            ({"quality": "high", "pixels": "1024x1536"}, "0.17"),
            ({"quality": "high", "pixels": "1536x1024"}, "0.17"),
            ({"quality": "high", "pixels": "2560x1440"}, "0.23"),
            ({"quality": "high", "pixels": "3840x2160"}, "0.401"),
            ({"quality": "high"}, "0.211"),
            ({"pixels": "1024x768"}, "0.04"),
            ({"pixels": "1024x1536"}, "0.05"),
            ({"pixels": "1536x1024"}, "0.05"),
            ({"pixels": "2560x1440"}, "0.06"),
            ({"pixels": "3840x2160"}, "0.11"),
        ),
    ),
    (
        r"fal-ai/veo3\.1",
        _per(
            "seconds",
            "0.20",
            ({"audio": "true", "resolution": "4k"}, "0.60"),
            ({"audio": "true"}, "0.40"),
            ({"resolution": "4k"}, "0.40"),
        ),
    ),
    (r"fal-ai/veo3\.1/fast(/.*)?", _per("seconds", "0.10", ({"audio": "true"}, "0.15"))),
    (
        r"fal-ai/veo3\.1/.*",
        _per("seconds", "0.20", ({"audio": "true", "resolution": "4k"}, "0.60"), ({"audio": "true"}, "0.40")),
    ),
    (r"fal-ai/kling-video/v2\.1/standard/.*", _per("seconds", "0.056")),
    (r"fal-ai/kling-video/v2\.1/pro/.*", _per("seconds", "0.098")),
    (r"fal-ai/kling-video/v2\.1/master/.*", _per("seconds", "0.28")),
    (r"fal-ai/kling-video/v2\.5-turbo/standard/.*", _per("seconds", "0.042")),
    (r"fal-ai/kling-video/v2\.5-turbo/pro/.*", _per("seconds", "0.07")),
    (r"fal-ai/kling-video/v2\.6/pro/.*", _per("seconds", "0.07", ({"audio": "true"}, "0.14"))),
    (r"fal-ai/bytedance/seedance/v1/pro/fast/.*", _per("million video tokens", "1.0")),
    (r"fal-ai/bytedance/seedance/v1/pro/.*", _per("million video tokens", "2.5")),
    (r"fal-ai/bytedance/seedance/v1/lite/.*", _per("million video tokens", "1.8")),
    (r"bytedance/seedance-2\.0/.*", _per("million video tokens", "14")),
    (
        r"fal-ai/wan/v2\.2-a14b/.*/turbo",
        _per("videos", "0.10", ({"resolution": "480p"}, "0.05"), ({"resolution": "580p"}, "0.075")),
    ),
    (
        r"fal-ai/wan/v2\.2-a14b/.*",
        _per("video seconds at 16 fps", "0.08", ({"resolution": "480p"}, "0.04"), ({"resolution": "580p"}, "0.06")),
    ),
    (
        r"fal-ai/wan-25-preview/.*",
        _per("seconds", "0.15", ({"resolution": "480p"}, "0.05"), ({"resolution": "720p"}, "0.10")),
    ),
    (r"fal-ai/wan/v2\.7/.*", _per("seconds", "0.10")),
    (r"fal-ai/minimax/hailuo-02/pro/.*", _per("seconds", "0.08")),
    (r"fal-ai/minimax/hailuo-02/standard/.*", _per("seconds", "0.045", ({"resolution": "512p"}, "0.017"))),
    (r"fal-ai/minimax/hailuo-2\.3/standard/.*", _per("videos", "0.28", ({"length": "10"}, "0.56"))),
    (r"fal-ai/minimax/speech-02-turbo", _per("1000 characters", "0.06")),
    (r"fal-ai/minimax/speech-(02|2\.8)-hd", _per("1000 characters", "0.10")),
    (r"fal-ai/elevenlabs/tts/turbo-v2\.5", _per("1000 characters", "0.05")),
    (r"fal-ai/elevenlabs/tts/multilingual-v2", _per("1000 characters", "0.10")),
)

_REPLICATE = (
    (r"black-forest-labs/flux-schnell", _per("images", "0.003")),
    (r"black-forest-labs/flux-dev", _per("images", "0.025")),
    (r"black-forest-labs/flux-1\.1-pro", _per("images", "0.04")),
    (r"black-forest-labs/flux-1\.1-pro-ultra", _per("images", "0.06")),
    (r"black-forest-labs/flux-kontext-pro", _per("images", "0.04")),
    (r"black-forest-labs/flux-kontext-max", _per("images", "0.08")),
    (
        r"google/nano-banana-2",
        _per(
            "images",
            "0.0672",
            ({"resolution": "2k"}, "0.1008"),
            ({"resolution": "4k"}, "0.1512"),
        ),
    ),
    (r"bytedance/seedance-1-lite", _per("million video tokens", "1.8")),
    (r"bytedance/seedance-1-pro", _per("million video tokens", "2.5")),
)

_KIE = (
    (r"flux-kontext-pro", _per("images", "0.025")),
    (r"flux-kontext-max", _per("images", "0.05")),
    (r"flux-2/pro-.*", _per("images", "0.025", ({"resolution": "2k"}, "0.035"))),
    (r"google/nano-banana(-edit)?", _per("images", "0.02")),
    (r"nano-banana-pro", _per("images", "0.09", ({"resolution": "4k"}, "0.12"))),
    (r"google/imagen4-fast", _per("images", "0.02")),
    (r"google/imagen4", _per("images", "0.04")),
    (r"google/imagen4-ultra", _per("images", "0.06")),
    (r"bytedance/seedream-v4-.*", _per("images", "0.025")),
    (r"seedream/4\.5-.*", _per("images", "0.0325")),
    (r"veo3_fast", _per("videos", "0.30")),
    (r"veo3", _per("videos", "1.25")),
    (r"kling/v2-1-standard", _per("videos", "0.125", ({"length": "10"}, "0.25"))),
    (r"kling/v2-1-pro", _per("videos", "0.25", ({"length": "10"}, "0.50"))),
    (r"kling/v2-1-master-.*", _per("videos", "0.80", ({"length": "10"}, "1.60"))),
    (r"kling-2\.6/.*", _per("videos", "0.275", ({"length": "10"}, "0.55"))),
    (r"wan/2-2-a14b-.*", _per("videos", "0.40", ({"resolution": "480p"}, "0.20"), ({"resolution": "580p"}, "0.30"))),
    (r"wan/2-5-.*", _per("seconds", "0.06")),
    (r"wan/2-6-.*", _per("seconds", "0.07", ({"resolution": "1080p"}, "0.105"))),
    (r"hailuo/2-3-.*", _per("videos", "0.15")),
    (r"elevenlabs/text-to-speech-turbo-2-5", _per("1000 characters", "0.03")),
    (r"elevenlabs/text-to-speech-multilingual-v2", _per("1000 characters", "0.06")),
)

_OPENAI = ((r"sora-2", _per("seconds", "0.10")), (r"sora-2-pro", _per("seconds", "0.30")))

_LISTED = {"fal": _FAL, "replicate": _REPLICATE, "kie": _KIE, "openai": _OPENAI, "mirror": _OPENAI}
