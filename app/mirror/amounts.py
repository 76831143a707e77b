"""What a period or an invoice comes to, here and at the remote, side by side. A difference is shown and never mended:
the numbers on invoices are ours."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.billing import allowances, facts, usage_lines
from app.billing.rating import amount_of
from app.billing.tables import billing_invoice, subscription
from app.kernel.clock import Clock, as_utc
from app.kernel.db import Database
from app.kernel.fiat import Fiat
from app.metering.aggregate import Span
from app.mirror import wire
from app.mirror.book import SUBSCRIPTION
from app.mirror.remote import NOT_FOUND, Refused, Remote, RemoteInvoice, RemoteUsage, Unreachable
from app.mirror.tables import mirror_amount, mirror_item
from app.plans.tables import customer

PERIOD, INVOICE = "period", "invoice"
#: Subscriptions that are compared in one turn: those that were not for longest.
AT_ONCE: Final = 200
#: How far apart the beginnings of one period may lie on the two sides.
SAME: Final = timedelta(days=1)
log = logging.getLogger(__name__)
_ITEM, _AMOUNT = mirror_item.c, mirror_amount.c


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides of one thing; the amounts are None where a side has none."""

    kind: str
    subscription_id: str | None
    customer: str
    period_start: datetime | None
    period_end: datetime | None
    currency: str
    ours: Decimal | None
    theirs: Decimal | None
    their_currency: str
    our_invoice: str | None
    their_invoice: str | None
    remote_state: str | None
    checked_at: datetime

    @property
    def difference(self) -> Decimal | None:
        """Theirs less ours; None where they cannot be compared."""
        if self.ours is None or self.theirs is None or self.currency != self.their_currency:
            return None
        return self.theirs - self.ours


@dataclass(frozen=True, slots=True)
class Amounts:
    """One turn is `run`; it stops at the first `Unreachable`."""

    db: Database
    remote: Remote
    clock: Clock

    def run(self) -> int:
        """Compare what was not compared for longest; how many amounts were asked for."""
        with self.db.read() as connection:
            rows = _oldest(connection)
        return sum(self._one(row) for row in rows)

    def _one(self, row: Row[Any]) -> int:
        """What is wrong with one, whatever it is, keeps no other from being compared."""
        try:
            return self._compare(row)
        except Unreachable:
            raise
        except Exception:
            log.exception("what %s comes to cannot be compared", row.id)
        with self.db.write() as connection:
            looked_at(connection, row, self.clock())
        return 0

    def _compare(self, row: Row[Any]) -> int:
        try:
            theirs = self.remote.usage(row.remote_id, row.period_start, row.period_end)
            invoices = self.remote.invoices_of(row.remote_id)
        except Refused as refused:
            if refused.details.get("status") != NOT_FOUND:
                raise  # it says nothing of amounts: what is known of them stays
            theirs, invoices = RemoteUsage(None, ""), []  # it was taken off there: sending it will say so
        with self.db.write() as connection:
            keep_period(connection, row, theirs.amount, theirs.currency, self.clock())
            for each in invoices:
                keep_invoice(connection, each, self.clock())
        return 1 + len(invoices)

    def invoice(self, remote_id: str) -> str:
        """Ask for one invoice of theirs and keep it; what came of that, in words."""
        found = self.remote.invoice(remote_id)
        if found is None:
            return "there is no such invoice there"
        with self.db.write() as connection:
            return keep_invoice(connection, found, self.clock())


def keep_period(connection: Connection, row: Row[Any], theirs: object, currency: str, now: datetime) -> None:
    """What a subscription's present period comes to so far; also that there is no amount there."""
    amount = wire.amount(theirs)
    ours = rated(connection, row.id)
    values = {
        "subscription_id": row.id, "customer_id": row.customer_id, "period_start": row.period_start,
        "period_end": row.period_end, "currency": row.currency, "ours": _text(ours),
        "theirs": "" if amount is None else str(amount),
        "their_currency": currency or row.currency, "checked_at": now,
    }  # fmt: skip
    _put(connection, PERIOD, f"{row.id}:{row.period_start.isoformat()}", values)


def looked_at(connection: Connection, row: Row[Any], now: datetime) -> None:
    """The present period could not be compared: its turn comes again after that of the others."""
    key = f"{row.id}:{row.period_start.isoformat()}"
    known = update(mirror_amount).where(_AMOUNT.kind == PERIOD, _AMOUNT.key == key)
    if connection.execute(known.values(checked_at=now)).rowcount:
        return
    values = {
        "subscription_id": row.id, "customer_id": row.customer_id, "period_start": row.period_start,
        "period_end": row.period_end, "currency": row.currency, "ours": None, "theirs": "",
        "their_currency": row.currency, "checked_at": now,
    }  # fmt: skip
    _put(connection, PERIOD, key, values)


