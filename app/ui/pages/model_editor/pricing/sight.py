"""A rule beside the one on sale, with what is wrong with it: what the rows of the form are made from. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.catalogue.judging import Placed
from app.pricing.findings import Finding
from app.pricing.parameters import ParamSchema
from app.pricing.units import UNITS, Unit
from app.ui.pages.model_editor.json_values import mapping
from app.ui.pages.model_editor.pricing.rule_edits import EXTRA_KEYS


@dataclass(frozen=True)
class Sight:
    """What is looked at: the rule and the live one, the parameters, what is wrong, what was found."""

    raw: Mapping[str, Any]
    live: Mapping[str, Any] | None
    schema: ParamSchema
    problems: Sequence[Placed] = ()
    findings: Sequence[Finding] = ()
    unfolded: frozenset[str] = frozenset()
    pending: Mapping[str, str] = field(default_factory=dict)  # effects chosen before a figure was typed

    @property
    def unit(self) -> Unit | None:
        name = self.raw.get("unit")
        return UNITS.get(name) if isinstance(name, str) else None

    @property
    def keys(self) -> list[str]:
        """The price keys of the base price in the table's order."""
        given = mapping(self.raw.get("price"))
        known = [key.key for key in self.unit.keys if key.key in given] if self.unit else []
        return known or [key for key in given if key not in EXTRA_KEYS]

    def problem(self, path: str, *, within: bool = False) -> Placed | None:
        """The first problem exactly at `path`, or anywhere under it."""
        for one in self.problems:
            if one.path == path or (within and one.path.startswith((f"{path}.", f"{path}["))):
                return one
        return None
