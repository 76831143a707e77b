"""What happened in a wallet, read from its journals: a transaction is a journal that moved its credits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, false, func, or_, select

from app.billing import wallet_tables
from app.kernel.errors import NotFound
from app.kernel.given import Given
from app.kernel.money import CREDIT, Money
from app.ledger import accounts, reads
from app.ledger import tables as ledger
from app.plans.search import bounds

Record = Mapping[str, Any]
_journal, _entry, _lot, _use = ledger.journal.c, ledger.entry.c, ledger.lot.c, ledger.lot_use.c
_said = _journal.memo["transaction_reason"].as_string()

#: What the ledger's own facts are called here, where nobody said what they are.
REASONS: Final[Mapping[str, str]] = {
    "grant": "FREE_CREDIT_GRANT",
    "top_up": "PURCHASED_CREDIT_DIRECT",
    "bonus": "PURCHASED_CREDIT_BONUS",
    "expiry": "CREDIT_EXPIRED",
    "debit": "MANUAL_BALANCE_DEBIT",
    "capture": "INVOICE_PAYMENT",
    "early_capture": "INVOICE_PAYMENT",
}
REFERENCES: Final = ("PAYMENT", "EXTERNAL", "REQUEST", "INVOICE")
REASON: Final = func.coalesce(_said, case(REASONS, value=_journal.kind, else_="CREDIT_ADJUSTMENT"))


@dataclass(frozen=True, slots=True)
class Transaction:
    """`moved` is what came in, below zero what went, in the wallet with that number in the ledger. Credits that came
    are a lot: `left` of it, until `expires_at`."""

    wallet: int
    journal_id: str
    kind: str
    reason: str
    moved: Money
    balance_after: Money
    memo: Mapping[str, Any]
    generation_id: str | None
    actor: str
    at: datetime
    left: Money | None = None
    expires_at: datetime | None = None
    priority: int | None = None
    used: tuple[tuple[str, Money], ...] = ()  # journals whose credits it used


@dataclass(frozen=True, slots=True)
class Found:
    items: Sequence[Transaction]
    total: int
    limit: int
    offset: int


def search(connection: Connection, row: Record | None, given: Given) -> Found:
    """A wallet's movements, or everybody's, newest first unless `order` is asc."""
    query = (_of_all() if row is None else _movements(connection, row)).where(*_wanted(given))
    limit, offset = bounds(given)
    total = int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())
    is_asc = given.choice("order", ("asc", "desc"), "desc") == "asc"
    order = (_journal.created_at, _journal.id)
    query = query.order_by(*(order if is_asc else [column.desc() for column in order]))
    return Found(_read(connection, query.limit(limit).offset(offset)), total, limit, offset)


def of_journal(connection: Connection, row: Record, journal_id: str) -> Transaction:
    """One movement; `NotFound` for a journal that moved nothing here."""
    found = _read(connection, _movements(connection, row).where(_journal.id == journal_id))
    if not found:
        raise NotFound(f"There is no transaction {journal_id} in this wallet.", code="transaction_not_found")
    return found[0]


def _movements(connection: Connection, row: Record) -> Select[Any]:
    wallet = reads.wallet_of(connection, str(row["workspace_id"]), str(row["unit"]))
    own = accounts.prepaid(wallet.workspace_id, wallet.unit)
    return _told().where(_journal.wallet_id == wallet.id, _entry.account == own, _entry.unit == wallet.unit)


def _of_all() -> Select[Any]:
    """A journal is of one wallet, and moves only the credits of that one."""
    wallet, known = ledger.wallet.c, select(wallet_tables.wallet.c.id)
    mine = (_entry.unit == wallet.unit) & _entry.account.endswith(f":{accounts.PREPAID}", autoescape=True)
    mine &= (wallet.unit == CREDIT) | wallet.unit.in_(known)
    return _told().join(ledger.wallet, wallet.id == _journal.wallet_id).where(mine)


def _told() -> Select[Any]:
    """What is told of a movement, wherever it was."""
    return (
        select(
            _journal.wallet_id,
            _entry.unit,
            _journal.id,
            _journal.kind,
            REASON.label("reason"),
            _entry.amount,
            _entry.balance_after,
            _journal.memo,
            _journal.generation_id,
            _journal.actor,
            _journal.created_at,
            _lot.remaining,
            _lot.expires_at,
            _lot.priority,
        )
        .join(ledger.entry, _entry.journal_id == _journal.id)
        .outerjoin(ledger.lot, _lot.journal_id == _journal.id)
    )


def _wanted(given: Given) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    kind = given.maybe_choice("type", ("credit", "debit"))
    if kind is not None:
        below: ColumnElement[bool] = _entry.amount < 0
        wanted.append(below if kind == "credit" else ~below)
    if given.has("id"):
        wanted.append(_journal.id == journal_of(given.text("id")))
    if given.has("transaction_reason"):
        wanted.append(REASON.in_([given.text("transaction_reason")]))
    if given.has("created_by"):
        wanted.append(_journal.actor == given.text("created_by"))
    if given.has("priority"):
        wanted.append(_lot.priority == given.integer("priority"))
    if given.has("credits_available_gt"):
        wanted.append(_lot.remaining > Money.from_exact(given.decimal("credits_available_gt")).micros)
    if given.has("reference_id"):
        sought = given.text("reference_id")
        wanted.append(or_(_journal.memo["reference_id"].as_string() == sought, _journal.generation_id == sought))
    for name, column, is_after in (
        ("start_time", _journal.created_at, True),
        ("end_time", _journal.created_at, False),
        ("expiry_date_after", _lot.expires_at, True),
        ("expiry_date_before", _lot.expires_at, False),
    ):
        moment = given.maybe_moment(name)
        if moment is not None:
            wanted.append(column >= moment if is_after else column < moment)
    if given.has("reference_type"):
        kind = given.choice("reference_type", REFERENCES)
        said, generated = _journal.memo["reference_type"].as_string() == kind, _journal.generation_id.is_not(None)
        wanted.append(or_(said, generated) if kind == "REQUEST" else and_(said, ~generated))
    if given.maybe_choice("transaction_status", ("pending", "completed", "failed")) not in (None, "completed"):
        wanted.append(false())  # nothing here is pending, and what failed was never written
    return wanted


def _read(connection: Connection, query: Select[Any]) -> list[Transaction]:
    rows = connection.execute(query).all()
    units = {found.id: str(found.unit) for found in rows}
    used: dict[str, list[tuple[str, Money]]] = {}
    uses = (
        select(_use.journal_id, _lot.journal_id, _use.amount)
        .join(ledger.lot, _lot.id == _use.lot_id)
        .where(_use.journal_id.in_([found.id for found in rows]))
        .order_by(_use.position)
    )
    for journal_id, source, micros in connection.execute(uses):
        used.setdefault(journal_id, []).append((source, Money(int(micros), units[journal_id])))
    return [
        Transaction(
            found.wallet_id,
            found.id,
            found.kind,
            found.reason,
            Money(-int(found.amount), found.unit),
            Money(int(found.balance_after), found.unit),
            found.memo or {},
            found.generation_id,
            found.actor,
            found.created_at,
            None if found.remaining is None else Money(int(found.remaining), found.unit),
            found.expires_at,
            found.priority,
            tuple(used.get(found.id, ())),
        )
        for found in rows
    ]


def transaction_id(journal_id: str) -> str:
    return f"wtxn_{journal_id.partition('_')[2]}"


def journal_of(transaction_id: str) -> str:
    return f"jrn_{transaction_id.partition('_')[2]}"
