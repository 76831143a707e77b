"""Short ways to what most tests need: a checkout session, a saved card, a paid intent."""

from typing import Any

import stripe

ORDER = {"payment_order": "ord_1", "account": "ws_1", "env": "test"}


def session_params(customer: str | None = None, amount: int = 2_380, currency: str = "eur", **more: Any) -> dict:
    """A session as the application asks for one."""
    return {
        "mode": "payment",
        **({"customer": customer} if customer else {}),
        "client_reference_id": "ord_1",
        "metadata": ORDER,
        "payment_intent_data": {"metadata": ORDER},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount,
                    "product_data": {"name": "20,000 credits", "tax_code": "txcd_10000000"},
                },
            }
        ],
        "success_url": "http://localhost/done?cs={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://localhost/back",
        "automatic_tax": {"enabled": False},
        "adaptive_pricing": {"enabled": False},
        **more,
    }


def session(client: stripe.StripeClient, customer: str | None = None, **more: Any) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.create(session_params(customer, **more))


def look(client: stripe.StripeClient, session_id: str, *expand: str) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.retrieve(session_id, {"expand": list(expand)})


def saved_card(client: stripe.StripeClient, customer: str, token: str = "pm_card_visa") -> str:
    """The id of a card saved by a setup intent."""
    setup = client.v1.setup_intents.create({"customer": customer, "payment_method": token, "confirm": True})
    assert setup.status == "succeeded"
    return str(setup.payment_method)


def charge(client: stripe.StripeClient, customer: str, card: str, amount: int = 5_000, **options: Any):
    """Charge a saved card while nobody is there."""
    params = {
        "amount": amount,
        "currency": "eur",
        "customer": customer,
        "payment_method": card,
        "off_session": True,
        "confirm": True,
        "metadata": ORDER,
    }
    return client.v1.payment_intents.create(params, options)


def paid(client: stripe.StripeClient, customer: str, amount: int = 5_000, token: str = "pm_card_visa"):
    """A payment intent that has succeeded."""
    return client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "eur",
            "customer": customer,
            "payment_method": token,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
