"""A price as people read it: "from 10 credits per image", with its tiers and adjustments, as structured data. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import islice, product
from typing import Any, Protocol

from app.kernel.errors import Unpriced
from app.kernel.money import Rounding, plain
from app.kernel.text import t
from app.pricing.conditions import ABSENT, Condition, OneOf, Present, Within, word
from app.pricing.parameters import ParamSchema
from app.pricing.rate_card import Priced, RateCard
from app.pricing.rule import parse_rule
from app.pricing.space import candidates
from app.pricing.terms import Attribute, BillingMode, Price, Rule

#: Combinations looked at for the lowest price; beyond them "from" may name a higher figure, never a lower one.
MOST_COMBINATIONS = 2_000


class Sold(Protocol):
    """Anything with a price: what `price_words` needs to know of it."""

    @property
    def rule(self) -> Mapping[str, Any] | None: ...

    @property
    def credit_cost_micros(self) -> int | None: ...

    @property
    def schema(self) -> ParamSchema: ...

    @property
    def card(self) -> RateCard: ...


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One row of a price list: when it applies (empty for always) and what it comes to."""

    when: str
    price: str


@dataclass(frozen=True, slots=True)
class PriceWords:
    """`headline` for a card in a list; `tiers` with the otherwise-row last, `adjustments` and `notes` for the page."""

    headline: str
    unit: str
    tiers: tuple[PriceLine, ...] = ()
    adjustments: tuple[PriceLine, ...] = ()
    notes: tuple[str, ...] = ()


def price_words(offer: Sold) -> PriceWords:
    """The price of an offer, a published version or a checked draft, in words."""
    if offer.rule is None:
        credits = Decimal(offer.credit_cost_micros or 0).scaleb(-6)
        return PriceWords(t("catalogue.price.fixed", figure=_figure(Fraction(credits))), "request")
    rule = parse_rule(offer.rule, offer.schema)
    tiers = [PriceLine(_when([*tier.match], offer.schema), _price(tier.price)) for tier in rule.tiers]
    if tiers:
        tiers.append(PriceLine(t("catalogue.price.otherwise"), _price(rule.price)))
    adjustments = [PriceLine(_when([one.when], offer.schema), _effect(one, rule)) for one in rule.attributes]
    return PriceWords(
        _headline(offer.card, offer.schema), rule.unit.name, tuple(tiers), tuple(adjustments), tuple(_notes(rule))
    )


def _headline(card: RateCard, schema: ParamSchema) -> str:
    """The lowest price over everything a request may choose, marked "from" when there are others."""
    found = [priced.parts[0] for priced in _combinations(card, schema) if priced.parts]
    if not found:
        return t("catalogue.price.free")
    rates = {part.rate or Fraction(0) for part in found}
    bases = {part.base for part in found}
    cheapest = min(found, key=lambda part: (part.base, part.rate or Fraction(0)))
    word_key = "one" if len(rates) == len(bases) == 1 else "from"
    per = t(f"catalogue.per.{cheapest.key.key}")
    if not any(bases):
        return t(f"catalogue.price.{word_key}", figure=_figure(min(rates)), per=per)
    return t(
        f"catalogue.price.included_{word_key}",
        base=_figure(cheapest.base),
        included=_count(cheapest.key.key, _included(card)),
        figure=_figure(cheapest.rate or Fraction(0)),
        per=per,
    )


def _combinations(card: RateCard, schema: ParamSchema) -> Iterator[Priced]:
    choices = [candidates(name, schema, card.conditions, ends=False) for name in card.params]
    for values in islice(product(*choices), MOST_COMBINATIONS):
        try:
            yield card.priced(dict(zip(card.params, values, strict=True)))
        except Unpriced:
            continue  # a combination that cannot be sold has no price to put into words


def _included(card: RateCard) -> Decimal:
    prices = [component.price for branch in card.branches for component in branch.components]
    return next((price.included for price in prices if isinstance(price, Price) and price.included), Decimal(0))


def _price(price: Price) -> str:
    parts = [
        t("catalogue.price.one", figure=_figure(Fraction(rate)), per=t(f"catalogue.per.{key}"))
        for key, rate in price.rates.items()
    ]
    if price.base:
        key, rate = next(iter(price.rates.items()))
        parts[0] = t(
            "catalogue.price.included_one",
            base=plain(price.base),
            included=_count(key, price.included or Decimal(0)),
            figure=plain(rate),
            per=t(f"catalogue.per.{key}"),
        )
    return ", ".join(parts)


def _effect(attribute: Attribute, rule: Rule) -> str:
    parts = []
    for key, figures in (("set", attribute.set), ("add", attribute.add)):
        for name, rate in (figures or {}).items():
            parts.append(t(f"catalogue.price.{key}", figure=plain(rate), per=t(f"catalogue.per.{name}")))
    if attribute.multiply is not None:
        parts.append(t("catalogue.price.multiply", figure=plain(attribute.multiply)))
    if attribute.add_flat is not None:
        parts.append(t("catalogue.price.flat", figure=plain(attribute.add_flat)))
    return ", ".join(parts)


def _notes(rule: Rule) -> Iterator[str]:
    if rule.add_flat:
        yield t("catalogue.note.flat", figure=plain(rule.add_flat))
    if rule.minimum:
        yield t("catalogue.note.minimum", figure=plain(rule.minimum))
    if rule.rounding_step >= 1 or rule.rounding_mode is Rounding.UP:
        key = "round_up" if rule.rounding_mode is Rounding.UP else "round_near"
        key += "_whole" if rule.rounding_step == 1 else ""
        yield t(f"catalogue.note.{key}", figure=plain(rule.rounding_step))
    if rule.billing_mode is BillingMode.ON_SUBMIT:
        yield t("catalogue.note.on_submit")
        if not rule.refund_on_failure:
            yield t("catalogue.note.kept_on_failure")


def conditions_in_words(conditions: Sequence[Condition], schema: ParamSchema) -> str:
    """`quality is high and size is at least 1024`, in the parameters' own titles."""
    return _when(conditions, schema)


def _when(conditions: Sequence[Condition], schema: ParamSchema) -> str:
    return t("catalogue.when.and").join(_condition(condition, schema) for condition in conditions)


def _condition(condition: Condition, schema: ParamSchema) -> str:
    parameter = schema.get(condition.param)
    name = (parameter.title if parameter else "") or condition.param
    match condition.test:
        case Present():
            return t("catalogue.when.present", param=name)
        case OneOf(values=(None,)):
            return t("catalogue.when.absent", param=name)
        case OneOf(values=(value,)):
            return t("catalogue.when.is", param=name, value=_value(value))
        case OneOf(values=values):
            *first, last = map(_value, values)
            return t("catalogue.when.any", param=name, values=", ".join(first), last=last)
        case Within() as within:
            return t("catalogue.when.and").join(_ends(name, within))


def _ends(name: str, within: Within) -> Iterator[str]:
    if within.low is not None:
        yield t(f"catalogue.when.{'over' if within.low_strict else 'at_least'}", param=name, low=plain(within.low))
    if within.high is not None:
        yield t(f"catalogue.when.{'under' if within.high_strict else 'at_most'}", param=name, high=plain(within.high))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return t("catalogue.when.yes" if value else "catalogue.when.no")
    return ABSENT if value is None else word(value)


def _count(key: str, count: Decimal) -> str:
    if count == 1:
        return t(f"catalogue.per.{key}")
    return t(f"catalogue.many.{key}", count=plain(count))


def _figure(exact: Fraction) -> str:
    """At most six decimals, rounded for reading; what is charged is computed exactly elsewhere."""
    return plain((Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("0.000001")))
