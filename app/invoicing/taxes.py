"""What a workspace pays on top: its profile, the seller and the rates of today put before `tax.decide`.

Where the tax is somebody else's to work out, deciding raises `TaxNotCalculated` until their answer is there. Nothing
here asks anybody inside a transaction: `worked_out` runs a piece of work, has what it lacks calculated, and runs it
again.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import date, datetime
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection

from app.invoicing import calculations, profiles, rate_store, seller
from app.invoicing.parties import Seller
from app.invoicing.profiles import Profile
from app.invoicing.tax import decide
from app.invoicing.tax_elsewhere import Calculation, Question, TaxNotCalculated, TaxUnavailable
from app.invoicing.tax_elsewhere import question as question_of
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.fiat import Fiat

#: A piece of work may need a few answers, and the buyer may move while it runs.
TRIES: Final = 4
T = TypeVar("T")
log = logging.getLogger(__name__)


def decided(
    connection: Connection,
    sells: Seller,
    profile: Profile,
    net: Fiat,
    at: datetime,
    *,
    on: date | None = None,
    inclusive: bool = False,
    deferred: bool = False,
    calculation: Calculation | None = None,
) -> TaxSnapshot:
    """The tax between these two by the rates of a day, the seller's present one unless `on` names another."""
    day = on or at.astimezone(seller.zone(sells)).date()
    foreign = net.currency != sells.currency
    return decide(
        sells,
        profile.buyer,
        profile.evidence,
        net,
        rate_store.rate_book(connection),
        day,
        inclusive=inclusive,
        at=at,
        fx=rate_store.fx_on(connection, net.currency, sells.currency, day) if foreign else None,
        deferred=deferred,
        calculation=calculation,
    )


class Calculator(Protocol):
    """Whoever works a tax out elsewhere. `account` names whose answers they are: a test's are no good for a sale."""

    @property
    def account(self) -> str: ...

    async def calculate(self, asked: Question) -> Calculation:
        """The answer; raises `TaxUnavailable` or `TaxAddressUnknown`."""
        ...


class Taxes:
    """Decides the tax of an order before it is paid. `calculator` is None where nobody else can be asked."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self.calculator: Calculator | None = None

    def quote_tax(self, workspace_id: str, net: Fiat) -> TaxSnapshot:
        """The snapshot to show, and to keep on the order. `net` is the list price; where the seller's prices include
        tax it is the final amount.

        Raises `ProfileNeeded`, `SellerNeeded`, `NoTaxRate`, and of those `TaxNotCalculated` where somebody else has to
        be asked first.
        """
        at = self._clock()
        with self._db.read() as connection:
            sells = seller.current(connection)
            profile = profiles.require(connection, workspace_id)
            asked = question_of(sells, profile.buyer, net)
            known = asked and self.calculator and calculations.known(connection, self.calculator.account, asked, at)
            return decided(
                connection,
                sells,
                profile,
                net,
                at,
                inclusive=sells.prices_include_tax,
                deferred=sells.credits_tax_point == "redemption",
                calculation=known or None,
            )

    async def worked_out(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread; a tax that it lacks is calculated, and it runs again.

        Beside what `work` raises: `TaxUnavailable` and `TaxAddressUnknown`. `work` must do nothing before it knows.
        """
        for _ in range(TRIES):
            try:
                return await asyncio.to_thread(work)
            except TaxNotCalculated as missing:
                await self.calculate(missing.question)
        raise TaxUnavailable("The address or the prices are being changed just now: please try again.")

    async def calculate(self, asked: Question) -> None:
        """Have this worked out, unless it is known; raises `TaxUnavailable` or `TaxAddressUnknown`."""
        if self.calculator is None:
            log.error("Stripe Tax is switched on under Settings, Tax, and no Stripe account is connected.")
            raise unavailable()
        if await asyncio.to_thread(self._known, asked):
            return
        answer = await self.calculator.calculate(asked)
        faults.point("tax.after_calculation")
        await asyncio.to_thread(self._keep, answer)

    def _known(self, asked: Question) -> bool:
        account = self.calculator.account if self.calculator else ""
        with self._db.read() as connection:
            return calculations.known(connection, account, asked, self._clock()) is not None

    def _keep(self, answer: Calculation) -> None:
        account = self.calculator.account if self.calculator else ""
        with self._db.write() as connection:
            calculations.keep(connection, account, answer, self._clock())


def unavailable() -> TaxUnavailable:
    """What a customer is told: it is nobody's mistake of theirs, and nothing is charged at a guess."""
    return TaxUnavailable(
        "The tax on this order cannot be worked out just now, and nothing is charged at a guess: please try again in a"
        " few minutes."
    )
