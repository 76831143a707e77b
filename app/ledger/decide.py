"""What each operation does to the books: the state it needs and the operation in, a `Change` or a refusal out.

Nothing here reads a clock or a database. A refusal leaves nothing to undo, because a change is only a description.
"""

from collections.abc import Callable, Mapping
from typing import Any

from app.ledger import buying, charging, expiring, freezing, granting, owing, refunding
from app.ledger.change import Change, View
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

_DECISIONS: Mapping[type, Callable[[Any, View], Change]] = {
    HoldOp: charging.hold,
    SettleOp: charging.settle,
    CaptureEarlyOp: charging.capture_early,
    ReleaseOp: charging.release,
    GrantOp: granting.grant,
    DebitOp: granting.debit,
    AdjustOp: granting.adjust,
    ReverseOp: granting.reverse,
    AbsorbOp: granting.absorb,
    TopUpOp: buying.top_up,
    SetAsideOp: refunding.set_aside,
    GiveBackOp: refunding.give_back,
    TakeBackOp: refunding.take_back,
    WriteOffOp: refunding.write_off,
    SettleOwedOp: owing.settle_owed,
    ExpireOp: expiring.expire,
    FreezeOp: freezing.freeze,
    ThawOp: freezing.thaw,
}


def decide(op: Operation, books: View) -> Change:
    """What `op` does now. Raises a `Rejected` when it may not, `Broken` when the books contradict themselves."""
    return _DECISIONS[type(op)](op, books)
