"""Reads what a condition compares: a scalar, a list of them, or a range, in terms of the parameter's own values."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.pricing.conditions import ABSENT, PRESENT, Condition, OneOf, Present, Test, Value, Within, settled
from app.pricing.document import Findings, join
from app.pricing.numbers import figure, measure_in, seconds_in, sentence, shown
from app.pricing.parameters import AUTO, Kind, Parameter, ParamSchema
from app.pricing.suggest import did_you_mean, nearest

ENDS = ("gte", "gt", "lte", "lt")


class MatchReader:
    """`conditions` reads a tier's `match`; `condition` reads an attribute's `param` and `is`."""

    def __init__(self, findings: Findings, schema: ParamSchema | None) -> None:
        self.found = findings
        self.schema = schema

    def conditions(self, given: object, path: str) -> tuple[Condition, ...]:
        raw = self.found.mapping(given, path, "“match”")
        if raw is None:
            return ()
        if not raw:
            self.found.note(path, "A tier needs at least one condition; without one it would replace the base price.")
        read = [self.condition(name, what, join(path, str(name)), join(path, str(name))) for name, what in raw.items()]
        return tuple(condition for condition in read if condition is not None)

    def condition(self, name: object, what: object, name_path: str, path: str) -> Condition | None:
        """One condition, or None with the reason noted. `name_path` differs from `path` in an attribute."""
        if not isinstance(name, str):
            self.found.note(name_path, f"A parameter's name is text, not {shown(name)}.")
            return None
        parameter = self.schema.get(name) if self.schema else None
        if self.schema is not None and parameter is None:
            self._unknown(name, what, name_path, "key" if name_path == path else "value")
            return None
        test = self._test(what, parameter, path)
        return None if test is None else Condition(name, test)

    def _unknown(self, name: str, what: object, path: str, replaces: str) -> None:
        names = self.schema.names if self.schema else ()
        near = nearest(name, names) or self._by_value(what)
        hint = f" Did you mean {near}?" if near else did_you_mean(name, names)
        self.found.note(path, f"The model has no parameter {shown(name)}.{hint}", near, replaces)

    def _by_value(self, what: object) -> str | None:
        """The one parameter whose enum knows the value that was asked for."""
        wanted = what[0] if isinstance(what, list) and what else what
        holders = [p.name for p in (self.schema.parameters if self.schema else ()) if wanted in p.enum]
        return holders[0] if len(holders) == 1 else None

    def _test(self, what: object, parameter: Parameter | None, path: str) -> Test | None:
        if isinstance(what, Mapping):
            return self._range(what, parameter, path)
        if parameter is not None and parameter.is_presence:
            return self._presence(what, parameter, path)
        if isinstance(what, list | tuple):
            if not what:
                self.found.note(path, "An empty list matches nothing.")
            read = [self._value(one, parameter, join(path, index)) for index, one in enumerate(what)]
            values = [value for ok, value in read if ok]
            return OneOf(tuple(values)) if values and len(values) == len(what) else None
        ok, value = self._value(what, parameter, path)
        return OneOf((value,)) if ok else None

    def _presence(self, what: object, parameter: Parameter, path: str) -> Test | None:
        if what == ABSENT:
            return OneOf((None,))
        if what == PRESENT:
            return Present()
        article = "a list" if parameter.kind is Kind.ARRAY else "a file"
        self.found.note(path, f"{parameter.name} is {article}: it can only be “absent” or “present”.", PRESENT)
        return None

    def _value(self, given: object, parameter: Parameter | None, path: str) -> tuple[bool, Value]:
        if given is None:
            self.found.note(path, "To match a parameter that was not given, write “absent”.", ABSENT)
            return False, None
        if given == ABSENT and (parameter is None or ABSENT not in parameter.enum):
            return True, None
        if isinstance(given, Mapping | list | tuple):
            self.found.note(path, f"This compares with a value or a range, not with {shown(given)}.")
            return False, None
        try:
            if parameter is None:
                return True, settled(given if isinstance(given, str | bool) else figure(given))
            return True, settled(_unranged(parameter, given))
        except ValueError as wrong:
            near = nearest(given, parameter.enum) if parameter is not None else None
            name = f"{parameter.name}: " if parameter is not None else ""
            self.found.note(path, f"{name}{sentence(wrong)}", near)
            return False, None

    def _range(self, raw: Mapping[str, Any], parameter: Parameter | None, path: str) -> Test | None:
        before = len(self.found.problems)
        self.found.keys(raw, ENDS, path, "A range")
        if not raw:
            self.found.note(path, "A range needs an end: gte, gt, lte or lt.")
        for either, other in (("gte", "gt"), ("lte", "lt")):
            if either in raw and other in raw:
                self.found.note(path, f"A range has {either} or {other}, not both.")
        if parameter is not None and not _has_order(parameter):
            values = f" List the values instead: {', '.join(map(str, parameter.enum))}." if parameter.enum else ""
            self.found.note(path, f"{parameter.name} has no order, so it has no ranges.{values}")
        ends = {end: self._end(raw[end], join(path, end)) for end in ENDS if end in raw}
        if len(self.found.problems) > before:
            return None
        low, high = ends.get("gte", ends.get("gt")), ends.get("lte", ends.get("lt"))
        strict = (low is not None and "gt" in ends) or (high is not None and "lt" in ends)
        if low is not None and high is not None and (low > high or (low == high and strict)):
            self.found.note(path, "Nothing lies in this range: its lower end is above its upper end.")
            return None
        return Within(low, high, "gt" in ends, "lt" in ends)

    def _end(self, given: object, path: str) -> Decimal | None:
        number = seconds_in(given)
        if number is None:
            self.found.note(path, f"The end of a range is a number, not {shown(given)}.")
        return number


def _unranged(parameter: Parameter, given: object) -> Value:
    """The value as the parameter spells it; one outside the allowed range is fine here, merely never reached."""
    if parameter.enum or parameter.kind not in (Kind.INTEGER, Kind.NUMBER):
        return parameter.canonical(given)
    return Parameter(parameter.name, parameter.kind).canonical(given)


def _has_order(parameter: Parameter) -> bool:
    """Numbers have; an enum has when its members are numbers with one and the same suffix (`4s`, `6s`, `8s`)."""
    if not parameter.enum:
        return parameter.kind in (Kind.INTEGER, Kind.NUMBER)
    measures = [measure_in(member) for member in parameter.enum if member != AUTO]
    return all(measures) and len({measure[1] for measure in measures if measure}) <= 1
