"""How the billing API writes what it says: moments with a Z, figures as decimal text, lists in pages."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.kernel.money import plain
from app.plans.search import Page

#: Of every thing: who made it when.
STAMPS = ("id", "status", "metadata", "created_by", "updated_by")


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC: 2026-04-14T15:00:00Z."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def decimal(figure: Decimal | Fraction | int | str | None, places: int = 12) -> str | None:
    """Decimal text without an exponent; a fraction that has no end is rounded half up at `places`."""
    if figure is None:
        return None
    if isinstance(figure, Fraction):
        scaled = figure * 10**places
        whole = (abs(scaled.numerator) * 2 + scaled.denominator) // (2 * scaled.denominator)
        figure = Decimal(whole if scaled >= 0 else -whole).scaleb(-places)
    return plain(Decimal(figure))


def stamped(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that every thing has."""
    found = {name: row[name] for name in STAMPS if name in row}
    return found | {"created_at": moment(row["created_at"]), "updated_at": moment(row["updated_at"])}


def shown(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The stamps and these fields; moments and exact figures in their wire form."""
    return stamped(row) | {name: _value(row[name]) for name in names}


def page(found: Page, show: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """A list answer."""
    return listed([show(each) for each in found.items], found.total, found.limit, found.offset)


def listed(items: Iterable[Mapping[str, Any]], total: int, limit: int, offset: int) -> dict[str, Any]:
    """A list answer of things that are shown already."""
    return {"items": list(items), "pagination": {"total": total, "limit": limit, "offset": offset}}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return decimal(value) if isinstance(value, Decimal | Fraction) else value
