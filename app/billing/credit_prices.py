"""What a credit cost when it was used on a limit: the price that holds, and those before it, each until the moment at
which another was agreed. Every change is a note of the audit trail, which nobody alters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.accounts.audit import note
from app.accounts.tables import AuditEvent
from app.kernel.db import metadata
from app.kernel.money import plain

#: Its detail is what a credit cost until then: "0.01 EUR".
CHANGED: Final = "postpaid.price"
_NOTE = metadata.tables[str(AuditEvent.__tablename__)].c


@dataclass(frozen=True, slots=True)
class Held:
    """A price of a credit and its time; None is without an end on that side."""

    price: Fraction
    since: datetime | None = None
    until: datetime | None = None


def keep(connection: Connection, row: Row[Any], price: Decimal, currency: str, *, actor: str, now: datetime) -> None:
    """Note what a credit cost until now, where that is about to change; the caller has locked the row."""
    if (Fraction(row.credit_price), row.currency) != (Fraction(price), currency):
        note(connection, actor, CHANGED, row.workspace_id, f"{plain(Decimal(row.credit_price))} {row.currency}", at=now)


def held(connection: Connection, row: Row[Any]) -> Iterator[Held]:
    """The prices a workspace had in its present currency, the oldest first. The oldest holds for everything before."""
    query = select(_NOTE.detail, _NOTE.created_at).where(_NOTE.subject == row.workspace_id, _NOTE.action == CHANGED)
    since: datetime | None = None
    for detail, at in connection.execute(query.order_by(_NOTE.created_at, _NOTE.id)).tuples():
        price, _, currency = detail.partition(" ")
        if currency == row.currency:  # what was used in another one was invoiced before that could change
            yield Held(Fraction(price), since, at)
            since = at
    yield Held(Fraction(row.credit_price), since)
