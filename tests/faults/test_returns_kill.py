"""kill -9 between any two steps of a refund, a dispute and an automatic top-up, on both databases."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.payments.dispute_rules import State as Dispute
from app.payments.lifecycle import State
from tests.faults.returns_process import run
from tests.support.effort import sweep
from tests.support.returns import WAITS, at_stripe, bought, came_back, cash, charge_of, notes, refund, refunds
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till
from tests.support.topups import charges, due, empty, everything, hear, on, topups

pytestmark = pytest.mark.faults


REFUND = ("refund.after_aside", "refund.after_provider", "returns.between_lots", "returns.after_credits",
          "invoice.after_number", "invoice.before_commit", "returns.after_note", "returns.before_commit",
          "refund.after_commit", "take_back.before_commit", "lane.after_commit")  # fmt: skip
BEFORE = ("set_aside.after_books", "set_aside.before_commit")
OPENED = ("dispute.after_bonus", "dispute.after_freeze", "set_aside.before_commit", "lane.after_commit",
          "inbox.before_done")  # fmt: skip
WON = ("returns.between_lots", "give_back.before_commit", "lane.after_commit", "inbox.before_done")
LOST = ("returns.between_lots", "returns.after_credits", "returns.after_note", "returns.before_commit",
        "inbox.before_done")  # fmt: skip
TWICE = ("dispute.after_bonus", "dispute.after_freeze", "set_aside.before_commit", "returns.between_lots",
         "returns.between_shares", "returns.after_note", "returns.before_commit", "inbox.before_done")  # fmt: skip
TOPUP = ("topup.after_order", "topup.after_charge", "fulfil.after_credits", "fulfil.after_order",
         "fulfil.after_invoice", "fulfil.before_commit", "fulfil.after_commit")  # fmt: skip


@pytest.fixture
def till(tmp_path: Path, database_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    with open_till(tmp_path / "home", database_url, stripe_) as opened:
        yield opened


def killed(till: Till, tmp_path: Path, database_url: str, what: str, about: str, fault: str) -> None:
    ended = run(tmp_path / "other", database_url, till.stripe, what, about, fault)
    assert ended == -signal.SIGKILL, "the point was never reached"


@pytest.mark.parametrize("fault", sweep(REFUND, "refund.after_provider"))
def test_killed_within_a_refund(till: Till, tmp_path: Path, database_url: str, fault: str) -> None:
    order = bought(till)
    killed(till, tmp_path, database_url, "refund", order.id, fault)
    assert len(at_stripe(till)) <= 1

    till.time.ahead += timedelta(minutes=5)
    till.run(till.cashier.return_due())
    hear(till)
    [view] = refunds(till, order)
    assert (view.state, [one.amount for one in at_stripe(till)]) == ("succeeded", [595])
    assert (notes(till), cash(till), till.credits) == ([(595, "refund")], 595, 5_250)
    assert till.state(order) is State.PARTIALLY_REFUNDED
    assert till.services.ledger.balance(till.workspace_id).set_aside.micros == 0
    till.assert_books_balance()


@pytest.mark.parametrize("fault", sweep(BEFORE, "set_aside.before_commit"))
def test_killed_before_a_refund_was_written_down(till: Till, tmp_path: Path, database_url: str, fault: str) -> None:
    order = bought(till)
    killed(till, tmp_path, database_url, "refund", order.id, fault)
    till.time.ahead += timedelta(minutes=5)
    assert till.run(till.cashier.return_due()) == 0
    assert (refunds(till, order), at_stripe(till), till.credits) == ([], [], 10_500)
    till.assert_books_balance()


@pytest.mark.parametrize("fault", sweep(OPENED, "dispute.after_freeze"))
def test_killed_while_a_dispute_opens(till: Till, tmp_path: Path, database_url: str, fault: str) -> None:
    order = bought(till)
    dispute = till.stripe.ctl("disputes", charge=charge_of(till, order))
    told = [event for event in everything(till) if event["type"] == "charge.dispute.created"]
    assert till.deliver(told) == [200]
    killed(till, tmp_path, database_url, "dispute", dispute["id"], fault)

    till.time.ahead += timedelta(minutes=5)
    till.apply()
    [seen] = till.cashier.disputes()
    standing = till.services.ledger.balance(till.workspace_id)
    assert (seen.state, standing.set_aside.amount, standing.frozen) == (Dispute.OPEN, 10_500, True)
    till.stripe.ctl(f"disputes/{dispute['id']}", status="won")
    hear(till)
    assert (till.state(order), till.credits) == (State.PAID, 10_500)
    till.assert_books_balance()


def test_killed_while_a_dispute_opens_that_is_won_meanwhile(till: Till, tmp_path: Path, database_url: str) -> None:
    order = bought(till)
    dispute = till.stripe.ctl("disputes", charge=charge_of(till, order))
    told = [event for event in everything(till) if event["type"] == "charge.dispute.created"]
    assert till.deliver(told) == [200]
    killed(till, tmp_path, database_url, "dispute", dispute["id"], "dispute.after_freeze")
    assert till.credits == 10_000  # the bonus is set aside

    till.stripe.ctl(f"disputes/{dispute['id']}", status="won")
    till.time.ahead += timedelta(minutes=5)
    hear(till)
    standing = till.services.ledger.balance(till.workspace_id)
    assert [one.state for one in till.cashier.disputes()] == [Dispute.RELEASED]
    assert (till.state(order), till.credits) == (State.PAID, 10_500)
    assert (standing.set_aside.micros, standing.frozen) == (0, False)
    till.assert_books_balance()


@pytest.mark.parametrize("fault", sweep(WON, "returns.between_lots"))
def test_killed_while_a_dispute_is_won(till: Till, tmp_path: Path, database_url: str, fault: str) -> None:
    order = bought(till)
    dispute = till.stripe.ctl("disputes", charge=charge_of(till, order))
    hear(till)
    till.stripe.ctl(f"disputes/{dispute['id']}", status="won")
    told = [event for event in everything(till) if event["type"] == "charge.dispute.closed"]
    assert till.deliver(told) == [200]
    killed(till, tmp_path, database_url, "dispute", dispute["id"], fault)

    till.time.ahead += timedelta(minutes=5)
    till.apply()
    standing = till.services.ledger.balance(till.workspace_id)
    assert [one.state for one in till.cashier.disputes()] == [Dispute.RELEASED]
    assert (till.state(order), till.credits, notes(till)) == (State.PAID, 10_500, [])
    assert (standing.set_aside.micros, standing.frozen) == (0, False)
    till.assert_books_balance()


@pytest.mark.parametrize("fault", sweep(LOST, "returns.after_note"))
def test_killed_while_a_dispute_is_lost(till: Till, tmp_path: Path, database_url: str, fault: str) -> None:
    order = bought(till)
    dispute = till.stripe.ctl("disputes", charge=charge_of(till, order))
    hear(till)
    till.stripe.ctl(f"disputes/{dispute['id']}", status="lost")
    told = [event for event in everything(till) if event["type"] == "charge.dispute.closed"]
    assert till.deliver(told) == [200]
    killed(till, tmp_path, database_url, "dispute", dispute["id"], fault)

    till.time.ahead += timedelta(minutes=5)
    till.apply()
    standing = till.services.ledger.balance(till.workspace_id)
    assert [one.state for one in till.cashier.disputes()] == [Dispute.LOST]
    assert (notes(till), cash(till), till.state(order)) == ([(1_190, "dispute")], 0, State.REFUNDED)
    assert (standing.balance.micros, standing.set_aside.micros, standing.frozen) == (0, 0, False)
    till.assert_books_balance()


@pytest.mark.parametrize("end", ["won", "lost"])
@pytest.mark.parametrize(
    "told_first", [True, False], ids=["the refund is heard of again", "the bank's word comes first"]
)
def test_killed_while_a_dispute_takes_what_a_refund_left(
    till: Till, tmp_path: Path, database_url: str, told_first: bool, end: str
) -> None:
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till, WAITS)
    refund(till, order, 595)
    dispute = till.stripe.ctl("disputes", charge=charge_of(till, order))
    hear(till)
    till.stripe.ctl(f"refunds/{at_stripe(till)[-1].id}", status="failed")
    told = [event for event in everything(till) if event["type"] == "refund.failed"]
    assert till.deliver(told) == [200]
    killed(till, tmp_path, database_url, "dispute", dispute["id"], "dispute.before_anew")

    till.time.ahead += timedelta(minutes=5)
    if told_first:
        till.apply()
        standing = till.services.ledger.balance(till.workspace_id)
        assert (till.credits, standing.set_aside.amount, standing.frozen) == (0, 10_500, True)
    till.stripe.ctl(f"disputes/{dispute['id']}", status=end)
    hear(till)
    standing = till.services.ledger.balance(till.workspace_id)
    assert till.credits == {"won": 10_500, "lost": 0}[end]
    assert till.state(order) is {"won": State.PAID, "lost": State.REFUNDED}[end]
    assert (notes(till), standing.frozen) == ({"won": [], "lost": [(1_190, "dispute")]}[end], False)
    till.assert_books_balance()


@pytest.mark.parametrize("fault", sweep(TWICE, "returns.between_shares", "dispute.after_bonus"))
def test_killed_while_a_dispute_of_two_lots_and_two_invoices_is_lost(
    till: Till, tmp_path: Path, database_url: str, fault: str
) -> None:
    order = came_back(till)
    dispute = till.stripe.ctl("disputes", charge=charge_of(till, order))
    till.stripe.ctl(f"disputes/{dispute['id']}", status="lost")
    told = [event for event in everything(till) if event["type"] == "charge.dispute.closed"]
    assert till.deliver(told) == [200]
    killed(till, tmp_path, database_url, "dispute", dispute["id"], fault)

    till.time.ahead += timedelta(minutes=5)
    till.apply()
    standing = till.services.ledger.balance(till.workspace_id)
    assert [one.state for one in till.cashier.disputes()] == [Dispute.LOST]
    assert notes(till) == [(476, "refund"), (714, "dispute"), (476, "dispute")]
    assert (cash(till), till.state(order)) == (0, State.REFUNDED)
    assert (standing.balance.micros, standing.set_aside.micros, standing.debt.micros) == (0, 0, 0)
    assert not standing.frozen
    till.assert_books_balance()


REFUNDED = ("refund.after_aside", "returns.between_lots", "returns.between_shares", "returns.after_note",
            "returns.before_commit", "refund.after_commit")  # fmt: skip


@pytest.mark.parametrize("fault", sweep(REFUNDED, "refund.after_aside"))
def test_killed_within_a_refund_of_two_lots_and_two_invoices(
    till: Till, tmp_path: Path, database_url: str, fault: str
) -> None:
    order = came_back(till)
    killed(till, tmp_path, database_url, "refund whole", order.id, fault)
    till.time.ahead += timedelta(minutes=5)
    till.run(till.cashier.return_due())
    hear(till)
    assert [view.state for view in refunds(till, order)] == ["restored", "succeeded"]
    assert notes(till) == [(476, "refund"), (714, "refund"), (476, "refund")]
    assert (cash(till), till.credits, till.state(order)) == (0, 0, State.REFUNDED)
    till.assert_books_balance()


@pytest.mark.parametrize("fault", sweep(TOPUP, "topup.after_charge"))
def test_killed_within_an_automatic_top_up(till: Till, tmp_path: Path, database_url: str, fault: str) -> None:
    on(till)
    empty(till)
    killed(till, tmp_path, database_url, "topup", till.workspace_id, fault)
    assert len(charges(till)) <= 1

    till.time.ahead += timedelta(minutes=5)
    due(till)
    hear(till)
    assert [order.state for order in topups(till)] == [State.PAID]
    assert (len(charges(till)), till.credits) == (1, 11_000)
    till.assert_books_balance()
