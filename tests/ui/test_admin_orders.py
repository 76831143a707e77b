"""An operator at the orders: money is recorded and approved once, four eyes are kept, queues are worked off."""

from contextvars import copy_context
from typing import Any

import pytest

from app.accounts.identity import Who
from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.payments import desk
from app.payments.desk import Wanted
from app.payments.enquiries import Asked
from app.payments.lifecycle import State
from app.payments.unmatched import Reason, report
from app.payments.views import OrderView
from app.ui.guard import acting_as
from app.ui.pages.admin_orders.detail_state import OrderState
from app.ui.pages.admin_orders.list_state import OrdersState
from app.ui.pages.admin_orders.rows import KINDS, day_of, fiat_of
from tests.support.till import Till
from tests.ui.tabs import new_tab


def an_operator(shop: Till) -> Who:
    return Who(shop.operator(), "Op", "op@farebox.example", True, None, None, None)


@pytest.fixture
def operator(shop: Till) -> Who:
    return an_operator(shop)


def state_at(path: str, kind: Any) -> Any:
    tab = new_tab("operator", path)
    return tab.tree.get_substate(kind.get_full_name().split("."))


def do(shop: Till, work: Any) -> None:
    """On the till's loop, as the person of the moment: a runner otherwise keeps whoever came first."""
    shop._runner.run(work, context=copy_context())


def page_of(shop: Till, order: OrderView) -> Any:
    state = state_at(f"/admin/orders/{order.id}", OrderState)
    do(shop, OrderState.load.fn(state))
    return state


def the_list(shop: Till, query: str = "") -> Any:
    state = state_at(f"/admin/orders{query}", OrdersState)
    do(shop, OrdersState.load.fn(state))
    return state


def confirm(shop: Till, state: Any) -> None:
    async def every_step() -> None:
        async for _ in OrderState.confirm.fn(state):
            pass

    do(shop, every_step())


def record(shop: Till, state: Any, amount: str, bank: str) -> None:
    OrderState.begin.fn(state, "record")
    OrderState.write.fn(state, "amount", amount)
    OrderState.write.fn(state, "bank_reference", bank)
    confirm(shop, state)


def transfer(shop: Till) -> OrderView:
    return shop.cashier.manual.request(shop.choice())


def enough(order: OrderView) -> str:
    return str(order.gross.amount)


# ---- one order ----


def test_money_is_recorded_in_parts_and_then_approved_once(shop: Till, operator: Who) -> None:
    order = transfer(shop)
    with acting_as(operator):
        state = page_of(shop, order)
        assert not state.can_approve
        assert "has not come yet" in state.hint
        record(shop, state, "5", "BANK-1")
        assert [row["amount"] for row in state.money] == ["€5.00"]
        assert not state.can_approve
        OrderState.begin.fn(state, "record")
        assert state.draft["amount"] == str((order.gross - Fiat(500, "EUR")).amount)
        record(shop, state, state.draft["amount"], "BANK-2")
        assert state.can_approve
        OrderState.begin.fn(state, "approve")
        assert state.act == f"Approve €{order.gross.amount}"
        confirm(shop, state)
    assert shop.state(order) is State.PAID
    assert shop.credits == 10_500
    assert state.order["state"] == "Paid"
    assert len(state.documents) == 1
    assert not any((state.can_approve, state.can_record, state.can_reject))
    shop.assert_books_balance()


def test_two_operators_approve_from_the_set_amount(shop: Till, operator: Who) -> None:
    shop.cashier.policies.change(actor="test", four_eyes_from={"EUR": 100})
    order = transfer(shop)
    with acting_as(operator):
        state = page_of(shop, order)
        record(shop, state, enough(order), "BANK-1")
        OrderState.begin.fn(state, "approve")
        assert state.second
        confirm(shop, state)
        assert (shop.credits, state.order["approvals"]) == (0, "1 of 2")
        assert "second operator" in state.hint
        OrderState.begin.fn(state, "approve")
        assert not state.doing
    with acting_as(an_operator(shop)):
        state = page_of(shop, order)
        OrderState.begin.fn(state, "approve")
        confirm(shop, state)
    assert shop.credits == 10_500


def test_whoever_ordered_it_is_told_that_somebody_else_approves(shop: Till) -> None:
    order = transfer(shop)
    own = Who(shop.user_id, "Op", "op@farebox.example", True, shop.workspace_id, "Halfmoon", "owner")
    with acting_as(own):
        state = page_of(shop, order)
        record(shop, state, enough(order), "BANK-1")
        assert "another operator" in state.hint
        assert not state.can_approve


def test_a_rejection_needs_its_reason_and_is_final(shop: Till, operator: Who) -> None:
    order = transfer(shop)
    with acting_as(operator):
        state = page_of(shop, order)
        OrderState.begin.fn(state, "reject")
        confirm(shop, state)
        assert state.errors["reason"]
        assert shop.state(order) is State.PENDING
        OrderState.write.fn(state, "reason", "No such customer")
        confirm(shop, state)
    assert shop.state(order) is State.REJECTED
    assert state.order["failure"] == "No such customer"


def test_a_receipt_recorded_by_mistake_is_taken_back_once(shop: Till, operator: Who) -> None:
    order = transfer(shop)
    with acting_as(operator):
        state = page_of(shop, order)
        record(shop, state, "5", "BANK-1")
        receipt = state.money[0]["id"]
        OrderState.begin.fn(state, "take_out", receipt)
        OrderState.write.fn(state, "reason", "Another order's")
        confirm(shop, state)
        assert [row["can_take_out"] for row in state.money] == [False, False]
        assert state.order["received"] == "€0.00"


