"""What stands in the calculator as a request, through the same door as a customer's. Pure."""

import json
from collections.abc import Mapping
from decimal import Decimal

from app.catalogue.param_schema import coerce
from app.pricing.conditions import Value
from app.pricing.matrix import SAMPLE_CHARACTERS, SAMPLE_SECONDS, sample_request
from app.pricing.parameters import Kind, Meter, Parameter, ParamSchema
from app.ui.pages.model_editor.json_values import encoded, figure_in

#: More than a person would type to try a price out.
MOST_CHARACTERS = 1_000_000


def asked_of(schema: ParamSchema, values: Mapping[str, str]) -> tuple[dict[str, Value], dict[str, Decimal]]:
    asked, lengths = sample_request(schema, {})
    absent: set[str] = set()
    given: dict[str, Value] = {}
    for parameter in schema.parameters:
        text = values.get(parameter.name, "")
        if is_measured(parameter):
            _measure(parameter, text, given, lengths)
        elif parameter.is_presence:
            if text == encoded("present"):
                absent.discard(parameter.name)
                lengths.setdefault(parameter.name, SAMPLE_SECONDS)
        elif text == "null":
            absent.add(parameter.name)
        elif text:
            given[parameter.name] = _value(parameter, text)
    plain = {name: value for name, value in asked.items() if not _is_presence(schema, name)}
    coerced = _coerced(schema, {**plain, **given})
    present_ones = {
        parameter.name: "present"
        for parameter in schema.parameters
        if parameter.is_presence and (values.get(parameter.name) == encoded("present") or parameter.name in asked)
    }
    kept = {name: value for name, value in coerced.items() if name not in absent}
    return {**kept, **present_ones}, lengths


def is_measured(parameter: Parameter) -> bool:
    return parameter.meter is Meter.CHARACTER or (parameter.meter is Meter.SECOND and parameter.kind is Kind.FILE)


def _coerced(schema: ParamSchema, given: Mapping[str, Value]) -> dict[str, Value]:
    """Through the same door as a request, leaving out the files nobody has here."""
    typed = tuple(parameter for parameter in schema.parameters if not parameter.is_presence)
    filled = {
        parameter.name: "x"
        for parameter in typed
        if parameter.required and parameter.kind is Kind.STRING and not parameter.enum and not given.get(parameter.name)
    }
    return coerce(
        ParamSchema(typed, schema.size_by, schema.sizes, schema.megapixel_divisor, schema.fps), {**given, **filled}
    )


def _measure(parameter: Parameter, text: str, given: dict[str, Value], lengths: dict[str, Decimal]) -> None:
    number = figure_in(text) if text else None
    if parameter.meter is Meter.CHARACTER:
        count = min(int(number), MOST_CHARACTERS) if isinstance(number, int | float) else SAMPLE_CHARACTERS
        given[parameter.name] = "x" * count
    elif isinstance(number, int | float):
        lengths[parameter.name] = Decimal(repr(number))


def _value(parameter: Parameter, text: str) -> Value:
    if parameter.enum or parameter.kind is Kind.BOOLEAN:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _is_presence(schema: ParamSchema, name: str) -> bool:
    parameter = schema.get(name)
    return parameter is not None and parameter.is_presence
