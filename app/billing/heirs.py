"""Lines that go on in others, at other terms from the next period on: what was paid ahead for the one is paid for the
other, and comes back with it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from app.billing import subscriptions
from app.billing.pinned import is_ahead

#: Under this name a subscription keeps, by line, the one it goes on from.
GOES_ON_FROM: Final = "goes_on_from"


def hand_over(connection: Connection, row: Row[Any], heirs: Mapping[str, str], now: datetime) -> Row[Any]:
    """Remember who pays for whom: `heirs` by the line they follow, where that is paid ahead. What lies before this
    period is forgotten."""
    ahead = {line.id: line for line in subscriptions.lines_of(connection, row.id) if is_ahead(line.price)}
    mine = {heir: line for line, heir in heirs.items() if line in ahead}
    if not mine:
        return row
    before = row.agreed.get(GOES_ON_FROM, {}).items()
    kept = {heir: line for heir, line in before if line in ahead and not _is_past(ahead[line], row)}
    kept |= mine
    return subscriptions.change(connection, row, now, agreed={**row.agreed, GOES_ON_FROM: kept})


def _is_past(line: Row[Any], row: Row[Any]) -> bool:
    return line.end_at is not None and line.end_at <= row.period_start


def paid_as(row: Row[Any], line_id: str) -> list[str]:
    """Under which lines a line is paid for in this period: itself, and those it goes on from."""
    before, found = row.agreed.get(GOES_ON_FROM, {}), [line_id]
    while found[-1] in before:
        found.append(before[found[-1]])
    return found
