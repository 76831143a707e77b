"""When an automatic top-up is due, for how much, and what forbids it. PURE: no clock, no database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.rate import Rate

#: Between two charges of one workspace, whatever happens to its balance.
MIN_INTERVAL: Final = timedelta(seconds=60)
MOST_PER_DAY: Final = 5
MOST_EVER_PER_DAY: Final = 50


class Mode(StrEnum):
    FIXED = "fixed"  # always the same amount
    REFILL = "refill"  # whatever is missing to a target


class State(StrEnum):
    OFF = "off"  # by the customer, or never turned on
    ON = "on"
    NEEDS_ACTION = "needs_action"  # the bank wants to see the cardholder
    DISABLED = "disabled"  # by us; `reason` says why


class HoldOff(StrEnum):
    """Why nothing is charged though the balance is below the threshold."""

    IN_FLIGHT = "in_flight"
    TOO_SOON = "too_soon"
    BACKING_OFF = "backing_off"
    DAY_LIMIT = "attempt_limit_reached"
    MONTH_CAP = "purchase_limit_reached"
    CHARGE_CAP = "charge_limit_reached"


#: What the customer has to know, because nothing but them can change it.
WORTH_A_MAIL: Final = frozenset({HoldOff.DAY_LIMIT, HoldOff.MONTH_CAP, HoldOff.CHARGE_CAP})


@dataclass(frozen=True, slots=True)
class Rules:
    """What the customer agreed to. `amount` is at list prices, which are net unless the seller's include tax; both caps
    are what is charged, tax included, in one currency."""

    threshold: Money
    mode: Mode
    month_cap: Fiat
    amount: Fiat | None = None
    refill_to: Money | None = None
    charge_cap: Fiat | None = None
    most_per_day: int = MOST_PER_DAY

    @property
    def currency(self) -> str:
        return self.month_cap.currency

    def wanted(self, available: Money, rate: Rate) -> Fiat | None:
        """The amount to charge at this balance, at list prices; None while it is not below the threshold."""
        if available.micros >= self.threshold.micros:
            return None
        if self.mode is Mode.FIXED and self.amount is not None:
            return self.amount
        if self.refill_to is None:
            return None
        return rate.net_for(self.refill_to - available)

    def checked(self, rate: Rate) -> "Rules":
        """These rules, or `InvalidInput` naming what is wrong with them."""
        if self.threshold.micros <= 0:
            raise InvalidInput("Say below how many credits to top up, above zero.", param="threshold")
        if self.mode is Mode.FIXED:
            self._check_fixed(rate)
        else:
            self._check_refill()
        if not 1 <= self.most_per_day <= MOST_EVER_PER_DAY:
            raise InvalidInput(f"Between 1 and {MOST_EVER_PER_DAY} charges a day.", param="most_per_day")
        for name, cap in (("month_cap", self.month_cap), ("charge_cap", self.charge_cap)):
            if cap is not None and (cap.minor <= 0 or cap.currency != self.currency):
                raise InvalidInput("Set a maximum above zero, in the same currency.", param=name)
        return self

    def _check_fixed(self, rate: Rate) -> None:
        if self.amount is None or self.amount.minor <= 0 or self.amount.currency != self.currency:
            raise InvalidInput("Say how much to charge, above zero and in the same currency.", param="amount")
        rate.credits_for(self.amount)

    def _check_refill(self) -> None:
        if self.refill_to is None or self.refill_to.micros <= self.threshold.micros:
            raise InvalidInput("Refill to more credits than the threshold.", param="refill_to")


@dataclass(frozen=True, slots=True)
class Standing:
    """What was charged by itself so far. `spent` is gross, of the running month, with everything that is under way."""

    spent: Fiat
    today: int
    last_at: datetime | None = None
    in_flight: bool = False
    not_before: datetime | None = None


def holding_off(rules: Rules, gross: Fiat, standing: Standing, now: datetime) -> HoldOff | None:
    """What forbids a charge of `gross` now; None when it is allowed."""
    last, cap = standing.last_at, rules.charge_cap
    forbidden = (
        (HoldOff.IN_FLIGHT, standing.in_flight),
        (HoldOff.BACKING_OFF, standing.not_before is not None and now < standing.not_before),
        (HoldOff.TOO_SOON, last is not None and now - last < MIN_INTERVAL),
        (HoldOff.CHARGE_CAP, cap is not None and (gross - cap).minor > 0),
        (HoldOff.MONTH_CAP, (standing.spent + gross - rules.month_cap).minor > 0),
        (HoldOff.DAY_LIMIT, standing.today >= rules.most_per_day),
    )
    return next((reason for reason, holds in forbidden if holds), None)


def again_at(reason: HoldOff, standing: Standing, now: datetime) -> datetime | None:
    """When to look again by ourselves; None where the reason says so itself."""
    if reason is HoldOff.TOO_SOON and standing.last_at is not None:
        return standing.last_at + MIN_INTERVAL
    if reason is HoldOff.DAY_LIMIT:
        return day_of(now)[1]
    if reason is HoldOff.MONTH_CAP:
        return month_of(now)[1]
    if reason is HoldOff.CHARGE_CAP:
        return now + timedelta(hours=1)
    return None


def day_of(moment: datetime) -> tuple[datetime, datetime]:
    """The UTC day: from, and before."""
    start = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=1)


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The UTC month: from, and before."""
    start = day_of(moment)[0].replace(day=1)
    return start, (start + timedelta(days=32)).replace(day=1)
