"""Windows of time: every moment lies in exactly one of each size. PURE."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from app.kernel.errors import InvalidInput
from app.metering.aggregate import Span

MINUTES: Final = {
    "MINUTE": 1, "15MIN": 15, "30MIN": 30, "HOUR": 60, "3HOUR": 180, "6HOUR": 360, "12HOUR": 720,
    "DAY": 1_440, "WEEK": 10_080,
}  # fmt: skip
MONTH: Final = "MONTH"
SIZES: Final = (*MINUTES, MONTH)
#: Sizes that are made of whole days.
OF_DAYS: Final = frozenset({"DAY", "WEEK", MONTH})
_MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)


def start_of(at: datetime, size: str) -> datetime:
    """Where the window of a moment begins, in UTC; weeks begin on Monday."""
    moment = at.astimezone(UTC)
    if size == MONTH:
        return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if size not in MINUTES:
        raise InvalidInput(f"window_size is one of {', '.join(SIZES)}.", param="window_size")
    return moment - (moment - _MONDAY) % timedelta(minutes=MINUTES[size])


def windows_among(parts: Iterable[Span], size: str, *, but: Iterable[datetime] = ()) -> int:
    """How many windows of a size have a part in one of these times, which follow one another, `but` those that begin
    at these moments."""
    count, left, last = 0, set(but), None
    for part in parts:
        if part.end <= part.start:
            continue
        first, end = start_of(part.start, size), start_of(part.end - timedelta(microseconds=1), size)
        count += _steps(first, end, size) + (first != last)
        within = {moment for moment in left if first <= moment <= end}
        count, left, last = count - len(within), left - within, end
    return count


def _steps(first: datetime, last: datetime, size: str) -> int:
    if size == MONTH:
        return (last.year - first.year) * 12 + last.month - first.month
    return (last - first) // timedelta(minutes=MINUTES[size])


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
