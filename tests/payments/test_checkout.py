"""The provider's page: opened once, paid or not, late, twice, or with something else than was asked for."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Row

from app.kernel.errors import Conflict, IdempotencyConflict, InvalidInput, NotFound, ProviderError
from app.kernel.fiat import Fiat
from app.payments import checkout
from app.payments.checkout import page_lines
from app.payments.consent import SAVE_CARD_WORDING, Consent
from app.payments.lifecycle import State
from app.payments.stripe_client import SessionAsk
from app.payments.worker import Worker
from tests.support.till import DECLINED, SEPA, SEPA_FAILS, STARTER, VISA, Till, dinars


def asked_for(till: Till) -> list[dict]:
    """Every page that Stripe was asked for."""
    found = till.stripe.look("requests")["requests"]
    return [each for each in found if (each["method"], each["path"]) == ("POST", "/v1/checkout/sessions")]


def pages(till: Till) -> int:
    return len(till.client.v1.checkout.sessions.list({"limit": 100}).data)


@pytest.mark.one_engine
def test_case_08_coming_back_from_the_page_proves_nothing(till: Till) -> None:
    order = till.buy()
    session = till.session_of(order)
    seen = till.cashier.returned(till.workspace_id, session)
    assert (seen.id, seen.state, till.credits) == (order.id, State.PENDING, 0)
    till.time.ahead += timedelta(seconds=5)
    till.apply()  # the look that coming back asked for
    assert (till.state(order), till.credits) == (State.PENDING, 0)

    stranger, _ = till.customer(name="Stranger")
    for workspace, page in ((stranger, session), (till.workspace_id, "cs_test_unknown"), (till.workspace_id, "")):
        with pytest.raises(NotFound):
            till.cashier.returned(workspace, page)


@pytest.mark.one_engine
def test_coming_back_has_a_paid_order_looked_at_without_a_webhook(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    till.cashier.returned(till.workspace_id, till.session_of(order))
    till.time.ahead += timedelta(seconds=5)
    till.apply()
    assert (till.state(order), till.credits) == (State.PAID, 10_500)


@pytest.mark.one_engine
def test_case_09_the_price_is_the_servers(till: Till) -> None:
    till.buy()
    [page] = till.client.v1.checkout.sessions.list({"limit": 10}).data
    assert (page.amount_total, page.currency) == (1_190, "eur")
    lines = till.client.v1.checkout.sessions.line_items.list(page.id).data
    assert [line.amount_total for line in lines] == [1_000, 190]
    for changes in ({"currency": "GBP"}, {"currency": "eur"}, {"currency": ""}):
        with pytest.raises(InvalidInput):
            till.buy(**changes)
    with pytest.raises(NotFound):
        till.buy(package_version_id="pkv_nothing")


def tampered(till: Till, **facts: object) -> State:
    """A page that was paid, and then says something else, as does its payment."""
    order = till.buy()
    intent = till.pay(order)
    events = till.events()
    for name, value in facts.items():
        session_name = {"amount_received": "amount_total"}.get(name, name)
        till.stripe.ctl(f"objects/{till.session_of(order)}", **{session_name: value})
        till.stripe.ctl(f"objects/{intent}", **{name: value})
    till.deliver(events)
    till.apply()
    return till.state(order)


@pytest.mark.one_engine
@pytest.mark.parametrize("amount", [1_189, 1_191, 1, 119_000, 0])
def test_case_10_another_amount_is_parked(till: Till, amount: int) -> None:
    assert tampered(till, amount_received=amount) is State.MISMATCH
    assert (till.credits, till.cases()) == (0, ["mismatch"])
    assert till.mails().count("payment_unmatched") == 1


@pytest.mark.one_engine
def test_case_11_another_currency_is_parked(till: Till) -> None:
    assert tampered(till, currency="jpy") is State.MISMATCH
    assert (till.credits, till.cases()) == (0, ["mismatch"])


@pytest.mark.one_engine
def test_case_10_a_page_that_says_paid_counts_for_what_its_payment_received(till: Till) -> None:
    order = till.buy()
    intent = till.pay(order)
    till.stripe.ctl(f"objects/{intent}", amount_received=100)
    assert till.deliver(till.events("checkout.session.completed")) == [200]
    till.apply()
    assert (till.state(order), till.credits, till.cases()) == (State.MISMATCH, 0, ["mismatch"])


@pytest.mark.one_engine
def test_an_amount_that_no_card_can_be_charged_is_said_before_anything_is_ordered(till: Till) -> None:
    """Stripe takes dinars with two decimals; the tax on 4.900 has three."""
    choice = till.choice(currency="BHD", package_version_id=dinars(till, 4_900))
    for asked in (till.cashier.buy(choice), till.cashier.quote(choice, by_card=True)):
        with pytest.raises(Conflict, match=r"5\.831 BHD") as refused:
            till.run(asked)
        assert refused.value.stable_code == "amount_not_chargeable"
    assert till.count("payment_order") == 0
    assert str(till.cashier.manual.request(choice).gross) == "5.831 BHD"  # a bank can


@pytest.mark.one_engine
def test_a_price_with_tax_in_it_is_one_line_where_its_parts_have_too_many_decimals(till: Till) -> None:
    till.services.invoicing.sellers.save(
        replace(till.services.invoicing.sellers.current(), prices_include_tax=True), author="test"
    )
    order = till.buy(currency="BHD", package_version_id=dinars(till, 4_900))
    assert (str(order.net), str(order.tax)) == ("4.118 BHD", "0.782 BHD")
    till.pay(order)
    assert till.settle(order).state is State.PAID


@pytest.mark.one_engine
def test_another_customer_is_parked(till: Till) -> None:
    other = till.client.v1.customers.create({"name": "Somebody"})
    assert tampered(till, customer=other.id) is State.MISMATCH
    assert till.credits == 0


def test_case_14_an_order_is_found_although_its_page_was_not_written_down(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    with till.services.db.write() as connection:
        connection.exec_driver_sql("UPDATE checkout_session SET session_id = NULL, url = NULL, state = 'asked'")
        connection.exec_driver_sql("UPDATE payment_order SET state = 'draft', customer_id = NULL")
    assert till.settle(order).state is State.PAID
    assert till.credits == 10_500


def test_case_16_a_bank_debit_is_credited_when_it_has_arrived(till: Till) -> None:
    till.stripe.ctl("settings", settle_debits="on_demand")
    order = till.buy()
    intent = till.pay(order, iban=SEPA)
    assert (till.settle(order).state, till.credits) == (State.PROCESSING, 0)
    till.stripe.ctl(f"settle/{intent}", paid=True)
    assert (till.settle(order).state, till.credits) == (State.PAID, 10_500)
    till.assert_books_balance()


@pytest.mark.one_engine
def test_case_16_a_bank_debit_that_fails_is_never_credited(till: Till) -> None:
    till.stripe.ctl("settings", settle_debits="on_demand")
    order = till.buy()
    intent = till.pay(order, iban=SEPA_FAILS)
    assert till.settle(order).state is State.PROCESSING
    till.stripe.ctl(f"settle/{intent}", paid=False)
    failed = till.settle(order)
    assert (failed.state, till.credits) == (State.FAILED, 0)
    assert failed.failure_code
    assert till.mails().count("payment_failed") == 1
    again = till.buy()  # nothing stands in the way of another try
    assert again.id != order.id


@pytest.mark.one_engine
def test_a_declined_card_does_not_end_the_order(till: Till) -> None:
    order = till.buy()
    till.stripe.pay(till.session_of(order), card=DECLINED)
    assert (till.settle(order).state, till.credits) == (State.PENDING, 0)
    till.pay(order)
    assert (till.settle(order).state, till.credits) == (State.PAID, 10_500)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "late", ["checkout.session.expired", "payment_intent.payment_failed", "payment_intent.canceled"]
)
def test_case_17_what_comes_late_does_not_undo_a_payment(till: Till, late: str) -> None:
    order = till.buy()
    intent = till.pay(order)
    assert till.settle(order).state is State.PAID
    about = till.session_of(order) if late.startswith("checkout") else intent
    till.stripe.ctl("events", type=late, object=about)
    assert till.settle(order).state is State.PAID
    assert till.credits == 10_500


def test_case_17_events_in_reverse(till: Till) -> None:
    order = till.buy()
    till.stripe.pay(till.session_of(order), card=DECLINED)
    till.pay(order)
    for event in reversed(till.events()):
        till.deliver([event])
        till.apply()
    assert (till.state(order), till.credits) == (State.PAID, 10_500)


@pytest.mark.one_engine
def test_a_page_that_runs_out_ends_the_order(till: Till) -> None:
    order = till.buy()
    till.client.v1.checkout.sessions.expire(till.session_of(order))
    assert till.settle(order).state is State.EXPIRED
    assert till.buy().id != order.id


def test_case_18_a_payment_after_our_own_end_is_credited(till: Till) -> None:
    order = till.buy()
    till.time.ahead += timedelta(minutes=50)
    till.apply()
    assert till.state(order) is State.EXPIRED
    till.pay(order)  # the provider's clock is behind ours
    assert (till.settle(order).state, till.credits) == (State.PAID, 10_500)
    till.assert_books_balance()


def second_page(till: Till, order) -> str:
    """Another open page for the same order, as two racing processes might have opened it."""
    door = till.cashier.cards.door
    ask = SessionAsk(
        key=f"cs:{order.id}:second",
        order_id=order.id,
        workspace_id=order.workspace_id,
        customer_id=till.order(order).customer_id,
        lines=page_lines(order),
        save_card=False,
        expires_at=till.time() + timedelta(minutes=31),
        success_url="http://localhost:9/",
        cancel_url="http://localhost:9/",
    )
    return till.run(door.open_session(ask)).session_id


def test_case_19_two_pages_paid_for_one_order(till: Till) -> None:
    order = till.buy()
    other = second_page(till, order)
    first = till.pay(order)
    second = till.stripe.pay(other, card=VISA)["payment_intent"]
    assert till.settle(order).state is State.PAID
    assert till.credits == 10_500
    [case] = till.cashier.unmatched.open_cases()
    assert (str(case.reason), case.amount) == ("second_payment", Fiat(1_190, "EUR"))
    assert case.external_id in {first, second}
    assert till.settle(order).state is State.PAID  # and again: no second case
    assert till.cases() == ["second_payment"]
    till.assert_books_balance()


def test_case_20_a_double_click_and_two_tabs_open_one_page(till: Till) -> None:
    choices = [till.choice() for _ in range(4)]
    choices.append(choices[0])

    async def clicks() -> list:
        return await asyncio.gather(*(till.cashier.buy(choice) for choice in choices))

    orders = till.run(clicks())
    assert len({(order.id, order.url) for order in orders}) == 1
    assert (pages(till), till.count("payment_order")) == (1, 1)
    assert till.buy().url == orders[0].url


@pytest.mark.parametrize("first", [True, False])
def test_a_card_is_saved_as_it_was_wished_last(one_till: Till, first: bool) -> None:
    till = one_till
    before = till.buy(save_card=first)
    order = till.buy(save_card=not first)
    assert (till.state(before), till.buy(save_card=not first).url) == (State.CANCELED, order.url)
    [saves] = till.rows("SELECT save_card FROM checkout_session WHERE order_id = :id", id=order.id)
    assert bool(saves[0]) is not first


def test_a_key_means_one_order_for_good(till: Till) -> None:
    order = till.buy(key="mine")
    till.pay(order)
    till.settle(order)
    assert till.buy(key="mine").id == order.id
    with pytest.raises(IdempotencyConflict):
        till.buy(key="mine", currency="USD")
    assert till.buy(key="next").id != order.id


@pytest.mark.one_engine
def test_new_terms_and_a_new_tax_replace_the_open_order(till: Till) -> None:
    order = till.buy()
    till.cashier.terms.publish(terms="New.", refund_policy="New.", invoice_wording="", actor="test")
    renewed = till.buy()
    assert renewed.id != order.id
    assert till.state(order) is State.CANCELED
    with pytest.raises(Conflict, match="terms"):
        till.buy(terms_version_id=order.terms_version_id)
    with pytest.raises(InvalidInput, match="terms"):
        till.buy(terms_version_id=None)
    open_pages = till.client.v1.checkout.sessions.list({"status": "open"}).data
    assert [page.metadata["payment_order"] for page in open_pages] == [renewed.id]


@pytest.mark.one_engine
def test_a_new_price_is_for_new_orders(till: Till) -> None:
    order = till.buy()
    dearer = replace(STARTER, prices={"EUR": Fiat(2_000, "EUR")})
    renewed = till.cashier.packages.publish(dearer, kind=till.package.kind, package_id=till.package.id, actor="test")
    with pytest.raises(Conflict, match="changed"):
        till.buy()
    till.pay(order)
    assert till.settle(order).gross == Fiat(1_190, "EUR")
    assert till.buy(package_version_id=renewed.version_id).gross == Fiat(2_380, "EUR")


@pytest.mark.one_engine
def test_an_order_is_called_off_and_its_page_with_it(till: Till) -> None:
    order = till.buy()
    called_off = till.run(till.cashier.call_off(order.id, workspace_id=till.workspace_id, actor=till.user_id))
    assert called_off.state is State.CANCELED
    assert till.client.v1.checkout.sessions.retrieve(till.session_of(order)).status == "expired"


@pytest.mark.one_engine
def test_an_order_that_is_being_paid_is_not_called_off(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    with pytest.raises(Conflict, match="being paid"):
        till.run(till.cashier.call_off(order.id, workspace_id=till.workspace_id, actor=till.user_id))
    till.apply()
    assert (till.state(order), till.credits) == (State.PAID, 10_500)


@pytest.mark.one_engine
@pytest.mark.parametrize("fault", ["drop-after-accept", "503", "409", "hang-before-accept"])
def test_a_lost_answer_is_mended_by_the_client(till: Till, fault: str) -> None:
    till.stripe.ctl("fail", fault=fault, match="POST /v1/checkout/sessions", times=1, seconds=0.1)
    order = till.buy()
    assert (order.state, pages(till)) == (State.PENDING, 1)


@pytest.mark.one_engine
def test_case_23_a_stored_failure_is_not_asked_for_under_another_key(till: Till) -> None:
    till.stripe.ctl("fail", fault="500", match="POST /v1/checkout/sessions")
    for _ in range(3):
        with pytest.raises(ProviderError):
            till.buy(key="mine")
    assert len({request["key"] for request in asked_for(till)}) == 1
    assert (till.count("payment_order"), pages(till)) == (1, 0)
    order = till.cashier.orders_of(till.workspace_id)[0]
    assert order.state is State.DRAFT
    till.time.ahead += timedelta(minutes=40)
    till.apply()
    assert till.state(order) is State.EXPIRED
    assert till.buy(key="next").state is State.PENDING


@pytest.mark.one_engine
def test_case_23_a_page_whose_answer_was_an_error_is_found_again(till: Till) -> None:
    till.stripe.ctl("fail", fault="500-after-accept", match="POST /v1/checkout/sessions")
    order = till.buy()
    assert (order.state, pages(till)) == (State.PENDING, 1)
    till.pay(order)
    assert till.settle(order).state is State.PAID


def test_a_page_that_was_asked_for_in_other_words_is_found_again(
    one_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order under way while a new version with other words is put in place."""
    till = one_till

    def stopped(*_: object) -> None:
        raise KeyError("stopped")

    with monkeypatch.context() as before:
        before.setattr(checkout, "grouped", lambda amount: f"{amount:f}")
        before.setattr(checkout.Checkout, "_opened", stopped)
        with pytest.raises(KeyError):
            till.buy(key="mine")
    order = till.buy(key="mine")
    assert (order.state, pages(till)) == (State.PENDING, 1)
    till.pay(order)
    assert till.settle(order).state is State.PAID


