"""Reads the `paramSchema` JSON, a subset of JSON Schema with a few `x-` keys of our own, collecting every problem.

    {"type": "object", "properties": {name: property}, "required": [name], "x-size": {"by": [name], "values":
    {"square_hd": [1024, 1024]}}, "x-megapixel-divisor": 1048576, "x-fps": 24,
    "x-output-tokens": 0, "x-image-tokens": {"by": [name], "values": {"low": 272}}, "x-image-input-tokens": 452}

A property has `type` string, integer, number, boolean or array (of those), `format` image-url, video-url, audio-url or
file-url for a file, `enum`, `default`, `minimum`, `maximum`, `multipleOf`, `maxLength`, `minItems`, `maxItems`,
`title`, `description`, and `x-meter` (what it measures, divided by `x-per`), `x-order`, `x-advanced`.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.pricing.document import Findings, join
from app.pricing.numbers import figure, seconds_in, sentence, shown
from app.pricing.parameters import AUTO, DEFAULT_DIVISOR, MOST_OUTPUTS, Kind, Meter, Parameter, ParamSchema
from app.pricing.suggest import nearest

TOP_KEYS = (
    "$schema", "type", "title", "description", "properties", "required", "additionalProperties",
    "x-size", "x-megapixel-divisor", "x-fps", "x-output-tokens",
    "x-image-tokens", "x-image-input-tokens",
)  # fmt: skip
PROPERTY_KEYS = (
    "type", "format", "title", "description", "enum", "default", "examples", "minimum", "maximum", "multipleOf",
    "maxLength", "items", "minItems", "maxItems", "x-meter", "x-per", "x-order", "x-advanced",
)  # fmt: skip
TYPES = ("string", "integer", "number", "boolean", "array")
FORMATS = {"image-url": "image", "video-url": "video", "audio-url": "audio", "file-url": "file"}

#: Which kinds may carry a meter.
METERED = {
    Meter.IMAGE: (Kind.INTEGER, Kind.STRING),
    Meter.SECOND: (Kind.INTEGER, Kind.NUMBER, Kind.STRING, Kind.FILE),
    Meter.CHARACTER: (Kind.STRING,),
    Meter.WIDTH: (Kind.INTEGER,),
    Meter.HEIGHT: (Kind.INTEGER,),
    Meter.FPS: (Kind.INTEGER, Kind.NUMBER, Kind.STRING),
    Meter.OUTPUT_TOKEN: (Kind.INTEGER,),
}
#: Meters that several parameters may share, because their measures add up.
ADDED_UP = (Meter.SECOND, Meter.CHARACTER)

MOST_PARAMETERS = 100


class SchemaReader:
    """One reading; what is wrong is noted in the findings it was given."""

    def __init__(self, findings: Findings) -> None:
        self.found = findings

    def schema(self, given: object) -> ParamSchema | None:
        raw = self.found.mapping(given, "", "A paramSchema")
        if raw is None:
            return None
        self.found.keys(raw, TOP_KEYS, "", "A paramSchema")
        if raw.get("type", "object") != "object":
            self.found.note("type", "A paramSchema describes an object.", "object")
        properties = self.found.mapping(raw.get("properties", {}), "properties", "“properties”") or {}
        if len(properties) > MOST_PARAMETERS:
            self.found.note("properties", f"At most {MOST_PARAMETERS} parameters are allowed.")
        required = self._required(raw.get("required", []), properties)
        read = [
            self._parameter(name, given, join("properties", str(name)), index, str(name) in required)
            for index, (name, given) in enumerate(properties.items())
        ]
        parameters = sorted((one for one in read if one is not None), key=lambda one: one.order)
        self._meters(parameters)
        size_by, sizes = self._sizes(raw["x-size"], parameters) if "x-size" in raw else ((), {})
        return ParamSchema(
            tuple(parameters),
            size_by,
            sizes,
            self._divisor(raw),
            self._positive(raw, "x-fps", "x-fps"),
            self._tokens(raw, "x-output-tokens"),
            *self._drawn(raw, parameters),
            self._tokens(raw, "x-image-input-tokens"),
        )

    def _tokens(self, raw: Mapping[str, Any], key: str) -> Decimal | None:
        """Tokens a model always has, whatever is asked: none come out of an embedding, say."""
        given = self._figure(raw, key, "")
        if given is not None and given < 0:
            self.found.note(key, f"This is zero or more, not {shown(raw[key])}.")
        return given

    def _drawn(self, raw: Mapping[str, Any], parameters: list[Parameter]) -> tuple[tuple[str, ...], dict[str, Decimal]]:
        """The tokens of a picture that is made, by the parameters that decide it."""
        table = "x-image-tokens"
        given = self.found.mapping(raw[table], table, f"“{table}”") if table in raw else None
        if given is None:
            return (), {}
        self.found.keys(given, ("by", "values"), table, f"“{table}”")
        by = self._named(given.get("by"), join(table, "by"), parameters)
        values = self.found.mapping(given.get("values", {}), join(table, "values"), "“values”") or {}
        read = {str(key): self.found.amount(tokens, join(join(table, "values"), key)) for key, tokens in values.items()}
        for key in read:
            if len(key.split("|")) != len(by):
                self.found.note(join(join(table, "values"), key), f"This does not name {len(by)} values.")
        return tuple(map(str, by)), {key: tokens for key, tokens in read.items() if tokens is not None}

    def _named(self, given: object, path: str, parameters: list[Parameter]) -> list[Any]:
        """Names of parameters there are, one or two."""
        by = self.found.items(given, path, "“by”")
        known = {parameter.name: parameter for parameter in parameters}
        for index, name in enumerate(by):
            if name not in known:
                near = nearest(name, known)
                hint = f" Did you mean {near}?" if near else ""
                self.found.note(join(path, index), f"There is no parameter {shown(name)}.{hint}", near)
        if not 1 <= len(by) <= 2:
            self.found.note(path, "This goes by one or two parameters.")
        return by

    def _required(self, given: object, properties: Mapping[str, Any]) -> set[str]:
        names = self.found.items(given, "required", "“required”")
        for index, name in enumerate(names):
            if name not in properties:
                near = nearest(name, properties)
                hint = f" Did you mean {near}?" if near else ""
                self.found.note(join("required", index), f"There is no parameter {shown(name)}.{hint}", near)
        return {str(name) for name in names}

    def _parameter(self, name: object, given: object, path: str, index: int, required: bool) -> Parameter | None:
        if not isinstance(name, str) or not name.strip() or len(name) > 64:
            self.found.note(path, "A parameter's name is text of 1 to 64 characters.")
            return None
        raw = self.found.mapping(given, path, "A parameter")
        if raw is None:
            return None
        before = len(self.found.problems)
        self.found.keys(raw, PROPERTY_KEYS, path, "A parameter")
        kind, media = self._kind(raw, path)
        if kind is None:
            return None
        parameter = Parameter(
            name=name,
            kind=kind,
            title=self._text(raw, "title", path),
            help=self._text(raw, "description", path),
            minimum=self._figure(raw, "minimum", path),
            maximum=self._figure(raw, "maximum", path),
            step=self._positive(raw, "multipleOf", join(path, "multipleOf")),
            max_length=self._count(raw, "maxLength", path),
            min_items=self._count(raw, "minItems", path) or 0,
            max_items=self._count(raw, "maxItems", path),
            item=self._item(raw, path) if kind is Kind.ARRAY else None,
            media=media,
            meter=self._meter(raw, kind, path),
            per=self._positive(raw, "x-per", join(path, "x-per")) or Decimal(1),
            order=int(self._figure(raw, "x-order", path) or index),
            advanced=self._flag(raw, "x-advanced", path),
            required=required,
        )
        parameter = self._measuring(parameter, path)
        self._check_range(parameter, path)
        if len(self.found.problems) > before:
            return None
        return self._with_default(self._with_enum(parameter, raw, path), raw, path)

    def _measuring(self, parameter: Parameter, path: str) -> Parameter:
        """A quantity is never negative, and a count of outputs is never beyond what one request may make."""
        if parameter.meter is None or parameter.kind not in (Kind.INTEGER, Kind.NUMBER):
            return parameter
        counts = parameter.meter is Meter.IMAGE
        least = Decimal(1) if counts else Decimal(0)
        if parameter.minimum is not None and parameter.minimum < least:
            self.found.note(join(path, "minimum"), f"What measures {parameter.meter} is at least {least}.")
        if counts and parameter.maximum is not None and parameter.maximum > MOST_OUTPUTS:
            self.found.note(join(path, "maximum"), f"At most {MOST_OUTPUTS} outputs can be asked for at once.")
        if counts and parameter.maximum is None:
            parameter = replace(parameter, maximum=Decimal(MOST_OUTPUTS))
        return replace(parameter, minimum=least) if parameter.minimum is None else parameter

    def _kind(self, raw: Mapping[str, Any], path: str) -> tuple[Kind | None, str | None]:
        given = raw.get("type", "string" if "enum" in raw else None)
        if given is None:
            self.found.note(path, f"A parameter needs a “type”: {', '.join(TYPES)}.")
            return None, None
        name = self.found.choice(given, TYPES, join(path, "type"), "type of parameter")
        kind = Kind(name) if name else None
        if "format" not in raw:
            return kind, None
        if kind is not Kind.STRING:
            self.found.note(join(path, "format"), "Only a string has a format.")
            return None, None
        form = self.found.choice(raw["format"], FORMATS, join(path, "format"), "format")
        return (Kind.FILE, FORMATS[form]) if form else (None, None)

    def _item(self, raw: Mapping[str, Any], path: str) -> Parameter | None:
        if "items" not in raw:
            self.found.note(path, "A list needs “items”, the type of what is in it.")
            return None
        item = self._parameter("item", raw["items"], join(path, "items"), 0, required=True)
        if item is not None and item.kind is Kind.ARRAY:
            self.found.note(join(path, "items"), "A list of lists is not possible.")
            return None
        return item

    def _meter(self, raw: Mapping[str, Any], kind: Kind, path: str) -> Meter | None:
        if "x-meter" not in raw:
            return None
        where = join(path, "x-meter")
        name = self.found.choice(raw["x-meter"], [one.value for one in Meter], where, "meter")
        if name is None:
            return None
        meter = Meter(name)
        if kind not in METERED[meter]:
            kinds = " or ".join(one.value for one in METERED[meter])
            self.found.note(where, f"A {kind.value} cannot measure {name}; that takes {kinds}.")
        return meter

    def _meters(self, parameters: list[Parameter]) -> None:
        seen: dict[Meter, str] = {}
        for parameter in parameters:
            meter = parameter.meter
            if meter is None or meter in ADDED_UP:
                continue
            if meter in seen:
                where = f"properties.{parameter.name}.x-meter"
                self.found.note(where, f"{seen[meter]} already measures {meter.value}; only one parameter can.")
            seen[meter] = parameter.name

    def _check_range(self, parameter: Parameter, path: str) -> None:
        low, high = parameter.minimum, parameter.maximum
        if low is not None and high is not None and low > high:
            self.found.note(join(path, "minimum"), f"The minimum {low} is above the maximum {high}.")
        if parameter.max_items is not None and parameter.min_items > parameter.max_items:
            self.found.note(join(path, "minItems"), "minItems is above maxItems.")

    def _with_enum(self, parameter: Parameter, raw: Mapping[str, Any], path: str) -> Parameter:
        where = join(path, "enum")
        if "enum" not in raw:
            if parameter.kind is Kind.STRING and parameter.meter not in (None, Meter.CHARACTER):
                self.found.note(path, f"Text that measures {parameter.meter} needs an “enum” of numbers.")
            return parameter
        given = self.found.items(raw["enum"], where, "“enum”")
        if not given or parameter.kind not in (Kind.STRING, Kind.INTEGER, Kind.NUMBER):
            self.found.note(where, "An enum lists the values of a string, integer or number, at least one.")
            return parameter
        members = []
        for index, one in enumerate(given):
            try:
                member = parameter.canonical(one)
            except ValueError as wrong:
                self.found.note(join(where, index), sentence(wrong))
                continue
            if member in members:
                self.found.note(join(where, index), f"{shown(one)} is listed twice.")
            members.append(member)
        self._check_metered_enum(parameter, members, where)
        return replace(parameter, enum=tuple(members))

    def _check_metered_enum(self, parameter: Parameter, members: list[Any], where: str) -> None:
        if parameter.meter in (None, Meter.CHARACTER):
            return
        for index, member in enumerate(members):
            number, place = seconds_in(member), join(where, index)
            if number is None and member != AUTO:
                self.found.note(place, f"{shown(member)} measures no {parameter.meter}: it is not a number.")
            elif number is not None and parameter.meter is Meter.IMAGE and not 1 <= number <= MOST_OUTPUTS:
                self.found.note(place, f"From 1 to {MOST_OUTPUTS} outputs can be asked for, not {number}.")

    def _with_default(self, parameter: Parameter, raw: Mapping[str, Any], path: str) -> Parameter:
        if raw.get("default") is None:
            return parameter
        try:
            return replace(parameter, default=parameter.canonical(raw["default"]))
        except ValueError as wrong:
            near = nearest(raw["default"], parameter.enum)
            self.found.note(join(path, "default"), f"The default is not allowed: {sentence(wrong)}", near)
            return parameter

    def _sizes(self, given: object, parameters: list[Parameter]) -> tuple[tuple[str, ...], dict[str, tuple[int, int]]]:
        raw = self.found.mapping(given, "x-size", "“x-size”")
        if raw is None:
            return (), {}
        self.found.keys(raw, ("by", "values"), "x-size", "“x-size”")
        by = self._named(raw.get("by"), "x-size.by", parameters)
        values = self.found.mapping(raw.get("values", {}), "x-size.values", "“values”") or {}
        sizes = {str(key): self._size(str(key), size, len(by)) for key, size in values.items()}
        return tuple(map(str, by)), {key: size for key, size in sizes.items() if size is not None}

    def _size(self, key: str, given: object, parameters: int) -> tuple[int, int] | None:
        """A row of the table. A value that its parameter no longer has is harmless: nobody can ask for it."""
        path = join("x-size.values", key)
        named = len(key.split("|"))
        if named != parameters:
            self.found.note(path, f"This names {named} values where {parameters} parameters make the size.")
        sides = list(given) if isinstance(given, list | tuple) else []
        if len(sides) != 2 or not all(type(side) is int and 0 < side <= 65_536 for side in sides):
            self.found.note(path, "A size is [width, height] in whole pixels.")
            return None
        return sides[0], sides[1]

    def _divisor(self, raw: Mapping[str, Any]) -> int:
        divisor = self._positive(raw, "x-megapixel-divisor", "x-megapixel-divisor")
        if divisor is None:
            return DEFAULT_DIVISOR
        if divisor != divisor.to_integral_value():
            self.found.note("x-megapixel-divisor", "The divisor is a whole number of pixels.")
        return int(divisor) or DEFAULT_DIVISOR

    def _figure(self, raw: Mapping[str, Any], key: str, path: str) -> Decimal | None:
        if raw.get(key) is None:
            return None
        try:
            return figure(raw[key])
        except ValueError as wrong:
            self.found.note(join(path, key), f"{wrong}.")
            return None

    def _positive(self, raw: Mapping[str, Any], key: str, path: str) -> Decimal | None:
        return None if raw.get(key) is None else self.found.amount(raw[key], path, positive=True)

    def _count(self, raw: Mapping[str, Any], key: str, path: str) -> int | None:
        given = raw.get(key)
        if given is None:
            return None
        if type(given) is not int or not 0 <= given <= 1_000_000:
            self.found.note(join(path, key), "This is a whole number from 0 to 1,000,000.")
            return None
        return given

    def _text(self, raw: Mapping[str, Any], key: str, path: str) -> str:
        given = raw.get(key, "")
        if not isinstance(given, str):
            self.found.note(join(path, key), f"This is text, not {shown(given)}.")
            return ""
        return given

    def _flag(self, raw: Mapping[str, Any], key: str, path: str) -> bool:
        return self.found.flag(raw[key], join(path, key)) is True if key in raw else False
