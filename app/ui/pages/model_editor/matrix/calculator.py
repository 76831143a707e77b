"""The test calculator: any request, priced by the draft and by what is live, with reason, cost and margin. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.catalogue.judging import Judged, Priced
from app.kernel.errors import FareboxError
from app.kernel.money import Money
from app.kernel.text import t
from app.pricing.conditions import Value, word
from app.pricing.matrix import SAMPLE_CHARACTERS, SAMPLE_SECONDS
from app.pricing.parameters import Kind, Meter, Parameter, ParamSchema
from app.pricing.quote import Quote, estimate
from app.pricing.rate_card import RateCard
from app.ui import present
from app.ui.pages.model_editor.json_values import encoded, figure_text
from app.ui.pages.model_editor.matrix.asked import asked_of, is_measured
from app.ui.pages.model_editor.matrix.rows import CalcRow
from app.ui.pages.model_editor.rows import OptionRow


@dataclass(frozen=True)
class Answer:
    """`problem` says why there is no price; everything is text."""

    line: str = ""
    reason: str = ""
    credits: str = ""  # with the word: "1 credit"
    most: str = ""
    live: str = ""
    cost: str = ""
    margin: str = ""
    tone: str = "neutral"
    problem: str = ""


def calc_rows(judged: Judged, values: Mapping[str, str]) -> list[CalcRow]:
    """A control for every parameter that price, cost or quantity depend on."""
    if not judged.priced:
        return []
    matters = {axis.name for one in judged.priced for axis in one.matrix.axes if axis.matters}
    return [
        _row(parameter, values.get(parameter.name, ""))
        for parameter in judged.schema.parameters
        if parameter.name in matters or is_measured(parameter)
    ]


def answer(judged: Judged, priced: Priced | None, values: Mapping[str, str], credit_value: Decimal) -> Answer:
    """The request's price. `values` are encoded; a parameter without one stays at its default."""
    if judged.card is None:
        return Answer(problem=t("model_editor.calc.no_rule"))
    try:
        params, lengths = asked_of(judged.schema, values)
        quote = estimate(judged.card, judged.schema, params, lengths=lengths)
    except FareboxError as refused:
        return Answer(problem=refused.message)
    cost = _total(priced.cost_card if priced else None, judged.schema, values)
    live = _total(judged.live_card, judged.live_schema, values)
    margin = _margin(quote.total, cost, credit_value)
    line, reason = _line_and_reason(quote)
    return Answer(
        line=line,
        reason=reason,
        credits=present.credit_words(quote.total),
        most="" if quote.is_exact else t("model_editor.calc.most", credits=present.credits(quote.maximum)),
        live=present.credits(live) if live is not None else present.NOTHING,
        cost=present.cost(cost) if cost is not None else present.NOTHING,
        margin=present.percent(margin),
        tone=present.margin_status(margin) if margin is not None else "neutral",
    )


def picked(judged: Judged, combination: str) -> dict[str, str]:
    """The values of a matrix cell, for the calculator; a cell's key is a JSON object of parameters."""
    try:
        chosen = json.loads(combination)
    except ValueError:
        return {}
    if not isinstance(chosen, dict):
        return {}
    return {name: encoded(value) for name, value in chosen.items() if judged.schema.get(name) is not None}


def _row(parameter: Parameter, given: str) -> CalcRow:
    if is_measured(parameter):
        typed = given or str(SAMPLE_CHARACTERS if parameter.meter is Meter.CHARACTER else SAMPLE_SECONDS)
        unit = "characters" if parameter.meter is Meter.CHARACTER else "seconds"
        return CalcRow(name=parameter.name, kind="figure", value=typed, options=[], hint=t(f"model_editor.calc.{unit}"))
    options = _options(parameter)
    default = encoded(parameter.default)
    if options:
        known = {option["value"] for option in options}
        chosen = given if given in known else default if default in known else options[0]["value"]
        return CalcRow(name=parameter.name, kind="choices", value=chosen, options=options, hint="")
    shown = given or (figure_text(parameter.default) if parameter.default is not None else "")
    return CalcRow(name=parameter.name, kind="figure", value=shown.strip('"'), options=[], hint="")


def _options(parameter: Parameter) -> list[OptionRow]:
    if parameter.is_presence:
        pairs: list[tuple[Value, str]] = [("present", "present"), (None, word(None))]
        return [OptionRow(value=encoded(value), label=label) for value, label in pairs]
    values: list[Value] = list(parameter.enum) or ([False, True] if parameter.kind is Kind.BOOLEAN else [])
    if not values:
        return []
    absent = [None] if parameter.may_be_absent else []
    return [OptionRow(value=encoded(value), label=word(value)) for value in [*values, *absent]]


def _total(card: RateCard | None, schema: ParamSchema | None, values: Mapping[str, str]) -> Money | None:
    if card is None or schema is None:
        return None
    try:
        params, lengths = asked_of(schema, values)
        return estimate(card, schema, params, lengths=lengths).total
    except FareboxError:
        return None  # the live parameters may not have this value: there is then no live price to show


def _margin(price: Money, cost: Money | None, credit_value: Decimal) -> Fraction | None:
    if cost is None or not price:
        return None
    value = Fraction(price.micros) * Fraction(credit_value)
    return (value - cost.micros) / value if value else None


def _line_and_reason(quote: Quote) -> tuple[str, str]:
    """The lines without the minimum, and the rest of the reason with the tier's number."""
    line = " + ".join(one.text for one in quote.lines if one.type != "minimum")
    rest = quote.reason.removeprefix(line).lstrip(", ")
    tier = t("pricing.in_tier", conditions="")
    if quote.branch is not None and rest.startswith(tier):
        rest = t("model_editor.calc.tier", number=quote.branch + 1, rest=rest.removeprefix(tier))
    return line or quote.reason, rest or t("model_editor.calc.base")
