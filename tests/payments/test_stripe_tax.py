"""Orders whose tax Stripe Tax works out: asked before the order, kept on it, told of once; the real client against the
sandbox's Stripe."""

import asyncio
from datetime import timedelta

import pytest

from app.invoicing.tax_elsewhere import TaxAddressUnknown, TaxUnavailable
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat
from app.payments.lifecycle import State
from app.reconcile.findings import Code
from tests.reconcile.support import open_codes, reconcile
from tests.support.american import (
    CALCULATIONS,
    NEW_YORK,
    NOWHERE,
    PORTLAND,
    REVERSALS,
    TRANSACTIONS,
    asked,
    leave_to_stripe_tax,
    move,
    reported,
    states,
    tell,
)
from tests.support.returns import refund
from tests.support.till import Till
from tests.support.topups import due, empty, hear, later, on, setting, topups, turn_on

LATER = timedelta(hours=2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library tries nothing again by itself: that it does is its own affair, and takes seconds each time."""
    monkeypatch.setattr("app.payments.stripe_client.RETRIES", 0)


def bought(till: Till, **changes: object):
    """The starter package, paid: 11.00 USD and 8.875% of it."""
    order = till.buy(currency="USD", **changes)
    till.pay(order)
    hear(till)
    return till.order(order)


def fail(till: Till, fault: str, path: str, times: int = 1, **more: object) -> None:
    till.stripe.ctl("fail", fault=fault, match=path, times=times, **more)


# --- before the order


def test_an_order_is_made_at_the_tax_that_stripe_says(till: Till) -> None:
    leave_to_stripe_tax(till)
    [tag] = till.run(till.cashier.price_tags(till.workspace_id, "USD"))
    assert (tag.problem, tag.total) == ("", Fiat(1_198, "USD"))
    order = bought(till)
    tax = TaxSnapshot.from_json(order.tax_snapshot)
    assert (order.state, order.net, order.tax) == (State.PAID, Fiat(1_100, "USD"), Fiat(98, "USD"))
    assert [(rate.place, str(rate.rate), rate.amount) for rate in tax.rates] == [
        ("New York", "4", 44),
        ("New York City", "4.5", 50),
        ("Metropolitan Commuter Transportation District", "0.375", 4),
    ]
    assert tax.calculation is not None
    assert till.scalar("SELECT tax_calculation_id FROM payment_order WHERE id = :id", id=order.id) == tax.calculation.id
    assert asked(till, CALCULATIONS) == 1  # the page, the order and the payment stand on one answer
    assert tell(till) == 1
    assert reported(till) == [(order.invoice_number, "transaction", 1_100, 98)]
    assert tell(till) == 0
    till.assert_books_balance()
    assert reconcile(till).differences == []


@pytest.mark.one_engine
def test_where_prices_include_tax_the_price_is_the_final_amount(till: Till) -> None:
    leave_to_stripe_tax(till, prices_include_tax=True)
    order = bought(till)
    assert (order.net, order.gross) == (Fiat(1_010, "USD"), Fiat(1_100, "USD"))
    tell(till)
    assert reported(till) == [(order.invoice_number, "transaction", 1_100, 90)]
    refund(till, order, 550)
    refund(till, order)
    tell(till)
    assert [amount for _, _, amount, _ in reported(till)] == [1_100, -550, -550]
    assert sum(tax for *_, tax in reported(till)) == 0


@pytest.mark.one_engine
def test_no_tax_is_an_answer_too_and_is_told_of(till: Till) -> None:
    leave_to_stripe_tax(till, PORTLAND)
    order = bought(till)
    assert (order.tax, order.gross) == (Fiat(0, "USD"), Fiat(1_100, "USD"))
    tell(till)
    assert reported(till) == [(order.invoice_number, "transaction", 1_100, 0)]


@pytest.mark.one_engine
def test_everybody_elsewhere_is_taxed_by_our_own_rules_and_stripe_is_not_asked(till: Till) -> None:
    leave_to_stripe_tax(till)
    workspace_id, user_id = till.customer()
    before = asked(till, CALCULATIONS)
    order = till.buy(workspace_id=workspace_id, actor=user_id)
    assert (order.gross, asked(till, CALCULATIONS)) == (Fiat(1_190, "EUR"), before)


def test_a_double_click_and_two_tabs_make_one_order(till: Till) -> None:
    leave_to_stripe_tax(till)
    choice = till.choice(currency="USD")

    async def at_once():
        return await asyncio.gather(*(till.cashier.buy(choice) for _ in range(3)), till.cashier.buy(other))

    other = till.choice(currency="USD")
    orders = till.run(at_once())
    assert len({order.id for order in orders}) == 1
    assert till.count("payment_order") == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("500", id="it breaks"),
        pytest.param("429", id="it is busy"),
        pytest.param("401", id="it refuses our key"),
        pytest.param("drop-before-accept", id="nobody answers"),
    ],
)
@pytest.mark.one_engine
def test_while_stripe_tax_does_not_answer_nothing_is_sold_at_a_guess(till: Till, fault: str) -> None:
    leave_to_stripe_tax(till)
    fail(till, fault, CALCULATIONS)
    [tag] = till.run(till.cashier.price_tags(till.workspace_id, "USD"))
    assert (tag.tax, tag.total, tag.problem) == (None, None, "tax_unavailable")
    choice = till.choice(currency="USD")
    for attempt in (till.cashier.buy, till.cashier.order_by_transfer, till.cashier.quote):
        fail(till, fault, CALCULATIONS)
        with pytest.raises(TaxUnavailable, match="nothing is charged at a guess"):
            till.run(attempt(choice))
    assert till.count("payment_order") == 0
    assert till.run(till.cashier.buy(choice)).gross == Fiat(1_198, "USD")


@pytest.mark.one_engine
def test_a_slow_answer_counts_as_none(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_to_stripe_tax(till)
    monkeypatch.setattr("app.payments.stripe_tax.PATIENCE_SECONDS", 0.2)
    fail(till, "hang-before-accept", CALCULATIONS, seconds=20)
    with pytest.raises(TaxUnavailable):
        till.buy(currency="USD")
    monkeypatch.undo()
    assert till.buy(currency="USD").gross == Fiat(1_198, "USD")


@pytest.mark.one_engine
def test_before_tax_is_active_at_stripe_nothing_is_sold(till: Till) -> None:
    leave_to_stripe_tax(till)
    till.stripe.ctl("tax", active=False)
    assert till.run(till.cashier.cards.tax.standing()) == "head office"
    with pytest.raises(TaxUnavailable):
        till.buy(currency="USD")
    till.stripe.ctl("tax", active=True)
    assert till.run(till.cashier.cards.tax.standing()) == ""


@pytest.mark.one_engine
def test_an_address_without_a_tax_is_the_buyers_to_mend(till: Till) -> None:
    leave_to_stripe_tax(till, NOWHERE)
    [tag] = till.run(till.cashier.price_tags(till.workspace_id, "USD"))
    assert (tag.tax, tag.problem) == (None, "tax_address_unknown")
    with pytest.raises(TaxAddressUnknown, match="check its street, postcode"):
        till.buy(currency="USD")
    move(till, NEW_YORK)
    assert till.buy(currency="USD").gross == Fiat(1_198, "USD")


@pytest.mark.one_engine
def test_another_address_is_asked_about_anew_and_takes_the_place_of_the_open_order(till: Till) -> None:
    leave_to_stripe_tax(till)
    first = till.buy(currency="USD")
    move(till, PORTLAND)
    second = till.buy(currency="USD")
    assert (second.gross, till.state(first), asked(till, CALCULATIONS)) == (Fiat(1_100, "USD"), State.CANCELED, 2)
    move(till, NEW_YORK)
    assert till.buy(currency="USD").gross == Fiat(1_198, "USD")
    assert asked(till, CALCULATIONS) == 2  # the first answer is still good


@pytest.mark.one_engine
def test_an_answer_that_runs_out_is_asked_for_again(till: Till) -> None:
    leave_to_stripe_tax(till)
    till.stripe.ctl("tax", expires_after=2 * 3_600)
    first = till.buy(currency="USD")
    till.time.ahead += timedelta(minutes=90)
    with pytest.raises(Conflict) as over:
        till.run(till.cashier.resume(first.id, workspace_id=till.workspace_id))
    assert (over.value.stable_code, till.state(first)) == ("tax_ran_out", State.CANCELED)
    till.stripe.ctl("clock", advance=90 * 60)
    second = till.buy(currency="USD")
    assert (second.id != first.id, asked(till, CALCULATIONS)) == (True, 2)


@pytest.mark.one_engine
def test_an_order_by_transfer_waits_no_longer_than_its_answer(till: Till) -> None:
    leave_to_stripe_tax(till)
    till.stripe.ctl("tax", expires_after=5 * 86_400)
    order = till.run(till.cashier.order_by_transfer(till.choice(currency="USD")))
    assert order.expires_at is not None
    assert order.expires_at < till.time() + timedelta(days=6)
    assert order.gross == Fiat(1_198, "USD")


# --- after the payment


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("drop-after-accept", id="the answer is lost: asked again under the key"),
        pytest.param("500-after-accept", id="a failure is kept with the key: the reference proves it"),
        pytest.param("500", id="a failure that did nothing is kept with the key"),
        pytest.param("429", id="busy"),
        pytest.param("401", id="a key that may not"),
    ],
)
@pytest.mark.one_engine
def test_a_sale_is_told_once_whatever_becomes_of_the_answer(till: Till, fault: str) -> None:
    leave_to_stripe_tax(till)
    order = bought(till)
    fail(till, fault, TRANSACTIONS)
    for _ in range(2):
        tell(till)
        till.time.ahead += timedelta(minutes=5)
    assert states(till) == [("sale", "done", None)]
    assert reported(till) == [(order.invoice_number, "transaction", 1_100, 98)]


@pytest.mark.one_engine
def test_two_chores_at_once_tell_once(till: Till) -> None:
    leave_to_stripe_tax(till)
    bought(till)

    async def both() -> None:
        await asyncio.gather(till.cashier.report_taxes(), till.cashier.report_taxes())

    till.run(both())
    assert asked(till, TRANSACTIONS) == 1


@pytest.mark.one_engine
def test_a_report_of_another_installation_is_not_taken_for_ours(till: Till) -> None:
    leave_to_stripe_tax(till)
    order = bought(till)
    made = till.client.v1.tax.calculations.create(
        {
            "currency": "usd",
            "customer_details": {"address": {"country": "US", "postal_code": "10118"}, "address_source": "billing"},
            "line_items": [{"amount": 1_100, "reference": "credits"}],
        }
    )
    till.client.v1.tax.transactions.create_from_calculation(
        {"calculation": made.id, "reference": str(order.invoice_number), "metadata": {"env": "another"}}
    )
    tell(till)
    assert states(till) == [("sale", "refused", "reference_taken")]
    assert open_codes(reconcile(till)) == [Code.TAX_NOT_REPORTED]


def test_refunds_go_back_at_stripe_tax_part_by_part(till: Till) -> None:
    leave_to_stripe_tax(till)
    order = bought(till)
    tell(till)
    first = refund(till, order, 500)
    rest = refund(till, order)
    assert tell(till) == 2
    assert reported(till) == [
        (order.invoice_number, "transaction", 1_100, 98),
        (first.credit_notes[0].number, "reversal", -459, -41),
        (rest.credit_notes[0].number, "reversal", -641, -57),
    ]
    assert tell(till) == 0
    till.assert_books_balance()
    assert reconcile(till).differences == []


@pytest.mark.parametrize("fault", ["drop-after-accept", "500-after-accept"])
@pytest.mark.one_engine
def test_a_refund_before_the_sale_was_told_waits_for_it_and_is_told_once(till: Till, fault: str) -> None:
    leave_to_stripe_tax(till)
    order = bought(till)
    fail(till, "429", TRANSACTIONS)
    tell(till)
    refund(till, order)
    fail(till, fault, REVERSALS)
    for _ in range(4):
        till.time.ahead += timedelta(minutes=5)
        tell(till)
    assert [kind for _, kind, _, _ in reported(till)] == ["transaction", "reversal"]
    assert (sum(row[2] for row in reported(till)), sum(row[3] for row in reported(till))) == (0, 0)
    assert till.count("tax_report", "whole") == 1


@pytest.mark.one_engine
def test_a_report_that_cannot_be_made_is_named_by_the_reconciliation(till: Till) -> None:
    leave_to_stripe_tax(till)
    till.stripe.ctl("tax", expires_after=2 * 3_600)
    order = bought(till)
    till.stripe.ctl("clock", advance=3 * 3_600)
    tell(till)
    assert states(till)[0][:2] == ("sale", "refused")
    refund(till, order)
    tell(till)
    assert states(till)[1] == ("reversal", "refused", "sale_not_reported")
    run = reconcile(till)
    assert open_codes(run) == [Code.TAX_NOT_REPORTED, Code.TAX_NOT_REPORTED]
    assert {each.order_id for each in run.open} == {order.id}


@pytest.mark.one_engine
def test_a_report_that_never_left_is_named(till: Till) -> None:
    leave_to_stripe_tax(till)
    order = bought(till)
    assert open_codes(reconcile(till)) == []  # it is only a moment old
    till.time.ahead += LATER
    [found] = reconcile(till).open
    assert (found.code, found.subject) == (Code.TAX_NOT_REPORTED, order.invoice_number)
    tell(till)
    assert reconcile(till).open == []


# --- automatic top-up


@pytest.mark.one_engine
def test_automatic_top_up_takes_the_same_road(till: Till) -> None:
    american_topup(till)
    empty(till)
    due(till)
    [order] = topups(till)
    assert (order.state, order.gross) == (State.PAID, Fiat(1_198, "USD"))
    tell(till)
    assert (order.invoice_number, "transaction", 1_100, 98) in reported(till)


@pytest.mark.one_engine
def test_automatic_top_up_waits_while_the_tax_is_not_known(till: Till) -> None:
    american_topup(till)
    empty(till)
    till.time.ahead += timedelta(hours=25)  # what was answered for the preview is old
    fail(till, "500", CALCULATIONS)
    due(till)
    assert topups(till) == []
    assert setting(till).state == "on"
    due(till)
    assert topups(till) == []  # not before a while has passed
    later(till, minutes=11)
    assert [order.state for order in topups(till)] == [State.PAID]


@pytest.mark.one_engine
def test_automatic_top_up_stops_for_an_address_without_a_tax(till: Till) -> None:
    american_topup(till)
    empty(till)
    move(till, NOWHERE)
    due(till)
    assert (topups(till), setting(till).reason) == ([], "tax_address_unknown")
    assert "topup_disabled" in till.mails()


def american_topup(till: Till) -> None:
    on(till)  # a card on file, and a first agreement in euros
    leave_to_stripe_tax(till)
    hear(till)
    card = till.cashier.saved_cards(till.workspace_id)[0]
    turn_on(till, card, month_cap=Fiat(10_000, "USD"), amount=Fiat(1_100, "USD"))
