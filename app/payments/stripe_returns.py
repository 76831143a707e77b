"""Money that goes back, at Stripe: refunds and disputes. Only asks and translates."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from app.kernel.fiat import Fiat, psp_minor
from app.payments.stripe_client import StripeDoor, read, write
from app.payments.stripe_read import Unreadable, id_of, integer

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams

#: What we write on a refund of ours, beside whose it is.
REFUND: Final = "refund"
REASON: Final = "requested_by_customer"


#: Has this payment credited if it is to be: for money that is told to have gone before it is told to have come.
Credit = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RefundAsk:
    """A refund of a payment. Asking twice with one `key` must be asking the same."""

    key: str
    refund_id: str
    order_id: str
    workspace_id: str
    payment_id: str
    amount: Fiat


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund as it is at the provider now; `amount` in the provider's own minor units."""

    external_id: str
    refund_id: str | None  # ours, if we made it
    payment_id: str | None
    charge_id: str | None
    status: str
    amount: int
    currency: str
    failure_code: str | None


@dataclass(frozen=True, slots=True)
class DisputeSeen:
    """A dispute as it is at the provider now."""

    external_id: str
    payment_id: str | None
    charge_id: str
    status: str
    reason: str
    amount: int
    currency: str
    livemode: bool
    due_by: datetime | None


class StripeReturns:
    """Refunds and disputes of one account."""

    def __init__(self, door: StripeDoor) -> None:
        self.door = door

    async def refund(self, ask: RefundAsk) -> RefundSeen:
        """Give part of a payment back."""
        params: RefundCreateParams = {
            "payment_intent": ask.payment_id,
            "amount": psp_minor(ask.amount),
            "reason": REASON,
            "metadata": {**self.door.marks(ask.order_id, ask.workspace_id), REFUND: ask.refund_id},
        }
        made = await write(self.door.client.v1.refunds.create_async(params, {"idempotency_key": ask.key}))
        return refund_of(made.to_dict())

    async def find_refund(self, payment_id: str, refund_id: str) -> RefundSeen | None:
        """Our refund, when its answer was lost; None proves that Stripe never made one."""
        listed = await read(
            self.door.client.v1.refunds.list_async({"payment_intent": payment_id, "limit": 100}), payment_id
        )
        seen = [refund_of(refund.to_dict()) async for refund in listed.auto_paging_iter()]
        return next((one for one in seen if one.refund_id == refund_id), None)

    async def refunds_of_charge(self, charge_id: str) -> list[RefundSeen]:
        """Every refund of a charge, the oldest first."""
        listed = await read(self.door.client.v1.refunds.list_async({"charge": charge_id, "limit": 100}), charge_id)
        return [refund_of(refund.to_dict()) async for refund in listed.auto_paging_iter()][::-1]

    async def see_refund(self, external_id: str) -> RefundSeen:
        """A refund as it is now."""
        found = await read(self.door.client.v1.refunds.retrieve_async(external_id), external_id)
        return refund_of(found.to_dict())

    async def see_dispute(self, external_id: str) -> DisputeSeen:
        """A dispute as it is now."""
        found = await read(self.door.client.v1.disputes.retrieve_async(external_id), external_id)
        return dispute_of(found.to_dict())

    async def method_of_charge(self, charge_id: str) -> str | None:
        """With which card a charge was paid."""
        found = (await read(self.door.client.v1.charges.retrieve_async(charge_id), charge_id)).to_dict()
        method = found.get("payment_method")
        return method if isinstance(method, str) else None


def refund_of(refund: Mapping[str, Any]) -> RefundSeen:
    """Stripe's refund in our words; `Unreadable` where something is missing that we go by."""
    try:
        return RefundSeen(
            external_id=refund["id"],
            refund_id=(refund["metadata"] or {}).get(REFUND),
            payment_id=id_of(refund["payment_intent"]),
            charge_id=id_of(refund["charge"]),
            status=refund["status"],
            amount=integer(refund["amount"]),
            currency=refund["currency"].upper(),
            failure_code=refund.get("failure_reason"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"Stripe's refund {refund.get('id')} cannot be read: {error!r}.") from error


def dispute_of(dispute: Mapping[str, Any]) -> DisputeSeen:
    """Stripe's dispute in our words; `Unreadable` where something is missing that we go by."""
    try:
        due_by = (dispute.get("evidence_details") or {}).get("due_by")
        return DisputeSeen(
            external_id=dispute["id"],
            payment_id=id_of(dispute["payment_intent"]),
            charge_id=str(id_of(dispute["charge"])),
            status=dispute["status"],
            reason=dispute["reason"],
            amount=integer(dispute["amount"]),
            currency=dispute["currency"].upper(),
            livemode=bool(dispute["livemode"]),
            due_by=datetime.fromtimestamp(due_by, UTC) if isinstance(due_by, int) else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"Stripe's dispute {dispute.get('id')} cannot be read: {error!r}.") from error
