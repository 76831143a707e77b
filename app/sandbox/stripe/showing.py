"""The buyer's pages as HTML: what a session, a card or an end looks like."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from app.sandbox.stripe import cards, currency
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World

_PAGES = Path(__file__).with_name("pages")
_TEMPLATES = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
_STYLE = Markup((_PAGES / "style.css").read_text("utf-8"))  # our own file, not anybody's words
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
#: Cards offered as buttons; the others are suggested while the number is typed.
TRIED = ("4000002760003184", "4000002500003155", "4000000000000002", "4000000000009995", "4000000000000259",
         "4000000000007726", "4000000000005126")  # fmt: skip
SAVED_SHOWN = 5


def checkout(world: World, session: Thing, fields: Mapping[str, str], complaint: str) -> Response:
    """The form to pay by, filled with what was typed or is known."""
    customer = world.store.find(session["customer"] or "", "customer") or {}
    hidden = world.store.hidden(session["id"])
    saving = session["mode"] == "setup"
    return page(
        "checkout.html",
        402 if complaint else 200,
        **_sale(session, hidden["line_items"]),
        cancel_url=session["cancel_url"],
        reference=session["client_reference_id"],
        until=datetime.fromtimestamp(session["expires_at"], UTC).strftime("%-d %b %H:%M"),
        complaint=complaint,
        saving=saving,
        keeps=saving or bool(hidden["intent"].get("setup_future_usage")),
        saved=[] if saving else _saved(world, session),
        fixed_email=bool(customer.get("email") or session["customer_email"]),
        fields=_filled(fields, session, customer),
        cards=[_card(card) for card in cards.CARDS],
        tried=[_card(card) for card in cards.CARDS if card.number in TRIED],
        debit="sepa_debit" in session["payment_method_types"] and not saving,
        debit_open=fields.get("act", "").startswith("debit"),
        accounts=[{"iban": each.iban, "spaced": _spaced(each.iban), "title": each.title} for each in cards.ACCOUNTS],
        countries=COUNTRIES,
    )


def question(world: World, intent: Thing) -> Response:
    """The bank's 3-D Secure page."""
    method = world.get("payment_method", intent["payment_method"])
    total = currency.text(intent["amount"], intent["currency"]) if "amount" in intent else ""
    card = f"{method['card']['brand'].title()} ending in {method['card']['last4']}"
    return page("secure.html", card=card, total=total)


def receipt(charge: Thing) -> Response:
    day = datetime.fromtimestamp(charge["created"], UTC).strftime("%-d %b %Y")
    amount = currency.text(charge["amount"], charge["currency"])
    return over("Receipt", f"{amount}, {charge['status']} on {day}. Sandbox payment {charge['id']}.")


def over(title: str, sentence: str, *, link: str = "", link_title: str = "", status: int = 200) -> Response:
    """A page with one sentence and perhaps a way on."""
    return page("over.html", status, title=title, sentence=sentence, link=link, link_title=link_title)


def page(name: str, status: int = 200, **shown: Any) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(name).render(style=_STYLE, **shown), status, headers=_HEADERS)


def _sale(session: Thing, lines: list[Thing]) -> dict[str, Any]:
    """What is sold and for how much; nothing when only a card is to be saved."""
    if session["mode"] == "setup":
        return {"what": "Save a card", "total": "", "tax": "", "lines": []}
    spoken, tax = session["currency"], session["total_details"]["amount_tax"]
    return {
        "what": ", ".join(line["description"] for line in lines),
        "total": currency.text(session["amount_total"], spoken),
        "tax": currency.text(tax, spoken) if tax else "",
        "lines": [_line(line) for line in lines],
    }


def _line(line: Thing) -> Thing:
    unit = currency.text(line["price"]["unit_amount"], line["currency"])
    amount = currency.text(line["amount_subtotal"], line["currency"])
    return {"name": line["description"], "quantity": line["quantity"], "unit": unit, "amount": amount}


def _saved(world: World, session: Thing) -> list[Thing]:
    if not session["customer"]:
        return []
    where = [("customer", "=", session["customer"]), ("type", "=", "card")]
    kept = world.store.page("payment_method", where, limit=SAVED_SHOWN).things
    return [{**each["card"], "id": each["id"], "brand": each["card"]["brand"].title()} for each in kept]


def _filled(fields: Mapping[str, str], session: Thing, customer: Mapping[str, Any]) -> dict[str, str]:
    """What was typed, else what is known, else a card that pays."""
    address = customer.get("address") or {}
    known = {
        "email": customer.get("email") or session["customer_email"] or "jamie@example.com",
        "number": "4242 4242 4242 4242",
        "expiry": "12 / 34",
        "cvc": "123",
        "name": customer.get("name") or "Jamie Rivera",
        "country": address.get("country") or "DE",
        "postal_code": address.get("postal_code") or "10115",
        "iban": _spaced(cards.ACCOUNTS[0].iban),
        "saved": "",
    }
    shown = {name: fields.get(name, value) for name, value in known.items()}
    return {**shown, "number": _spaced("".join(shown["number"].split()))}


def _card(card: cards.Card) -> dict[str, str]:
    return {"number": card.number, "spaced": _spaced(card.number), "title": card.title}


def _spaced(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