@pytest.mark.parametrize(
    ("name", "text", "field"),
    [
        pytest.param("amount", "ten", "amount", id="a word"),
        pytest.param("amount", "-5", "amount", id="below zero"),
        pytest.param("amount", "5.001", "amount", id="finer than a cent"),
        pytest.param("day", "2999-01-01", "day", id="a day to come"),
        pytest.param("bank_reference", " ", "bank_reference", id="no reference"),
    ],
)
def test_what_is_wrong_stands_under_its_field(shop: Till, operator: Who, name: str, text: str, field: str) -> None:
    order = transfer(shop)
    with acting_as(operator):
        state = page_of(shop, order)
        OrderState.begin.fn(state, "record")
        OrderState.write.fn(state, "bank_reference", "BANK-1")
        OrderState.write.fn(state, name, text)
        confirm(shop, state)
        assert state.errors[field]
        assert state.doing == "record"
    assert shop.cashier.manual.receipts(order.id) == []


@pytest.mark.parametrize("path", ["ord_nothing", "gen_01", "%2e%2e"])
def test_an_order_that_is_not_there(shop: Till, operator: Who, path: str) -> None:
    with acting_as(operator):
        state = state_at(f"/admin/orders/{path}", OrderState)
        do(shop, OrderState.load.fn(state))
        assert state.missing


# ---- the list and the queues ----


def test_orders_are_found_by_reference_customer_and_state(shop: Till, operator: Who) -> None:
    order = transfer(shop)
    with acting_as(operator):
        state = the_list(shop)
        assert [row["reference"] for row in state.rows] == [order.reference]
        assert state.rows[0]["progress"] == "nothing received"
        for text, count in ((order.reference[-4:], 1), ("halfm", 1), (order.id, 1), ("nobody", 0)):
            do(shop, OrdersState.look_for.fn(state, text))
            assert len(state.rows) == count, text
        do(shop, OrdersState.clear.fn(state))
        do(shop, OrdersState.choose_group.fn(state, "paid"))
        assert state.rows == []


def test_an_order_whose_money_is_there_waits_for_a_decision(shop: Till, operator: Who) -> None:
    order = transfer(shop)
    with acting_as(operator):
        assert the_list(shop, "?tab=decide").rows == []
        record(shop, page_of(shop, order), enough(order), "BANK-1")
        state = the_list(shop, "?tab=decide")
        assert [row["id"] for row in state.rows] == [order.id]
        assert next(tab["price"] for tab in state.tabs if tab["value"] == "decide") == "1"


def test_a_case_is_closed_with_what_was_done(shop: Till, operator: Who) -> None:
    with shop.services.db.write() as connection:
        for reason in Reason:
            report(
                connection, reason, provider="stripe", external_id=f"pi_{reason}", livemode=False,
                now=shop.time(), amount=Fiat(500, "EUR"),
            )  # fmt: skip
    with acting_as(operator):
        state = the_list(shop, "?tab=unmatched")
        assert len(state.cases) == len(Reason)
        OrdersState.open_case.fn(state, state.cases[0]["id"])
        do(shop, OrdersState.resolve.fn(state))
        assert state.problem
        OrdersState.write.fn(state, "Refunded at Stripe")
        do(shop, OrdersState.resolve.fn(state))
        assert len(state.cases) == len(Reason) - 1
        do(shop, OrdersState.show_done.fn(state, True))
        assert any(row["done"] == "Op: Refunded at Stripe" for row in state.cases)


def test_an_enquiry_is_answered_and_can_be_put_back(shop: Till, operator: Who) -> None:
    shop.cashier.enquiries.ask(
        Asked("Ada", "ada@example.com", "A million credits a month, please."), actor=shop.user_id
    )
    with acting_as(operator):
        state = the_list(shop, "?tab=enquiries")
        enquiry_id = state.asked[0]["id"]
        OrdersState.open_enquiry.fn(state, enquiry_id)
        OrdersState.write.fn(state, "Called her")
        do(shop, OrdersState.handle.fn(state, "answered"))
        assert state.asked == []
        do(shop, OrdersState.put_back.fn(state, enquiry_id, "open"))
        assert [row["note"] for row in state.asked] == ["Called her"]
        do(shop, OrdersState.put_back.fn(state, enquiry_id, "nonsense"))


def test_pages_go_on_where_the_last_ended(shop: Till) -> None:
    made = [transfer(shop)]
    for name in ("Oak", "Kestrel"):
        workspace, person = shop.customer(name=name)
        made.append(shop.cashier.manual.request(shop.choice(workspace_id=workspace, actor=person)))
    with shop.services.db.read() as connection:
        first = desk.find(connection, Wanted(limit=2))
        rest = desk.find(connection, Wanted(limit=2, before=first[-1].order.id))
    assert [line.order.id for line in (*first, *rest)] == [order.id for order in reversed(made)]


def test_every_kind_of_event_has_its_words() -> None:
    assert all(KINDS.values())


def test_figures_and_days_as_people_type_them(shop: Till) -> None:
    assert fiat_of("1,190.00", "EUR") == Fiat(119_000, "EUR")
    today = shop.time().date()
    assert day_of(today.isoformat(), today) == today
    with pytest.raises(InvalidInput):
        day_of("yesterday", today)
