"""Paying afterwards by hand: a limit with its reasons, back to prepaid, payments recorded, invoices written off."""

import pytest

from app.billing import invoices, postpaid
from app.ui.pages.admin_customers.postpaid_state import PostpaidState
from tests.support.house import House
from tests.ui import agreed
from tests.ui.screens import Screen, operator

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(home: House) -> Screen:
    return Screen(home, operator())


async def opened(desk: Screen) -> PostpaidState:
    return await desk.open(PostpaidState, f"/admin/customers/{desk.house.workspace_id}")


async def did(desk: Screen, page: PostpaidState, **values: str) -> None:
    """Fill the open dialog and confirm it twice."""
    for name, text in values.items():
        page.write(name, text)
    await desk.act(page.act())
    await desk.act(page.act())


async def test_a_limit_is_given_with_its_reasons_changed_and_taken_back(desk: Screen) -> None:
    page = await opened(desk)
    assert (page.terms["active"], page.terms["suggested"]) == ("", "0")
    assert page.reasons == ["Here for 0 days: three complete months are looked at first."]
    await desk.act(page.begin("terms"))
    assert (page.values["currency"], page.values["credit_price"], page.values["net_days"]) == ("USD", "0.001", "30")
    page.write("limit", "5,000")
    assert page.give == "Give a limit of 5,000 credits"
    await did(desk, page, currency="eur", credit_price="0.0009")
    assert (page.doing, page.terms["active"], page.terms["limit"]) == ("", "true", "5,000")
    assert (page.terms["price"], page.terms["dunning"]) == ("€0.0009", "Nothing overdue")
    balance = desk.house.services.ledger.balance(desk.house.workspace_id)
    assert (balance.credit_limit.amount, balance.balance.amount) == (5_000, 10_000)
    await desk.act(page.begin("off"))
    await did(desk, page)
    balance = desk.house.services.ledger.balance(desk.house.workspace_id)
    assert (page.terms["active"], balance.credit_limit.micros, balance.balance.amount) == ("", 0, 10_000)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({"limit": "0"}, "limit", id="no limit"),
        pytest.param({"limit": "a lot"}, "limit", id="no figure"),
        pytest.param({"limit": "5", "currency": "EURO"}, "currency", id="no currency"),
        pytest.param({"limit": "5", "credit_price": "0"}, "credit_price", id="no price"),
        pytest.param({"limit": "5", "net_days": "121"}, "net_days", id="too many days"),
    ],
)
async def test_terms_that_cannot_be_stand_at_their_field(desk: Screen, values: dict[str, str], field: str) -> None:
    page = await opened(desk)
    await desk.act(page.begin("terms"))
    await did(desk, page, **values)
    assert [name for name, said in page.errors.items() if said] == [field]
    assert (page.doing, page.terms["active"]) == ("terms", "")


async def test_a_payment_is_recorded_once(desk: Screen) -> None:
    issued = agreed.issue(desk.house, agreed.subscribe(desk.house, agreed.plan(desk.house, "Paid", "20")).id)
    page = await opened(desk)
    assert [(row["number"], row["left"]) for row in page.open_invoices] == [(issued.number, "$20.00")]
    await desk.act(page.begin_with("pay", issued.id))
    assert page.values["amount"] == "20"
    await did(desk, page)
    assert page.errors["reference"] != ""
    await did(desk, page, amount="5", reference="2026-11-20/1")
    assert [row["left"] for row in page.open_invoices] == ["$15.00"]
    await desk.act(page.begin_with("pay", issued.id))
    await did(desk, page, amount="15.01", reference="2026-11-20/2")
    assert page.errors[""].startswith("15.00 USD is left")
    await did(desk, page, amount="15")
    assert page.open_invoices == []
    with desk.house.services.db.read() as connection:
        row = invoices.find(connection, issued.id)
    assert (row.payment_state, row.paid) == ("SUCCEEDED", 2_000)


async def test_what_nobody_will_pay_is_written_off_with_a_reason(desk: Screen) -> None:
    issued = agreed.issue(desk.house, agreed.subscribe(desk.house, agreed.plan(desk.house, "Lost", "20")).id)
    page = await opened(desk)
    await desk.act(page.begin_with("write_off", issued.id))
    await did(desk, page)
    assert page.errors["reason"] != ""
    await did(desk, page, reason="Insolvent")
    assert (page.doing, page.open_invoices) == ("", [])
    with desk.house.services.db.read() as connection:
        row = invoices.find(connection, issued.id)
    assert row.computed[postpaid.WRITTEN_OFF] is True


async def test_another_customer_s_invoice_is_not_to_be_had_here(desk: Screen, shared_house: House) -> None:
    other = shared_house.newcomer()
    theirs = agreed.issue(other, agreed.subscribe(other, agreed.plan(other, "Theirs", "20")).id)
    page = await opened(desk)
    await desk.act(page.begin_with("pay", theirs.id))
    assert page.doing == ""
    page._open("write_off")
    page.invoice = theirs.id  # as a socket might have it
    await did(desk, page, reason="Mine now")
    assert page.errors[""].startswith("There is no invoice")
    for doing in ("off", "drop", "pay"):
        page.opened(False)
        await desk.act(page.begin(doing))
        assert page.doing == ""
