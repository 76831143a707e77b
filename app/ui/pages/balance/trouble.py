"""What stands between a workspace and its credits: nothing left, a debt, a freeze. Pure."""

from collections.abc import Sequence
from typing import TypedDict

from app.kernel.text import sentences, t
from app.ledger.asides import FreezeView
from app.ledger.reads import Balance
from app.ui import present


class Trouble(TypedDict):
    name: str
    title: str
    sentence: str
    tone: str
    buys: str  # "true" where credits would mend it


def troubles(balance: Balance, freezes: Sequence[FreezeView]) -> list[Trouble]:
    """The gravest first. A debt is told with the freeze it causes."""
    found = []
    others = [freeze for freeze in freezes if freeze.reason != "debt"]
    if balance.debt:
        found.append(_trouble("debt", "loss", buys=True, amount=present.credit_words(balance.debt)))
    if others or (balance.frozen and not balance.debt):
        reason = others[0].reason if others else ""
        name = f"frozen_{reason}" if f"balance.trouble.frozen_{reason}.title" in sentences() else "frozen_other"
        found.append(_trouble(name, "loss"))
    if balance.set_aside:
        found.append(_trouble("set_aside", "thin", amount=present.credit_words(balance.set_aside)))
    if balance.available.micros <= 0 and not found:
        found.append(_trouble("empty", "thin", buys=True))
    return found


def _trouble(name: str, tone: str, *, buys: bool = False, **words: str) -> Trouble:
    return Trouble(
        name=name,
        title=t(f"balance.trouble.{name}.title", **words),
        sentence=t(f"balance.trouble.{name}.sentence", **words),
        tone=tone,
        buys="true" if buys else "",
    )
