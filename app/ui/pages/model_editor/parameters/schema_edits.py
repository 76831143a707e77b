"""What the Parameters form does to a `paramSchema`: JSON in, changed JSON out. Pure; wrong figures stay as typed."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from app.ui.pages.model_editor.json_values import figure_in, figure_text, items, mapping
from app.ui.pages.model_editor.parameters.parameter_rows import FILE_KINDS, KINDS, in_order, kind_of

Schema = dict[str, Any]


#: Fields of the form → keys of a property.
FIGURES = {
    "minimum": "minimum",
    "maximum": "maximum",
    "step": "multipleOf",
    "max_length": "maxLength",
    "per": "x-per",
}
TEXTS = {"title": "title", "help": "description"}
#: What only belongs to some kinds, and is left behind when a parameter becomes another.
_KIND_KEYS = (
    "format",
    "enum",
    "default",
    "minimum",
    "maximum",
    "multipleOf",
    "maxLength",
    "items",
    "minItems",
    "maxItems",
)


def set_field(raw: Mapping[str, Any], name: str, field: str, text: str) -> Schema:
    """One field of a parameter; an empty one is taken out."""

    def change(property: dict[str, Any]) -> None:
        if field in TEXTS:
            _put(property, TEXTS[field], text.strip())
        elif field in FIGURES:
            _put(property, FIGURES[field], figure_in(text) if text.strip() else "")
        elif field == "meter":
            _put(property, "x-meter", text)
        elif field == "options":
            members = [one.strip() for one in text.replace("\n", ",").split(",") if one.strip()]
            _put(property, "enum", [_member(property, one) for one in members])
        elif field == "default":
            _put(property, "default", _member(property, text.strip()) if text.strip() else "")

    return _changed(raw, name, change)


def set_flag(raw: Mapping[str, Any], name: str, flag: str, on: bool) -> Schema:
    """`required` or `advanced`."""
    copy = deepcopy(dict(raw))
    if flag == "required":
        names = [one for one in items(copy.get("required")) if one != name]
        copy["required"] = [*names, name] if on else names
        return copy

    def change(property: dict[str, Any]) -> None:
        _put(property, "x-advanced", True if on else "")

    return _changed(copy, name, change)


def set_kind(raw: Mapping[str, Any], name: str, kind: str) -> Schema:
    """Another type; what only the old one could have is left behind."""
    if kind not in KINDS:
        return dict(raw)
    formats = {word: form for form, word in FILE_KINDS.items()}

    def change(property: dict[str, Any]) -> None:
        if kind_of(property) == kind:
            return
        for key in _KIND_KEYS:
            property.pop(key, None)
        if kind not in ("integer", "number", "string"):
            property.pop("x-meter", None)
        property["type"] = "string" if kind in formats else kind
        if kind in formats:
            property["format"] = formats[kind]
        if kind == "array":
            property["items"] = {"type": "string", "format": "image-url"}

    return _changed(raw, name, change)


def add(raw: Mapping[str, Any], name: str) -> Schema:
    """One more parameter at the end: optional text."""
    copy = deepcopy(dict(raw))
    properties = copy.setdefault("properties", {})
    order = len(mapping(properties)) + 1
    properties[name] = {"type": "string", "title": name.replace("_", " ").strip().capitalize(), "x-order": order}
    return copy


def remove(raw: Mapping[str, Any], name: str) -> Schema:
    """Take a parameter out, with whatever refers to it inside the schema."""
    copy = deepcopy(dict(raw))
    properties = copy.get("properties")
    if isinstance(properties, dict):
        properties.pop(name, None)
    copy["required"] = [one for one in items(copy.get("required")) if one != name]
    if name in items(mapping(copy.get("x-size")).get("by")):
        copy.pop("x-size")
    return copy


def rename(raw: Mapping[str, Any], old: str, new: str) -> Schema:
    """Another name, wherever the schema says it."""
    copy = deepcopy(dict(raw))
    properties = mapping(copy.get("properties"))
    if not new.strip() or new in properties or old not in properties:
        return copy
    copy["properties"] = {(new if name == old else name): one for name, one in properties.items()}
    copy["required"] = [new if name == old else name for name in items(copy.get("required"))]
    size = copy.get("x-size")
    if isinstance(size, dict) and isinstance(size.get("by"), list):
        size["by"] = [new if name == old else name for name in size["by"]]
    return copy


def move(raw: Mapping[str, Any], name: str, to: int) -> Schema:
    """Another place in the form: the order is written down for every parameter."""
    copy = deepcopy(dict(raw))
    names = in_order(copy)
    if name not in names or not 0 <= to < len(names):
        return copy
    names.remove(name)
    names.insert(to, name)
    properties = mapping(copy.get("properties"))
    copy["properties"] = {one: properties[one] for one in names}
    for index, one in enumerate(names):
        if isinstance(copy["properties"][one], dict):
            copy["properties"][one]["x-order"] = index + 1
    return copy


def rename_in_rule(rule: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The rule's conditions follow a parameter that got another name."""
    copy = deepcopy(dict(rule))
    for tier in items(copy.get("tiers")):
        if isinstance(tier, dict) and isinstance(tier.get("match"), dict):
            tier["match"] = {(new if name == old else name): one for name, one in tier["match"].items()}
    for attribute in items(copy.get("attributes")):
        if isinstance(attribute, dict) and attribute.get("param") == old:
            attribute["param"] = new
    return copy


def free_name(raw: Mapping[str, Any]) -> str:
    """`parameter_3`: a name nobody has yet."""
    taken = mapping(raw.get("properties"))
    number = len(taken) + 1
    while f"parameter_{number}" in taken:
        number += 1
    return f"parameter_{number}"


def _changed(raw: Mapping[str, Any], name: str, change: Callable[[dict[str, Any]], None]) -> Schema:
    copy = deepcopy(dict(raw))
    found = mapping(copy.get("properties")).get(name)
    if isinstance(found, dict):
        change(found)
    return copy


def _put(property: dict[str, Any], key: str, value: Any) -> None:
    if value in ("", []):
        property.pop(key, None)
    else:
        property[key] = value


def _member(property: Mapping[str, Any], text: str) -> Any:
    """A value of this parameter as typed: numbers for numbers, switches for switches, else text."""
    kind = kind_of(property)
    if kind in ("integer", "number"):
        return figure_in(text)
    if kind == "boolean" and text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    known = next((one for one in items(property.get("enum")) if figure_text(one) == text), None)
    return text if known is None else known
