"""The account statement: every movement of a workspace's credits in a period, between two balances that it explains.

One line for each journal, oldest first; holds are no movement. The balance is what the books say the customer has:
the credits there, less what is owed or in debt. It is added up from the opening balance line by line, so the closing
balance always is the opening one plus the lines. Read a page at a time by key: any length needs the same memory.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select

from app.generation.statement import detail_of, entry_of, generations_of, month_bounds
from app.kernel.clock import as_utc
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.fiat import Fiat
from app.kernel.money import Money, plain
from app.kernel.sheet import csv_row
from app.ledger import accounts, reads, tables
from app.ledger.journal import CAPTURE, EARLY_CAPTURE, FINAL
from app.ledger.state import Wallet

BATCH = 500
OPENING, CLOSING = "opening_balance", "closing_balance"
CHARGES = frozenset({CAPTURE, EARLY_CAPTURE, FINAL})
COLUMNS = (
    "posted_at",
    "entry_id",
    "kind",
    "request_id",
    "model",
    "quantity",
    "unit",
    "credits_delta",
    "balance_after",
    "money_amount",
    "currency",
    "order_id",
    "invoice_no",
    "description",
)
_J, _E = tables.journal.c, tables.entry.c


class Purchase(NamedTuple):
    """The money behind a movement: what was paid (given back when negative), for which order, on which document."""

    amount: Fiat | None = None
    order_id: str | None = None
    invoice_no: str | None = None


#: Answers the purchases among these journals of a workspace, by journal id.
Purchases = Callable[[Connection, str, Collection[str]], Mapping[str, Purchase]]


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to, and without, `until`."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.until <= self.since:
            raise InvalidInput("The period ends before it begins: `to` must be later than `from`.", param="to")


class Movement(NamedTuple):
    """One line. `quantity` and `unit` say what was used, where that is one measure."""

    posted_at: datetime
    entry_id: str  # the journal's
    kind: str
    request_id: str | None
    model: str | None
    quantity: Decimal | None
    unit: str | None
    delta: Money
    balance_after: Money
    purchase: Purchase
    description: str


class StatementPage(NamedTuple):
    """Some lines of a period, and the balances at both ends of the whole period."""

    period: Period
    opening: Money
    closing: Money
    movements: tuple[Movement, ...]
    more: bool


def period_of(now: datetime, *, since: str | None = None, until: str | None = None, month: str | None = None) -> Period:
    """A period as a customer names it: a month, or days or moments (UTC); the present month when nothing is said."""
    if month is not None:
        if since is not None or until is not None:
            raise InvalidInput("Give either month or from and to.", param="month")
        return Period(*month_bounds(month))
    first, following = month_bounds(f"{as_utc(now):%Y-%m}")
    return Period(
        first if since is None else _moment(since, "from"), following if until is None else _moment(until, "to")
    )


def _moment(text: str, param: str) -> datetime:
    try:
        if len(text) == len("2026-11-21"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        return as_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{param} is a day like 2026-11-21 or a moment like 2026-11-21T14:00:00Z.", param=param
        ) from None


def nothing_bought(_connection: Connection, _workspace_id: str, _ids: Collection[str]) -> Mapping[str, Purchase]:
    """For a house that sells no credits."""
    return {}


class AccountStatements:
    """`purchases` knows the money behind top-ups and refunds; the books of credits do not."""

    def __init__(self, db: Database, purchases: Purchases = nothing_bought) -> None:
        self._db, self._purchases = db, purchases

    def page(self, workspace_id: str, period: Period, *, after: str | None = None, limit: int = 100) -> StatementPage:
        """`limit` lines behind the line `after`, an entry's id; `NotFound` when that is no entry of this workspace."""
        with self._db.snapshot() as connection:
            wallet = reads.wallet_of(connection, workspace_id)
            behind = _position(connection, wallet, after) if after else None
            opening = _sum(connection, wallet, _J.created_at < period.since)
            closing = opening + _sum(connection, wallet, *_within(period))
            before = (
                opening if behind is None else opening + _sum(connection, wallet, *_within(period), ~_behind(behind))
            )
            found = self._movements(connection, wallet, period, behind, before, limit + 1)
        return StatementPage(
            period, _money(opening, wallet), _money(closing, wallet), found[:limit], len(found) > limit
        )

    def csv(self, workspace_id: str, period: Period) -> Iterator[str]:
        """The whole period as CSV, a part at a time: header, opening balance, lines, closing balance."""
        with self._db.read() as connection:
            wallet = reads.wallet_of(connection, workspace_id)
            balance = _sum(connection, wallet, _J.created_at < period.since)
        yield csv_row(COLUMNS) + _balance_row(OPENING, period.since, _money(balance, wallet))
        behind: tuple[datetime, str] | None = None
        while True:
            with self._db.snapshot() as connection:
                found = self._movements(connection, wallet, period, behind, balance, BATCH)
            if found:
                yield "".join(_movement_row(movement) for movement in found)
                last = found[-1]
                behind, balance = (last.posted_at, last.entry_id), last.balance_after.micros
            if len(found) < BATCH:
                break
        yield _balance_row(CLOSING, period.until, _money(balance, wallet))

    def _movements(
        self,
        connection: Connection,
        wallet: Wallet,
        period: Period,
        behind: tuple[datetime, str] | None,
        balance: int,
        limit: int,
    ) -> tuple[Movement, ...]:
        moved = (
            select(-func.sum(_E.amount)).where(_E.journal_id == _J.id, _own(wallet)).correlate(tables.journal)
        ).scalar_subquery()
        query = (
            select(_J.id, _J.kind, _J.generation_id, _J.memo, _J.created_at, moved.label("moved"))
            .where(_J.wallet_id == wallet.id, *_within(period), *([_behind(behind)] if behind else []))
            .order_by(_J.created_at, _J.id)
            .limit(limit)
        )
        rows = connection.execute(query).all()
        told = generations_of(connection, {row.generation_id for row in rows if row.generation_id})
        others = [row.id for row in rows if row.generation_id is None]
        bought = self._purchases(connection, wallet.workspace_id, others) if others else {}
        found = []
        for row in rows:
            delta = int(row.moved or 0)
            balance += delta
            story = told.get(row.generation_id or "")
            found.append(_movement(row, _money(delta, wallet), _money(balance, wallet), story, bought.get(row.id)))
        return tuple(found)


