"""A price in words: how figures, rates, tiers and attributes read. The sentences live in the catalogue of texts."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from app.kernel.money import plain
from app.kernel.text import t
from app.pricing.conditions import Condition, Value, in_words, word
from app.pricing.rate_card import Component, Part, Priced, RateCard
from app.pricing.terms import Attribute, Price

#: Decimals of a figure that has no end, such as a third.
PLACES = 12

#: Decimals shown of figures from one up; smaller ones may be rates of a single token and keep them all.
SHOWN_PLACES = 6


def decimal(exact: Fraction) -> Decimal:
    """The figure as a decimal: exact where it ends, else to nine places."""
    rest = exact.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    quotient = Decimal(exact.numerator) / Decimal(exact.denominator)
    return quotient if rest == 1 else round(quotient, PLACES)


def number(figure: Fraction | Decimal | int) -> str:
    """A figure as people read it: `16`, `0.0028`, `243,000`."""
    exact = decimal(Fraction(figure))
    text = plain(round(exact, SHOWN_PLACES) if exact >= 1 else exact)
    whole, _, rest = text.partition(".")
    return f"{int(whole):,}{'.' if rest else ''}{rest}"


def counted(quantity: Fraction, metric: str) -> str:
    """`2 images`, `1 second`, `4.5 megapixels`."""
    return f"{number(quantity)} {unit_word(metric, one=quantity == 1)}"


def first(quantity: Fraction, metric: str) -> str:
    """After "the first": `megapixel`, `5 seconds`."""
    return unit_word(metric, one=True) if quantity == 1 else counted(quantity, metric)


def unit_word(metric: str, *, one: bool) -> str:
    return t(f"pricing.unit.{metric}.{'one' if one else 'many'}")


def rate_in_steps(part: Part, priced: Priced, card: RateCard) -> str:
    """How the unit rate came about: `16`, `(24 + 2)`, `(10 + 4) × 2`, `10 per 1,000`."""
    component = next(one for one in card.branches[priced.branch].components if one.key is part.key)
    if not isinstance(component.price, Price):
        return ""
    key = part.key.key
    start = component.price.rates[key]
    for one in priced.attributes:
        start = one.set[key] if one.set is not None else start
    adds = [one.add[key] for one in priced.attributes if one.add is not None and one.add[key]]
    factors = [one.multiply for one in priced.attributes if one.multiply is not None and one.multiply != 1]
    text = " + ".join(number(figure) for figure in (start, *adds))
    text = f"({text})" if adds else text
    text = " × ".join([text, *map(number, factors)])
    return text if part.key.per == 1 else t("pricing.rate_per_thousand", rate=text)


def price_of(component: Component) -> str:
    """A component's listed price: `16 per image`, `30 for the first 1 megapixel, 15 per megapixel`."""
    price, key = component.price, component.key
    if not isinstance(price, Price):
        return unit_word(key.metric, one=False)
    listed = t("pricing.step.per", rate=number(price.rates[key.key]), unit=_measure(key.metric, key.per))
    if price.base is None and price.included is None:
        return listed
    sentence = "pricing.base_then" if price.included else "pricing.base_and"
    return t(sentence, base=_base(price, key.metric), listed=listed)


def _measure(metric: str, per: int) -> str:
    return unit_word(metric, one=True) if per == 1 else f"{per:,} {unit_word(metric, one=False)}"


def _base(price: Price, metric: str) -> str:
    base = number(price.base or Decimal(0))
    if not price.included:
        return t("pricing.base_once", base=base)
    return t("pricing.base_included", base=base, included=first(Fraction(price.included), metric))


def effects(attribute: Attribute) -> list[str]:
    """What an attribute does, a phrase for each effect: `output_format = png adds 2`."""
    when, found = str(attribute.when), []
    if attribute.set is not None:
        found.append(t("pricing.sets", condition=when, amount=figures(attribute.set)))
    if attribute.add is not None:
        found.append(t("pricing.adds", condition=when, amount=figures(attribute.add)))
    if attribute.multiply is not None:
        found.append(t("pricing.multiplies", condition=when, factor=number(attribute.multiply)))
    if attribute.add_flat is not None:
        found.append(t("pricing.adds_once", condition=when, amount=number(attribute.add_flat)))
    return found


def figures(by_key: Mapping[str, Decimal]) -> str:
    """One figure bare, several with their keys."""
    if len(by_key) == 1:
        return number(next(iter(by_key.values())))
    return ", ".join(f"{key} {number(figure)}" for key, figure in by_key.items())


def tier_steps(card: RateCard, priced: Priced, values: Mapping[str, Value]) -> list[str]:
    """A step for every tier that was tried, ending with the one in force (or the base price)."""
    steps = []
    for index, branch in enumerate(card.branches[: priced.branch + 1]):
        conditions = in_words(branch.when)
        if index < priced.branch:
            unmet = _actual([one for one in branch.when if not one.holds(values)], values)
            steps.append(t("pricing.step.tier_not_met", number=index + 1, conditions=conditions, actual=unmet))
            continue
        price = " + ".join(price_of(component) for component in branch.components)
        if branch.when:
            steps.append(t("pricing.step.tier_met", number=index + 1, conditions=conditions, price=price))
        else:
            steps.append(t("pricing.step.base" if index else "pricing.step.only", price=price))
    return steps


def attribute_steps(applied: Iterable[Attribute]) -> list[str]:
    return [t("pricing.step.attribute", effect=effect) for one in applied for effect in effects(one)]


def _actual(conditions: Sequence[Condition], values: Mapping[str, Value]) -> str:
    names = dict.fromkeys(condition.param for condition in conditions)
    return ", ".join(t("pricing.step.actual", param=name, value=word(values.get(name))) for name in names)
