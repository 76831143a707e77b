"""What was used in a period, line by line, less what is included."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Row

from app.billing import subscriptions
from app.billing.allowances import Allowance
from app.billing.collect import usage_of
from app.billing.items import items_in
from app.billing.rating import NOTHING, USAGE, Billable, Item, RatedLine, Used, billable_of, line_of
from app.metering.aggregate import Span


def of(
    connection: Connection, row: Row[Any], customer: str, span: Span, included: Sequence[Allowance]
) -> list[RatedLine]:
    """The usage of a subscription, whose customer is named by `external_id`; allowances are used up in the order of
    the lines."""
    items = [item for item in items_in(connection, row, span, USAGE) if item.meter is not None]
    used = usage_of(connection, customer, span, items)
    due = _billable(_Usage(connection, customer, row.start_at), items, used, span, included)
    pauses = subscriptions.pauses_of(connection, row.id)
    lines = []
    for item in items:
        own = item.span or span
        mine = used.get(item.line_id, Used())
        line = line_of(item, mine, due[item.line_id], subscriptions.served_in(pauses, own))
        lines.append(replace(line, span=own))
    return lines


class _Usage:
    """What a customer used of some items at any time since the subscription began."""

    def __init__(self, connection: Connection, customer: str, since: datetime) -> None:
        self._connection, self._customer, self._since = connection, customer, since

    def inside(self, window: Span, items: Sequence[Item], span: Span) -> dict[str, Used]:
        """Of a window of a period, item by item."""
        parts = [(item, _both(item.span or span, window)) for item in items]
        mine = [replace(item, span=part) for item, part in parts if part.start < part.end]
        return usage_of(self._connection, self._customer, window, mine)

    def before(self, begun: datetime, end: datetime, items: Sequence[Item]) -> Fraction:
        """Of all the items together, from a moment to the period's beginning."""
        begun = max(begun, self._since)
        if begun >= end:
            return NOTHING
        anyhow = [replace(item, span=None) for item in items]
        used = usage_of(self._connection, self._customer, Span(begun, end), anyhow)
        return sum((one.quantity for one in used.values()), NOTHING)


def _billable(
    usage: _Usage, items: Sequence[Item], used: Mapping[str, Used], span: Span, included: Sequence[Allowance]
) -> dict[str, Billable]:
    """What is left to be paid of each item: what one that never begins anew has taken before is gone, and one that
    begins anew within the period comes off each of its windows by itself."""
    allowed, found = {each.meter_id: each for each in included}, dict[str, Billable]()
    for meter_id in dict.fromkeys(item.meter.id for item in items if item.meter is not None):
        mine = [item for item in items if item.meter is not None and item.meter.id == meter_id]
        agreed = allowed.get(meter_id)
        if agreed is None:
            found |= {item.line_id: billable_of(used.get(item.line_id, Used())) for item in mine}
        elif agreed.limit is None or (agreed.since is None and agreed.reset is None):
            found |= _in_turn(mine, used, agreed.limit)
        elif agreed.since is not None:
            gone = usage.before(agreed.since, span.start, mine)
            found |= _in_turn(mine, used, max(agreed.limit - gone, NOTHING))
        else:
            found |= _by_window(usage, mine, span, agreed, agreed.limit)
    return found


def _in_turn(items: Sequence[Item], used: Mapping[str, Used], left: Fraction | None) -> dict[str, Billable]:
    """One allowance for several items, which the first ones use up."""
    found = {}
    for item in items:
        found[item.line_id] = one = billable_of(used.get(item.line_id, Used()), left)
        left = None if left is None else left - one.entitled
    return found


def _by_window(
    usage: _Usage, items: Sequence[Item], span: Span, agreed: Allowance, limit: Fraction
) -> dict[str, Billable]:
    """What exceeds each window's allowance, added up. Of a window that began before the period, what was used then is
    gone."""
    found = {item.line_id: Billable() for item in items}
    for begun, window in agreed.windows(span):
        gone = usage.before(begun, window.start, items)
        inside = usage.inside(window, items, span)
        for line_id, one in _in_turn(items, inside, max(limit - gone, NOTHING)).items():
            found[line_id] = found[line_id].plus(one)
    return found


def _both(part: Span, window: Span) -> Span:
    return Span(max(part.start, window.start), min(part.end, window.end))
