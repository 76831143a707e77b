"""The life of a subscription, state by state."""

import pytest

from app.billing.lifecycle import TRANSITIONS, Event, State, after
from app.kernel.errors import Conflict


@pytest.mark.parametrize(
    ("begun", "events", "ended"),
    [
        pytest.param("draft", "activate pause resume cancel", "cancelled", id="a whole life"),
        pytest.param("draft", "begin_trial trial_over cancel", "cancelled", id="after a trial"),
        pytest.param("draft", "await_payment paid", "active", id="paid first"),
        pytest.param("trialing", "cancel", "cancelled", id="not convinced"),
        pytest.param("paused", "cancel", "cancelled", id="never back"),
    ],
)
def test_lives(begun: str, events: str, ended: str) -> None:
    state = State(begun)
    for event in events.split():
        state = after(state, Event(event))
    assert state == ended


def test_what_is_not_in_the_table_is_refused() -> None:
    for state in State:
        for event in Event:
            if (state, event) in TRANSITIONS:
                continue
            with pytest.raises(Conflict, match=f"that is {state} cannot be"):
                after(state, event)


def test_a_cancelled_subscription_stays_cancelled() -> None:
    assert not [event for state, event in TRANSITIONS if state is State.CANCELLED]