def _movement(row: Any, delta: Money, balance: Money, told: RowMapping | None, purchase: Purchase | None) -> Movement:
    quantity, unit = _used(row.kind, told)
    return Movement(
        posted_at=row.created_at,
        entry_id=row.id,
        kind=entry_of(row.kind, delta),
        request_id=told["request_id"] if told else None,
        model=told["alias"] if told else None,
        quantity=quantity,
        unit=unit,
        delta=delta,
        balance_after=balance,
        purchase=purchase or Purchase(),
        description=detail_of(row.kind, row.memo, told),
    )


def _used(kind: str, told: RowMapping | None) -> tuple[Decimal | None, str | None]:
    """What a charge was for, when it was for one measure only; read from the quote as it is stored."""
    if told is None or kind not in CHARGES:
        return None, None
    used = [line for line in (told["final"] or told["estimate"])["lines"] if line["type"] == "usage"]
    return (Decimal(used[0]["quantity"]), used[0]["metric"]) if len(used) == 1 else (None, None)


def _movement_row(movement: Movement) -> str:
    purchase = movement.purchase
    return csv_row(
        (
            _iso(movement.posted_at),
            movement.entry_id,
            movement.kind,
            movement.request_id,
            movement.model,
            movement.quantity,
            movement.unit,
            _figure(movement.delta),
            _figure(movement.balance_after),
            purchase.amount.amount if purchase.amount else None,
            purchase.amount.currency if purchase.amount else None,
            purchase.order_id,
            purchase.invoice_no,
            movement.description,
        )
    )


def _balance_row(kind: str, at: datetime, balance: Money) -> str:
    cells = dict.fromkeys(COLUMNS) | {"posted_at": _iso(at), "kind": kind, "balance_after": _figure(balance)}
    return csv_row(tuple(cells.values()))


def _iso(moment: datetime) -> str:
    return f"{as_utc(moment).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _figure(money: Money) -> Decimal:
    """A number for a cell, without zeros at its end."""
    return Decimal(plain(money.amount))


def _money(micros: int, wallet: Wallet) -> Money:
    return Money(micros, wallet.unit)


def _own(wallet: Wallet) -> ColumnElement[bool]:
    """The legs that are the customer's: the balance, what is owed, what is in debt."""
    return and_(_E.account.in_(accounts.customer(wallet.workspace_id, wallet.unit)), _E.unit == wallet.unit)


def _sum(connection: Connection, wallet: Wallet, *which: ColumnElement[bool]) -> int:
    query = select(func.sum(_E.amount)).join(tables.journal, _J.id == _E.journal_id)
    return -int(connection.execute(query.where(_J.wallet_id == wallet.id, _own(wallet), *which)).scalar() or 0)


def _within(period: Period) -> tuple[ColumnElement[bool], ...]:
    return _J.created_at >= period.since, _J.created_at < period.until


def _behind(position: tuple[datetime, str]) -> ColumnElement[bool]:
    """What comes after; the first comparison is what an index is searched by."""
    at, journal_id = position
    return and_(_J.created_at >= at, or_(_J.created_at > at, _J.id > journal_id))


def _position(connection: Connection, wallet: Wallet, journal_id: str) -> tuple[datetime, str]:
    query = select(_J.created_at).where(_J.id == journal_id, _J.wallet_id == wallet.id)
    at = connection.execute(query).scalar()
    if at is None:
        raise NotFound(f"There is no entry {journal_id} in this statement.", code="entry_not_found")
    return at, journal_id
