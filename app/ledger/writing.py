"""The rows a batch has gathered, and the statements that write them: one per table, many rows each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable

from app.kernel import faults
from app.kernel.bulk import Insert, Row, Statement, Update
from app.kernel.errors import Broken
from app.kernel.together import Sent, Together
from app.ledger import accounts, tables
from app.ledger.change import NewLot, Post, Rare
from app.ledger.companion import Companion, CompanionFailed
from app.ledger.operations import HoldOp, Operation
from app.ledger.state import Aside, Hold, Lot, Wallet
from app.ledger.tables import CAPTURED, OPEN, SET_ASIDE

_hold, _journal, _entry, _lot, _use, _wallet, _aside, _freeze = (
    tables.hold,
    tables.journal,
    tables.entry,
    tables.lot,
    tables.lot_use,
    tables.wallet,
    tables.set_aside,
    tables.freeze,
)
INSERT_HOLD = Insert(_hold, without=("closed_at", "close_journal_id"))
INSERT_JOURNAL = Insert(_journal)
INSERT_ENTRY = Insert(_entry)
INSERT_LOT = Insert(_lot)
INSERT_LOT_USE = Insert(_use)
INSERT_ASIDE = Insert(_aside, without=("closed_at", "close_journal_id"))
INSERT_FREEZE = Insert(_freeze, without=("lifted_at", "lifted_by"))
CLOSE_HOLD = Update(
    _hold,
    sets=("state", "captured", "closed_at", "close_journal_id"),
    where={"of_generation": _hold.c.generation_id, "from_state": _hold.c.state},
)
CHANGE_LOT = Update(_lot, sets=("remaining", "open"), where={"lot_id": _lot.c.id})
CHANGE_WALLET = Update(
    _wallet,
    sets=("balance", "held", "owed", "debt", "frozen", "version"),
    where={"wallet_id": _wallet.c.id, "from_version": _wallet.c.version},
)
CLOSE_ASIDE = Update(
    _aside,
    sets=("state", "shortfall", "closed_at", "close_journal_id"),
    where={"of_ref": _aside.c.ref, "from_state": _aside.c.state},
)
LIFT_FREEZE = Update(_freeze, sets=("lifted_at", "lifted_by"), where={"freeze_id": _freeze.c.id})


class Pending:
    """Rows waiting to be written. Empty again after `flush`."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._clear()

    def _clear(self) -> None:
        self._holds: list[Row] = []
        self._journals: list[Row] = []
        self._entries: list[Row] = []
        self._new_lots: dict[str, NewLot] = {}
        self._closings: list[Row] = []
        self._lots: dict[str, Lot] = {}
        self._uses: list[Row] = []
        self._wallets: dict[int, tuple[int, Wallet]] = {}  # (version in the database, latest)
        self._companions: list[_Group] = []
        self._rare: list[tuple[Statement, Row]] = []

    def concerns(self, wallet_id: int) -> bool:
        return wallet_id in self._wallets

    # --- gathering

    def wallet(self, before: Wallet, after: Wallet) -> None:
        known = self._wallets.get(after.id)
        self._wallets[after.id] = (known[0] if known else before.version, after)

    def open_hold(self, hold: Hold, op: Operation) -> None:
        if not isinstance(op, HoldOp):
            raise Broken("Only a hold opens a hold.")
        self._holds.append(
            {
                "generation_id": hold.generation_id,
                "wallet_id": hold.wallet_id,
                "amount": hold.amount,
                "captured": 0,
                "state": OPEN,
                "created_at": self._now,
                "deadline_at": op.deadline_at,
            }
        )

    def close_hold(self, hold: Hold) -> None:
        self._closings.append(
            {
                "of_generation": hold.generation_id,
                "from_state": OPEN,
                "new_state": hold.state,
                "new_captured": hold.captured,
                "new_closed_at": self._now,
                "new_close_journal_id": hold.close_journal_id,
            }
        )

    def post(self, post: Post, wallet: Wallet | None, wallet_id: int | None) -> None:
        journal = post.journal
        self._journals.append(
            {
                "id": post.id,
                "kind": journal.kind,
                "ref": journal.ref,
                "wallet_id": wallet_id,
                "generation_id": journal.generation_id,
                "reverses_id": journal.reverses_id,
                "actor": post.actor,
                "memo": None if journal.memo is None else dict(journal.memo),
                "created_at": self._now,
            }
        )
        own = _own_accounts(wallet)
        for position, (account, micros, unit) in enumerate(journal.entries):
            after = own.get(account)
            self._entries.append(
                {
                    "journal_id": post.id,
                    "position": position,
                    "account": account,
                    "unit": unit,
                    "amount": micros,
                    "balance_after": after,
                    "wallet_version": None if after is None or wallet is None else wallet.version,
                }
            )
        for position, (lot_id, micros) in enumerate(post.uses):
            self._uses.append({"journal_id": post.id, "position": position, "lot_id": lot_id, "amount": micros})

    def new_lot(self, made: NewLot) -> None:
        self._new_lots[made.lot.id] = made

    def lot(self, lot: Lot) -> None:
        made = self._new_lots.get(lot.id)
        if made is None:
            self._lots[lot.id] = lot
        else:
            self._new_lots[lot.id] = made._replace(lot=lot)

    def rare(self, rare: Rare) -> None:
        """Set-asides and freezes: too few to be worth gathering."""
        if rare.sets_aside is not None:
            self._rare.append((INSERT_ASIDE, _aside_row(rare.sets_aside, self._now)))
        if rare.closes_aside is not None:
            self._rare.append((CLOSE_ASIDE, _aside_closing(rare.closes_aside, self._now)))
        for new in rare.freezes:
            row = {**new._asdict(), "actor": rare.actor, "created_at": self._now}
            self._rare.append((INSERT_FREEZE, row))
        for old in rare.lifts:
            row = {"freeze_id": old.id, "new_lifted_at": self._now, "new_lifted_by": rare.actor}
            self._rare.append((LIFT_FREEZE, row))

    def companions(self, companions: Sequence[Companion]) -> None:
        """Queue an operation's companions: like statements of several operations together, its own in their order."""
        place = 0
        for companion in companions:
            key = (id(companion.statement), companion.rows, frozenset(companion.params))
            while place < len(self._companions) and self._companions[place].key != key:
                place += 1
            if place == len(self._companions):
                self._companions.append(_Group(key, companion.statement, companion.rows))
            self._companions[place].rows_to_write.append(companion.params)

    # --- writing

    def flush(self, connection: Connection) -> None:
        """Write everything that waits, in an order the foreign keys accept."""
        told: list[tuple[Statement, int, Sent]] = []
        with Together(connection) as sent:

            def write(statement: Statement, rows: Sequence[Row]) -> None:
                if rows:
                    told.append((statement, len(rows), sent.write(statement, rows)))

            if self._holds:
                faults.point("hold.before_insert")
            write(INSERT_HOLD, self._holds)
            write(INSERT_JOURNAL, self._journals)
            write(INSERT_ENTRY, self._entries)
            write(INSERT_LOT, [self._lot_row(made) for made in self._new_lots.values()])
            write(CLOSE_HOLD, self._closings)
            self._reached("after_hold")
            write(CHANGE_LOT, [_lot_change(lot) for lot in self._lots.values()])
            write(INSERT_LOT_USE, self._uses)
            self._reached("after_lots")
            faults.point("books.half_written")
            write(CHANGE_WALLET, [_wallet_change(*pair) for pair in self._wallets.values()])
            for statement, row in self._rare:
                write(statement, [row])
            for group in self._companions:
                group.write(sent)
        for statement, many, came in told:
            _all_written(statement, many, came.count)
        for group in self._companions:
            group.check()
        self._clear()

    def _reached(self, moment: str) -> None:
        """A point where a test may kill us, named after what the batch is closing holds by."""
        for state in {row["new_state"] for row in self._closings}:
            faults.point(f"{'settle' if state == CAPTURED else 'release'}.{moment}")

    def _lot_row(self, made: NewLot) -> Row:
        return {
            **made.lot._asdict(),
            "label": made.label,
            "cost_basis_micros": made.cost_basis.micros if made.cost_basis else None,
            "created_at": self._now,
            "cost_basis_unit": made.cost_basis.unit if made.cost_basis else None,
        }


