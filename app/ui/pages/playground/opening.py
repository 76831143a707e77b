"""The form of a model as it opens: its fields, and what was typed for another model where it fits this one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.catalogue.offers import Offer
from app.pricing.parameters import Meter, Parameter
from app.ui.pages.playground import fields, look
from app.ui.pages.playground.fields import FieldRow

Files = dict[str, list[dict[str, str]]]


@dataclass(slots=True)
class Kept:
    """What was typed and chosen, by parameter. `gone`: a file among it is there no longer."""

    values: dict[str, str] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """What a form shows. `segments`: the parameters with a price beside every choice, and whether they are wide."""

    fields: list[FieldRow]
    advanced: list[FieldRow]
    folds: bool
    fold_label: str
    segments: dict[str, bool]
    values: dict[str, str]
    files: Files


def form_of(offer: Offer, kept: Kept) -> Form:
    """The form of a model, with every kept value that it takes."""
    priced = look.priced_names(offer)
    rows = fields.rows(offer.schema, priced)
    segments = [row for row in rows if row["kind"] == "segments" and row["name"] in priced]
    parameters = offer.schema.parameters
    return Form(
        fields=[row for row in rows if not row["advanced"]],
        advanced=[row for row in rows if row["advanced"]],
        folds=fields.folds(offer.schema),
        fold_label=fields.fold_label(rows),
        segments={row["name"]: row["is_wide"] for row in segments},
        values={one.name: _value(offer, one, kept) for one in parameters if not fields.is_files(one)},
        files={
            one.name: kept.files.get(one.name, [])[: fields.most_files(one)]
            for one in parameters
            if fields.is_files(one)
        },
    )


def kept_of(offer: Offer, params: Mapping[str, Any], workspace_id: str) -> Kept:
    """The parameters of a request as they would have been typed; what it does not name keeps its default."""
    kept = Kept()
    for parameter in offer.schema.parameters:
        value = params.get(parameter.name)
        if value is None:
            continue
        if fields.is_files(parameter):
            kept.files[parameter.name], gone = look.file_rows(parameter, value, workspace_id)
            kept.gone |= bool(gone)
        else:
            kept.values[parameter.name] = fields.as_text(value)
    return kept


def _value(offer: Offer, parameter: Parameter, kept: Kept) -> str:
    typed = kept.values.get(parameter.name, "")
    if typed and fields.accepts(parameter, typed):
        return typed
    return fields.start_value(parameter) or _usual_length(offer, parameter)


def _usual_length(offer: Offer, parameter: Parameter) -> str:
    """Where an answer may be as long as the model can, the price of a question would be that of a book."""
    usual = offer.example.get(parameter.name) if parameter.meter is Meter.OUTPUT_TOKEN and offer.example else None
    return "" if usual is None else fields.as_text(usual)
