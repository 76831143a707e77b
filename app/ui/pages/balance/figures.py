"""The four figures and the lots: pure."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import TypedDict

from app.generation.report import Spending
from app.kernel.money import MICRO, Money, round_to
from app.kernel.text import t
from app.ledger.reads import LotView
from app.ledger.standing import SOON, Standing
from app.payments.lots import BoughtLot
from app.ui import present

KINDS = ("paid", "plan", "promo", "correction")
LONG_DAYS = 365
#: The price of one credit is rounded to this.
PRICE_STEP = Fraction(1, 1_000_000)
NOTHING_BOUGHT: Mapping[str, BoughtLot] = MappingProxyType({})


class Figures(TypedDict):
    available: str
    available_of: str
    held: str
    held_by: str
    running: str  # "true" while a job runs
    expiring: str
    expiring_when: str
    expiring_tone: str
    lasts: str
    lasts_at: str


class LotRow(TypedDict):
    label: str
    first: str
    left: str
    granted: str
    percent: str
    series: str
    origin: str
    href: str  # the order it came from
    ends: str
    tone: str


NO_FIGURES = Figures(
    available="",
    available_of="",
    held="",
    held_by="",
    running="",
    expiring="",
    expiring_when="",
    expiring_tone="neutral",
    lasts="",
    lasts_at="",
)


def figures(stands: Standing, month: Spending) -> Figures:
    """The strip; `month` is the spending of the last 30 days."""
    balance = stands.balance
    lasts, rate = outlook(balance.available, month)
    return Figures(
        available=present.credits(balance.available),
        available_of=made_of(stands),
        held=present.credits(balance.held),
        held_by=_held_by(stands.open_holds),
        running="true" if stands.open_holds else "",
        expiring=present.credits(stands.expiring),
        expiring_when=_expiring(stands),
        expiring_tone="thin" if stands.ending else "neutral",
        lasts=lasts,
        lasts_at=rate,
    )


def made_of(stands: Standing) -> str:
    """`42,306 paid + 6,000 promo − 96 held`: how Available comes about."""
    balance = stands.balance
    plus = [(kind, stands.left_of(kind)) for kind in KINDS] + [("limit", balance.credit_limit)]
    minus = [("owed", balance.owed), ("debt", balance.debt), ("held", balance.held)]
    text = " + ".join(_part(key, amount) for key, amount in plus if amount)
    for key, amount in minus:
        text += f" {present.MINUS} {_part(key, amount)}" if amount else ""
    return text.strip()


def _part(key: str, amount: Money) -> str:
    return t(f"balance.available.{key}", amount=present.credits(amount))


def _held_by(jobs: int) -> str:
    if jobs == 0:
        return t("balance.held.none")
    return t("balance.held.one") if jobs == 1 else t("balance.held.many", count=present.count(jobs))


def _expiring(stands: Standing) -> str:
    first = stands.first_end
    if first is None:
        return t("balance.expiring.none")
    same_day = len({lot.expires_at.date() for lot in stands.ending if lot.expires_at}) == 1
    return t(f"balance.expiring.{'on' if same_day else 'from'}", date=present.short_date(first))


def outlook(available: Money, spent: Spending) -> tuple[str, str]:
    """`11 days` and `at 4,162 a day`, from the average since the first charge within the window."""
    total = spent.total
    charged = [day for day in spent.days if spent.on(day, spent.models).micros > 0]
    if total.micros <= 0 or not charged:
        return present.NOTHING, t("balance.lasts.none")
    rate = Fraction(total.micros, (spent.days[-1] - charged[0]).days + 1)
    shown = round_to(rate / MICRO, 1 if rate >= 10 * MICRO else Fraction(1, 100))
    return _days(int(available.micros / rate)), t("balance.lasts.rate", amount=present.number(shown))


def _days(whole: int) -> str:
    if whole > LONG_DAYS:
        return t("balance.lasts.long")
    if whole < 1:
        return t("balance.lasts.less")
    return t("balance.lasts.day") if whole == 1 else t("balance.lasts.days", count=present.count(whole))


def lot_rows(
    stands: Standing, now: datetime, bought: Mapping[str, BoughtLot] = NOTHING_BOUGHT, most: int | None = None
) -> list[LotRow]:
    """The first `most` lots that hold something, the next to be used first; `bought` are the orders behind them."""
    several = len(stands.lots) > 1
    return [
        _lot_row(lot, position == 0 and several, now, bought.get(lot.id))
        for position, lot in enumerate(stands.lots[:most])
    ]


def _lot_row(lot: LotView, is_next: bool, now: datetime, order: BoughtLot | None) -> LotRow:
    share = Fraction(lot.remaining.micros * 100, lot.granted.micros or 1)
    ends, tone = _ends(lot.expires_at, now)
    return LotRow(
        label=lot.label,
        first=t("balance.lots.first") if is_next else "",
        left=present.credits(lot.remaining),
        granted=t("balance.lots.of", granted=present.credits(lot.granted)),
        percent=present.number(share, 0, 1).replace(",", ""),
        series="token" if lot.kind == "promo" else "1",
        origin=_origin(lot, order),
        href=f"/top-up?order={order.order_id}" if order else "",
        ends=ends,
        tone=tone,
    )


def _origin(lot: LotView, order: BoughtLot | None) -> str:
    """What a credit of this lot cost, or where it came from."""
    if order is not None and order.net is None:
        return t("balance.lots.bonus")
    if order is not None and order.net and order.credits:
        price = round_to(Fraction(order.net.amount) / Fraction(order.credits.amount), PRICE_STEP)
        return t("balance.lots.worth", price=present.cost(price, order.net.currency))
    if lot.cost_basis is not None and lot.cost_basis and lot.granted:
        price = round_to(Fraction(lot.cost_basis.micros, lot.granted.micros), PRICE_STEP)
        return t("balance.lots.worth", price=present.cost(price, lot.cost_basis.unit))
    return t(f"balance.lots.{'gift' if lot.kind == 'promo' else lot.kind}")


def _ends(at: datetime | None, now: datetime) -> tuple[str, str]:
    if at is None:
        return t("balance.lots.never"), "quiet"
    if at <= now:
        return t("balance.lots.ended", date=present.date(at)), "thin"
    if at - now > SOON:
        return t("balance.lots.later", date=present.date(at)), "quiet"
    days = (at - now).days
    if days == 0:
        return t("balance.lots.today"), "thin"
    left = t("balance.lots.day") if days == 1 else t("balance.lots.days", count=days)
    return t("balance.lots.soon", left=left, date=present.short_date(at)), "thin"
