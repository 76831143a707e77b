"""Why it cost what it cost: one sentence, and the lines that add up to the charge. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.catalogue.offers import Offer
from app.catalogue.price_words import conditions_in_words
from app.generation.statement import asked_for
from app.generation.story import Story
from app.kernel.errors import FareboxError
from app.kernel.money import Money
from app.kernel.text import t
from app.pricing import wording
from app.pricing.conditions import Condition
from app.pricing.quote import Quote, QuoteLine
from app.ui import present
from app.ui.pages.request_trace.facts import SlipLine


@dataclass(frozen=True, slots=True)
class Why:
    title: str
    sentence: str
    lines: list[SlipLine]
    total_label: str
    total: str


def why(story: Story, offer: Offer | None, missing: int) -> Why:
    """The explanation; `offer` is the version it was priced by (None when that cannot be read any more)."""
    row = story.seen.row
    asked = Quote.from_json(row["estimate"])
    if row["charged_micros"] is None:
        return _held(story, asked, offer)
    if not story.seen.files and not row["charged_micros"]:
        message = row["error_message"] or t("pricing.nothing_delivered")
        return Why(t("trace.why.title_none"), message, [], t("trace.why.charged"), present.credits(0))
    charged = Quote.from_json(row["final"]) if row["final"] else asked
    total = Money(int(row["charged_micros"]))
    lines = [SlipLine(label=line.text, figure=present.credits(line.total), quiet="") for line in charged.lines]
    lines += _not_delivered(charged, missing)
    sentences = [_asked(asked), _arrived(charged, asked, missing), _price(charged, offer, row["params"])]
    if charged.total > total:
        sentences.append(t("trace.why.absorbed", credits=present.credit_words(charged.total - total)))
    title = t("trace.why.title", credits=present.credit_words(total))
    return Why(title, _joined(sentences), lines, t("trace.why.charged"), present.credits(total))


def _held(story: Story, asked: Quote, offer: Offer | None) -> Why:
    held = Money(int(story.seen.row["hold_micros"]))
    lines = [SlipLine(label=line.text, figure=present.credits(line.total), quiet="") for line in asked.lines]
    sentence = _joined([_asked(asked), _price(asked, offer, story.seen.row["params"])])
    title = t("trace.why.title_held", credits=present.credit_words(held))
    return Why(title, sentence, lines, t("trace.why.held"), present.credits(held))


def _asked(quote: Quote) -> str:
    what = asked_for(quote)
    return t("trace.why.asked", what=what) if what and not _is_fixed(quote) else ""


def _arrived(charged: Quote, asked: Quote, missing: int) -> str:
    """How what came compares with what was asked for."""
    one = _only(charged)
    if missing and one is not None and one.metric == "image_count":
        return t("trace.why.arrived", count=present.count(int(one.quantity)))
    measured, wanted = asked_for(charged), asked_for(asked)
    if measured and wanted and measured != wanted:
        return t("trace.why.measured_less", measured=measured, asked=wanted)
    return ""


def _price(quote: Quote, offer: Offer | None, params: dict[str, object]) -> str:
    """`Each costs 16 because quality is high.`"""
    one = _only(quote)
    if _is_fixed(quote):
        return t("trace.why.fixed", price=present.credit_words(quote.total))
    if one is None or quote.total != one.total:
        return t("trace.why.reason", reason=quote.reason) if quote.reason else ""
    conditions = because(quote, offer, params)
    names = {
        "price": _unit_price(one),
        "because": t("trace.why.because", conditions=conditions) if conditions else "",
    }
    if one.metric == "image_count":
        return t("trace.why.each", **names)
    unit = wording.unit_word(one.metric, one=True)
    return t("trace.why.each_unit", unit=unit, **names)


def because(quote: Quote, offer: Offer | None, params: dict[str, object]) -> str:
    """The conditions that decided the price: the tier in force and every adjustment that applied."""
    if offer is None:
        return ""
    branches = offer.card.branches
    tier = branches[quote.branch].when if quote.branch is not None and quote.branch < len(branches) else ()
    try:
        applied: Sequence[Condition] = [one.when for one in offer.card.priced(params).attributes]
    except FareboxError:
        applied = []  # the request was priced then; what the card says to it today is no part of that
    words = conditions_in_words([*tier, *applied], offer.schema)
    return words[:1].lower() + words[1:]


def _not_delivered(charged: Quote, missing: int) -> list[SlipLine]:
    one = _only(charged)
    if not missing or one is None or one.metric != "image_count":
        return []
    label = t("trace.why.missing_line", count=missing, price=_unit_price(one))
    return [SlipLine(label=label, figure="0", quiet="true")]


def _unit_price(line: QuoteLine) -> str:
    price: Decimal = line.unit_price
    return wording.number(Fraction(price))


def _only(quote: Quote) -> QuoteLine | None:
    """The line, where one usage line is the whole price."""
    return quote.lines[0] if len(quote.lines) == 1 and quote.lines[0].type == "usage" else None


def _is_fixed(quote: Quote) -> bool:
    return len(quote.lines) == 1 and quote.lines[0].type == "fixed"


def _joined(sentences: Sequence[str]) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
