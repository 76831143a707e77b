"""Which properties tell events apart, and how values are compared. PURE."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Apart:
    """Properties in which like events may differ: `figures` are added up, `names` are only counted."""

    figures: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


def together(parts: Iterable[Apart]) -> Apart:
    """What any of them sets apart; a figure of one is no mere name for another."""
    found = list(parts)
    figures = frozenset(name for part in found for name in part.figures)
    return Apart(figures, frozenset(name for part in found for name in part.names) - figures)


def canonical(value: object) -> str:
    """A property as filters compare it: `false` is "false", 8 and 8.0 are "8", nothing is ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
