"""What a buyer does: choose how to pay, try, answer the bank. The hosted page and the control page both go this way."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.sandbox.stripe import cards, intents, methods, sessions, setups
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World

_EXPIRY = re.compile(r"^\s*(0?[1-9]|1[0-2])\s*/?\s*(\d{2}|20\d{2})\s*$")

Fields = Mapping[str, str]


class Complaint(Exception):
    """What the buyer typed is no good; the message says why."""


def by_card(world: World, fields: Fields) -> Thing:
    """A payment method from number, expiry, cvc, name, email and country."""
    card = cards.by_number(fields.get("number", ""))
    if "@" not in fields.get("email", ""):
        raise Complaint("Enter your email address.")
    if card is None:
        raise Complaint("Your card number is incorrect: only test cards work here, such as 4242 4242 4242 4242.")
    month, year = _expiry(fields.get("expiry", ""))
    if not fields.get("cvc", "").isdecimal():
        raise Complaint("Your card's security code is incomplete.")
    return methods.from_card(world, card, {**_billing(fields), "card": {"exp_month": month, "exp_year": year}})


def by_debit(world: World, fields: Fields) -> Thing:
    """A payment method from iban, name and email."""
    if "@" not in fields.get("email", ""):
        raise Complaint("Enter your email address.")
    account = cards.by_iban(fields.get("iban", ""))
    if account is None:
        raise Complaint("That IBAN is none of the sandbox's accounts: choose one of those below the field.")
    return methods.from_account(world, account, _billing({**fields, "country": account.country}))


def by_saved(world: World, session: Thing, wanted: str) -> Thing:
    """One of the customer's saved cards."""
    kept = world.store.find(wanted, "payment_method")
    if kept is None or session["customer"] is None or kept["customer"] != session["customer"]:
        raise Complaint("That saved card is gone: choose another.")
    return kept


def attempt(world: World, session: Thing, method: Thing, fields: Fields) -> Thing:
    """Try to pay (or to save the card); the intent as it is afterwards. A paid session is complete by then."""
    details = {**method["billing_details"], **{name: fields[name] for name in ("email", "name") if fields.get(name)}}
    country = details["address"]["country"] or method[method["type"]]["country"]
    session = sessions.with_details(world, session, {name: details[name] for name in ("address", "email", "name")})
    session = sessions.with_country(world, session, country)
    if session["mode"] == "setup":
        setup = setups.attempt(world, world.get("setup_intent", session["setup_intent"]), method)
        return _followed(world, session, setup)
    session, intent = sessions.intent_of(world, session)
    return intents.attempt(world, intent, method)


def answer(world: World, intent: Thing, *, passed: bool) -> Thing:
    """What the buyer told the bank when it asked."""
    if intent["object"] == "payment_intent":
        return intents.authenticated(world, intent, passed=passed)
    done = setups.authenticated(world, intent, passed=passed)
    session = session_of(world, done)
    return _followed(world, session, done) if session else done


def session_of(world: World, intent: Thing) -> Thing | None:
    """The checkout this intent is part of, if it is."""
    return world.store.find(world.store.hidden(intent["id"]).get("session", ""), "checkout.session")


def complaint_of(intent: Thing) -> str:
    """What went wrong with the last attempt, for the buyer."""
    error = intent.get("last_payment_error") or intent.get("last_setup_error")
    return str(error["message"]) if error else ""


def last_complaint(world: World, session: Thing) -> str:
    """What went wrong with the last attempt of a session."""
    intent = world.store.find(session["payment_intent"] or session["setup_intent"] or "")
    return complaint_of(intent) if intent else ""


def asks(intent: Thing) -> str | None:
    """Where the bank asks, while it does."""
    return str(intent["next_action"]["redirect_to_url"]["url"]) if intent["status"] == "requires_action" else None


def _followed(world: World, session: Thing, setup: Thing) -> Thing:
    if setup["status"] == "succeeded":
        sessions.completed_setup(world, session)
    return setup


def _expiry(typed: str) -> tuple[int, int]:
    found = _EXPIRY.match(typed)
    if not found:
        raise Complaint("Enter the card's expiry as month and year, such as 12 / 34.")
    month, year = int(found.group(1)), 2000 + int(found.group(2)) % 100
    today = datetime.now(UTC)
    if (year, month) < (today.year, today.month):
        raise Complaint("Your card has expired.")
    return month, year


def _billing(fields: Fields) -> dict[str, Any]:
    address = {"country": fields.get("country"), "postal_code": fields.get("postal_code")}
    return {"billing_details": {"email": fields.get("email"), "name": fields.get("name"), "address": address}}
