"""A customer on a plan, without a page: what the pages about plans, invoices and paying afterwards start from."""

from typing import Any

from sqlalchemy import Row

from app.billing import finalizing, invoices
from app.invoicing.seed import SELLER
from app.kernel.given import Given
from app.plans import catalog, price_book
from app.ui.pages.admin_subscriptions import asking
from tests.support.house import House


def plan(home: House, name: str, fee: str) -> str:
    """A plan with a monthly fee and a price for images; its id. The name is told apart from those of other tests."""
    with home.services.db.write() as connection:
        who = {"actor": "test", "now": home.services.desk.clock()}
        named = Given({"name": f"{name} {home.workspace_id[-8:]}"})
        made: str = catalog.create_plan(connection, named, **who)["id"]
        common = {
            "entity_type": "PLAN", "entity_id": made, "currency": "USD", "price_unit_type": "FIAT",
            "billing_period": "MONTHLY", "billing_model": "FLAT_FEE",
        }  # fmt: skip
        fixed = {"type": "FIXED", "invoice_cadence": "ADVANCE", "amount": fee, "display_name": "Base fee"}
        usage = {"type": "USAGE", "invoice_cadence": "ARREAR", "amount": "0.05", "meter_id": "meter_img_count"}
        for price in (fixed, usage):
            price_book.create(connection, Given({**common, **price}), **who)
    return made


def addon(home: House, name: str, fee: str, period: str = "MONTHLY") -> str:
    """An addon with a fee that is paid ahead; its id. The name is told apart from those of other tests."""
    with home.services.db.write() as connection:
        who = {"actor": "test", "now": home.services.desk.clock()}
        called = f"{name} {home.workspace_id[-8:]}"
        made: str = catalog.create_addon(connection, Given({"name": called, "lookup_key": called}), **who)["id"]
        price = {
            "entity_type": "ADDON", "entity_id": made, "currency": "USD", "price_unit_type": "FIAT", "type": "FIXED",
            "billing_period": period, "billing_model": "FLAT_FEE", "invoice_cadence": "ADVANCE", "amount": fee,
            "display_name": "Seats",
        }  # fmt: skip
        price_book.create(connection, Given(price), **who)
    return made


def subscribe(home: House, plan_id: str) -> Row[Any]:
    """The house's workspace is on it from now on; the draft of its first invoice."""
    body = {"plan_id": plan_id, "currency": "USD", "billing_period": "MONTHLY"}
    with home.services.db.write() as connection:
        made = asking.create(connection, home.workspace_id, body, "test", home.services.desk.clock())
    assert home.services.desk.entitled is not None
    home.services.desk.entitled.forget()
    assert made.invoice is not None
    return made.invoice


def seller(home: House) -> None:
    """Somebody who issues invoices, in the house that tests share: once."""
    if not home.services.invoicing.sellers.all():
        home.services.invoicing.sellers.save(SELLER, author="test")


def issue(home: House, invoice_id: str) -> Row[Any]:
    """A draft gets its number."""
    seller(home)
    with home.services.db.write() as connection:
        finalizing.finalize(connection, invoice_id, now=home.services.desk.clock())
        return invoices.find(connection, invoice_id)
