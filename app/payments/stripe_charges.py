"""Charging a saved card while nobody is there, and the cards themselves, at Stripe. Only translates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from app.kernel.errors import NotFound, ProviderRefused
from app.kernel.fiat import Fiat, psp_minor
from app.payments import stripe_read
from app.payments.stripe_client import EXPAND_INTENT, OpenSession, StripeDoor, read, write
from app.payments.stripe_read import Unreadable
from app.payments.verdict import Proof

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams
    from stripe.params.checkout import SessionCreateParams

CARD: Final = "card"


@dataclass(frozen=True, slots=True)
class ChargeAsk:
    """A charge of a saved card. Asking twice with one `key` must be asking the same."""

    key: str
    order_id: str
    workspace_id: str
    customer_id: str
    method_id: str
    amount: Fiat
    description: str


@dataclass(frozen=True, slots=True)
class SetupAsk:
    """A page on which a card is saved and nothing is paid."""

    key: str
    workspace_id: str
    customer_id: str
    currency: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class SeenCard:
    """A card as it is at the provider now; without a customer it cannot be charged."""

    method_id: str
    customer_id: str | None
    livemode: bool
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str | None


class StripeCharges:
    """Off-session charges and saved cards of one account."""

    def __init__(self, door: StripeDoor) -> None:
        self.door = door

    async def charge(self, ask: ChargeAsk) -> Proof:
        """Charge the card. A decline is `ProviderRefused` "card_declined" with the bank's code in its details."""
        params: PaymentIntentCreateParams = {
            "amount": psp_minor(ask.amount),
            "currency": ask.amount.currency.lower(),
            "customer": ask.customer_id,
            "payment_method": ask.method_id,
            "off_session": True,
            "confirm": True,
            "description": ask.description,
            "metadata": self.door.marks(ask.order_id, ask.workspace_id),
            "expand": EXPAND_INTENT,
        }
        call = self.door.client.v1.payment_intents.create_async(params, {"idempotency_key": ask.key})
        return stripe_read.of_intent((await write(call)).to_dict())

    async def find(self, customer_id: str, order_id: str, since: datetime) -> Proof | None:
        """The charge of this order, when its answer was lost; None proves that Stripe never made one."""
        listed = await read(
            self.door.client.v1.payment_intents.list_async(
                {
                    "customer": customer_id,
                    "created": {"gte": int(since.timestamp())},
                    "limit": 100,
                    "expand": ["data.latest_charge"],
                }
            )
        )
        async for intent in listed.auto_paging_iter():
            found = intent.to_dict()
            if (found["metadata"] or {}).get(stripe_read.ORDER) == order_id:
                return stripe_read.of_intent(found)
        return None

    async def cancel(self, payment_id: str) -> None:
        """See to it that this charge is never made after all; one that cannot be canceled any more is left alone."""
        try:
            await write(self.door.client.v1.payment_intents.cancel_async(payment_id))
        except (ProviderRefused, NotFound):
            return

    # --- cards

    async def card(self, method_id: str) -> SeenCard | None:
        """A saved card; None when the method is none."""
        found = await read(self.door.client.v1.payment_methods.retrieve_async(method_id), method_id)
        return card_of(found.to_dict())

    async def cards(self, customer_id: str) -> list[SeenCard]:
        """Every card saved on a customer; `NotFound` when the customer was deleted."""
        listed = await read(
            self.door.client.v1.customers.payment_methods.list_async(customer_id, {"type": CARD, "limit": 100}),
            customer_id,
        )
        seen = [card_of(method.to_dict()) async for method in listed.auto_paging_iter()]
        return [card for card in seen if card is not None]

    async def detach(self, method_id: str) -> None:
        """Forget a card at Stripe; one that is forgotten already is fine."""
        try:
            await write(self.door.client.v1.payment_methods.detach_async(method_id))
        except (ProviderRefused, NotFound) as refused:
            if refused.stable_code == "provider_key":
                raise

    async def open_setup(self, ask: SetupAsk) -> OpenSession:
        """A page on which a card can be saved."""
        params: SessionCreateParams = {
            "mode": "setup",
            "customer": ask.customer_id,
            "currency": ask.currency.lower(),
            "metadata": self.door.marks(None, ask.workspace_id),
            "setup_intent_data": {"metadata": self.door.marks(None, ask.workspace_id)},
            "success_url": ask.success_url,
            "cancel_url": ask.cancel_url,
        }
        call = self.door.client.v1.checkout.sessions.create_async(params, {"idempotency_key": ask.key})
        made = await write(call)
        if not made.url:
            raise Unreadable(f"Stripe made the checkout session {made.id} without an address.")
        return OpenSession(made.id, made.url)


def card_of(method: Mapping[str, Any]) -> SeenCard | None:
    """A payment method of Stripe's in our words; None when it is no card."""
    try:
        if method["type"] != CARD:
            return None
        card = method["card"]
        customer = method["customer"]
        return SeenCard(
            method_id=method["id"],
            customer_id=customer["id"] if isinstance(customer, Mapping) else customer,
            livemode=method["livemode"],
            brand=card["brand"],
            last4=card["last4"],
            exp_month=card["exp_month"],
            exp_year=card["exp_year"],
            country=card.get("country"),
        )
    except (KeyError, TypeError) as error:
        raise Unreadable(f"Stripe's payment method {method.get('id')} cannot be read: {error!r}.") from error
