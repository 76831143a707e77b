"""Checkout sessions: one purchase on the hosted page."""

from typing import Any

from app.sandbox.stripe import currency as currencies
from app.sandbox.stripe import customers, intents, lines, listing, setups
from app.sandbox.stripe.errors import Refused, bad_parameter
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
#: A clock that differs by a little, and the time a request takes, must not refuse the shortest session.
SLACK_SECONDS = 60
PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


def create(world: World, given: dict[str, Any]) -> Thing:
    mode = given.get("mode")
    _check(world, given, mode)
    sold, currency = _sold(world, given, mode)
    session = _blank(world, given, sold, currency)
    world.add(
        session,
        {
            "line_items": sold,
            "intent": given.get("payment_intent_data", {}),
            "setup": given.get("setup_intent_data", {}),
            "customer_update": given.get("customer_update", {}),
        },
    )
    if mode == "setup":
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


# Creating


def _check(world: World, given: dict[str, Any], mode: str | None) -> None:
    if mode not in {"payment", "setup"}:
        raise bad_parameter("The sandbox sells in the modes payment and setup.", "mode")
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise bad_parameter("The sandbox has only the hosted page: ui_mode must be hosted_page.", "ui_mode")
    if "success_url" not in given:
        raise bad_parameter("Missing required param: success_url.", "success_url", "parameter_missing")
    for name in ("success_url", "cancel_url"):
        if name in given and not given[name].startswith(("http://", "https://")):
            raise Refused("Not a valid URL", code="url_invalid", param=name)
    if "customer" in given:
        world.get("customer", given["customer"], "customer")
        if "customer_email" in given:
            raise bad_parameter("You may only specify one of these parameters: customer, customer_email.", "customer")
        _check_update(given)
    if len(given.get("client_reference_id", "")) > 200:
        raise bad_parameter("client_reference_id has at most 200 characters.", "client_reference_id")


def _check_update(given: dict[str, Any]) -> None:
    updates = given.get("customer_update", {})
    if given.get("automatic_tax", {}).get("enabled") and updates.get("address") != "auto":
        raise bad_parameter(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to the"
            " Customer or set either `customer_update[address]` to `auto` or `customer_update[shipping]` to `auto`.",
            "automatic_tax",
        )
    if given.get("tax_id_collection", {}).get("enabled") and updates.get("name") != "auto":
        raise bad_parameter(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an"
            " existing customer, please set `customer_update[name]` to `auto`.",
            "tax_id_collection",
        )


def _sold(world: World, given: dict[str, Any], mode: str | None) -> tuple[list[Thing], str | None]:
    if mode == "setup":
        return [], given.get("currency")
    if not given.get("line_items"):
        raise bad_parameter("Missing required param: line_items.", "line_items", "parameter_missing")
    sold, currency = lines.read(world, given["line_items"])
    currencies.check(lines.totals(sold).total, currency, "line_items")
    return sold, currency


def _expiry(world: World, given: dict[str, Any]) -> int:
    wanted = int(given.get("expires_at", world.now() + LONGEST_SECONDS))
    ahead = wanted - world.now()
    if ahead < SHORTEST_SECONDS - SLACK_SECONDS:
        raise Refused(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    if ahead > LONGEST_SECONDS + SLACK_SECONDS:
        raise Refused(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at"
        )
    return wanted


def _blank(world: World, given: dict[str, Any], sold: list[Thing], currency: str | None) -> Thing:
    wanted = new_id("cs_test")
    sums = lines.totals(sold)
    taxed = bool(given.get("automatic_tax", {}).get("enabled"))
    paying = given["mode"] == "payment"
    return {
        "id": wanted,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": given.get("adaptive_pricing", {}).get("enabled", True)} if paying else None,
        "after_expiration": None,
        "allow_promotion_codes": given.get("allow_promotion_codes"),
        "allowed_payment_method_types": given.get("allowed_payment_method_types"),
        "amount_subtotal": sums.subtotal if paying else None,
        "amount_total": sums.total if paying else None,
        "automatic_tax": {
            "enabled": taxed,
            "liability": {"type": "self"} if taxed else None,
            "provider": "stripe" if taxed else None,
            "status": "requires_location_inputs" if taxed else None,
        },
        "billing_address_collection": given.get("billing_address_collection"),
        "branding_settings": None,
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": given.get("consent_collection"),
        "created": world.now(),
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None,
                        "terms_of_service_acceptance": None},
        "customer": given.get("customer"),
        "customer_account": None,
        "customer_creation": None if given.get("customer") else given.get("customer_creation", "if_required"),
        "customer_details": None,
        "customer_email": given.get("customer_email"),
        "discounts": [],
        "excluded_payment_method_types": given.get("excluded_payment_method_types"),
        "expires_at": _expiry(world, given),
        "integration_identifier": given.get("integration_identifier"),
        "invoice": None,
        "invoice_creation": _invoice_creation(given) if paying else None,
        "livemode": False,
        "locale": given.get("locale"),
        "managed_payments": {"enabled": False},
        "metadata": merged({}, given.get("metadata")),
        "mode": given["mode"],
        "name_collection": None,
        "optional_items": None,
        "origin_context": given.get("origin_context"),
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required" if paying else "always",
        "payment_method_configuration_details": None,
        "payment_method_options": given.get("payment_method_options", {}),
        "payment_method_types": _kinds(given, currency),
        "payment_status": "unpaid" if paying else "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "presentment_details": None,
        "recovered_from": None,
        "redirect_on_completion": None,
        "return_url": None,
        "saved_payment_method_options": _saved(given) if paying and given.get("customer") else None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": given.get("submit_type"),
        "subscription": None,
        "success_url": given["success_url"],
        "tax_id_collection": given.get("tax_id_collection"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": sums.tax} if paying else None,
        "ui_mode": "hosted_page",
        "url": f"{world.base()}/c/pay/{wanted}",
        "wallet_options": None,
    }  # fmt: skip


def _kinds(given: dict[str, Any], currency: str | None) -> list[str]:
    """Cards, and direct debits where Europe pays; what the merchant allowed or excluded decides."""
    offered = ["card", "sepa_debit"] if currency == "eur" else ["card"]
    allowed = given.get("allowed_payment_method_types") or offered
    left = [kind for kind in offered if kind in allowed and kind not in given.get("excluded_payment_method_types", [])]
    if not left:
        message = "No payment method types are enabled for this Checkout Session."
        raise Refused(message, param="allowed_payment_method_types")
    return left


def _saved(given: dict[str, Any]) -> Thing:
    said = given.get("saved_payment_method_options", {})
    return {
        "allow_redisplay_filters": said.get("allow_redisplay_filters", ["always"]),
        "payment_method_remove": said.get("payment_method_remove", "disabled"),
        "payment_method_save": said.get("payment_method_save"),
    }


def _invoice_creation(given: dict[str, Any]) -> Thing:
    if given.get("invoice_creation", {}).get("enabled"):
        raise bad_parameter("The sandbox makes no invoices: leave invoice_creation off.", "invoice_creation[enabled]")
    data: Thing = {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": None,
        "metadata": {},
        "rendering_options": None,
    }
    return {"enabled": False, "invoice_data": data}
