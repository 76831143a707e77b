"""From lines to what is due: discounts on lines, discounts on the invoice, credits, then tax. PURE.

Every line is rounded to the currency before it is added up, so that an invoice can be checked by hand. What is taken
off the whole is allotted to the lines by the largest remainder. Credits pay for usage and not for fixed fees unless
their wallet says otherwise, and tax is owed on what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import NamedTuple

from app.kernel.fiat import Fiat, exponent, total
from app.kernel.money import allot


@dataclass(frozen=True, slots=True)
class Discount:
    """So much off, or so many per cent off."""

    off: Decimal = Decimal(0)
    percent: Decimal | None = None

    def of(self, amount: Fiat) -> Fiat:
        """What it takes off `amount`: never more than there is."""
        if self.percent is None:
            return min(Fiat.from_exact(self.off, amount.currency), amount)
        return min(Fiat.from_exact(Fraction(amount.amount) * Fraction(self.percent) / 100, amount.currency), amount)


class Purse(NamedTuple):
    """A wallet that is worth so much in the currency, and which lines it pays for. `ended` is what else is in it that
    is past its last day, by that: see `ended_credits.py`."""

    wallet: str
    worth: Fraction
    usage: bool = True
    fixed: bool = False
    ended: tuple[tuple[datetime, Fraction], ...] = ()

    def pays(self, line: "Line") -> bool:
        return self.usage if line.is_usage else self.fixed


@dataclass(frozen=True, slots=True)
class Line:
    """`amount` is exact."""

    amount: Fraction
    is_usage: bool = True
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True, slots=True)
class SettledLine:
    amount: Fiat
    discount: Fiat  # of the line and its share of the invoice's
    credits: Fiat

    @property
    def due(self) -> Fiat:
        return self.amount - self.discount - self.credits


@dataclass(frozen=True, slots=True)
class Due:
    """What an invoice comes to. `debits` says how much of which wallet paid for it, in the invoice's currency."""

    lines: tuple[SettledLine, ...]
    subtotal: Fiat
    discount: Fiat
    credits: Fiat
    tax: Fiat
    debits: Mapping[str, Fiat]

    @property
    def taxable(self) -> Fiat:
        return self.subtotal - self.discount - self.credits

    @property
    def total(self) -> Fiat:
        return self.taxable + self.tax


def settle(
    lines: Sequence[Line],
    currency: str,
    *,
    discounts: Sequence[Discount] = (),
    wallets: Sequence[Purse | tuple[str, Fraction]] = (),
    tax_percents: Sequence[Decimal] = (),
) -> Due:
    """`wallets` in the order in which they pay."""
    amounts = [Fiat.from_exact(line.amount, currency) for line in lines]
    after_own = [_after(line.discounts, amount) for line, amount in zip(lines, amounts, strict=True)]
    whole = total(after_own, currency)
    left = _spread(after_own, _after(discounts, whole))
    paid, debits = _pay(lines, left, [Purse(*each) for each in wallets], currency)
    settled = tuple(
        SettledLine(amount, amount - rest, credit) for amount, rest, credit in zip(amounts, left, paid, strict=True)
    )
    taxable = total((line.due for line in settled), currency)
    return Due(
        settled,
        total(amounts, currency),
        total((line.discount for line in settled), currency),
        total(paid, currency),
        total((tax_of(taxable, percent) for percent in tax_percents), currency),
        debits,
    )


def tax_of(taxable: Fiat, percent: Decimal) -> Fiat:
    """One rate on what is taxable, rounded once."""
    return Fiat.from_exact(Fraction(taxable.amount) * Fraction(percent) / 100, taxable.currency)


def _after(discounts: Sequence[Discount], amount: Fiat) -> Fiat:
    for discount in discounts:
        amount -= discount.of(amount)
    return amount


def _spread(parts: Sequence[Fiat], whole: Fiat) -> list[Fiat]:
    """The same proportions, adding up to `whole`."""
    if not whole:
        return [Fiat.zero(whole.currency) for _ in parts]
    return [Fiat(minor, whole.currency) for minor in allot(whole.minor, [Fraction(part.minor) for part in parts])]


def _pay(
    lines: Sequence[Line], payable: Sequence[Fiat], purses: Sequence[Purse], currency: str
) -> tuple[list[Fiat], dict[str, Fiat]]:
    open_minor, debits = [amount.minor for amount in payable], dict[str, Fiat]()
    for purse in purses:
        left, spent = floor(purse.worth * 10 ** exponent(currency)), 0  # what would be rounded up is not there
        for index, line in enumerate(lines):
            part = min(open_minor[index], left - spent) if purse.pays(line) else 0
            open_minor[index] -= part
            spent += part
        if spent:
            debits[purse.wallet] = Fiat(spent, currency)
    paid = [Fiat(amount.minor - still, currency) for amount, still in zip(payable, open_minor, strict=True)]
    return paid, debits
