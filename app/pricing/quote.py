"""What a request costs and why: "Why did this cost 16 credits?" is answered here.

    estimate(card, schema, params)        before: expected total, and the most it can become (that is what is held)
    final(card, usage, conditions)        after: what was delivered, at the same card

Both go through `_quote`, so an estimate and a charge can only differ where the usage or the conditions do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple, Self
from weakref import WeakKeyDictionary

from app.kernel.money import CREDIT, MICRO, Money, Rounding, allot, plain
from app.kernel.text import t
from app.pricing import wording
from app.pricing.conditions import Value, word
from app.pricing.expect import expected_usage, filled
from app.pricing.parameters import ParamSchema
from app.pricing.rate_card import Part, Priced, RateCard
from app.pricing.scale import Linear
from app.pricing.space import candidates, is_open_to
from app.pricing.units import delivered
from app.pricing.usage import Usage

#: Combinations of open parameters that are priced one by one; beyond it the maximum is a bound instead.
MOST_OPEN = 2_048
#: Quotes of a card that are remembered; past it the memory starts afresh.
MOST_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line. `unit_price` is per single unit of `metric` (per token, not per thousand), in the money's own unit.

    `type` is usage, base, flat, minimum or fixed. `billable_quantity` is what remained after rounding up and after
    what a base includes. `text` is the line in words.
    """

    type: str
    metric: str
    quantity: Decimal
    billable_quantity: Decimal
    unit_price: Decimal
    total: Money
    text: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """Lines that add up to `total`, the `maximum` it may become, its reason in words, and the steps taken.

    `branch` is the index of the tier in force, None for the base price.
    """

    lines: tuple[QuoteLine, ...]
    total: Money
    maximum: Money
    reason: str
    steps: tuple[str, ...] = ()
    branch: int | None = None

    @property
    def is_exact(self) -> bool:
        """Whether nothing is left open: the maximum is the total."""
        return self.total == self.maximum

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": self.total.unit,
            "total_micros": self.total.micros,
            "maximum_micros": self.maximum.micros,
            "reason": self.reason,
            "steps": list(self.steps),
            "branch": self.branch,
            "lines": [_line_to_json(line) for line in self.lines],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        unit = raw["unit"]
        return cls(
            lines=tuple(_line_from_json(line, unit) for line in raw["lines"]),
            total=Money(raw["total_micros"], unit),
            maximum=Money(raw["maximum_micros"], unit),
            reason=raw["reason"],
            steps=tuple(raw["steps"]),
            branch=raw["branch"],
        )


