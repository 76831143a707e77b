"""What the bank's word does to a dispute: without a database."""

import pytest

from app.payments.dispute_rules import STEPS, WORDS, State, Step, Word, is_known, step, word_of

FOLLOWS = {
    Step.FLAG: State.FLAGGED,
    Step.FREEZE: State.OPEN,
    Step.RELEASE: State.RELEASED,
    Step.CLOSE: State.RELEASED,
    Step.TAKE: State.LOST,
    Step.RESTORE: State.RESTORED,
}


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        pytest.param(("needs_response", "under_review", "won"), "freeze nothing release", id="won"),
        pytest.param(("needs_response", "lost"), "freeze take", id="lost"),
        pytest.param(("warning_needs_response", "warning_under_review", "warning_closed"), "flag nothing close"),
        pytest.param(("warning_needs_response", "needs_response", "won"), "flag freeze release", id="from an inquiry"),
        pytest.param(("needs_response", "won", "appeal_needs_response", "won"), "freeze release freeze release"),
        pytest.param(("needs_response", "lost", "appeal_under_review", "won"), "freeze take nothing restore"),
        pytest.param(("lost",), "take", id="lost before we heard of it"),
        pytest.param(("won",), "close", id="won before we heard of it"),
        pytest.param(("prevented",), "close", id="prevented"),
        pytest.param(("a word of next year", "won"), "freeze release", id="an unknown word is taken for the worst"),
        pytest.param(("needs_response", "lost", "won", "needs_response", "lost"), "freeze take restore freeze take"),
    ],
)
def test_the_life_of_a_dispute(words: tuple[str, ...], steps: str) -> None:
    state, done = State.NEW, []
    for word in words:
        todo = step(state, word)
        done.append(str(todo))
        state = FOLLOWS.get(todo, state)
        assert step(state, word) is Step.NOTHING, "the same word again changes nothing"
    assert done == steps.split()


def test_every_word_of_every_state_is_decided() -> None:
    assert {word_of(status) for status in WORDS} == set(Word)
    assert not is_known("a word of next year")
    assert all(step(state, status) in Step for state in State for status in WORDS)
    assert all(FOLLOWS[todo] != state for (state, _), todo in STEPS.items())
