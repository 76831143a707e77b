"""What can be asked of the books, and what they answer. Every operation may be asked any number of times: the first
asking does it, the others get the same answer with `already=True` and change nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from app.kernel.money import Money
from app.ledger.companion import Also, Check
from app.ledger.journal import Cost

Overage = Literal["cap", "extend", "owe"]


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


Operation = HoldOp | SettleOp | ReleaseOp | CaptureEarlyOp | GrantOp | AdjustOp | ReverseOp | AbsorbOp
Result = Held | Settled | Released | Posting

#: The operations by the names tests and traces know them by.
NAMES: Mapping[type, str] = {
    HoldOp: "hold",
    SettleOp: "settle",
    ReleaseOp: "release",
    CaptureEarlyOp: "capture_early",
    GrantOp: "grant",
    AdjustOp: "adjust",
    ReverseOp: "reverse",
    AbsorbOp: "absorb",
}
