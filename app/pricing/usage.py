"""What was made, or is expected to be made: the measured quantities a rate card prices."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Output:
    """One output file or text; a measure that nobody reported is None."""

    width: int | None = None
    height: int | None = None
    seconds: Decimal | None = None
    video_tokens: Decimal | None = None
    fps: Decimal | None = None
    megapixels: Fraction | None = None  # as the provider billed them; otherwise worked out from width and height


@dataclass(frozen=True, slots=True)
class Usage:
    """Quantities of one generation. Token classes are disjoint: `input_tokens` excludes the cached ones and those of
    pictures, `output_tokens` those of pictures."""

    outputs: tuple[Output, ...] = ()
    characters: int | None = None
    tokens: Decimal | None = None
    input_tokens: Decimal | None = None
    cached_input_tokens: Decimal | None = None
    output_tokens: Decimal | None = None
    image_input_tokens: Decimal | None = None
    image_output_tokens: Decimal | None = None
