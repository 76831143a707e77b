"""The pages a buyer sees: the hosted checkout and the bank's 3-D Secure question. They work without JavaScript."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox.stripe import cards, currency, intents, methods, sessions, setups
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import Cause, World

_PAGES = Path(__file__).with_name("pages")
_TEMPLATES = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined)
_STYLE = Markup((_PAGES / "style.css").read_text("utf-8"))
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}
COUNTRIES = (
    ("AT", "Austria"), ("AU", "Australia"), ("BE", "Belgium"), ("BR", "Brazil"), ("CA", "Canada"),
    ("CH", "Switzerland"), ("CZ", "Czechia"), ("DE", "Germany"), ("DK", "Denmark"), ("ES", "Spain"),
    ("FI", "Finland"), ("FR", "France"), ("GB", "United Kingdom"), ("IE", "Ireland"), ("IN", "India"),
    ("IT", "Italy"), ("JP", "Japan"), ("NL", "Netherlands"), ("NO", "Norway"), ("NZ", "New Zealand"),
    ("PL", "Poland"), ("PT", "Portugal"), ("SE", "Sweden"), ("SG", "Singapore"), ("US", "United States"),
)  # fmt: skip
_EXPIRY = re.compile(r"^\s*(0?[1-9]|1[0-2])\s*/?\s*(\d{2}|20\d{2})\s*$")
#: Cards offered as buttons; the rest is in the suggestions of the card number.
_TRIES = ("4000002760003184", "4000002500003155", "4000000000000002", "4000000000009995", "4000000000000259",
          "4000000000007726", "4000000000005126")  # fmt: skip


class Complaint(Exception):
    """What the buyer typed is no good; the message says why."""


class Hosted:
    def __init__(self, world: World, after: Callable[[], None]) -> None:
        self._world = world
        self._after = after

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/c/pay/{session}", self.checkout, methods=["GET"]),
            Route("/c/pay/{session}", self.pay, methods=["POST"]),
            Route("/c/3ds/{wanted}", self.ask, methods=["GET"]),
            Route("/c/3ds/{wanted}", self.answer, methods=["POST"]),
            Route("/receipts/{charge}", self.receipt, methods=["GET"]),
        ]

    async def checkout(self, request: Request) -> Response:
        session = self._world.store.find(request.path_params["session"], "checkout.session")
        if session is None:
            return _over("No such checkout", "This address belongs to no order.", status=404)
        return self._closed(session) or self._form(session, {}, "")

    async def pay(self, request: Request) -> Response:
        """One press of a button; pressing it again after the money was taken changes nothing."""
        typed = await request.form()
        session = self._world.store.find(request.path_params["session"], "checkout.session")
        if session is None:
            return _over("No such checkout", "This address belongs to no order.", status=404)
        closed = self._closed(session)
        if closed:
            return closed
        with self._world.store.transaction(), self._world.caused_by(Cause(base=_base(request))):
            outcome = self._tried(session, typed)
        self._after()
        return outcome

    def pay_directly(self, session: Thing, given: Mapping[str, Any]) -> Thing:
        """What the form does, without the form: by a `card`'s number or token, an `iban`, or a `saved` method."""
        world = self._world
        if not sessions.is_open(world, session):
            raise ValueError(f"{session['id']} is {session['status']}")
        billing = {"billing_details": {"email": given.get("email", "jamie@example.com"), "name": given.get("name"),
                                       "address": {"country": given.get("country", "DE")}}}  # fmt: skip
        if "iban" in given:
            account = cards.by_iban(given["iban"])
            method = methods.from_account(world, account, billing) if account else None
        elif "saved" in given:
            method = world.get("payment_method", given["saved"])
        else:
            card = cards.by_number(given.get("card", "4242424242424242")) or cards.by_token(given.get("card", ""))
            method = methods.from_card(world, card, billing) if card else None
        if method is None:
            raise ValueError("that is none of the test cards and accounts")
        return self._attempted(session, method, billing["billing_details"], passed=given.get("authenticate"))

    def _attempted(self, session: Thing, method: Thing, details: Thing, *, passed: bool | None) -> Thing:
        world = self._world
        session = sessions.with_details(world, session, _details(details, method))
        session = sessions.with_country(world, session, _country_of(method))
        if session["mode"] == "setup":
            done = setups.attempt(world, world.get("setup_intent", session["setup_intent"]), method)
            if done["status"] == "requires_action" and passed is not None:
                done = setups.authenticated(world, done, passed=passed)
            return sessions.completed_setup(world, session) if done["status"] == "succeeded" else session
        _, intent = sessions.intent_of(world, session)
        tried = intents.attempt(world, intent, method)
        if tried["status"] == "requires_action" and passed is not None:
            tried = intents.authenticated(world, tried, passed=passed)
        return tried

    async def ask(self, request: Request) -> Response:
        found = self._asking(request)
        if found is None:
            return _over("Nothing to confirm", "This question has been answered, or was never asked.", status=404)
        method = self._world.get("payment_method", found["payment_method"])
        card = f"Your {method['card']['brand'].title()} ending in {method['card']['last4']}"
        total = currency.text(found["amount"], found["currency"]) if "amount" in found else ""
        return _page("secure.html", card=card, total=total)

    async def answer(self, request: Request) -> Response:
        typed = await request.form()
        found = self._asking(request)
        if found is None:
            return _over("Nothing to confirm", "This question has been answered, or was never asked.", status=404)
        passed = typed.get("act") == "pass"
        with self._world.store.transaction(), self._world.caused_by(Cause(base=_base(request))):
            side = intents if found["object"] == "payment_intent" else setups
            done = side.authenticated(self._world, found, passed=passed)
            outcome = self._after_question(found, done)
        self._after()
        return outcome

    async def receipt(self, request: Request) -> Response:
        charge = self._world.store.find(request.path_params["charge"], "charge")
        if charge is None:
            return _over("No such receipt", "This address belongs to no payment.", status=404)
        amount = currency.text(charge["amount"], charge["currency"])
        return _over(
            "Receipt", f"{amount}, {charge['status']} on {_day(charge['created'])}. Sandbox payment {charge['id']}."
        )

    # Paying

    def _tried(self, session: Thing, typed: FormData) -> Response:
        """Take what the form says; the page again when it is no good."""
        given = {name: str(value).strip() for name, value in typed.items()}
        act, _, shortcut = given.get("act", "").partition(":")
        if shortcut:
            given["number" if act == "card" else "iban"] = shortcut
            given["saved"] = ""
        given["iban_open"] = "yes" if act == "debit" else ""
        try:
            method = self._method(session, act, given)
        except Complaint as complaint:
            return self._form(session, given, str(complaint))
        session = sessions.with_details(self._world, session, _details(given, method))
        session = sessions.with_country(self._world, session, given.get("country") or _country_of(method))
        if session["mode"] == "setup":
            return self._saved(session, method)
        session, intent = sessions.intent_of(self._world, session)
        return self._charged(session["id"], intents.attempt(self._world, intent, method), given)

    def _method(self, session: Thing, act: str, given: Mapping[str, str]) -> Thing:
        """The payment method the buyer chose; `Complaint` says what is wrong with it."""
        if act == "debit" and "sepa_debit" in session["payment_method_types"]:
            account = cards.by_iban(given.get("iban", ""))
            if account is None:
                raise Complaint("That IBAN is none of the sandbox's accounts: choose one of those below the field.")
            return methods.from_account(self._world, account, _billing(given))
        if given.get("saved"):
            kept = self._world.store.find(given["saved"], "payment_method")
            if kept is None or session["customer"] is None or kept["customer"] != session["customer"]:
                raise Complaint("That saved card is gone: choose another.")
            return kept
        card, dates = _typed_card(given)
        return methods.from_card(self._world, card, {**_billing(given), **dates})

    def _charged(self, session_id: str, intent: Thing, given: Mapping[str, str]) -> Response:
        session = self._world.get("checkout.session", session_id)
        if intent["status"] == "requires_action":
            return _go(intent["next_action"]["redirect_to_url"]["url"])
        if intent["last_payment_error"]:
            return self._form(session, given, intent["last_payment_error"]["message"])
        return _go(sessions.success_url(session))

    def _saved(self, session: Thing, method: Thing) -> Response:
        setup = self._world.get("setup_intent", session["setup_intent"])
        done = setups.attempt(self._world, setup, method)
        if done["status"] == "requires_action":
            return _go(done["next_action"]["redirect_to_url"]["url"])
        if done["last_setup_error"]:
            return self._form(session, {}, done["last_setup_error"]["message"])
        sessions.completed_setup(self._world, session)
        return _go(sessions.success_url(session))

    def _after_question(self, before: Thing, done: Thing) -> Response:
        """Back to the checkout this was part of, or to where the merchant's own page said."""
        session = self._world.store.find(self._world.store.hidden(done["id"]).get("session", ""), "checkout.session")
        error = done.get("last_payment_error") or done.get("last_setup_error")
        if session is None:
            url = before["next_action"]["redirect_to_url"]["return_url"]
            name = done["object"]
            query = {name: done["id"], f"{name}_client_secret": done["client_secret"],
                     "redirect_status": "failed" if error else "succeeded"}  # fmt: skip
            if not url:
                return _over("Thank you", "You can close this page.")
            return _go(f"{url}{'&' if '?' in url else '?'}{urlencode(query)}")
        if error:
            return self._form(session, {}, error["message"])
        if session["mode"] == "setup":
            sessions.completed_setup(self._world, session)
        return _go(sessions.success_url(session))

    def _asking(self, request: Request) -> Thing | None:
        wanted = request.path_params["wanted"]
        found = self._world.store.find(wanted, "payment_intent") or self._world.store.find(wanted, "setup_intent")
        return found if found and found["status"] == "requires_action" else None

    # Showing

    def _closed(self, session: Thing) -> Response | None:
        """What is shown instead of the form once a session is over."""
        if session["status"] == "complete":
            return _go(sessions.success_url(session))
        if not sessions.is_open(self._world, session):
            return _over(
                "This checkout has expired",
                "Nothing was charged. Go back to the shop and start again.",
                link=session["cancel_url"] or "",
                link_title="Go back",
                status=410,
            )
        return None

    def _form(self, session: Thing, given: Mapping[str, str], complaint: str) -> Response:
        world = self._world
        sold = world.store.hidden(session["id"])["line_items"]
        customer = world.store.find(session["customer"] or "", "customer") or {}
        saving = session["mode"] == "setup"
        spoken = session["currency"] or "eur"
        total = "" if saving else currency.text(session["amount_total"], spoken)
        keeps = world.store.hidden(session["id"])["intent"].get("setup_future_usage")
        return _page(
            "checkout.html",
            status=402 if complaint else 200,
            what="Save a card" if saving else ", ".join(line["description"] for line in sold),
            total=total,
            lines=[_shown_line(line) for line in sold],
            tax=currency.text(session["total_details"]["amount_tax"], spoken)
            if not saving and session["total_details"]["amount_tax"]
            else "",
            cancel_url=session["cancel_url"],
            reference=session["client_reference_id"],
            until=datetime.fromtimestamp(session["expires_at"], UTC).strftime("%-d %b %H:%M"),
            complaint=complaint,
            saving=saving,
            saves=bool(keeps) or saving,
            saved=self._saved_cards(session),
            fixed_email=bool(customer.get("email") or session["customer_email"]),
            given=_filled(given, session, customer),
            cards=[_shown_card(card) for card in cards.CARDS],
            tries=[_shown_card(card) for card in cards.CARDS if card.number in _TRIES],
            debit="sepa_debit" in session["payment_method_types"] and not saving,
            accounts=cards.ACCOUNTS,
            countries=COUNTRIES,
        )

    def _saved_cards(self, session: Thing) -> list[Thing]:
        if not session["customer"] or session["mode"] == "setup":
            return []
        where = [("customer", "=", session["customer"]), ("type", "=", "card")]
        kept = self._world.store.page("payment_method", where, limit=5).things
        return [
            {"id": each["id"], "brand": each["card"]["brand"].title(), "last4": each["card"]["last4"]} for each in kept
        ]


