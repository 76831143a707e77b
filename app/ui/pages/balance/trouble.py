"""What stands between a workspace and its credits: nothing left, a debt, a freeze; and what refills it. Pure."""

from collections.abc import Sequence
from typing import TypedDict

from app.kernel.text import sentences, t
from app.ledger.asides import FreezeView
from app.ledger.reads import Balance
from app.payments.topup_rules import State
from app.payments.topup_settings import TopupView
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


def auto_words(view: TopupView | None) -> tuple[str, str]:
    """Automatic top-up in a line, and its tone."""
    if view is None or view.state is State.OFF:
        return t("balance.auto.off"), "neutral"
    if view.state is State.ON:
        tone = "thin" if view.failures else "good"
        words = "failing" if view.failures else "on"
        return t(f"balance.auto.{words}", credits=present.credits(view.rules.threshold)), tone
    tone = "loss" if view.state is State.DISABLED else "thin"
    return t(f"balance.auto.{view.state}"), tone
