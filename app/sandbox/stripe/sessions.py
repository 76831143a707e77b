"""Checkout sessions: one purchase on the hosted page."""

from typing import Any

from app.sandbox.stripe import customers, intents, lines, listing, new_session, setups
from app.sandbox.stripe.errors import Refused, bad_parameter
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged

PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


def create(world: World, given: dict[str, Any]) -> Thing:
    session = world.add(*new_session.of(world, given))
    if session["mode"] == "setup":
        setup = setups.blank(world, {**given.get("setup_intent_data", {}), "customer": given.get("customer")})
        world.store.hide(setup["id"], session=session["id"])
        session = world.change(session, setup_intent=setup["id"])
    world.at(session["expires_at"], "expire", session["id"])
    return session


def retrieve(world: World, given: dict[str, Any], session: str) -> Thing:
    return world.get("checkout.session", session)


def update(world: World, given: dict[str, Any], session: str) -> Thing:
    before = world.get("checkout.session", session)
    unknown = given.keys() - {"metadata", "expand"}
    if unknown:
        raise bad_parameter("The sandbox updates only a session's metadata.", min(unknown))
    return world.change(before, metadata=merged(before["metadata"], given.get("metadata")))


def expire(world: World, given: dict[str, Any], session: str) -> Thing:
    found = world.get("checkout.session", session)
    if found["status"] != "open":
        raise Refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" {found['status']}."
        )
    return run_out(world, found)


def all_of(world: World, given: dict[str, Any]) -> Thing:
    where = listing.same(given, "customer", "payment_intent", "status")
    return listing.page(world, "checkout.session", "/v1/checkout/sessions", given, where)


def line_items(world: World, given: dict[str, Any], session: str) -> Thing:
    return _line_items(world, world.get("checkout.session", session))


def _line_items(world: World, session: Thing) -> Thing:
    """The member `line_items`, only written out when it is asked for."""
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return listing.wrapped(world.store.hidden(session["id"])["line_items"], url)


expanded_line_items = _line_items


# Used by the hosted page, the control page and time


def is_open(world: World, session: Thing) -> bool:
    return bool(session["status"] == "open" and world.now() < session["expires_at"])


def run_out(world: World, session: Thing) -> Thing:
    """Nobody paid in time, or the merchant called it off."""
    gone = world.change(session, status="expired", url=None)
    intent = world.store.find(session["payment_intent"] or "", "payment_intent")
    if intent and intent["status"] in intents.OPEN:
        intents.called_off(world, intent, "automatic")
    world.emit("checkout.session.expired", gone)
    return gone


def with_country(world: World, session: Thing, country: str | None) -> Thing:
    """The session with the tax of the buyer's country, if Stripe was asked to work it out."""
    if not session["automatic_tax"]["enabled"] or not country:
        return session
    sold = lines.with_tax(world.store.hidden(session["id"])["line_items"], country)
    world.store.hide(session["id"], line_items=sold)
    sums = lines.totals(sold)
    return world.change(
        session,
        amount_total=sums.total,
        automatic_tax={**session["automatic_tax"], "status": "complete"},
        total_details={**session["total_details"], "amount_tax": sums.tax},
    )


def intent_of(world: World, session: Thing) -> tuple[Thing, Thing]:
    """The session and its intent, which begins when the buyer first tries to pay."""
    if session["payment_intent"]:
        intent = world.get("payment_intent", session["payment_intent"])
        return session, world.change(intent, amount=session["amount_total"])
    data = world.store.hidden(session["id"])["intent"]
    given = {**data, "amount": session["amount_total"], "currency": session["currency"],
             "customer": session["customer"]}  # fmt: skip
    intent = intents.blank(world, given, session=session["id"])
    world.emit("payment_intent.created", intent)
    return world.change(session, payment_intent=intent["id"]), intent


def follow(world: World, intent: Thing) -> None:
    """Bring the session to where its intent went."""
    session = world.store.find(world.store.hidden(intent["id"]).get("session", ""), "checkout.session")
    if session is None:
        return
    if session["status"] == "open" and intent["status"] in {"succeeded", "processing"}:
        paid = intent["status"] == "succeeded"
        done = world.change(session, status="complete", payment_status="paid" if paid else "unpaid", url=None)
        world.emit("checkout.session.completed", done)
    elif session["status"] == "complete" and session["payment_status"] == "unpaid":
        if intent["status"] == "succeeded":
            done = world.change(session, payment_status="paid")
            world.emit("checkout.session.async_payment_succeeded", done)
        elif intent["last_payment_error"]:
            world.emit("checkout.session.async_payment_failed", session)


def completed_setup(world: World, session: Thing) -> Thing:
    done = world.change(session, status="complete", payment_status="no_payment_required", url=None)
    world.emit("checkout.session.completed", done)
    return done


def success_url(session: Thing) -> str:
    return str(session["success_url"]).replace(PLACEHOLDER, session["id"])


def with_details(world: World, session: Thing, details: Thing) -> Thing:
    """What the buyer typed; a customer made on the spot when there was none."""
    blank: Thing = {"business_name": None, "individual_name": None, "phone": None, "tax_exempt": "none", "tax_ids": []}
    session = world.change(session, customer_details={**blank, **details})
    wanted = session["customer_creation"] == "always"
    if session["customer"] is None and wanted:
        made = customers.create(world, {name: details[name] for name in ("email", "name") if details.get(name)})
        return world.change(session, customer=made["id"])
    allowed = world.store.hidden(session["id"])["customer_update"]
    changes = {name: details[name] for name in ("address", "name") if allowed.get(name) == "auto" and details[name]}
    if session["customer"] and changes:
        customers.update(world, changes, session["customer"])
    return session
