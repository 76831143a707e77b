"""Paying afterwards as an operator reads it, and the form that agrees on it. PURE but for the words."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypedDict

from app.billing.limits import Suggestion
from app.billing.postpaid import Agreed
from app.billing.wallets import MOST_RATE
from app.kernel.errors import InvalidInput
from app.kernel.given import Given
from app.kernel.money import Money, plain
from app.kernel.text import t
from app.ledger.reads import Balance
from app.plans import customers
from app.ui import present
from app.ui.pages.admin_customers.rows import credits_of

FIELDS: Final = ("limit", "currency", "credit_price", "net_days")
TONES: Final[Mapping[str, str]] = {"": "good", "reminded": "thin", "warned": "thin", "restricted": "loss"}
COUNTED: Final = ("overdue", "disputes", "too_new")
MOST_DAYS: Final = 120


class Terms(TypedDict):
    """`active` is "true" where they pay afterwards."""

    active: str
    known: str  # "true" where they ever did
    limit: str
    owed: str
    free: str
    percent: str  # of the limit that is used
    price: str
    days: str
    closed: str
    dunning: str
    tone: str
    suggested: str
    suggested_limit: str  # as it is typed; "" for none


NO_TERMS: Final = Terms(**dict.fromkeys(Terms.__annotations__, ""))  # type: ignore[typeddict-item]


def terms_of(row: Any, balance: Balance, suggested: Suggestion) -> Terms:
    """How a workspace pays. `row` is None for one that never paid afterwards."""
    limit, owed = balance.credit_limit, balance.owed
    state = row.dunning if row is not None else ""
    share = min(Decimal(owed.micros) / limit.micros * 100, Decimal(100)) if limit.micros else Decimal(0)
    worth = Decimal(row.credit_price) if row is not None else Decimal(0)
    return Terms(
        active="true" if row is not None and row.active else "",
        known="true" if row is not None else "",
        limit=present.credits(limit),
        owed=present.credits(owed),
        free=present.credits(Money(max(0, limit.micros - owed.micros))),
        percent=f"{share:.0f}",
        price=present.cost(worth, row.currency) if row is not None else "",
        days=t("admin_customers.postpaid.net", days=row.net_days) if row is not None else "",
        closed=present.date(row.closed_until) if row is not None else "",
        dunning=t(f"admin_customers.postpaid.dunning.{state or 'none'}"),
        tone=TONES.get(state, "thin"),
        suggested=present.credits(Money(suggested.limit)),
        suggested_limit=plain(Money(suggested.limit).amount) if suggested.limit else "",
    )


def reasons_of(suggested: Suggestion) -> list[str]:
    """Every step that led to the suggested limit, in words."""
    return [told(step, figure) for step, figure in suggested.steps]


def told(step: str, figure: int) -> str:
    shown = present.count(figure) if step in COUNTED else present.credits(Money(figure))
    return t(f"period.suggested.{step}", figure=shown)


def first_values(row: Any, balance: Balance, credit_value: Decimal) -> dict[str, str]:
    """What the form starts with: the terms as they are, else the list price of a credit."""
    if row is None:
        return {"limit": "", "currency": "USD", "credit_price": plain(credit_value), "net_days": "30"}
    limit = plain(balance.credit_limit.amount) if balance.credit_limit.micros else ""
    return {"limit": limit, "currency": row.currency, "credit_price": row.credit_price, "net_days": str(row.net_days)}


def agreed_of(values: Mapping[str, str]) -> tuple[Money, Agreed]:
    """The form as terms; `InvalidInput` names the field."""
    try:
        limit = credits_of(values["limit"])
    except InvalidInput as refused:
        raise InvalidInput(refused.message, param="limit") from None
    given = Given({name: values[name].strip().replace(",", "") for name in FIELDS})
    days = given.raw["net_days"]
    if not (days.isascii() and days.isdigit() and int(days) <= MOST_DAYS):
        raise InvalidInput(t("admin_customers.wrong.net_days", most=MOST_DAYS), param="net_days")
    price = given.decimal("credit_price", above=Decimal(0), most=MOST_RATE)
    return limit, Agreed(customers.currency(given), price, int(days))


def limit_words(values: Mapping[str, str]) -> str:
    """What the button says: the limit as far as it is typed."""
    try:
        return t("admin_customers.postpaid.give", amount=present.credit_words(credits_of(values["limit"])))
    except InvalidInput:
        return t("admin_customers.postpaid.give_none")
