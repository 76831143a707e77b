"""Disputes on the real road: opened, won, lost, thought over again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.kernel.errors import NotAllowed
from app.kernel.money import Money
from app.payments.bookings import Bookings
from app.payments.dispute_rules import State as Dispute
from app.payments.lifecycle import State
from app.payments.topup_rules import State as Topup
from app.payments.views import OrderView
from tests.support.returns import WAITS, at_stripe, bought, cash, charge_of, notes, refund
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till
from tests.support.topups import everything, hear, letters, on, setting, use


def disputed(till: Till, order: OrderView, **facts) -> str:
    made = till.stripe.ctl("disputes", charge=charge_of(till, order), **facts)
    hear(till)
    return str(made["id"])


def word(till: Till, dispute: str, status: str, *, times: int = 1) -> None:
    """The bank says so, and we hear of it (more than once)."""
    till.stripe.ctl(f"disputes/{dispute}", status=status)
    for _ in range(times):
        hear(till)


def one(till: Till):
    [found] = till.cashier.disputes()
    return found


def balance(till: Till):
    return till.services.ledger.balance(till.workspace_id)


def hold(till: Till, name: str = "gen_1") -> None:
    till.run(
        till.services.ledger.hold(
            till.workspace_id, name, Money.from_exact(10), deadline_at=till.time() + timedelta(hours=1)
        )
    )


def test_case_31_opened_won_and_opened_again(till: Till) -> None:
    order = bought(till)
    other = bought(till)
    use(till, 1_400)  # both bonuses, and 400 of the first order's credits
    dispute = disputed(till, order)
    hear(till)
    seen = one(till)
    assert (seen.state, seen.credits.amount, seen.due_by is not None) == (Dispute.OPEN, 10_000, True)
    standing = balance(till)
    assert (standing.set_aside.amount, standing.balance.amount, standing.frozen) == (9_600, 10_000, True)
    assert (till.state(order), till.state(other)) == (State.DISPUTED, State.PAID)
    with pytest.raises(NotAllowed):
        hold(till)
    [told] = letters(till, "dispute_notice")
    assert (told["reason"], told["status"]) == ("fraudulent", "needs_response")

    word(till, dispute, "under_review", times=2)
    assert one(till).status == "under_review"
    word(till, dispute, "won", times=2)
    standing = balance(till)
    assert (one(till).state, standing.set_aside.micros, standing.frozen) == (Dispute.RELEASED, 0, False)
    assert (till.state(order), till.credits, notes(till)) == (State.PAID, 19_600, [])

    word(till, dispute, "appeal_needs_response", times=2)
    assert (one(till).state, balance(till).set_aside.amount, balance(till).frozen) == (Dispute.OPEN, 9_600, True)
    word(till, dispute, "won")
    assert (one(till).state, till.credits, balance(till).frozen) == (Dispute.RELEASED, 19_600, False)
    assert [len(letters(till, f"dispute_{what}")) for what in ("opened", "won")] == [2, 2]  # once for each opening
    till.assert_books_balance()


def test_lost_what_was_used_is_debt(till: Till) -> None:
    order = bought(till)
    use(till, 4_500)
    dispute = disputed(till, order)
    word(till, dispute, "lost", times=2)
    seen, standing = one(till), balance(till)
    assert (seen.state, seen.shortfall.amount, len(seen.credit_notes)) == (Dispute.LOST, 4_000, 1)
    assert (standing.balance.micros, standing.debt.amount, standing.frozen) == (0, 4_000, True)
    assert [(one.reason) for one in till.services.ledger.freezes(till.workspace_id)] == ["debt"]
    assert (till.state(order), notes(till), cash(till)) == (State.REFUNDED, [(1_190, "dispute")], 0)

    bought(till)
    standing = balance(till)
    assert (standing.debt.micros, standing.balance.amount, standing.frozen) == (0, 6_500, False)
    till.assert_books_balance()


@pytest.mark.one_engine
def test_lost_and_won_after_all(till: Till) -> None:
    order = bought(till)
    dispute = disputed(till, order)
    word(till, dispute, "lost")
    word(till, dispute, "appeal_needs_response")
    assert (one(till).state, till.credits) == (Dispute.LOST, 0)
    word(till, dispute, "won", times=2)
    assert (one(till).state, till.state(order), till.credits, cash(till)) == (
        Dispute.RESTORED,
        State.PAID,
        10_500,
        1_190,
    )
    assert till.count("invoice", "kind = 'invoice'") == 2
    assert not balance(till).frozen
    till.assert_books_balance()


def test_an_inquiry_is_only_flagged(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    dispute = disputed(till, order, status="warning_needs_response")
    assert (one(till).state, till.state(order), till.credits) == (Dispute.FLAGGED, State.PAID, 10_500)
    hold(till)
    assert len(letters(till, "dispute_notice")) == 1
    assert till.cashier.refunds.refundable(order.id).refusal is None
    word(till, dispute, "warning_closed")
    assert one(till).state is Dispute.RELEASED


def test_an_inquiry_may_become_a_dispute(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    dispute = disputed(till, order, status="warning_needs_response")
    word(till, dispute, "needs_response")
    assert (one(till).state, till.state(order), till.credits) == (Dispute.OPEN, State.DISPUTED, 0)


def test_a_word_nobody_knows_is_taken_for_the_worst_and_told(one_till: Till) -> None:
    till = one_till
    dispute = disputed(till, bought(till))
    word(till, dispute, "won")
    word(till, dispute, "arbitration_needed", times=2)
    assert (one(till).state, balance(till).frozen, till.cases()) == (Dispute.OPEN, True, ["dispute_unknown"])


def test_part_of_a_payment_is_disputed(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    dispute = disputed(till, order, amount=595)
    assert balance(till).set_aside.amount == 5_250
    word(till, dispute, "lost")
    assert (till.state(order), notes(till), cash(till)) == (State.PARTIALLY_REFUNDED, [(595, "dispute")], 595)
    assert till.credits == 5_250
    till.assert_books_balance()


def test_what_was_refunded_before_is_not_taken_twice(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    refund(till, order, 595)
    dispute = disputed(till, order, amount=1_190)
    assert balance(till).set_aside.amount == 5_250
    word(till, dispute, "lost")
    assert (till.state(order), notes(till)) == (State.REFUNDED, [(595, "refund"), (595, "dispute")])
    assert (till.credits, balance(till).debt.micros) == (0, 0)
    till.assert_books_balance()


@pytest.mark.parametrize(
    ("refunded", "end", "credits", "credited"),
    [
        pytest.param(476, "won", 6_300, [(476, "refund")], id="a part, won"),
        pytest.param(476, "lost", 0, [(476, "refund"), (714, "dispute")], id="a part, lost"),
        pytest.param(1_190, "won", 0, [(1_190, "refund")], id="all of it, won"),
        pytest.param(1_190, "lost", 0, [(1_190, "refund")], id="all of it, lost"),
    ],
)
def test_a_refund_that_is_heard_of_after_the_dispute_takes_its_credits_all_the_same(
    one_till: Till, refunded: int, end: str, credits: int, credited: list[tuple[int, str]]
) -> None:
    till = one_till
    order = bought(till)
    till.stripe.ctl("refunds", charge=charge_of(till, order), amount=refunded)
    dispute = till.stripe.ctl("disputes", charge=charge_of(till, order))["id"]
    hear(till, "charge.dispute.created")
    hear(till)
    word(till, dispute, end, times=2)
    assert (till.credits, notes(till), balance(till).set_aside.micros) == (credits, credited, 0)
    assert cash(till) == 1_190 - sum(amount for amount, _ in credited)
    assert till.count("webhook_event", "state = 'new'") == 0
    till.assert_books_balance()


@pytest.mark.parametrize("end", ["won", "lost", "lost before"])
@pytest.mark.parametrize("amount", [1_190, 595])
def test_a_refund_that_fails_because_of_the_dispute_leaves_its_credits_to_that(
    one_till: Till, amount: int, end: str
) -> None:
    """Lost in part before, it is for an operator: a case says so."""
    till = one_till
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till, WAITS)
    refund(till, order, amount)
    dispute = disputed(till, order)
    if end == "lost before":
        word(till, dispute, "lost")
    till.stripe.ctl(f"refunds/{at_stripe(till)[-1].id}", status="failed")
    hear(till)
    hear(till)
    if end != "lost before":
        assert (till.credits, balance(till).set_aside.amount) == (0, 10_500)
        word(till, dispute, end, times=2)
    taken = {"won": [], "lost": [(1_190, "dispute")], "lost before": [(amount, "dispute")]}[end]
    left = 10_500 * (1_190 - sum(each for each, _ in taken)) // 1_190
    assert (till.credits, notes(till), till.cases()) == (left, taken, ["refund_failed"])
    till.assert_books_balance()


def test_a_dispute_takes_what_another_of_the_same_payment_left(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    first, second = disputed(till, order, amount=595), disputed(till, order)
    word(till, first, "won")
    word(till, second, "lost")
    assert (till.credits, notes(till), cash(till)) == (0, [(1_190, "dispute")], 0)
    till.assert_books_balance()


@pytest.mark.parametrize("end", ["won", "lost"])
def test_two_disputes_of_a_payment_that_are_heard_of_together(one_till: Till, end: str) -> None:
    till = one_till
    order = bought(till)
    made = [till.stripe.ctl("disputes", charge=charge_of(till, order), amount=amount) for amount in (135, 1_190)]
    hear(till)
    standing = balance(till)
    assert (till.credits, standing.set_aside.amount) == (0, 10_500)
    assert sum(seen.amount.minor for seen in till.cashier.disputes()) == 1_325

    word(till, made[0]["id"], end)
    word(till, made[1]["id"], "lost")
    assert (till.credits, balance(till).debt.amount) == (0, 0)
    assert sum(amount for amount, _ in notes(till)) == 1_190
    till.assert_books_balance()


def test_two_processes_follow_two_disputes_of_a_payment_at_once(
    till: Till, tmp_path: Path, database_url: str, stripe_: SandboxStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = bought(till)
    part, whole = (
        str(till.stripe.ctl("disputes", charge=charge_of(till, order), amount=cents)["id"]) for cents in (595, 1_190)
    )
    with open_till(tmp_path / "second", database_url, stripe_, fresh=False) as other:
        mine, theirs = till.cashier.dispute_road, other.cashier.dispute_road
        assert mine is not None
        assert theirs is not None
        setting_aside = Bookings.aside_rest
        meanwhile = iter([theirs.look(whole)])

        async def overtaken(*args: Any, **how: Any) -> None:
            for look in meanwhile:
                await look
            await setting_aside(*args, **how)

        with monkeypatch.context() as once:
            once.setattr(Bookings, "aside_rest", overtaken)
            till.run(mine.look(part))
        till.run(other.cashier.cards.door.close())  # it was opened on this loop
    assert (till.credits, balance(till).set_aside.amount) == (0, 10_500)
    booked = till.rows("SELECT amount_minor, booked_minor, credits_micros FROM dispute ORDER BY amount_minor")
    assert [(one.booked_minor, one.credits_micros // 10**6) for one in booked] == [(595, 5_000), (595, 5_000)]
    for dispute in (part, whole):
        word(till, dispute, "lost")
    assert (till.credits, balance(till).debt.amount, till.state(order)) == (0, 0, State.REFUNDED)
    assert sum(amount for amount, _ in notes(till)) == 1_190
    till.assert_books_balance()


def test_what_a_hold_counted_on_is_taken_when_it_is_free(one_till: Till) -> None:
    till = one_till
    order = bought(till)
    ledger = till.services.ledger
    deadline = till.time() + timedelta(hours=1)
    till.run(ledger.hold(till.workspace_id, "gen_1", Money.from_exact(6_000), deadline_at=deadline))
    dispute = disputed(till, order)
    assert balance(till).set_aside.amount == 4_500
    till.run(ledger.release("gen_1", reason="test"))
    word(till, dispute, "lost")
    assert (balance(till).debt.micros, till.credits) == (0, 0)


@pytest.mark.one_engine
def test_a_disputed_card_is_not_charged_any_more(till: Till) -> None:
    card = on(till)
    order = next(order for order in till.cashier.orders_of(till.workspace_id) if order.kind == "package")
    dispute = disputed(till, order)
    assert (setting(till).state, setting(till).reason) == (Topup.DISABLED, "disputed")
    [known] = till.cashier.saved_cards(till.workspace_id)
    assert (known.id, known.is_active) == (card.id, False)
    word(till, dispute, "won")
    assert setting(till).state is Topup.DISABLED  # nobody is charged again without saying so
    assert len(letters(till, "topup_disabled")) == 1


def test_the_operator_may_let_a_disputed_workspace_work(one_till: Till) -> None:
    till = one_till
    till.cashier.policies.change(actor="op", dispute_freezes=False, dispute_credit_note=False)
    bought(till)
    order = bought(till)
    dispute = disputed(till, order)
    hold(till)
    word(till, dispute, "lost")
    assert (notes(till), till.state(order), cash(till)) == ([], State.REFUNDED, 1_190)


@pytest.mark.one_engine
def test_a_dispute_that_is_heard_of_before_its_payment_sets_the_credits_aside(till: Till) -> None:
    order = till.buy()
    till.stripe.ctl("disputes", payment_intent=till.pay(order))
    told = everything(till)
    for events in ([one for one in told if one["type"].startswith("charge.dispute.")], told):
        assert set(till.deliver(events)) == {200}
        till.apply()
    assert (till.state(order), till.credits, one(till).state) == (State.DISPUTED, 0, Dispute.OPEN)
    till.assert_books_balance()


def test_events_about_a_dispute_in_any_order(till: Till) -> None:
    order = bought(till)
    dispute = disputed(till, order)
    till.stripe.ctl(f"disputes/{dispute}", status="lost")
    told = [event for event in everything(till) if event["type"].startswith("charge.dispute.")]
    for events in (told[::-1], told):
        assert set(till.deliver(events)) <= {200}
        for _ in range(3):
            till.time.ahead += timedelta(seconds=30)
            till.apply()
    assert (one(till).state, notes(till)) == (Dispute.LOST, [(1_190, "dispute")])
    assert till.count("webhook_event", "state = 'new'") == 0
    till.assert_books_balance()
