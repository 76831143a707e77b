"""What the visual editor does to a rule: JSON in, changed JSON out. Pure; a wrong figure is kept as it was typed, so
that the reader of rules says what is wrong with it and where.
"""

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from app.catalogue.param_schema import parse_schema
from app.kernel.errors import InvalidInput, RuleRefused
from app.kernel.money import plain
from app.pricing.numbers import figure
from app.pricing.parameters import Kind, Parameter, ParamSchema
from app.pricing.rule import EFFECTS, KEYS, parse_rule
from app.pricing.units import UNITS

Rule = dict[str, Any]

_FIGURE = re.compile(r"\d{1,13}(\.\d{1,18})?")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
EXTRA_KEYS = ("base", "included")
#: What an effect of this figure amounts to: nothing.
IDLE = {"add": "0", "addFlat": "0", "multiply": "1"}


# ---- figures ----


def figure_in(text: str) -> int | float | str:
    """A JSON number where the text is one that can be kept exactly, else the text itself."""
    cleaned = text.strip()
    if not _FIGURE.fullmatch(cleaned):
        return cleaned
    number = Decimal(cleaned)
    if number == number.to_integral_value():
        return int(number)
    return float(number) if Decimal(repr(float(number))) == number else cleaned


def figure_text(value: object) -> str:
    """A figure of the JSON as a field shows it."""
    try:
        return plain(figure(value))
    except ValueError:
        return value if isinstance(value, str) else "" if value is None else json.dumps(value)


# ---- reading what may be wrong in any way ----


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def tidy(raw: Rule) -> Rule:
    """The keys in the documented order, without lists that are empty."""
    known = {key: raw[key] for key in KEYS if key in raw and not (key in ("tiers", "attributes") and raw[key] == [])}
    return {**known, **{key: value for key, value in raw.items() if key not in KEYS}}


def changed(raw: Mapping[str, Any], change: Callable[[Rule], None]) -> Rule:
    """A copy of `raw` with `change` done to it."""
    copy = deepcopy(dict(raw))
    change(copy)
    return tidy(copy)


# ---- starting points ----


def starting_rule(modality: str, credits: str = "") -> Rule:
    """A rule to begin with: one figure in the unit that modality is usually sold by."""
    unit = {"image": "image", "video": "second", "audio": "character", "text": "token", "world": "world"}[modality]
    keys = [key.key for key in UNITS[unit].choices[-1]]
    amount = figure_in(credits) if credits else 10
    return {
        "type": "formula",
        "billingMode": "charge_on_complete",
        "unit": unit,
        "price": {key: amount for key in keys if key not in UNITS[unit].optional},
    }


# ---- price ----


def set_figure(raw: Mapping[str, Any], tier: int | None, key: str, text: str) -> Rule:
    """A figure of the base price (`tier` None) or of a tier. Base and included come and go in all prices together."""

    def change(rule: Rule) -> None:
        if key in EXTRA_KEYS and not text.strip():
            for price in _prices(rule):
                price.pop(key, None)
            return
        wanted = rule if tier is None else _entry(rule, "tiers", tier)
        if wanted is None:
            return
        if not isinstance(wanted.get("price"), dict):
            wanted["price"] = {}
        wanted["price"][key] = figure_in(text)
        if key in EXTRA_KEYS:
            for price in _prices(rule):
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


def set_cached_price(raw: Mapping[str, Any], on: bool) -> Rule:
    """Give cached input tokens a price of their own, or charge them as ordinary ones."""

    def change(rule: Rule) -> None:
        for price in _prices(rule):
            if on:
                rest = {key: value for key, value in price.items() if key != "per1kInputTokens"}
                first = price.get("per1kInputTokens", 0)
                price.clear()
                price.update({"per1kInputTokens": first, "per1kCachedInputTokens": first, **rest})
            else:
                price.pop("per1kCachedInputTokens", None)
        for one in items(rule.get("attributes")):
            for key in ("set", "add"):
                if isinstance(one, dict) and isinstance(one.get(key), dict):
                    if on:
                        one[key]["per1kCachedInputTokens"] = one[key].get("per1kInputTokens", 0)
                    else:
                        one[key].pop("per1kCachedInputTokens", None)

    return changed(raw, change)


def set_option(raw: Mapping[str, Any], key: str, value: Any) -> Rule:
    """A key of the rule itself; None takes it out."""

    def change(rule: Rule) -> None:
        if value is None:
            rule.pop(key, None)
        else:
            rule[key] = value

    return changed(raw, change)


# ---- tiers ----


def add_tier(raw: Mapping[str, Any], schema: ParamSchema) -> Rule:
    """One more tier at the end, for the first value nobody asks for yet, at the base price."""

    def change(rule: Rule) -> None:
        tiers = rule.setdefault("tiers", [])
        taken = [mapping(one).get("match") for one in tiers]
        tiers.append({"match": _unused(schema, taken), "price": dict(mapping(rule.get("price")))})

    return changed(raw, change)


