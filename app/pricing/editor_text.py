"""A rule as text in an editor: reading it, laying it out, and finding the line a problem is on.

raw = read_json(text)           RuleRefused names the line of a syntax error or of a key given twice
text = pretty(raw)              the layout the editor shows
line_of(text, "tiers[2].match.resolution")
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

from app.kernel.errors import RuleRefused
from app.pricing.document import DEEPEST, LARGEST_BYTES, join
from app.pricing.terms import Problem

#: Objects and lists that fit are written on one line.
WIDTH = 60

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read_json(text: str) -> Any:
    """The document in `text`; a figure that a JSON number cannot keep exactly is refused.

    `RuleRefused` carries `details["line"]`, counted from 1.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
        raise _refused(f"The text is longer than {LARGEST_BYTES:,} bytes.", 1)
    places = list(_shallow_places(text))
    try:
        raw = json.loads(text, parse_float=_kept, parse_constant=_no_constant)
    except json.JSONDecodeError as wrong:
        raise _refused(f"{wrong.msg}.", wrong.lineno) from None
    except ValueError as wrong:
        raise _refused(f"{wrong}.", 1) from None
    seen: set[str] = set()
    for place in places:
        if place.path in seen:
            raise _refused("This key appears twice; only one of them could count.", place.line, place.path)
        seen.add(place.path)
    return raw


def pretty(raw: Any) -> str:
    """JSON with two spaces an indent, short objects and lists on one line."""
    return _laid_out(raw, 0, 0)


def line_of(text: str, path: str) -> int:
    """The line of `text`, from 1, on which the value at `path` begins, or the nearest of its parents."""
    lines = {place.path: place.line for place in _places(text)}
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 1)


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    line: int
    depth: int


@dataclass(slots=True)
class _Open:
    """An object or list that is being read; `key` is the member at hand, or the index."""

    path: str
    key: str | int
    awaits_key: bool = True

    def next(self) -> None:
        self.awaits_key = True
        if isinstance(self.key, int):
            self.key += 1


def _places(text: str) -> Iterator[_Place]:
    """Where every member and item begins. Text that is not JSON gives what can be told from it."""
    stack: list[_Open] = []
    line, counted = 1, 0
    for match in _PIECE.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        piece, top = match[0], stack[-1] if stack else None
        if top is None:
            if piece in "{[":
                stack.append(_opened("", piece))
        elif piece in "}]":
            stack.pop()
        elif piece == ",":
            top.next()
        elif piece != ":":
            yield from _member(piece, top, stack, line)


def _shallow_places(text: str) -> Iterator[_Place]:
    """The same, refused at the first place that is too deep, before anything recursive reads the text."""
    for place in _places(text):
        if place.depth > DEEPEST:
            raise _refused(f"The document is nested deeper than {DEEPEST} levels.", place.line)
        yield place


def _member(piece: str, top: _Open, stack: list[_Open], line: int) -> Iterator[_Place]:
    """A key, or a value, which may open a level of its own."""
    if isinstance(top.key, str) and top.awaits_key:
        top.key, top.awaits_key = _string(piece), False
        yield _Place(join(top.path, top.key), line, len(stack))
        return
    path = join(top.path, top.key)
    if isinstance(top.key, int):
        yield _Place(path, line, len(stack))
    if piece in "{[":
        stack.append(_opened(path, piece))


def _opened(path: str, bracket: str) -> _Open:
    return _Open(path, 0 if bracket == "[" else "")


def _string(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except json.JSONDecodeError:
        return quoted


def _kept(figure: str) -> float:
    """A float only where it stands for exactly what was typed; the rule reader takes its shortest form back."""
    number = float(figure)
    if not isfinite(number) or Decimal(repr(number)) != Decimal(figure):
        raise ValueError(f"{figure} has more digits than a price can have")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a figure")


def _refused(message: str, line: int, path: str = "") -> RuleRefused:
    return RuleRefused(message, line=line, problems=[Problem(path, message).to_json()])


def _laid_out(value: Any, indent: int, before: int) -> str:
    flat = _flat(value)
    if not isinstance(value, Mapping | list | tuple) or (indent and len(flat) + before <= WIDTH) or not value:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, Mapping):
        rows = []
        for key, one in value.items():
            name = f"{pad}{json.dumps(str(key), ensure_ascii=False)}: "
            rows.append(name + _laid_out(one, indent + 2, len(name)))
        return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"
    rows = [pad + _laid_out(one, indent + 2, indent + 2) for one in value]
    return "[\n" + ",\n".join(rows) + "\n" + " " * indent + "]"


def _flat(value: Any) -> str:
    match value:
        case Mapping() if value:
            members = (f"{json.dumps(str(key), ensure_ascii=False)}: {_flat(one)}" for key, one in value.items())
            return "{ " + ", ".join(members) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_flat, value)) + "]"
        case Decimal():
            return f"{value:f}"
        case _:
            return json.dumps(value, ensure_ascii=False)
