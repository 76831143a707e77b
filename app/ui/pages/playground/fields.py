"""The form a model's parameters make: which control each one gets, and what its values mean as a request. Pure.

A form's values are text by parameter name ("" for nothing, "true" and "false" for switches); files are lists of ids
and addresses. `given` makes a request's input of them, which the catalogue's own door then checks.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypedDict

from app.kernel.money import plain
from app.kernel.text import t
from app.pricing.parameters import Kind, Parameter, ParamSchema
from app.ui import present
from app.ui.pages.playground.labels import is_shape, ratio_of, shape_label, shape_sides, value_label

#: More fields than this fold the advanced ones away.
UNFOLDED = 7
#: Texts allowed to be longer than this get several lines.
ONE_LINE = 120
#: A slider with more steps than this is no use.
MOST_STEPS = 1_000
MOST_SEGMENTS = 5
MOST_TILES = 12
FORM_PX, HALF_PX = 338, 160
TILE_EDGES = 6
#: What a select shows for "nothing chosen": its items cannot be empty.
NOTHING = "nothing-chosen"
SEED = "seed"

ACCEPTS = {"image": "image/*", "video": "video/*", "audio": "audio/*", "file": "image/*,video/*,audio/*"}


class Option(TypedDict):
    """One value of a choice. `width` and `height` are CSS lengths of its drawn shape."""

    value: str
    label: str
    width: str
    height: str


class FieldRow(TypedDict):
    """One control. `kind`: text, line, lines, segments, tiles, select, number, seed, switch, files."""

    name: str
    kind: str
    title: str
    help: str
    range: str
    required: bool
    options: list[Option]
    minimum: str
    maximum: str
    step: str
    slider: bool
    longest: int
    media: str
    accept: str
    most: int
    many: bool
    columns: str
    is_wide: bool
    advanced: bool


def rows(schema: ParamSchema, priced: frozenset[str] = frozenset()) -> list[FieldRow]:
    """Every parameter as a control, in the schema's order. `priced` are those whose values show a figure."""
    found = [_row(one, schema, one.name in priced) for one in schema.parameters]
    if len(found) > UNFOLDED and not any(row["advanced"] for row in found):
        for row in found[UNFOLDED:]:
            row["advanced"] = not row["required"]
    return [row for part in (False, True) for row in _paired([one for one in found if one["advanced"] is part])]


def folds(schema: ParamSchema) -> bool:
    """Whether the advanced fields are folded away at first."""
    return len(schema.parameters) > UNFOLDED


def fold_label(found: Sequence[FieldRow]) -> str:
    """What is behind the fold: `Steps, format, seed`."""
    names = [row["title"] for row in found if row["advanced"]]
    return ", ".join([*names[:1], *(name[:1].lower() + name[1:] for name in names[1:])])


def control_id(name: str) -> str:
    """The id of a parameter's control in the page."""
    return f"param-{name}"


def start_value(parameter: Parameter) -> str:
    """The default as a form shows it."""
    return as_text(parameter.default)


def as_text(value: object) -> str:
    """A canonical value as the form's text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "\n".join(map(as_text, value))
    return plain(Decimal(str(value))) if isinstance(value, float) else str(value)


def is_files(parameter: Parameter) -> bool:
    """Whether its value is one file or several."""
    one = parameter.item if parameter.kind is Kind.ARRAY and parameter.item else parameter
    return one.kind is Kind.FILE


def media_of(parameter: Parameter) -> str:
    """image, video, audio or file."""
    one = parameter.item if parameter.item is not None else parameter
    return one.media or "file"


def most_files(parameter: Parameter) -> int:
    if parameter.kind is not Kind.ARRAY:
        return 1
    return parameter.max_items or 10


def given(schema: ParamSchema, values: Mapping[str, str], files: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The request's input: what is filled in, in the schema's order; what is empty is left out."""
    found: dict[str, Any] = {}
    for parameter in schema.parameters:
        if is_files(parameter):
            chosen = list(files.get(parameter.name, ()))
            value: Any = chosen if parameter.kind is Kind.ARRAY else (chosen[0] if chosen else None)
            if value:
                found[parameter.name] = value
        elif (text := values.get(parameter.name, "")) != "":
            found[parameter.name] = _given(parameter, text)
    return found


def accepts(parameter: Parameter, text: str) -> bool:
    """Whether a value kept from another model fits this one."""
    try:
        parameter.canonical(_given(parameter, text))
    except ValueError:
        return False
    return True


def _given(parameter: Parameter, text: str) -> Any:
    if parameter.enum:
        return next((member for member in parameter.enum if as_text(member) == text), text)
    if parameter.kind is Kind.ARRAY:
        return [line.strip() for line in text.split("\n") if line.strip()]
    return text


