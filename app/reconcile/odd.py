"""Rows that cannot be read, such as one whose currency somebody wrote by hand: each is a difference of its own, and the
others are compared all the same.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Row

from app.reconcile.findings import Code, Difference

#: What values raise that cannot be as they are. A database or a provider that does not answer is none of these.
ODD: Final = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
ORDER: Final = "payment_order"
LONGEST: Final = 300

log = logging.getLogger(__name__)

Check = Callable[[Any], Iterable[Difference]]


def each(table: str, rows: Iterable[Any], check: Check) -> Iterator[Difference]:
    """What `check` finds in each row; `table` says where to look for one that cannot be read."""
    for row in rows:
        yield from one(table, row, check)


def one(table: str, row: Row[Any], check: Check) -> list[Difference]:
    """What `check` finds in this row."""
    try:
        return list(check(row))
    except ODD as error:
        return [unreadable(table, row, error)]


async def looked_at(
    table: str, row: Row[Any] | None, subject: str, look: Awaitable[list[Difference]]
) -> list[Difference]:
    """The same of what asks the provider; `subject` is its name for a thing that has no row here."""
    try:
        return await look
    except ODD as error:
        return [unreadable(table, row, error, subject)]


def section(name: str, check: Callable[[], Iterable[Difference]]) -> list[Difference]:
    """A whole check; one that cannot be ended says so, and the next begins."""
    try:
        return list(check())
    except ODD as error:
        log.exception("the check of %s could not be ended", name)
        return [Difference(Code.CHECK_UNFINISHED, name, {"reason": _words(error)})]


def unreadable(table: str, row: Row[Any] | None, error: Exception, subject: str = "") -> Difference:
    """The difference that a row is which cannot be read."""
    known = {} if row is None else row._mapping
    row_id = str(known.get("id") or known.get("payment_id") or subject)
    order_id = row_id if table == ORDER else known.get("order_id")
    log.warning("%s of %s cannot be read: %s", row_id, table, _words(error))
    facts = {"table": table, "reason": _words(error)}
    return Difference(Code.ROW_UNREADABLE, row_id, facts, order_id, known.get("workspace_id"))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST]
