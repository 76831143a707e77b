"""Payment intents: one attempt after another until money has come, or nobody wants it any more."""

from typing import Any

from app.sandbox.stripe import cards, charges, currency, listing, methods
from app.sandbox.stripe.errors import CARD, Refused, bad_parameter
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

#: How long a bank takes with a direct debit, and a cardholder to complain (sandbox seconds, not days).
SETTLE_SECONDS, DISPUTE_SECONDS = 12.0, 5.0
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_PLAIN = ("description", "receipt_email", "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix",
          "transfer_group", "payment_method_options", "shipping")  # fmt: skip


def create(world: World, given: dict[str, Any]) -> Thing:
    """Create, and charge at once with `confirm`. A decline is an error that leaves the intent behind."""
    _check(given)
    if given.get("customer"):
        world.get("customer", given["customer"], "customer")
    intent = blank(world, given)
    if given.get("payment_method"):
        method = methods.usable(world, given["payment_method"], given.get("customer"))
        intent = world.change(intent, status="requires_confirmation", payment_method=method["id"])
    world.emit("payment_intent.created", intent)
    return _confirmed(world, intent, given) if given.get("confirm") else intent


def retrieve(world: World, given: dict[str, Any], intent: str) -> Thing:
    return world.get("payment_intent", intent)


def update(world: World, given: dict[str, Any], intent: str) -> Thing:
    before = world.get("payment_intent", intent)
    fixed = {"amount", "currency", "customer", "payment_method"} & given.keys()
    if fixed and before["status"] not in OPEN:
        message = f"This PaymentIntent's {min(fixed)} could not be updated: it has a status of {before['status']}."
        raise _unexpected(before, message)
    if fixed & {"amount", "currency"}:
        asked = {**before, **given}
        currency.check(asked["amount"], asked["currency"].lower(), "amount")
    changes: Thing = {
        name: given[name] or None for name in (*_PLAIN, "amount", "currency", "customer") if name in given
    }
    if "payment_method" in given:
        found = methods.usable(world, given["payment_method"], given.get("customer", before["customer"]))
        changes |= {"payment_method": found["id"], "status": "requires_confirmation"}
    if "metadata" in given:
        changes["metadata"] = merged(before["metadata"], given["metadata"])
    return world.change(before, **changes)


def confirm(world: World, given: dict[str, Any], intent: str) -> Thing:
    found = world.get("payment_intent", intent)
    if found["status"] not in OPEN:
        raise _unexpected(found, f"You cannot confirm this PaymentIntent because it has already {_passed(found)}.")
    return _confirmed(world, found, given)


def cancel(world: World, given: dict[str, Any], intent: str) -> Thing:
    found = world.get("payment_intent", intent)
    if world.store.hidden(intent).get("session"):
        raise _unexpected(
            found,
            "You cannot cancel this PaymentIntent because it was created by a Checkout Session. You can expire the"
            " Checkout Session instead.",
        )
    if found["status"] not in OPEN:
        raise _unexpected(
            found,
            f"You cannot cancel this PaymentIntent because it has a status of {found['status']}. Only a PaymentIntent"
            " with one of the following statuses may be canceled: requires_payment_method, requires_capture,"
            " requires_confirmation, requires_action, processing.",
        )
    return called_off(world, found, given.get("cancellation_reason"))


