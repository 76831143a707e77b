"""The table of an order's life: what may follow what, and that money wins."""

import pytest

from app.kernel.errors import Conflict
from app.payments.lifecycle import CREDITED, LAPSED, TRANSITIONS, UNPAID, Event, State, after, sources, target


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_step_is_in_the_table_or_refused(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is target(event)
        assert state in sources(event)
    else:
        with pytest.raises(Conflict):
            after(state, event)


@pytest.mark.parametrize("state", sorted(UNPAID | LAPSED))
def test_case_17_money_wins_over_whatever_happened_before(state: State) -> None:
    assert after(state, Event.PAY) is State.PAID


@pytest.mark.parametrize("state", sorted(CREDITED))
@pytest.mark.parametrize(
    "event", [Event.PAY, Event.EXPIRE, Event.FAIL, Event.CANCEL, Event.REJECT, Event.MISMATCH, Event.PROCESS]
)
def test_nothing_leads_from_paid_back_to_unpaid(state: State, event: Event) -> None:
    with pytest.raises(Conflict):
        after(state, event)


def test_rejected_is_final() -> None:
    assert not [event for event in Event if (State.REJECTED, event) in TRANSITIONS]


def test_every_state_is_of_one_sort() -> None:
    sorts = [UNPAID, LAPSED, CREDITED, frozenset({State.REJECTED})]
    assert sorted(state for sort in sorts for state in sort) == sorted(State)
