"""Invoices of the billing engine at a till: issued, charged to the card on file, paid, credited."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, text

from app.billing import credit_notes, invoices, one_off
from app.billing.audit import run_audit
from app.kernel.given import Given
from app.payments.consent import INVOICES_WORDING, Consent
from app.payments.saved_card_rows import SavedCard
from app.plans import customers
from tests.support.till import VISA, Till
from tests.support.topups import behave, card_on_file

T = TypeVar("T")


def write(till: Till, deed: Callable[..., T], *args: Any, **more: Any) -> T:
    """In a transaction, now."""
    with till.services.db.write() as connection:
        return deed(connection, *args, now=till.time(), **more)


def issued(till: Till, amount: str = "100", currency: str = "eur", **more: Any) -> str:
    """A finalised invoice; with 19 % tax."""

    def make(connection: Connection, now: Any) -> str:
        customer = customers.of_workspace(connection, till.workspace_id, now=now)
        wish = {"customer_id": customer.id, "currency": currency, "subtotal": amount, "description": "Work", **more}
        row = one_off.create(connection, Given(wish), actor="test", now=now)
        return str(invoices.finalize(connection, row.id, now=now).id)

    return write(till, make)


def agreed(till: Till, card: str = VISA, behaviour: str = "") -> SavedCard:
    """A card on file that the invoices are charged to."""
    saved = card_on_file(till, card)
    till.run(till.services.collecting.turn_on(till.workspace_id, saved.id, consent(till)))
    if behaviour:
        behave(till, saved, behaviour)
    return saved


def consent(till: Till) -> Consent:
    return Consent(INVOICES_WORDING, till.user_id, "203.0.113.7")


def collect(till: Till, **later: float) -> int:
    """A turn of the chore, after a while if so."""
    passed = timedelta(**later)
    till.time.ahead += passed
    if passed:
        till.stripe.ctl("clock", advance=passed.total_seconds())
    return till.run(till.services.collecting.run_due())


def bill(till: Till, invoice_id: str) -> Row[Any]:
    with till.services.db.read() as connection:
        return invoices.find(connection, invoice_id)


def credit(till: Till, invoice_id: str, target: str = "BACK_TO_SOURCE") -> str:
    """All of what was paid goes back."""
    wish = Given({"invoice_id": invoice_id, "reason": "SERVICE_ISSUE", "refund_target": target})
    note = write(till, credit_notes.create, wish, actor="test")
    return str(write(till, credit_notes.finalize, note.id).id)


def rows(till: Till, table: str) -> list[Row[Any]]:
    order = "asked_at" if table == "billing_charge" else "created_at"
    with till.services.db.read() as connection:
        return list(connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")))


def intents(till: Till) -> list[Any]:
    """What Stripe was asked for invoices and knows of."""
    found = till.client.v1.payment_intents.list({"limit": 100}).data
    return [intent for intent in found if intent.metadata.to_dict().get("payment_order", "").startswith("pay_")]


def assert_clean(till: Till) -> None:
    assert run_audit(till.services.db, till.time()) == []
    till.assert_books_balance()