def all_of(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(world, "payment_intent", "/v1/payment_intents", given, listing.same(given, "customer"))


# Used by sessions, the hosted pages and the control page


def blank(world: World, given: dict[str, Any], **hidden: Any) -> Thing:
    """A fresh intent that waits for a payment method."""
    intent = new_id("pi")
    automatic = given.get("automatic_payment_methods", {"enabled": True})
    return world.add(
        {
            "id": intent,
            "object": "payment_intent",
            "allowed_payment_method_types": given.get("allowed_payment_method_types"),
            "amount": given["amount"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": {"allow_redirects": automatic.get("allow_redirects", "always"),
                                          "enabled": automatic["enabled"]},
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic_async",
            "client_secret": f"{intent}_secret_{new_id('x')[2:27]}",
            "confirmation_method": "automatic",
            "created": world.now(),
            "currency": given["currency"],
            "customer": given.get("customer"),
            "customer_account": None,
            "excluded_payment_method_types": given.get("excluded_payment_method_types"),
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": merged({}, given.get("metadata")),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_configuration_details": None,
            "payment_method_types": ["card", "sepa_debit"] if given["currency"] == "eur" else ["card"],
            "presentment_details": None,
            "processing": None,
            "review": None,
            "source": None,
            "status": "requires_payment_method",
            "transfer_data": None,
            **{name: given.get(name) for name in _PLAIN},
        },
        hidden,
    )  # fmt: skip


def attempt(
    world: World,
    intent: Thing,
    method: Thing,
    *,
    off_session: bool = False,
    authenticated: bool = False,
    return_url: str | None = None,
) -> Thing:
    """Try to take the money; whatever came of it, the intent says so afterwards."""
    behaviour = methods.behaviour_of(world, method)
    intent = {**intent, "payment_method": method["id"], "next_action": None, "last_payment_error": None}
    if behaviour in cards.DEBITS:
        return _processing(world, intent, method)
    asks = behaviour in cards.ASKS and not authenticated
    if asks and behaviour == cards.ASKS_ONCE and world.store.hidden(method["id"]).get("authenticated"):
        asks = False
    if asks and off_session:
        return decline(world, intent, method, "authentication_required")
    if asks:
        return _asking(world, intent, return_url)
    if behaviour == cards.ASKS_THEN_DECLINES:
        return decline(world, intent, method, "generic_decline")
    if behaviour in cards.DECLINES:
        return decline(world, intent, method, behaviour)
    return _succeeded(world, intent, method, authenticated)


def authenticated(world: World, intent: Thing, *, passed: bool) -> Thing:
    """The answer of the 3-D Secure page."""
    method = world.get("payment_method", intent["payment_method"])
    if passed:
        return attempt(world, intent, method, authenticated=True)
    message = (
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    )
    return _turned_down(world, intent, method, "payment_intent_authentication_failure", None, message)


def settle(world: World, intent: Thing, *, paid: bool) -> Thing:
    """The bank's word on a direct debit."""
    method = world.get("payment_method", intent["payment_method"])
    charge = world.get("charge", intent["latest_charge"])
    if paid:
        charges.settled(world, charge)
        intent = world.change(intent, status="succeeded", amount_received=intent["amount"], processing=None)
        world.emit("payment_intent.succeeded", intent)
    else:
        message = "The customer's bank account could not be debited."
        charges.bounced(world, charge, "insufficient_funds", message)
        intent = {**intent, "processing": None}
        intent = _refused(world, intent, method, charge, "payment_intent_payment_attempt_failed", None, message)
    _tell(world, intent)
    return intent


def called_off(world: World, intent: Thing, reason: str | None) -> Thing:
    gone = world.change(intent, status="canceled", canceled_at=world.now(), cancellation_reason=reason,
                        next_action=None)  # fmt: skip
    world.emit("payment_intent.canceled", gone)
    return gone


def decline(world: World, intent: Thing, method: Thing, decline_code: str) -> Thing:
    code, message = cards.DECLINES[decline_code]
    return _turned_down(world, intent, method, code, decline_code, message)


# The ways an attempt ends


def _succeeded(world: World, intent: Thing, method: Thing, passed: bool) -> Thing:
    charge = charges.succeeded(world, intent, method)
    if passed or intent["setup_future_usage"]:
        world.store.hide(method["id"], authenticated=True)
    if intent["setup_future_usage"] and intent["customer"]:
        methods.keep(world, method, intent["customer"])
    elif method["customer"] is None:
        world.store.hide(method["id"], spent=True)
    done = world.change(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        payment_method_types=[method["type"]],
    )
    world.emit("payment_intent.succeeded", done)
    behaviour = methods.behaviour_of(world, method)
    if behaviour in {cards.DISPUTED, cards.INQUIRED, cards.NOT_RECEIVED}:
        world.later(DISPUTE_SECONDS, "dispute", charge["id"], behaviour=behaviour)
    _tell(world, done)
    return done


def _processing(world: World, intent: Thing, method: Thing) -> Thing:
    charge = charges.pending(world, intent, method)
    if intent["setup_future_usage"] and intent["customer"]:
        methods.keep(world, method, intent["customer"])
    waiting = world.change(
        intent,
        status="processing",
        latest_charge=charge["id"],
        processing={"card": None, "type": "sepa_debit"},
        payment_method_types=[method["type"]],
    )
    world.emit("payment_intent.processing", waiting)
    if world.store.setting("settle_debits", "by_itself") == "by_itself":
        paid = methods.behaviour_of(world, method) == cards.DEBIT_PAYS
        world.later(SETTLE_SECONDS, "settle", waiting["id"], paid=paid)
    _tell(world, waiting)
    return waiting


def _asking(world: World, intent: Thing, return_url: str | None) -> Thing:
    page = {"return_url": return_url, "url": f"{world.base()}/c/3ds/{intent['id']}"}
    asking = world.change(intent, status="requires_action",
                          next_action={"redirect_to_url": page, "type": "redirect_to_url"})  # fmt: skip
    world.emit("payment_intent.requires_action", asking)
    return asking


def _turned_down(
    world: World, intent: Thing, method: Thing, code: str, decline_code: str | None, message: str
) -> Thing:
    charge = charges.failed(world, intent, method, code, message)
    refused = _refused(world, intent, method, charge, code, decline_code, message)
    _tell(world, refused)
    return refused


def _refused(
    world: World, intent: Thing, method: Thing, charge: Thing, code: str, decline_code: str | None, message: str
) -> Thing:
    error = {
        "advice_code": cards.ADVICE.get(decline_code or ""),
        "charge": charge["id"],
        "code": code,
        "decline_code": decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": method,
        "type": CARD,
    }
    refused = world.change(
        intent,
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error={name: value for name, value in error.items() if value is not None},
    )
    world.emit("payment_intent.payment_failed", refused)
    return refused


def _tell(world: World, intent: Thing) -> None:
    for watcher in world.watchers:
        watcher(intent)


# Confirming by the API


def _confirmed(world: World, intent: Thing, given: dict[str, Any]) -> Thing:
    wanted = given.get("payment_method") or intent["payment_method"]
    if not wanted:
        raise Refused(
            "You cannot confirm this PaymentIntent because it's missing a payment method. Update the PaymentIntent with"
            " a payment method and then confirm it again.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    off_session = bool(given.get("off_session"))
    automatic = intent["automatic_payment_methods"]
    if not off_session and not given.get("return_url") and automatic["allow_redirects"] != "never":
        raise bad_parameter(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of"
            " these payment methods might redirect your customer off of your page, you must provide a `return_url`. If"
            " you don't want to accept redirect-based payment methods, set"
            " `automatic_payment_methods[allow_redirects]` to `never`.",
            "return_url",
        )
    found = methods.usable(world, wanted, intent["customer"])
    if given.get("setup_future_usage"):
        intent = {**intent, "setup_future_usage": given["setup_future_usage"]}
    tried = attempt(world, intent, found, off_session=off_session, return_url=given.get("return_url"))
    if tried["last_payment_error"]:
        raise declined(tried)
    if tried["status"] == "requires_action" and given.get("error_on_requires_action"):
        refused = decline(world, tried, found, "authentication_required")
        raise declined(refused)
    return tried


def declined(intent: Thing) -> Refused:
    """The error that tells of an intent's last decline; the attempt itself stays recorded."""
    said = intent["last_payment_error"]
    more = {name: said[name] for name in ("advice_code", "charge", "decline_code", "payment_method") if name in said}
    return Refused(said["message"], status=402, kind=CARD, code=said["code"], kept=True, payment_intent=intent, **more)


def _check(given: dict[str, Any]) -> None:
    given["currency"] = given["currency"].lower()
    currency.check(given["amount"], given["currency"], "amount")
    if given.get("capture_method") == "manual":
        raise bad_parameter("The sandbox captures at once: capture_method must be automatic", "capture_method")
    if given.get("off_session") and not given.get("confirm"):
        raise bad_parameter("You can only set `off_session` when `confirm` is true.", "off_session")


def _passed(intent: Thing) -> str:
    return {"succeeded": "succeeded after being previously confirmed", "canceled": "been canceled"}.get(
        intent["status"], f"moved on: it has a status of {intent['status']}"
    )


def _unexpected(intent: Thing, message: str) -> Refused:
    return Refused(message, code="payment_intent_unexpected_state", payment_intent=intent)