def keep_invoice(connection: Connection, theirs: RemoteInvoice, now: datetime) -> str:
    """One of their invoices beside ours of the same period; in words what it was put beside."""
    total = wire.amount(theirs.total)
    if total is None:
        return "it states no amount"
    row = _of_remote(connection, theirs.subscription_id)
    mine = None if row is None or theirs.period_start is None else _ours(connection, row.id, theirs.period_start)
    values = {
        "subscription_id": None if row is None else row.id,
        "customer_id": None if row is None else row.customer_id,
        "period_start": theirs.period_start,
        "period_end": theirs.period_end,
        "currency": theirs.currency if mine is None else mine.currency,
        "ours": None if mine is None else _text(Fiat(mine.total, mine.currency)),
        "theirs": str(total),
        "their_currency": theirs.currency,
        "our_invoice": None if mine is None else mine.id,
        "their_invoice": theirs.id,
        "remote_state": theirs.state,
        "checked_at": now,
    }
    _put(connection, INVOICE, theirs.id, values)
    return f"beside {mine.id}" if mine is not None else "there is no invoice of that period here"


def rated(connection: Connection, subscription_id: str) -> Fiat:
    """What the usage of a subscription's present period comes to here."""
    row = connection.execute(select(subscription).where(subscription.c.id == subscription_id)).one()
    whose = facts.customer_of(connection, row.customer_id)
    span = Span(row.period_start, row.period_end)
    lines = usage_lines.of(connection, row, whose.external_id, span, allowances.included(connection, row))
    return amount_of(lines, row.currency)


def pairs(connection: Connection, limit: int = 200) -> list[Pair]:
    """Both sides, what was compared last first."""
    query = (
        select(mirror_amount, customer.c.external_id)
        .outerjoin(customer, customer.c.id == _AMOUNT.customer_id)
        .order_by(_AMOUNT.checked_at.desc(), _AMOUNT.kind, _AMOUNT.key)
        .limit(limit)
    )
    return [_pair(row) for row in connection.execute(query)]


def _pair(row: Row[Any]) -> Pair:
    return Pair(
        row.kind,
        row.subscription_id,
        row.external_id or "",
        row.period_start,
        row.period_end,
        row.currency,
        wire.amount(row.ours),
        wire.amount(row.theirs),
        row.their_currency,
        row.our_invoice,
        row.their_invoice,
        row.remote_state,
        row.checked_at,
    )


def _oldest(connection: Connection) -> list[Row[Any]]:
    """Subscriptions that are there and not over, and in their present period compared longest ago, or never."""
    query = (
        select(
            subscription.c.id,
            subscription.c.customer_id,
            subscription.c.currency,
            subscription.c.period_start,
            subscription.c.period_end,
            _ITEM.remote_id,
        )
        .join(mirror_item, and_(_ITEM.kind == SUBSCRIPTION, _ITEM.our_id == subscription.c.id))
        .outerjoin(
            mirror_amount,
            and_(
                _AMOUNT.kind == PERIOD,
                _AMOUNT.subscription_id == subscription.c.id,
                _AMOUNT.period_start == subscription.c.period_start,
            ),
        )
        .where(_ITEM.remote_id.is_not(None), subscription.c.state != "cancelled")
        .order_by(_AMOUNT.checked_at.is_not(None), _AMOUNT.checked_at, subscription.c.id)
        .limit(AT_ONCE)
    )
    return list(connection.execute(query))


def _of_remote(connection: Connection, remote_id: str | None) -> Any:
    query = (
        select(subscription.c.id, subscription.c.customer_id)
        .join(mirror_item, and_(_ITEM.kind == SUBSCRIPTION, _ITEM.our_id == subscription.c.id))
        .where(_ITEM.remote_id == remote_id)
    )
    return None if remote_id is None else connection.execute(query).first()


def _ours(connection: Connection, subscription_id: str, period_start: datetime) -> Any:
    """Our invoice of the same period: the one whose beginning lies nearest."""
    c, at = billing_invoice.c, as_utc(period_start)
    query = select(c.id, c.currency, c.total, c.period_start).where(
        c.subscription_id == subscription_id,
        c.state == "FINALIZED",
        c.period_start.between(at - SAME, at + SAME),
    )
    found = connection.execute(query).all()
    return min(found, key=lambda row: (abs(row.period_start - at), row.id), default=None)


def _put(connection: Connection, kind: str, key: str, values: dict[str, Any]) -> None:
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    new = made(mirror_amount).values(kind=kind, key=key, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["kind", "key"], set_=values))


def _text(amount: Fiat) -> str:
    return f"{amount.amount:f}"