def _row(parameter: Parameter, schema: ParamSchema, priced: bool) -> FieldRow:
    kind = _kind(parameter, schema, priced)
    options = _options(parameter, schema, kind)
    return FieldRow(
        name=parameter.name,
        kind=kind,
        title=parameter.title or value_label(parameter.name),
        help=parameter.help,
        range=_range(parameter) if kind == "number" else "",
        required=parameter.required,
        options=options,
        minimum=_plain(parameter.minimum),
        maximum=_plain(parameter.maximum),
        step=_plain(parameter.step) or ("1" if parameter.kind is Kind.INTEGER else "any"),
        slider=_slides(parameter),
        longest=parameter.max_length or 0,
        media=media_of(parameter),
        accept=ACCEPTS[media_of(parameter)] if is_files(parameter) else "",
        most=most_files(parameter) if is_files(parameter) else 0,
        many=parameter.kind is Kind.ARRAY,
        columns=str(_columns([one["label"] for one in options])) if kind == "tiles" else "",
        is_wide=_is_wide(kind, options, priced),
        advanced=parameter.advanced and not parameter.required,
    )


def _kind(parameter: Parameter, schema: ParamSchema, priced: bool) -> str:
    if is_files(parameter):
        return "files"
    if parameter.enum:
        return _choice(parameter, schema, priced)
    match parameter.kind:
        case Kind.BOOLEAN:
            return "switch" if parameter.default is not None else "select"
        case Kind.INTEGER | Kind.NUMBER:
            is_seed = parameter.name == SEED and parameter.may_be_absent
            return "seed" if is_seed else "number"
        case Kind.ARRAY:
            return "lines"
        case _:
            return "line" if parameter.max_length is not None and parameter.max_length <= ONE_LINE else "text"


def _choice(parameter: Parameter, schema: ParamSchema, priced: bool) -> str:
    if is_shape(parameter, schema) and len(parameter.enum) <= MOST_TILES and not parameter.may_be_absent:
        return "tiles"
    fits = _segments_px([value_label(value) for value in parameter.enum], priced) <= FORM_PX
    few = 2 <= len(parameter.enum) <= MOST_SEGMENTS
    return "segments" if few and fits and not parameter.may_be_absent else "select"


def _options(parameter: Parameter, schema: ParamSchema, kind: str) -> list[Option]:
    members: Sequence[Any] = parameter.enum
    if not members and kind == "select":
        members = (True, False)
    label = shape_label if kind == "tiles" else value_label
    found = []
    for member in members:
        text = as_text(member)
        width, height = shape_sides(ratio_of(text, schema, parameter.name)) if kind == "tiles" else (0, 0)
        found.append(Option(value=text, label=label(member), width=f"{width}px", height=f"{height}px"))
    if kind == "select" and parameter.may_be_absent:
        nothing = Option(value=NOTHING, label=t("playground.field.not_set"), width="0px", height="0px")
        return [nothing, *found]
    return found


def _segments_px(labels: Sequence[str], priced: bool) -> int:
    """About how wide the segments are, for deciding whether they fit."""
    return sum(22 + 7 * len(label) + (28 if priced else 0) for label in labels)


def _is_wide(kind: str, options: Sequence[Option], priced: bool) -> bool:
    if kind in ("number", "seed", "select", "line"):
        return False
    return kind != "segments" or _segments_px([one["label"] for one in options], priced) > HALF_PX


def _columns(labels: Sequence[str]) -> int:
    """Tiles in a row: all of them where they fit, else rows of the same length."""
    widest = max((sum(7 if letter.isdigit() else 5 for letter in label) for label in labels), default=1)
    room = max(2, min(MOST_TILES // 2, FORM_PX // (widest + TILE_EDGES)))
    rows_needed = -(-len(labels) // room)
    return -(-len(labels) // rows_needed) if labels else 1


def _range(parameter: Parameter) -> str:
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        return f"{present.number(low)}–{present.number(high)}"
    if low is not None:
        return t("playground.field.at_least", figure=present.number(low))
    return t("playground.field.at_most", figure=present.number(high)) if high is not None else ""


def _slides(parameter: Parameter) -> bool:
    low, high = parameter.minimum, parameter.maximum
    if low is None or high is None or high <= low:
        return False
    step = parameter.step or Decimal(1)
    return (high - low) / step <= MOST_STEPS


def _plain(figure: Decimal | None) -> str:
    return "" if figure is None else plain(figure)


def _paired(found: list[FieldRow]) -> list[FieldRow]:
    """Narrow fields stand two in a row; one left without a neighbour takes the whole row."""
    left = False
    for index, row in enumerate(found):
        if row["is_wide"] or left:
            left = False
        elif index + 1 < len(found) and not found[index + 1]["is_wide"]:
            left = True
        else:
            row["is_wide"] = True
    return found
