"""Money back on the real road: asked for here or at the provider, in parts, failing, twice, too much."""

import asyncio
from datetime import date, timedelta

import pytest

from app.kernel.errors import Conflict, InvalidInput, NotFound, ProviderRefused
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.bookings import Bookings
from app.payments.lifecycle import State
from app.payments.refunds import RefundChoice
from app.payments.stripe_returns import StripeReturns
from tests.support.returns import (
    FAILS_LATER,
    WAITS,
    at_stripe,
    bought,
    cash,
    charge_of,
    notes,
    refund,
    refunds,
)
from tests.support.till import Till, dinars
from tests.support.topups import everything, hear, letters, use

REFUNDS = "POST /v1/refunds"
TODAY = date(2026, 11, 21)
NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}


def balance(till: Till):
    return till.services.ledger.balance(till.workspace_id)


def carry_on(till: Till, **delta: float) -> int:
    till.time.ahead += timedelta(**delta)
    return till.run(till.cashier.return_due())


def test_all_of_an_unused_order_goes_back_with_its_bonus(till: Till) -> None:
    order = bought(till)
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(1_190, "EUR")
    view = refund(till, order)
    assert (view.state, view.amount.minor, view.credits.amount) == ("succeeded", 1_190, 10_000)
    assert (till.state(order), till.credits, balance(till).debt.micros) == (State.REFUNDED, 0, 0)
    assert notes(till) == [(1_190, "refund")]
    [note] = view.credit_notes
    assert note.number.startswith("TEST-")
    [told] = letters(till, "credit_note")
    assert told["number"] == note.number
    assert cash(till) == 0
    hear(till)
    assert (len(refunds(till, order)), notes(till)) == (1, [(1_190, "refund")])
    till.assert_books_balance()


@pytest.mark.one_engine
def test_a_partial_refund_takes_its_part_of_everything(till: Till) -> None:
    order = bought(till)
    view = refund(till, order, 595)
    assert (view.credits.amount, till.credits) == (5_000, 5_250)
    assert (till.state(order), notes(till)) == (State.PARTIALLY_REFUNDED, [(595, "refund")])
    tax = till.scalar("SELECT tax FROM invoice WHERE kind = 'credit_note'")
    assert tax == 95
    assert cash(till) == 595
    refund(till, order)
    assert (till.state(order), till.credits, notes(till)) == (State.REFUNDED, 0, [(595, "refund"), (595, "refund")])
    till.assert_books_balance()


