"""A price as a value, and which of several applies. PURE.

Prices of one meter compete for an event: those whose `filters` all hold match; the one with most filters wins, and of
those the newest. Filters compare canonical text: `false` is "false", 8.0 is "8".
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Protocol, Self, TypeVar

from app.kernel.errors import Unpriced
from app.metering.apart import canonical
from app.pricing.charge import BillingModel, Charge, Tier, Transform
from app.pricing.conditions import Condition, Worded
from app.pricing.rate_card import Branch, Component, RateCard
from app.pricing.scale import Banding
from app.pricing.units import UNITS, PriceKey

USAGE: Final = "USAGE"
FIXED: Final = "FIXED"
FIAT: Final = "FIAT"
CUSTOM: Final = "CUSTOM"

Filters = Mapping[str, tuple[str, ...]]

_KEYS: Final = {key.metric: key for unit in UNITS.values() for key in unit.keys}


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs from `starts_at` until `ends_at`. The charge's figures are in `currency`, or (with a price
    unit) in units of it, each worth `conversion_rate` of the currency."""

    id: str
    entity_type: str  # PLAN, ADDON, SUBSCRIPTION, COSTSHEET, PRICE
    entity_id: str
    kind: str  # USAGE, FIXED
    currency: str
    charge: Charge
    starts_at: datetime
    created_at: datetime
    ends_at: datetime | None = None
    meter_id: str | None = None
    name: str = ""
    lookup_key: str | None = None
    group_id: str | None = None
    filters: Filters = field(default_factory=dict)
    billing_period: str = "MONTHLY"
    billing_period_count: int = 1
    invoice_cadence: str = "ARREAR"
    price_unit: str | None = None
    conversion_rate: Fraction = Fraction(1)
    bucket_size: str | None = None
    min_quantity: int | None = None
    trial_period_days: int = 0
    parent_price_id: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row of `billing_price`."""
        return cls(
            id=row["id"],
            entity_type=row["entity_type"],
            entity_id=row["entity_id"],
            kind=row["type"],
            currency=row["currency"],
            charge=charge_of(row),
            starts_at=row["start_date"],
            created_at=row["created_at"],
            ends_at=row["end_date"],
            meter_id=row["meter_id"],
            name=row["display_name"] or row["lookup_key"] or row["id"],
            lookup_key=row["lookup_key"],
            group_id=row["group_id"],
            filters={name: tuple(values) for name, values in row["filter_values"].items()},
            billing_period=row["billing_period"],
            billing_period_count=row["billing_period_count"],
            invoice_cadence=row["invoice_cadence"],
            price_unit=row["price_unit"],
            conversion_rate=Fraction(row["conversion_rate"] or 1),
            bucket_size=row["bucket_size"],
            min_quantity=row["min_quantity"],
            trial_period_days=row["trial_period_days"],
            parent_price_id=row["parent_price_id"],
        )

    @property
    def is_usage(self) -> bool:
        return self.kind == USAGE

    def is_in_force(self, at: datetime) -> bool:
        """Whether it holds at that moment; it ends where its successor begins."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)

    def matches(self, properties: Mapping[str, Any]) -> bool:
        """Whether every filter holds for an event or a request."""
        return holds(self.filters, properties)

    @property
    def rank(self) -> tuple[int, datetime, str]:
        return len(self.filters), self.created_at, self.id

    def in_currency(self, amount: Fraction) -> Fraction:
        """What the charge came to, in the currency, exact."""
        return amount * self.conversion_rate


@dataclass(frozen=True, slots=True)
class Choice:
    """The price that applies, None when none does, and why in words."""

    price: Price | None
    reason: str


class Competing(Protocol):
    """A price among others of its meter. By `rank`, the one with most filters goes before the newest."""

    @property
    def filters(self) -> Filters: ...

    @property
    def rank(self) -> tuple[Any, ...]: ...


P = TypeVar("P", bound=Competing)


def holds(filters: Mapping[str, Collection[str]], properties: Mapping[str, Any]) -> bool:
    """Whether every filter holds for an event or a request."""
    return all(canonical(properties.get(name)) in allowed for name, allowed in filters.items())


def select(prices: Iterable[P], properties: Mapping[str, Any]) -> P | None:
    """The price of one meter that applies to an event with these properties, whatever order they come in."""
    return max((each for each in prices if holds(each.filters, properties)), key=_rank, default=None)


