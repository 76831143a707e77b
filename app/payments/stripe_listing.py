"""What happened at Stripe in a stretch of time: events, payments, refunds. Only asks and translates."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict

from app.kernel.errors import InvalidInput
from app.payments import stripe_read
from app.payments.stripe_client import StripeDoor, read
from app.payments.stripe_read import Unreadable
from app.payments.stripe_returns import DisputeSeen, dispute_of
from app.payments.verdict import Proof
from app.payments.verify import Hint, hint_of

if TYPE_CHECKING:
    import stripe
    from stripe.params import DisputeListParams, EventListParams, PaymentIntentListParams, RefundListParams

PAGE: Final = 100
#: The events this house lives by; Stripe takes at most twenty names.
TYPES: Final = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.automatically_updated",
    "customer.deleted",
)


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event Stripe remembers, and when it happened."""

    hint: Hint
    created_at: int


@dataclass(frozen=True, slots=True)
class SeenPayment:
    """A payment in the list; `problem` says why it cannot be read when there is no `proof`."""

    payment_id: str
    proof: Proof | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """A refund of a payment, in Stripe's own minor units."""

    refund_id: str
    payment_id: str | None
    status: str
    amount: int
    currency: str
    created_at: int


class StripeListing:
    """Lists of one account, a page at a time."""

    def __init__(self, door: StripeDoor) -> None:
        self.door = door

    async def events(self, since: datetime) -> AsyncIterator[list[SeenEvent]]:
        """Pages of events from this moment on, the newest first; Stripe remembers thirty days."""
        calls = self.door.client.v1.events.list_async
        wanted: EventListParams = {"created": _from(since), "types": list(TYPES), "limit": PAGE}
        async for page in _pages(lambda after: calls({**wanted, **after})):
            yield [_event(one) for one in page]

    async def payments(self, since: datetime) -> AsyncIterator[list[SeenPayment]]:
        """Pages of payments begun from this moment on that succeeded."""
        calls = self.door.client.v1.payment_intents.list_async
        wanted: PaymentIntentListParams = {
            "created": _from(since),
            "expand": ["data.latest_charge"],
            "limit": PAGE,
        }
        async for page in _pages(lambda after: calls({**wanted, **after})):
            yield [_payment(one) for one in page if one.get("status") == "succeeded"]

    async def refunds(self, since: datetime) -> AsyncIterator[list[SeenRefund]]:
        """Pages of refunds made from this moment on."""
        calls = self.door.client.v1.refunds.list_async
        wanted: RefundListParams = {"created": _from(since), "limit": PAGE}
        async for page in _pages(lambda after: calls({**wanted, **after})):
            yield [_refund(one) for one in page]

    async def disputes(self, since: datetime) -> AsyncIterator[list[DisputeSeen]]:
        """Pages of disputes opened from this moment on, as they are now."""
        calls = self.door.client.v1.disputes.list_async
        wanted: DisputeListParams = {"created": _from(since), "limit": PAGE}
        async for page in _pages(lambda after: calls({**wanted, **after})):
            yield [dispute_of(one) for one in page]

    async def dispute(self, external_id: str) -> DisputeSeen:
        """One dispute as it is now."""
        return dispute_of((await read(self.door.client.v1.disputes.retrieve_async(external_id), external_id)).to_dict())

    async def refunds_of(self, payment_id: str) -> list[SeenRefund]:
        """Every refund of one payment."""
        calls = self.door.client.v1.refunds.list_async
        wanted: RefundListParams = {"payment_intent": payment_id, "limit": PAGE}
        pages = _pages(lambda after: calls({**wanted, **after}))
        return [_refund(one) async for page in pages for one in page]


class _After(TypedDict, total=False):
    starting_after: str


def _from(since: datetime) -> Any:
    return {"gte": int(since.timestamp())}


async def _pages(ask: Callable[[_After], Awaitable["stripe.ListObject[Any]"]]) -> AsyncIterator[list[dict[str, Any]]]:
    after: _After = {}
    while True:
        listed = await read(ask(after))
        found = [one.to_dict() for one in listed.data]
        yield found
        if not listed.has_more or not found:
            return
        after = {"starting_after": found[-1]["id"]}


def _event(event: dict[str, Any]) -> SeenEvent:
    try:
        return SeenEvent(hint_of(json.dumps(event)), int(event["created"]))
    except (InvalidInput, KeyError, TypeError) as error:
        raise Unreadable(f"Stripe's event {event.get('id')} cannot be read: {error}.") from error


def _payment(intent: dict[str, Any]) -> SeenPayment:
    try:
        return SeenPayment(intent["id"], stripe_read.of_intent(intent))
    except Unreadable as error:
        return SeenPayment(intent["id"], None, error.message)


def _refund(refund: dict[str, Any]) -> SeenRefund:
    try:
        return SeenRefund(
            refund["id"],
            refund["payment_intent"],
            refund["status"],
            int(refund["amount"]),
            refund["currency"].upper(),
            int(refund["created"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"Stripe's refund {refund.get('id')} cannot be read: {error!r}.") from error