def test_the_page_names_the_credits_as_people_write_them(one_till: Till) -> None:
    till = one_till
    session = till.session_of(till.buy())
    [line, _] = till.client.v1.checkout.sessions.line_items.list(session).data
    assert line.description == "Starter: 10,000 credits"


@pytest.mark.one_engine
def test_case_23_a_key_with_other_figures_is_an_error_and_not_another_key(till: Till) -> None:
    till.stripe.ctl("fail", fault="drop-before-accept", match="POST /v1/checkout/sessions", times=3)
    with pytest.raises(ProviderError):
        till.buy(key="mine")
    till.stripe.ctl("fail", fault="500", match="POST /v1/checkout/sessions")
    with pytest.raises(ProviderError):
        till.buy(key="mine")
    with till.services.db.write() as connection:
        connection.exec_driver_sql("UPDATE checkout_session SET save_card = NOT save_card")
    with pytest.raises(ProviderError, match="other figures"):
        till.buy(key="mine")
    assert len({request["key"] for request in asked_for(till)}) == 1


@pytest.mark.one_engine
@pytest.mark.parametrize("gone", ["deleted there", "of another account"])
def test_a_customer_that_is_gone_and_nobody_told_us_is_made_anew(till: Till, gone: str) -> None:
    first = till.buy()
    till.pay(first)
    till.settle(first)
    if gone == "deleted there":
        till.client.v1.customers.delete(till.scalar("SELECT customer_id FROM payment_customer"))
    else:
        with till.services.db.write() as connection:
            connection.exec_driver_sql("UPDATE payment_customer SET customer_id = 'cus_elsewhere'")
    order = till.buy()
    till.pay(order)
    assert till.settle(order).state is State.PAID
    page = till.run(till.cashier.add_card(till.workspace_id, "EUR", Consent(SAVE_CARD_WORDING, till.user_id, "")))
    assert page.url


