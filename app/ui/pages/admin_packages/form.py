"""The package and code forms: text in, checked values out. Pure."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final, TypedDict

from app.kernel.errors import InvalidInput
from app.kernel.fiat import CURRENCIES, Fiat
from app.kernel.money import Money
from app.kernel.text import t
from app.payments.packages import Content, Kind, Package
from app.payments.promo import Code, Offer
from app.ui import present
from app.ui.pages.admin_customers.rows import credits_of
from app.ui.pages.admin_orders.rows import fiat_of

FIELDS: Final = ("title", "summary", "credits", "bonus", "expires_days", "bonus_expires_days", "note")
CODE_FIELDS: Final = ("label", "credits", "most_claims", "credits_expire_days", "valid_until", "count", "code")
KINDS: Final = tuple(str(kind) for kind in Kind)
USUAL: Final = ("EUR", "USD")
PER: Final = 1_000  # credits a unit price is shown for

Values = dict[str, str]


class PriceField(TypedDict):
    currency: str
    text: str


class PackageRow(TypedDict):
    id: str
    kind: str
    kind_words: str
    title: str
    summary: str
    credits: str
    bonus: str
    prices: str
    lasts: str
    version: str
    on_sale: bool
    is_enquiry: bool


class VersionRow(TypedDict):
    number: str
    title: str
    what: str
    who: str
    time: str
    note: str
    live: bool


class CodeRow(TypedDict):
    id: str
    hint: str
    label: str
    credits: str
    claims: str
    until: str
    state: str
    tone: str
    is_on: bool


class PreviewPrice(TypedDict):
    currency: str
    price: str
    unit: str


def package_row(one: Package) -> PackageRow:
    """A package as it is sold now."""
    content = one.content
    return {
        "id": one.id,
        "kind": str(one.kind),
        "kind_words": t(f"admin_packages.kind.{one.kind}"),
        "title": content.title,
        "summary": content.summary,
        "credits": present.credits(content.credits) if not one.is_enquiry else "",
        "bonus": t("admin_packages.bonus", credits=present.credits(content.bonus)) if content.bonus else "",
        "prices": f" {present.DOT} ".join(present.fiat(price) for price in content.prices.values()),
        "lasts": lasts(content.expires_days),
        "version": t("admin_packages.version", number=one.number),
        "on_sale": not one.is_archived,
        "is_enquiry": one.is_enquiry,
    }


def version_row(one: Package, who: str) -> VersionRow:
    """One version of a package, as its history lists it."""
    content = one.content
    parts = [
        present.credit_words(content.credits) if content.credits else "",
        t("admin_packages.bonus", credits=present.credits(content.bonus)) if content.bonus else "",
        ", ".join(present.fiat(price) for price in content.prices.values()),
        lasts(content.expires_days),
    ]
    return {
        "number": t("admin_packages.version", number=one.number),
        "title": content.title,
        "what": f" {present.DOT} ".join(part for part in parts if part),
        "who": who,
        "time": present.full_moment(one.published_at).rsplit(":", 1)[0],
        "note": one.note,
        "live": one.is_live,
    }


def lasts(days: int | None) -> str:
    return t("admin_packages.lasts", days=present.plural(days, "day")) if days else t("admin_packages.forever")


def values_of(one: Package | None) -> tuple[Values, list[PriceField]]:
    """What the form starts with."""
    if one is None:
        return dict.fromkeys(FIELDS, ""), [{"currency": currency, "text": ""} for currency in USUAL]
    content = one.content
    values = {
        "title": content.title,
        "summary": content.summary,
        "credits": _plain(content.credits),
        "bonus": _plain(content.bonus) if content.bonus else "",
        "expires_days": str(content.expires_days or ""),
        "bonus_expires_days": str(content.bonus_expires_days or ""),
        "note": "",
    }
    return values, [{"currency": each, "text": f"{price.amount:f}"} for each, price in content.prices.items()]


def content_of(kind: str, values: Values, prices: list[PriceField]) -> Content:
    """Raises InvalidInput whose `param` is the field's name; a currency left empty is not sold in."""
    if kind == Kind.ENTERPRISE:
        return Content(values["title"], values["summary"], expires_days=_days(values, "expires_days"))
    return Content(
        title=values["title"],
        summary=values["summary"],
        credits=_credits(values["credits"], "credits"),
        bonus=_credits(values["bonus"], "bonus") if values["bonus"].strip() else Money.zero(),
        prices={
            each["currency"]: fiat_of(each["text"], each["currency"], "prices")
            for each in prices
            if each["text"].strip()
        },
        expires_days=_days(values, "expires_days"),
        bonus_expires_days=_days(values, "bonus_expires_days"),
    )


