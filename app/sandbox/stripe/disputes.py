"""Disputes: a cardholder takes the money back, and the bank decides."""

from typing import Any

from app.sandbox.stripe import cards, charges, listing
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

RESPONSE_SECONDS = 9 * 86_400
#: Evidence with which Stripe's own test mode wins or loses at once.
WINNING, LOSING = "winning_evidence", "losing_evidence"
INQUIRY = "warning_"
FINAL = {"won", "lost", "warning_closed", "prevented"}
#: Statuses in which the money is away.
TAKEN = {"needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review"}
STATUSES = FINAL | TAKEN | {"warning_needs_response", "warning_under_review"}
_TEXTS = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def retrieve(world: World, given: dict[str, Any], dispute: str) -> Thing:
    return world.get("dispute", dispute)


def all_of(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(world, "dispute", "/v1/disputes", given, listing.same(given, "charge", "payment_intent"))


def update(world: World, given: dict[str, Any], dispute: str) -> Thing:
    """Evidence; it is submitted unless `submit` is false, and the magic words decide at once."""
    found = world.get("dispute", dispute)
    if found["status"] in FINAL:
        raise Refused("This dispute is already closed", code="dispute_closed")
    evidence = {**found["evidence"], **(given.get("evidence") or {})}
    found = world.change(found, evidence=evidence, metadata=merged(found["metadata"], given.get("metadata")))
    if not given.get("submit", True):
        world.emit("charge.dispute.updated", found)
        return found
    if evidence["uncategorized_text"] in {WINNING, LOSING}:
        won = evidence["uncategorized_text"] == WINNING
        return moved(world, found, _ending(found["status"], won))
    reviewed = "warning_under_review" if found["status"].startswith(INQUIRY) else "under_review"
    return moved(world, found, reviewed)


def close(world: World, given: dict[str, Any], dispute: str) -> Thing:
    """The merchant gives in."""
    found = world.get("dispute", dispute)
    if found["status"] in FINAL:
        raise Refused("This dispute is already closed", code="dispute_closed")
    return moved(world, found, _ending(found["status"], won=False))


def opened(
    world: World,
    charge: Thing,
    *,
    reason: str = "fraudulent",
    status: str = "needs_response",
    amount: int | None = None,
) -> Thing:
    """A cardholder complains; except for an inquiry the money is taken back at once."""
    dispute = world.add(_blank(world, charge, reason, status, amount or charge["amount"]))
    charge = world.change(charge, disputed=True)
    world.emit("charge.dispute.created", dispute)
    if status in TAKEN:
        dispute = _taken(world, dispute)
    _refundable(world, dispute)
    return dispute


def by_behaviour(world: World, charge: Thing, behaviour: str) -> Thing:
    """What the test cards that dispute themselves do."""
    if behaviour == cards.INQUIRED:
        return opened(world, charge, status="warning_needs_response")
    return opened(world, charge, reason="product_not_received" if behaviour == cards.NOT_RECEIVED else "fraudulent")


def moved(world: World, dispute: Thing, status: str) -> Thing:
    """Any change of a dispute: reviewed, won, lost, reopened by an appeal."""
    before = dispute["status"]
    dispute = world.change(dispute, status=status)
    if status in TAKEN and not _is_away(dispute):
        dispute = _taken(world, dispute)
    elif status not in TAKEN and _is_away(dispute):
        dispute = _given_back(world, dispute)
    dispute = _refundable(world, dispute)
    world.emit("charge.dispute.closed" if status in FINAL else "charge.dispute.updated", dispute,
               before={"status": before})  # fmt: skip
    return dispute


def _is_away(dispute: Thing) -> bool:
    return sum(int(line["amount"]) for line in dispute["balance_transactions"]) < 0


def _taken(world: World, dispute: Thing) -> Thing:
    line = charges.move(world, dispute, "adjustment", -dispute["amount"], fee=charges.DISPUTE_FEE)
    dispute = world.change(dispute, balance_transactions=[*dispute["balance_transactions"], line])
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _given_back(world: World, dispute: Thing) -> Thing:
    line = charges.move(world, dispute, "adjustment", dispute["amount"])
    dispute = world.change(dispute, balance_transactions=[*dispute["balance_transactions"], line])
    world.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def _refundable(world: World, dispute: Thing) -> Thing:
    """A charge can be refunded unless the dispute has taken its money."""
    free = dispute["status"] not in TAKEN
    world.store.hide(dispute["charge"], refundable_while_disputed=free)
    return world.change(dispute, is_charge_refundable=free)


def _ending(status: str, won: bool) -> str:
    if status.startswith(INQUIRY):
        return "warning_closed"
    return "won" if won else "lost"


def _blank(world: World, charge: Thing, reason: str, status: str, amount: int) -> Thing:
    brand = charge["payment_method_details"].get("card", {}).get("brand", "visa")
    code = {"fraudulent": "10.4"}.get(reason, "13.1")
    return {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_TEXTS), "enhanced_evidence": {}},
        "evidence_details": {"due_by": world.now() + RESPONSE_SECONDS, "enhanced_eligibility": {},
                             "has_evidence": False, "past_due": False, "submission_count": 0,
                             "submission_method": "manual"},
        "is_charge_refundable": status.startswith(INQUIRY),
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": code},
            "type": "card",
        },
        "reason": reason,
        "status": status,
    }  # fmt: skip
