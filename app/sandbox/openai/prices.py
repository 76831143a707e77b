"""What the host would bill, in US dollars: list prices seen in November 2026, and a fallback for the rest.

Rates per million tokens unless the unit says otherwise. `Spent` is what an answer used; token classes are disjoint.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.kernel.money import USD, Money

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Spent:
    """Everything one answer used up. Where there is nothing of a kind it is zero."""

    input: int = 0
    cached: int = 0
    image_input: int = 0
    output: int = 0
    image_output: int = 0
    characters: int = 0
    seconds: Fraction = Fraction(0)

    @property
    def prompt(self) -> int:
        """All that went in, as the answer's totals count it."""
        return self.input + self.cached + self.image_input

    @property
    def completion(self) -> int:
        return self.output + self.image_output


@dataclass(frozen=True, slots=True)
class Tariff:
    """USD per million tokens of each class, per million characters, and per second."""

    input: str = "0"
    cached: str | None = None  # without one, cached tokens cost what others do
    output: str = "0"
    image_input: str | None = None
    image_output: str | None = None
    characters: str = "0"
    seconds: str = "0"

    @property
    def unit(self) -> str:
        if Decimal(self.seconds):
            return "seconds"
        return "characters" if Decimal(self.characters) else "tokens"


def tariff_of(model: str) -> Tariff:
    return next((tariff for pattern, tariff in _LISTED if re.fullmatch(pattern, model)), _FALLBACK)


def bill(model: str, spent: Spent) -> Money:
    """What this costs, rounded once to a micro-dollar."""
    tariff = tariff_of(model)
    per_million = (
        (spent.input, tariff.input),
        (spent.cached, tariff.cached or tariff.input),
        (spent.image_input, tariff.image_input or tariff.input),
        (spent.output, tariff.output),
        (spent.image_output, tariff.image_output or tariff.output),
        (spent.characters, tariff.characters),
    )
    total = sum((count * Fraction(Decimal(rate)) for count, rate in per_million), Fraction(0)) / MILLION
    return Money.from_exact(total + spent.seconds * Fraction(Decimal(tariff.seconds)), USD)


def quantity(model: str, spent: Spent) -> str:
    """How much of the tariff's unit was used."""
    unit = tariff_of(model).unit
    if unit == "seconds":
        return f"{float(spent.seconds):.3f}"
    return str(spent.characters if unit == "characters" else spent.prompt + spent.completion)


#: Output tokens of a picture of 1024 x 1024, and of one half as large again, by quality.
_SQUARE = {"low": 272, "medium": 1056, "high": 4160, "xhigh": 6240, "max": 8320}
_TALL = {"low": 408, "medium": 1584, "high": 6240, "xhigh": 9360, "max": 12480}
_WIDE = {"low": 400, "medium": 1568, "high": 6208, "xhigh": 9312, "max": 12416}
_SQUARE_2 = {"low": 200, "medium": 1767, "high": 7033, "xhigh": 10550, "max": 14066}


def image_tokens(model: str, quality: str, width: int, height: int) -> int:
    """Output tokens of one picture; the newer models go by its area."""
    if model.startswith("gpt-image-2"):
        return max(1, _SQUARE_2[quality] * width * height // (1024 * 1024))
    return (_SQUARE if width == height else _WIDE if width > height else _TALL)[quality]


_FALLBACK = Tariff(input="1", output="4")
_LISTED = (
    (r"gpt-4o-mini", Tariff(input="0.15", cached="0.075", output="0.60")),
    (r"gpt-4\.1-mini", Tariff(input="0.40", cached="0.10", output="1.60")),
    (r"meta-llama/Llama-3\.3-70B-Instruct", Tariff(input="0.23", output="0.40")),
    (r"text-embedding-3-small", Tariff(input="0.02")),
    (r"text-embedding-3-large", Tariff(input="0.13")),
    (r"gpt-image-1\.5", Tariff(input="5", cached="1.25", output="10", image_input="8", image_output="32")),
    (r"gpt-image-1-mini", Tariff(input="2", cached="0.20", image_input="2.5", image_output="8")),
    (r"gpt-image-2(\..*)?", Tariff(input="5", cached="1.25", image_input="8", image_output="30")),
    (r"tts-1", Tariff(characters="15")),
    (r"tts-1-hd", Tariff(characters="30")),
    (r"gpt-4o-mini-tts", Tariff(input="0.60", output="12")),
    (r"whisper-1", Tariff(seconds="0.0001")),
    (r"gpt-4o-mini-transcribe", Tariff(seconds="0.00005")),
)
