"""The price of text in a hurry: the same figures and words as `quote.final`, for the path that is walked most.

A card that prices nothing but tokens at plain rates is worked out here with decimals and remembered phrases; anything
else goes the long way. `tests/pricing/test_brief.py` holds the two ways against each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from typing import Any
from weakref import WeakKeyDictionary

from app.kernel.money import MICRO, Rounding, plain
from app.kernel.text import t
from app.pricing import wording
from app.pricing.conditions import Value
from app.pricing.parameters import ParamSchema
from app.pricing.quote import final
from app.pricing.rate_card import Part, Priced, RateCard
from app.pricing.scale import Linear
from app.pricing.space import is_open_to
from app.pricing.units import delivered
from app.pricing.usage import Usage

#: Figures that have no end in it go the long way.
EXACT = Context(prec=40, traps=[Inexact])
ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class _Line:
    """What is the same for every quantity of a part."""

    part: Part
    metric: str
    unit_price: Decimal
    written_price: str
    rate: str
    one: str
    many: str


@dataclass(frozen=True, slots=True)
class _Known:
    """A combination of conditions, remembered: its lines, and the words that hold for it."""

    priced: Priced
    lines: tuple[_Line, ...]
    reasons: tuple[str, ...]
    steps: tuple[str, ...]
    branch: int | None


_KNOWN: WeakKeyDictionary[RateCard, dict[int, _Known | None]] = WeakKeyDictionary()


def brief(card: RateCard, usage: Usage, conditions: Mapping[str, Value]) -> tuple[int, dict[str, Any]]:
    """Micros, and what `final(card, usage, conditions).to_json()` says."""
    known = _known(card, conditions)
    if known is not None and delivered(usage):
        try:
            return _told(card, known, usage)
        except Inexact:
            pass  # a rate or a quantity without an end in decimals
    quote = final(card, usage, conditions)
    return quote.total.micros, quote.to_json()


def _known(card: RateCard, conditions: Mapping[str, Value]) -> _Known | None:
    """What is remembered of these conditions; None for a card that is not as plain as it must be."""
    if card.fixed or card.step_micros != 1 or card.rounding is not Rounding.HALF_UP or card.minimum or card.flat:
        return None
    priced = card.priced(conditions)
    remembered = _KNOWN.setdefault(card, {})
    if (known := remembered.get(id(priced))) is not None and known.priced is priced:
        return known
    known = _prepared(card, priced, conditions)
    if known is not None:
        remembered[id(priced)] = known
    return known


def _prepared(card: RateCard, priced: Priced, conditions: Mapping[str, Value]) -> _Known | None:
    plain_parts = all(
        isinstance(part.scale, Linear) and part.rate is not None and not part.base and not part.scale.included[0]
        and part.key.raw is None
        for part in priced.parts
    )  # fmt: skip
    if not plain_parts or priced.flat[0] or not priced.parts:
        return None
    branch = card.branches[priced.branch]
    reasons = [t("pricing.in_tier", conditions=", ".join(map(str, branch.when)))] if branch.when else []
    reasons += [effect for one in priced.attributes for effect in wording.effects(one)]
    steps = (*wording.tier_steps(card, priced, conditions), *wording.attribute_steps(priced.attributes))
    lines = tuple(_line(part, priced, card) for part in priced.parts)
    return _Known(priced, lines, tuple(reasons), steps, priced.branch if branch.when else None)


def _line(part: Part, priced: Priced, card: RateCard) -> _Line:
    rate = part.rate
    assert rate is not None  # noqa: S101 - asked for before
    unit = rate / part.key.per
    exact = EXACT.divide(Decimal(unit.numerator), Decimal(unit.denominator)) if _ends(unit.denominator) else None
    metric = part.key.metric
    return _Line(
        part,
        metric,
        Decimal("NaN") if exact is None else exact,
        plain(wording.decimal(unit)),
        wording.rate_in_steps(part, priced, card),
        wording.unit_word(metric, one=True),
        wording.unit_word(metric, one=False),
    )


def _ends(denominator: int) -> bool:
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1


def _told(card: RateCard, known: _Known, usage: Usage) -> tuple[int, dict[str, Any]]:
    charges = []
    for line in known.lines:
        quantities = line.part.quantities(usage)
        if line.unit_price.is_nan() or len(quantities) != 1 or quantities[0][1] != 1:
            raise Inexact
        quantity = quantities[0][0]
        charges.append((line, quantity, EXACT.multiply(Decimal(quantity), line.unit_price)))
    charges = [charge for charge in charges if charge[1]] or charges[:1]
    exact = sum((charge[2] for charge in charges), ZERO)
    micros = int((exact * MICRO).to_integral_value("ROUND_HALF_UP"))
    card.money(micros)
    texts = [t("pricing.line", quantity=_counted(quantity, line), rate=line.rate) for line, quantity, _ in charges]
    totals = [wording.number(amount) for _, _, amount in charges]
    said = {
        "unit": card.unit,
        "total_micros": micros,
        "maximum_micros": micros,
        "reason": ", ".join(part for part in (" + ".join(texts), *known.reasons) if part),
        "steps": [
            *known.steps,
            *(t("pricing.step.line", text=text, total=total) for text, total in zip(texts, totals, strict=True)),
        ],
        "branch": known.branch,
        "lines": [
            {
                "type": "usage",
                "metric": line.metric,
                "quantity": str(quantity),
                "billable_quantity": str(quantity),
                "unit_price": line.written_price,
                "total": plain(Decimal(share).scaleb(-6)),
                "text": text,
            }
            for (line, quantity, _), share, text in zip(charges, _shares(micros, charges), texts, strict=True)
        ],
    }
    return micros, said


def _counted(quantity: int, line: _Line) -> str:
    return f"{quantity:,} {line.one if quantity == 1 else line.many}"


def _shares(micros: int, charges: list[tuple[_Line, int, Decimal]]) -> list[int]:
    """As `allot`: in proportion to the exact amounts, the largest remainders first."""
    whole = sum((charge[2] for charge in charges), ZERO)
    if not whole:
        return [micros if index == 0 else 0 for index in range(len(charges))]
    weights = [int(charge[2].scaleb(18)) for charge in charges]
    sum_of = sum(weights)
    parts = [micros * weight // sum_of for weight in weights]
    by_rest = sorted(range(len(parts)), key=lambda at: (-(micros * weights[at] % sum_of), at))
    for at in by_rest[: micros - sum(parts)]:
        parts[at] += 1
    return parts


def most_micros(card: RateCard, schema: ParamSchema, usage: Usage, conditions: Mapping[str, Value]) -> int:
    """The most `usage` can cost, whatever the provider makes of what the request leaves open."""
    undecided = frozenset(
        name
        for name in card.params
        if (parameter := schema.get(name)) is not None and is_open_to(parameter, conditions.get(name))
    )
    return card.ceiling(usage, conditions, undecided) if undecided else card.amount(usage, conditions)