def _typed_card(given: Mapping[str, str]) -> tuple[cards.Card, dict[str, Any]]:
    """The test card that was typed in, and its dates."""
    if "@" not in given.get("email", ""):
        raise Complaint("Enter your email address.")
    card = cards.by_number(given.get("number", ""))
    if card is None:
        raise Complaint("Your card number is incorrect: only test cards work here, such as 4242 4242 4242 4242.")
    expiry = _EXPIRY.match(given.get("expiry", ""))
    if not expiry:
        raise Complaint("Enter the card's expiry as month and year, such as 12 / 34.")
    month, year = int(expiry.group(1)), 2000 + int(expiry.group(2)) % 100
    today = datetime.now(UTC)
    if (year, month) < (today.year, today.month):
        raise Complaint("Your card has expired.")
    if not given.get("cvc", "").isdecimal():
        raise Complaint("Your card's security code is incomplete.")
    return card, {"card": {"exp_month": month, "exp_year": year}}


def _filled(given: Mapping[str, str], session: Thing, customer: Mapping[str, Any]) -> dict[str, str]:
    """The form as it is to be shown: what was typed, else what is known, else a card that pays."""
    address = customer.get("address") or {}
    known = {
        "email": customer.get("email") or session["customer_email"] or "jamie@example.com",
        "number": "4242 4242 4242 4242",
        "expiry": "12 / 34",
        "cvc": "123",
        "name": customer.get("name") or "Jamie Rivera",
        "country": address.get("country") or "DE",
        "postal_code": address.get("postal_code") or "10115",
        "iban": cards.ACCOUNTS[0].iban,
        "saved": "",
        "iban_open": "",
    }
    return {name: given.get(name, value) for name, value in known.items()}


