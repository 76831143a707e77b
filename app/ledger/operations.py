"""What can be asked of the books, and what they answer. Every operation may be asked any number of times: the first
asking does it, the others get the same answer with `already=True` and change nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from app.kernel.money import CREDIT, Money
from app.ledger.companion import Also, Check, Within
from app.ledger.journal import Cash, Cost

Overage = Literal["cap", "extend", "owe"]
AsideReason = Literal["refund", "dispute"]
Purpose = Literal["invoice", "manual", "closed"]


class Held(NamedTuple):
    generation_id: str
    amount: Money
    available: Money  # what is left to hold after it
    already: bool


class Settled(NamedTuple):
    charged: Money
    absorbed: Money  # delivered but not charged: our expense
    journal_id: str | None
    already: bool
    late: bool = False  # the hold had been released: nothing was charged


class Released(NamedTuple):
    returned: Money  # what the customer has back: the hold, or an early charge
    journal_id: str | None
    already: bool
    charged: Money  # what stays charged, when the generation had been settled before


class Posting(NamedTuple):
    """A grant, an adjustment, a reversal or a cost, as it stands in the books."""

    journal_id: str
    amount: Money
    already: bool


class ToppedUp(NamedTuple):
    """Credits bought, and the bonus that came with them as a lot of its own."""

    journal_id: str
    lot_id: str
    bonus_journal_id: str | None
    bonus_lot_id: str | None
    debt_paid: Money  # of the credits bought, what went into an open debt
    already: bool


class SetAside(NamedTuple):
    """`amount` is out of the balance; `short` is what was asked for beyond that."""

    journal_id: str | None
    amount: Money
    short: Money
    already: bool


class Returned(NamedTuple):
    """What was set aside is back in its lot."""

    journal_id: str | None
    amount: Money
    already: bool


class TakenBack(NamedTuple):
    """Credits whose payment went back: those set aside, and those used already, which are now debt."""

    journal_id: str | None
    amount: Money
    shortfall: Money
    already: bool


class Frozen(NamedTuple):
    """Whether the balance is frozen after it, for this reason or another."""

    frozen: bool
    already: bool


class Expired(NamedTuple):
    """What ended with a lot; `left` still waits for the holds that count on it."""

    journal_id: str | None
    amount: Money
    left: Money
    already: bool


class HoldOp(NamedTuple):
    workspace_id: str
    generation_id: str
    amount: Money
    deadline_at: datetime
    also: Also = ()
    checks: Sequence[Check] = ()


class SettleOp(NamedTuple):
    generation_id: str
    measured: Money
    overage: Overage = "cap"
    cost: Cost | None = None
    actor: str = "system"
    memo: Mapping[str, Any] | None = None
    also: Also = ()
    checks: Sequence[Check] = ()


class ReleaseOp(NamedTuple):
    generation_id: str
    reason: str
    cost: Cost | None = None
    unknown: bool = False
    actor: str = "system"
    also: Also = ()
    checks: Sequence[Check] = ()


class CaptureEarlyOp(NamedTuple):
    generation_id: str
    amount: Money | None = None
    actor: str = "system"
    memo: Mapping[str, Any] | None = None
    also: Also = ()
    checks: Sequence[Check] = ()


class GrantOp(NamedTuple):
    workspace_id: str
    amount: Money
    kind: str
    label: str
    ref: str
    actor: str
    priority: int
    expires_at: datetime | None = None
    cost_basis: Money | None = None
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None
    memo: Mapping[str, Any] | None = None


class DebitOp(NamedTuple):
    """Credits that go without a generation; with `partial`, no more than are free. Of those past their last day, which
    are drawn first, no more than `ended`."""

    workspace_id: str
    amount: Money
    purpose: Purpose
    ref: str
    actor: str
    partial: bool = False
    memo: Mapping[str, Any] | None = None
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None
    ended: Money | None = None


class AdjustOp(NamedTuple):
    workspace_id: str
    amount: Money
    ref: str
    actor: str
    reason: str
    also: Also = ()
    checks: Sequence[Check] = ()


class ReverseOp(NamedTuple):
    journal_id: str
    actor: str
    reason: str
    also: Also = ()
    checks: Sequence[Check] = ()


class AbsorbOp(NamedTuple):
    generation_id: str
    ref: str
    cost: Cost
    actor: str
    reason: str
    also: Also = ()
    checks: Sequence[Check] = ()


class TopUpOp(NamedTuple):
    workspace_id: str
    paid: Money
    ref: str
    label: str
    actor: str
    bonus: Money | None = None
    bonus_label: str = ""
    expires_at: datetime | None = None
    bonus_expires_at: datetime | None = None
    cost_basis: Money | None = None
    cash: Cash | None = None
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None
    priority: int | None = None
    memo: Mapping[str, Any] | None = None


class SetAsideOp(NamedTuple):
    workspace_id: str
    ref: str
    lot_id: str
    amount: Money
    reason: AsideReason
    actor: str
    partial: bool = False
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None


class GiveBackOp(NamedTuple):
    ref: str
    actor: str
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None


class TakeBackOp(NamedTuple):
    ref: str
    shortfall: Money
    actor: str
    cash: Cash | None = None
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None


class WriteOffOp(NamedTuple):
    workspace_id: str
    amount: Money
    ref: str
    actor: str
    reason: str
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None


class SettleOwedOp(NamedTuple):
    """Up to `amount` of what was used on the limit is paid, or given up on: never more than is owed."""

    workspace_id: str
    amount: Money
    ref: str
    actor: str
    written_off: bool = False
    memo: Mapping[str, Any] | None = None
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None


class FreezeOp(NamedTuple):
    workspace_id: str
    reason: str
    ref: str
    actor: str
    unit: str = CREDIT
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None


class ThawOp(NamedTuple):
    """Without a `ref`, every freeze for the reason."""

    workspace_id: str
    reason: str
    ref: str | None
    actor: str
    unit: str = CREDIT
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None


class ExpireOp(NamedTuple):
    lot_id: str
    label: str = ""
    actor: str = "system"
    also: Also = ()
    checks: Sequence[Check] = ()
    within: Within | None = None


Operation = (
    HoldOp
    | SettleOp
    | ReleaseOp
    | CaptureEarlyOp
    | GrantOp
    | DebitOp
    | AdjustOp
    | ReverseOp
    | AbsorbOp
    | TopUpOp
    | SetAsideOp
    | GiveBackOp
    | TakeBackOp
    | WriteOffOp
    | SettleOwedOp
    | FreezeOp
    | ThawOp
    | ExpireOp
)
Result = Held | Settled | Released | Posting | ToppedUp | SetAside | Returned | TakenBack | Frozen | Expired

#: The operations by the names tests and traces know them by.
NAMES: Mapping[type, str] = {
    HoldOp: "hold",
    SettleOp: "settle",
    ReleaseOp: "release",
    CaptureEarlyOp: "capture_early",
    GrantOp: "grant",
    DebitOp: "debit",
    AdjustOp: "adjust",
    ReverseOp: "reverse",
    AbsorbOp: "absorb",
    TopUpOp: "top_up",
    SetAsideOp: "set_aside",
    GiveBackOp: "give_back",
    TakeBackOp: "take_back",
    WriteOffOp: "write_off",
    SettleOwedOp: "settle_owed",
    FreezeOp: "freeze",
    ThawOp: "thaw",
    ExpireOp: "expire",
}
