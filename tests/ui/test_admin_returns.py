"""An operator gives money back: how much can go, what it would do, once however often it is pressed."""

from collections.abc import Iterator
from contextvars import copy_context
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app import services as building
from app.accounts.identity import Who
from app.kernel.fiat import Fiat
from app.payments.enquiries import Asked
from app.payments.lifecycle import State
from app.payments.views import OrderView
from app.ui.guard import acting_as
from app.ui.pages.admin_orders.agree_state import AgreeState
from app.ui.pages.admin_orders.returns_state import ReturnsState
from app.ui.pages.admin_settings.payments_state import PaymentsState
from tests.support.returns import at_stripe, bought, charge_of
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till
from tests.support.topups import hear, use
from tests.ui.tabs import new_tab


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    before = building._current
    with open_till(tmp_path / "home", sqlite_url, stripe_) as opened:
        building.install(opened.services)
        yield opened
    building._current = before


@pytest.fixture
def operator(shop: Till) -> Iterator[Who]:
    who = Who(shop.operator(), "Op", "op@farebox.example", True, None, None, None)
    with acting_as(who):
        yield who


def do(shop: Till, work: Any) -> None:
    async def every_step() -> None:
        if hasattr(work, "__aiter__"):
            async for _ in work:
                pass
        else:
            await work

    shop._runner.run(every_step(), context=copy_context())


def page_of(shop: Till, order: OrderView) -> Any:
    tab = new_tab("operator", f"/admin/orders/{order.id}")
    state = tab.tree.get_substate(ReturnsState.get_full_name().split("."))
    do(shop, ReturnsState.load.fn(state))
    return state


def begin(shop: Till, state: Any, doing: str = "refund", refund_id: str = "") -> None:
    do(shop, ReturnsState.begin.fn(state, doing, refund_id))


def write(shop: Till, state: Any, name: str, text: str) -> None:
    do(shop, ReturnsState.write.fn(state, name, text))


def test_a_refund_says_what_it_will_do_and_is_made_once(shop: Till, operator: Who) -> None:
    order = bought(shop)
    state = page_of(shop, order)
    assert (state.offer, state.can_refund, state.rows) == ("€11.90 can go back now.", True, [])
    begin(shop, state)
    write(shop, state, "refund_amount", "5.95")
    write(shop, state, "refund_note", "Asked for by phone")
    seen = state.preview
    assert (seen["credits"], seen["bonus"], seen["net"], seen["tax"]) == ("5,000", "250", "€5.00", "€0.95")
    assert state.act == "Refund €5.95"
    do(shop, ReturnsState.confirm.fn(state))
    state.doing = "refund"  # pressed a second time, before the answer was on the screen
    do(shop, ReturnsState.confirm.fn(state))
    assert [one.amount for one in at_stripe(shop)] == [595]
    [row] = state.rows
    assert (row["state"], row["said"], row["amount"]) == ("Refunded", "Asked for by phone", "€5.95")
    assert [note["href"].endswith(".pdf") for note in row["notes"]] == [True]
    assert (shop.state(order), shop.credits) == (State.PARTIALLY_REFUNDED, 5_250)
    shop.assert_books_balance()


def test_too_much_or_nonsense_moves_nothing(shop: Till, operator: Who) -> None:
    order = bought(shop)
    state = page_of(shop, order)
    begin(shop, state)
    for text in ("11.91", "0", "ten", "-5"):
        write(shop, state, "refund_amount", text)
        assert state.errors["refund_amount"], text
        assert state.preview["amount"] == ""
        do(shop, ReturnsState.confirm.fn(state))
        assert state.errors["refund_amount"], text
    assert at_stripe(shop) == []


def test_when_nothing_can_go_back_it_says_why(shop: Till, operator: Who) -> None:
    order = bought(shop)
    use(shop, 4_500)
    assert page_of(shop, order).offer.startswith("€7.14 of €11.90")
    shop.stripe.ctl("disputes", charge=charge_of(shop, order))
    hear(shop)
    state = page_of(shop, order)
    assert ("dispute" in state.offer, state.can_refund) == (True, False)
    [row] = state.rows
    assert (row["title"], row["state"], row["amount"]) == ("Dispute", "Open", "€11.90")
    assert "answered" in row["said"]
    begin(shop, state)
    assert state.doing == ""


