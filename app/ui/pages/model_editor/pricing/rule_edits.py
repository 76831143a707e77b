"""What the visual editor does to a rule: JSON in, changed JSON out. Pure; a wrong figure is kept as it was typed, so
that the reader of rules says what is wrong with it and where. Here is what every change needs; prices, tiers and
effects have modules of their own.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from app.pricing.rule import KEYS
from app.ui.pages.model_editor.json_values import items

Rule = dict[str, Any]


EXTRA_KEYS = ("base", "included")


def changed(raw: Mapping[str, Any], change: Callable[[Rule], None]) -> Rule:
    """A copy of `raw` with `change` done to it."""
    copy = deepcopy(dict(raw))
    change(copy)
    return tidy(copy)


def tidy(raw: Rule) -> Rule:
    """The keys in the documented order, without lists that are empty."""
    known = {key: raw[key] for key in KEYS if key in raw and not (key in ("tiers", "attributes") and raw[key] == [])}
    return {**known, **{key: value for key, value in raw.items() if key not in KEYS}}


def set_option(raw: Mapping[str, Any], key: str, value: Any) -> Rule:
    """A key of the rule itself; None takes it out."""

    def change(rule: Rule) -> None:
        if value is None:
            rule.pop(key, None)
        else:
            rule[key] = value

    return changed(raw, change)


def remove_entry(raw: Mapping[str, Any], place: str, index: int) -> Rule:
    """Take a tier or an attribute out."""

    def change(rule: Rule) -> None:
        if entry_at(rule, place, index) is not None or 0 <= index < len(items(rule.get(place))):
            rule[place].pop(index)

    return changed(raw, change)


def entry_at(rule: Rule, place: str, index: int) -> dict[str, Any] | None:
    found = items(rule.get(place))
    one = found[index] if 0 <= index < len(found) else None
    return one if isinstance(one, dict) else None


def prices_of(rule: Rule) -> list[dict[str, Any]]:
    holders = [rule, *items(rule.get("tiers"))]
    return [one["price"] for one in holders if isinstance(one, dict) and isinstance(one.get("price"), dict)]
