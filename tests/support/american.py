"""A seller who leaves the United States to Stripe Tax, and buyers there, at a till."""

from dataclasses import replace
from typing import Any

from app.invoicing.profiles import ProfileForm
from tests.support.till import Till

NEW_YORK = ProfileForm(
    kind="person",
    name="Ada Byron",
    line1="350 5th Ave",
    postcode="10118",
    city="New York",
    state="NY",
    country="US",
    email="ada@example.com",
)
PORTLAND = replace(NEW_YORK, line1="1120 SW 5th Ave", postcode="97204", city="Portland", state="OR")
NOWHERE = replace(NEW_YORK, postcode="90012")  # a postcode of another state
CALCULATIONS, TRANSACTIONS = "/v1/tax/calculations", "/v1/tax/transactions/create_from_calculation"
REVERSALS = "/v1/tax/transactions/create_reversal"


def leave_to_stripe_tax(till: Till, form: ProfileForm = NEW_YORK, **changes: Any) -> None:
    """The seller leaves the US to Stripe Tax; the customer lives there."""
    sellers = till.services.invoicing.sellers
    sellers.save(replace(sellers.current(), tax_source="stripe_tax", **changes), author="test")
    move(till, form)


def move(till: Till, form: ProfileForm) -> None:
    till.services.invoicing.profiles.save(till.workspace_id, form, actor=till.user_id)


def asked(till: Till, path: str) -> int:
    """How often Stripe was really asked this, repetitions under one key not counted."""
    requests = till.stripe.look("requests", path=path)["requests"]
    return len([each for each in requests if not each["replayed"]])


def reported(till: Till) -> list[Any]:
    """What Stripe Tax knows of our sales, the oldest first: (reference, type, amount, tax)."""
    ids = till.rows("SELECT external_id FROM tax_report WHERE external_id IS NOT NULL ORDER BY id")
    found = [till.client.v1.tax.transactions.retrieve(each, {"expand": ["line_items"]}) for [each] in ids]
    return [
        (one.reference, one.type, one.line_items.data[0].amount, one.line_items.data[0].amount_tax) for one in found
    ]


def tell(till: Till) -> int:
    """A turn of the chore that tells Stripe Tax."""
    return till.run(till.cashier.report_taxes())


def states(till: Till) -> list[tuple[str, str, str | None]]:
    """Every report: kind, state, and why it was refused."""
    return [tuple(row) for row in till.rows("SELECT kind, state, failure_code FROM tax_report ORDER BY id")]
