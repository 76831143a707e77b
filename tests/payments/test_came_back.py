"""Part of a payment was refunded and the bank sent it back: its credits are a lot of their own, on an invoice of its
own. Whatever then becomes of the whole payment, every credit and every cent of it goes with that, once."""

from datetime import timedelta

import pytest

from app.generation.account_statement import Period
from app.kernel.fiat import Fiat
from app.payments.dispute_rules import State as Dispute
from app.payments.lifecycle import State
from app.payments.views import OrderView
from tests.support.returns import at_stripe, bought, came_back, cash, charge_of, notes, refund
from tests.support.till import Till
from tests.support.topups import hear, use

BEFORE = [(476, "refund")]
TWICE = [*BEFORE, (714, "dispute"), (476, "dispute")]


def whole_again(till: Till, *parts: int) -> OrderView:
    order = came_back(till, *parts)
    assert (standing(till), till.state(order), cash(till)) == ((0, 10_500, 0, False), State.PAID, 1_190)
    return order


def disputed(till: Till, order: OrderView, status: str = "needs_response") -> str:
    dispute = str(till.stripe.ctl("disputes", charge=charge_of(till, order))["id"])
    if status != "needs_response":
        till.stripe.ctl(f"disputes/{dispute}", status=status)
    hear(till)
    return dispute


def word(till: Till, dispute: str, status: str) -> None:
    till.stripe.ctl(f"disputes/{dispute}", status=status)
    for _ in range(2):
        hear(till)


def standing(till: Till) -> tuple[int, int, int, bool]:
    """What rests, what is there, what is owed, and whether anything may be bought with it."""
    seen = till.services.ledger.balance(till.workspace_id)
    return int(seen.set_aside.amount), till.credits, int(seen.debt.amount), seen.frozen


def clean(till: Till) -> None:
    assert till.count("webhook_event", "state <> 'done' AND state <> 'ignored'") == 0
    assert till.cases() in (["refund_failed"], ["refund_failed"] * 2)
    till.assert_books_balance()


def test_a_lost_dispute_of_the_whole_credits_both_invoices(till: Till) -> None:
    order = whole_again(till)
    dispute = disputed(till, order)
    assert (standing(till), till.state(order)) == ((10_500, 0, 0, True), State.DISPUTED)
    word(till, dispute, "lost")
    assert (standing(till), till.state(order)) == ((0, 0, 0, False), State.REFUNDED)
    assert (notes(till), cash(till)) == (TWICE, 0)
    [seen] = till.cashier.disputes()
    assert (seen.state, seen.credits.amount, seen.shortfall.micros) == (Dispute.LOST, 10_000, 0)
    issued = "SELECT id, number FROM invoice WHERE kind = 'credit_note' AND source_kind = 'dispute' ORDER BY sequence"
    both = [tuple(row) for row in till.rows(issued)]
    assert (len(both), list(seen.credit_notes)) == (2, both)
    today = Period(till.time() - timedelta(days=1), till.time() + timedelta(days=1))
    last = till.services.statements.page(till.workspace_id, today).movements[-1].purchase
    assert (last.amount, last.invoice_no) == (Fiat(-1_190, "EUR"), ", ".join(number for _, number in both))
    assert till.mails().count("credit_note") == 3
    clean(till)


def test_won_everything_is_there_again(one_till: Till) -> None:
    till = one_till
    order = whole_again(till)
    dispute = disputed(till, order)
    word(till, dispute, "won")
    assert (standing(till), till.state(order), notes(till)) == ((0, 10_500, 0, False), State.PAID, BEFORE)
    clean(till)


def test_lost_and_won_after_all_is_sold_anew_by_two_invoices(till: Till) -> None:
    order = whole_again(till)
    dispute = disputed(till, order, "lost")
    word(till, dispute, "won")
    assert (standing(till), till.state(order), cash(till)) == ((0, 10_500, 0, False), State.PAID, 1_190)
    sold = till.rows("SELECT gross FROM invoice WHERE kind = 'invoice' ORDER BY sequence")
    assert [each[0] for each in sold] == [1_190, 476, 714, 476]
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(1_190, "EUR")
    assert refund(till, order).state == "succeeded"
    assert (standing(till), cash(till)) == ((0, 0, 0, False), 0)
    clean(till)


def test_what_was_used_is_debt_of_the_lot_it_was_used_of(till: Till) -> None:
    order = whole_again(till)
    use(till, 8_500)  # both bonuses, what came back, and of the first lot
    dispute = disputed(till, order)
    assert standing(till)[:3] == (2_000, 0, 0)
    word(till, dispute, "lost")
    assert standing(till) == (0, 0, 8_000, True)
    assert (notes(till), till.cashier.disputes()[0].shortfall.amount) == (TWICE, 8_000)
    clean(till)


def test_what_ended_unused_of_it_is_no_debt(one_till: Till) -> None:
    till = one_till
    order = whole_again(till)
    till.time.ahead += timedelta(days=400)
    till.run(till.services.ledger.expire_lots(till.time()))
    assert till.credits == 0
    till.time.ahead -= timedelta(days=400)
    disputed(till, order, "lost")
    assert (standing(till), notes(till)) == ((0, 0, 0, False), TWICE)
    clean(till)


