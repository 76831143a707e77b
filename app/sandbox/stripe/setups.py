"""Setup intents: saving a card without charging it."""

from typing import Any

from app.sandbox.stripe import cards, listing, methods
from app.sandbox.stripe.errors import CARD, Refused
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(world: World, given: dict[str, Any]) -> Thing:
    if given.get("customer"):
        world.get("customer", given["customer"], "customer")
    setup = blank(world, given)
    if given.get("payment_method"):
        found = methods.usable(world, given["payment_method"], given.get("customer"))
        setup = world.change(setup, status="requires_confirmation", payment_method=found["id"])
    world.emit("setup_intent.created", setup)
    return _confirmed(world, setup, given) if given.get("confirm") else setup


def retrieve(world: World, given: dict[str, Any], setup: str) -> Thing:
    return world.get("setup_intent", setup)


def confirm(world: World, given: dict[str, Any], setup: str) -> Thing:
    found = world.get("setup_intent", setup)
    if found["status"] not in OPEN:
        raise _unexpected(found, f"You cannot confirm this SetupIntent because it has a status of {found['status']}.")
    return _confirmed(world, found, given)


def cancel(world: World, given: dict[str, Any], setup: str) -> Thing:
    found = world.get("setup_intent", setup)
    if found["status"] not in OPEN:
        raise _unexpected(found, f"You cannot cancel this SetupIntent because it has a status of {found['status']}.")
    gone = world.change(found, status="canceled", cancellation_reason=given.get("cancellation_reason"))
    world.emit("setup_intent.canceled", gone)
    return gone


def all_of(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(
        world, "setup_intent", "/v1/setup_intents", given, listing.same(given, "customer", "payment_method")
    )


def blank(world: World, given: dict[str, Any]) -> Thing:
    setup = new_id("seti")
    return world.add(
        {
            "id": setup,
            "object": "setup_intent",
            "allowed_payment_method_types": given.get("allowed_payment_method_types"),
            "application": None,
            "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
            "cancellation_reason": None,
            "client_secret": f"{setup}_secret_{new_id('x')[2:27]}",
            "created": world.now(),
            "customer": given.get("customer"),
            "customer_account": None,
            "description": given.get("description"),
            "excluded_payment_method_types": given.get("excluded_payment_method_types"),
            "flow_directions": None,
            "last_setup_error": None,
            "latest_attempt": None,
            "livemode": False,
            "mandate": None,
            "metadata": merged({}, given.get("metadata")),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_configuration_details": None,
            "payment_method_options": given.get("payment_method_options", {}),
            "payment_method_types": ["card"],
            "single_use_mandate": None,
            "status": "requires_payment_method",
            "usage": given.get("usage", "off_session"),
        }
    )


def attempt(
    world: World, setup: Thing, method: Thing, *, authenticated: bool = False, return_url: str | None = None
) -> Thing:
    """Try to save the method; the setup says what came of it."""
    behaviour = methods.behaviour_of(world, method)
    setup = {**setup, "payment_method": method["id"], "next_action": None, "last_setup_error": None}
    if behaviour in cards.ASKS and not authenticated:
        page = {"return_url": return_url, "url": f"{world.base()}/c/3ds/{setup['id']}"}
        asking = world.change(setup, status="requires_action",
                              next_action={"redirect_to_url": page, "type": "redirect_to_url"})  # fmt: skip
        world.emit("setup_intent.requires_action", asking)
        return asking
    if behaviour in cards.DECLINES and behaviour != "do_not_honor":
        code, message = cards.DECLINES[behaviour]
        return refused(world, setup, method, code, behaviour, message)
    if setup["customer"]:
        method = methods.keep(world, method, setup["customer"])
    world.store.hide(method["id"], authenticated=True)
    done = world.change(setup, status="succeeded", payment_method_types=[method["type"]])
    world.emit("setup_intent.succeeded", done)
    return done


def authenticated(world: World, setup: Thing, *, passed: bool) -> Thing:
    """The answer of the 3-D Secure page."""
    method = world.get("payment_method", setup["payment_method"])
    if passed:
        return attempt(world, setup, method, authenticated=True)
    message = (
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    )
    return refused(world, setup, method, "setup_intent_authentication_failure", None, message)


def refused(world: World, setup: Thing, method: Thing, code: str, decline_code: str | None, message: str) -> Thing:
    error = {"code": code, "decline_code": decline_code, "message": message, "payment_method": method, "type": CARD}
    failed = world.change(
        setup,
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error={name: value for name, value in error.items() if value is not None},
    )
    world.emit("setup_intent.setup_failed", failed)
    return failed


def _confirmed(world: World, setup: Thing, given: dict[str, Any]) -> Thing:
    wanted = given.get("payment_method") or setup["payment_method"]
    if not wanted:
        raise _unexpected(setup, "You cannot confirm this SetupIntent because it's missing a payment method.")
    method = methods.usable(world, wanted, setup["customer"])
    tried = attempt(world, setup, method, return_url=given.get("return_url"))
    if tried["last_setup_error"]:
        said = tried["last_setup_error"]
        more = {name: said[name] for name in ("decline_code", "payment_method") if name in said}
        raise Refused(said["message"], status=402, kind=CARD, code=said["code"], kept=True, setup_intent=tried, **more)
    return tried


def _unexpected(setup: Thing, message: str) -> Refused:
    return Refused(message, code="setup_intent_unexpected_state", setup_intent=setup)
