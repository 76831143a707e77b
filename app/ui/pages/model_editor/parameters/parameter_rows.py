"""The `paramSchema` as rows of a form. Pure, and tolerant: the schema may be wrong in any way."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from app.catalogue.judging import Judged, Placed, Written, text_of
from app.catalogue.schema_reader import FORMATS
from app.catalogue.workbench import Bench
from app.kernel.text import t
from app.ui.pages.model_editor.json_values import figure_text, items, mapping
from app.ui.pages.model_editor.problem_rows import changed_lines, problem_rows
from app.ui.pages.model_editor.rows import ProblemRow


class ParameterRow(TypedDict):
    """One parameter of the schema. `options` is the enum as a list people edit, one value a line."""

    name: str
    kind: str
    summary: str
    title: str
    help: str
    options: str
    default: str
    minimum: str
    maximum: str
    step: str
    max_length: str
    meter: str
    per: str
    required: bool
    advanced: bool
    takes_enum: bool
    takes_range: bool
    problem: str
    problems: list[str]


#: The kinds the form offers: JSON's types, and the files by their media.
FILE_KINDS = {form: f"{media}_file" for form, media in FORMATS.items()}
KINDS = ("string", "integer", "number", "boolean", "array", *FILE_KINDS.values())


@dataclass(frozen=True)
class ParametersView:
    """The rows, and what stands around the JSON; `readable` is false while that is none."""

    rows: list[ParameterRow] = field(default_factory=list)
    count: str = "0"
    readable: bool = True
    problems: list[ProblemRow] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)


def parameters_view(judged: Judged, written: Written, bench: Bench) -> ParametersView:
    """The whole tab."""
    live = bench.live.param_schema if bench.live else None
    problems = judged.of("param_schema")
    return ParametersView(
        rows=parameter_rows(judged.raw_schema, problems) if judged.raw_schema is not None else [],
        count=str(len(mapping((judged.raw_schema or {}).get("properties")))),
        readable=judged.raw_schema is not None,
        problems=problem_rows(problems),
        changed=changed_lines(text_of(live), written.param_schema) if live is not None else [],
    )


def parameter_rows(raw: Mapping[str, Any], problems: Sequence[Placed]) -> list[ParameterRow]:
    """A row for each parameter, in display order."""
    required = items(raw.get("required"))
    return [
        _row(name, mapping(mapping(raw.get("properties")).get(name)), name in required, problems)
        for name in in_order(raw)
    ]


def in_order(raw: Mapping[str, Any]) -> list[str]:
    """The parameters' names as the playground shows them."""
    properties = mapping(raw.get("properties"))
    ranked = [(_order(mapping(one), index), index, str(name)) for index, (name, one) in enumerate(properties.items())]
    return [name for _, _, name in sorted(ranked)]


def kind_of(given: Mapping[str, Any]) -> str:
    """The form's word for a property's type."""
    form = given.get("format")
    if isinstance(form, str) and form in FILE_KINDS:
        return FILE_KINDS[form]
    kind = given.get("type", "string" if "enum" in given else "")
    return kind if isinstance(kind, str) else json.dumps(kind)


def enum_text(values: object) -> str:
    """An enum as people edit it: its values with commas; numbers stay bare."""
    return ", ".join(one if isinstance(one, str) else figure_text(one) for one in items(values))


def _row(name: str, given: Mapping[str, Any], required: bool, problems: Sequence[Placed]) -> ParameterRow:
    kind = kind_of(given)
    path = f"properties.{name}"
    wrong = [one.message for one in problems if one.path == path or one.path.startswith((f"{path}.", f"{path}["))]
    default = given.get("default")
    return ParameterRow(
        name=name,
        kind=kind,
        summary=_summary(kind, given),
        title=_text(given.get("title")),
        help=_text(given.get("description")),
        options=enum_text(given.get("enum")),
        default=("true" if default else "false") if isinstance(default, bool) else figure_text(default),
        minimum=figure_text(given.get("minimum")),
        maximum=figure_text(given.get("maximum")),
        step=figure_text(given.get("multipleOf")),
        max_length=figure_text(given.get("maxLength")),
        meter=_text(given.get("x-meter")),
        per=figure_text(given.get("x-per")),
        required=required,
        advanced=given.get("x-advanced") is True,
        takes_enum=kind in ("string", "integer", "number"),
        takes_range=kind in ("integer", "number"),
        problem=wrong[0] if wrong else "",
        problems=wrong,
    )


def _summary(kind: str, given: Mapping[str, Any]) -> str:
    values = items(given.get("enum"))
    if values:
        return enum_text(values)
    low, high = figure_text(given.get("minimum")), figure_text(given.get("maximum"))
    if low or high:
        return f"{low or '…'} – {high or '…'}"
    return t("model_editor.parameter.text_only") if kind == "string" else ""


def _order(given: Mapping[str, Any], index: int) -> float:
    order = given.get("x-order")
    return order if isinstance(order, int | float) and not isinstance(order, bool) else index


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