def remove_entry(raw: Mapping[str, Any], place: str, index: int) -> Rule:
    """Take a tier or an attribute out."""

    def change(rule: Rule) -> None:
        if _entry(rule, place, index) is not None or 0 <= index < len(items(rule.get(place))):
            rule[place].pop(index)

    return changed(raw, change)


def move_tier(raw: Mapping[str, Any], index: int, to: int) -> Rule:
    """Another place in the order; the first tier that matches wins."""

    def change(rule: Rule) -> None:
        tiers = items(rule.get("tiers"))
        if 0 <= index < len(tiers) and 0 <= to < len(tiers):
            tiers.insert(to, tiers.pop(index))

    return changed(raw, change)


# ---- conditions ----


def set_condition(raw: Mapping[str, Any], place: str, index: int, param: str, test: Any) -> Rule:
    """What a tier or an attribute asks of a parameter; a tier gets a new condition, an attribute changes its own."""

    def change(rule: Rule) -> None:
        entry = _entry(rule, place, index)
        if entry is None:
            return
        if place == "attributes":
            entry["param"], entry["is"] = param, test
        else:
            match = entry["match"] if isinstance(entry.get("match"), dict) else {}
            match[param] = test
            entry["match"] = match

    return changed(raw, change)


def remove_condition(raw: Mapping[str, Any], index: int, param: str) -> Rule:
    """Take one condition out of a tier; a tier without any is taken out whole."""

    def change(rule: Rule) -> None:
        entry = _entry(rule, "tiers", index)
        if entry is None or not isinstance(entry.get("match"), dict):
            return
        entry["match"].pop(param, None)
        if not entry["match"]:
            rule["tiers"].pop(index)

    return changed(raw, change)


def first_test(parameter: Parameter) -> Any:
    """A condition to begin with: the first value that is not the default, or what else the kind allows."""
    if parameter.enum:
        return next((member for member in parameter.enum if member != parameter.default), parameter.enum[0])
    match parameter.kind:
        case Kind.BOOLEAN:
            return True
        case Kind.INTEGER | Kind.NUMBER:
            start = parameter.default if parameter.default is not None else parameter.minimum or 1
            return {"gte": figure_in(figure_text(start))}
        case Kind.STRING:
            return parameter.default or "absent"
        case _:
            return "present"


def test_of(op: str, values: list[Any], low: str, high: str) -> Any:
    """The JSON of a condition from its operator and its values or ends."""
    ends = {"at_least": ("gte", low), "over": ("gt", low), "at_most": ("lte", high), "under": ("lt", high)}
    if op in ends:
        key, text = ends[op]
        return {key: figure_in(text)}
    match op:
        case "between":
            return {"gte": figure_in(low), "lte": figure_in(high)}
        case "any":
            return values
        case "absent" | "present":
            return op
        case _:
            return values[0] if values else "absent"


# ---- attributes ----


def set_effect(raw: Mapping[str, Any], param: str, value: Any, effect: str, key: str, text: str) -> Rule:
    """What one value of an enum does to the price; an idle figure (0 added, × 1, nothing set) takes it out."""

    def change(rule: Rule) -> None:
        attributes = rule.setdefault("attributes", [])
        index = effect_index(attributes, param, value)
        entry = _split(attributes, index, value) if index is not None else None
        if not text.strip() or (text.strip() == IDLE.get(effect) and key in ("", _only_key(rule))):
            if entry is not None:
                attributes.remove(entry)
            return
        if entry is None:
            entry = {"param": param, "is": value}
            attributes.append(entry)
        old = next((entry[name] for name in EFFECTS if name in entry), None)
        for name in EFFECTS:
            entry.pop(name, None)
        entry[effect] = _effect_value(rule, effect, key, figure_in(text), old)

    return changed(raw, change)


def set_adjustment(raw: Mapping[str, Any], index: int, effect: str, key: str, text: str) -> Rule:
    """The figure of an attribute by its place in the list."""

    def change(rule: Rule) -> None:
        entry = _entry(rule, "attributes", index)
        if entry is not None:
            entry[effect] = _effect_value(rule, effect, key, figure_in(text), entry.get(effect))

    return changed(raw, change)


def set_adjustment_kind(raw: Mapping[str, Any], index: int, old: str, new: str) -> Rule:
    """Another effect for an attribute, keeping its figure where that makes sense."""

    def change(rule: Rule) -> None:
        entry = _entry(rule, "attributes", index)
        if entry is None or old not in entry:
            return
        before = entry.pop(old)
        number = next(iter(mapping(before).values()), 0) if isinstance(before, Mapping) else before
        entry[new] = _effect_value(rule, new, "", number, None)

    return changed(raw, change)


def add_adjustment(raw: Mapping[str, Any], parameter: Parameter) -> Rule:
    """An attribute for a parameter the table of enums does not list."""

    def change(rule: Rule) -> None:
        added = {"param": parameter.name, "is": first_test(parameter), "add": _effect_value(rule, "add", "", 0, None)}
        rule.setdefault("attributes", []).append(added)

    return changed(raw, change)


