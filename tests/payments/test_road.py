"""The whole road: a package, an order, the provider's page, a signed webhook, credits and an invoice."""

from app.payments.lifecycle import State
from tests.support.till import Till


def test_a_package_is_bought(till: Till) -> None:
    order = till.buy()
    assert (order.state, order.gross.minor, order.net.minor) == (State.PENDING, 1_190, 1_000)
    assert order.url
    assert till.credits == 0

    till.pay(order)
    assert (till.state(order), till.credits) == (State.PENDING, 0)  # paid, and nobody has told us

    paid = till.settle(order)
    assert (paid.state, till.credits) == (State.PAID, 10_500)
    assert paid.invoice_number
    assert paid.invoice_number.startswith("TEST-")
    assert "invoice" in till.mails()
    till.assert_books_balance()
