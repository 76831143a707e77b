"""A model's parameters: reading the `paramSchema` JSON, and the one door through which a request's values come in.

    schema = parse_schema(raw)           InvalidInput with details["problems"] = [{path, message, suggestion?}]
    params = coerce(schema, given)       UnknownParameter / InvalidInput naming the parameter and what would be right
    conditions = resolved_values(schema, params, reported)   what the provider really used, for the final price

Coerced values are plain JSON, in the schema's order, with defaults filled in; a parameter that is absent is left out.
"""

from collections.abc import Mapping
from typing import Any

from app.catalogue.schema_reader import SchemaReader
from app.kernel.errors import InvalidInput, UnknownParameter
from app.pricing.document import Findings, too_big
from app.pricing.numbers import sentence, shown
from app.pricing.parameters import Kind, Parameter, ParamSchema
from app.pricing.suggest import did_you_mean


def parse_schema(raw: Mapping[str, Any]) -> ParamSchema:
    """Read a `paramSchema`; InvalidInput carries everything that is wrong with it, each with its path."""
    findings = Findings()
    big = too_big(raw)
    if big is not None:
        findings.problems.append(big)
    schema = None if big else SchemaReader(findings).schema(raw)
    if schema is None or findings.problems:
        first = findings.problems[0]
        sentence = f"{first.path}: {first.message}" if first.path else first.message
        problems = [problem.to_json() for problem in findings.problems]
        raise InvalidInput(sentence, param=first.path or None, code="schema_refused", problems=problems)
    return schema


def coerce(schema: ParamSchema, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check and normalise a request's parameters; explicit null is the same as absent."""
    if not isinstance(given, Mapping):
        raise InvalidInput(f"The input is an object of parameters, not {shown(given)}.", param="input")
    for name in given:
        if schema.get(name) is None:
            hint = did_you_mean(name, schema.names)
            raise UnknownParameter(f"There is no parameter {shown(str(name))}.{hint}", param=str(name))
    found = {parameter.name: _value(parameter, given.get(parameter.name)) for parameter in schema.parameters}
    return {name: value for name, value in found.items() if value is not None}


def resolved_values(schema: ParamSchema, params: Mapping[str, Any], reported: Mapping[str, Any]) -> dict[str, Any]:
    """The request's values overlaid with those the provider reports, in the schema's spelling where they have one.

    A reported value that the schema does not know is kept as it came: it is what happened, and then no tier that
    names another value may apply. A report about something that is no parameter of ours is dropped, and so is one
    about files: whether there is one only the request can say.
    """
    found = dict(params)
    for name, value in reported.items():
        parameter = schema.get(name)
        if parameter is None or parameter.is_presence or value is None:
            continue
        try:
            found[name] = parameter.canonical(value)
        except ValueError:
            found[name] = value
    return found


def _value(parameter: Parameter, given: object) -> Any:
    if given is None:
        given = parameter.default
    if given is None:
        if parameter.required:
            raise InvalidInput(f"{parameter.name} is required.", param=parameter.name)
        return None
    try:
        value = parameter.canonical(given)
    except ValueError as wrong:
        raise InvalidInput(f"{parameter.name}: {sentence(wrong)}", param=parameter.name) from None
    if parameter.required and parameter.kind is Kind.STRING and not value.strip():
        raise InvalidInput(f"{parameter.name} is required and cannot be blank.", param=parameter.name)
    return value
