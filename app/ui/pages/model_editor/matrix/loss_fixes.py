"""One-click repairs of what the matrix found: a price raised until the worst combination earns its margin, a surcharge
for the value that makes it dear, a tier taken out. Pure: each answers a changed rule that was tried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from fractions import Fraction
from typing import Any

from app.catalogue.compiled import price_card
from app.catalogue.judging import Judged, Priced
from app.kernel.errors import FareboxError
from app.kernel.money import MICRO
from app.kernel.text import t
from app.pricing.conditions import Value, settled, word
from app.pricing.matrix import THIN, Cell, price_cells
from app.pricing.rate_card import RateCard
from app.ui import present
from app.ui.pages.model_editor.json_values import figure_text, items, mapping
from app.ui.pages.model_editor.pricing.effect_edits import effect_index, set_effect
from app.ui.pages.model_editor.pricing.price_edits import set_figure
from app.ui.pages.model_editor.pricing.rule_edits import EXTRA_KEYS, remove_entry


@dataclass(frozen=True)
class Fix:
    """What the button says and what the draft's rule (or its fixed price) becomes."""

    id: str
    label: str
    rule: Mapping[str, Any] | None = None
    credit_cost: str | None = None


def fixes_of_loss(judged: Judged, priced: Priced, cell: Cell, credit_value: Decimal) -> list[Fix]:
    """Ways to lift this combination to the margin we call good; only those that do."""
    if cell.price is None or cell.cost is None or judged.card is None:
        return []
    target = Fraction(cell.cost.micros, MICRO) / (Fraction(credit_value) * (1 - THIN))
    if judged.raw_rule is None:
        figure = _rounded_up(target)
        label = t("model_editor.fix.fixed", price=figure_text(figure), margin=_margin_at(figure, cell, credit_value))
        return [Fix("loss:fixed", label, credit_cost=figure_text(figure))]
    found = [
        _raised(judged, priced, cell, target, credit_value),
        _surcharge(judged, priced, cell, target, credit_value),
    ]
    return [fix for fix in found if fix is not None]


def fix_of_tier(judged: Judged, path: str) -> list[Fix]:
    """Take out a tier that is never reached or changes nothing."""
    if judged.raw_rule is None or not path.startswith("tiers["):
        return []
    index = int(path[6:-1])
    label = t("model_editor.fix.remove_tier", number=index + 1)
    return [Fix(f"remove:{index}", label, remove_entry(judged.raw_rule, "tiers", index))]


def _raised(judged: Judged, priced: Priced, cell: Cell, target: Fraction, credit_value: Decimal) -> Fix | None:
    """The price in force, base or tier, raised."""
    card, raw = judged.card, judged.raw_rule
    if card is None or raw is None:
        return None
    branch = _branch(card, cell)
    tier = branch if card.branches[branch].when else None
    holder = mapping(raw.get("price")) if tier is None else mapping(mapping(items(raw.get("tiers"))[tier]).get("price"))
    keys = [key for key in holder if key not in EXTRA_KEYS]
    if len(keys) != 1 or cell.price is None:
        return None
    rate = Fraction(Decimal(figure_text(holder[keys[0]])))
    per_rate = _slope(judged, priced, cell, credit_value, lambda one: set_figure(raw, tier, keys[0], one), rate)
    if per_rate is None:
        return None
    figure = _rounded_up(rate + (target - Fraction(cell.price.amount)) / per_rate)
    rule = set_figure(raw, tier, keys[0], figure_text(figure))
    margin = _margin_with(judged, priced, cell, rule, credit_value)
    if margin is None or margin < THIN:
        return None
    key = "model_editor.fix.tier" if tier is not None else "model_editor.fix.base"
    names: dict[str, object] = {"price": figure_text(figure), "margin": present.percent(margin)}
    label = t(key, **names, number=tier + 1) if tier is not None else t(key, **names)
    return Fix("loss:raise", label, rule)


