"""A seller taxed on redemption: a receipt for the money, an invoice for the month's use."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.invoicing.document import Kind
from app.invoicing.reads import Filter
from app.kernel.money import Money
from app.payments.used import UsedCredits
from tests.ledger.support import Shop
from tests.support.returns import bought, came_back, charge_of
from tests.support.till import Till
from tests.support.topups import hear


def documents(till: Till, kind: Kind) -> list[str]:
    found = till.services.invoicing.invoices.page(Filter(workspace_id=till.workspace_id, kind=kind))
    return [f"{seen.number} {seen.gross}" for seen in found]


def test_what_came_back_of_a_payment_is_invoiced_when_it_is_used_too(till: Till) -> None:
    sellers = till.services.invoicing.sellers
    sellers.save(replace(sellers.current(), credits_tax_point="redemption"), author="test")
    came_back(till, 400)
    assert till.credits == 10_500
    shop = Shop(till.services.ledger, till.services.db)
    shop.settle(shop.hold(till.workspace_id, 10_500), 10_500)
    till.time.ahead = timedelta(days=32)
    assert till.run(UsedCredits(till.services.db, till.time).run()) == 1
    assert documents(till, Kind.INVOICE) == [f"TEST-FB-{till.time().year}-000001 10.00 EUR"]
    till.assert_books_balance()


@pytest.mark.parametrize("again", ["bought again", "won after all"])
def test_what_was_used_and_disputed_is_declared_once(till: Till, again: str) -> None:
    """Money that went back was paid for nothing: what was used of it is declared when the debt for it is paid."""
    sellers = till.services.invoicing.sellers
    sellers.save(replace(sellers.current(), credits_tax_point="redemption"), author="test")
    shop, order = Shop(till.services.ledger, till.services.db), bought(till)
    shop.settle(shop.hold(till.workspace_id, 4_500), 4_500)  # 500 of the bonus, 4,000 of the 10,000 bought
    dispute = till.stripe.ctl("disputes", charge=charge_of(till, order))["id"]
    till.stripe.ctl(f"disputes/{dispute}", status="lost")
    hear(till)
    assert int(till.services.ledger.balance(till.workspace_id).debt.amount) == 4_000
    used, present = UsedCredits(till.services.db, till.time), till.time.ahead
    till.time.ahead = timedelta(days=32)
    assert till.run(used.run()) == 0
    till.time.ahead = present
    if again == "bought again":
        bought(till)
    else:
        till.stripe.ctl(f"disputes/{dispute}", status="won")
        hear(till)
    left = till.credits
    shop.settle(shop.hold(till.workspace_id, left), left)
    till.time.ahead = timedelta(days=32)
    assert till.run(used.run()) == 1
    assert documents(till, Kind.INVOICE) == [f"TEST-FB-{till.time().year}-000001 10.00 EUR"]
    till.assert_books_balance()


def test_a_receipt_first_and_an_invoice_for_what_was_used(till: Till) -> None:
    sellers = till.services.invoicing.sellers
    sellers.save(replace(sellers.current(), credits_tax_point="redemption"), author="test")
    order = till.buy()
    assert order.tax.minor == 0
    till.pay(order)
    paid = till.settle(order)
    year = till.time().year
    assert paid.invoice_number == f"TEST-FBR-{year}-000001"
    assert documents(till, Kind.INVOICE) == []

    shop = Shop(till.services.ledger, till.services.db)
    shop.settle(shop.hold(till.workspace_id, 3_000), 3_000)  # 500 of the bonus first, 2,500 of the 10,000 bought
    used = UsedCredits(till.services.db, till.time)
    assert till.run(used.run()) == 0, "the month is not over"

    till.time.ahead = timedelta(days=32)
    assert till.run(used.run()) == 1
    assert till.run(used.run()) == 0
    year = till.time().year
    assert documents(till, Kind.INVOICE) == [f"TEST-FB-{year}-000001 2.50 EUR"]
    assert till.mails().count("invoice") == 2
    till.assert_books_balance()
    assert till.services.ledger.balance(till.workspace_id).balance == Money.from_exact(7_500)
