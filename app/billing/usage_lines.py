"""What was used in a period, line by line, less what is included."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Row

from app.billing import subscriptions
from app.billing.allowances import Allowance
from app.billing.collect import usage_of
from app.billing.items import items_in
from app.billing.rating import NOTHING, USAGE, Item, RatedLine, Used, usage_line
from app.metering.aggregate import Span


def of(
    connection: Connection, row: Row[Any], customer: str, span: Span, included: Sequence[Allowance]
) -> list[RatedLine]:
    """The usage of a subscription, whose customer is named by `external_id`; allowances are used up in the order of
    the lines."""
    items = items_in(connection, row, span, USAGE)
    used = usage_of(connection, customer, span, items)
    left = _allowed(connection, customer, items, used, span, included)
    pauses, lines = subscriptions.pauses_of(connection, row.id), []
    for item in items:
        if item.meter is None:
            continue
        allowance = left.get(item.meter.id, NOTHING)
        served = subscriptions.served_in(pauses, item.span or span)
        line = usage_line(item, used.get(item.line_id, Used()), allowance, served)
        if allowance is not None and item.meter.id in left:
            left[item.meter.id] = allowance - line.entitled
        lines.append(replace(line, span=item.span or span))
    return lines


def _allowed(
    connection: Connection,
    customer: str,
    items: Sequence[Item],
    used: Mapping[str, Used],
    span: Span,
    included: Sequence[Allowance],
) -> dict[str, Fraction | None]:
    """How much of each meter is included in this period. One that begins anew is what each of its windows took, of one
    that never does there is what was not used before."""
    found: dict[str, Fraction | None] = {}
    for each in included:
        mine = [item for item in items if item.meter is not None and item.meter.id == each.meter_id]
        if each.since is not None and each.limit is not None and each.since < span.start:
            before = Span(each.since, span.start)
            gone = usage_of(connection, customer, before, [replace(item, span=None) for item in mine])
            found[each.meter_id] = max(each.limit - sum((one.quantity for one in gone.values()), NOTHING), NOTHING)
            continue
        if not mine or each.limit is None or each.reset is None:
            found[each.meter_id] = each.limit
            continue
        taken = NOTHING
        for window in each.windows(span):
            parts = [replace(item, span=_both(item, span, window)) for item in mine]
            inside = usage_of(connection, customer, window, parts)
            taken += min(each.limit, sum((one.quantity for one in inside.values()), NOTHING))
        found[each.meter_id] = taken
    return found


def _both(item: Item, span: Span, window: Span) -> Span:
    part = item.span or span
    return Span(max(part.start, window.start), min(part.end, window.end))
