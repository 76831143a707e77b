"""Requests are checked against a table of every parameter the real API takes.

`parameters.json` holds one line an operation, written from the type declarations of Stripe's own Python library by
`python -m tests.sandbox.stripe.parameter_table`; a test compares the two. The words of the table:

`s` text, `s?` text that may be emptied, `i` whole number, `f` number, `d` decimal, `b` true or false; a list of strings
is a choice; `{"[]": …}` a list; `{"*": …}` a mapping with free keys; `{"|": […]}` one of several; any other mapping
names its members, and a name that ends with `!` is required.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.sandbox.stripe.errors import Refused, bad_parameter
from app.sandbox.stripe.form import Tree

TABLE: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("parameters.json").read_text("utf-8"))

METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
#: So many choices are named to who chose none of them.
SHOWN = 20
_INTEGER = re.compile(r"^-?\d{1,18}$")
_NUMBER = re.compile(r"^-?\d{1,18}(\.\d{1,12})?$")


def read(operation: str, given: Tree) -> dict[str, Any]:
    """The parameters of an operation with their types; `Refused` names the first one that is wrong."""
    if "payment_method_types" in given:
        raise bad_parameter(
            "`payment_method_types` is no longer supported; use `allowed_payment_method_types` or"
            " `excluded_payment_method_types`.",
            "payment_method_types",
            "payment_method_types_no_longer_supported",
        )
    return _members(TABLE[operation], given, "")


def _members(shape: Mapping[str, Any], given: Tree, path: str) -> dict[str, Any]:
    known = {name.removesuffix("!"): inner for name, inner in shape.items()}
    unknown = [_named(path, name) for name in given if name not in known]
    if unknown:
        said = "parameters" if len(unknown) > 1 else "parameter"
        raise bad_parameter(f"Received unknown {said}: {', '.join(unknown)}", unknown[0], "parameter_unknown")
    for name in shape:
        if name.endswith("!") and name[:-1] not in given:
            wanted = _named(path, name[:-1])
            raise bad_parameter(f"Missing required param: {wanted}.", wanted, "parameter_missing")
    return {name: _value(known[name], value, _named(path, name)) for name, value in given.items()}


def _value(shape: Any, value: Any, path: str) -> Any:
    if isinstance(shape, str):
        return _leaf(shape, value, path)
    if isinstance(shape, list):
        return _choice(shape, value, path)
    if "|" in shape:
        return _one_of(shape["|"], value, path)
    if not isinstance(value, dict):
        raise bad_parameter(f"Invalid {'array' if '[]' in shape else 'object'}", path)
    if "[]" in shape:
        return [_value(shape["[]"], inner, _named(path, name)) for name, inner in _in_order(value, path)]
    if "*" in shape:
        return _mapping(shape["*"], value, path)
    return _members(shape, value, path)


def _leaf(kind: str, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise bad_parameter("Invalid string: it must be a text, not an object or a list", path)
    if kind == "b":
        if value not in {"true", "false"}:
            raise bad_parameter(f"Invalid boolean: {value}", path)
        return value == "true"
    if kind == "i":
        if not _INTEGER.match(value):
            raise bad_parameter(f"Invalid integer: {value}", path, "parameter_invalid_integer")
        return int(value)
    if kind in {"d", "f"} and not _NUMBER.match(value):
        raise bad_parameter(f"Invalid decimal: {value}", path)
    if not value and kind == "s":
        raise bad_parameter(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter;"
            f" however '{path}' cannot be unset. You should remove '{path}' from your request or supply a value.",
            path,
            "parameter_invalid_empty",
        )
    return value


def _choice(options: list[str], value: Any, path: str) -> str:
    if value not in options:
        more = f" and {len(options) - SHOWN} more" if len(options) > SHOWN else ""
        raise bad_parameter(f"Invalid {path}: must be one of {', '.join(options[:SHOWN])}{more}", path)
    return str(value)


def _one_of(shapes: list[Any], value: Any, path: str) -> Any:
    """The first shape that fits; when none does, what is wrong with the likeliest."""
    complaint: Refused | None = None
    for shape in shapes:
        try:
            return _value(shape, value, path)
        except Refused as refusal:
            if complaint is None or isinstance(shape, dict) == isinstance(value, dict):
                complaint = refusal
    raise complaint or bad_parameter("Invalid value", path)


def _mapping(shape: Any, value: Tree, path: str) -> dict[str, Any]:
    if not path.endswith("metadata"):
        return {name: _value(shape, inner, _named(path, name)) for name, inner in value.items()}
    if len(value) > METADATA_KEYS:
        raise bad_parameter(f"Metadata may have at most {METADATA_KEYS} keys.", path)
    for name, inner in value.items():
        if not isinstance(inner, str):
            raise bad_parameter("Metadata values must be strings", _named(path, name))
        if len(name) > METADATA_KEY_LENGTH or len(inner) > METADATA_VALUE_LENGTH:
            raise bad_parameter(
                f"Metadata keys have at most {METADATA_KEY_LENGTH} characters, values {METADATA_VALUE_LENGTH}.",
                _named(path, name),
            )
    return dict(value)


def _in_order(value: Tree, path: str) -> list[tuple[str, Any]]:
    if not all(name.isdecimal() for name in value):
        raise bad_parameter("Invalid array", path)
    return sorted(value.items(), key=lambda pair: int(pair[0]))


def _named(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name
