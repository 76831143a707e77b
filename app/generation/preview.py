"""What a half-filled form would cost: the price as far as it can be told, and what is still wrong or missing.

A complete form goes through `price`, the same road as a request; a draft leaves out only what is required and not
there yet, so that a price can stand beside an empty prompt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.catalogue.offers import Offer
from app.catalogue.param_schema import coerce
from app.generation.desk import Desk
from app.generation.dialogue import check_served, is_dialogue, planned, quote_of
from app.generation.inputs import check_owned, lengths
from app.generation.price import price
from app.kernel.errors import FareboxError, InvalidInput
from app.plans.allowed import Change
from app.pricing.parameters import Kind, Parameter, ParamSchema
from app.pricing.quote import Quote, estimate


@dataclass(frozen=True, slots=True)
class Preview:
    """A draft's price. `quote` is None when there is none: then `problems` (by parameter) or `refusal` say why.

    `params` are coerced as far as they are right; `missing` are required parameters nobody has filled in yet.
    """

    offer: Offer
    params: Mapping[str, Any]
    quote: Quote | None
    missing: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    less: tuple[Change, ...] = ()  # what the customer's plan makes less than was asked


def preview(desk: Desk, model: str, given: Mapping[str, Any], workspace_id: str) -> Preview:
    """Price a draft. Changes nothing; raises NotFound for a model that is not offered, and nothing else of ours."""
    offer = desk.offers.find(model)
    missing = tuple(one.name for one in offer.schema.parameters if one.required and is_missing(one, given))
    problems = _problems(offer.schema, given)
    sound = {name: value for name, value in given.items() if name not in problems and name not in missing}
    try:
        params = coerce(_without(offer.schema, {*missing, *problems}), sound)
        if problems:
            return Preview(offer, params, None, missing, problems)
        quote, less = _quote(desk, offer, params, sound, workspace_id, missing)
        return Preview(offer, params, quote, missing, less=less)
    except InvalidInput as wrong:
        known = {wrong.param: wrong.message} if wrong.param and wrong.param in offer.schema.by_name else {}
        return Preview(offer, {}, None, missing, known, "" if known else wrong.message)
    except FareboxError as refused:
        return Preview(offer, {}, None, missing, {}, refused.message)


def is_missing(parameter: Parameter, given: Mapping[str, Any]) -> bool:
    """Whether a value is still to come: nothing, a blank text or an empty list, and no default to stand in."""
    value = given.get(parameter.name)
    if isinstance(value, str) and parameter.kind is Kind.STRING:
        return not value.strip()
    return value in (None, [], "") and parameter.default is None


def _quote(
    desk: Desk,
    offer: Offer,
    params: dict[str, Any],
    given: Mapping[str, Any],
    workspace_id: str,
    missing: tuple[str, ...],
) -> tuple[Quote, tuple[Change, ...]]:
    if is_dialogue(offer):
        return _quote_of_dialogue(desk, offer, params, workspace_id), ()
    if not missing:
        priced = price(desk, offer.alias, given, workspace_id)
        return priced.quote, priced.less
    check_owned(desk.files, params, workspace_id)
    return estimate(offer.card, offer.schema, params, lengths=lengths(desk.files, offer.schema, params)), ()


def _quote_of_dialogue(desk: Desk, offer: Offer, params: Mapping[str, Any], workspace_id: str) -> Quote:
    plan = planned(offer, params)
    check_served(desk, plan, workspace_id)
    return quote_of(plan)


def _problems(schema: ParamSchema, given: Mapping[str, Any]) -> dict[str, str]:
    """Every value that is not allowed, each in its own words: a form marks them all at once."""
    found: dict[str, str] = {}
    for name, value in given.items():
        parameter = schema.get(name)
        if parameter is None or value is None or is_missing(parameter, given):
            continue
        try:
            parameter.canonical(value)
        except ValueError as wrong:
            sentence = str(wrong)
            found[name] = sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith((".", "?")) else ".")
    return found


def _without(schema: ParamSchema, left_out: set[str]) -> ParamSchema:
    """The schema with these parameters optional."""
    if not left_out:
        return schema
    relaxed = (replace(one, required=False) if one.name in left_out else one for one in schema.parameters)
    return replace(schema, parameters=tuple(relaxed))
