"""The life of an order as a table: PURE, and the only place that says which step may follow which.

    draft ─ open ─▶ pending ─ process ─▶ processing ─ pay ─▶ paid ─ refund ─▶ refunded
                       │                     │                 └─ dispute ─▶ disputed ─ win ─▶ paid
                       ├─ expire ─▶ expired  └─ fail ─▶ failed
                       └─ cancel · reject · mismatch

Money that arrives wins: an order that ran out, failed or was called off is paid all the same when the payment turns
out to be good. Nothing leads back from paid to unpaid except a refund or a lost dispute, and nothing from there to paid
except money that comes back after all (`restore`).
"""

from enum import StrEnum

from app.kernel.errors import Conflict


class State(StrEnum):
    DRAFT = "draft"  # written down; there is no way to pay it yet
    PENDING = "pending"  # the customer can pay: a page is open, or bank details were given
    PROCESSING = "processing"  # money is on its way, or one of two approvals was given
    UNKNOWN = "unknown"  # a charge was asked for and nobody knows what became of it
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"  # by the operator; final
    MISMATCH = "mismatch"  # something was paid, but not what was ordered: for the operator


class Event(StrEnum):
    OPEN = "open"
    PROCESS = "process"
    LOSE = "lose"
    PAY = "pay"
    FAIL = "fail"
    EXPIRE = "expire"
    CANCEL = "cancel"
    REJECT = "reject"
    MISMATCH = "mismatch"
    REFUND_PART = "refund_part"
    REFUND = "refund"
    DISPUTE = "dispute"
    WIN = "win"
    RESTORE = "restore"


#: Nothing was credited yet and nothing forbids it.
UNPAID = frozenset({State.DRAFT, State.PENDING, State.PROCESSING, State.UNKNOWN})
#: Over without money, unless money comes after all.
LAPSED = frozenset({State.EXPIRED, State.FAILED, State.CANCELED, State.MISMATCH})
#: Credited once, whatever became of it later.
CREDITED = frozenset({State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED, State.DISPUTED})


def _steps(event: Event, to: State, *sources: State) -> dict[tuple[State, Event], State]:
    return {(source, event): to for source in sources}


TRANSITIONS: dict[tuple[State, Event], State] = {
    **_steps(Event.OPEN, State.PENDING, State.DRAFT, State.UNKNOWN),
    **_steps(Event.PROCESS, State.PROCESSING, State.DRAFT, State.PENDING, State.UNKNOWN, *LAPSED),
    **_steps(Event.LOSE, State.UNKNOWN, State.DRAFT, State.PENDING, State.PROCESSING),
    **_steps(Event.PAY, State.PAID, *UNPAID, *LAPSED),
    **_steps(Event.FAIL, State.FAILED, *UNPAID),
    **_steps(Event.EXPIRE, State.EXPIRED, State.DRAFT, State.PENDING),
    **_steps(Event.CANCEL, State.CANCELED, State.DRAFT, State.PENDING),
    **_steps(Event.REJECT, State.REJECTED, State.PENDING, State.PROCESSING),
    **_steps(Event.MISMATCH, State.MISMATCH, *UNPAID, State.EXPIRED, State.FAILED, State.CANCELED),
    **_steps(
        Event.REFUND_PART,
        State.PARTIALLY_REFUNDED,
        State.PAID,
        State.PARTIALLY_REFUNDED,
        State.DISPUTED,
        State.REFUNDED,
    ),
    **_steps(Event.REFUND, State.REFUNDED, State.PAID, State.PARTIALLY_REFUNDED, State.DISPUTED),
    **_steps(Event.DISPUTE, State.DISPUTED, State.PAID, State.PARTIALLY_REFUNDED),
    **_steps(Event.WIN, State.PAID, State.DISPUTED),
    **_steps(Event.RESTORE, State.PAID, State.REFUNDED, State.PARTIALLY_REFUNDED),
}


def after(state: State, event: Event) -> State:
    """The state that follows, or `Conflict` "wrong_state" when the table has no such step."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise Conflict(f"An order that is {state} cannot {event}.", code="wrong_state")
    return following


def sources(event: Event) -> tuple[State, ...]:
    """Every state from which `event` is allowed, for the `WHERE` of a conditional update."""
    return tuple(state for (state, known) in TRANSITIONS if known is event)


def target(event: Event) -> State:
    """Where `event` leads; each leads to one state."""
    return next(to for (_state, known), to in TRANSITIONS.items() if known is event)
