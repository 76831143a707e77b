"""The values of a parameter that matter to a price: enum members, both booleans, range ends, breakpoints, absence."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

from app.pricing.conditions import PRESENT, Condition, Value, settled
from app.pricing.parameters import AUTO, Kind, Parameter, ParamSchema

#: How far beside a breakpoint to look where a number has no step of its own.
NEXT_TO = Decimal("0.000001")

#: Stands for any text that no condition mentions.
OTHER_TEXT = "…"


def candidates(
    name: str, schema: ParamSchema | None, conditions: Iterable[Condition], *, ends: bool = True
) -> list[Value]:
    """Representative values of a parameter: every one that some condition tells apart from the others.

    `ends` adds the declared range ends and the default of a number.
    """
    mentioned = [value for c in conditions if c.param == name for value in c.test.breakpoints]
    parameter = schema.get(name) if schema else None
    if parameter is None:
        return _anything(mentioned)
    values = _declared(parameter, mentioned, ends)
    absent = [None] if parameter.may_be_absent else []
    return values + absent


def _declared(parameter: Parameter, mentioned: list[Value], ends: bool) -> list[Value]:
    if parameter.enum:
        return [settled(member) for member in parameter.enum]
    match parameter.kind:
        case Kind.BOOLEAN:
            return [False, True]
        case Kind.INTEGER | Kind.NUMBER:
            return _numbers(parameter, mentioned, ends)
        case Kind.STRING:
            texts = [value for value in mentioned if isinstance(value, str)]
            known = [] if parameter.default is None else [parameter.default]
            return _unique([*texts, *known, OTHER_TEXT])
        case _:
            return [PRESENT]


def _numbers(parameter: Parameter, mentioned: list[Value], ends: bool) -> list[Value]:
    step = parameter.step or (Decimal(1) if parameter.kind is Kind.INTEGER else NEXT_TO)
    points = [value for value in mentioned if isinstance(value, int | Decimal) and not isinstance(value, bool)]
    found = {floor(Fraction(point) / Fraction(step)) * step + side for point in points for side in (-step, 0, step)}
    if ends:
        found |= {end for end in (parameter.minimum, parameter.maximum) if end is not None}
    if (ends or not found) and parameter.default is not None:
        found.add(Decimal(str(parameter.default)))
    if not found and not parameter.may_be_absent:
        found.add(Decimal(1))
    return [_whole(value) for value in sorted(found) if _allowed(parameter, value)]


def _allowed(parameter: Parameter, value: Decimal) -> bool:
    if parameter.minimum is not None and value < parameter.minimum:
        return False
    if parameter.maximum is not None and value > parameter.maximum:
        return False
    if parameter.kind is Kind.INTEGER and value != value.to_integral_value():
        return False
    return parameter.step is None or Fraction(value) % Fraction(parameter.step) == 0


def _anything(mentioned: list[Value]) -> list[Value]:
    """Without a schema: what the conditions name, the gaps between numbers, and absence."""
    numbers = sorted(value for value in mentioned if isinstance(value, int | Decimal) and not isinstance(value, bool))
    between = [(low + high) / 2 for low, high in pairwise(map(Decimal, numbers))]
    outside = [Decimal(numbers[0]) - 1, Decimal(numbers[-1]) + 1] if numbers else []
    return _unique([*mentioned, *between, *outside, None])


def _whole(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() else value


def _unique(values: Iterable[Value]) -> list[Value]:
    kept: list[Value] = []
    for value in values:
        if not any(type(value) is type(other) and value == other for other in kept):
            kept.append(value)
    return kept


def is_open_to(parameter: Parameter, value: Value) -> bool:
    """Whether the provider will choose: nothing was given and nothing is the default, or `auto` among other values.

    A file or a list that was not given stays absent: nobody but the caller could supply it.
    """
    if parameter.is_presence:
        return False
    return value is None or (parameter.leaves_open and value == AUTO)
