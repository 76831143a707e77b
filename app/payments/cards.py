"""Cards: what of the cashier needs the payment provider's keys, put together."""

from collections.abc import Callable

from app.invoicing.taxes import Taxes
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound
from app.ledger.wallet import Ledger
from app.payments.checkout import Addresses, Checkout
from app.payments.fulfil import Fulfilment
from app.payments.inbox import Inbox
from app.payments.orders import Orders
from app.payments.saved_cards import SavedCards
from app.payments.stripe_charges import StripeCharges
from app.payments.stripe_client import StripeDoor
from app.payments.stripe_tax import StripeTax
from app.payments.topups import Topups
from app.payments.worker import Worker


class Cards:
    """The part that needs the provider's keys."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ledger: Ledger,
        orders: Orders,
        taxes: Taxes,
        inbox: Inbox,
        door: StripeDoor,
        public_url: str,
        told: Callable[[str], None],
    ) -> None:
        self.door = door
        self.tax = StripeTax(door, clock)
        self.checkout = Checkout(db, clock, orders, door, Addresses(public_url), taxes)
        self.fulfilment = Fulfilment(db, clock, ledger, install=lambda: door.install, told=told)
        self.worker = Worker(db, clock, inbox, door, self.fulfilment)
        charges = StripeCharges(door)
        self.saved = SavedCards(db, clock, charges, public_url)
        self.topups = Topups(db, clock, taxes, charges, self.fulfilment, public_url)
        self.worker.handle("payment_method.", self.saved.on_method)
        self.worker.handle("customer.deleted", self.saved.on_customer)

    async def credit(self, payment_id: str) -> None:
        """Apply one payment as it is at the provider now; one that is not there changes nothing."""
        try:
            await self.fulfilment.apply(await self.door.intent(payment_id))
        except NotFound:
            return
