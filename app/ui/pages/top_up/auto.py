"""Automatic top-up as text: how it stands, and the form it is agreed to in. Pure."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, TypedDict

from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.money import Money, plain
from app.kernel.text import t
from app.notify.words import reason
from app.payments.saved_card_rows import SavedCard
from app.payments.topup_rules import Mode, Rules, State
from app.payments.topup_settings import Preview, TopupView
from app.ui import present

MODES: Final = (str(Mode.FIXED), str(Mode.REFILL))
#: What is typed or chosen in the form.
FIELDS: Final = ("threshold", "mode", "amount", "refill_to", "month_cap", "charge_cap", "card")
TYPED: Final = ("threshold", "amount", "refill_to", "month_cap", "charge_cap")
LONGEST: Final = 20

Values = dict[str, str]


class AutoFacts(TypedDict):
    on: str  # "true" while it charges by itself
    threshold: str
    buys: str
    most: str
    spent: str
    card: str
    notice: str
    tone: str
    order_href: str  # the charge that waits for its owner


class CardRow(TypedDict):
    id: str
    name: str
    detail: str
    usable: str


class Option(TypedDict):
    value: str
    label: str


class PreviewWords(TypedDict):
    credits: str
    total: str
    tax: str
    at_once: str
    sentence: str
    wording: str


NO_FACTS: Final = AutoFacts(
    on="", threshold="", buys="", most="", spent="", card="", notice="", tone="neutral", order_href=""
)
NO_PREVIEW: Final = PreviewWords(credits="", total="", tax="", at_once="", sentence="", wording="")


def auto_facts(view: TopupView | None, waiting_order: str) -> AutoFacts:
    """How it stands; nothing much while nobody ever turned it on."""
    if view is None or view.state is State.OFF:
        return NO_FACTS
    rules = view.rules
    notice = ""
    if view.state is State.NEEDS_ACTION:
        notice = t("top_up.auto.needs_action")
    elif view.state is State.DISABLED:
        notice = t("top_up.auto.disabled", reason=reason(view.reason))
    elif view.failures:
        notice = t("top_up.auto.failing", reason=reason(view.reason or "charge_failed"))
    return AutoFacts(
        on="true" if view.state is State.ON else "",
        threshold=present.credits(rules.threshold),
        buys=buys(rules),
        most=present.fiat(rules.month_cap),
        spent=t("top_up.auto.spent", spent=present.fiat(view.standing.spent), most=present.fiat(rules.month_cap)),
        card=view.card.text if view.card else present.NOTHING,
        notice=notice,
        tone="loss" if view.state is State.DISABLED else "thin",
        order_href=f"/top-up?order={waiting_order}" if waiting_order else "",
    )


def buys(rules: Rules) -> str:
    """`€95.00 at list prices`, or `up to 20,000 credits`."""
    if rules.mode is Mode.FIXED and rules.amount is not None:
        return t("top_up.auto.buys_fixed", amount=present.fiat(rules.amount))
    return t("top_up.auto.buys_refill", credits=present.credit_words(rules.refill_to or Money(0)))


def card_rows(cards: Sequence[SavedCard], now: datetime) -> list[CardRow]:
    """The cards on file; one that ran out or is blocked is shown, and not charged."""
    return [
        CardRow(
            id=card.id,
            name=card.text,
            detail=t(
                f"top_up.card.{_standing(card, now)}", month=f"{card.exp_month:02d}", year=f"{card.exp_year % 100:02d}"
            ),
            usable="true" if _standing(card, now) == "active" else "",
        )
        for card in cards
    ]


def _standing(card: SavedCard, now: datetime) -> str:
    if not card.is_active:
        return "blocked"
    return "expired" if card.is_expired(now) else "active"


def card_options(rows: Sequence[CardRow]) -> list[Option]:
    return [Option(value=row["id"], label=row["name"]) for row in rows if row["usable"]]


def first_values(view: TopupView | None, cards: Sequence[CardRow], usual: Fiat) -> Values:
    """The form with what was agreed to before; at first with a package's price, `usual`."""
    usable = [row["id"] for row in cards if row["usable"]]
    values = dict.fromkeys(FIELDS, "") | {"mode": str(Mode.FIXED), "card": next(iter(usable), "")}
    if view is None:
        return values | {"threshold": "1000", "amount": f"{usual.amount:f}"}
    rules = view.rules
    known = view.card.id if view.card and view.card.id in usable else values["card"]
    return values | {
        "threshold": plain(rules.threshold.amount),
        "mode": str(rules.mode),
        "amount": f"{rules.amount.amount:f}" if rules.amount else "",
        "refill_to": plain(rules.refill_to.amount) if rules.refill_to else "",
        "month_cap": f"{rules.month_cap.amount:f}",
        "charge_cap": f"{rules.charge_cap.amount:f}" if rules.charge_cap else "",
        "card": known,
    }


def rules_of(values: Values, currency: str) -> Rules:
    """The rules a form describes; `InvalidInput` with the `param` that is no figure."""
    mode = Mode(values["mode"])
    return Rules(
        threshold=_credits(values, "threshold"),
        mode=mode,
        month_cap=_money(values, "month_cap", currency),
        amount=_money(values, "amount", currency) if mode is Mode.FIXED else None,
        refill_to=_credits(values, "refill_to") if mode is Mode.REFILL else None,
        charge_cap=_money(values, "charge_cap", currency) if values["charge_cap"].strip() else None,
    )


def preview_words(preview: Preview) -> PreviewWords:
    """One charge by these rules, and the sentence that is agreed to."""
    total = present.fiat(preview.total)
    return PreviewWords(
        credits=present.credit_words(preview.credits),
        total=total,
        tax=t("top_up.auto.with_tax", tax=present.fiat(preview.tax.total_tax)) if preview.tax.total_tax else "",
        at_once=t("top_up.auto.at_once", total=total) if preview.at_once else "",
        sentence=preview.sentence,
        wording=preview.wording,
    )


def _credits(values: Values, param: str) -> Money:
    try:
        return Money.from_exact(_figure(values[param]))
    except (InvalidOperation, ValueError, OverflowError):
        raise InvalidInput(t("top_up.auto.wrong_credits"), param=param) from None


def _money(values: Values, param: str, currency: str) -> Fiat:
    try:
        return Fiat.parse(_figure(values[param]), currency)
    except (InvalidOperation, ValueError, OverflowError):
        raise InvalidInput(t("top_up.auto.wrong_money", currency=currency), param=param) from None


def _figure(text: str) -> Decimal:
    """`1,000` and `1000.50`; anything else raises."""
    found = Decimal(text.replace(",", "").replace(" ", ""))
    if not found.is_finite():
        raise ValueError(f"{text!r} is no figure")
    return found
