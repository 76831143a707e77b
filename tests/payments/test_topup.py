"""Automatic top-up on the real road: the real client, the sandbox's Stripe, both databases."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.invoicing.taxes import Taxes
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.ledger.operations import GrantOp
from app.payments.consent import SAVE_CARD_WORDING, Consent
from app.payments.lifecycle import State
from app.payments.topup_orders import Wanted
from app.payments.topup_rules import Mode, month_of
from app.payments.topup_rules import State as Topup
from tests.support.returns import bought
from tests.support.till import VISA, Till
from tests.support.topups import (
    agreed,
    behave,
    card_on_file,
    charges,
    choice,
    due,
    empty,
    hear,
    later,
    letters,
    on,
    setting,
    topups,
    turn_on,
    use,
)

INTENTS = "POST /v1/payment_intents"


def test_a_low_balance_is_filled_from_the_card_on_file(till: Till) -> None:
    on(till)
    assert due(till) == 0
    empty(till)
    assert due(till) == 1
    [order] = topups(till)
    assert (order.state, order.gross.minor, order.credits.amount) == (State.PAID, 1_190, 10_000)
    assert order.invoice_number
    assert order.terms_version_id
    assert till.credits == 11_000
    [told] = letters(till, "topup_ok")
    assert told["card"] == "Visa 4242"
    assert due(till) == 0
    hear(till)  # the webhooks of it change nothing
    assert (till.credits, len(charges(till))) == (11_000, 1)
    till.assert_books_balance()


def test_where_prices_include_tax_a_charge_buys_what_was_shown(one_till: Till) -> None:
    till = one_till
    sellers = till.services.invoicing.sellers
    sellers.save(replace(sellers.current(), prices_include_tax=True), author="test")
    card = card_on_file(till)
    shown = till.cashier.topups.preview(till.workspace_id, choice(till, card).rules, card.id)
    assert (str(shown.total), shown.credits.amount) == ("10.00 EUR", 10_000)
    assert "10.00 EUR, tax included" in shown.sentence
    turn_on(till, card)
    empty(till)
    due(till)
    [order] = topups(till)
    assert (str(order.gross), str(order.tax), order.credits.amount) == ("10.00 EUR", "1.60 EUR", 10_000)


def test_it_is_off_until_somebody_agrees_to_it(one_till: Till) -> None:
    till = one_till
    card = card_on_file(till)
    empty(till)
    assert due(till) == 0
    assert till.cashier.topups.of(till.workspace_id) is None

    preview = till.cashier.topups.preview(till.workspace_id, choice(till, card).rules, card.id)
    assert (preview.total.minor, preview.at_once) == (1_190, True)
    assert "Visa 4242" in preview.sentence
    assert "100.00 EUR" in preview.sentence

    turn_on(till, card)  # and is charged at once, since the balance is low already
    assert (till.credits, setting(till).state) == (11_000, Topup.ON)
    with till.services.db.read() as connection:
        kept = connection.execute(text("SELECT * FROM payment_consent WHERE kind = 'auto_topup'")).one()
    assert (kept.text, kept.given_by, kept.ip) == (preview.sentence, till.user_id, "203.0.113.7")
    assert kept.wording == preview.wording
    with till.services.db.read() as connection:
        saved = connection.execute(text("SELECT * FROM payment_consent WHERE kind = 'save_card'")).one()
    assert (saved.ip, saved.given_by) == ("203.0.113.7", till.user_id)


def test_what_cannot_be_turned_on(one_till: Till) -> None:
    till = one_till
    card = card_on_file(till)
    good = choice(till, card)
    stranger, stranger_user = till.customer(name="Stranger")
    refusals = [
        (replace(good, consent=replace(good.consent, wording="")), InvalidInput),
        (replace(good, consent=replace(good.consent, wording="auto-topup-0")), Conflict),
        (replace(good, terms_version_id=None), InvalidInput),
        (replace(good, card_id="crd_nobodys"), NotFound),
        (replace(good, workspace_id=stranger, consent=replace(agreed(till), given_by=stranger_user)), NotFound),
        (choice(till, card, month_cap=Fiat(1_189, "EUR")), InvalidInput),
        (choice(till, card, charge_cap=Fiat(1_189, "EUR")), InvalidInput),
        (choice(till, card, month_cap=Fiat(9_000, "GBP"), amount=Fiat(1_000, "GBP")), InvalidInput),
    ]
    for refused, error in refusals:
        with pytest.raises(error):
            till.run(till.cashier.turn_on_topup(refused))
    assert till.cashier.topups.of(till.workspace_id) is None


def test_a_refill_goes_up_to_its_target(one_till: Till) -> None:
    till = one_till
    on(till, mode=Mode.REFILL, amount=None, refill_to=Money.from_exact(5_000))
    use(till, till.credits - 1_234)
    due(till)
    [order] = topups(till)
    assert (order.net.minor, till.credits) == (377, 5_004)  # 3,766 missing, and a cent buys 10
    assert till.services.ledger.balance(till.workspace_id).available == Money.from_exact(5_004)


def test_what_is_held_counts_as_gone(one_till: Till) -> None:
    till = one_till
    on(till)
    deadline = till.time() + timedelta(hours=1)
    ledger = till.services.ledger
    till.run(ledger.hold(till.workspace_id, "gen_1", Money.from_exact(9_000), deadline_at=deadline))
    assert due(till) == 1
    assert [order.state for order in topups(till)] == [State.PAID]
    till.run(ledger.release("gen_1", reason="test"))
    assert due(till) == 0


def test_credits_that_come_while_the_tax_is_worked_out_spare_the_card(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(till)
    empty(till)
    quote = Taxes.quote_tax

    def slow(*args: Any) -> Any:
        given = Money.from_exact(5_000)
        till.services.ledger.perform(GrantOp(till.workspace_id, given, "promo", "Gift", "gift", "op", 0))
        return quote(*args)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Taxes, "quote_tax", slow)
        due(till)
    assert (topups(till), charges(till), till.credits) == ([], [], 6_000)


def test_a_suspended_workspace_is_not_charged(one_till: Till) -> None:
    till = one_till
    card = card_on_file(till)
    empty(till)
    till.services.accounts.people.suspend(till.workspace_id)
    turn_on(till, card)
    assert (due(till), topups(till)) == (0, [])
    till.services.accounts.people.resume(till.workspace_id)
    due(till)
    assert [order.state for order in topups(till)] == [State.PAID]


def test_turned_off_it_charges_nothing(one_till: Till) -> None:
    till = one_till
    on(till)
    empty(till)
    till.cashier.topups.stop(till.workspace_id, actor=till.user_id)
    assert due(till) == 0
    assert setting(till).state is Topup.OFF
    assert topups(till) == []


# --- once


def test_case_21_a_charge_without_an_answer_is_asked_for_again_under_the_same_key(till: Till) -> None:
    on(till)
    empty(till)
    till.stripe.ctl("fail", fault="drop-after-accept", match=INTENTS, times=4)  # the client's own tries, too
    due(till)
    [order] = topups(till)
    assert (order.state, till.credits) == (State.UNKNOWN, 1_000)

    assert [due(till) for _ in range(3)] == [0, 0, 0]  # nobody charges anew while nobody knows
    assert later(till, minutes=5) == 1
    assert (till.state(order), till.credits, len(charges(till))) == (State.PAID, 11_000, 1)
    asked = [each for each in till.stripe.look("requests")["requests"] if each["path"] == "/v1/payment_intents"]
    keys = {each["key"] for each in asked if each["method"] == "POST"}
    assert keys == {f"topup:{order.id}:1"}
    till.assert_books_balance()


@pytest.mark.parametrize("fault", ["drop-before-accept", "503"])
def test_case_21_a_charge_that_never_arrived_is_made_once(one_till: Till, fault: str) -> None:
    till = one_till
    on(till)
    empty(till)
    till.stripe.ctl("fail", fault=fault, match=INTENTS, times=3)
    due(till)
    [order] = topups(till)
    assert (order.state, len(charges(till))) == (State.UNKNOWN, 0)
    later(till, minutes=5)
    assert (till.state(order), till.credits, len(charges(till))) == (State.PAID, 11_000, 1)


def test_a_charge_that_never_arrived_waits_while_its_customer_has_paid_themselves(one_till: Till) -> None:
    till = one_till
    on(till)
    empty(till)
    till.stripe.ctl("fail", fault="drop-before-accept", match=INTENTS, times=3)
    due(till)
    [order] = topups(till)
    bought(till)
    later(till, minutes=5)
    assert (till.state(order), till.credits, charges(till)) == (State.UNKNOWN, 11_500, [])
    empty(till)
    later(till, hours=1)
    assert (till.state(order), till.credits, len(charges(till))) == (State.PAID, 11_000, 1)


def test_an_answer_lost_for_good_ends_when_its_key_does(one_till: Till) -> None:
    """Stored under its key, a 500 is answered for ever: what was never made is found out by looking."""
    till = one_till
    on(till)
    empty(till)
    till.stripe.ctl("fail", fault="500", match=INTENTS)
    due(till)
    [order] = topups(till)
    for _ in range(3):
        later(till, hours=1)
    assert (till.state(order), len(charges(till))) == (State.UNKNOWN, 0)
    till.time.ahead += timedelta(hours=24)
    due(till)
    assert till.order(order).failure_code == "never_charged"
    later(till, minutes=2)
    assert [each.state for each in topups(till)] == [State.FAILED, State.PAID]
    assert till.credits == 11_000


def test_a_lost_answer_is_found_by_looking_or_told_by_a_webhook(one_till: Till) -> None:
    till = one_till
    on(till)
    empty(till)
    till.stripe.ctl("fail", fault="500-after-accept", match=INTENTS)
    due(till)
    [order] = topups(till)
    assert (order.state, len(charges(till))) == (State.UNKNOWN, 1)
    hear(till)
    assert (till.state(order), till.credits) == (State.PAID, 11_000)
    assert len(letters(till, "topup_ok")) == 1
    later(till, minutes=5)
    assert (till.credits, len(charges(till))) == (11_000, 1)


def test_turned_off_meanwhile_it_is_not_asked_for_again(one_till: Till) -> None:
    till = one_till
    on(till)
    empty(till)
    till.stripe.ctl("fail", fault="drop-before-accept", match=INTENTS, times=3)
    due(till)
    till.cashier.topups.stop(till.workspace_id, actor=till.user_id)
    later(till, minutes=5)
    [order] = topups(till)
    assert order.state is State.UNKNOWN  # it may still arrive
    later(till, minutes=15)
    assert (till.state(order), len(charges(till))) == (State.FAILED, 0)


def test_case_22_fifty_at_once_cross_the_threshold_and_one_top_up_is_made(till: Till) -> None:
    """With generations, too: `tests/scenarios/test_topup_under_load.py`."""
    on(till)
    ledger, workspace = till.services.ledger, till.workspace_id

    async def request(number: int) -> None:
        await ledger.adjust(workspace, Money.from_exact(-190), ref=f"gen_{number}", actor="test", reason="used")
        await till.cashier.cards.topups.top_up(workspace)
        await till.cashier.top_up_due()

    async def all_of_them() -> None:
        await asyncio.gather(*(request(number) for number in range(50)))

    till.run(all_of_them())
    assert [order.state for order in topups(till)] == [State.PAID]
    assert (len(charges(till)), till.credits) == (1, 10_500 - 50 * 190 + 10_000)
    till.assert_books_balance()


def test_the_database_itself_allows_one_under_way(till: Till) -> None:
    on(till)
    empty(till)
    till.stripe.ctl("fail", fault="drop-before-accept", match=INTENTS, times=3)
    due(till)
    [order] = topups(till)
    write = till.cashier.cards.topups._orders._write
    with till.services.db.read() as connection:
        row = connection.execute(text("SELECT consent_id, package_id FROM auto_topup")).one()
    quote = till.cashier.orders.quote(till.workspace_id, Fiat(1_000, "EUR"))
    till.time.ahead += timedelta(minutes=5)
    wanted = Wanted(setting(till).rules, till.package, Fiat(1_000, "EUR"), quote)
    assert write(till.workspace_id, row.consent_id, wanted) is None
    assert [each.id for each in topups(till)] == [order.id]


# --- declines


@pytest.mark.one_engine
def test_case_24_a_bank_that_asks_for_its_cardholder(till: Till) -> None:
    card = on(till)
    behave(till, card, "asks_always")
    empty(till)
    due(till)
    [order] = topups(till)
    assert (order.state, setting(till).state, till.credits) == (State.PENDING, Topup.NEEDS_ACTION, 1_000)
    [told] = letters(till, "topup_needs_action")
    assert told["link"].endswith(f"/top-up?order={order.id}")
    [given_up] = charges(till)
    assert given_up.status == "canceled"
    hear(till)
    assert later(till, hours=30) == 0  # no second try
    assert (till.state(order), len(charges(till))) == (State.PENDING, 1)

    page = till.run(till.cashier.resume(order.id, workspace_id=till.workspace_id))
    assert page.url
    till.pay(page, card=VISA)
    hear(till)
    assert (till.state(order), setting(till).state, till.credits) == (State.PAID, Topup.ON, 11_000)
    assert letters(till, "topup_ok") == []
    till.assert_books_balance()


def test_an_owner_who_lets_a_page_run_out_gets_another(one_till: Till) -> None:
    till = one_till
    card = on(till)
    behave(till, card, "asks_always")
    empty(till)
    due(till)
    [order] = topups(till)
    first = till.run(till.cashier.resume(order.id, workspace_id=till.workspace_id))
    till.stripe.ctl("clock", advance=3600)
    till.time.ahead += timedelta(hours=1)
    hear(till)
    assert till.state(order) is State.PENDING
    second = till.run(till.cashier.resume(order.id, workspace_id=till.workspace_id))
    assert second.url
    assert second.url != first.url
    till.time.ahead += timedelta(days=8)
    till.stripe.ctl("clock", advance=8 * 86_400)
    till.apply()
    assert till.state(order) is State.EXPIRED


def test_turning_it_on_again_calls_off_what_waited(one_till: Till) -> None:
    till = one_till
    card = on(till)
    behave(till, card, "asks_always")
    empty(till)
    due(till)
    [waiting] = topups(till)
    till.run(till.cashier.resume(waiting.id, workspace_id=till.workspace_id))
    behave(till, card, "pays")
    till.time.ahead += timedelta(minutes=2)
    turn_on(till, card)
    assert [order.state for order in topups(till)] == [State.CANCELED, State.PAID]
    assert (setting(till).state, till.credits) == (Topup.ON, 11_000)


@pytest.mark.one_engine
def test_case_25_soft_declines_back_off_and_then_it_is_disabled(till: Till) -> None:
    card = on(till)
    behave(till, card, "insufficient_funds")
    empty(till)
    due(till)
    for hours in (1, 6, 24):
        tries = len(charges(till))
        assert setting(till).state is Topup.ON
        assert later(till, hours=hours, minutes=-1) == 0
        assert later(till, minutes=2) == 1
        assert len(charges(till)) == tries + 1
    assert (setting(till).state, setting(till).reason) == (Topup.DISABLED, "failed_attempt_limit_reached")
    assert [order.failure_code for order in topups(till)] == ["insufficient_funds"] * 4
    assert len(letters(till, "topup_failed")) == 3
    [told] = letters(till, "topup_disabled")
    assert told == {"reason": "failed_attempt_limit_reached", "card": "Visa 4242"}
    assert later(till, days=3) == 0
    assert till.credits == 1_000

    behave(till, card, "pays")
    turn_on(till, card)
    assert (till.credits, setting(till).failures) == (11_000, 0)
    till.assert_books_balance()


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent", "do_not_try_again", "expired_card"])
def test_a_hard_decline_disables_at_once(one_till: Till, code: str) -> None:
    till = one_till
    card = on(till)
    behave(till, card, code)
    empty(till)
    due(till)
    assert (setting(till).state, setting(till).reason, len(charges(till))) == (Topup.DISABLED, code, 1)
    assert later(till, days=2) == 0


def test_a_success_forgets_the_declines_before_it(one_till: Till) -> None:
    till = one_till
    card = on(till)
    behave(till, card, "generic_decline")
    empty(till)
    due(till)
    assert setting(till).failures == 1
    behave(till, card, "pays")
    later(till, hours=2)
    assert (setting(till).failures, till.credits) == (0, 11_000)


# --- limits


def test_case_25_the_months_maximum_counts_what_is_under_way(till: Till) -> None:
    on(till, month_cap=Fiat(2 * 1_190 + 1_189, "EUR"), most_per_day=50)
    _stay_in_the_month(till)
    empty(till)
    due(till)
    empty(till)
    till.stripe.ctl("fail", fault="drop-before-accept", match=INTENTS, times=3)
    later(till, minutes=2)
    assert [order.state for order in topups(till)] == [State.PAID, State.UNKNOWN]
    assert setting(till).standing.spent == Fiat(2 * 1_190, "EUR")  # the one nobody knows of counts
    later(till, minutes=5)
    empty(till)
    later(till, minutes=2)
    later(till, minutes=2)
    assert [order.state for order in topups(till)] == [State.PAID, State.PAID]
    held = [told for told in letters(till, "topup_failed") if told["reason"] == "purchase_limit_reached"]
    assert len(held) == 1
    assert setting(till).state is Topup.ON

    till.time.ahead += month_of(till.time())[1] - till.time()
    due(till)
    assert [order.state for order in topups(till)] == [State.PAID] * 3  # a new month
    till.assert_books_balance()


def test_case_25_a_maximum_is_of_one_currency(one_till: Till) -> None:
    till = one_till
    card = on(till)
    _stay_in_the_month(till)
    empty(till)
    due(till)
    dollars = {"month_cap": Fiat(10_000, "USD"), "amount": Fiat(1_100, "USD")}
    with pytest.raises(Conflict) as refused:
        turn_on(till, card, **dollars)
    assert refused.value.stable_code == "currency_in_use"
    till.time.ahead += month_of(till.time())[1] - till.time()
    assert turn_on(till, card, **dollars).rules.currency == "USD"


def test_a_day_has_its_limit(one_till: Till) -> None:
    till = one_till
    on(till, most_per_day=2)
    _stay_in_the_month(till)
    for _ in range(3):
        empty(till)
        later(till, minutes=2)
    assert len(topups(till)) == 2
    [told] = letters(till, "topup_failed")
    assert told["reason"] == "attempt_limit_reached"
    later(till, days=1)
    assert len(topups(till)) == 3


def test_a_minute_lies_between_two(one_till: Till) -> None:
    till = one_till
    on(till)
    empty(till)
    due(till)
    empty(till)
    assert due(till) == 0
    later(till, seconds=61)
    assert len(topups(till)) == 2


def _stay_in_the_month(till: Till) -> None:
    """Begin early on the first of a month, so that minutes and hours later are the same day and month."""
    now = till.time()
    till.time.ahead += month_of(now)[1] - now + timedelta(hours=1)


# --- cards that go


@pytest.mark.one_engine
def test_case_47_the_card_is_deleted_while_a_charge_is_under_way(till: Till) -> None:
    card = on(till)
    empty(till)
    till.stripe.ctl("fail", fault="drop-before-accept", match=INTENTS, times=3)
    due(till)
    [order] = topups(till)
    till.run(till.cashier.remove_card(till.workspace_id, card.id, actor=till.user_id))
    assert (setting(till).state, setting(till).reason) == (Topup.DISABLED, "missing_payment_method")
    assert till.cashier.saved_cards(till.workspace_id) == []
    later(till, minutes=15)
    assert (till.state(order), len(charges(till)), till.credits) == (State.FAILED, 0, 1_000)
    assert len(letters(till, "topup_disabled")) == 1
    hear(till)
    assert till.cashier.saved_cards(till.workspace_id) == []


def test_case_47_a_charge_that_was_made_before_its_card_went_is_credited(one_till: Till) -> None:
    till = one_till
    card = on(till)
    empty(till)
    till.stripe.ctl("fail", fault="500-after-accept", match=INTENTS)
    due(till)
    till.run(till.cashier.remove_card(till.workspace_id, card.id, actor=till.user_id))
    later(till, minutes=15)
    assert ([order.state for order in topups(till)], till.credits) == ([State.PAID], 11_000)


@pytest.mark.one_engine
def test_case_47_a_bank_or_the_dashboard_takes_the_card_away(till: Till) -> None:
    card = on(till)
    method = till.scalar("SELECT method_id FROM saved_card WHERE id = :id", id=card.id)
    till.stripe.ctl(f"payment_methods/{method}", detach=True)
    empty(till)
    due(till)  # before the event says so
    assert (setting(till).state, setting(till).reason) == (Topup.DISABLED, "missing_payment_method")
    hear(till)
    assert till.cashier.saved_cards(till.workspace_id) == []
    assert (till.credits, len(charges(till))) == (1_000, 0)


@pytest.mark.one_engine
def test_case_47_the_customer_is_deleted_at_the_provider(till: Till) -> None:
    on(till)
    customer = till.scalar("SELECT customer_id FROM payment_customer")
    till.client.v1.customers.delete(customer)
    hear(till)
    assert (setting(till).state, setting(till).reason) == (Topup.DISABLED, "customer_deleted")
    assert till.cashier.saved_cards(till.workspace_id) == []
    empty(till)
    assert due(till) == 0

    order = till.buy(save_card=True)  # a new customer is made for the next purchase
    till.pay(order)
    hear(till)
    assert till.state(order) is State.PAID
    assert till.scalar("SELECT customer_id FROM payment_customer") != customer
    assert len(till.cashier.saved_cards(till.workspace_id)) == 1
    till.assert_books_balance()


def test_a_card_the_provider_could_not_be_told_about_is_forgotten_later(one_till: Till) -> None:
    till = one_till
    card = on(till)
    method = till.scalar("SELECT method_id FROM saved_card WHERE id = :id", id=card.id)
    till.stripe.ctl("fail", fault="drop-before-accept", match="/detach", times=3)
    till.run(till.cashier.remove_card(till.workspace_id, card.id, actor=till.user_id))
    assert till.client.v1.payment_methods.retrieve(method).customer is not None
    assert till.run(till.cashier.refresh_cards(till.workspace_id)) == []  # what was removed does not come back
    due(till)
    assert till.client.v1.payment_methods.retrieve(method).customer is None


@pytest.mark.one_engine
def test_a_card_is_saved_without_buying(till: Till) -> None:
    consent = Consent(SAVE_CARD_WORDING, till.user_id, "203.0.113.7")
    page = till.run(till.cashier.add_card(till.workspace_id, "EUR", consent))
    assert page.url.startswith("http")
    till.stripe.ctl(f"checkout/{page.session_id}/pay", card=VISA)
    [card] = till.run(till.cashier.refresh_cards(till.workspace_id))
    assert (card.text, card.is_active, card.is_expired(datetime(2026, 1, 1, tzinfo=UTC))) == ("Visa 4242", True, False)
    hear(till)
    assert till.cases() == []
    assert till.scalar("SELECT count(*) FROM payment_consent WHERE kind = 'save_card'") == 1
    assert [each.id for each in till.cashier.saved_cards(till.workspace_id)] == [card.id]
