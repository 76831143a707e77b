"""The fare slip in words: lines, reason, steps, total, what is left afterwards, and what the Run button says. Pure."""

from dataclasses import dataclass
from typing import TypedDict

from app.catalogue.offers import Offer
from app.generation.preview import Preview
from app.kernel.ids import is_id
from app.kernel.money import Money
from app.kernel.text import t
from app.pricing.quote import Quote
from app.pricing.terms import BillingMode
from app.ui import present

LONGEST_TICKET = 80
MOST_DIGITS = 18


class SlipLine(TypedDict):
    text: str
    figure: str


class Slip(TypedDict):
    """Everything the slip and the Run button show. `status` is one of the fare slip's own; `ticket` names the price on
    the button, and the press brings it back: what is agreed to is what was seen, not what the server knows by then."""

    status: str
    lines: list[SlipLine]
    reason: str
    steps: list[str]
    version: str
    total: str
    at_most: str
    after_label: str
    after: str
    message: str
    advice: str
    button: str
    can_run: bool
    promise: str
    spoken: str
    brief: str
    brief_after: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A price as a customer saw it: the version and the most it may come to."""

    version_id: str
    maximum: Money

    @property
    def pair(self) -> tuple[str, int]:
        return self.version_id, self.maximum.micros

    @property
    def ticket(self) -> str:
        return f"{self.version_id}:{self.maximum.micros}"

    @classmethod
    def of_ticket(cls, ticket: object) -> "Shown | None":
        """What a press brought back; None for anything that was never a ticket of ours."""
        version_id, _, micros = str(ticket)[:LONGEST_TICKET].partition(":")
        if not is_id(version_id, "ver") or not micros.isascii() or not micros.isdigit() or len(micros) > MOST_DIGITS:
            return None
        return cls(version_id, Money(int(micros)))


@dataclass(frozen=True, slots=True)
class Stale:
    """The price the customer was shown when it turned out to have changed."""

    shown: Money


QUOTING: Slip = Slip(
    status="quoting",
    lines=[],
    reason="",
    steps=[],
    version="",
    total="",
    at_most="",
    after_label="",
    after="",
    message="",
    advice="",
    button="",
    can_run=False,
    promise="",
    spoken="",
    brief="",
    brief_after="",
    ticket="",
)


def slip_of(found: Preview, available: Money, stale: Stale | None = None, suspended: bool = False) -> Slip:
    """The slip of a draft's price against what can be spent."""
    if found.quote is None:
        return _without_price(found)
    quote, offer = found.quote, found.offer
    short = quote.maximum > available
    left = available - quote.maximum
    amount = present.credit_words(quote.maximum)
    slip = Slip(
        status="priced",
        lines=lines_of(quote),
        reason=reason_of(quote),
        steps=list(quote.steps),
        version=t("playground.slip.version", model=offer.alias, number=offer.version_number),
        total=present.credits(quote.total),
        at_most="" if quote.is_exact else present.credits(quote.maximum),
        after_label=t("playground.slip.after" if quote.is_exact else "playground.slip.after_at_least"),
        after="" if short else present.transition(available, left),
        message="",
        advice="",
        button=t("playground.run.exact" if quote.is_exact else "playground.run.at_most", amount=amount),
        can_run=not short and not suspended,
        promise=promise_of(offer),
        spoken=spoken(quote),
        brief=brief_of(quote),
        brief_after="" if short else t("playground.slip.brief_after", amount=present.credits(left)),
        ticket=Shown(offer.version_id, quote.maximum).ticket,
    )
    if suspended:
        return {**slip, "status": "cannot", "message": t("playground.suspended"), "advice": ""}
    if short:
        return {**slip, **_short(quote, available)}
    if stale is not None:
        return {**slip, **_stale(quote, stale, amount)}
    return slip


def lines_of(quote: Quote) -> list[SlipLine]:
    """`2 images × 16 … 32`, a line each."""
    return [SlipLine(text=_capital(line.text), figure=present.credits(line.total)) for line in quote.lines]


def reason_of(quote: Quote) -> str:
    """What made the rate: `Tier 1: quality = high`; the base price says so."""
    told = _rest(quote)
    if quote.branch is not None and told.startswith(t("pricing.in_tier", conditions="")):
        conditions = told.removeprefix(t("pricing.in_tier", conditions=""))
        return t("playground.slip.tier", number=quote.branch + 1, conditions=conditions)
    return told or t("playground.slip.base")


def brief_of(quote: Quote) -> str:
    """The collapsed slip of a small screen: `2 images × 16, tier 1`."""
    line = " + ".join(line.text for line in quote.lines[:2])
    return line if quote.branch is None else t("playground.slip.brief_tier", line=line, number=quote.branch + 1)


def spoken(quote: Quote) -> str:
    """What a screen reader hears of a changed price."""
    said = t("playground.slip.spoken", amount=present.credit_words(quote.total), lines=brief_of(quote))
    if quote.is_exact:
        return said
    return said + " " + t("playground.slip.spoken_at_most", amount=present.credit_words(quote.maximum))


def promise_of(offer: Offer) -> str:
    """What is paid for, under the Run button."""
    if offer.billing_mode is BillingMode.ON_SUBMIT:
        return t("playground.promise.on_submit" if offer.refund_on_failure else "playground.promise.no_refund")
    known = offer.modality if offer.modality in ("image", "video", "audio", "text") else "other"
    return t(f"playground.promise.{known}")


def _without_price(found: Preview) -> Slip:
    message = found.refusal or t("playground.slip.mend" if found.problems else "playground.slip.no_price")
    return {**QUOTING, "status": "cannot", "message": message, "button": t("playground.run.plain"), "spoken": message}


def _short(quote: Quote, available: Money) -> Slip:
    missing = present.shortfall(quote.maximum, available)
    words = t("playground.short.message", amount=missing)
    found = {"status": "short", "message": words, "advice": t("playground.short.advice"), "spoken": words}
    return found  # type: ignore[return-value]  # a part of one, laid over the whole


def _stale(quote: Quote, stale: Stale, amount: str) -> Slip:
    words = t("playground.stale.message", now=amount, before=present.credits(stale.shown))
    found = {
        "status": "stale",
        "message": words,
        "advice": t("playground.stale.advice"),
        "button": t("playground.stale.run", amount=amount),
        "spoken": words,
    }
    return found  # type: ignore[return-value]  # a part of one, laid over the whole


def _rest(quote: Quote) -> str:
    """The reason without the lines, which stand above it."""
    told = " + ".join(line.text for line in quote.lines if line.type != "minimum")
    raised = [line.text for line in quote.lines if line.type == "minimum"]
    parts = quote.reason.removeprefix(told).lstrip(", ").split(", ")
    return ", ".join(part for part in parts if part not in raised)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
