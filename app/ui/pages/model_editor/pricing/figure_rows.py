"""The figures of a price as rows: of the base price, of a tier, of an effect. Pure."""

from collections.abc import Mapping
from typing import Any

from app.kernel.text import t
from app.pricing.units import UNITS
from app.ui.pages.model_editor.json_values import figure_text, mapping
from app.ui.pages.model_editor.pricing.rows import FigureRow
from app.ui.pages.model_editor.pricing.rule_edits import EXTRA_KEYS
from app.ui.pages.model_editor.pricing.sight import Sight

KNOWN_FIGURES = {*EXTRA_KEYS, *(key.key for unit in UNITS.values() for key in unit.keys)}


def figures(sight: Sight, given: Mapping[str, Any], live: Mapping[str, Any] | None, path: str) -> list[FigureRow]:
    base = mapping(sight.raw.get("price"))
    keys = [*sight.keys, *(key for key in given if key not in sight.keys and key not in EXTRA_KEYS)]
    keys += [key for key in EXTRA_KEYS if key in base or key in given]
    return [_figure(sight, key, given, live, path) for key in keys]


def effect_figures(sight: Sight, effect: str, given: object) -> list[FigureRow]:
    """The fields of an effect: one, or one for each price of the rule."""
    keys = sight.keys if effect in ("set", "add") and len(sight.keys) > 1 else [""]
    only = sight.keys[0] if sight.keys else ""
    shown = []
    for key in keys:
        value = mapping(given).get(key or only) if isinstance(given, Mapping) else given
        shown.append(
            FigureRow(
                key=key,
                label=per(key) if key else "",
                name=t(f"model_editor.effect.{effect}"),
                value=figure_text(value),
                was="",
                problem="",
            )
        )
    return shown


def per(key: str) -> str:
    """What a figure is for, as a field shows it: `/ image`."""
    return t(f"model_editor.per.{key}") if key in KNOWN_FIGURES else key


def live_price(sight: Sight) -> Mapping[str, Any] | None:
    if sight.live is None or sight.live.get("unit") != sight.raw.get("unit"):
        return None
    return mapping(sight.live.get("price"))


def _figure(sight: Sight, key: str, given: Mapping[str, Any], live: Mapping[str, Any] | None, path: str) -> FigureRow:
    value = figure_text(given.get(key))
    was = figure_text(live[key]) if live is not None and key in live else ""
    problem = sight.problem(f"{path}.{key}")
    return FigureRow(
        key=key,
        label=per(key),
        name=t(f"model_editor.figure.{key}") if key in KNOWN_FIGURES else key,
        value=value,
        was="" if was == value else was,
        problem=problem.message if problem else "",
    )
