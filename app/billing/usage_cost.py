"""What a customer's usage of any time comes to by the prices they agreed to: before what is included, commitments,
discounts and tax. What was settled from prepaid credits costs nothing more."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from app.billing import tables
from app.billing.collect import usage_of
from app.billing.items import items_in
from app.billing.rating import USAGE, usage_line
from app.metering.aggregate import Span

_SUB = tables.subscription


class Cost(NamedTuple):
    """By meter, in one currency."""

    currency: str
    by_meter: Mapping[str, Fraction]


def cost_of(connection: Connection, customer_id: str, external_id: str, span: Span) -> Cost | None:
    """None for who has no subscription in that time, or several in different currencies."""
    c = _SUB.c
    query = select(_SUB).where(
        c.customer_id == customer_id, c.start_at < span.end, or_(c.cancelled_at.is_(None), c.cancelled_at > span.start),
        c.state != "draft",
    )  # fmt: skip
    rows = connection.execute(query.order_by(c.id)).all()
    currencies = {row.currency for row in rows}
    if len(currencies) != 1:
        return None
    found: dict[str, Fraction] = defaultdict(Fraction)
    for row in rows:
        items = [replace(item, commitment=None) for item in items_in(connection, row, span, USAGE)]
        used = usage_of(connection, external_id, span, items)
        for item in items:
            if item.meter is not None and item.line_id in used:
                found[item.meter.id] += usage_line(item, used[item.line_id]).exact
    return Cost(currencies.pop(), found)
