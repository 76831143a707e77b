"""Meters as the catalogue uses them: what must not be taken away while something is priced or promised by it."""

from sqlalchemy import Connection, select

from app.kernel.errors import Rejected
from app.kernel.given import Given
from app.metering import meter_book
from app.plans import tables
from app.plans.search import Condition, Page, chosen
from app.plans.search import search as page_of
from app.plans.tables import DELETED


def delete(connection: Connection, meter_id: str) -> None:
    """Remove a meter that was never used; `Rejected` "meter_in_use" where a price or a feature refers to it."""
    meter_book.get(connection, meter_id)
    priced = select(tables.price.c.id).where(tables.price.c.meter_id == meter_id)
    promised = select(tables.feature.c.id).where(
        tables.feature.c.meter_id == meter_id, tables.feature.c.status != DELETED
    )
    if any(connection.execute(query).first() is not None for query in (priced, promised)):
        raise Rejected(
            "Prices or features refer to this meter: disable it instead.", code="meter_in_use", meter_id=meter_id
        )
    meter_book.forget(connection, meter_id)


def search(connection: Connection, given: Given) -> Page:
    """Meters by id, event name and when they were made."""
    c = meter_book.table.c
    wanted: list[Condition] = [*chosen(c.id, given, "meter_ids"), *chosen(c.event_name, given, "event_name")]
    if (status := given.maybe_choice("status", ("published", "archived"))) is not None:
        wanted.append(c.enabled.is_(status == "published"))
    return page_of(connection, meter_book.table, given, *wanted)