def test_only_the_unused_part_can_be_refunded(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    use(till, 4_500)  # the bonus first, then 4,000 of what was paid for
    can = till.cashier.refunds.refundable(order.id)
    assert can.amount == Fiat(714, "EUR")
    with pytest.raises(Conflict) as refused:
        refund(till, order, 715)
    assert refused.value.stable_code == "refund_too_high"
    refund(till, order, 714)
    assert (till.credits, balance(till).debt.micros) == (0, 0)
    with pytest.raises(Conflict) as refused:
        refund(till, order, 1)
    assert refused.value.stable_code == "credits_used"
    till.assert_books_balance()


def test_what_a_hold_counts_on_is_not_refunded(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    deadline = till.time() + timedelta(hours=1)
    ledger = till.services.ledger
    till.run(ledger.hold(till.workspace_id, "gen_1", Money.from_exact(9_000), deadline_at=deadline))
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(178, "EUR")
    till.run(ledger.release("gen_1", reason="test"))
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(1_190, "EUR")


def test_asking_again_with_the_same_key_is_one_refund(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    first, second = (refund(till, order, 100, key="the same") for _ in range(2))
    assert (first.id, len(at_stripe(till))) == (second.id, 1)
    with pytest.raises(Conflict):
        refund(till, order, 101, key="the same")
    with pytest.raises(InvalidInput):
        refund(till, order, 100, key="")
    with pytest.raises(InvalidInput):
        refund(till, order, -5)
    with pytest.raises(NotFound):
        refund(till, order, 5, order_id="ord_nobodys")


# --- made at the provider's own pages


def test_case_26_a_full_refund_in_the_dashboard_of_credits_that_are_used(till: Till) -> None:
    order = bought(till)
    use(till, 10_200)
    till.stripe.ctl("refunds", charge=charge_of(till, order))
    hear(till)
    [view] = refunds(till, order)
    assert (view.state, view.origin, view.shortfall.amount) == ("succeeded", "provider", 9_700)
    standing = balance(till)
    assert (standing.balance.micros, standing.debt.amount, standing.frozen) == (0, 9_700, True)
    assert standing.available.micros == 0
    assert (till.state(order), notes(till), cash(till)) == (State.REFUNDED, [(1_190, "refund")], 0)

    again = bought(till)  # what is paid next pays the debt first
    standing = balance(till)
    assert (standing.debt.micros, standing.frozen, standing.balance.amount) == (0, False, 800)
    assert till.state(again) is State.PAID
    till.assert_books_balance()


def test_case_27_partial_refunds_out_of_order_and_again(till: Till) -> None:
    order = bought(till)
    for amount in (300, 200, 100):
        till.stripe.ctl("refunds", charge=charge_of(till, order), amount=amount)
    told = [event for event in everything(till) if event["type"].startswith(("refund.", "charge.refund"))]
    for events in (told[::-1], told, told[2:] + told[:2]):
        assert set(till.deliver(events)) <= {200}
        till.apply()
    assert sorted(view.amount.minor for view in refunds(till, order)) == [100, 200, 300]
    assert sorted(notes(till)) == [(100, "refund"), (200, "refund"), (300, "refund")]
    # 600 of 1,190 cents went back, and with them 600/1,190 of the credits and of the bonus, rounded up
    left = Money(10_500_000_000) - Money(-(-10_000_000_000 * 600 // 1_190)) - Money(-(-500_000_000 * 600 // 1_190))
    assert (balance(till).balance, cash(till)) == (left, 590)
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(590, "EUR")
    till.assert_books_balance()


def test_a_refund_that_is_heard_of_before_its_payment_leaves_no_credits(till: Till) -> None:
    order = till.buy()
    till.stripe.ctl("refunds", payment_intent=till.pay(order), amount=1_190)
    told = everything(till)
    for events in ([one for one in told if "refund" in one["type"]], told):
        assert set(till.deliver(events)) == {200}
        till.apply()
    assert (till.state(order), till.credits, cash(till)) == (State.REFUNDED, 0, 0)
    assert notes(till) == [(1_190, "refund")]
    till.assert_books_balance()


@pytest.mark.one_engine
def test_a_refund_of_somebody_elses_payment_is_none_of_ours(till: Till) -> None:
    made = {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
    theirs = till.client.v1.payment_intents.create({**made, "automatic_payment_methods": NO_REDIRECTS})
    till.stripe.ctl("refunds", payment_intent=theirs.id)
    hear(till, "refund.created", "charge.refunded")
    assert (till.cashier.refunds.listed(), till.cases(), notes(till)) == ([], ["no_order"], [])


@pytest.mark.one_engine
def test_what_is_left_is_refunded_in_what_the_provider_can_send(till: Till) -> None:
    """Of dinars it takes no more than two decimals."""
    order = bought(till, currency="BHD", package_version_id=dinars(till, 5_000))
    assert (str(order.gross), order.state) == ("5.950 BHD", State.PAID)
    use(till, 500 + 3_333)
    assert str(till.cashier.refunds.refundable(order.id).amount) == "3.960 BHD"
    refund(till, order)
    hear(till)
    assert (notes(till), till.state(order)) == ([(3_960, "refund")], State.PARTIALLY_REFUNDED)
    till.assert_books_balance()


def test_a_charges_running_total_is_not_believed(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    refund(till, order, 100)
    till.stripe.ctl("refunds", charge=charge_of(till, order), amount=100)
    hear(till, "charge.refunded")  # twice, each with a running total
    assert [view.amount.minor for view in refunds(till, order)] == [100, 100]
    assert cash(till) == 990


# --- waiting and failing


def test_case_28_a_pending_refund_that_fails_gives_the_credits_back(till: Till) -> None:
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till)
    view = refund(till, order, 595)
    assert (view.state, till.credits, balance(till).set_aside.amount) == ("pending", 5_250, 5_250)
    assert notes(till) == []
    with pytest.raises(Conflict):
        refund(till, order, 596)

    till.stripe.ctl(f"refunds/{view.external_id}", status="failed")
    hear(till)
    [failed] = refunds(till, order)
    assert (failed.state, failed.failure_code) == ("failed", "expired_or_canceled_card")
    assert (till.credits, balance(till).set_aside.micros, notes(till)) == (10_500, 0, [])
    assert (till.state(order), till.cases()) == (State.PAID, ["refund_failed"])
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(1_190, "EUR")
    till.assert_books_balance()


@pytest.mark.one_engine
def test_a_pending_refund_that_succeeds_is_booked_then(till: Till) -> None:
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till)
    view = refund(till, order, 595)
    till.stripe.ctl(f"refunds/{view.external_id}", status="succeeded")
    assert carry_on(till, hours=7) == 1  # without any webhook
    assert (refunds(till, order)[0].state, notes(till), cash(till)) == ("succeeded", [(595, "refund")], 595)
    hear(till)
    assert notes(till) == [(595, "refund")]
    till.assert_books_balance()


def test_a_refund_from_the_dashboard_that_fails_gives_the_credits_back(one_till: Till) -> None:
    till = one_till
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till)
    made = till.stripe.ctl("refunds", charge=charge_of(till, order), amount=595)
    hear(till)
    assert (refunds(till, order)[0].state, till.credits) == ("pending", 5_250)
    till.stripe.ctl(f"refunds/{made['id']}", status="canceled")
    hear(till)
    assert (refunds(till, order)[0].state, till.credits, notes(till)) == ("canceled", 10_500, [])


@pytest.mark.one_engine
def test_a_refund_that_comes_back_after_it_succeeded_sells_the_credits_anew(till: Till) -> None:
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till)
    view = refund(till, order)
    till.stripe.ctl(f"refunds/{view.external_id}", status="succeeded")
    hear(till)
    assert (till.state(order), till.credits, cash(till)) == (State.REFUNDED, 0, 0)

    till.stripe.ctl(f"refunds/{view.external_id}", status="failed")
    for _ in range(2):
        hear(till)
    [came_back] = refunds(till, order)
    assert (came_back.state, till.state(order)) == ("restored", State.PAID)
    assert (till.credits, cash(till), till.cases()) == (10_500, 1_190, ["refund_failed"])
    assert notes(till) == [(1_190, "refund")]
    assert till.count("invoice", "kind = 'invoice'") == 2
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(1_190, "EUR")
    refund(till, order, 1_190)
    till.assert_books_balance()


# --- too much, at once, while disputed


def test_case_29_more_than_can_be_refunded_and_two_operators_at_once(till: Till) -> None:
    order = bought(till)
    with pytest.raises(Conflict) as refused:
        refund(till, order, 1_191)
    assert refused.value.stable_code == "refund_too_high"

    async def both() -> list[object]:
        amount = Fiat(700, "EUR")
        asked = (RefundChoice(order.id, f"usr_{who}", f"key-{who}", amount) for who in "ab")
        return await asyncio.gather(*(till.cashier.refund(choice) for choice in asked), return_exceptions=True)

    outcomes = till.run(both())
    refused_ones = [each for each in outcomes if isinstance(each, Conflict)]
    assert (len(refused_ones), refused_ones[0].stable_code) == (1, "refund_too_high")
    assert ([one.amount for one in at_stripe(till)], notes(till)) == ([700], [(700, "refund")])
    till.assert_books_balance()


@pytest.mark.one_engine
def test_case_29_what_the_provider_refuses_gives_the_credits_back(till: Till) -> None:
    order = bought(till)
    till.stripe.ctl("refunds", charge=charge_of(till, order), amount=1_000)  # and we have not heard of it
    with pytest.raises(Conflict) as refused:
        refund(till, order, 500)
    assert refused.value.stable_code == "refund_refused"
    assert (till.credits, balance(till).set_aside.micros) == (10_500, 0)
    assert [view.state for view in refunds(till, order)] == ["failed"]
    hear(till)
    assert cash(till) == 190
    till.assert_books_balance()


@pytest.mark.parametrize("fault", ["drop-after-accept", "drop-before-accept", "500-after-accept", "503", "429"])
def test_a_refund_whose_answer_is_lost_is_made_once(one_till: Till, fault: str) -> None:
    till = one_till
    order = bought(till)
    till.stripe.ctl("fail", fault=fault, match=REFUNDS, times=1 if fault in {"429", "500-after-accept"} else 3)
    view = refund(till, order, 595)
    assert (view.state, till.credits) == ("asked", 5_250)
    carry_on(till, minutes=5)
    assert [view.state for view in refunds(till, order)] == ["succeeded"]
    assert ([one.amount for one in at_stripe(till)], notes(till)) == ([595], [(595, "refund")])
    till.assert_books_balance()


@pytest.mark.parametrize(
    "refused", [NotFound("no such payment"), ProviderRefused("not with this key", stripe_code="testmode")], ids=repr
)
def test_a_look_that_is_refused_says_nothing_of_the_refund(one_till: Till, monkeypatch, refused) -> None:
    """As with the key of another account: the money may be on its way, so the credits do not return."""
    till = one_till
    order = bought(till)
    till.stripe.ctl("fail", fault="drop-after-accept", match=REFUNDS, times=3)
    assert refund(till, order, 595).state == "asked"

    async def blind(*_: object) -> None:
        raise refused

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(StripeReturns, "find_refund", blind)
        carry_on(till, minutes=5)
        assert ([view.state for view in refunds(till, order)], till.credits) == (["asked"], 5_250)
    carry_on(till, minutes=15)
    assert [view.state for view in refunds(till, order)] == ["succeeded"]
    assert [one.amount for one in at_stripe(till)] == [595]
    till.assert_books_balance()


def test_a_refund_that_never_reached_the_provider_is_given_up_with_its_key(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    till.stripe.ctl("fail", fault="500", match=REFUNDS)
    assert refund(till, order, 595).state == "asked"
    carry_on(till, hours=1)
    assert refunds(till, order)[0].state == "asked"
    carry_on(till, hours=24)
    [view] = refunds(till, order)
    assert (view.state, view.failure_code, till.credits) == ("failed", "never_made", 10_500)
    assert at_stripe(till) == []


@pytest.mark.one_engine
def test_case_30_a_disputed_order_is_not_refunded(till: Till) -> None:
    order = bought(till)
    till.stripe.ctl("disputes", charge=charge_of(till, order))
    with pytest.raises(Conflict) as refused:  # before we have heard of it: the provider says so
        refund(till, order, 100)
    assert (refused.value.stable_code, till.credits) == ("order_disputed", 10_500)
    hear(till)
    with pytest.raises(Conflict) as refused:
        refund(till, order, 100)
    assert refused.value.stable_code == "order_disputed"
    assert at_stripe(till) == []
    till.assert_books_balance()


# --- lots that end


def test_case_44_a_lot_ends_once_and_is_not_refunded_after(till: Till) -> None:
    order = bought(till)
    use(till, 1_500)  # the bonus, and 1,000 of what was paid for
    till.time.ahead += timedelta(days=366)
    ledger = till.services.ledger

    async def twice() -> None:
        await asyncio.gather(ledger.expire_lots(), ledger.expire_lots())
        await ledger.expire_lots()

    till.run(twice())
    assert till.credits == 0
    assert till.count("journal", "kind = 'expiry'") == 1
    with pytest.raises(Conflict) as refused:
        refund(till, order)
    assert refused.value.stable_code == "credits_expired"

    # Refunded at the provider all the same, only what was used is debt: what ended unused is not.
    till.stripe.ctl("refunds", charge=charge_of(till, order))
    hear(till)
    [view] = refunds(till, order)
    assert (view.state, view.shortfall.amount, balance(till).debt.amount) == ("succeeded", 1_000, 1_000)
    till.assert_books_balance()


def test_a_refund_has_its_days(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    till.cashier.policies.change(actor="op", refund_days=14)
    till.time.ahead += timedelta(days=15)
    with pytest.raises(Conflict) as refused:
        refund(till, order)
    assert refused.value.stable_code == "refund_too_late"
    with pytest.raises(InvalidInput):
        till.cashier.policies.change(actor="op", refund_days=-1)


# --- transfers


@pytest.mark.one_engine
def test_an_order_paid_by_transfer_is_refunded_by_hand(till: Till) -> None:
    operator = till.operator()
    order = till.cashier.manual.request(till.choice())
    manual = till.cashier.manual
    manual.record(order.id, order.gross, bank_reference="BANK-IN-1", value_date=till.time().date(), actor=operator)
    till.run(manual.approve(order.id, actor=operator))
    assert till.credits == 10_500
    view = refund(till, order, 595)
    assert (view.state, till.credits) == ("asked", 5_250)
    assert carry_on(till, days=2) == 0  # nobody but an operator ends it
    done = till.run(till.cashier.refunds.confirm_sent(view.id, "BANK-OUT-1", actor=operator))
    assert (done.state, done.external_id, notes(till)) == ("succeeded", "BANK-OUT-1", [(595, "refund")])
    with pytest.raises(Conflict):
        till.run(till.cashier.refunds.confirm_sent(view.id, "BANK-OUT-2", actor=operator))

    other = refund(till, order, 100)
    called_off = till.run(till.cashier.refunds.call_off(other.id, actor=operator))
    assert (called_off.state, till.credits) == ("canceled", 5_250)
    till.assert_books_balance()


@pytest.mark.one_engine
def test_a_transfer_back_is_recorded_once_and_not_called_off_after(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, manual = till.operator(), till.cashier.manual
    views = []
    for number in range(2):
        order = manual.request(till.choice())
        manual.record(order.id, order.gross, bank_reference=f"IN-{number}", value_date=TODAY, actor=operator)
        views.append(refund(till, till.run(manual.approve(order.id, actor=operator)), 595))
    first, second = views
    till.run(till.cashier.refunds.confirm_sent(first.id, "OUT", actor=operator))
    with pytest.raises(Conflict) as refused:
        till.run(till.cashier.refunds.confirm_sent(second.id, "OUT", actor=operator))
    assert refused.value.stable_code == "already_recorded"
    assert (till.credits, notes(till)) == (10_500, [(595, "refund")])  # of 21,000, a quarter gone and a quarter aside

    monkeypatch.setattr(Bookings, "take_back", broken)
    with pytest.raises(RuntimeError):
        till.run(till.cashier.refunds.confirm_sent(second.id, "OUT-2", actor=operator))
    with pytest.raises(Conflict):
        till.run(till.cashier.refunds.call_off(second.id, actor=operator))
    monkeypatch.undo()
    done = till.run(till.cashier.refunds.confirm_sent(second.id, "OUT-2", actor=operator))
    assert (done.state, done.external_id, till.credits) == ("succeeded", "OUT-2", 10_500)
    till.assert_books_balance()


def test_a_transfer_back_that_is_called_off_cannot_be_sent_meanwhile(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, manual = till.operator(), till.cashier.manual
    order = manual.request(till.choice())
    manual.record(order.id, order.gross, bank_reference="IN", value_date=TODAY, actor=operator)
    view = refund(till, till.run(manual.approve(order.id, actor=operator)), 595)
    monkeypatch.setattr(Bookings, "give_back", broken)
    with pytest.raises(RuntimeError):
        till.run(till.cashier.refunds.call_off(view.id, actor=operator))
    with pytest.raises(Conflict):
        till.run(till.cashier.refunds.confirm_sent(view.id, "OUT", actor=operator))
    monkeypatch.undo()
    done = till.run(till.cashier.refunds.call_off(view.id, actor=operator))
    assert (done.state, till.credits, notes(till)) == ("canceled", 10_500, [])
    till.assert_books_balance()


async def broken(*_: object, **__: object) -> None:
    raise RuntimeError("cut short")


def test_a_slow_refund_finishes_by_itself(one_till: Till) -> None:
    till = one_till
    order = bought(till, WAITS)
    assert refund(till, order, 595).state == "pending"
    till.stripe.ctl("clock", advance=60)
    hear(till)
    assert refunds(till, order)[0].state == "succeeded"


def test_a_card_whose_refunds_come_back(one_till: Till) -> None:
    till = one_till
    order = bought(till, FAILS_LATER)
    assert refund(till, order).state == "succeeded"
    till.stripe.ctl("clock", advance=60)
    hear(till)
    assert (refunds(till, order)[0].state, till.credits) == ("restored", 10_500)
