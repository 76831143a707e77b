"""What a request may say: typed parameters, and what each of them measures.

A value in its canonical form is plain JSON: text, an int, a float only where a `number` parameter is not whole,
true or false, a list. None means absent. `canonical` is what the coercion door and the rule reader share, so that
`"8s"`, `"8"` and `8` are one value on both sides of a match.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from app.kernel.money import plain
from app.pricing.numbers import figure, seconds_in, shown, written
from app.pricing.suggest import did_you_mean

#: The value with which a caller leaves a choice to the provider.
AUTO = "auto"
DEFAULT_DIVISOR = 1024 * 1024
LARGEST_WHOLE = Decimal(2**64)  # seeds may be unsigned 64-bit
MOST_ITEMS = 100
MOST_OUTPUTS = 100
LONGEST_TEXT = 1_000_000
PICTURE, MASK = "image", "mask"

_FILE_ID = re.compile(r"file_[0-9A-Za-z]{1,64}")

Value = Any  # str | int | float | bool | list of those: plain JSON


class Kind(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    FILE = "file"
    ARRAY = "array"


class Meter(StrEnum):
    """What a parameter says about the quantity to come."""

    IMAGE = "image"  # how many outputs
    SECOND = "second"  # length; several add up
    CHARACTER = "character"  # text that is charged for; several add up
    WIDTH = "width"
    HEIGHT = "height"
    FPS = "fps"
    OUTPUT_TOKEN = "output_token"  # noqa: S105 - the most tokens a text may have


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. Figures are exact; `per` divides a metered value (frames / 16 = seconds)."""

    name: str
    kind: Kind
    title: str = ""
    help: str = ""
    enum: tuple[Value, ...] = ()
    default: Value = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    max_length: int | None = None
    min_items: int = 0
    max_items: int | None = None
    item: "Parameter | None" = None
    media: str | None = None  # image | video | audio | file, for Kind.FILE
    meter: Meter | None = None
    per: Decimal = Decimal(1)
    order: int = 0
    advanced: bool = False
    required: bool = False

    @property
    def may_be_absent(self) -> bool:
        return self.default is None and not self.required

    @property
    def is_presence(self) -> bool:
        """Files and lists: a rule can only ask whether there is one."""
        return self.kind in (Kind.FILE, Kind.ARRAY)

    @property
    def takes_picture(self) -> bool:
        """A picture to work from; a mask only says where."""
        if MASK in self.name:
            return False
        return PICTURE in (self.media, self.item.media if self.item is not None else None)

    @property
    def leaves_open(self) -> bool:
        """Whether the enum has `auto` among other values, so that the provider picks one of those."""
        return AUTO in self.enum and len(self.enum) > 1

    def canonical(self, value: object) -> Value:
        """The one spelling of `value`; ValueError with a sentence about what would be right."""
        if self.enum:
            return self._member(value)
        match self.kind:
            case Kind.STRING:
                return self._text(value)
            case Kind.INTEGER | Kind.NUMBER:
                return self._number(value)
            case Kind.BOOLEAN:
                return _boolean(value)
            case Kind.FILE:
                return _file(value, self.media or "file")
            case Kind.ARRAY:
                return self._items(value)

    def _member(self, value: object) -> Value:
        if isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
            for member in self.enum:
                if type(member) is type(value) and member == value:
                    return member
            number = written(value) if isinstance(value, str) else None
            number = seconds_in(value) if number is None else number
            same = [member for member in self.enum if number is not None and seconds_in(member) == number]
            if len(same) == 1:
                return same[0]
        raise ValueError(f"{shown(value)} is not one of its values.{did_you_mean(value, self.enum)}")

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"expected text, not {shown(value)}")
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError("the text holds a character that cannot be stored (NUL or half a surrogate pair)")
        longest = LONGEST_TEXT if self.max_length is None else self.max_length
        if len(value) > longest:
            raise ValueError(f"at most {longest:,} characters, and this has {len(value):,}")
        return value

    def _number(self, value: object) -> int | float:
        number = written(value) if isinstance(value, str) else value
        if number is None:
            raise ValueError(f"{shown(value)} is not a number")
        exact = figure(number, LARGEST_WHOLE)
        whole = exact == exact.to_integral_value()
        if self.kind is Kind.INTEGER and not whole:
            raise ValueError(f"expected a whole number, not {shown(value)}")
        self._check_range(exact)
        return int(exact) if whole else float(exact)

    def _check_range(self, exact: Decimal) -> None:
        if self.minimum is not None and exact < self.minimum:
            raise ValueError(f"{plain(exact)} is too small: {self._range()}")
        if self.maximum is not None and exact > self.maximum:
            raise ValueError(f"{plain(exact)} is too large: {self._range()}")
        if self.step is not None and Fraction(exact) % Fraction(self.step) != 0:
            raise ValueError(f"{plain(exact)} is not a multiple of {plain(self.step)}")

    def _range(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f"{plain(self.minimum)} to {plain(self.maximum)} is allowed"
        if self.minimum is not None:
            return f"{plain(self.minimum)} or more is allowed"
        return f"{plain(self.maximum or Decimal(0))} or less is allowed"

    def _items(self, value: object) -> list[Value]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"expected a list, not {shown(value)}")
        most = MOST_ITEMS if self.max_items is None else self.max_items
        if not self.min_items <= len(value) <= most:
            raise ValueError(f"{len(value)} items, where {self.min_items} to {most} are allowed")
        if self.item is None:
            raise ValueError("the list has no item type")
        items = []
        for index, one in enumerate(value):
            try:
                items.append(self.item.canonical(one))
            except ValueError as wrong:
                raise ValueError(f"item {index + 1}: {wrong}") from None
        return items


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().casefold() in ("true", "false"):
        return value.strip().casefold() == "true"
    raise ValueError(f"expected true or false, not {shown(value)}")