def _surcharge(judged: Judged, priced: Priced, cell: Cell, target: Fraction, credit_value: Decimal) -> Fix | None:
    """A figure added for the enum value that makes this combination dear, unless it has an effect already."""
    raw = judged.raw_rule
    if raw is None or cell.price is None:
        return None
    named = _dearest_value(judged, priced, cell, credit_value)
    if named is None or effect_index(items(raw.get("attributes")), *named) is not None:
        return None
    param, value = named

    def with_figure(text: str) -> dict[str, Any]:
        return set_effect(raw, param, value, "add", "", text)

    per_rate = _slope(judged, priced, cell, credit_value, with_figure, Fraction(0))
    if per_rate is None:
        return None
    figure = _rounded_up((target - Fraction(cell.price.amount)) / per_rate)
    rule = with_figure(figure_text(figure))
    margin = _margin_with(judged, priced, cell, rule, credit_value)
    if margin is None or margin < THIN:
        return None
    return Fix("loss:add", t("model_editor.fix.surcharge", figure=figure_text(figure), value=word(value)), rule)


def _dearest_value(judged: Judged, priced: Priced, cell: Cell, credit_value: Decimal) -> tuple[str, Value] | None:
    """The enum value of the combination whose default would cost us least."""
    best: tuple[Fraction, str, Value] | None = None
    for name, value in cell.params.items():
        parameter = judged.schema.get(name)
        if parameter is None or not parameter.enum or value is None or parameter.default in (None, value):
            continue
        other = (
            price_cells(
                [{**cell.params, name: settled(parameter.default)}],
                judged.card,
                judged.schema,
                priced.cost_card,
                credit_value,
            )[0]
            if judged.card
            else None
        )
        if other is None or other.cost is None or cell.cost is None:
            continue
        saved = Fraction(cell.cost.micros - other.cost.micros)
        if saved > 0 and (best is None or saved > best[0]):
            best = (saved, name, value)
    return None if best is None else (best[1], best[2])


def _slope(
    judged: Judged, priced: Priced, cell: Cell, credit_value: Decimal, rule_at: Any, rate: Fraction
) -> Fraction | None:
    """Credits the combination rises by for each credit the figure does, found by trying."""
    step = Fraction(1000)
    tried = _priced_with(judged, priced, cell, rule_at(figure_text(_decimal(rate + step))), credit_value)
    if tried is None or tried.price is None or cell.price is None:
        return None
    risen = Fraction(tried.price.amount) - Fraction(cell.price.amount)
    return risen / step if risen > 0 else None


def _branch(card: RateCard, cell: Cell) -> int:
    return card.priced(cell.params).branch


def _priced_with(
    judged: Judged, priced: Priced, cell: Cell, rule: Mapping[str, Any], credit_value: Decimal
) -> Cell | None:
    try:
        card = price_card(rule, None, judged.schema)
    except FareboxError:
        return None
    return price_cells([cell.params], card, judged.schema, priced.cost_card, credit_value)[0]


def _margin_with(
    judged: Judged, priced: Priced, cell: Cell, rule: Mapping[str, Any], credit_value: Decimal
) -> Fraction | None:
    made = _priced_with(judged, priced, cell, rule, credit_value)
    return made.margin if made else None


def _margin_at(credits: Decimal, cell: Cell, credit_value: Decimal) -> str:
    value = Fraction(credits) * Fraction(credit_value)
    cost = Fraction(cell.cost.micros, MICRO) if cell.cost else Fraction(0)
    return present.percent((value - cost) / value if value else None)


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)


def _rounded_up(exact: Fraction) -> Decimal:
    """A figure a person would choose: whole from ten up, a decimal from one up, else two significant digits."""
    number = _decimal(exact)
    if number >= 10:
        step = Decimal(1)
    elif number >= 1:
        step = Decimal("0.1")
    else:
        step = Decimal(1).scaleb(number.adjusted() - 1) if number > 0 else Decimal("0.01")
    return number.quantize(max(step, Decimal("0.000001")), rounding=ROUND_UP)