def choose(prices: Sequence[Price], properties: Mapping[str, Any]) -> Choice:
    """`select`, and the reason as a quote or an invoice line shows it."""
    found = select(prices, properties)
    if found is None:
        return Choice(None, f"None of {len(prices)} prices matches.")
    matching = [each for each in prices if each.matches(properties)]
    equal = [each for each in matching if len(each.filters) == len(found.filters)]
    said = f"{found.name}: {in_words(found.filters)}"
    if len(equal) > 1:
        said += f"; {len(equal)} prices match as closely, this is the newest"
    elif len(matching) > 1:
        said += f"; {len(matching)} prices match, this one on most properties"
    return Choice(found, said)


def in_words(filters: Filters) -> str:
    """`model = veo-3.1 and resolution is 720p or 1080p`."""
    return " and ".join(str(each) for each in _conditions(filters)) or "for any usage"


def by_meter(prices: Iterable[Price]) -> dict[str, list[Price]]:
    """Usage prices by the meter they price."""
    found: dict[str, list[Price]] = {}
    for price in prices:
        if price.is_usage and price.meter_id is not None:
            found.setdefault(price.meter_id, []).append(price)
    return found


def compile_card(prices: Iterable[Price], metric: str) -> RateCard:
    """The rate card of one meter's prices, the same kind that an operator's rules compile to; `metric` as on a quote's
    lines, such as `seconds`. `Unpriced` for a metric that no request can be measured in, or for prices in several
    currencies."""
    found = sorted(prices, key=_rank, reverse=True)
    currencies = {price.currency for price in found}
    if metric not in _KEYS or len(currencies) != 1:
        raise Unpriced(f"There is no one rate card for {metric}.", code="no_rate_card")
    key = PriceKey(_KEYS[metric].key, metric, _KEYS[metric].measure)
    branches = [Branch(_conditions(price.filters), (Component(key, worth(price)),)) for price in found]
    return RateCard((*branches, NOTHING), unit=currencies.pop())


class _Unmatched:
    """What stands at the end of a card: no price matched, and nothing may be given away."""

    def owed(self, _quantities: Sequence[tuple[int, int]]) -> tuple[int, int]:
        raise Unpriced("No price of this plan matches.")

    billable = owed


NOTHING: Final = Branch((), (Component(_KEYS["request_count"], _Unmatched()),))


@dataclass(frozen=True, slots=True)
class _Worth:
    """A scale in price units, answered in the currency."""

    price: Price

    def owed(self, quantities: Sequence[tuple[int, int]]) -> tuple[int, int]:
        return self.price.in_currency(Fraction(*self.price.charge.scale.owed(quantities))).as_integer_ratio()

    def billable(self, quantities: Sequence[tuple[int, int]]) -> tuple[int, int]:
        return self.price.charge.scale.billable(quantities)


def worth(price: Price) -> "_Worth":
    """The price's scale, in its currency."""
    return _Worth(price)


def charge_of(row: Mapping[str, Any]) -> Charge:
    """The charge of a row of `billing_price`: in its price unit where it has one."""
    own = row["price_unit_type"] == CUSTOM
    amount = row["price_unit_amount"] if own else row["amount"]
    tiers = row["price_unit_tiers"] if own else row["tiers"]
    packed = row["transform_quantity"]
    return Charge(
        BillingModel(row["billing_model"]),
        Decimal(amount or 0),
        _tiers(tiers or ()),
        Banding((row["tier_mode"] or "VOLUME").lower()),
        Transform(Decimal(packed["divide_by"]), packed.get("round") == "down") if packed else None,
    )


def _tiers(tiers: Sequence[Mapping[str, Any]]) -> tuple[Tier, ...]:
    """The last one goes on without end, whatever it says."""
    ends = [None if tier["up_to"] is None else Decimal(tier["up_to"]) for tier in tiers]
    ends[-1:] = [None] * len(ends[-1:])
    return tuple(
        Tier(end, Decimal(tier["unit_amount"]), Decimal(tier.get("flat_amount") or 0))
        for end, tier in zip(ends, tiers, strict=True)
    )


def _conditions(filters: Filters) -> tuple[Condition, ...]:
    return tuple(Condition(name, Worded(filters[name])) for name in sorted(filters))


def _rank(price: Competing) -> tuple[Any, ...]:
    return price.rank
