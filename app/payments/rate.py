"""How many credits money buys when the amount is free (auto top-up, an amount of one's own). PURE.

Credits come from the net amount: tax is not ours to give away. The figure is rounded down to a whole micro-credit, in
the seller's favour, so that no sequence of tiny purchases ever adds up to more than one large one.
"""

from dataclasses import dataclass
from fractions import Fraction

from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.money import MICRO, Money


@dataclass(frozen=True, slots=True)
class Rate:
    """`credits` cost `net` of that currency: the terms of the package a free amount is sold by."""

    net: Fiat
    credits: Money

    def __post_init__(self) -> None:
        if self.net.minor <= 0 or self.credits.micros <= 0:
            raise InvalidInput("A rate needs a price and credits above zero.", param="price")

    def credits_for(self, net: Fiat) -> Money:
        """What `net` buys, rounded down. `InvalidInput` for another currency and for what would buy nothing."""
        if net.currency != self.net.currency:
            raise InvalidInput(f"This rate is in {self.net.currency}, not in {net.currency}.", param="currency")
        micros = int(Fraction(net.minor * self.credits.micros, self.net.minor))
        if micros <= 0:
            raise InvalidInput(f"{net} is too little to buy anything.", param="amount")
        return Money(micros, self.credits.unit)

    def net_for(self, credits: Money) -> Fiat:
        """The least amount that buys at least `credits`."""
        if credits.micros <= 0:
            raise InvalidInput("Say how many credits, above zero.", param="credits")
        minor = -(-credits.micros * self.net.minor // self.credits.micros)
        return Fiat(minor, self.net.currency)

    @property
    def per_credit(self) -> Fraction:
        """What one whole credit costs, in minor units, exact; for showing."""
        return Fraction(self.net.minor * MICRO, self.credits.micros)
