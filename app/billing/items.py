"""The lines of a subscription as items of a bill: what each is priced by, and the part of a period that is its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Row

from app.billing import facts, subscriptions
from app.billing.pinned import item_of
from app.billing.rating import FIXED, Item
from app.metering.aggregate import Span
from app.metering.meters import Meter
from app.pricing.charge import cost


def items_of(lines: Sequence[Row[Any]], meters: Mapping[str, Meter]) -> list[Item]:
    """The lines as items of a bill; a meter that is gone makes a line that counts nothing."""
    found = []
    for line in lines:
        item = item_of(
            line.id,
            line.price,
            meters.get(line.meter_id) if line.meter_id else None,
            quantity=line.quantity,
            name=line.name,
            commitment=line.commitment,
            plan_name=line.plan_name,
        )
        found.append(replace(item, span=Span(line.start_at, line.end_at)) if line.end_at else item)
    return found


def fixed_worth(lines: Sequence[Row[Any]]) -> Fraction:
    """What the fixed prices of these lines come to for a whole period, in their currency."""
    items = items_of([line for line in lines if line.kind == FIXED], {})
    return sum((cost(item.charge, item.quantity).amount * item.unit_rate for item in items), Fraction(0))


def items_in(
    connection: Connection, row: Row[Any], span: Span, kind: str, known: Mapping[str, str | None] | None = None
) -> list[Item]:
    """The prices of a period, each with its part of it; with `known` only those, with the ends they had. What is paid
    once belongs to the period in which it begins, or in which the trial ends."""
    lines = subscriptions.lines_of(connection, row.id, span if known is None else None)
    lines = [line for line in lines if line.kind == kind and (known is None or line.id in known)]
    meters = facts.meters_of(connection, [line.meter_id for line in lines if line.meter_id])
    found = []
    for line, item in zip(lines, items_of(lines, meters), strict=True):
        end = line.end_at if known is None else _moment(known[line.id])
        part = Span(max(span.start, line.start_at), min(span.end, end or span.end))
        begins = max(line.start_at, row.trial_end or row.start_at)
        if item.once and (not span.start <= begins < span.end or (end is not None and end <= begins)):
            continue
        found.append(replace(item, span=None if part == span else part))
    return found


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
