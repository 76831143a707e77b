"""What pages and the API read from the books. Plain values, newest first; nothing here changes anything."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, true

from app.kernel.errors import NotFound
from app.kernel.money import CREDIT, USD, Money
from app.ledger import accounts, tables
from app.ledger.reading import LOTS, WALLET_COLUMNS
from app.ledger.state import Lot, Wallet, in_draw_order
from app.ledger.tables import OPEN, RELEASED, SET_ASIDE

HOLD, RELEASE = "hold", "release"  # statement rows that are no journals
_HOLD_RANK, _RELEASE_RANK, _JOURNAL_RANK = 0, 1, 2


class Balance(NamedTuple):
    """A workspace's standing in one unit. `available` is what a new hold may take, never below zero."""

    balance: Money
    held: Money
    owed: Money
    credit_limit: Money
    available: Money
    frozen: bool
    debt: Money = Money(0)  # used, though its payment was taken back
    set_aside: Money = Money(0)  # out of the balance while a refund or a dispute is decided


class LotView(NamedTuple):
    """One lot, in the order of use."""

    id: str
    kind: str
    label: str
    granted: Money
    remaining: Money
    priority: int
    expires_at: datetime | None
    cost_basis: Money | None  # paid for the whole lot
    created_at: datetime


class Cursor(NamedTuple):
    """Where a page of the statement ended; give it back to get the next one."""

    at: datetime
    rank: int
    id: str


class StatementRow(NamedTuple):
    """One line of a customer's statement. Holds and releases move nothing, they only set credits aside."""

    at: datetime
    kind: str  # a journal kind, "hold" or "release"
    moved: Money  # into the balance when positive
    held: Money  # set aside when positive, given free when negative
    balance_after: Money | None
    generation_id: str | None
    journal_id: str | None
    memo: Mapping[str, Any] | None
    cursor: Cursor


class EntryView(NamedTuple):
    account: str
    amount: Money  # a debit when positive
    balance_after: Money | None


class LotUseView(NamedTuple):
    lot_id: str
    label: str
    amount: Money  # given back when negative


class JournalView(NamedTuple):
    id: str
    kind: str
    ref: str
    generation_id: str | None
    reverses_id: str | None
    actor: str
    memo: Mapping[str, Any] | None
    at: datetime
    entries: tuple[EntryView, ...]
    lot_uses: tuple[LotUseView, ...]


class HoldView(NamedTuple):
    generation_id: str
    amount: Money
    captured: Money
    state: int
    created_at: datetime
    deadline_at: datetime
    closed_at: datetime | None
    close_journal_id: str | None


def wallet_of(connection: Connection, workspace_id: str, unit: str = CREDIT) -> Wallet:
    """A workspace's wallet in this unit, or `NotFound`."""
    row = connection.execute(
        select(*WALLET_COLUMNS).where(tables.wallet.c.workspace_id == workspace_id, tables.wallet.c.unit == unit)
    ).one_or_none()
    if row is None:
        raise NotFound(f"Workspace {workspace_id} has no balance in {unit}.", code="wallet_not_found")
    return Wallet._make(row)


def balance(connection: Connection, workspace_id: str, unit: str = CREDIT) -> Balance:
    wallet = wallet_of(connection, workspace_id, unit)
    return Balance(
        Money(wallet.balance, unit),
        Money(wallet.held, unit),
        Money(wallet.owed, unit),
        Money(wallet.credit_limit, unit),
        Money(max(0, wallet.available), unit),
        wallet.frozen,
        Money(wallet.debt, unit),
        Money(_set_aside_of(connection, wallet.id), unit),
    )


def _set_aside_of(connection: Connection, wallet_id: int) -> int:
    a = tables.set_aside.c
    query = select(func.coalesce(func.sum(a.amount), 0)).where(a.wallet_id == wallet_id, a.state == SET_ASIDE)
    return int(connection.execute(query).scalar_one())


def lots(connection: Connection, workspace_id: str, now: datetime, unit: str = CREDIT) -> list[LotView]:
    """The lots that still hold something, the next to be used first."""
    wallet = wallet_of(connection, workspace_id, unit)
    c = tables.lot.c
    rows = connection.execute(
        LOTS.add_columns(c.label, c.cost_basis_micros, c.cost_basis_unit, c.created_at).where(
            c.wallet_id == wallet.id, c.open
        )
    ).all()
    by_id = {row.id: row for row in rows}
    ordered = in_draw_order((Lot._make(row[: len(Lot._fields)]) for row in rows), now)
    return [_lot_view(by_id[lot.id], unit) for lot in ordered]


