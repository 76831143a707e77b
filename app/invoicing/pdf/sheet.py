"""Paper as a list: what stands where on which page, in millimetres from the top left, before any PDF is made.

Laying out first and drawing afterwards is what makes "page 2 of 5" exact, lets the result be checked before anyone sees
it, and needs only the characters that were really used from each typeface.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from app.invoicing.pdf.runs import Line, clip, line_of, wrap

POINT = 25.4 / 72  # millimetres
SMALLEST = 4.0  # points
Align = Literal["left", "right", "center"]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Style:
    """A manner of setting text. `size` in points, `leading` as a multiple of it."""

    size: float
    colour: Colour
    strong: bool = False
    leading: float = 1.42

    @property
    def height(self) -> float:
        return self.size * self.leading * POINT

    @property
    def unit(self) -> float:
        """Millimetres of one em."""
        return self.size * POINT


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text; `x` is its left edge, `baseline` the line it stands on."""

    line: Line
    x: float
    baseline: float
    style: Style

    @property
    def width(self) -> float:
        return self.line.size_one * self.style.unit

    @property
    def top(self) -> float:
        return self.baseline - 0.75 * self.style.unit

    @property
    def bottom(self) -> float:
        return self.baseline + 0.22 * self.style.unit


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    colour: Colour
    radius: float = 0


@dataclass(frozen=True, slots=True)
class Rule:
    x: float
    y: float
    width: float
    colour: Colour
    thickness: float = 0.2
    dots: float = 0  # the gap between dots; 0 is an unbroken line


@dataclass(frozen=True, slots=True)
class Disc:
    x: float
    y: float
    radius: float
    colour: Colour


Mark = Words | Box | Rule | Disc


@dataclass(slots=True)
class Sheet:
    """Pages of `width` × `height`; text is written where it is told, nothing flows by itself."""

    width: float
    height: float
    margin: float
    pages: list[list[Mark]] = field(default_factory=list)

    @property
    def left(self) -> float:
        return self.margin

    @property
    def right(self) -> float:
        return self.width - self.margin

    @property
    def inner(self) -> float:
        return self.width - 2 * self.margin

    def add(self, mark: Mark) -> None:
        self.pages[-1].append(mark)

    def write(self, text: str, x: float, y: float, style: Style, align: Align = "left") -> float:
        """One line with its top at `y`; `x` is the edge `align` names. Returns the line's width."""
        return self.put(line_of(text, strong=style.strong), x, y, style, align)

    def put(self, line: Line, x: float, y: float, style: Style, align: Align = "left") -> float:
        width = line.size_one * style.unit
        start = x - width if align == "right" else x - width / 2 if align == "center" else x
        if line.runs:
            self.add(Words(line, start, y + style.height / 2 + 0.357 * style.unit, style))
        return width

    def put_all(self, lines: list[Line], x: float, y: float, style: Style) -> float:
        """Lines under each other; returns where the next would begin."""
        for line in lines:
            self.put(line, x, y, style)
            y += style.height
        return y


def broken(text: str, width: float, style: Style, most: int = 0) -> list[Line]:
    """`text` in lines of `width` millimetres, at most `most` of them when that is given."""
    limit = width / style.unit
    lines = wrap(text, limit, strong=style.strong)
    return clip(lines, most, limit, strong=style.strong) if most else lines


def width_of(text: str, style: Style) -> float:
    """Millimetres."""
    return line_of(text, strong=style.strong).size_one * style.unit


def shrunk(style: Style, fits: Callable[[Style], bool]) -> Style:
    """`style`, or as much smaller as it takes for `fits` to agree; the height of its lines stays."""
    while not fits(style) and style.size > SMALLEST:
        size = style.size - 0.5
        style = replace(style, size=size, leading=style.height / (size * POINT))
    return style
