"""Events that no price pays for: kept, counted, and shown to the operator, who has forgotten a price or a subscription.

An event is rated when a meter reads it and a price of that meter matches, among those its customer agreed to; for a
customer without a subscription, among all that are on sale. What the prepaid ledger has settled is rated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from app.billing import tables
from app.metering import meter_book
from app.metering.aggregate import Span
from app.metering.apart import SETTLED_BY, canonical
from app.metering.cells import Kind, Wanted, cells
from app.metering.meters import Meter
from app.plans import tables as plans

ON_SALE: Final = ("PLAN", "ADDON", "SUBSCRIPTION", "PRICE")


class Offered(NamedTuple):
    """As much of a price as tells whether it pays for an event."""

    id: str
    meter_id: str
    filters: Mapping[str, Sequence[str]]
    begins: datetime
    ends: datetime | None

    def pays_for(self, properties: Mapping[str, Any], at: datetime | None) -> bool:
        if at is not None and (at < self.begins or (self.ends is not None and at >= self.ends)):
            return False
        return all(canonical(properties.get(name)) in allowed for name, allowed in self.filters.items())


class Unrated(NamedTuple):
    """A kind of event of a customer that no price pays for."""

    customer: str
    kind: Kind
    events: int


@dataclass(frozen=True, slots=True)
class Book:
    """Meters, prices, and who agreed to which."""

    meters: Sequence[Meter]
    prices: Mapping[str, Sequence[Offered]]  # by meter
    agreed: Mapping[str, frozenset[str]]  # price ids by the names of a customer

    @classmethod
    def read(cls, connection: Connection) -> "Book":
        """As it is now."""
        prices: dict[str, list[Offered]] = {}
        for each in _offered(connection):
            prices.setdefault(each.meter_id, []).append(each)
        return cls(meter_book.every(connection), prices, _agreed(connection))

    def prices_for(
        self, customer: str, name: str, properties: Mapping[str, Any], at: datetime | None = None
    ) -> list[Offered]:
        """Every price that matches, of the meters that read it."""
        agreed = self.agreed.get(customer)
        return [
            price
            for meter in self.meters
            if meter.id in self.prices and meter.reads(name, properties)
            for price in self.prices[meter.id]
            if (agreed is None or price.id in agreed) and price.pays_for(properties, at)
        ]

    def rates(self, customer: str, name: str, properties: Mapping[str, Any], at: datetime | None = None) -> bool:
        """Whether somebody pays for it."""
        return bool(properties.get(SETTLED_BY)) or bool(self.prices_for(customer, name, properties, at))


def find(connection: Connection, span: Span, *, limit: int = 200) -> list[Unrated]:
    """Kinds of events without a price in a period, the most frequent first."""
    book = Book.read(connection)
    found: dict[tuple[str, int], Unrated] = {}
    wanted = Wanted(span, by_customer=True)
    for cell in cells(connection, wanted, lambda kind: SETTLED_BY not in kind.properties):
        if cell.figure:
            continue
        key = (cell.customer, cell.kind.id)
        known = found.get(key)
        if known is not None:
            found[key] = known._replace(events=known.events + cell.events)
        elif not book.rates(cell.customer, cell.kind.name, cell.kind.said):
            found[key] = Unrated(cell.customer, cell.kind, cell.events)
    return sorted(found.values(), key=lambda each: (-each.events, each.customer, each.kind.id))[:limit]


def _offered(connection: Connection) -> Iterable[Offered]:
    c = plans.price.c
    query = select(c.id, c.meter_id, c.filter_values, c.start_date, c.end_date).where(
        c.type == "USAGE", c.meter_id.is_not(None), c.status == plans.PUBLISHED, c.entity_type.in_(ON_SALE)
    )
    for row in connection.execute(query):
        yield Offered(row.id, row.meter_id, row.filter_values or {}, row.start_date, row.end_date)


def _agreed(connection: Connection) -> dict[str, frozenset[str]]:
    """By both names of a customer: the external id, and the workspace."""
    line, subscription, customer = tables.subscription_line.c, tables.subscription.c, plans.customer.c
    query = (
        select(customer.external_id, customer.workspace_id, line.price_id)
        .join(tables.subscription, subscription.customer_id == customer.id)
        .join(tables.subscription_line, line.subscription_id == subscription.id)
    )
    found: dict[str, set[str]] = {}
    for external_id, workspace_id, price_id in connection.execute(query):
        for name in (external_id, workspace_id):
            found.setdefault(name, set()).add(price_id)
    return {name: frozenset(prices) for name, prices in found.items()}
