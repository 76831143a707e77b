"""How the billing API writes what it says: moments with a Z, figures as decimal text, lists in pages."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.kernel.said import decimal, moment
from app.plans.search import Page

__all__ = ["decimal", "listed", "moment", "page", "shown", "stamped"]

#: Of every thing: who made it when.
STAMPS = ("id", "status", "metadata", "created_by", "updated_by")


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
