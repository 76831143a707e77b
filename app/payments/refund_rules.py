"""How much of a payment can go back, and which credits go with it. PURE.

What can be refunded is what was not given back yet, and no more than what the unused part of its credits was sold for.
Credits follow the money by running totals, rounded up: the parts of a full refund take exactly what was bought.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.kernel.fiat import Fiat
from app.kernel.money import Money


class Refusal(StrEnum):
    """Why nothing of it can be refunded."""

    NOT_PAID = "order_not_paid"
    DISPUTED = "order_disputed"
    ALL_RETURNED = "already_refunded"
    USED = "credits_used"
    EXPIRED = "credits_expired"
    TOO_LATE = "refund_too_late"


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale: `credits` were bought for `gross`, bonus apart."""

    gross: Fiat
    credits: Money

    def credits_for(self, amount: Fiat, before: Fiat) -> Money:
        """What goes with `amount` when `before` of the payment went back earlier."""
        return self._up_to(before + amount) - self._up_to(before)

    def worth(self, credits: Money, before: Fiat) -> Fiat:
        """The most that can go back for these credits when `before` went back earlier, rounded down."""
        up_to = (self._up_to(before) + credits).micros
        whole = self.gross.minor * up_to // self.credits.micros
        return Fiat(max(0, whole - before.minor), self.gross.currency)

    def share(self, whole: Money, amount: Fiat, before: Fiat) -> Money:
        """The part of something else that came with the sale, such as its bonus."""
        if not whole.micros:
            return whole
        return Sold(self.gross, whole).credits_for(amount, before)

    def _up_to(self, returned: Fiat) -> Money:
        part = min(returned.minor, self.gross.minor)
        return Money(-(-self.credits.micros * part // self.gross.minor), self.credits.unit)


@dataclass(frozen=True, slots=True)
class Position:
    """How an order stands. `returned` is everything that went back or is on its way, `left` the unused credits of its
    lot that no hold counts on, `bonus_used` what was used of its bonus."""

    sold: Sold
    is_paid: bool
    returned: Fiat
    left: Money
    bonus_used: Money
    expired: bool
    disputed: bool
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class Refundable:
    """The most that can be refunded now; when it is nothing, `refusal` says why."""

    amount: Fiat
    unreturned: Fiat
    refusal: Refusal | None = None


def refundable(at: Position, now: datetime, *, days: int | None, bonus_counts: bool) -> Refundable:
    """By the operator's policy: within so many days, and with a used bonus counted as used credits or not."""
    nothing, gross = Fiat.zero(at.sold.gross.currency), at.sold.gross
    unreturned = gross - at.returned
    too_late = days is not None and at.paid_at is not None and now - at.paid_at > timedelta(days=days)
    refused = (
        (Refusal.NOT_PAID, not at.is_paid),
        (Refusal.DISPUTED, at.disputed),
        (Refusal.ALL_RETURNED, unreturned.minor <= 0),
        (Refusal.TOO_LATE, too_late),
    )
    refusal = next((reason for reason, holds in refused if holds), None)
    if refusal is not None:
        return Refundable(nothing, max(unreturned, nothing), refusal)
    left = max(at.left.micros - (at.bonus_used.micros if bonus_counts else 0), 0)
    amount = min(unreturned, at.sold.worth(Money(left, at.left.unit), at.returned))
    if amount.minor:
        return Refundable(amount, unreturned)
    return Refundable(nothing, unreturned, Refusal.EXPIRED if at.expired else Refusal.USED)
