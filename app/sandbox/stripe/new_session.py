"""A new checkout session: what may be asked for, and the object it makes."""

from typing import Any

from app.sandbox.stripe import currency as currencies
from app.sandbox.stripe import lines
from app.sandbox.stripe.errors import Refused, bad_parameter
from app.sandbox.stripe.lines import Totals
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
#: A clock that differs by a little, and the time a request takes, must not refuse the shortest session.
SLACK_SECONDS = 60
#: Members that repeat what was asked for.
_AS_GIVEN = (
    "allow_promotion_codes", "allowed_payment_method_types", "billing_address_collection", "cancel_url",
    "client_reference_id", "consent_collection", "customer", "customer_email", "excluded_payment_method_types",
    "integration_identifier", "locale", "mode", "origin_context", "submit_type", "success_url", "tax_id_collection",
)  # fmt: skip
#: Members that are nothing at first, and mostly for ever: the sandbox plays no part of them.
_NOTHING = (
    "adaptive_pricing", "after_expiration", "amount_subtotal", "amount_total", "branding_settings", "client_secret",
    "collected_information", "consent", "currency_conversion", "customer_account", "customer_details", "invoice",
    "invoice_creation", "name_collection", "optional_items", "payment_intent", "payment_link",
    "payment_method_configuration_details", "permissions", "presentment_details", "recovered_from",
    "redirect_on_completion", "return_url", "saved_payment_method_options", "setup_intent",
    "shipping_address_collection", "shipping_cost", "subscription", "total_details", "wallet_options",
)  # fmt: skip


def of(world: World, given: dict[str, Any]) -> tuple[Thing, dict[str, Any]]:
    """The session, and what it needs to remember: its lines, and what its intent is to be made with."""
    _check(world, given, given.get("mode"))
    sold, currency = _sold(world, given, given.get("mode"))
    session = _blank(world, given, lines.totals(sold), currency)
    hidden = {
        "line_items": sold,
        "intent": given.get("payment_intent_data", {}),
        "customer_update": given.get("customer_update", {}),
    }
    return session, hidden


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


def _blank(world: World, given: dict[str, Any], sums: Totals, currency: str | None) -> Thing:
    """The session as the API answers it: what was given, what follows from it, and many members that are nothing."""
    wanted, paying = new_id("cs_test"), given["mode"] == "payment"
    plain = {name: given.get(name) for name in _AS_GIVEN}
    return {
        "id": wanted,
        "object": "checkout.session",
        **dict.fromkeys(_NOTHING),
        **plain,
        **(_of_payment(given, sums) if paying else {}),
        "automatic_tax": _automatic_tax(given),
        "created": world.now(),
        "currency": currency,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer_creation": None if given.get("customer") else given.get("customer_creation", "if_required"),
        "discounts": [],
        "expires_at": _expiry(world, given),
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": merged({}, given.get("metadata")),
        "payment_method_collection": "if_required" if paying else "always",
        "payment_method_options": given.get("payment_method_options", {}),
        "payment_method_types": _kinds(given, currency),
        "payment_status": "unpaid" if paying else "no_payment_required",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted_page",
        "url": f"{world.base()}/c/pay/{wanted}",
    }


def _of_payment(given: dict[str, Any], sums: Totals) -> Thing:
    """What only a session that takes money has."""
    return {
        "adaptive_pricing": {"enabled": given.get("adaptive_pricing", {}).get("enabled", True)},
        "amount_subtotal": sums.subtotal,
        "amount_total": sums.total,
        "invoice_creation": _invoice_creation(given),
        "saved_payment_method_options": _saved(given) if given.get("customer") else None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": sums.tax},
    }


def _automatic_tax(given: dict[str, Any]) -> Thing:
    if not given.get("automatic_tax", {}).get("enabled"):
        return {"enabled": False, "liability": None, "provider": None, "status": None}
    return {"enabled": True, "liability": {"type": "self"}, "provider": "stripe", "status": "requires_location_inputs"}


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
