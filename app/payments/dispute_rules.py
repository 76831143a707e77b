"""The life of a dispute as a table: PURE, and the only place that says what the provider's word does.

    (new) ─ inquiry ─▶ flagged ─ open ─▶ open ─ won ─▶ released ─ open (an appeal) ─▶ open …
                                          └─ lost ─▶ lost ─ won after all ─▶ restored

Seeing the same word again changes nothing. A word that nobody here knows is taken for the worst: the credits are set
aside and an operator is told.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    NEW = "new"
    FLAGGED = "flagged"  # the bank asks; no money has moved
    OPEN = "open"  # the money is away, and the credits are set aside
    RELEASED = "released"
    LOST = "lost"  # the money is gone, and so are the credits
    RESTORED = "restored"  # lost once, and won after all


class Word(StrEnum):
    INQUIRY = "inquiry"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Step(StrEnum):
    NOTHING = "nothing"
    FLAG = "flag"
    FREEZE = "freeze"
    RELEASE = "release"
    CLOSE = "close"  # it never came to a dispute
    TAKE = "take"
    RESTORE = "restore"


WORDS: Final = {
    "warning_needs_response": Word.INQUIRY,
    "warning_under_review": Word.INQUIRY,
    "needs_response": Word.OPEN,
    "under_review": Word.OPEN,
    "appeal_needs_response": Word.OPEN,
    "appeal_under_review": Word.OPEN,
    "won": Word.WON,
    "warning_closed": Word.WON,
    "prevented": Word.WON,
    "lost": Word.LOST,
}

STEPS: Final = {
    (State.NEW, Word.INQUIRY): Step.FLAG,
    (State.NEW, Word.OPEN): Step.FREEZE,
    (State.NEW, Word.WON): Step.CLOSE,
    (State.NEW, Word.LOST): Step.TAKE,
    (State.FLAGGED, Word.OPEN): Step.FREEZE,
    (State.FLAGGED, Word.WON): Step.CLOSE,
    (State.FLAGGED, Word.LOST): Step.TAKE,
    (State.OPEN, Word.WON): Step.RELEASE,
    (State.OPEN, Word.LOST): Step.TAKE,
    (State.RELEASED, Word.OPEN): Step.FREEZE,
    (State.RELEASED, Word.LOST): Step.TAKE,
    (State.LOST, Word.WON): Step.RESTORE,
    (State.RESTORED, Word.OPEN): Step.FREEZE,
    (State.RESTORED, Word.LOST): Step.TAKE,
}


def word_of(status: str) -> Word:
    """What a status of the provider's means; an unknown one is as bad as an open dispute."""
    return WORDS.get(status, Word.OPEN)


def is_known(status: str) -> bool:
    return status in WORDS


def step(state: State, status: str) -> Step:
    """What is to be done at this word; nothing when it says nothing new."""
    return STEPS.get((state, word_of(status)), Step.NOTHING)
