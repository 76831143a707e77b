"""Time: always aware, always UTC, and passed in wherever a rule depends on it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; a naive datetime is refused because nobody can say what it means."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment!r}: give it a time zone")
    return moment.astimezone(UTC)


def parsed(text: str) -> datetime:
    """A moment as RFC 3339 writes it, in UTC: its letters may be small. `ValueError` for what is none, and for one
    without its zone."""
    return as_utc(datetime.fromisoformat(text.upper()))
