"""The part of the books one batch works on: read under lock, changed in memory, written in one go.

`load` reads, `apply` takes a decided change into memory so that the next operation of the batch sees it, `flush`
writes what has gathered with one statement per table. Nothing is committed here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.kernel.ids import new_id
from app.ledger import reading
from app.ledger.change import Change, Post
from app.ledger.journal import OF_COST
from app.ledger.operations import (
    AbsorbOp,
    AdjustOp,
    CaptureEarlyOp,
    GrantOp,
    HoldOp,
    Operation,
    ReleaseOp,
    ReverseOp,
    SettleOp,
)
from app.ledger.state import Hold, Lot, Posted, Wallet, in_draw_order
from app.ledger.writing import Pending

ON_A_HOLD = (SettleOp, ReleaseOp, CaptureEarlyOp, AbsorbOp)
DRAWS = (SettleOp, CaptureEarlyOp, AdjustOp)


class Books:
    """A working copy for the operations of one batch. It implements `decide.View`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._wallets: dict[int, Wallet] = {}
        self._wallet_ids: dict[tuple[str, str], int] = {}
        self._holds: dict[str, Hold] = {}
        self._lots: dict[str, Lot] = {}
        self._to_draw: dict[int, list[str]] = {}  # open lots by wallet, in the order they are used
        self._past: dict[str, list[Posted]] = defaultdict(list)
        self._by_name: dict[tuple[str, str], Posted] = {}
        self._by_id: dict[str, Posted] = {}
        self._made: dict[str, str] = {}  # lot ids by the journal that made them
        self.pending = Pending(now)

    # --- what decide.View asks for

    def wallet(self, wallet_id: int) -> Wallet:
        return self._wallets[wallet_id]

    def wallet_of(self, workspace_id: str, unit: str) -> Wallet | None:
        wallet_id = self._wallet_ids.get((workspace_id, unit))
        return None if wallet_id is None else self._wallets[wallet_id]

    def hold(self, generation_id: str) -> Hold | None:
        return self._holds.get(generation_id)

    def lot(self, lot_id: str) -> Lot:
        return self._lots[lot_id]

    def lots_to_draw(self, wallet_id: int) -> Sequence[Lot]:
        lots = self._lots
        return [lots[lot_id] for lot_id in self._to_draw.get(wallet_id, ())]

    def past(self, generation_id: str) -> Sequence[Posted]:
        return self._past.get(generation_id, ())

    def posted(self, kind: str, ref: str) -> Posted | None:
        return self._by_name.get((kind, ref))

    def posted_as(self, journal_id: str) -> Posted | None:
        return self._by_id.get(journal_id)

    def lot_of(self, journal_id: str) -> Lot | None:
        made = self._made.get(journal_id)
        return None if made is None else self._lots[made]

    def new_journal_id(self) -> str:
        return new_id("jrn")

    def new_lot_id(self) -> str:
        return new_id("lot")

    # --- reading

    def take(self, wallets: Iterable[Wallet], holds: Iterable[Hold]) -> None:
        for wallet in wallets:
            self._wallets[wallet.id] = wallet
            self._wallet_ids[wallet.workspace_id, wallet.unit] = wallet.id
        for hold in holds:
            self._holds[hold.generation_id] = hold

    def take_lots(self, lots: Iterable[Lot]) -> None:
        touched = set()
        for lot in lots:
            self._lots[lot.id] = lot
            self._made[lot.journal_id] = lot.id
            touched.add(lot.wallet_id)
        self._reorder(touched)

    def take_posted(self, journals: Iterable[Posted]) -> None:
        for posted in journals:
            if posted.id in self._by_id:
                continue
            self._by_id[posted.id] = posted
            self._by_name[posted.kind, posted.ref] = posted
            if posted.generation_id:
                self._past[posted.generation_id].append(posted)

    def touched(self, op: Operation) -> bool:
        """Whether rows that concern the wallet of `op` are waiting to be written."""
        wallet_id = self.wallet_id(op)
        return wallet_id is None or self.pending.concerns(wallet_id)

    def wallet_id(self, op: Operation) -> int | None:
        """The wallet an operation is about, when there is one."""
        if isinstance(op, HoldOp | GrantOp | AdjustOp):
            return self._wallet_ids.get((op.workspace_id, op.amount.unit))
        if isinstance(op, ReverseOp):
            posted = self._by_id.get(op.journal_id)
            return posted.wallet_id if posted else None
        hold = self._holds.get(op.generation_id)
        return hold.wallet_id if hold else None

    # --- changing

    def apply(self, op: Operation, change: Change) -> None:
        """Take a decided change into memory and queue its rows."""
        pending = self.pending
        wallet = change.wallet
        if wallet is not None:
            pending.wallet(self._wallets[wallet.id], wallet)
            self._wallets[wallet.id] = wallet
        if change.opens is not None:
            self._holds[change.opens.generation_id] = change.opens
            pending.open_hold(change.opens, op)
        for post in change.posts:
            self._post(post, wallet)
        if change.closes is not None:
            self._holds[change.closes.generation_id] = change.closes
            pending.close_hold(change.closes)
        if change.new_lot is not None:
            pending.new_lot(change.new_lot)
            self.take_lots([change.new_lot.lot])
        if change.lots:
            self._change_lots(change.lots)

    def _post(self, post: Post, wallet: Wallet | None) -> None:
        journal = post.journal
        # A journal of our own cost belongs to no wallet, and so to no customer's statement.
        wallet_id = None if wallet is None or journal.kind in OF_COST else wallet.id
        self.pending.post(post, wallet, wallet_id)
        self.take_posted(
            [
                Posted(
                    post.id,
                    journal.kind,
                    journal.ref,
                    wallet_id,
                    journal.generation_id,
                    journal.reverses_id,
                    journal.entries,
                    post.uses,
                )
            ]
        )

    def _change_lots(self, lots: Sequence[Lot]) -> None:
        reordered = set()
        for lot in lots:
            if lot.open != self._lots[lot.id].open:
                reordered.add(lot.wallet_id)
            self._lots[lot.id] = lot
            self.pending.lot(lot)
        self._reorder(reordered)

    def _reorder(self, wallet_ids: Iterable[int]) -> None:
        for wallet_id in wallet_ids:
            lots = (lot for lot in self._lots.values() if lot.wallet_id == wallet_id and lot.open)
            self._to_draw[wallet_id] = [lot.id for lot in in_draw_order(lots, self.now)]