def _billing(given: Mapping[str, str]) -> dict[str, Any]:
    address = {"country": given.get("country"), "postal_code": given.get("postal_code")}
    return {"billing_details": {"email": given.get("email"), "name": given.get("name"), "address": address}}


def _details(given: Mapping[str, str], method: Thing) -> Thing:
    """`customer_details` of the session."""
    billing = method["billing_details"]
    return {
        "address": billing["address"],
        "email": given.get("email") or billing["email"],
        "name": given.get("name") or billing["name"],
    }


def _country_of(method: Thing) -> str | None:
    typed = method["billing_details"]["address"]["country"] or method[method["type"]]["country"]
    return str(typed) if typed else None


def _shown_line(line: Thing) -> Thing:
    unit = currency.text(line["price"]["unit_amount"], line["currency"])
    amount = currency.text(line["amount_subtotal"], line["currency"])
    return {"name": line["description"], "quantity": line["quantity"], "unit": unit, "amount": amount}


def _shown_card(card: cards.Card) -> dict[str, str]:
    spaced = " ".join(card.number[at : at + 4] for at in range(0, len(card.number), 4))
    return {"number": card.number, "spaced": spaced, "title": card.title}


def _page(name: str, status: int = 200, **shown: Any) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(name).render(style=_STYLE, **shown), status, headers=_HEADERS)


def _over(title: str, sentence: str, *, link: str = "", link_title: str = "", status: int = 200) -> Response:
    return _page("over.html", status, title=title, sentence=sentence, link=link, link_title=link_title)


def _go(url: str) -> Response:
    return RedirectResponse(url, 303, headers={"cache-control": "no-store"})


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%-d %b %Y")


def _base(request: Request) -> str:
    path = request.url.path
    return f"{request.url.scheme}://{request.url.netloc}{path[: path.index('/c/')]}"
