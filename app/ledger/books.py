"""The part of the books one batch works on: read under lock (`loading.py`), changed in memory, written in one go.

`apply` takes a decided change into memory so that the next operation of the batch sees it; what has gathered is
written with one statement per table (`writing.py`). Nothing is committed here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from app.kernel.ids import new_id
from app.ledger.change import Change, Post, Rare
from app.ledger.journal import OF_COST
from app.ledger.operations import (
    AdjustOp,
    DebitOp,
    ExpireOp,
    FreezeOp,
    GiveBackOp,
    GrantOp,
    HoldOp,
    Operation,
    ReverseOp,
    SetAsideOp,
    SettleOwedOp,
    TakeBackOp,
    ThawOp,
    TopUpOp,
    WriteOffOp,
)
from app.ledger.state import Aside, Freeze, Hold, Lot, Posted, Wallet, in_draw_order
from app.ledger.writing import Pending


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
        self._asides: dict[str, Aside] = {}
        self._freezes: dict[int, list[Freeze]] = defaultdict(list)
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

    def find_lot(self, lot_id: str) -> Lot | None:
        return self._lots.get(lot_id)

    def aside(self, ref: str) -> Aside | None:
        return self._asides.get(ref)

    def asides_of(self, lot_id: str) -> Sequence[Aside]:
        return [aside for aside in self._asides.values() if aside.lot_id == lot_id]

    def freezes(self, wallet_id: int) -> Sequence[Freeze]:
        return tuple(self._freezes.get(wallet_id, ()))

    def new_journal_id(self) -> str:
        return new_id("jrn")

    def new_lot_id(self) -> str:
        return new_id("lot")

    def new_freeze_id(self) -> str:
        return new_id("frz")

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

    def take_asides(self, asides: Iterable[Aside]) -> None:
        for aside in asides:
            self._asides[aside.ref] = aside

    def take_freezes(self, freezes: Iterable[Freeze]) -> None:
        for freeze in freezes:
            self._freezes[freeze.wallet_id].append(freeze)

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
        if isinstance(op, HoldOp | GrantOp | DebitOp | AdjustOp | SetAsideOp | WriteOffOp | SettleOwedOp):
            return self._wallet_ids.get((op.workspace_id, op.amount.unit))
        found: Posted | Aside | Lot | Hold | None
        match op:
            case TopUpOp():
                return self._wallet_ids.get((op.workspace_id, op.paid.unit))
            case FreezeOp() | ThawOp():
                return self._wallet_ids.get((op.workspace_id, op.unit))
            case ReverseOp():
                found = self._by_id.get(op.journal_id)
            case GiveBackOp() | TakeBackOp():
                found = self._asides.get(op.ref)
            case ExpireOp():
                found = self._lots.get(op.lot_id)
            case _:
                found = self._holds.get(op.generation_id)
        return found.wallet_id if found else None

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
        if change.new_lots:
            for made in change.new_lots:
                pending.new_lot(made)
            self.take_lots([made.lot for made in change.new_lots])
        if change.lots:
            self._change_lots(change.lots)
        if change.rare is not None:
            self._apply_rare(change.rare)

    def _apply_rare(self, rare: Rare) -> None:
        self.pending.rare(rare)
        self.take_asides(aside for aside in (rare.sets_aside, rare.closes_aside) if aside is not None)
        self.take_freezes(rare.freezes)
        for freeze in rare.lifts:
            self._freezes[freeze.wallet_id].remove(freeze)

    def _post(self, post: Post, wallet: Wallet | None) -> None:
        journal = post.journal
        wallet = post.after or wallet
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
