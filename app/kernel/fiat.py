"""Fiat money: a whole number of a currency's smallest unit, and how the payment provider writes the same amount.

Credits are `kernel.money.Money`; what a customer pays is a `Fiat`. The two never mix and neither is ever a float.
Exponents are those of ISO 4217; the provider's differ for a few currencies, and an amount that it cannot express is
refused rather than rounded.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from app.kernel.errors import AmountTooLarge
from app.kernel.money import MAX_MICROS, Exact, Money, Rounding, exact, fraction, round_to

_CODES: Final = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR
MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG
XOF XPF YER ZAR ZMW ZWG
"""
_WHOLE: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS: Final = "BHD IQD JOD KWD LYD OMR TND"
CURRENCIES: Final = frozenset(_CODES.split())
_ISO_ODD: Final = {**dict.fromkeys(_WHOLE.split(), 0), **dict.fromkeys(_THOUSANDTHS.split(), 3)}
#: Where Stripe's number of decimals is not ISO's. ISK and UGX are sent with two decimals that must be zero.
_STRIPE_ODD: Final = {"MGA": 0, "ISK": 2, "UGX": 2}
_STRIPE_THREE_DECIMALS_END_IN: Final = 10
_FIGURE: Final = re.compile(r"-?\d+(\.\d+)?")


def exponent(currency: str) -> int:
    """How many decimals the currency has by ISO 4217; a code we do not know raises `ValueError`."""
    if currency not in CURRENCIES:
        raise ValueError(f"{currency!r} is not a currency code we know (three capital letters, ISO 4217)")
    return _ISO_ODD.get(currency, 2)


@dataclass(frozen=True, slots=True, order=True)
class Fiat:
    """`minor` smallest units of `currency`: Fiat(1999, "EUR") is 19.99 EUR. Two currencies never mix."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units must be an int, not {self.minor!r}")
        if abs(self.minor) > MAX_MICROS:
            raise AmountTooLarge.of(self.minor, self.currency)
        exponent(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    @classmethod
    def parse(cls, figure: str | int | Decimal, currency: str) -> Self:
        """`Fiat.parse("19.99", "EUR")`; more decimals than the currency has raise `ValueError`."""
        if isinstance(figure, str) and not _FIGURE.fullmatch(figure):
            raise ValueError(f"{figure!r} is not an amount such as 19.99")
        minor = exact(figure).scaleb(exponent(currency))
        if minor != minor.to_integral_value():
            raise ValueError(f"{figure} has more decimals than {currency} ({exponent(currency)})")
        return cls(int(minor), currency)

    @classmethod
    def from_exact(cls, amount: Exact, currency: str, mode: Rounding = Rounding.HALF_UP) -> Self:
        """An exact figure in whole units, rounded once to the currency's smallest unit."""
        return cls(int(round_to(fraction(amount) * 10 ** exponent(currency), 1, mode)), currency)

    @property
    def amount(self) -> Decimal:
        """The figure in whole units with exactly the currency's decimals: `19.99`, `1500`."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    @property
    def money(self) -> Money:
        """The same amount in millionths, as the ledger keeps it."""
        return Money.from_exact(self.amount, self.currency)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.minor, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same(self, other: Self) -> int:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other.minor


def psp_exponent(currency: str) -> int:
    """How many decimals Stripe counts for the currency."""
    return _STRIPE_ODD.get(currency, exponent(currency))


def psp_minor(fiat: Fiat) -> int:
    """The integer Stripe takes for this amount; `ValueError` when it cannot charge that exactly."""
    figure = fiat.amount.scaleb(psp_exponent(fiat.currency))
    minor = int(figure)
    if minor != figure or (psp_exponent(fiat.currency) == 3 and minor % _STRIPE_THREE_DECIMALS_END_IN):
        raise ValueError(f"The payment provider cannot charge exactly {fiat}: it takes fewer decimals of that currency")
    return minor


def chargeable_part(fiat: Fiat) -> Fiat:
    """The most of this amount that the provider can charge or give back."""
    decimals = psp_exponent(fiat.currency)
    step = 10 ** max(0, exponent(fiat.currency) - decimals)
    step *= _STRIPE_THREE_DECIMALS_END_IN if decimals == 3 else 1
    return Fiat(fiat.minor - fiat.minor % step, fiat.currency)


def is_chargeable(fiat: Fiat) -> bool:
    """Whether the provider can charge exactly this."""
    return chargeable_part(fiat) == fiat


def from_psp(minor: int, currency: str) -> Fiat:
    """What Stripe reports, as ours. Its currency codes are lower case."""
    code = currency.upper()
    return Fiat.parse(Decimal(minor).scaleb(-psp_exponent(code)), code)


def total(amounts: Iterable[Fiat], currency: str) -> Fiat:
    """The sum, zero of `currency` when there is nothing to add."""
    return sum(amounts, Fiat.zero(currency))