def previews(content: Content) -> list[PreviewPrice]:
    """What the customer's card says for each currency, before their tax."""
    return [
        {"currency": currency, "price": present.fiat(price), "unit": unit_price(price, content.credits)}
        for currency, price in content.prices.items()
        if content.credits
    ]


def unit_price(price: Fiat, credits: Money) -> str:
    """`€0.95 per 1,000 credits`: the bonus is not counted."""
    each = Fraction(price.amount) * PER / Fraction(credits.amount)
    rounded = Fiat.from_exact(each, price.currency)
    said = present.fiat(rounded) if rounded.amount == each else present.cost(each, price.currency)
    return t("admin_packages.per", price=said, count=present.count(PER))


def currency_of(text: str) -> str:
    """A code as people type it; InvalidInput names `currency`."""
    code = text.strip().upper()
    if code not in CURRENCIES:
        raise InvalidInput(t("admin_packages.wrong.currency"), param="currency")
    return code


def code_row(code: Code, at: datetime) -> CodeRow:
    """A code; of the code itself only its end is known."""
    over = code.valid_until is not None and code.valid_until <= at
    state = (
        "disabled" if code.disabled_at else "over" if over else "used" if code.claims >= code.most_claims else "valid"
    )
    return {
        "id": code.id,
        "hint": f"…{code.hint}",
        "label": code.label,
        "credits": present.credits(code.credits),
        "claims": t("admin_packages.code.of", claims=present.count(code.claims), most=present.count(code.most_claims)),
        "until": present.date(code.valid_until - timedelta(seconds=1))
        if code.valid_until
        else t("admin_packages.code.always"),
        "state": t(f"admin_packages.code.state.{state}"),
        "tone": "good" if state == "valid" else "neutral",
        "is_on": state == "valid",
    }


def offer_of(values: Values) -> Offer:
    """Raises InvalidInput whose `param` is the field's name."""
    return Offer(
        label=values["label"],
        credits=_credits(values["credits"], "credits"),
        most_claims=_whole(values, "most_claims") or 1,
        credits_expire_days=_days(values, "credits_expire_days"),
        valid_until=_end(values["valid_until"]),
    )


def count_of(values: Values) -> int:
    return _whole(values, "count") or 1


def _end(day: str) -> datetime | None:
    if not day.strip():
        return None
    try:
        return datetime.strptime(day.strip(), "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except ValueError:
        raise InvalidInput(t("admin_orders.wrong.day"), param="valid_until") from None


def _credits(text: str, param: str) -> Money:
    try:
        return credits_of(text)
    except InvalidInput as wrong:
        raise InvalidInput(wrong.message, param=param) from None


def _days(values: Values, name: str) -> int | None:
    return _whole(values, name)


def _whole(values: Values, name: str) -> int | None:
    clean = values[name].strip().replace(",", "")
    if not clean:
        return None
    if not (clean.isascii() and clean.isdigit() and len(clean) <= 6 and int(clean) > 0):
        raise InvalidInput(t("admin_packages.wrong.whole"), param=name)
    return int(clean)


def _plain(credits: Money) -> str:
    return present.credits(credits).replace(",", "")
