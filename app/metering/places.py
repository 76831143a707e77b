"""Which events are those of some customers in a period.

PostgreSQL has an index for that. SQLite has `usage_place`, which is written for very many events at once
(`writing.py`): the last ones are not in it yet, and are looked at one by one.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, and_, select, union_all

from app.metering import tables
from app.metering.aggregate import Span

_event, _place = tables.event.c, tables.place.c


def of_customers(
    connection: Connection, customers: Collection[str], span: Span, after: int | None = None
) -> ColumnElement[bool]:
    """A condition on `usage_event`; `after` leaves out what comes before this event."""
    names = sorted(customers)
    these = and_(_event.customer.in_(names), _event.at >= span.start, _event.at < span.end)
    if after is not None:
        return and_(_event.id > after, these)
    placed_up_to = rolled_up_to(connection)
    if placed_up_to is None:
        return these
    placed = select(_place.event).where(_place.customer.in_(names), _place.at >= span.start, _place.at < span.end)
    last = select(_event.id).where(_event.id > placed_up_to, these)
    return _event.id.in_(union_all(placed, last))


def rolled_up_to(connection: Connection) -> int | None:
    """The last event that is in the sums and in its place (SQLite); None where every one is at once."""
    if connection.dialect.name != "sqlite":
        return None
    marked = select(tables.mark.c.event).where(tables.mark.c.name == "rolled")
    return connection.execute(marked).scalar() or 0
