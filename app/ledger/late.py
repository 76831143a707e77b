"""What arrives after a generation was given up: nothing is charged, and its cost is booked once. PURE."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kernel.money import Money
from app.ledger import accounts, journal
from app.ledger.change import Change, Post, View, one, reversal_of
from app.ledger.journal import Cost, Journal
from app.ledger.operations import ReleaseOp, Settled, SettleOp
from app.ledger.state import Hold, Posted, Wallet


def deliver_late(op: SettleOp, held: Hold, wallet: Wallet, books: View) -> Change:
    """Upstream delivered what we had given up. The customer was told it failed and is not charged; the cost is ours."""
    past = books.past(held.generation_id)
    nothing = Money.zero(wallet.unit)
    before = one(past, journal.LATE_COST)
    if before is not None:
        return Change(Settled(nothing, op.measured, before.id, already=True, late=True))
    post = late_cost(op, op.memo, past, books)
    return Change(Settled(nothing, op.measured, post.id, already=False, late=True), posts=(post,))


def late_cost(op: SettleOp | ReleaseOp, memo: Mapping[str, Any] | None, past: Sequence[Posted], books: View) -> Post:
    """The journal of a late cost: what is not booked yet; an expected cost gives way to the real one."""
    generation_id = op.generation_id
    if op.cost is None:
        marker = Journal(journal.LATE_COST, generation_id, (), generation_id=generation_id, memo=memo)
        return Post(books.new_journal_id(), marker, op.actor)
    account = accounts.provider_expense(op.cost.provider_id)
    booked = sum(posted.sum_of(account) for posted in past)
    rest = Cost(op.cost.provider_id, Money(op.cost.amount.micros - booked, op.cost.amount.unit))
    posted = journal.late_cost(generation_id, rest, _booked_as_unknown(past), memo=memo)
    return Post(books.new_journal_id(), posted, op.actor)


def _booked_as_unknown(past: Sequence[Posted]) -> Cost | None:
    unknown = one(past, journal.UNKNOWN_UPSTREAM)
    if unknown is None or reversal_of(unknown, past):
        return None
    booked = next(leg for leg in unknown.entries if leg.account == accounts.EXPENSE_UNKNOWN_UPSTREAM)
    payable = next(leg for leg in unknown.entries if leg.account.startswith(accounts.PROVIDER_PAYABLE))
    return Cost(payable.account.removeprefix(accounts.PROVIDER_PAYABLE), Money(booked.micros, booked.unit))
