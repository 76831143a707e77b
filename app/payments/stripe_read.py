"""Stripe's objects in our words. Only translates.

A field that we rely on and that is not there raises `Unreadable`: after a change of Stripe's API nothing is guessed.
"""

from collections.abc import Mapping
from typing import Any

from app.kernel.errors import ProviderUnclear
from app.payments.verdict import Progress, Proof

PROVIDER = "stripe"
#: What we write on everything of ours at Stripe.
ORDER, WORKSPACE, INSTALL = "payment_order", "account", "env"

_INTENT = {
    "succeeded": Progress.PAID,
    "processing": Progress.PROCESSING,
    "requires_capture": Progress.PROCESSING,
    "requires_action": Progress.OPEN,
    "requires_confirmation": Progress.OPEN,
    "requires_payment_method": Progress.OPEN,
    "canceled": Progress.CANCELED,
}


class Unreadable(ProviderUnclear):
    """Stripe answered something that this version does not understand."""

    code = "provider_unreadable"


class NotAPayment(Unreadable):
    """A page of the provider on which nothing was to be paid: a card was saved there."""

    code = "not_a_payment"


def of_session(session: Mapping[str, Any]) -> Proof:
    """A Checkout Session, fetched with `payment_intent.latest_charge` expanded. Once paid, what counts is what its
    payment received, whatever the page asked for."""
    if session.get("mode") == "setup":
        raise NotAPayment(f"{session.get('id')} saved a card.", object_id=session.get("id"))
    try:
        intent = session["payment_intent"]
        metadata = session["metadata"] or {}
        progress = _session_progress(session, intent)
        asked = integer(session["amount_total"])
        received = progress is Progress.PAID and isinstance(intent, Mapping)
        return Proof(
            provider=PROVIDER,
            progress=progress,
            amount=integer(intent["amount_received"]) if received else asked,
            currency=(intent if received else session)["currency"].upper(),
            livemode=_boolean(session["livemode"]),
            customer_id=id_of(session["customer"]),
            order_id=metadata.get(ORDER),
            workspace_id=metadata.get(WORKSPACE),
            install=metadata.get(INSTALL),
            session_id=session["id"],
            payment_id=id_of(intent),
            **_charge_facts(intent if isinstance(intent, Mapping) else {}),
        )
    except (KeyError, AttributeError, TypeError) as error:
        raise _unreadable("checkout session", session, error) from error


def of_intent(intent: Mapping[str, Any]) -> Proof:
    """A PaymentIntent, fetched with `latest_charge` expanded. What counts is what was received."""
    try:
        metadata = intent["metadata"] or {}
        progress = _INTENT[intent["status"]]
        return Proof(
            provider=PROVIDER,
            progress=progress,
            amount=integer(intent["amount_received"] if progress is Progress.PAID else intent["amount"]),
            currency=intent["currency"].upper(),
            livemode=_boolean(intent["livemode"]),
            customer_id=id_of(intent["customer"]),
            order_id=metadata.get(ORDER),
            workspace_id=metadata.get(WORKSPACE),
            install=metadata.get(INSTALL),
            payment_id=intent["id"],
            **_charge_facts(intent),
        )
    except (KeyError, AttributeError, TypeError) as error:
        raise _unreadable("payment intent", intent, error) from error


def _session_progress(session: Mapping[str, Any], intent: Any) -> Progress:
    """A session that is complete and unpaid waits for its bank debit, whose own state says whether it failed."""
    paid, status = session["payment_status"], session["status"]
    if paid in {"paid", "no_payment_required"}:
        return Progress.PAID
    if paid != "unpaid":
        raise KeyError(f"payment_status {paid}")
    if status == "complete":
        if not isinstance(intent, Mapping):
            return Progress.PROCESSING
        seen = _INTENT[intent["status"]]
        failed = seen is Progress.OPEN and intent.get("last_payment_error")
        return Progress.FAILED if failed or seen is Progress.CANCELED else Progress.PROCESSING
    return {"open": Progress.OPEN, "expired": Progress.EXPIRED}[status]


def _charge_facts(intent: Mapping[str, Any]) -> dict[str, str | None]:
    """How it was paid, or why not; nothing here decides about money."""
    charge = intent.get("latest_charge")
    found = charge if isinstance(charge, Mapping) else {}
    how = found.get("payment_method_details") or {}
    kind = how.get("type")
    card = how.get("card") or {} if kind == "card" else {}
    error = intent.get("last_payment_error") or {}
    return {
        "charge_id": id_of(charge),
        "method": kind,
        "card": f"{card['brand']} {card['last4']}" if card.get("last4") else None,
        "card_country": card.get("country"),
        "failure_code": error.get("decline_code") or error.get("code"),
        "failure_message": error.get("message"),
    }


def id_of(value: Any) -> str | None:
    """An object's id, expanded or not; `TypeError` for what is none."""
    found = value["id"] if isinstance(value, Mapping) else value
    if not isinstance(found, str | None):
        raise TypeError(f"{found!r} is not an id")
    return found


def integer(value: Any) -> int:
    """An amount as Stripe counts it; `TypeError` for anything but a whole number."""
    if type(value) is not int:
        raise TypeError(f"{value!r} is not an amount")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(f"{value!r} is not true or false")
    return value


def _unreadable(what: str, seen: Mapping[str, Any], error: Exception) -> Unreadable:
    return Unreadable(f"Stripe's {what} {seen.get('id')} cannot be read: {error!r}.", object_id=seen.get("id"))