def test_a_refund_by_transfer_is_ended_by_hand(shop: Till, operator: Who) -> None:
    manual = shop.cashier.manual
    order = manual.request(shop.choice())
    manual.record(order.id, order.gross, bank_reference="IN-1", value_date=date(2026, 11, 20), actor="usr_a")
    shop.run(manual.approve(order.id, actor=operator.user_id))
    state = page_of(shop, order)
    begin(shop, state)
    write(shop, state, "refund_amount", "5.95")
    assert "transfer" in state.preview["road"]
    do(shop, ReturnsState.confirm.fn(state))
    [row] = state.rows
    assert (row["state"], row["can_end"]) == ("Under way", True)
    begin(shop, state, "sent", row["id"])
    do(shop, ReturnsState.confirm.fn(state))
    assert state.errors["bank_reference"]
    write(shop, state, "bank_reference", "OUT-1")
    do(shop, ReturnsState.confirm.fn(state))
    assert (state.rows[0]["state"], state.rows[0]["can_end"]) == ("Refunded", False)

    begin(shop, state)
    do(shop, ReturnsState.confirm.fn(state))
    begin(shop, state, "call_off", state.rows[0]["id"])
    do(shop, ReturnsState.confirm.fn(state))
    assert (state.rows[0]["state"], shop.credits) == ("Called off", 5_250)
    begin(shop, state, "sent", state.rows[0]["id"])
    assert state.doing == ""
    shop.assert_books_balance()


def test_the_rules_for_refunds_are_the_operators(shop: Till, operator: Who) -> None:
    tab = new_tab("operator", "/admin/settings")
    state = tab.tree.get_substate(PaymentsState.get_full_name().split("."))
    do(shop, PaymentsState.load.fn(state))
    assert state.values["refund_days"] == ""
    PaymentsState.write.fn(state, "refund_days", "soon")
    do(shop, PaymentsState.save_returns.fn(state))
    assert state.errors["refund_days"]
    PaymentsState.write.fn(state, "refund_days", "14")
    PaymentsState.switch.fn(state, "dispute_freezes", False)
    PaymentsState.switch.fn(state, "no_such_rule", True)
    do(shop, PaymentsState.save_returns.fn(state))
    rules = shop.cashier.policies.current()
    assert (rules.refund_days, rules.dispute_freezes, rules.dispute_credit_note) == (14, False, True)
    PaymentsState.write.fn(state, "refund_days", "")
    do(shop, PaymentsState.save_returns.fn(state))
    assert shop.cashier.policies.current().refund_days is None


# ---- an agreed order ----


def agree_page(shop: Till, query: str) -> Any:
    tab = new_tab("operator", f"/admin/orders/new{query}", route="/admin/orders/new")
    state = tab.tree.get_substate(AgreeState.get_full_name().split("."))
    do(shop, AgreeState.load.fn(state))
    return state


def fill(shop: Till, state: Any, **values: str) -> None:
    for name, text in values.items():
        do(shop, AgreeState.write.fn(state, name, text))


def test_an_enquiry_becomes_an_order_that_the_customer_can_pay(shop: Till, operator: Who) -> None:
    words = Asked("Ada", "ada@example.com", "A million, please.", workspace_id=shop.workspace_id)
    enquiry = shop.cashier.enquiries.ask(words, actor=shop.user_id)
    state = agree_page(shop, f"?enquiry={enquiry.id}")
    assert (state.customer["name"], state.asked) == ("Halfmoon", "A million, please.")
    fill(shop, state, title="A year of pictures", credits="1,000,000", bonus="50,000", price="800")
    assert (state.slip["total"], state.slip["credits"], state.act) == (
        "€952.00",
        "1,050,000",
        "Write order over €952.00",
    )
    do(shop, AgreeState.confirm.fn(state))
    do(shop, AgreeState.confirm.fn(state))  # pressed again before the page was left
    [order] = shop.cashier.orders_of(shop.workspace_id)
    assert (order.title, order.gross, order.kind) == ("A year of pictures", Fiat(95_200, "EUR"), "custom")
    assert shop.cashier.manual.transfer(order.id, shop.workspace_id).reference == order.reference
    answered = shop.cashier.enquiries.find(enquiry.id)
    assert (str(answered.state), answered.order_id) == ("answered", order.id)
    assert shop.mails().count("order_received") == 1


def test_an_agreed_order_says_what_is_missing(shop: Till, operator: Who) -> None:
    state = agree_page(shop, "?customer=ws_nobody&enquiry=enq_nothing")
    do(shop, AgreeState.confirm.fn(state))
    assert state.errors["customer"]
    bare, _ = shop.customer(name="Oak", profile=False)
    do(shop, AgreeState.look_for.fn(state, "oak"))
    do(shop, AgreeState.choose.fn(state, bare))
    fill(shop, state, credits="1000", price="10")
    assert "billing profile" in state.problem
    fill(shop, state, expires_days="soon")
    do(shop, AgreeState.confirm.fn(state))
    assert state.errors["expires_days"]
    do(shop, AgreeState.choose.fn(state, shop.workspace_id))  # not among those that were found
    assert state.customer["id"] == bare
    assert shop.count("payment_order") == 0
