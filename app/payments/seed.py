"""The demo's packages and terms: examples to change, not advice."""

import tomllib
from pathlib import Path

from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.cashier import Cashier
from app.payments.packages import Content, Kind

FILE = Path(__file__).with_name("seed.toml")


def seed_payments(cashier: Cashier, *, actor: str) -> None:
    """Publish the example packages and terms where there are none; running it again changes nothing."""
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))
    if cashier.terms.current() is None:
        cashier.terms.publish(**given["terms"], note="Example", actor=actor)
    if not cashier.packages.all():
        for package in given["package"]:
            cashier.packages.publish(_content(package), kind=Kind(package["kind"]), note="Example", actor=actor)


def _content(given: dict[str, object]) -> Content:
    prices = given.get("prices", {})
    assert isinstance(prices, dict)  # noqa: S101 - our own file
    return Content(
        title=str(given["title"]),
        summary=str(given["summary"]),
        credits=Money.from_exact(int(str(given.get("credits", 0)))),
        bonus=Money.from_exact(int(str(given.get("bonus", 0)))),
        prices={currency: Fiat.parse(price, currency) for currency, price in prices.items()},
        expires_days=_days(given.get("expires_days")),
        bonus_expires_days=_days(given.get("bonus_expires_days")),
    )


def _days(given: object) -> int | None:
    return None if given is None else int(str(given))
