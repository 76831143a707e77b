"""The usage a request will probably have, read from its parameters alone: what an estimate and a hold are made from.

What the request leaves open (a parameter without value, or `auto`) is taken at the most the schema declares, because
a promise of less could not be kept. The one exception is the number of outputs, which is one unless asked for; with
`most=True` it is the largest allowed, and text counts as many tokens as it could at worst. A measure about which the
schema says nothing stays None, and pricing it is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from itertools import product
from typing import TypeVar

from app.pricing.conditions import Value
from app.pricing.numbers import seconds_in, size_in
from app.pricing.parameters import AUTO, Kind, Meter, Parameter, ParamSchema
from app.pricing.usage import Output, Usage

#: A token of running text has about four characters; at worst it has one byte.
CHARACTERS_PER_TOKEN = 4

#: The measures of tokens; a provider that tells one of them has told them all.
TOKENS = ("tokens", "input_tokens", "output_tokens", "image_input_tokens", "image_output_tokens")

T = TypeVar("T")


def expected_usage(
    schema: ParamSchema,
    params: Mapping[str, Value],
    *,
    most: bool = False,
    lengths: Mapping[str, Decimal] | None = None,
) -> Usage:
    """Predict the usage of `params` (coerced). `lengths` are the seconds of input files, by parameter name."""
    width, height = _size(schema, params)
    output = Output(width, height, _seconds(schema, params, lengths or {}), None, _fps(schema, params))
    texts = _texts(schema, params)
    return Usage(
        outputs=(output,) * _count(schema, params, most),
        characters=character_count(schema, params),
        input_tokens=_input_tokens(texts, most),
        cached_input_tokens=None,
        output_tokens=_output_tokens(schema, params),
        image_input_tokens=_image_input_tokens(schema, params),
        image_output_tokens=_image_output_tokens(schema, params, most),
    )


def filled(measured: Usage, expected: Usage) -> Usage:
    """`measured` with every measure that nobody reported taken from `expected`; a reported zero is kept.

    The number of outputs is always the measured one.
    """
    like = expected.outputs[0] if expected.outputs else Output()
    outputs = tuple(_merged(output, like) for output in measured.outputs)
    if any(getattr(measured, name) is not None for name in TOKENS):
        return replace(measured, outputs=outputs, characters=_or(measured.characters, expected.characters))
    return replace(expected, outputs=outputs, characters=_or(measured.characters, expected.characters))


def character_count(schema: ParamSchema, params: Mapping[str, Value]) -> int | None:
    """Unicode code points of the texts that are charged for; None when no parameter is metered so."""
    texts = _texts(schema, params)
    return sum(map(len, texts)) if texts else None


def largest(parameter: Parameter) -> Decimal | None:
    """The most this parameter can be: its largest enum member that is a number, or its maximum."""
    numbers = [number for number in map(seconds_in, parameter.enum) if number is not None]
    return max(numbers) if numbers else parameter.maximum


def _number(parameter: Parameter, params: Mapping[str, Value]) -> Decimal | None:
    value = params.get(parameter.name)
    number = None if value is None else seconds_in(value)
    return largest(parameter) if number is None else number


def _count(schema: ParamSchema, params: Mapping[str, Value], most: bool) -> int:
    asking = schema.metered(Meter.IMAGE)
    if not asking:
        return 1
    given = seconds_in(params.get(asking[0].name))
    if given is None:
        given = largest(asking[0]) if most else None
    return 1 if given is None else int(given)


def _seconds(schema: ParamSchema, params: Mapping[str, Value], lengths: Mapping[str, Decimal]) -> Decimal | None:
    parts = [_length(parameter, params, lengths) for parameter in schema.metered(Meter.SECOND)]
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(parts) else None


def _length(parameter: Parameter, params: Mapping[str, Value], lengths: Mapping[str, Decimal]) -> Decimal | None:
    if parameter.kind is not Kind.FILE:
        number = _number(parameter, params)
        return None if number is None else _divided(number, parameter.per)
    if params.get(parameter.name) is None:
        return Decimal(0)
    return lengths.get(parameter.name, parameter.maximum)


def _fps(schema: ParamSchema, params: Mapping[str, Value]) -> Decimal | None:
    for parameter in schema.metered(Meter.FPS):
        return _or(_number(parameter, params), schema.fps)
    return schema.fps


def _size(schema: ParamSchema, params: Mapping[str, Value]) -> tuple[int | None, int | None]:
    """Pixels: from width and height parameters, else the largest row of the size table that fits the request."""
    sides = []
    for meter in (Meter.WIDTH, Meter.HEIGHT):
        number = next((_number(parameter, params) for parameter in schema.metered(meter)), None)
        sides.append(None if number is None else int(number))
    if None not in sides:
        return sides[0], sides[1]
    fitting = [size for key in _size_keys(schema, params) if (size := _look_up(schema, key)) is not None]
    return max(fitting, key=lambda size: size[0] * size[1], default=(None, None))


def _size_keys(schema: ParamSchema, params: Mapping[str, Value]) -> Iterable[tuple[str, ...]]:
    named = [parameter for name in schema.size_by if (parameter := schema.get(name)) is not None]
    return product(*(_size_options(parameter, params.get(parameter.name)) for parameter in named)) if named else ()


def _size_options(parameter: Parameter, value: Value) -> list[str]:
    if value is not None and value != AUTO:
        return [str(value)]
    return [str(member) for member in parameter.enum if member != AUTO]


def _look_up(schema: ParamSchema, key: tuple[str, ...]) -> tuple[int, int] | None:
    known = schema.sizes.get("|".join(key))
    return known if known is not None else next((size for part in key if (size := size_in(part)) is not None), None)


def _texts(schema: ParamSchema, params: Mapping[str, Value]) -> list[str]:
    return [params.get(parameter.name) or "" for parameter in schema.metered(Meter.CHARACTER)]


def _input_tokens(texts: list[str], most: bool) -> Decimal | None:
    if not texts:
        return None
    if most:
        return Decimal(sum(len(text.encode("utf-8", "surrogatepass")) for text in texts))
    return Decimal(-(-sum(map(len, texts)) // CHARACTERS_PER_TOKEN))


def _output_tokens(schema: ParamSchema, params: Mapping[str, Value]) -> Decimal | None:
    for parameter in schema.metered(Meter.OUTPUT_TOKEN):
        return _number(parameter, params)
    return schema.output_tokens


def _image_input_tokens(schema: ParamSchema, params: Mapping[str, Value]) -> Decimal | None:
    """Tokens of the pictures that are put in; None where the schema does not say how many one takes."""
    if schema.picture_tokens is None:
        return None
    return schema.picture_tokens * sum(_pictures(parameter, params) for parameter in schema.parameters)


def _pictures(parameter: Parameter, params: Mapping[str, Value]) -> int:
    given = params.get(parameter.name)
    if given is None or not parameter.takes_picture:
        return 0
    return len(given) if isinstance(given, list) else 1


def _image_output_tokens(schema: ParamSchema, params: Mapping[str, Value], most: bool) -> Decimal | None:
    """Tokens of the pictures to be made, by the largest row of the table that fits the request."""
    if not schema.drawn_tokens:
        return None
    named = [parameter for name in schema.drawn_by if (parameter := schema.get(name)) is not None]
    keys = product(*(_size_options(parameter, params.get(parameter.name)) for parameter in named))
    fitting = [tokens for key in keys if (tokens := schema.drawn_tokens.get("|".join(key))) is not None]
    return max(fitting) * _count(schema, params, most) if fitting else None


def _divided(number: Decimal, per: Decimal) -> Decimal:
    """Exact where it can be, else cut (not rounded up) at a trillionth, so that "round up" never sees a phantom."""
    quotient = number / per
    exact = Fraction(number) / Fraction(per)
    return quotient if Fraction(quotient) == exact else quotient.quantize(Decimal("1e-12"), ROUND_DOWN)


def _or(value: T | None, other: T | None) -> T | None:
    return other if value is None else value


def _merged(measured: Output, expected: Output) -> Output:
    """Every measure of `measured`, or of `expected` where nobody reported it."""
    names = [one.name for one in fields(Output)]
    return Output(**{name: _or(getattr(measured, name), getattr(expected, name)) for name in names})
