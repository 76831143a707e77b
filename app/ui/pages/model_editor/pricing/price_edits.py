"""Changes of a rule's prices: figures, the base fee, the unit, token classes. Pure."""

from collections.abc import Mapping
from typing import Any

from app.pricing.units import UNITS
from app.ui.pages.model_editor.json_values import figure_in, items, mapping
from app.ui.pages.model_editor.pricing.rule_edits import EXTRA_KEYS, Rule, changed, entry_at, prices_of


def set_figure(raw: Mapping[str, Any], tier: int | None, key: str, text: str) -> Rule:
    """A figure of the base price (`tier` None) or of a tier. Base and included come and go in all prices together."""

    def change(rule: Rule) -> None:
        if key in EXTRA_KEYS and not text.strip():
            for price in prices_of(rule):
                price.pop(key, None)
            return
        wanted = rule if tier is None else entry_at(rule, "tiers", tier)
        if wanted is None:
            return
        if not isinstance(wanted.get("price"), dict):
            wanted["price"] = {}
        wanted["price"][key] = figure_in(text)
        if key in EXTRA_KEYS:
            for price in prices_of(rule):
                price.setdefault(key, figure_in(text))

    return changed(raw, change)


def change_unit(raw: Mapping[str, Any], name: str, classes: int = 0) -> Rule:
    """Sell by another unit. Each price keeps its first figure, for every key of the new unit's choice."""
    unit = UNITS[name]
    keys = [key.key for key in unit.choices[min(classes, len(unit.choices) - 1)] if key.key not in unit.optional]

    def rates(given: object) -> dict[str, Any]:
        known = {key: value for key, value in mapping(given).items() if key not in EXTRA_KEYS}
        first = next(iter(known.values()), 0)
        extra = {key: mapping(given)[key] for key in EXTRA_KEYS if key in mapping(given)}
        if len(keys) > 1:
            extra.pop("included", None)
        return {**{key: known.get(key, first) for key in keys}, **extra}

    def effect(given: object) -> object:
        figures = list(mapping(given).values()) or [given]
        return figures[0] if len(keys) == 1 else {key: mapping(given).get(key, figures[0]) for key in keys}

    def change(rule: Rule) -> None:
        rule["unit"] = name
        for holder in (rule, *items(rule.get("tiers"))):
            if isinstance(holder, dict):
                holder["price"] = rates(holder.get("price"))
        for one in items(rule.get("attributes")):
            for key in ("set", "add"):
                if isinstance(one, dict) and key in one:
                    one[key] = effect(one[key])

    return changed(raw, change)


#: Classes of tokens that may have a price of their own, and the class whose price they have otherwise.
CACHED = {"per1kCachedInputTokens": "per1kInputTokens"}
PICTURES = {"per1kImageInputTokens": "per1kInputTokens", "per1kImageOutputTokens": "per1kOutputTokens"}


def set_classes_apart(raw: Mapping[str, Any], classes: Mapping[str, str], on: bool) -> Rule:
    """Give these classes of tokens a price of their own, or charge them as ordinary ones."""

    def apart(rates: dict[str, Any]) -> None:
        before = dict(rates)
        rates.clear()
        for key, figure in before.items():
            if key not in classes:
                rates[key] = figure
            for name in [name for name, like in classes.items() if on and like == key]:
                rates[name] = before.get(name, figure)

    def change(rule: Rule) -> None:
        for price in prices_of(rule):
            apart(price)
        for one in items(rule.get("attributes")):
            for key in ("set", "add"):
                if isinstance(one, dict) and isinstance(one.get(key), dict):
                    apart(one[key])

    return changed(raw, change)
