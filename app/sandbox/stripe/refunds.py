"""Refunds: by the API, from the dashboard, waiting, failing afterwards."""

from typing import Any

from app.sandbox.stripe import cards, charges, currency, listing, methods
from app.sandbox.stripe.errors import Refused, bad_parameter
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

#: How long a refund takes that is not done at once (sandbox seconds).
WAIT_SECONDS = 8.0


def create(world: World, given: dict[str, Any]) -> Thing:
    charge = _charge(world, given)
    left = charge["amount"] - charge["amount_refunded"]
    amount = given.get("amount", left)
    _check(world, charge, amount, left)
    method = world.store.find(charge["payment_method"], "payment_method")
    behaviour = methods.behaviour_of(world, method) if method else cards.PAYS
    held = world.store.setting("refunds", "by_itself") != "by_itself"
    waits = held or behaviour in {cards.REFUND_WAITS, *cards.DEBITS}
    refund = world.add(_blank(world, given, charge, amount, "pending" if waits else "succeeded"))
    refund = world.change(refund, balance_transaction=charges.move(world, {**refund}, "refund", -amount)["id"])
    charge = _counted(world, charge, amount)
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge, before={"amount_refunded": charge["amount_refunded"] - amount})
    if waits and not held:
        world.later(WAIT_SECONDS, "refund", refund["id"], status="succeeded")
    if behaviour == cards.REFUND_FAILS and not held:
        world.later(WAIT_SECONDS, "refund", refund["id"], status="failed")
    return refund


def retrieve(world: World, given: dict[str, Any], refund: str) -> Thing:
    return world.get("refund", refund)


def update(world: World, given: dict[str, Any], refund: str) -> Thing:
    before = world.get("refund", refund)
    after = world.change(before, metadata=merged(before["metadata"], given.get("metadata")))
    world.emit("refund.updated", after, before={"metadata": before["metadata"]})
    return after


def cancel(world: World, given: dict[str, Any], refund: str) -> Thing:
    found = world.get("refund", refund)
    if found["status"] != "requires_action":
        raise Refused(
            f"Refund {refund} has a status of {found['status']}: only one that requires action is cancelable."
        )
    return end(world, found, "canceled")


def all_of(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(world, "refund", "/v1/refunds", given, listing.same(given, "charge", "payment_intent"))


def end(world: World, refund: Thing, status: str, reason: str = "expired_or_canceled_card") -> Thing:
    """Where a waiting refund ends; a failed or canceled one gives the charge its amount back."""
    before = refund["status"]
    if status == before:
        return refund
    changes: Thing = {"status": status, "pending_reason": None}
    if status in {"failed", "canceled"}:
        back = charges.move(world, refund, "refund_failure", refund["amount"])
        changes |= {"failure_balance_transaction": back["id"]}
        changes |= {"failure_reason": reason} if status == "failed" else {}
        _counted(world, world.get("charge", refund["charge"]), -refund["amount"])
    refund = world.change(refund, **changes)
    world.emit("refund.updated", refund, before={"status": before})
    world.emit("charge.refund.updated", refund, before={"status": before})
    if status == "failed":
        world.emit("refund.failed", refund)
    return refund


def _charge(world: World, given: dict[str, Any]) -> Thing:
    if "charge" in given:
        return world.get("charge", given["charge"], "charge")
    if "payment_intent" not in given:
        raise bad_parameter(
            "One of the following params should be provided for this request: payment_intent or charge.",
            "payment_intent",
            "parameter_missing",
        )
    intent = world.get("payment_intent", given["payment_intent"], "payment_intent")
    charge = world.store.find(intent["latest_charge"] or "", "charge")
    if charge is None or charge["status"] == "failed":
        raise Refused(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", param="payment_intent"
        )
    return charge


def _check(world: World, charge: Thing, amount: int, left: int) -> None:
    if charge["disputed"] and not world.store.hidden(charge["id"]).get("refundable_while_disputed"):
        raise Refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if charge["status"] == "pending":
        raise Refused(
            f"Charge {charge['id']} is still pending; it cannot be refunded yet.", code="charge_not_refundable"
        )
    if left == 0:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount <= 0:
        raise bad_parameter("Invalid positive integer", "amount", "parameter_invalid_integer")
    if amount > left:
        spoken = charge["currency"]
        raise Refused(
            f"Refund amount ({currency.text(amount, spoken)}) is greater than unrefunded amount on charge"
            f" ({currency.text(left, spoken)})",
            param="amount",
        )


def _counted(world: World, charge: Thing, amount: int) -> Thing:
    total = charge["amount_refunded"] + amount
    return world.change(charge, amount_refunded=total, refunded=total == charge["amount"])


def _blank(world: World, given: dict[str, Any], charge: Thing, amount: int, status: str) -> Thing:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "customer": None,
        "customer_account": None,
        "description": None,
        "destination_details": {"card": {"reference": None, "reference_status": "pending", "type": "refund"},
                                "type": "card"},
        "failure_balance_transaction": None,
        "failure_reason": None,
        "metadata": merged({}, given.get("metadata")),
        "next_action": None,
        "payment_intent": charge["payment_intent"],
        "payment_method": None,
        "pending_reason": "processing" if status == "pending" else None,
        "presentment_details": None,
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }  # fmt: skip
