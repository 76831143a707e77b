"""Meters as they are kept: made, found, narrowed, switched off. Those that integrators know by name are there from the
start."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from app.kernel.db import metadata
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.given import Given, written
from app.kernel.ids import new_id
from app.metering.aggregate import Aggregation
from app.metering.apart import canonical
from app.metering.expression import compile_expression
from app.metering.meters import Meter
from app.metering.tables import MeterRow

table: Final = metadata.tables[str(MeterRow.__tablename__)]
WINDOWS: Final = ("MINUTE", "15MIN", "30MIN", "HOUR", "3HOUR", "6HOUR", "12HOUR", "DAY", "WEEK", "MONTH")
RESETS: Final = ("BILLING_PERIOD",)
COMPUTED: Final = frozenset({Aggregation.SUM, Aggregation.AVG, Aggregation.MAX, Aggregation.LATEST})
BUCKETED: Final = frozenset({Aggregation.SUM, Aggregation.MAX})
MOST_FIELDS: Final = 10

Row = Mapping[str, Any]


def create(connection: Connection, given: Given, *, now: datetime) -> Row:
    """A new meter; `InvalidInput` names the field."""
    row = read(given) | {"id": new_id("meter"), "enabled": True, "created_at": now, "updated_at": now}
    connection.execute(insert(table).values(**row))
    return row


def find(connection: Connection, meter_id: str) -> Row | None:
    row = connection.execute(select(table).where(table.c.id == meter_id)).mappings().first()
    return None if row is None else dict(row)


def get(connection: Connection, meter_id: str) -> Row:
    """`find`, or `NotFound` "meter_not_found"."""
    found = find(connection, meter_id)
    if found is None:
        raise NotFound(f"There is no meter {meter_id[:100]}.", code="meter_not_found")
    return found


def usable(connection: Connection, given: Given, name: str) -> Row:
    """The meter that field names, for something new to count by; one that is switched off is refused."""
    meter_id = given.text(name)
    found = find(connection, meter_id)
    if found is None:
        raise InvalidInput(f"There is no meter {meter_id[:100]}.", param=given.at(name), code="meter_not_found")
    if not found["enabled"]:
        raise InvalidInput(f"{found['name']} is switched off.", param=given.at(name), code="meter_disabled")
    return found


def every(connection: Connection) -> list[Meter]:
    """Every meter, switched-off ones too: usage they read before is still theirs."""
    return [meter_of(dict(row)) for row in connection.execute(select(table).order_by(table.c.id)).mappings()]


def change(connection: Connection, meter_id: str, given: Given, *, now: datetime) -> Row:
    """Its name and its filters; what it counts stays, because bills were written by it."""
    values: dict[str, Any] = {"updated_at": now}
    if given.has("name"):
        values["name"] = given.text("name")
    if given.has("filters"):
        values["filters"] = _filters(given)
    _change(connection, meter_id, values)
    return get(connection, meter_id)


def disable(connection: Connection, meter_id: str, *, now: datetime) -> Row:
    """No new price or feature may use it."""
    _change(connection, meter_id, {"enabled": False, "updated_at": now})
    return get(connection, meter_id)


def forget(connection: Connection, meter_id: str) -> None:
    """Remove one that nothing refers to; the caller has made sure of it."""
    get(connection, meter_id)
    connection.execute(delete(table).where(table.c.id == meter_id))


def meter_of(row: Row) -> Meter:
    """The meter of a row."""
    return Meter(
        id=row["id"],
        name=row["name"],
        event_name=row["event_name"],
        aggregation=Aggregation(row["aggregation"]),
        fields=tuple(row["fields"]),
        counts_one=row["counts_one"],
        expression=row["expression"],
        multiplier=Fraction(row["multiplier"]),
        bucket_size=row["bucket_size"],
        filters={name: tuple(values) for name, values in row["filters"].items()},
    )


def read(given: Given) -> dict[str, Any]:
    """What a new meter says, checked."""
    how = given.object("aggregation")
    kind = Aggregation(how.choice("type", tuple(Aggregation)))
    fields = _fields(how)
    expression = how.maybe("expression", longest=1_000) or None
    bucket = how.maybe_choice("bucket_size", WINDOWS)
    multiplier = how.maybe_decimal("multiplier", above=Decimal(0))
    if expression is not None and (fields or kind not in COMPUTED):
        raise how.wrong("expression", "stands instead of a field, for SUM, AVG, MAX and LATEST.")
    if expression is not None:
        compile_expression(expression)
    if kind is not Aggregation.COUNT and not fields and expression is None:
        raise how.wrong("field", f"is missing: {kind} needs to know what to read.")
    if bucket is not None and kind not in BUCKETED:
        raise how.wrong("bucket_size", "is for SUM and MAX.")
    if how.maybe("group_by"):
        raise how.wrong("group_by", "is not served: a bucket has one figure.")
    if kind is Aggregation.SUM_WITH_MULTIPLIER and multiplier is None:
        raise how.wrong("multiplier", "is missing.")
    return {
        "name": given.text("name"),
        "event_name": given.text("event_name"),
        "aggregation": kind.value,
        "fields": fields,
        "counts_one": how.flag("counts_one"),
        "expression": expression,
        "multiplier": written(multiplier if multiplier is not None else Decimal(1)),
        "bucket_size": bucket,
        "group_by": None,
        "filters": _filters(given),
        "reset_usage": given.choice("reset_usage", RESETS, "BILLING_PERIOD"),
    }


def _fields(how: Given) -> list[str]:
    """`field`, or our own `fields`: the first of them that an event has is read."""
    listed = [each for each in how.texts("fields", most=MOST_FIELDS) if each]
    one = how.maybe("field")
    return listed or ([one] if one else [])


def _filters(given: Given) -> dict[str, list[str]]:
    """`[{key, values}]`; every key must hold, by any of its values."""
    found: dict[str, list[str]] = {}
    for each in given.objects("filters", most=20):
        values = each.entries("values", least=1, most=200)
        if any(isinstance(value, list | dict) for value in values):
            raise each.wrong("values", "must be a list of plain values.")
        found[each.text("key")] = list(
            Given({"values": [canonical(value) for value in values]}, each.place).texts("values")
        )
    return found


def _change(connection: Connection, meter_id: str, values: Row) -> None:
    get(connection, meter_id)
    connection.execute(update(table).where(table.c.id == meter_id).values(**values))