class _Group:
    """Companions that share a statement, written together."""

    def __init__(self, key: object, statement: Executable | Statement, rows: int | None) -> None:
        self.key, self.statement, self.rows = key, statement, rows
        self.rows_to_write: list[Mapping[str, Any]] = []
        self._told: list[tuple[int, Sent]] = []

    def write(self, sent: Together) -> None:
        batches = [self.rows_to_write] if self.rows in {None, 1} else [[row] for row in self.rows_to_write]
        self._told = [(len(batch), self._send(sent, batch)) for batch in batches]

    def _send(self, sent: Together, batch: Sequence[Row]) -> Sent:
        if isinstance(self.statement, Executable):
            return sent.execute(self.statement, batch)
        return sent.write(self.statement, batch)

    def check(self) -> None:
        """Raises `CompanionFailed` for another number of rows than was said."""
        for many, came in self._told:
            if self.rows is not None and came.count != self.rows * many:
                raise CompanionFailed(
                    f"A statement beside this operation touched {came.count} rows, not {self.rows * many}."
                )


def _all_written(statement: Statement, many: int, written: int) -> None:
    """Rows must all arrive: a change that finds its row gone or moved is a breach, never a shrug."""
    if written != many:
        raise Broken(f"{written} of {many} rows of {statement.table.name} were written; the books moved.")


def _own_accounts(wallet: Wallet | None) -> dict[str, int]:
    if wallet is None:
        return {}
    return {
        accounts.prepaid(wallet.workspace_id, wallet.unit): wallet.balance,
        accounts.receivable(wallet.workspace_id, wallet.unit): wallet.owed,
        accounts.debt(wallet.workspace_id, wallet.unit): wallet.debt,
    }


def _aside_row(aside: Aside, now: datetime) -> Row:
    row = {**aside._asdict(), "created_at": now}
    del row["close_journal_id"]
    return row


def _aside_closing(aside: Aside, now: datetime) -> Row:
    return {
        "of_ref": aside.ref,
        "from_state": SET_ASIDE,
        "new_state": aside.state,
        "new_shortfall": aside.shortfall,
        "new_closed_at": now,
        "new_close_journal_id": aside.close_journal_id,
    }


def _lot_change(lot: Lot) -> Row:
    return {"lot_id": lot.id, "new_remaining": lot.remaining, "new_open": lot.open}


def _wallet_change(from_version: int, wallet: Wallet) -> Row:
    return {
        "wallet_id": wallet.id,
        "from_version": from_version,
        "new_balance": wallet.balance,
        "new_held": wallet.held,
        "new_owed": wallet.owed,
        "new_debt": wallet.debt,
        "new_frozen": wallet.frozen,
        "new_version": wallet.version,
    }
