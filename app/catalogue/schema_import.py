"""From a provider's own description of a model to a draft of its `paramSchema`. Pure.

    found = import_schema(document)      # what Replicate or fal publish, or a plain JSON schema
    found.param_schema                   # a schema our reader accepts
    found.notes                          # everything that was left out, changed or guessed, by parameter

Both publish OpenAPI. Replicate (cog) keeps the inputs in `components.schemas.Input` and every enum in a schema of its
own, referred to through `allOf`. fal refers to them from the request body of the model's path and writes choices as
`anyOf`. Nothing is guessed silently: what we cannot sell by is named in a note.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.catalogue.param_schema import parse_schema
from app.kernel.errors import InvalidInput

MOST_BYTES = 2 * 2**20
MOST_STEPS = 32  # through references; a schema that refers to itself ends here
COPIED = ("title", "enum", "default", "minimum", "maximum", "multipleOf", "maxLength", "minItems", "maxItems")
UNCHECKED = ("pattern", "minLength", "uniqueItems", "const", "contentMediaType", "if", "not", "dependentRequired")
SIMPLE = ("string", "integer", "number", "boolean")
LONGEST_HELP = 300
#: A parameter by one of these names measures something that prices ask for.
METERS = {
    "num_images": "image",
    "num_outputs": "image",
    "n": "image",
    "duration": "second",
    "seconds": "second",
    "fps": "fps",
    "frames_per_second": "fps",
    "width": "width",
    "height": "height",
    "max_tokens": "output_token",
}
METERED_TYPES = {
    "image": ("integer", "string"),
    "second": ("integer", "number", "string"),
    "fps": ("integer", "number", "string"),
    "width": ("integer",),
    "height": ("integer",),
    "output_token": ("integer",),
}
#: What most people never touch goes below the fold.
ADVANCED = re.compile(
    r"seed|guidance|steps|scheduler|safety|negative|quality$|cfg|strength|scale|format|sync_mode|fast|acceleration|go_"
)
_FILE_NAME = re.compile(r"(^|_)(image|video|audio|mask|file)s?(_|$)")
_ADDRESS = re.compile(r"_urls?$|_uri$")


@dataclass(frozen=True, slots=True)
class Note:
    """Something an operator should look at: the parameter (empty for all of it) and a sentence."""

    param: str
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A draft, and what it does not say. `added`, `changed` and `removed` are against the schema it would replace."""

    param_schema: dict[str, Any]
    notes: tuple[Note, ...]
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    document: Mapping[str, Any]
    notes: list[Note] = field(default_factory=list)

    def note(self, param: str, message: str) -> None:
        self.notes.append(Note(param, message))

    def followed(self, schema: Any) -> dict[str, Any]:
        """The schema with its references and its `allOf` put in; its own words win over those it refers to."""
        for _ in range(MOST_STEPS):
            if not isinstance(schema, dict):
                return {}
            if isinstance(schema.get("$ref"), str):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self._at(schema["$ref"]), **rest}
            elif isinstance(schema.get("allOf"), list):
                parts = [self.followed(part) for part in schema["allOf"]]
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                schema = {**{key: value for part in parts for key, value in part.items()}, **rest}
            else:
                return dict(schema)
        return {}

    def _at(self, reference: str) -> dict[str, Any]:
        here: Any = self.document
        for step in reference.removeprefix("#/").split("/"):
            here = here.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(here, dict) else None
        return here if isinstance(here, dict) else {}


def import_schema(document: Mapping[str, Any], current: Mapping[str, Any] | None = None) -> Imported:
    """Read a description; InvalidInput (`schema_unknown`) when no inputs are found in it."""
    reading = _Reading(_openapi(document))
    inputs = _inputs(reading)
    given = inputs.get("properties")
    if not isinstance(given, dict) or not given:
        raise InvalidInput(
            "This does not describe a model's inputs: paste the OpenAPI that Replicate or fal publish for it.",
            code="schema_unknown",
        )
    made = {name: one for name in _in_order(inputs, given) if (one := _property(reading, name, given[name]))}
    named = inputs.get("required")
    required = [name for name in (named if isinstance(named, list) else []) if name in made]
    for name in required:
        made[name].pop("default", None)
    schema: dict[str, Any] = {"type": "object", "properties": made, "required": required}
    _drop_what_does_not_fit(reading, schema)
    for order, one in enumerate(schema["properties"].values(), start=1):
        one["x-order"] = order
    return Imported(schema, tuple(reading.notes), *_difference(current or {}, schema))


