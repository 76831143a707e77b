"""Moments as clients write them."""

from datetime import UTC, datetime

import pytest

from app.kernel.clock import parsed


@pytest.mark.parametrize(
    "text",
    ["2026-04-14T15:00:00Z", "2026-04-14t15:00:00z", "2026-04-14T17:00:00+02:00", "2026-04-14 15:00:00.000000000Z"],
)
def test_a_moment_is_read_as_rfc_3339_writes_it(text: str) -> None:
    assert parsed(text) == datetime(2026, 4, 14, 15, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2026-04-14", "2026-04-14T15:00:00", "2026-02-30T00:00:00z", "tomorrow"])
def test_what_is_no_moment_with_its_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"format|time zone|day"):
        parsed(text)
