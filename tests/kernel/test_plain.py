"""What is kept for later comes back as it was."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.kernel.plain import from_plain, to_plain


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="nothing"),
        pytest.param("Ada", id="text"),
        pytest.param(7, id="a count"),
        pytest.param(Decimal("0.10"), id="an exact figure"),
        pytest.param(Money(1_500_000), id="credits"),
        pytest.param(Fiat(1999, "EUR"), id="an amount to pay"),
        pytest.param(datetime(2026, 11, 21, 12, tzinfo=UTC), id="a moment"),
        pytest.param(date(2026, 11, 21), id="a day"),
        pytest.param([{"label": "Lot", "left": Money(1)}], id="rows"),
    ],
)
def test_a_value_survives_being_kept(value: Any) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(value)))) == value


@pytest.mark.parametrize(
    "value", [pytest.param(0.1, id="a float"), pytest.param({1, 2}, id="a set"), pytest.param(b"", id="bytes")]
)
def test_what_has_no_exact_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        to_plain({"value": value})


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        to_plain(datetime(2026, 11, 21))  # noqa: DTZ001  the point of it
