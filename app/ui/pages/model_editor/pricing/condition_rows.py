"""A condition as two chips, an operator and its form. Pure, and tolerant of whatever the JSON says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.kernel.text import t
from app.pricing.conditions import ABSENT, PRESENT, word
from app.pricing.numbers import measure_in
from app.pricing.parameters import AUTO, Kind, Parameter
from app.ui.pages.model_editor.json_values import encoded, figure_text, mapping, same
from app.ui.pages.model_editor.pricing.rows import ChoiceRow, ConditionRow
from app.ui.pages.model_editor.pricing.sight import Sight
from app.ui.pages.model_editor.problem_rows import fix_words
from app.ui.pages.model_editor.rows import OptionRow

ENDS = {"gte": "at_least", "gt": "over", "lte": "at_most", "lt": "under"}


def condition_row(place: str, index: int, param: str, what: object, path: str, sight: Sight) -> ConditionRow:
    parameter = sight.schema.get(param)
    problem = sight.problem(path, within=True)
    fix, fix_id = fix_words(problem)
    op = _op(what, parameter)
    values = what if isinstance(what, list) else [what]
    low, high = _ends(what)
    kind = _kind(op, parameter)
    return ConditionRow(
        place=place,
        index=index,
        param=param,
        op=op,
        op_words=t(f"model_editor.op.{op}"),
        shown=_shown(op, what, values),
        kind=kind,
        choices=[_choice(value, values) for value in values_of(parameter)] if kind == "choices" else [],
        low=low,
        high=high,
        ops=[OptionRow(value=name, label=t(f"model_editor.op.{name}")) for name in _ops(parameter, op)],
        problem=problem.message if problem else "",
        fix=fix,
        fix_id=fix_id,
    )


def values_of(parameter: Parameter | None) -> list[Any]:
    if parameter is None:
        return []
    return list(parameter.enum) or ([True, False] if parameter.kind is Kind.BOOLEAN else [])


def _op(what: object, parameter: Parameter | None) -> str:
    if isinstance(what, Mapping):
        ends = list(what)
        if len(ends) == 1 and ends[0] in ENDS:
            return ENDS[ends[0]]
        return "between" if set(ends) == {"gte", "lte"} else "custom"
    if isinstance(what, list):
        return "any"
    if what == ABSENT and (parameter is None or ABSENT not in parameter.enum):
        return "absent"
    return "present" if what == PRESENT and parameter is not None and parameter.is_presence else "is"


def _ops(parameter: Parameter | None, present: str) -> list[str]:
    if parameter is None:
        return [present]
    if parameter.is_presence:
        return ["present", "absent"]
    found = ["is", "any"] if parameter.enum else ["is"]
    if _is_ordered(parameter):
        found += ["at_least", "over", "at_most", "under", "between"]
    if parameter.may_be_absent:
        found.append("absent")
    return found if present in found else [*found, present]


def _is_ordered(parameter: Parameter) -> bool:
    if not parameter.enum:
        return parameter.kind in (Kind.INTEGER, Kind.NUMBER)
    return all(measure_in(member) for member in parameter.enum if member != AUTO)


def _kind(op: str, parameter: Parameter | None) -> str:
    if op in ("absent", "present", "custom"):
        return "presence" if op != "custom" else "custom"
    if op in ("at_least", "over"):
        return "low"
    if op in ("at_most", "under"):
        return "high"
    if op == "between":
        return "ends"
    return "choices" if values_of(parameter) else "text"


def _choice(value: object, chosen: Iterable[object]) -> ChoiceRow:
    return ChoiceRow(value=encoded(value), label=word(value), on=any(same(value, one) for one in chosen))


def _ends(what: object) -> tuple[str, str]:
    ends = mapping(what)
    low = next((ends[key] for key in ("gte", "gt") if key in ends), None)
    high = next((ends[key] for key in ("lte", "lt") if key in ends), None)
    if not ends and not isinstance(what, Mapping | list) and what is not None:
        return _said(what), ""
    return figure_text(low), figure_text(high)


def _shown(op: str, what: object, values: Sequence[object]) -> str:
    if op in ("absent", "present"):
        return ""
    if op == "custom":
        return encoded(what)
    if isinstance(what, Mapping):
        return " – ".join(figure_text(one) for one in what.values())
    return ", ".join(map(_said, values))


def _said(value: object) -> str:
    try:
        return word(value)
    except ValueError:
        return encoded(value)
