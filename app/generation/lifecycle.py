"""The life of a generation as a table: PURE, and the only place that says which step may follow which.

    held ─ claim ─▶ submitting ─ accept ─▶ queued ─ start ─▶ running ─ deliver ─▶ storing ─ settle ─▶ settled
     ▲                 │    │
     │└──── retry ─────┘    └─ lose ─▶ unknown ─ accept ─▶ queued          anything unfinished ─ fail ─▶ released
     └─ call ─▶ calling ─ answer ─▶ settled          calling ─ lose ─▶ unknown ─ answer ─▶ settled

A generation is finished exactly when its hold is closed, and the two happen in one transaction.
"""

from enum import StrEnum

from app.kernel.errors import Conflict


class State(StrEnum):
    HELD = "held"  # credits reserved, nothing asked of a provider yet
    SUBMITTING = "submitting"  # the one paid POST may be on its way
    CALLING = "calling"  # one exchange whose answer is the result; it began in the hold's own transaction
    UNKNOWN = "unknown"  # the POST was sent and nobody knows what became of it
    QUEUED = "queued"  # accepted upstream
    RUNNING = "running"
    STORING = "storing"  # made upstream; fetching the files
    SETTLED = "settled"
    RELEASED = "released"


class Event(StrEnum):
    CLAIM = "claim"
    CALL = "call"
    ANSWER = "answer"  # the exchange brought the result; also after it had been given up as lost
    ACCEPT = "accept"
    RETRY = "retry"  # proven that nothing was accepted; another attempt may follow
    LOSE = "lose"
    START = "start"
    DELIVER = "deliver"
    SETTLE = "settle"
    FORFEIT = "forfeit"  # it failed, and its price is one that is charged on submit and not refunded
    FAIL = "fail"  # for whatever reason: refused, failed, canceled, given up


FINISHED = frozenset({State.SETTLED, State.RELEASED})

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.HELD, Event.CLAIM): State.SUBMITTING,
    (State.HELD, Event.CALL): State.CALLING,
    (State.CALLING, Event.ANSWER): State.SETTLED,
    (State.CALLING, Event.LOSE): State.UNKNOWN,
    (State.UNKNOWN, Event.ANSWER): State.SETTLED,
    (State.SUBMITTING, Event.ACCEPT): State.QUEUED,
    (State.SUBMITTING, Event.RETRY): State.HELD,
    (State.SUBMITTING, Event.LOSE): State.UNKNOWN,
    (State.UNKNOWN, Event.ACCEPT): State.QUEUED,
    (State.QUEUED, Event.START): State.RUNNING,
    (State.QUEUED, Event.DELIVER): State.STORING,
    (State.RUNNING, Event.DELIVER): State.STORING,
    (State.STORING, Event.SETTLE): State.SETTLED,
    (State.QUEUED, Event.FORFEIT): State.SETTLED,
    (State.RUNNING, Event.FORFEIT): State.SETTLED,
    (State.STORING, Event.FORFEIT): State.SETTLED,
} | {(state, Event.FAIL): State.RELEASED for state in State if state not in FINISHED}


def after(state: State, event: Event) -> State:
    """The state that follows, or `Conflict` when the table has no such step."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise Conflict(f"A generation that is {state} cannot {event}.", code="wrong_state")
    return following


def sources(event: Event) -> tuple[State, ...]:
    """Every state from which `event` is allowed, for the `WHERE` of a conditional update."""
    return tuple(state for (state, known) in TRANSITIONS if known is event)
