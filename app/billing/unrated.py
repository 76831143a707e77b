"""Events that no price pays for: kept, counted, and shown to the operator, who has forgotten a price or a subscription.

An event is rated when a meter reads it and a price of that meter matches, among those its customer agreed to; for a
customer without a subscription, among all that are on sale. What the prepaid ledger has settled is rated.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from app.billing import tables
from app.metering import meter_book
from app.metering.aggregate import Span
from app.metering.apart import SETTLED_BY
from app.metering.cells import Kind, Kinds, Wanted, cells, events_of
from app.metering.events import is_told
from app.metering.meters import Meter
from app.plans import tables as plans
from app.plans.prices import holds

#: What a customer without a subscription could agree to.
ON_SALE: Final = ("PLAN", "ADDON")
#: So many kinds are told.
MOST: Final = 200


class Offered(NamedTuple):
    """As much of a price as tells whether it pays for an event."""

    id: str
    meter_id: str
    filters: Mapping[str, Sequence[str]]
    begins: datetime
    ends: datetime | None
    is_on_sale: bool  # what is of one subscription, or gone, is only for who agreed to it


class Unrated(NamedTuple):
    """A kind of event of a customer that no price pays for."""

    customer: str
    kind: Kind
    events: int


#: When each price was agreed to, from and until.
Agreed = Mapping[str, Sequence[tuple[datetime, datetime | None]]]


@dataclass(frozen=True, slots=True)
class Book:
    """Meters, prices, and who agreed to which."""

    meters: Sequence[Meter]
    prices: Mapping[str, Sequence[Offered]]  # by meter
    agreed: Mapping[str, Agreed]  # by the names of a customer
    reads: Callable[[Meter, str, Mapping[str, Any]], bool] = Meter.reads  # by an event, or by what events are alike in

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
            if meter.id in self.prices and self.reads(meter, name, properties)
            for price in self.prices[meter.id]
            if holds(price.filters, properties) and any(_within(at, *span) for span in _spans(price, agreed))
        ]

    def rates(self, customer: str, name: str, properties: Mapping[str, Any], at: datetime | None = None) -> bool:
        """Whether somebody pays for it."""
        return bool(properties.get(SETTLED_BY)) or bool(self.prices_for(customer, name, properties, at))

    def told(self, reads: Callable[[Meter, str, Mapping[str, Any]], bool]) -> "Book":
        """Those whose filters are seen by what events are alike in."""
        meters = [meter for meter in self.meters if meter.is_told]
        prices = {
            meter_id: [price for price in many if all(is_told(name, told) for name, told in price.filters.items())]
            for meter_id, many in self.prices.items()
        }
        return Book(meters, prices, self.agreed, reads)


def find(connection: Connection, span: Span, *, limit: int = MOST) -> list[Unrated]:
    """Kinds of events without a price in a period, the most frequent first."""
    book = Book.read(connection)
    told, perhaps = book.told(Meter.reads_each), book.told(Meter.may_read)
    is_all = (told.meters, told.prices) == (book.meters, book.prices)
    found: dict[tuple[str, int], Unrated] = {}
    unknown = dict[str, set[int]]()
    rated, maybe = dict[tuple[str | None, int], bool](), dict[tuple[str | None, int], bool]()
    wanted = Wanted(span, by_customer=True, only_counts=True)
    for cell in cells(connection, wanted, lambda kind: SETTLED_BY not in kind.properties):
        customer, kind = cell.customer, cell.kind
        who = customer if customer in book.agreed else None  # who agreed to nothing is like all the others
        if (who, kind.id) not in rated:
            rated[who, kind.id] = told.rates(customer, kind.name, kind.said)
            maybe[who, kind.id] = not is_all or perhaps.rates(customer, kind.name, kind.said)
        if rated[who, kind.id]:
            continue
        if not maybe[who, kind.id]:  # no filter and no expression that only the events tell
            before = found[customer, kind.id].events if (customer, kind.id) in found else 0
            found[customer, kind.id] = Unrated(customer, kind, before + cell.events)
        else:
            unknown.setdefault(customer, set()).add(kind.id)
    for customer, kinds in unknown.items():
        for one in _looked_at(connection, book, customer, kinds, span):
            found[customer, one.kind.id] = one
    return nsmallest(limit, found.values(), key=lambda each: (-each.events, each.customer, each.kind.id))


def _looked_at(
    connection: Connection, book: Book, customer: str, kinds: Collection[int], span: Span
) -> Iterable[Unrated]:
    """The unrated events of these kinds, each looked at by itself."""
    found: dict[int, Unrated] = {}
    for _, kind, _, _, properties in events_of(
        connection, [customer], span, Kinds(connection), lambda kind: kind.id in kinds
    ):
        if not book.rates(customer, kind.name, properties):
            known = found.get(kind.id, Unrated(customer, kind, 0))
            found[kind.id] = known._replace(events=known.events + 1)
    return found.values()


def _spans(price: Offered, agreed: Agreed | None) -> Sequence[tuple[datetime, datetime | None]]:
    """When a price pays: as it was agreed, or for who agreed to nothing while it is on sale."""
    if agreed is not None:
        return agreed.get(price.id, ())
    return [(price.begins, price.ends)] if price.is_on_sale else ()


def _within(at: datetime | None, begins: datetime, ends: datetime | None) -> bool:
    return at is None or (begins <= at and (ends is None or at < ends))


def _offered(connection: Connection) -> Iterable[Offered]:
    c = plans.price.c
    query = select(
        c.id, c.meter_id, c.filter_values, c.start_date, c.end_date, c.entity_type, c.status
    ).where(c.type == "USAGE", c.meter_id.is_not(None))  # fmt: skip
    for row in connection.execute(query):
        is_on_sale = row.entity_type in ON_SALE and row.status == plans.PUBLISHED
        yield Offered(row.id, row.meter_id, row.filter_values or {}, row.start_date, row.end_date, is_on_sale)


def _agreed(connection: Connection) -> Mapping[str, Agreed]:
    """By both names of a customer: the external id, and the workspace."""
    line, subscription, customer = tables.subscription_line.c, tables.subscription.c, plans.customer.c
    query = (
        select(customer.external_id, customer.workspace_id, line.price_id, line.start_at, line.end_at)
        .join(tables.subscription, subscription.customer_id == customer.id)
        .join(tables.subscription_line, line.subscription_id == subscription.id)
    )
    found: dict[str, dict[str, list[tuple[datetime, datetime | None]]]] = {}
    for external_id, workspace_id, price_id, start, end in connection.execute(query):
        for name in (external_id, workspace_id):
            found.setdefault(name, {}).setdefault(price_id, []).append((start, end))
    return found
