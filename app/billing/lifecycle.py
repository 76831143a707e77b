"""The life of a subscription as a table: from which state which event leads where. PURE."""

from enum import StrEnum
from typing import Final

from app.kernel.errors import Conflict


class State(StrEnum):
    DRAFT = "draft"  # agreed, not yet begun
    INCOMPLETE = "incomplete"  # begun, its first payment is missing
    TRIALING = "trialing"
    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Event(StrEnum):
    ACTIVATE = "activate"
    BEGIN_TRIAL = "begin_trial"
    AWAIT_PAYMENT = "await_payment"
    PAID = "paid"
    TRIAL_OVER = "trial_over"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


#: What is not here is refused.
TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.DRAFT, Event.ACTIVATE): State.ACTIVE,
    (State.DRAFT, Event.BEGIN_TRIAL): State.TRIALING,
    (State.DRAFT, Event.AWAIT_PAYMENT): State.INCOMPLETE,
    (State.DRAFT, Event.CANCEL): State.CANCELLED,
    (State.INCOMPLETE, Event.PAID): State.ACTIVE,
    (State.INCOMPLETE, Event.CANCEL): State.CANCELLED,
    (State.TRIALING, Event.TRIAL_OVER): State.ACTIVE,
    (State.TRIALING, Event.CANCEL): State.CANCELLED,
    (State.ACTIVE, Event.PAUSE): State.PAUSED,
    (State.ACTIVE, Event.CANCEL): State.CANCELLED,
    (State.PAUSED, Event.RESUME): State.ACTIVE,
    (State.PAUSED, Event.CANCEL): State.CANCELLED,
}

_SAID: Final = {
    Event.ACTIVATE: "activated",
    Event.BEGIN_TRIAL: "put on trial",
    Event.AWAIT_PAYMENT: "made to wait for a payment",
    Event.PAID: "paid for",
    Event.TRIAL_OVER: "ended its trial",
    Event.PAUSE: "paused",
    Event.RESUME: "resumed",
    Event.CANCEL: "cancelled",
}


def after(state: State, event: Event) -> State:
    """Where `event` leads; `Conflict` where it leads nowhere."""
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise Conflict(
            f"A subscription that is {state} cannot be {_SAID[event]}.", code="invalid_operation", state=str(state)
        )
    return found