@pytest.mark.parametrize(
    "minor", [None, 1_000, *(pytest.param(other, marks=pytest.mark.one_engine) for other in (714, 600))]
)  # the last two send the database no statement that the others do not
def test_an_operator_refunds_what_came_back_with_the_rest(till: Till, minor: int | None) -> None:
    order = whole_again(till)
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(1_190, "EUR")
    amount = minor or 1_190
    seen = till.cashier.refunds.preview(order.id, Fiat(amount, "EUR"))
    assert seen.net + seen.tax == Fiat(amount, "EUR")
    assert refund(till, order, minor).state == "succeeded"
    parts = [part for part in (min(amount, 714), max(amount - 714, 0)) if part]
    assert notes(till) == BEFORE + [(part, "refund") for part in parts]
    left = 10_500 * (1_190 - amount) // 1_190
    assert (standing(till), cash(till)) == ((0, left, 0, False), 1_190 - amount)
    clean(till)


def test_refunded_at_the_provider_in_one_go(till: Till) -> None:
    order = whole_again(till)
    use(till, 3_000)
    till.stripe.ctl("refunds", charge=charge_of(till, order), amount=1_190)
    hear(till)
    assert (standing(till), till.state(order)) == ((0, 0, 2_500, True), State.REFUNDED)
    assert (notes(till), cash(till)) == ([*BEFORE, (714, "refund"), (476, "refund")], 0)
    clean(till)


def test_all_of_it_came_back_in_two_parts(till: Till) -> None:
    """Nothing is left of the order's own lot and invoice."""
    order = whole_again(till, 595, 595)
    dispute = disputed(till, order)
    assert standing(till) == (10_500, 0, 0, True)
    word(till, dispute, "lost")
    assert (standing(till), till.state(order), cash(till)) == ((0, 0, 0, False), State.REFUNDED, 0)
    assert notes(till) == [(595, "refund")] * 2 + [(595, "dispute")] * 2
    clean(till)


def test_the_refund_of_a_part_that_came_back_comes_back_again(one_till: Till) -> None:
    till = one_till
    order = whole_again(till)
    till.stripe.ctl("settings", refunds="on_demand")
    again = refund(till, order)
    for status in ("succeeded", "failed"):
        till.stripe.ctl(f"refunds/{again.external_id}", status=status)
        hear(till)
    assert (standing(till), till.state(order), cash(till)) == ((0, 10_500, 0, False), State.PAID, 1_190)
    disputed(till, order, "lost")
    assert (standing(till), till.state(order), cash(till)) == ((0, 0, 0, False), State.REFUNDED, 0)
    assert len(at_stripe(till)) == 2
    clean(till)


def test_parts_that_are_rounded_up_never_take_more_than_was_bought(one_till: Till) -> None:
    """Each part takes its credits rounded up; one in between that is not made leaves them a millionth short."""
    till = one_till
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till)
    first, between, second = (str(refund(till, order, 100).external_id) for _ in range(3))
    for made, status in ((first, "succeeded"), (second, "succeeded"), (between, "failed")):
        till.stripe.ctl(f"refunds/{made}", status=status)
        hear(till)
    assert till.cashier.refunds.refundable(order.id).amount == Fiat(990, "EUR")
    last = refund(till, order)
    till.stripe.ctl(f"refunds/{last.external_id}", status="succeeded")
    hear(till)
    assert (standing(till), cash(till), till.state(order)) == ((0, 0, 0, False), 0, State.REFUNDED)
    clean(till)


# --- heard of in an order in which it did not happen


@pytest.mark.parametrize("before", ["pending", "succeeded"])
def test_a_refund_made_in_place_of_one_that_failed_is_heard_of_first(till: Till, before: str) -> None:
    """The bank sends ours back, the operator refunds a part at the provider, and that is what we are told first."""
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till)
    ours = refund(till, order).external_id
    if before == "succeeded":
        till.stripe.ctl(f"refunds/{ours}", status="succeeded")
        hear(till)
    till.stripe.ctl(f"refunds/{ours}", status="failed")
    theirs = till.stripe.ctl("refunds", charge=charge_of(till, order), amount=803)["id"]
    hear(till, "refund.created")
    till.stripe.ctl(f"refunds/{theirs}", status="succeeded")
    for _ in range(2):
        hear(till)
    left = 10_500 * (1_190 - 803) // 1_190
    assert (standing(till), cash(till)) == ((0, left, 0, False), 1_190 - 803)
    assert till.state(order) is State.PARTIALLY_REFUNDED
    clean(till)


def test_a_refund_at_the_provider_waits_for_the_end_of_ours_that_nobody_knows(till: Till) -> None:
    """Both together are more than was paid: one of them is not, and nobody knows which until ours has an answer."""
    order = bought(till)
    till.stripe.ctl("fail", fault="drop-before-accept", match="POST /v1/refunds", times=3)
    assert refund(till, order).state == "asked"
    till.stripe.ctl("refunds", charge=charge_of(till, order), amount=803)
    hear(till)
    assert (notes(till), standing(till)[0]) == ([], 10_500)
    assert till.count("webhook_event", "state = 'new'") > 0
    for _ in range(2):
        till.time.ahead += timedelta(minutes=10)
        till.run(till.cashier.return_due())
        hear(till)
    left = 10_500 * (1_190 - 803) // 1_190
    assert (standing(till), cash(till), notes(till)) == ((0, left, 0, False), 1_190 - 803, [(803, "refund")])
    assert till.count("webhook_event", "state <> 'done' AND state <> 'ignored'") == 0
    till.assert_books_balance()
