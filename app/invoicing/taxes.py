"""What a workspace pays on top: its profile, the seller and the rates of today put before `tax.decide`."""

from datetime import datetime

from sqlalchemy import Connection

from app.invoicing import profiles, rate_store, seller
from app.invoicing.tax import decide
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.fiat import Fiat


class Taxes:
    """Decides the tax of an order before it is paid."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def quote_tax(self, workspace_id: str, net: Fiat) -> TaxSnapshot:
        """The snapshot to show, and to keep on the order. `net` is the list price; where the seller's prices include
        tax it is the final amount.

        Raises `ProfileNeeded`, `SellerNeeded` or `NoTaxRate`.
        """
        with self._db.read() as connection:
            return quote_tax(connection, workspace_id, net, self._clock())


def quote_tax(connection: Connection, workspace_id: str, net: Fiat, at: datetime) -> TaxSnapshot:
    """`Taxes.quote_tax` in the caller's transaction."""
    sells = seller.current(connection)
    profile = profiles.require(connection, workspace_id)
    today = at.astimezone(seller.zone(sells)).date()
    foreign = net.currency != sells.currency
    return decide(
        sells,
        profile.buyer,
        profile.evidence,
        net,
        rate_store.rate_book(connection),
        today,
        inclusive=sells.prices_include_tax,
        at=at,
        fx=rate_store.fx_on(connection, net.currency, sells.currency, today) if foreign else None,
        deferred=sells.credits_tax_point == "redemption",
    )
