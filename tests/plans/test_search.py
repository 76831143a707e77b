"""Conditions on fields: what both databases can compare is found, anything else is refused before it is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from app.kernel.given import Given
from app.plans import reductions, tables
from app.plans.search import search

NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Two coupons: Ten for three, Half for ever."""
    with database.write() as connection:
        for wish in (
            {"name": "Ten", "type": "fixed", "amount_off": "10", "currency": "usd", "cadence": "once",
             "max_redemptions": 3},
            {"name": "Half", "type": "percentage", "percentage_off": "50", "cadence": "forever"},
        ):  # fmt: skip
            reductions.create_coupon(connection, Given(wish), actor="test", now=NOW)
        yield connection


@pytest.mark.parametrize(
    ("field", "operator", "value", "names"),
    [
        pytest.param("name", "contains", {"string": "HAL"}, ["Half"], id="text"),
        pytest.param("max_redemptions", "gte", {"number": 3}, ["Ten"], id="number"),
        pytest.param("max_redemptions", "lt", {"number": 1e30}, ["Ten"], id="a number that no column holds"),
        pytest.param("created_at", "after", {"date": "2026-03-01T00:00:00Z"}, ["Half", "Ten"], id="time"),
        pytest.param("created_at", "contains", {"string": "2026"}, None, id="a time contains no text"),
        pytest.param("max_redemptions", "not_contains", {"string": "3"}, None, id="nor does a number"),
        pytest.param("rules", "eq", {"string": "{}"}, None, id="JSON"),
    ],
)
def test_a_condition(
    connection: Connection, field: str, operator: str, value: dict[str, Any], names: list[str] | None
) -> None:
    wish = Given({"filters": [{"field": field, "operator": operator, "value": value}], "sort": "name", "order": "asc"})
    if names is None:
        with pytest.raises(InvalidInput):
            search(connection, tables.coupon, wish)
    else:
        assert [row["name"] for row in search(connection, tables.coupon, wish).items] == names


def test_json_has_no_order(connection: Connection) -> None:
    with pytest.raises(InvalidInput):
        search(connection, tables.coupon, Given({"sort": "rules"}))
