"""What each value of one choice would cost while everything else stays: the figures beside the segments of a form.

Pure and cheap: no quote is made, only rates looked up or totals computed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import islice, product

from app.kernel.errors import Unpriced
from app.kernel.money import MICRO
from app.pricing.conditions import Value
from app.pricing.expect import expected_usage
from app.pricing.parameters import AUTO, Parameter, ParamSchema
from app.pricing.rate_card import Priced, RateCard
from app.pricing.space import candidates

#: Combinations looked at for the lowest price.
MOST_COMBINATIONS = 2_000


@dataclass(frozen=True, slots=True)
class ChoicePrices:
    """A figure for each value of an enum, in the card's unit; None where the provider chooses the value itself.

    `per` is the price key the figures are a rate of ("perImage"), or empty where they are whole requests.
    """

    per: str
    figures: tuple[Fraction | None, ...]


def choice_prices(
    card: RateCard,
    schema: ParamSchema,
    params: Mapping[str, Value],
    parameter: Parameter,
    *,
    lengths: Mapping[str, Decimal] | None = None,
) -> ChoicePrices | None:
    """The prices of an enum's values, or None when they are all the same or one of them has no price."""
    asked = [{**params, parameter.name: value} for value in parameter.enum]
    open_ones = {index for index, value in enumerate(parameter.enum) if value == AUTO and parameter.leaves_open}
    try:
        found = _rates([card.priced(one) for one in asked])
        if found is not None and _differ(found.figures, open_ones):
            return _closed(found, open_ones)
        totals = tuple(Fraction(card.amount(expected_usage(schema, one, lengths=lengths), one), MICRO) for one in asked)
    except Unpriced:
        return None
    return _closed(ChoicePrices("", totals), open_ones) if _differ(totals, open_ones) else None


def least(card: RateCard, schema: ParamSchema) -> int | None:
    """The least a request can cost, in micros of the card's unit, over everything that matters to its price."""
    metered = [one.name for one in schema.parameters if one.meter is not None and not one.is_presence]
    names = list(dict.fromkeys([*card.params, *metered, *schema.size_by]))
    return min(_amounts(card, schema, names), default=None)


def _amounts(card: RateCard, schema: ParamSchema, names: list[str]) -> Iterator[int]:
    options = [candidates(name, schema, card.conditions) for name in names]
    for values in islice(product(*options), MOST_COMBINATIONS):
        params = dict(zip(names, values, strict=True))
        try:
            yield card.amount(expected_usage(schema, params), params)
        except Unpriced:
            continue  # a combination that cannot be sold is not the cheapest one


def _rates(priced: list[Priced]) -> ChoicePrices | None:
    """The plain rate of each, and what it is a rate of; None where a price is more than one plain rate."""
    plain = [one.parts[0] for one in priced if len(one.parts) == 1 and not one.parts[0].base]
    rates = tuple(part.rate for part in plain if part.rate is not None)
    same = len({part.key.key for part in plain}) == 1 and len({one.flat for one in priced}) == 1
    return ChoicePrices(plain[0].key.key, rates) if same and len(rates) == len(priced) else None


def _differ(figures: tuple[Fraction | None, ...], open_ones: set[int]) -> bool:
    return len({figure for index, figure in enumerate(figures) if index not in open_ones}) > 1


def _closed(found: ChoicePrices, open_ones: set[int]) -> ChoicePrices:
    shown = (None if index in open_ones else figure for index, figure in enumerate(found.figures))
    return ChoicePrices(found.per, tuple(shown))
