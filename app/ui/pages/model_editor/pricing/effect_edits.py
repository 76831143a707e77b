"""Changes of a rule's attributes: what one value, one range or one file does to the price. Pure."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from app.pricing.parameters import Parameter
from app.pricing.rule import EFFECTS
from app.ui.pages.model_editor.json_values import figure_in, mapping, same
from app.ui.pages.model_editor.pricing.rule_edits import EXTRA_KEYS, Rule, changed, entry_at
from app.ui.pages.model_editor.pricing.tier_edits import first_test

#: What an effect of this figure amounts to: nothing.
IDLE = {"add": "0", "addFlat": "0", "multiply": "1"}


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
        entry = entry_at(rule, "attributes", index)
        if entry is not None:
            entry[effect] = _effect_value(rule, effect, key, figure_in(text), entry.get(effect))

    return changed(raw, change)


def set_adjustment_kind(raw: Mapping[str, Any], index: int, old: str, new: str) -> Rule:
    """Another effect for an attribute, keeping its figure where that makes sense."""

    def change(rule: Rule) -> None:
        entry = entry_at(rule, "attributes", index)
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
