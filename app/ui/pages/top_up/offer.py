"""What is for sale, and what the chosen package comes to: pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final, TypedDict

from app.invoicing.parties import Bank, Buyer
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.money import Money
from app.kernel.text import t
from app.payments.cashier import PriceTag
from app.ui import present
from app.ui.pages.billing.words import tax_words

CARD, TRANSFER = "card", "transfer"
METHODS: Final = (CARD, TRANSFER)
RATE_PER: Final = 1_000


class PackageCard(TypedDict):
    id: str  # of the version: what is ordered
    title: str
    summary: str
    credits: str
    bonus: str
    saving: str
    total: str
    net_and_tax: str
    rate: str
    lasts: str
    is_enquiry: str  # "true" for one that is agreed upon
    package_id: str


class Summary(TypedDict):
    title: str
    credits: str
    bonus: str
    net: str
    tax_label: str
    tax: str
    buyer: str
    total: str
    balance: str
    button: str
    spoken: str
    problem: str  # a code while the final amount is not known


class BankLine(TypedDict):
    label: str
    value: str
    mono: str  # "true" for what is copied letter by letter


NO_SUMMARY: Final = Summary(
    title="", credits="", bonus="", net="", tax_label="", tax="", buyer="", total="", balance="", button="", spoken="",
    problem="",
)  # fmt: skip


def package_cards(tags: Sequence[PriceTag]) -> list[PackageCard]:
    """The cards in order; savings are against the dearest credit on the page."""
    rates = [rate for tag in tags if (rate := rate_of(tag)) is not None]
    return [_card(tag, max(rates, default=None)) for tag in tags]


def rate_of(tag: PriceTag) -> Fraction | None:
    """The net price of one credit, bonus counted; None where nothing has a price."""
    content = tag.package.content
    got = content.credits.micros + content.bonus.micros
    return Fraction(tag.price.amount) * 1_000_000 / got if tag.price is not None and got else None


def _card(tag: PriceTag, dearest: Fraction | None) -> PackageCard:
    package, content, rate = tag.package, tag.package.content, rate_of(tag)
    card = PackageCard(
        id=package.version_id,
        title=content.title,
        summary=content.summary,
        credits=present.credits(content.credits),
        bonus=t("top_up.package.bonus", credits=present.credits(content.bonus)) if content.bonus else "",
        saving="",
        total="",
        net_and_tax="",
        rate="",
        lasts=lasts(content.expires_days),
        is_enquiry="true" if package.is_enquiry else "",
        package_id=package.id,
    )
    if tag.price is None or rate is None:
        return card
    unit = present.per_many(rate * RATE_PER, tag.price.currency)
    card["rate"] = t("top_up.package.rate", price=unit, count=present.count(RATE_PER))
    card["total"] = present.fiat(tag.total or tag.price)
    card["net_and_tax"] = net_and_tax(tag.tax) if tag.tax else t("top_up.package.before_tax")
    if dearest and (percent := int((1 - rate / dearest) * 100)) > 0:
        card["saving"] = t("top_up.package.saving", percent=percent)
    return card


def net_and_tax(tax: TaxSnapshot) -> str:
    """`€95.00 + €18.05 VAT`, or that there is no tax."""
    charged = [rate for rate in tax.rates if rate.amount]
    if not charged:
        return t("top_up.package.no_tax")
    kinds = " + ".join(dict.fromkeys(rate.type for rate in charged))
    return t("top_up.package.net_and_tax", net=present.fiat(tax.total_net), tax=present.fiat(tax.total_tax), kind=kinds)


def lasts(days: int | None) -> str:
    return t("top_up.package.for_ever") if days is None else t("top_up.package.days", days=present.count(days))


def summary(tag: PriceTag, available: Money, method: str, now: datetime) -> Summary:
    """The slip beside the packages: every line of the order, and what the balance becomes."""
    content = tag.package.content
    got = content.credits + content.bonus
    shown: Summary = {
        **NO_SUMMARY,
        "title": content.title,
        "credits": credits_until(content.credits, content.expires_days, now),
        "bonus": bonus_until(content.bonus, content.bonus_expires_days, now),
        "net": present.fiat(tag.price) if tag.price else "",
        "balance": present.transition(available, available + got),
        "problem": tag.problem,
    }
    if tag.tax is None:
        return shown
    total = present.fiat(tag.tax.total_gross)
    shown["net"] = present.fiat(tag.tax.total_net)
    shown["tax_label"] = tax_label(tag.tax)
    shown["tax"] = present.fiat(tag.tax.total_tax)
    shown["buyer"] = buyer_line(tag.tax.buyer)
    shown["total"] = total
    shown["button"] = t(f"top_up.button.{method}", total=total)
    shown["spoken"] = t("top_up.spoken", credits=present.credit_words(got), total=total)
    return shown


def tax_label(tax: TaxSnapshot) -> str:
    """`19% VAT, Germany`; without tax, why in two words."""
    words = tax_words(tax)["headline"]
    return words if tax.total_tax else t("top_up.slip.no_tax", why=words)


def credits_until(credits: Money, days: int | None, now: datetime) -> str:
    """`100,000 credits, valid until 21 Nov 2027`."""
    words = present.credit_words(credits)
    if days is None:
        return t("top_up.slip.for_ever", credits=words)
    return t("top_up.slip.until", credits=words, date=present.date(now + timedelta(days=days)))


def bonus_until(bonus: Money, days: int | None, now: datetime) -> str:
    """The same of what comes on top; empty where nothing does."""
    return t("top_up.slip.bonus", credits=credits_until(bonus, days, now)) if bonus else ""


def buyer_line(buyer: Buyer) -> str:
    """`Halfmoon Studio GmbH, Hamburg`."""
    return ", ".join(part for part in (buyer.title, buyer.address.city) if part)


def bank_lines(bank: Bank, reference: str = "") -> list[BankLine]:
    """Where a transfer goes; what there is of it."""
    lines = [
        ("reference", reference, "true"),
        ("holder", bank.holder, ""),
        ("iban", grouped(bank.iban), "true"),
        ("bic", bank.bic, "true"),
        ("bank", bank.bank, ""),
        ("note", bank.note, ""),
    ]
    return [
        BankLine(label=t(f"top_up.bank.{name}"), value=value, mono=mono) for name, value, mono in lines if value.strip()
    ]


def grouped(iban: str) -> str:
    """An IBAN as it is printed: in fours."""
    bare = "".join(iban.split())
    return " ".join(bare[start : start + 4] for start in range(0, len(bare), 4))