def effect_index(attributes: list[Any], param: str, value: Any) -> int | None:
    """The first attribute with a single effect that is about this value of this enum."""
    for index, one in enumerate(attributes):
        if not isinstance(one, dict) or one.get("param") != param:
            continue
        asked = one["is"] if isinstance(one.get("is"), list) else [one.get("is")]
        if any(same(value, each) for each in asked) and sum(name in one for name in EFFECTS) == 1:
            return index
    return None


def same(one: object, other: object) -> bool:
    """Whether two values of a parameter are one: true is not 1, and 8 is 8.0."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


# ---- fixes ----


def apply_fix(
    raw: Mapping[str, Any], path: str, suggestion: str, replaces: str, check: Callable[[Rule], set[str]]
) -> Rule | None:
    """`raw` with the suggestion put in its place; `check` answers the paths that are still wrong. None if it does
    not help.
    """
    number = figure_in(suggestion)
    for value in dict.fromkeys((suggestion, number)) if replaces == "value" else (suggestion,):
        fixed = _replaced(raw, steps_of(path), value, replaces)
        if fixed is not None and path not in check(fixed):
            return fixed
    return None


def wrong_paths(schema: ParamSchema) -> Callable[[Rule], set[str]]:
    """The check of `apply_fix` for a pricing rule."""

    def check(raw: Rule) -> set[str]:
        try:
            parse_rule(raw, schema)
        except RuleRefused as refused:
            return {found["path"] for found in refused.details.get("problems", ())}
        return set()

    return check


def steps_of(path: str) -> list[str | int]:
    """`tiers[2].match.size` → ["tiers", 2, "match", "size"]."""
    return [int(found[2]) if found[2] else found[1] for found in _STEP.finditer(path)]


def _replaced(raw: Mapping[str, Any], steps: list[str | int], value: Any, replaces: str) -> Rule | None:
    copy = deepcopy(dict(raw))
    holder: Any = copy
    try:
        for step in steps[:-1]:
            holder = holder[step]
        last = steps[-1]
        if replaces == "key" and isinstance(holder, dict):
            renamed = {(value if name == last else name): one for name, one in holder.items()}
            holder.clear()
            holder.update(renamed)
        else:
            holder[last] = value
    except (KeyError, IndexError, TypeError):
        return None
    return copy


# ---- inside ----


def _entry(rule: Rule, place: str, index: int) -> dict[str, Any] | None:
    found = items(rule.get(place))
    one = found[index] if 0 <= index < len(found) else None
    return one if isinstance(one, dict) else None


def _prices(rule: Rule) -> list[dict[str, Any]]:
    holders = [rule, *items(rule.get("tiers"))]
    return [one["price"] for one in holders if isinstance(one, dict) and isinstance(one.get("price"), dict)]


def _only_key(rule: Rule) -> str:
    keys = [key for key in mapping(rule.get("price")) if key not in EXTRA_KEYS]
    return keys[0] if len(keys) == 1 else ""


def _effect_value(rule: Rule, effect: str, key: str, number: Any, old: object) -> Any:
    """A number, or an object of numbers where the rule has several prices."""
    keys = [name for name in mapping(rule.get("price")) if name not in EXTRA_KEYS]
    if effect in ("multiply", "addFlat") or len(keys) < 2:
        return number
    before = {name: mapping(old).get(name, 0) for name in keys}
    return {**before, key: number} if key else dict.fromkeys(keys, number)


def _split(attributes: list[Any], index: int, value: Any) -> dict[str, Any]:
    """The attribute about this one value alone: taken out of a list of values where it stood in one."""
    entry: dict[str, Any] = attributes[index]
    if not isinstance(entry.get("is"), list):
        return entry
    rest = [one for one in entry["is"] if not same(one, value)]
    alone = {**deepcopy(entry), "is": value}
    if not rest:
        entry["is"] = value
        return entry
    entry["is"] = rest[0] if len(rest) == 1 else rest
    attributes.insert(index + 1, alone)
    return alone


def _unused(schema: ParamSchema, taken: list[Any]) -> dict[str, Any]:
    ranked = sorted(schema.parameters, key=lambda one: (not one.enum, one.kind is not Kind.BOOLEAN, one.meter is None))
    for parameter in ranked:
        members = parameter.enum or ((True,) if parameter.kind is Kind.BOOLEAN else ())
        for member in members:
            if member != parameter.default and {parameter.name: member} not in taken:
                return {parameter.name: member}
    numbers = [one for one in ranked if one.kind in (Kind.INTEGER, Kind.NUMBER)]
    return {one.name: first_test(one) for one in (numbers or ranked)[:1]}


def wrong_schema_paths(raw: Rule) -> set[str]:
    """The check of `apply_fix` for a `paramSchema`."""
    try:
        parse_schema(raw)
    except InvalidInput as refused:
        return {found["path"] for found in refused.details.get("problems", ())}
    return set()
