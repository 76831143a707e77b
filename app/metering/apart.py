"""Which properties tell events apart, and how values are compared. PURE.

Events that are alike but for their figures share a shape, and their sums are kept together. So a property is one of
three things: a figure, which is added up; a dimension, which tells events apart; or something of the one event, which
is kept with it and never looked at across events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

#: A property of events whose price the prepaid ledger has already settled: no invoice bills them again.
SETTLED_BY: Final = "settled_by"
LEDGER: Final = "ledger"

#: Under this name a shape says which figures its events have; no property is called so.
FIGURES: Final = ""

#: Dimensions even where their values look like figures.
DIMENSIONS: Final = frozenset({
    "model", "provider", "operation", "modality", "quality", "resolution", "size", "image_size", "mode", "style",
    "aspect_ratio", "fps", "input_type", "input_mode", "generate_audio", "version", "tier", "region", "status",
    "origin", "upstream_model", SETTLED_BY,
})  # fmt: skip
#: Of the one event: names of people and things, and what was written.
OWN: Final = frozenset({"id", "uuid", "prompt", "url", "text", "user", "session", "trace", "message", "ip"})
OWN_ENDINGS: Final = ("_id", "_uuid", "_url", "_hash", "_at", "Id")
#: A longer text tells nothing about its kind.
LONGEST_DIMENSION: Final = 64
MOST_REMEMBERED: Final = 10_000


class Kind(Enum):
    FIGURE = "figure"
    DIMENSION = "dimension"
    OWN = "own"
    BY_VALUE = "by value"  # a figure where it is one, otherwise a dimension


@dataclass(frozen=True, slots=True)
class Apart:
    """What meters and prices say of properties: `figures` are added up, `names` are only counted, `kept` tell events
    apart whatever they are called. Of anything else its name and its value decide."""

    figures: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()


#: Each with its amount in billionths.
Figures = tuple[tuple[str, int], ...]
#: What properties are taken apart into: their canonical JSON, what they are alike in, and their figures.
Parts = tuple[str, str, Figures]


class Kinds(dict[str, Kind]):
    """Remembers what each name is, and in `parts` what whole properties (as canonical JSON) were taken apart into."""

    def __init__(self, apart: Apart) -> None:
        super().__init__()
        self._apart = apart
        self.parts: dict[bytes, Parts] = {}

    def __missing__(self, name: str) -> Kind:
        if len(self) > MOST_REMEMBERED:
            self.clear()
        found = self[name] = self._kind(name)
        return found

    def _kind(self, name: str) -> Kind:
        if name == FIGURES:
            return Kind.OWN
        if name in self._apart.figures:
            return Kind.FIGURE
        if name in self._apart.names:
            return Kind.OWN
        if name in self._apart.kept or name in DIMENSIONS:
            return Kind.DIMENSION
        if name in OWN or name.endswith(OWN_ENDINGS) or "\0" in name:  # no database keeps such a name
            return Kind.OWN
        return Kind.BY_VALUE


@lru_cache(maxsize=16)
def kinds_of(apart: Apart) -> Kinds:
    """One memory for each `Apart`."""
    return Kinds(apart)


def dimensions(properties: Mapping[str, str]) -> dict[str, str]:
    """What a shape says of its events, without their figures' names."""
    return {name: value for name, value in properties.items() if name != FIGURES}


def canonical(value: object) -> str:
    """A property as filters compare it: `false` is "false", 8 and 8.0 are "8", nothing is ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
