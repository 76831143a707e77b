"""Read what a batch needs into its `Books`: the wallets locked first, everything else after them."""

from collections.abc import Iterable, Mapping, Sequence
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
    on_holds = {op.generation_id for op in ops if isinstance(op, ON_A_HOLD)}
    held = {op.generation_id: op.workspace_id for op in ops if isinstance(op, HoldOp)}
    wallets, holds, lots = reading.lock_and_read(
        connection,
        {
            "workspaces": {*held.values(), *rare.workspaces},
            "generations": on_holds,
            "journals": rare.journals,
            "asides": rare.asides,
            "lots": rare.lots,
        },
        held.keys() | on_holds,
        _drawn(ops, held),
    )
    books.take(wallets, holds)
    books.take_lots(lots)
    _load_past(connection, books, rare, _closed(holds, on_holds))
    if rare is not _NOTHING:
        _load_asides(connection, books, rare)
        books.take_freezes(reading.read_freezes(connection, {wallet.id for wallet in wallets if wallet.frozen}))
    return books


def _closed(holds: Iterable[Hold], on_holds: set[str]) -> set[str]:
    return {hold.generation_id for hold in holds if not hold.is_open and hold.generation_id in on_holds}


def _drawn(ops: Sequence[Operation], held: Mapping[str, str]) -> dict[str, set[str]]:
    """What leads to the wallets whose lots may be drawn: workspaces, and the generations of holds. One that is held in
    the same batch is found by its workspace."""
    workspaces, generations = set(), set()
    for op in ops:
        if isinstance(op, AdjustOp | DebitOp):
            workspaces.add(op.workspace_id)
        elif isinstance(op, SettleOp | CaptureEarlyOp):
            generations.add(op.generation_id)
            if op.generation_id in held:
                workspaces.add(held[op.generation_id])
    return {"workspaces": workspaces, "generations": generations}


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
