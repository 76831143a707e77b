"""Changes of a rule's tiers and of what they, or an attribute, ask for. Pure."""

from collections.abc import Mapping
from typing import Any

from app.pricing.parameters import Kind, Parameter, ParamSchema
from app.ui.pages.model_editor.json_values import figure_in, figure_text, items, mapping
from app.ui.pages.model_editor.pricing.rule_edits import Rule, changed, entry_at


def add_tier(raw: Mapping[str, Any], schema: ParamSchema) -> Rule:
    """One more tier at the end, for the first value nobody asks for yet, at the base price."""

    def change(rule: Rule) -> None:
        tiers = rule.setdefault("tiers", [])
        taken = [mapping(one).get("match") for one in tiers]
        tiers.append({"match": _unused(schema, taken), "price": dict(mapping(rule.get("price")))})

    return changed(raw, change)


def move_tier(raw: Mapping[str, Any], index: int, to: int) -> Rule:
    """Another place in the order; the first tier that matches wins."""

    def change(rule: Rule) -> None:
        tiers = items(rule.get("tiers"))
        if 0 <= index < len(tiers) and 0 <= to < len(tiers):
            tiers.insert(to, tiers.pop(index))

    return changed(raw, change)


def set_condition(raw: Mapping[str, Any], place: str, index: int, param: str, test: Any) -> Rule:
    """What a tier or an attribute asks of a parameter; a tier gets a new condition, an attribute changes its own."""

    def change(rule: Rule) -> None:
        entry = entry_at(rule, place, index)
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
        entry = entry_at(rule, "tiers", index)
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


def _unused(schema: ParamSchema, taken: list[Any]) -> dict[str, Any]:
    ranked = sorted(schema.parameters, key=lambda one: (not one.enum, one.kind is not Kind.BOOLEAN, one.meter is None))
    for parameter in ranked:
        members = parameter.enum or ((True,) if parameter.kind is Kind.BOOLEAN else ())
        for member in members:
            if member != parameter.default and {parameter.name: member} not in taken:
                return {parameter.name: member}
    numbers = [one for one in ranked if one.kind in (Kind.INTEGER, Kind.NUMBER)]
    return {one.name: first_test(one) for one in (numbers or ranked)[:1]}
