"""Transfers that give money back: of orders and invoices in one queue, noted with the bank's reference."""

from collections.abc import Iterator
from contextvars import copy_context
from datetime import date
from typing import Any

import pytest

from app.accounts.identity import Who
from app.billing import owed_back, payments
from app.payments.refunds import RefundChoice
from app.ui.guard import acting_as
from app.ui.pages.admin_orders.list_state import OrdersState
from app.ui.pages.admin_orders.sending_state import SendingState
from app.ui.pages.admin_today.money import money_rows, waiting
from tests.support.billed import credit, issued, rows, write
from tests.support.till import Till
from tests.ui.tabs import new_tab


@pytest.fixture
def shop(shop: Till) -> Iterator[Till]:
    """An operator is at the till."""
    with acting_as(Who(shop.operator(), "Op", "op@farebox.example", True, None, None, None)):
        yield shop


def do(shop: Till, work: Any) -> None:
    shop._runner.run(work, context=copy_context())


def the_queue(shop: Till) -> tuple[Any, Any]:
    """The list with its queue, and the dialog beside it, in one tab."""
    tree = new_tab("operator", "/admin/orders?tab=send").tree
    listed, dialog = (tree.get_substate(kind.get_full_name().split(".")) for kind in (OrdersState, SendingState))
    do(shop, OrdersState.load.fn(listed))
    return listed, dialog


def note(shop: Till, dialog: Any, refund_id: str, reference: str) -> None:
    async def every_step() -> None:
        await SendingState.begin.fn(dialog, refund_id)
        SendingState.write.fn(dialog, reference)
        async for _ in SendingState.confirm.fn(dialog):
            pass

    do(shop, every_step())


def refunded_order(shop: Till) -> None:
    """An order that was paid by transfer goes back."""
    manual, operator = shop.cashier.manual, shop.operator()
    order = manual.request(shop.choice())
    manual.record(order.id, order.gross, bank_reference="IN-1", value_date=date(2026, 11, 20), actor=operator)
    shop.run(manual.approve(order.id, actor=operator))
    shop.run(shop.cashier.refunds.ask(RefundChoice(order.id, operator, "key")))


def credited_invoice(shop: Till) -> None:
    """An invoice that was paid by transfer goes back."""
    made = issued(shop)
    write(shop, payments.mark, made, "SUCCEEDED", None, actor="test")
    credit(shop, made)


def test_what_is_owed_to_customers_is_worked_off_in_one_queue(shop: Till) -> None:
    refunded_order(shop)
    credited_invoice(shop)
    listed, dialog = the_queue(shop)
    tab = next(tab for tab in listed.tabs if tab["value"] == "send")
    assert (listed.view, tab["price"], [row["customer"] for row in listed.owed]) == ("send", "2", ["Halfmoon"] * 2)
    of_order, of_invoice = listed.owed
    assert (of_order["amount"], of_order["href"].startswith("/admin/orders/ord_")) == ("€11.90", True)
    assert (of_invoice["href"].startswith("/invoices/"), "Credit note" in of_invoice["detail"]) == (True, True)
    told = [row for row in money_rows(waiting(shop.services), shop.time()) if row["key"] == "to_send"]
    assert [(row["title"], row["href"]) for row in told] == [
        ("2 refunds to send by transfer", "/admin/orders?tab=send")
    ]

    note(shop, dialog, of_invoice["id"], " ")
    assert ("reference" in dialog.problem, dialog.one["id"]) == (True, of_invoice["id"])
    for one in (of_order, of_invoice):
        note(shop, dialog, one["id"], f"OUT-{one['id'][-4:]}")
        assert (dialog.problem, dialog.one["id"]) == ("", "")
    assert listed.owed == []
    [back] = rows(shop, "billing_refund")
    assert (back.state, back.external_id) == ("succeeded", f"OUT-{of_invoice['id'][-4:]}")
    shop.assert_books_balance()


def test_what_was_sent_meanwhile_is_refused(shop: Till) -> None:
    credited_invoice(shop)
    _, dialog = the_queue(shop)
    with shop.services.db.read() as connection:
        [one] = owed_back.owed(connection)
    do(shop, SendingState.begin.fn(dialog, one.refund_id))
    shop.services.collecting.refund_sent(one.refund_id, "OUT-1", actor="usr_other")
    note(shop, dialog, one.refund_id, "OUT-2")
    assert "meanwhile" in dialog.problem
    note(shop, dialog, "brf_nobody", "OUT-3")
    assert dialog.one["id"] == ""
