"""Billing periods: month ends, leap days, calendars, short first periods."""

from datetime import UTC, datetime

import pytest

from app.billing.periods import Anchoring, Unit, cycle
from app.kernel.errors import InvalidInput

ANNIVERSARY, CALENDAR = Anchoring.ANNIVERSARY, Anchoring.CALENDAR


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "count", "anchoring", "start", "ends"),
    [
        pytest.param("MONTHLY", 1, ANNIVERSARY, "2026-01-31", "02-28 03-31 04-30 05-31", id="the 31st comes back"),
        pytest.param("MONTHLY", 1, ANNIVERSARY, "2024-01-30", "02-29 03-30 04-30", id="a leap February"),
        pytest.param("MONTHLY", 2, ANNIVERSARY, "2025-12-31", "02-28 04-30 06-30", id="two months at a time"),
        pytest.param(
            "ANNUAL", 1, ANNIVERSARY, "2024-02-29", "02-28 02-28 02-28 02-29", id="a leap day every four years"
        ),
        pytest.param("QUARTERLY", 1, ANNIVERSARY, "2026-11-30", "02-28 05-30 08-30", id="a quarter of its own"),
        pytest.param("HALF_YEARLY", 1, ANNIVERSARY, "2026-08-31", "02-28 08-31", id="half-years"),
        pytest.param("WEEKLY", 1, ANNIVERSARY, "2026-12-28", "01-04 01-11", id="weeks"),
        pytest.param("DAILY", 1, ANNIVERSARY, "2028-02-28", "02-29 03-01", id="days"),
        pytest.param("MONTHLY", 1, CALENDAR, "2026-04-14", "05-01 06-01", id="a short first month"),
        pytest.param("WEEKLY", 1, CALENDAR, "2026-04-14", "04-20 04-27", id="to Monday"),
        pytest.param("QUARTERLY", 1, CALENDAR, "2026-05-14", "07-01 10-01 01-01", id="to the calendar's quarter"),
        pytest.param("ANNUAL", 1, CALENDAR, "2026-05-14", "01-01 01-01", id="to New Year"),
        pytest.param("MONTHLY", 1, CALENDAR, "2026-05-01", "06-01", id="a whole first month"),
    ],
)
def test_periods_follow_one_another(unit: str, count: int, anchoring: Anchoring, start: str, ends: str) -> None:
    turns = cycle(Unit(unit), count, anchoring, day(start))
    span = turns.containing(day(start))
    assert span.start == day(start)
    for end in ends.split():
        assert f"{span.end:%m-%d}" == end
        assert turns.containing(span.start) == span
        following = turns.following(span)
        assert following.start == span.end
        span = following


def test_a_short_first_period_knows_the_whole_one() -> None:
    turns = cycle(Unit.MONTHLY, 1, CALENDAR, day("2026-04-21"))
    first = turns.containing(day("2026-04-21"))
    whole = turns.whole(first)
    assert (whole.start, whole.end) == (day("2026-04-01"), day("2026-05-01"))
    assert whole.share_after(first.start) == pytest.approx(1 / 3)
    assert turns.whole(turns.following(first)) == turns.following(first)


def test_another_anchor_makes_the_first_period_short() -> None:
    turns = cycle(Unit.MONTHLY, 1, ANNIVERSARY, day("2026-04-21"), day("2026-05-15"))
    assert turns.containing(day("2026-04-21")).end == day("2026-05-15")


@pytest.mark.parametrize("count", [0, -1, 1000])
def test_a_period_has_a_sensible_length(count: int) -> None:
    with pytest.raises(InvalidInput):
        cycle(Unit.MONTHLY, count, ANNIVERSARY, day("2026-04-21"))