_REMEMBERED: Final[WeakKeyDictionary[RateCard, dict[tuple[object, ...], Quote]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Charge:
    """A line before rounding."""

    type: str
    metric: str
    quantity: Fraction
    billable: Fraction
    unit_price: Fraction
    exact: Fraction
    text: str


class Expected(NamedTuple):
    """The usage of a request as its parameters tell it: what is likely, and the most it can be."""

    likely: Usage
    most: Usage

    @classmethod
    def of(cls, schema: ParamSchema, params: Mapping[str, Value], lengths: Mapping[str, Decimal] | None) -> Self:
        likely, most = (expected_usage(schema, params, most=most, lengths=lengths) for most in (False, True))
        return cls(likely, most)


def estimate(
    card: RateCard,
    schema: ParamSchema,
    params: Mapping[str, Value],
    *,
    lengths: Mapping[str, Decimal] | None = None,
    known: Expected | None = None,
) -> Quote:
    """The price of a request before it runs. `params` come from the coercion door; `lengths` as in `expected_usage`,
    and so is what is `known` of it, for whoever has looked already.

    `maximum` is the most the rule can make of what the request leaves open: a parameter without value or default, or
    `auto` where the provider chooses. Raises `Unpriced` when the card has no price for this request.
    """
    known = known or Expected.of(schema, params, lengths)
    quote = _quote(card, known.likely, params)
    micros, chosen = _most(card, schema, params, lengths, known.most)
    if micros <= quote.total.micros:
        return quote
    maximum = card.money(micros)
    named = ", ".join(f"{name} = {word(value)}" for name, value in chosen.items())
    when = t("pricing.step.maximum_when", conditions=named) if named else ""
    step = t("pricing.step.maximum", maximum=wording.number(maximum.amount), when=when)
    return replace(quote, maximum=maximum, steps=(*quote.steps, step))


def final(card: RateCard, usage: Usage, conditions: Mapping[str, Value], *, expected: Usage | None = None) -> Quote:
    """The price of what was delivered. `conditions` are the values the provider resolved, else the request's.

    A measure that nobody reported is taken from `expected` where that is given, and refused (`Unpriced`, code
    `unmeasured`) where it is not. Nothing delivered costs nothing.
    """
    return _quote(card, usage if expected is None else filled(usage, expected), conditions)


def _quote(card: RateCard, usage: Usage, conditions: Mapping[str, Value]) -> Quote:
    """Worked out once for each usage and each way to its price: requests repeat themselves."""
    remembered = _REMEMBERED.setdefault(card, {})
    values = [conditions.get(name) for name in card.params]
    key = (usage, *values, *map(type, values))  # `true` and 1 are equal, and different words
    try:
        known = remembered.get(key)
    except TypeError:  # a list among the values
        return _worked_out(card, usage, conditions)
    if known is None:
        if len(remembered) >= MOST_REMEMBERED:
            remembered.clear()
        known = remembered[key] = _worked_out(card, usage, conditions)
    return known


def _worked_out(card: RateCard, usage: Usage, conditions: Mapping[str, Value]) -> Quote:
    if not delivered(usage):
        zero = Money.zero(card.unit)
        return Quote((), zero, zero, t("pricing.nothing_delivered"))
    priced = card.priced(conditions)
    charges = _charges(card, priced, usage)
    exact = sum((charge.exact for charge in charges), Fraction(0))
    if exact < card.minimum:
        text = t("pricing.minimum", minimum=wording.number(card.minimum))
        missing = card.minimum - exact
        charges.append(_Charge("minimum", "minimum", Fraction(1), Fraction(1), missing, missing, text))
        exact = card.minimum
    total = card.money(card.rounded(*(exact * MICRO).as_integer_ratio()))
    step = card.step_micros
    shares = allot(total.micros // step, [charge.exact for charge in charges])
    lines = tuple(_line(charge, card.money(share * step)) for charge, share in zip(charges, shares, strict=True))
    reason = _reason(card, priced, charges, exact, total)
    steps = _steps(card, priced, conditions, charges, exact, total)
    branch = priced.branch if card.branches[priced.branch].when else None
    return Quote(lines, total, total, reason, steps, branch)


def _charges(card: RateCard, priced: Priced, usage: Usage) -> list[_Charge]:
    measured = [charge for part in priced.parts for charge in _part_charges(card, priced, part, usage)]
    charges = [charge for charge in measured if charge.billable] or measured[:1]
    flats = [one.add_flat for one in priced.attributes if one.add_flat]
    for amount in [card.flat, *map(Fraction, flats)]:
        if amount:
            text = t("pricing.flat", amount=wording.number(amount))
            charges.append(_Charge("flat", "request_count", Fraction(1), Fraction(1), amount, amount, text))
    return charges


def _part_charges(card: RateCard, priced: Priced, part: Part, usage: Usage) -> list[_Charge]:
    key = part.key
    quantities = part.quantities(usage)
    measured = key.raw(usage, part.frame) if key.raw else quantities
    quantity = sum((Fraction(*each) for each in measured), Fraction(0))
    billable = Fraction(*part.scale.billable(quantities))
    owed = Fraction(*part.scale.owed(quantities))
    if not isinstance(part.scale, Linear) or part.rate is None:
        text = t("pricing.charge_line", quantity=wording.counted(quantity, key.metric), total=wording.number(owed))
        unit_price = owed / billable if billable else Fraction(0)
        return [_Charge("usage", key.metric, quantity, billable, unit_price, owed, text)]
    charges = []
    if part.base:
        charges.append(_base_charge(part, part.scale, len(quantities)))
    rate = wording.rate_in_steps(part, priced, card)
    text = t("pricing.line", quantity=wording.counted(billable, key.metric), rate=rate)
    if card.fixed:
        text = _fixed(part.rate, card.unit)
    kind = "fixed" if card.fixed else "usage"
    unit_price = part.rate / key.per
    charges.append(_Charge(kind, key.metric, quantity, billable, unit_price, unit_price * billable, text))
    return charges


def _base_charge(part: Part, scale: Linear, count: int) -> _Charge:
    included = Fraction(*scale.included)
    names = {"count": count, "base": wording.number(part.base)}
    key = "base_line" if count > 1 else "base_once"
    if included:
        key = "bases_included" if count > 1 else "base_included"
        names["included"] = wording.first(included, part.key.metric)
    metric = "output_count" if count > 1 else "request_count"
    return _Charge("base", metric, Fraction(count), Fraction(count), part.base, part.base * count, _text(key, names))


def _text(key: str, names: Mapping[str, object]) -> str:
    return t(f"pricing.{key}", **names)


def _fixed(price: Fraction, unit: str) -> str:
    word_for_money = t(f"pricing.money.{unit}.{'one' if price == 1 else 'many'}")
    return t("pricing.fixed", price=wording.number(price), unit=word_for_money)


def _reason(card: RateCard, priced: Priced, charges: list[_Charge], exact: Fraction, total: Money) -> str:
    """`2 images × (24 + 2), tier quality = ultra, output_format = png adds 2`."""
    parts = [" + ".join(charge.text for charge in charges if charge.type != "minimum")]
    branch = card.branches[priced.branch]
    if branch.when:
        parts.append(t("pricing.in_tier", conditions=", ".join(map(str, branch.when))))
    parts += [effect for one in priced.attributes for effect in wording.effects(one)]
    parts += [charge.text for charge in charges if charge.type == "minimum"]
    if Fraction(total.micros, MICRO) != exact and card.step_micros != 1:
        key = "rounded_up" if card.rounding is Rounding.UP else "rounded_half_up"
        parts.append(_text(key, {"step": wording.number(Fraction(card.step_micros, MICRO))}))
    return ", ".join(part for part in parts if part)


def _steps(
    card: RateCard,
    priced: Priced,
    conditions: Mapping[str, Value],
    charges: list[_Charge],
    exact: Fraction,
    total: Money,
) -> tuple[str, ...]:
    if card.fixed:
        return (t("pricing.step.only", price=charges[0].text),)
    return (
        *wording.tier_steps(card, priced, conditions),
        *wording.attribute_steps(priced.attributes),
        *(_charge_step(card, charge) for charge in charges),
        *_rounding_step(card, exact, total),
    )


def _charge_step(card: RateCard, charge: _Charge) -> str:
    if charge.type == "minimum":
        return t("pricing.step.minimum", minimum=wording.number(card.minimum))
    return t("pricing.step.line", text=charge.text, total=wording.number(charge.exact))


def _rounding_step(card: RateCard, exact: Fraction, total: Money) -> list[str]:
    if card.step_micros == 1 or Fraction(total.micros, MICRO) == exact:
        return []
    key = "step.rounding_up" if card.rounding is Rounding.UP else "step.rounding_half_up"
    step = wording.number(Fraction(card.step_micros, MICRO))
    return [_text(key, {"step": step, "total": wording.number(total.amount)})]


def _line(charge: _Charge, total: Money) -> QuoteLine:
    quantity, billable, unit_price = map(wording.decimal, (charge.quantity, charge.billable, charge.unit_price))
    return QuoteLine(charge.type, charge.metric, quantity, billable, unit_price, total, charge.text)


def _most(
    card: RateCard,
    schema: ParamSchema,
    params: Mapping[str, Value],
    lengths: Mapping[str, Decimal] | None,
    most: Usage,
) -> tuple[int, dict[str, Value]]:
    """The dearest way the provider could resolve what is open: micros, and the values that lead there."""
    options = {
        parameter.name: [params.get(parameter.name), *candidates(parameter.name, schema, card.conditions)]
        for name in card.params
        if (parameter := schema.get(name)) is not None and is_open_to(parameter, params.get(name))
    }
    if prod(map(len, options.values())) > MOST_OPEN:
        return card.ceiling(most, params, frozenset(options)), {}
    if not options:
        return card.amount(most, params), {}
    worst, chosen = 0, {}
    for values in product(*options.values()):
        resolved = dict(zip(options, values, strict=True))
        asked = {**params, **resolved}
        micros = card.amount(expected_usage(schema, asked, most=True, lengths=lengths), asked)
        if micros > worst:
            worst, chosen = micros, resolved
    return worst, {name: value for name, value in chosen.items() if value != params.get(name)}


def _line_to_json(line: QuoteLine) -> dict[str, str]:
    return {
        "type": line.type,
        "metric": line.metric,
        "quantity": plain(line.quantity),
        "billable_quantity": plain(line.billable_quantity),
        "unit_price": plain(line.unit_price),
        "total": plain(line.total.amount),
        "text": line.text,
    }


def _line_from_json(raw: Mapping[str, str], unit: str = CREDIT) -> QuoteLine:
    return QuoteLine(
        type=raw["type"],
        metric=raw["metric"],
        quantity=Decimal(raw["quantity"]),
        billable_quantity=Decimal(raw["billable_quantity"]),
        unit_price=Decimal(raw["unit_price"]),
        total=Money.from_exact(Decimal(raw["total"]), unit),
        text=raw["text"],
    )