def lot(connection: Connection, lot_id: str) -> LotView:
    """One lot, used up or not."""
    c = tables.lot.c
    row = connection.execute(
        LOTS.add_columns(c.label, c.cost_basis_micros, c.cost_basis_unit, c.created_at, tables.wallet.c.unit)
        .join(tables.wallet, tables.wallet.c.id == c.wallet_id)
        .where(c.id == lot_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no lot {lot_id}.", param="lot_id", code="lot_not_found")
    return _lot_view(row, row.unit)


def _lot_view(row: Any, unit: str) -> LotView:
    basis = None if row.cost_basis_micros is None else Money(row.cost_basis_micros, row.cost_basis_unit or USD)
    return LotView(
        row.id,
        row.kind,
        row.label,
        Money(row.granted, unit),
        Money(row.remaining, unit),
        row.priority,
        row.expires_at,
        basis,
        row.created_at,
    )


def statement(
    connection: Connection,
    workspace_id: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    kinds: Collection[str] | None = None,
    after: Cursor | None = None,
    limit: int = 50,
    unit: str = CREDIT,
) -> list[StatementRow]:
    """What happened to a balance, newest first, `limit` rows; `after` continues behind an earlier page's last row."""
    wallet = wallet_of(connection, workspace_id, unit)
    page = _Page(wallet, since, until, kinds, after, limit)
    rows = [*_journal_rows(connection, page), *_hold_rows(connection, page), *_release_rows(connection, page)]
    rows.sort(key=lambda row: row.cursor, reverse=True)
    return rows[:limit]


class _Page(NamedTuple):
    wallet: Wallet
    since: datetime | None
    until: datetime | None
    kinds: Collection[str] | None
    after: Cursor | None
    limit: int

    def wants(self, kind: str) -> bool:
        return self.kinds is None or kind in self.kinds

    def window(self, at: ColumnElement[Any], rank: int, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """The rows of one source that lie in the period and behind the cursor."""
        conditions: list[ColumnElement[bool]] = [true()]
        if self.since is not None:
            conditions.append(at >= self.since)
        if self.until is not None:
            conditions.append(at < self.until)
        if self.after is not None:
            level = key < self.after.id if rank == self.after.rank else (true() if rank < self.after.rank else false())
            conditions.append(or_(at < self.after.at, and_(at == self.after.at, level)))
        return and_(*conditions)


def _journal_rows(connection: Connection, page: _Page) -> Iterable[StatementRow]:
    wallet, unit = page.wallet, page.wallet.unit
    j, h = tables.journal.c, tables.hold.c
    own = accounts.customer(wallet.workspace_id, unit)
    query = (
        select(j.id, j.kind, j.generation_id, j.memo, j.created_at)
        .where(j.wallet_id == wallet.id, page.window(j.created_at, _JOURNAL_RANK, j.id))
        .order_by(j.created_at.desc(), j.id.desc())
        .limit(page.limit)
    )
    if page.kinds is not None:
        query = query.where(j.kind.in_(list(page.kinds)))
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    legs = _own_legs(connection, ids, own)
    generations = [row.generation_id for row in rows if row.generation_id]
    held = select(h.close_journal_id, h.amount).where(h.generation_id.in_(generations))
    freed = dict(connection.execute(held).tuples().all())
    for row in rows:
        moved, after = legs.get(row.id, (0, None))
        yield StatementRow(
            row.created_at,
            row.kind,
            Money(moved, unit),
            Money(-freed.get(row.id, 0), unit),
            None if after is None else Money(after, unit),
            row.generation_id,
            row.id,
            row.memo,
            Cursor(row.created_at, _JOURNAL_RANK, row.id),
        )


def _own_legs(
    connection: Connection, journal_ids: list[str], own: tuple[str, ...]
) -> dict[str, tuple[int, int | None]]:
    """What each journal moved into the balance (less what is owed and in debt), and the credits there afterwards."""
    e = tables.entry.c
    found: dict[str, tuple[int, int | None]] = {}
    query = select(e.journal_id, e.account, e.amount, e.balance_after)
    for journal_id, account, amount, after in connection.execute(
        query.where(e.journal_id.in_(journal_ids), e.account.in_(own))
    ):
        moved, seen = found.get(journal_id, (0, None))
        found[journal_id] = (moved - amount, after if account == own[0] else seen)
    return found


def _hold_rows(connection: Connection, page: _Page) -> Iterable[StatementRow]:
    h = tables.hold.c
    if not page.wants(HOLD):
        return
    rows = connection.execute(
        select(h.generation_id, h.amount, h.created_at)
        .where(h.wallet_id == page.wallet.id, page.window(h.created_at, _HOLD_RANK, h.generation_id))
        .order_by(h.created_at.desc(), h.generation_id.desc())
        .limit(page.limit)
    )
    for row in rows:
        yield _set_aside(row.created_at, HOLD, row.amount, row.generation_id, page, _HOLD_RANK)


def _release_rows(connection: Connection, page: _Page) -> Iterable[StatementRow]:
    h = tables.hold.c
    if not page.wants(RELEASE):
        return
    rows = connection.execute(
        select(h.generation_id, h.amount, h.closed_at)
        .where(
            h.wallet_id == page.wallet.id,
            h.state == RELEASED,
            page.window(h.closed_at, _RELEASE_RANK, h.generation_id),
        )
        .order_by(h.closed_at.desc(), h.generation_id.desc())
        .limit(page.limit)
    )
    for row in rows:
        yield _set_aside(row.closed_at, RELEASE, -row.amount, row.generation_id, page, _RELEASE_RANK)


def _set_aside(at: datetime, kind: str, micros: int, generation_id: str, page: _Page, rank: int) -> StatementRow:
    unit = page.wallet.unit
    cursor = Cursor(at, rank, generation_id)
    return StatementRow(at, kind, Money(0, unit), Money(micros, unit), None, generation_id, None, None, cursor)


def journals_of(connection: Connection, generation_id: str) -> list[JournalView]:
    """Everything the books hold about a generation, oldest first, with its legs and the lots it drew."""
    return _views(connection, tables.journal.c.generation_id == generation_id)


def journal(connection: Connection, journal_id: str) -> JournalView:
    """One journal, by id."""
    found = _views(connection, tables.journal.c.id == journal_id)
    if not found:
        raise NotFound(f"There is no journal {journal_id}.", param="journal_id")
    return found[0]


def _views(connection: Connection, which: ColumnElement[bool]) -> list[JournalView]:
    j, e, u = tables.journal.c, tables.entry.c, tables.lot_use.c
    rows = connection.execute(
        select(j.id, j.kind, j.ref, j.generation_id, j.reverses_id, j.actor, j.memo, j.created_at)
        .where(which)
        .order_by(j.created_at, j.id)
    ).all()
    ids = [row.id for row in rows]
    legs: dict[str, list[EntryView]] = defaultdict(list)
    for row in connection.execute(
        select(e.journal_id, e.account, e.amount, e.unit, e.balance_after)
        .where(e.journal_id.in_(ids))
        .order_by(e.position)
    ):
        after = None if row.balance_after is None else Money(row.balance_after, row.unit)
        legs[row.journal_id].append(EntryView(row.account, Money(row.amount, row.unit), after))
    uses: dict[str, list[LotUseView]] = defaultdict(list)
    for row in connection.execute(
        select(u.journal_id, u.lot_id, u.amount, tables.lot.c.label, tables.wallet.c.unit)
        .join(tables.lot, tables.lot.c.id == u.lot_id)
        .join(tables.wallet, tables.wallet.c.id == tables.lot.c.wallet_id)
        .where(u.journal_id.in_(ids))
        .order_by(u.position)
    ):
        uses[row.journal_id].append(LotUseView(row.lot_id, row.label, Money(row.amount, row.unit)))
    return [JournalView(*row, tuple(legs[row.id]), tuple(uses[row.id])) for row in rows]


def hold_of(connection: Connection, generation_id: str) -> HoldView | None:
    h = tables.hold.c
    row = connection.execute(
        select(
            h.generation_id,
            h.amount,
            h.captured,
            h.state,
            h.created_at,
            h.deadline_at,
            h.closed_at,
            h.close_journal_id,
            tables.wallet.c.unit,
        )
        .join(tables.wallet, tables.wallet.c.id == h.wallet_id)
        .where(h.generation_id == generation_id)
    ).one_or_none()
    if row is None:
        return None
    fields = row._asdict()
    unit = fields.pop("unit")
    fields.update(amount=Money(row.amount, unit), captured=Money(row.captured, unit))
    return HoldView(**fields)


def overdue(connection: Connection, now: datetime, limit: int = 500) -> list[str]:
    """Generations whose hold is still open past its deadline, the longest overdue first."""
    h = tables.hold.c
    query = select(h.generation_id).where(h.state == OPEN, h.deadline_at < now).order_by(h.deadline_at).limit(limit)
    return list(connection.execute(query).scalars())


def account_balances(connection: Connection, prefix: str = "") -> dict[tuple[str, str], int]:
    """Micros per (account, unit) from the entries themselves, for accounts whose name starts with `prefix`."""
    e = tables.entry.c
    query = select(e.account, e.unit, func.sum(e.amount)).group_by(e.account, e.unit)
    if prefix:
        query = query.where(e.account.startswith(prefix, autoescape=True))
    return {(account, unit): int(micros) for account, unit, micros in connection.execute(query).tuples()}