def _openapi(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The OpenAPI inside a Replicate model or version or an entry of fal's list of models, or the document itself."""
    for holder in (document.get("latest_version"), document):
        for name in ("openapi_schema", "openapi"):  # a Replicate version, a model of fal's list
            inner = holder.get(name) if isinstance(holder, dict) else None
            if isinstance(inner, dict):
                return inner
    return document


def _inputs(reading: _Reading) -> dict[str, Any]:
    """The schema of the inputs, wherever this kind of document keeps it."""
    for path, methods in _items(reading.document.get("paths")):
        body = reading.followed(methods.get("post")).get("requestBody") if isinstance(methods, dict) else None
        content = body.get("content") if isinstance(body, dict) else None
        asked = content.get("application/json") if isinstance(content, dict) else None
        found = reading.followed(asked.get("schema")) if isinstance(asked, dict) else {}
        if "properties" in found and "/requests/" not in path and "/predictions" not in path:
            inner = reading.followed(found["properties"].get("input"))
            return inner if "properties" in inner else found
    components = reading.document.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    names = [name for name, _ in _items(schemas)]
    name = next((one for one in ("Input", *(n for n in names if n.endswith("Input"))) if one in names), None)
    if name is not None and isinstance(schemas, dict):
        return reading.followed(schemas[name])
    return dict(reading.document) if "properties" in reading.document else {}


def _in_order(inputs: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    told = inputs.get("x-fal-order-properties")
    order = {name: at for at, name in enumerate(told)} if isinstance(told, list) else {}

    def place(name: str) -> tuple[Any, ...]:
        own = given[name].get("x-order") if isinstance(given[name], dict) else None
        return order.get(name, len(order)), own if isinstance(own, int) else len(given)

    return sorted(given, key=place)


def _property(reading: _Reading, name: str, given: Any) -> dict[str, Any] | None:
    """One parameter in our words, or None for one that cannot be offered."""
    raw = _one_choice(reading, name, reading.followed(given))
    kind = raw.get("type", "string" if "enum" in raw else None)
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if kind not in (*SIMPLE, "array"):
        reading.note(name, f"Left out: {'an object' if kind == 'object' else 'its type'} cannot be offered.")
        return None
    made: dict[str, Any] = {"type": kind, **{key: raw[key] for key in COPIED if raw.get(key) is not None}}
    help_text = raw.get("description")
    if isinstance(help_text, str) and help_text and help_text != raw.get("title"):
        made["description"] = " ".join(help_text.split())[:LONGEST_HELP]
    made.setdefault("title", name.replace("_", " ").capitalize())
    _bounds(reading, name, raw, made)
    if kind == "array":
        return _list(reading, name, raw, made)
    if kind == "string" and "enum" not in made and (media := _media(name, raw)):
        made["format"] = f"{media}-url"
        if made.pop("default", None) is not None:
            reading.note(name, "A file has no default here.")
    _measure(reading, name, made)
    if ADVANCED.search(name) and "x-meter" not in made:
        made["x-advanced"] = True
    return made


def _one_choice(reading: _Reading, name: str, raw: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be one of several things, as the one of them that can be offered."""
    for word in ("anyOf", "oneOf"):
        if not isinstance(raw.get(word), list):
            continue
        choices = [reading.followed(one) for one in raw.pop(word)]
        real = [one for one in choices if one.get("type") != "null"]
        ranked = sorted(real, key=lambda one: (one.get("type") == "object", "enum" not in one))
        if len(ranked) > 1:
            left = ", ".join(str(one.get("title") or one.get("type") or "a value") for one in ranked[1:])
            reading.note(name, f"It may also be {left}; only the first way is offered.")
        raw = {**(ranked[0] if ranked else {}), **raw}
    return raw


def _bounds(reading: _Reading, name: str, raw: Mapping[str, Any], made: dict[str, Any]) -> None:
    for word, plain, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        bound = raw.get(word)
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            continue
        made[plain] = bound + step if made["type"] == "integer" else bound
        if made["type"] == "number":
            reading.note(name, f"The {plain} {bound} itself is not allowed there; here it is.")
    unchecked = [word for word in UNCHECKED if word in raw]
    if unchecked:
        reading.note(name, f"Not checked here: {', '.join(unchecked)}.")
    if "enum" in made:
        made["enum"] = [value for value in made["enum"] if value is not None]
        if "default" in made and made["default"] not in made["enum"]:
            reading.note(name, f"Its default {made.pop('default')!r} is none of its choices and was left out.")


def _list(reading: _Reading, name: str, raw: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any] | None:
    item = reading.followed(raw.get("items"))
    if item.get("type") not in SIMPLE:
        reading.note(name, "Left out: a list of objects cannot be offered.")
        return None
    inner = {"type": item["type"], **({"enum": item["enum"]} if "enum" in item else {})}
    if item["type"] == "string" and "enum" not in item and (media := _media(name, item)):
        inner["format"] = f"{media}-url"
    made["items"] = inner
    if made.get("default") == []:
        made.pop("default")
    return made


def _media(name: str, raw: Mapping[str, Any]) -> str | None:
    """What kind of file an address is of, told from the parameter's name; None when it is no address."""
    found = _FILE_NAME.search(name)
    is_address = raw.get("format") in ("uri", "url") or (_ADDRESS.search(name) is not None and found is not None)
    if not is_address:
        return None
    word = found[2] if found else "file"
    return "image" if word == "mask" else word


def _measure(reading: _Reading, name: str, made: dict[str, Any]) -> None:
    meter = METERS.get(name)
    if meter is not None and made["type"] in METERED_TYPES[meter]:
        made["x-meter"] = meter
        reading.note(name, f"Taken for the measure “{meter}”, by its name.")


def _drop_what_does_not_fit(reading: _Reading, schema: dict[str, Any]) -> None:
    """Whatever our own reader refuses goes, with its reason: first the word, then the parameter."""
    for _ in range(2 * len(schema["properties"]) + 1):
        try:
            parse_schema(schema)
        except InvalidInput as refused:
            problem = refused.details["problems"][0]
            if not _drop(reading, schema, problem["path"], problem["message"]):
                raise
        else:
            return


def _drop(reading: _Reading, schema: dict[str, Any], path: str, why: str) -> bool:
    steps = [step for step in re.split(r"[.\[\]\"']+", path) if step]
    if len(steps) < 2 or steps[0] != "properties" or steps[1] not in schema["properties"]:
        return False
    name, properties = steps[1], schema["properties"]
    word = steps[2] if len(steps) > 2 else ""
    if word and word not in ("type", "items") and word in properties[name]:
        del properties[name][word]
        reading.note(name, f"“{word}” was left out. {why}")
        return True
    del properties[name]
    schema["required"] = [one for one in schema["required"] if one != name]
    reading.note(name, f"Left out. {why}")
    return True


def _difference(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Which parameters a schema adds, changes and removes, the order of display aside."""
    old, new = dict(_items(before.get("properties"))), dict(_items(after["properties"]))

    def said(one: Any) -> Any:
        return {key: value for key, value in one.items() if key != "x-order"} if isinstance(one, dict) else one

    return (
        tuple(name for name in new if name not in old),
        tuple(name for name in new if name in old and said(new[name]) != said(old[name])),
        tuple(name for name in old if name not in new),
    )


def _items(given: Any) -> Iterator[tuple[str, Any]]:
    return iter(given.items() if isinstance(given, dict) else ())
