"""Reading a JSON document piece by piece, collecting everything wrong with it instead of stopping at the first."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.pricing.numbers import figure, shown
from app.pricing.suggest import nearest
from app.pricing.terms import Problem

DEEPEST = 20
LARGEST_BYTES = 64 * 1024


class Findings:
    """The problems found so far. Every reader returns a usable value or None, and notes why not here."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, path: str, message: str, suggestion: str | None = None, replaces: str = "value") -> None:
        self.problems.append(Problem(path, message, suggestion, replaces))

    def keys(self, raw: Mapping[str, Any], known: Iterable[str], path: str, what: str) -> None:
        """Note every key that is not known, with the nearest one that is."""
        known = list(known)
        for key in raw:
            if key not in known:
                near = nearest(key, known)
                hint = f" Did you mean {near}?" if near else f" It may have: {', '.join(known)}."
                self.note(join(path, str(key)), f"{what} has no {shown(str(key))}.{hint}", near, "key")

    def mapping(self, raw: object, path: str, what: str) -> Mapping[str, Any] | None:
        if isinstance(raw, Mapping):
            return raw
        self.note(path, f"{what} is an object in braces, not {shown(raw)}.")
        return None

    def items(self, raw: object, path: str, what: str) -> list[Any]:
        if isinstance(raw, list | tuple):
            return list(raw)
        self.note(path, f"{what} is a list in square brackets, not {shown(raw)}.")
        return []

    def amount(self, raw: object, path: str, *, positive: bool = False) -> Decimal | None:
        """A finite figure of zero or more (above zero where `positive`)."""
        try:
            number = figure(raw)
        except ValueError as wrong:
            hint = _unquoted(raw)
            self.note(path, f"{wrong}.{f' Write {hint} without quotes.' if hint else ''}", hint)
            return None
        if positive and number <= 0:
            self.note(path, f"This is above zero, not {shown(raw)}.")
            return None
        if number < 0:
            self.note(path, f"{shown(raw)} is negative; a price never is.")
            return None
        return number

    def choice(self, raw: object, known: Iterable[str], path: str, what: str) -> str | None:
        known = list(known)
        if isinstance(raw, str) and raw in known:
            return raw
        near = nearest(raw, known) if isinstance(raw, str) else None
        hint = f"Did you mean {near}?" if near else f"It is one of {', '.join(known)}."
        self.note(path, f"{shown(raw)} is not a {what}. {hint}", near)
        return None

    def flag(self, raw: object, path: str) -> bool | None:
        if isinstance(raw, bool):
            return raw
        self.note(path, f"This is true or false, not {shown(raw)}.")
        return None


def join(path: str, key: str | int) -> str:
    """`tiers` + 2 → `tiers[2]`; `tiers[2]` + `match` → `tiers[2].match`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def too_big(raw: object) -> Problem | None:
    """Refuse what is nested deeper than 20 or longer than 64 KiB before anything recursive looks at it."""
    level: list[object] = [raw]
    for _ in range(DEEPEST):
        level = [child for node in level for child in _children(node)]
        if not level:
            break
    else:
        return Problem("", f"The document is nested deeper than {DEEPEST} levels.")
    try:
        size = len(json.dumps(raw, default=str, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError) as wrong:
        return Problem("", f"The document is not JSON: {wrong}.")
    if size > LARGEST_BYTES:
        return Problem("", f"The document has {size:,} bytes; at most {LARGEST_BYTES:,} are allowed.")
    return None


def _children(node: object) -> list[object]:
    """The objects and lists directly inside this one."""
    inside = node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    return [one for one in inside if isinstance(one, Mapping | list | tuple)]


def _unquoted(raw: object) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        number = Decimal(raw.strip())
    except ArithmeticError:
        return None
    return raw.strip() if number.is_finite() and number >= 0 else None