def load(connection: Connection, ops: Sequence[Operation], now: datetime) -> Books:
    """Lock the wallets of `ops` and read what they need; the locks last until the transaction ends."""
    books = Books(now)
    workspaces = {op.workspace_id for op in ops if isinstance(op, HoldOp | GrantOp | AdjustOp)}
    on_holds = {op.generation_id for op in ops if isinstance(op, ON_A_HOLD)}
    reversed_ids = {op.journal_id for op in ops if isinstance(op, ReverseOp)}
    wallets = reading.lock_wallets(connection, workspaces=workspaces, generations=on_holds, journals=reversed_ids)
    generations = {op.generation_id for op in ops if isinstance(op, HoldOp)} | on_holds
    holds = reading.read_holds(connection, generations)
    books.take(wallets, holds)
    books.take_lots(reading.read_open_lots(connection, _drawn_wallets(ops, books)))
    closed = {hold.generation_id for hold in holds if not hold.is_open and hold.generation_id in on_holds}
    _load_rare(connection, ops, books, closed, reversed_ids)
    return books


def _drawn_wallets(ops: Sequence[Operation], books: Books) -> set[int]:
    """The wallets whose lots may be drawn. A hold made earlier in the same batch has its wallet from there."""
    held_here = {op.generation_id: books.wallet_id(op) for op in ops if isinstance(op, HoldOp)}
    ids = set()
    for op in ops:
        if isinstance(op, DRAWS):
            wallet_id = books.wallet_id(op)
            if wallet_id is None and not isinstance(op, AdjustOp):
                wallet_id = held_here.get(op.generation_id)
            if wallet_id is not None:
                ids.add(wallet_id)
    return ids


def _load_rare(
    connection: Connection, ops: Sequence[Operation], books: Books, closed: set[str], reversed_ids: set[str]
) -> None:
    """What only repeated, late and corrective operations look at: journals of the past and the lots they touched."""
    refs = {op.ref for op in ops if isinstance(op, GrantOp | AdjustOp | AbsorbOp)} | reversed_ids
    if not (closed or refs):
        return
    named = reading.read_journals(connection, refs, reversed_ids)
    books.take_posted(named)
    of_reversed = {posted.generation_id for posted in named if posted.id in reversed_ids and posted.generation_id}
    past = reading.read_journals_of(connection, closed | of_reversed)
    books.take_posted(past)
    used = {use.lot_id for posted in (*named, *past) for use in posted.uses}
    books.take_lots(reading.read_named_lots(connection, used, reversed_ids))
