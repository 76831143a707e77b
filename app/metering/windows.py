"""Windows of time: every moment lies in exactly one of each size. PURE."""

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


def windows_in(span: Span, size: str) -> int:
    """How many windows of a size have a part in a time."""
    first, last = start_of(span.start, size), start_of(span.end - timedelta(microseconds=1), size)
    if span.end <= span.start:
        return 0
    if size == MONTH:
        return (last.year - first.year) * 12 + last.month - first.month + 1
    return (last - first) // timedelta(minutes=MINUTES[size]) + 1


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