@pytest.mark.one_engine
def test_an_order_that_cannot_be_looked_at_keeps_no_other_waiting(till: Till, monkeypatch) -> None:
    poisoned, other = till.buy(), till.buy(currency="USD")
    for order in (poisoned, other):
        till.pay(order)
        till.cashier.returned(till.workspace_id, till.session_of(order))
    till.time.ahead += timedelta(minutes=1)
    look = Worker._look

    async def looks(worker: Worker, order: Row) -> None:
        if order.id == poisoned.id:
            raise ValueError("odd")
        await look(worker, order)

    monkeypatch.setattr(Worker, "_look", looks)
    till.apply()
    assert (till.state(other), till.state(poisoned)) == (State.PAID, State.PENDING)


@pytest.mark.one_engine
def test_without_a_billing_profile_nothing_is_sold(till: Till) -> None:
    workspace_id, user_id = till.customer(profile=False)
    with pytest.raises(Conflict):
        till.buy(workspace_id=workspace_id, actor=user_id)
    [tag] = till.run(till.cashier.price_tags(workspace_id, "EUR"))
    assert (tag.price, tag.total, tag.problem) == (Fiat(1_000, "EUR"), None, "billing_profile_needed")
    [mine] = till.run(till.cashier.price_tags(till.workspace_id, "JPY"))
    assert mine.total == Fiat(1_785, "JPY")
