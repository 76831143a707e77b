"""What happened at Stripe against what we know: missed webhooks, unheard payments, other amounts, refunds."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.kernel.money import Money
from app.ledger.change import MOST_HELD
from app.ledger.operations import GrantOp
from app.payments import tables
from app.payments.lifecycle import State
from app.reconcile.findings import Code
from app.reconcile.runs import Depth
from tests.reconcile.support import behind_its_back, healed_codes, open_codes, paid, reconcile
from tests.support.returns import bought, came_back, charge_of, notes, refund
from tests.support.till import SEPA, Till
from tests.support.topups import hear, use

LATER = timedelta(minutes=20)


@pytest.mark.one_engine
def test_an_ordinary_sale_is_clean(till: Till) -> None:
    paid(till)
    run = reconcile(till)
    assert (run.differences, run.error) == ([], None)
    assert run.is_clean
    assert {
        "events",
        "open_orders",
        "payments",
        "refunds",
        "disputes",
        "orders",
        "webhooks",
        "postings",
        "invoices",
    } == set(run.compared)
    assert run.compared["payments"] == 1


@pytest.mark.parametrize("depth", Depth)
def test_dropped_webhooks_are_taken_in_and_applied(till: Till, depth: Depth) -> None:
    order = till.buy()
    till.pay(order)
    till.time.ahead += LATER
    run = reconcile(till, depth)
    assert (till.state(order), till.credits) == (State.PAID, 10_500)
    assert (open_codes(run), healed_codes(run)) == ([], {Code.WEBHOOK_MISSED})
    till.assert_books_balance()
    assert reconcile(till).differences == []


def test_a_session_paid_while_we_were_down_is_credited_when_stripe_can_be_asked_again(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    till.time.ahead += LATER
    till.stripe.ctl("fail", fault="500", match="GET /v1/events", times=3)
    assert open_codes(reconcile(till, Depth.QUICK)) == [Code.PROVIDER_SILENT]
    assert (till.state(order), till.services.reconcile.runs.watermark()) == (State.PENDING, None)
    run = reconcile(till, Depth.QUICK)
    assert (till.state(order), till.credits, open_codes(run)) == (State.PAID, 10_500, [])
    assert healed_codes(run) == {Code.WEBHOOK_MISSED}


@pytest.mark.one_engine
def test_a_payment_no_event_tells_of_is_found_in_the_list(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    order = till.buy()
    intent = till.pay(order)
    deaf(till, monkeypatch)
    run = reconcile(till)
    assert (till.state(order), till.credits) == (State.PAID, 10_500)
    [healed] = run.healed
    assert (healed.code, healed.subject, healed.order_id) == (Code.PAYMENT_NOT_CREDITED, intent, order.id)
    assert run.open == []
    assert reconcile(till).differences == []


@pytest.mark.one_engine
def test_an_old_open_order_is_asked_about(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    order = till.buy()
    till.pay(order)
    deaf(till, monkeypatch)
    till.time.ahead += timedelta(minutes=36)
    run = reconcile(till, Depth.QUICK)
    assert (till.state(order), healed_codes(run), open_codes(run)) == (State.PAID, {Code.PAYMENT_NOT_CREDITED}, [])


@pytest.mark.one_engine
def test_an_order_whose_page_ran_out_is_closed_and_no_difference(till: Till) -> None:
    order = till.buy()
    till.stripe.ctl("clock", advance=3600)
    till.time.ahead += timedelta(hours=1)
    run = reconcile(till)
    assert (till.state(order), open_codes(run), till.credits) == (State.EXPIRED, [], 0)


@pytest.mark.one_engine
def test_an_order_stripe_gives_no_word_about_is_told(till: Till) -> None:
    order = till.buy()
    till.time.ahead += timedelta(hours=2)
    till.stripe.ctl("fail", fault="500", match=f"GET /v1/checkout/sessions/{till.session_of(order)}", times=60)
    [stuck] = reconcile(till, Depth.QUICK).open
    assert (stuck.code, stuck.order_id) == (Code.ORDER_STUCK, order.id)
    till.stripe.ctl("reset")


@pytest.mark.one_engine
def test_a_bank_debit_on_its_way_is_no_difference(till: Till) -> None:
    till.stripe.ctl("settings", settle_debits="on_demand")
    order = till.buy()
    intent = till.pay(order, iban=SEPA)
    till.settle(order)
    till.time.ahead += timedelta(days=2)
    assert open_codes(reconcile(till)) == []
    assert till.state(order) is State.PROCESSING
    till.stripe.ctl(f"settle/{intent}", paid=True)
    assert open_codes(reconcile(till)) == []
    assert (till.state(order), till.credits) == (State.PAID, 10_500)


@pytest.mark.one_engine
def test_a_tampered_amount_is_told_and_not_healed(till: Till) -> None:
    order = till.buy()
    intent = till.pay(order)
    till.stripe.ctl(f"objects/{intent}", amount_received=100, amount=100)
    till.stripe.ctl(f"objects/{till.session_of(order)}", amount_total=100)
    for _ in range(2):
        run = reconcile(till)
        assert (till.state(order), till.credits) == (State.MISMATCH, 0)
        assert [(one.code, one.subject) for one in run.open] == [(Code.MONEY_UNMATCHED, intent)]
        assert run.open[0].facts["reason"] == "mismatch"
    [case] = till.cashier.unmatched.open_cases()
    till.cashier.unmatched.resolve(case.id, "Refunded at Stripe", actor="op")
    assert open_codes(reconcile(till)) == []
    assert till.credits == 0


@pytest.mark.one_engine
def test_a_payment_that_changed_after_it_was_credited_is_told(till: Till) -> None:
    order = paid(till)
    [payment] = till.cashier.payments_of(order.id)
    till.stripe.ctl(f"objects/{payment.external_id}", amount_received=100)
    run = reconcile(till)
    [told] = run.open
    assert (told.code, told.subject) == (Code.PAYMENT_DIFFERS, payment.external_id)
    assert (told.facts["booked"], told.facts["paid"]) == ("11.90 EUR", "1.00 EUR")
    assert till.credits == 10_500


@pytest.mark.one_engine
def test_a_payment_stripe_does_not_know_is_told(till: Till) -> None:
    paid(till)
    till.stripe.ctl("reset")
    run = reconcile(till)
    assert open_codes(run) == [Code.PAYMENT_NOT_AT_PROVIDER]


@pytest.mark.one_engine
def test_money_without_an_order_waits_in_the_queue(till: Till) -> None:
    order = till.buy()
    intent = till.pay(order)
    for wanted in (till.session_of(order), intent):
        till.stripe.ctl(f"objects/{wanted}", metadata={})
    for depth in (Depth.FULL, Depth.QUICK):
        [told] = [one for one in reconcile(till, depth).open if one.code is Code.MONEY_UNMATCHED]
        assert (told.subject, told.facts["reason"]) == (intent, "no_order")
    assert till.cases() == ["no_order"]
    assert till.credits == 0


@pytest.mark.one_engine
def test_a_refund_no_event_told_of_is_booked_by_its_own_id(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    order = paid(till)
    [payment] = till.cashier.payments_of(order.id)
    deaf(till, monkeypatch)
    till.stripe.ctl("refunds", payment_intent=payment.external_id, amount=190)
    assert reconcile(till).differences == []  # it is young, and its event on the way
    till.time.ahead += LATER
    [told] = reconcile(till).healed
    assert (told.code, told.facts) == (
        Code.REFUND_NOT_BOOKED,
        {"refunded": "1.90 EUR", "credited": "0.00 EUR"},
    )
    assert reconcile(till).differences == []
    assert notes(till) == [(190, "refund")]
    till.assert_books_balance()


@pytest.mark.one_engine
def test_a_silent_stripe_is_told_and_our_own_books_are_compared(till: Till) -> None:
    order = paid(till)
    behind_its_back(till, "UPDATE payment SET amount_minor = 1 WHERE order_id = :id", id=order.id)
    till.stripe.ctl("fail", fault="500", match="GET /v1/", times=30)
    run = reconcile(till)
    assert set(open_codes(run)) == {Code.PROVIDER_SILENT, Code.PAYMENT_DIFFERS}
    assert till.services.reconcile.runs.watermark() is None
    till.stripe.ctl("reset")


@pytest.mark.one_engine
def test_a_parked_webhook_is_told_until_somebody_dealt_with_it(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    events = [{**event, "api_version": "2027-09-30.fennel"} for event in till.events("checkout.session.completed")]
    till.deliver(events)
    till.apply()
    run = reconcile(till, Depth.QUICK)
    assert {Code.WEBHOOK_PARKED, Code.MONEY_UNMATCHED} == set(open_codes(run))
    for case in till.cashier.unmatched.open_cases():
        till.cashier.unmatched.resolve(case.id, "Looked into", actor="op")
    assert open_codes(reconcile(till, Depth.QUICK)) == []


@pytest.mark.one_engine
def test_a_webhook_nobody_applies_is_told(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    till.deliver(till.events("checkout.session.completed"))
    with till.services.db.write() as connection:
        connection.execute(update(tables.webhook_event).values(next_at=till.time() + timedelta(days=1)))
    till.time.ahead += LATER
    assert Code.WEBHOOK_LATE in open_codes(reconcile(till, Depth.QUICK))


def deaf(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """No event is listed any more, as after thirty days."""
    from app.payments import stripe_listing

    monkeypatch.setattr(stripe_listing, "TYPES", ("customer.deleted",))


def test_refunds_and_disputes_are_clean_whatever_became_of_them(one_till: Till) -> None:
    till = one_till
    refund(till, bought(till), 595)
    for status in ("won", "lost"):
        made = till.stripe.ctl("disputes", charge=charge_of(till, bought(till)))
        hear(till)
        till.stripe.ctl(f"disputes/{made['id']}", status=status)
    hear(till)
    till.stripe.ctl("disputes", charge=charge_of(till, bought(till)))
    hear(till)
    till.time.ahead += LATER
    run = reconcile(till)
    assert run.differences == []
    assert (run.compared["refunds"], run.compared["disputes"]) == (1, 3)


@pytest.mark.one_engine
def test_a_dispute_no_event_told_of_is_found_and_followed(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    order = bought(till)
    deaf(till, monkeypatch)
    made = till.stripe.ctl("disputes", charge=charge_of(till, order))
    for status, booked, state in (("needs_response", "–", State.DISPUTED), ("lost", "needs_response", State.REFUNDED)):
        till.stripe.ctl(f"disputes/{made['id']}", status=status)
        [told] = reconcile(till).healed
        assert (told.code, told.facts) == (Code.DISPUTE_NOT_BOOKED, {"state": status, "booked": booked})
        assert till.state(order) is state
    assert reconcile(till).differences == []
    till.assert_books_balance()


@pytest.mark.one_engine
def test_a_refund_nobody_ends_is_told(one_till: Till) -> None:
    till = one_till
    order = till.cashier.manual.request(till.choice())
    till.cashier.manual.record(
        order.id, order.gross, bank_reference="B-1", value_date=till.time().date(), actor="clerk"
    )
    till.run(till.cashier.manual.approve(order.id, actor=till.operator()))
    view = refund(till, order, 595)
    assert reconcile(till).differences == []
    till.time.ahead += timedelta(days=15)
    [told] = reconcile(till).open
    assert (told.code, told.subject, told.facts["amount"]) == (Code.REFUND_STUCK, view.id, "5.95 EUR")


GONE_LIVE = (
    "UPDATE payment SET livemode = NOT livemode, external_id = 'x' || external_id",
    "UPDATE payment_order SET livemode = NOT livemode",
    "UPDATE dispute SET livemode = NOT livemode, external_id = 'x' || external_id",
    "UPDATE refund SET livemode = NOT livemode, external_id = 'x' || external_id",
)


@pytest.mark.one_engine
def test_what_is_left_of_trying_out_is_not_asked_of_the_live_account(till: Till) -> None:
    """An open dispute or a late refund of the test mode stopped every reconciliation once real keys were in."""
    refund(till, bought(till), 595)
    till.stripe.ctl("disputes", charge=charge_of(till, bought(till)))
    hear(till)
    till.time.ahead += LATER
    behind_its_back(till, *GONE_LIVE)
    for _ in range(2):
        run = reconcile(till)
        assert run.state == "done"
        assert {Code.DISPUTE_NOT_AT_PROVIDER, Code.PAYMENT_NOT_AT_PROVIDER}.isdisjoint(open_codes(run))


def test_a_dispute_that_stripe_does_not_know_is_told(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    till.stripe.ctl("disputes", charge=charge_of(till, order))
    hear(till)
    behind_its_back(till, "UPDATE dispute SET external_id = 'dp_unknown'")
    told = [one for one in reconcile(till).open if one.code is Code.DISPUTE_NOT_AT_PROVIDER]
    assert [(one.subject, one.order_id, bool(one.next_step)) for one in told] == [("dp_unknown", order.id, True)]


def test_a_refund_of_a_payment_that_stripe_does_not_know_is_told(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    refund(till, order, 595)
    till.time.ahead += LATER
    behind_its_back(till, "UPDATE payment SET external_id = 'pi_unknown'")
    told = [one for one in reconcile(till).open if one.code is Code.PAYMENT_NOT_AT_PROVIDER]
    assert [(one.subject, one.order_id) for one in told] == [("pi_unknown", order.id)]


def test_a_refund_under_an_id_that_stripe_does_not_know_is_told(one_till: Till) -> None:
    """The sums agree; the refunds do not."""
    till = one_till
    order = bought(till)
    refund(till, order, 595)
    till.time.ahead += LATER
    behind_its_back(till, "UPDATE refund SET external_id = 're_unknown'")
    [told] = reconcile(till).open
    assert (told.code, told.subject, told.order_id) == (Code.REFUND_NOT_AT_PROVIDER, "re_unknown", order.id)


def test_what_came_back_is_clean_whatever_became_of_it(one_till: Till) -> None:
    till = one_till
    refund(till, came_back(till))
    lost = till.stripe.ctl("disputes", charge=charge_of(till, came_back(till)))
    till.stripe.ctl(f"disputes/{lost['id']}", status="lost")
    hear(till)
    till.stripe.ctl("settings", refunds="on_demand")
    again = refund(till, came_back(till))
    for status in ("succeeded", "failed"):
        till.stripe.ctl(f"refunds/{again.external_id}", status=status)
        hear(till)
    till.time.ahead += LATER
    assert {one.code for one in reconcile(till).differences} == {Code.MONEY_UNMATCHED}  # the refunds that failed


def test_a_paid_order_whose_credits_have_no_room_waits_in_the_queue(till: Till) -> None:
    full = Money(MOST_HELD) - Money.from_exact(5_000)
    till.services.ledger.perform(GrantOp(till.workspace_id, full, "promo", "Gift", "gift", "op", 0))
    order = till.buy()
    payment = till.pay(order)
    assert till.settle(order).state is State.PROCESSING
    assert (till.cases(), till.count("webhook_event", "next_at IS NOT NULL")) == (["balance_full"], 0)
    run = reconcile(till)
    assert {one.code for one in run.open if one.subject == payment} == {
        Code.MONEY_UNMATCHED,
        Code.PAYMENT_NOT_CREDITED,
    }
    assert (run.state, run.healed, till.mails().count("payment_unmatched")) == ("done", [], 1)
    use(till, 20_000)
    till.time.ahead += timedelta(hours=6)
    till.apply()
    assert (till.state(order), till.cases()) == (State.PAID, [])
    assert reconcile(till).open == []
    till.assert_books_balance()
