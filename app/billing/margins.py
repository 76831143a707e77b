"""What a customer's usage comes to by their own prices, and what it costs by a cost sheet: the same events, counted
alike. What prepaid credits have paid is in neither."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import Connection

from app.billing.collect import usage_of
from app.billing.facts import meters_of
from app.billing.pinned import item_of, pin
from app.billing.rating import USAGE, usage_line
from app.billing.usage_cost import cost_of
from app.kernel.errors import Conflict
from app.metering.aggregate import Span
from app.plans import price_book
from app.plans.customers import Customer
from app.plans.shelf import Record


class CostLine(NamedTuple):
    """One price of the sheet."""

    price: Record
    meter_id: str
    quantity: Fraction
    events: int
    cost: Fraction


@dataclass(frozen=True, slots=True)
class Margins:
    """In one currency."""

    sheet_id: str
    currency: str
    lines: tuple[CostLine, ...]
    revenue: Fraction

    @property
    def cost(self) -> Fraction:
        return sum((line.cost for line in self.lines), Fraction(0))

    @property
    def margin(self) -> Fraction:
        return self.revenue - self.cost

    @property
    def of_revenue(self) -> Fraction:
        """The part of the revenue that is left; 0 without any."""
        return self.margin / self.revenue if self.revenue else Fraction(0)

    @property
    def of_cost(self) -> Fraction:
        """What is left for each unit of cost; 0 without any."""
        return self.margin / self.cost if self.cost else Fraction(0)


def margins(
    connection: Connection, sheet: Record, customer: Customer, span: Span, meters: Collection[str] | None = None
) -> Margins:
    """With `meters` only of these. `Conflict` where costs, or costs and revenue, are in several currencies."""
    lines = [
        line
        for line in _costs(connection, sheet, customer.external_id, span)
        if meters is None or line.meter_id in meters
    ]
    sold = cost_of(connection, customer.id, customer.external_id, span)
    by_meter = {} if sold is None else sold.by_meter
    revenue = sum((amount for each, amount in by_meter.items() if meters is None or each in meters), Fraction(0))
    currencies = {str(line.price["currency"]).upper() for line in lines} | ({sold.currency.upper()} if sold else set())
    if len(currencies) > 1:
        raise Conflict(f"These are figures in {', '.join(sorted(currencies))}.", code="invalid_operation")
    return Margins(str(sheet["id"]), next(iter(currencies), ""), tuple(lines), revenue)


def _costs(connection: Connection, sheet: Record, external_id: str, span: Span) -> list[CostLine]:
    prices = [row for row in price_book.rows_of(connection, "COSTSHEET", [str(sheet["id"])]) if row["type"] == USAGE]
    prices = [row for row in prices if row["start_date"] < span.end and _end(row, span) > span.start]
    meters = meters_of(connection, [str(row["meter_id"]) for row in prices])
    items = {
        str(row["id"]): replace(
            item_of(str(row["id"]), pin(row), meters.get(str(row["meter_id"]))),
            span=Span(max(row["start_date"], span.start), _end(row, span)),
        )
        for row in prices
    }
    used = usage_of(connection, external_id, span, list(items.values()))
    found = []
    for row in prices:
        if (each := used.get(str(row["id"]))) is not None:
            line = usage_line(items[str(row["id"])], each)
            found.append(CostLine(row, str(row["meter_id"]), line.quantity, each.events, line.exact))
    return found


def _end(row: Record, span: Span) -> datetime:
    return min(row["end_date"] or span.end, span.end)
