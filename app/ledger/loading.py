"""Read what a batch needs into its `Books`: the wallets locked first, everything else after them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from app.ledger import reading
from app.ledger.books import Books
from app.ledger.journal import BONUS, TOP_UP
from app.ledger.operations import (
    AbsorbOp,
    AdjustOp,
    CaptureEarlyOp,
    DebitOp,
    ExpireOp,
    FreezeOp,
    GiveBackOp,
    GrantOp,
    HoldOp,
    Operation,
    ReleaseOp,
    ReverseOp,
    SetAsideOp,
    SettleOp,
    SettleOwedOp,
    TakeBackOp,
    ThawOp,
    TopUpOp,
    WriteOffOp,
)
from app.ledger.state import Hold

#: What looks neither at the past nor at set-asides and freezes, unless its hold is closed.
EVERYDAY = frozenset({HoldOp, SettleOp, ReleaseOp, CaptureEarlyOp})
ON_A_HOLD = (SettleOp, ReleaseOp, CaptureEarlyOp, AbsorbOp)
ON_A_WALLET = (GrantOp, DebitOp, AdjustOp, TopUpOp, SetAsideOp, WriteOffOp, SettleOwedOp, FreezeOp, ThawOp)
NAMED = (GrantOp, DebitOp, AdjustOp, AbsorbOp, TopUpOp, WriteOffOp, SettleOwedOp)
DRAWS = (SettleOp, CaptureEarlyOp, AdjustOp, DebitOp)


class _Rare(NamedTuple):
    """What the less common operations of a batch go by."""

    workspaces: frozenset[str] = frozenset()
    refs: frozenset[str] = frozenset()
    journals: frozenset[str] = frozenset()
    asides: frozenset[str] = frozenset()
    lots: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ops: Sequence[Operation]) -> "_Rare":
        if {type(op) for op in ops} <= EVERYDAY:
            return _NOTHING
        journals = frozenset(op.journal_id for op in ops if isinstance(op, ReverseOp))
        return cls(
            frozenset(op.workspace_id for op in ops if isinstance(op, ON_A_WALLET)),
            frozenset(op.ref for op in ops if isinstance(op, NAMED)) | journals,
            journals,
            frozenset(op.ref for op in ops if isinstance(op, SetAsideOp | GiveBackOp | TakeBackOp)),
            frozenset(op.lot_id for op in ops if isinstance(op, SetAsideOp | ExpireOp)),
        )


_NOTHING = _Rare()


def load(connection: Connection, ops: Sequence[Operation], now: datetime) -> Books:
    """Lock the wallets of `ops` and read what they need; the locks last until the transaction ends."""
    books = Books(now)
    rare = _Rare.of(ops)
    to_hold = {op.generation_id for op in ops if isinstance(op, HoldOp)}
    on_holds = {op.generation_id for op in ops if isinstance(op, ON_A_HOLD)}
    wallets = reading.lock_wallets(
        connection,
        workspaces={op.workspace_id for op in ops if isinstance(op, HoldOp)} | rare.workspaces,
        generations=on_holds,
        journals=rare.journals,
        asides=rare.asides,
        lots=rare.lots,
    )
    holds = reading.read_holds(connection, to_hold | on_holds)
    books.take(wallets, holds)
    books.take_lots(reading.read_open_lots(connection, _drawn_wallets(ops, books)))
    _load_past(connection, books, rare, _closed(holds, on_holds))
    if rare is not _NOTHING:
        _load_asides(connection, books, rare)
        books.take_freezes(reading.read_freezes(connection, {wallet.id for wallet in wallets if wallet.frozen}))
    return books


def _closed(holds: Iterable[Hold], on_holds: set[str]) -> set[str]:
    return {hold.generation_id for hold in holds if not hold.is_open and hold.generation_id in on_holds}


def _drawn_wallets(ops: Sequence[Operation], books: Books) -> set[int]:
    """The wallets whose lots may be drawn. A hold made earlier in the same batch has its wallet from there."""
    held_here = {op.generation_id: books.wallet_id(op) for op in ops if isinstance(op, HoldOp)}
    ids = set()
    for op in ops:
        if isinstance(op, DRAWS):
            wallet_id = books.wallet_id(op)
            if wallet_id is None and not isinstance(op, AdjustOp | DebitOp):
                wallet_id = held_here.get(op.generation_id)
            if wallet_id is not None:
                ids.add(wallet_id)
    return ids


def _load_past(connection: Connection, books: Books, rare: _Rare, closed: set[str]) -> None:
    """What only repeated, late and corrective operations look at: journals of the past and the lots they touched."""
    if not (closed or rare.refs):
        return
    named = reading.read_journals(connection, rare.refs, rare.journals)
    books.take_posted(named)
    of_reversed = {posted.generation_id for posted in named if posted.id in rare.journals and posted.generation_id}
    past = reading.read_journals_of(connection, closed | of_reversed)
    books.take_posted(past)
    used = {use.lot_id for posted in (*named, *past) for use in posted.uses}
    bought = {posted.id for posted in named if posted.kind in {TOP_UP, BONUS}}
    books.take_lots(reading.read_named_lots(connection, used, rare.journals | bought))


def _load_asides(connection: Connection, books: Books, rare: _Rare) -> None:
    """The set-asides asked about, their lots, and what else was ever set aside of those."""
    asides = reading.read_asides(connection, rare.asides, rare.lots)
    lots = rare.lots | {aside.lot_id for aside in asides}
    books.take_asides(asides)
    books.take_asides(reading.read_asides(connection, (), lots - rare.lots))
    books.take_lots(reading.read_named_lots(connection, lots, ()))
