"""Asking before something costly runs: from which price on, and in which words. Pure."""

from typing import TypedDict

from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.kernel.text import t
from app.ui import present
from app.ui.pages.playground.slip import Shown

#: What a person chose, kept in their browser: the installation's threshold, or always, or never.
USUAL, ALWAYS, NEVER = "usual", "always", "never"
CHOICES = (USUAL, ALWAYS, NEVER)


class Question(TypedDict):
    """What the dialog asks; `ticket` is the price it is about, empty while nothing is asked."""

    ticket: str
    text: str
    button: str
    again: bool


NOTHING_ASKED: Question = Question(ticket="", text="", button="", again=False)


def must_ask(shown: Shown, choice: str, above_credits: int) -> bool:
    """Whether a run at this price is asked about first."""
    if choice == NEVER:
        return False
    if choice == ALWAYS:
        return shown.maximum.micros > 0
    return above_credits > 0 and shown.maximum > Money.from_exact(above_credits)


def question(model: str, shown: Shown, worth: Fiat, *, again: bool) -> Question:
    """`This Veo 3.1 request is estimated at 384 credits (€3.84). Continue?`; `worth` in the workspace's currency."""
    amount = present.credit_words(shown.maximum)
    return Question(
        ticket=shown.ticket,
        text=t("playground.confirm.question", model=model, amount=amount, money=present.fiat(worth)),
        button=t("playground.run.exact", amount=amount),
        again=again,
    )