def _file(value: object, media: str) -> str:
    if isinstance(value, str) and len(value) <= 2_048:
        if _FILE_ID.fullmatch(value):
            return value
        if not re.search(r"[\s\x00-\x1f\ud800-\udfff]", value):
            try:
                address = urlsplit(value)
                if address.scheme == "https" and address.hostname:
                    return value
            except ValueError:
                pass  # not an address at all: the refusal below says what would be one
    raise ValueError(
        f"expected an https:// address or an uploaded file's id (file_…) of the {media}, not {shown(value)}"
    )


@dataclass(frozen=True)
class ParamSchema:
    """Every parameter of a model in display order, and how its values become pixels and frames."""

    parameters: tuple[Parameter, ...] = ()
    size_by: tuple[str, ...] = ()
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    megapixel_divisor: int = DEFAULT_DIVISOR
    fps: Decimal | None = None
    output_tokens: Decimal | None = None  # how many tokens always come out, where no parameter says
    drawn_by: tuple[str, ...] = ()
    drawn_tokens: Mapping[str, Decimal] = field(default_factory=dict)  # tokens of one picture made, by those values
    picture_tokens: Decimal | None = None  # tokens that a picture put in takes at most

    @cached_property
    def by_name(self) -> Mapping[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def get(self, name: str) -> Parameter | None:
        return self.by_name.get(name)

    @cached_property
    def shaped_by(self) -> tuple[str, ...]:
        """The parameters that decide how large an output is, in pixels or in tokens, and the pictures that count."""
        pictures = [one.name for one in self.parameters if one.takes_picture] if self.picture_tokens else []
        return tuple(dict.fromkeys((*self.size_by, *self.drawn_by, *pictures)))

    @cached_property
    def _by_meter(self) -> Mapping[Meter | None, tuple[Parameter, ...]]:
        meters = {parameter.meter for parameter in self.parameters}
        return {meter: tuple(one for one in self.parameters if one.meter is meter) for meter in meters}

    def metered(self, meter: Meter) -> tuple[Parameter, ...]:
        """The parameters that carry this meter, in order."""
        return self._by_meter.get(meter, ())
