"""The transition table, exhaustively: every pair of state and event is either listed or refused."""

from itertools import product

import pytest

from app.generation.lifecycle import FINISHED, TRANSITIONS, Event, State, after, sources
from app.kernel.errors import Conflict

PAIRS = list(product(State, Event))


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=[f"{state}-{event}" for state, event in PAIRS])
def test_every_step_is_listed_or_refused(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(Conflict, match=f"{state} cannot {event}"):
            after(state, event)


def test_nothing_leaves_a_finished_state() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] in FINISHED]


def test_every_unfinished_state_can_be_released() -> None:
    assert set(sources(Event.FAIL)) == set(State) - FINISHED


def test_every_state_can_be_reached_from_held() -> None:
    reached = {State.HELD}
    while grown := {target for (state, _), target in TRANSITIONS.items() if state in reached} - reached:
        reached |= grown
    assert reached == set(State)


def test_an_unknown_attempt_is_never_sent_again() -> None:
    assert not {TRANSITIONS.get((State.UNKNOWN, event)) for event in Event} & {State.HELD, State.SUBMITTING}


def test_only_a_proven_refusal_leads_back_to_held() -> None:
    assert [pair for pair, target in TRANSITIONS.items() if target is State.HELD] == [(State.SUBMITTING, Event.RETRY)]
