"""Credits that come and go without a generation: grants, corrections, reversals, and costs booked alone. PURE."""

from collections.abc import Sequence
from datetime import datetime

from app.kernel.errors import Conflict, IdempotencyConflict, InvalidInput, NotFound
from app.kernel.money import CREDIT, Money
from app.ledger import accounts, journal
from app.ledger.change import Change, NewLot, Post, View, must_hold, must_spare, not_negative, one, positive, wallet_of
from app.ledger.operations import AbsorbOp, AdjustOp, DebitOp, GrantOp, Posting, ReverseOp
from app.ledger.state import Lot, Posted, Use, Wallet, draw
from app.ledger.undo import undo

CORRECTION_PRIORITY = 50
#: A final charge goes with its early one; money in and out is undone by the payment it came from.
REVERSIBLE = frozenset(
    {journal.GRANT, journal.ADJUSTMENT, journal.DEBIT, journal.CAPTURE, journal.EARLY_CAPTURE, *journal.OF_COST}
)
INSTEAD = {
    journal.REVERSAL: "reverse or adjust what it belongs to",
    journal.FINAL: "reverse or adjust what it belongs to",
    journal.TOP_UP: "set its credits aside and take them back with the payment",
    journal.BONUS: "set its credits aside and take them back with the payment",
    journal.EXPIRY: "grant credits anew",
}
LOT_KINDS = frozenset({"paid", "promo", "plan", "correction"})


def grant(op: GrantOp, books: View) -> Change:
    """Hand out credits as a new lot; `ref` names the occasion, and each occasion counts once."""
    amount = positive(op.amount, "amount")
    if op.kind not in LOT_KINDS:
        raise InvalidInput(f"Credits are one of {', '.join(sorted(LOT_KINDS))}, not {op.kind!r}.", param="kind")
    wallet = wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.posted(journal.GRANT, op.ref)
    if before is not None:
        return _posted_before(before, -before.from_prepaid, amount, wallet)
    must_hold(amount, wallet)
    memo = {**(op.memo or {}), "label": op.label}
    posted = journal.grant(op.workspace_id, op.amount, kind=op.kind, ref=op.ref, memo=memo)
    post = Post(books.new_journal_id(), posted, op.actor)
    lot = Lot(books.new_lot_id(), wallet.id, post.id, amount, amount, True, op.priority, op.expires_at, op.kind)
    return Change(
        Posting(post.id, op.amount, already=False),
        wallet.moved(balance=amount),
        posts=(post,),
        new_lots=(NewLot(lot, op.label, op.cost_basis),),
    )


def debit(op: DebitOp, books: View) -> Change:
    """Take credits, once per `ref`: never those that holds count on, never more than there are."""
    asked = positive(op.amount, "amount")
    wallet = wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.posted(journal.DEBIT, op.ref)
    if before is not None:
        taken = before.from_prepaid
        return _posted_before(before, taken, min(taken, asked) if op.partial else asked, wallet)
    amount = min(asked, wallet.balance, wallet.available) if op.partial else asked
    must_spare(max(amount, 1), wallet)
    lots, uses = _drawn(books.lots_to_draw(wallet.id), amount, op.ended, books.now)
    taken_now = Money(amount, wallet.unit)
    posted = journal.debit(op.workspace_id, taken_now, purpose=op.purpose, ref=op.ref, memo=op.memo)
    post = Post(books.new_journal_id(), posted, op.actor, uses)
    return Change(Posting(post.id, taken_now, already=False), wallet.moved(balance=-amount), posts=(post,), lots=lots)


def _drawn(
    lots: Sequence[Lot], amount: int, ended: Money | None, now: datetime
) -> tuple[tuple[Lot, ...], tuple[Use, ...]]:
    """Take from lots in their order; with `ended` no more than that from those past their last day."""
    if ended is None:
        return draw(lots, amount)
    past = [lot for lot in lots if lot.has_ended(now)]
    of_past = min(amount, ended.micros, sum(lot.remaining for lot in past))
    first, first_uses = draw(past, of_past)
    rest, rest_uses = draw([lot for lot in lots if not lot.has_ended(now)], amount - of_past)
    return (*first, *rest), (*first_uses, *rest_uses)


def adjust(op: AdjustOp, books: View) -> Change:
    """An operator's correction. Taking credits away stops at what is free: holds keep what they were promised."""
    amount = op.amount.micros
    if not amount:
        raise InvalidInput("An adjustment of nothing is not recorded.", param="amount")
    wallet = wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.posted(journal.ADJUSTMENT, op.ref)
    if before is not None:
        return _posted_before(before, -before.from_prepaid, amount, wallet)
    must_hold(amount, wallet)
    posted = journal.adjustment(op.workspace_id, op.amount, ref=op.ref, memo={"reason": op.reason})
    result = Posting(books.new_journal_id(), op.amount, already=False)
    if amount > 0:
        lot_id, priority = books.new_lot_id(), CORRECTION_PRIORITY
        lot = Lot(lot_id, wallet.id, result.journal_id, amount, amount, True, priority, None, "correction")
        return Change(
            result,
            wallet.moved(balance=amount),
            posts=(Post(result.journal_id, posted, op.actor),),
            new_lots=(NewLot(lot, op.reason),),
        )
    must_spare(-amount, wallet)
    lots, uses = draw(books.lots_to_draw(wallet.id), -amount)
    post = Post(result.journal_id, posted, op.actor, uses)
    return Change(result, wallet.moved(balance=amount), posts=(post,), lots=lots)


def reverse(op: ReverseOp, books: View) -> Change:
    """Post the opposite of a journal. Credits go back to the lots they came from, expired ones too."""
    target = books.posted_as(op.journal_id)
    if target is None:
        raise NotFound(f"There is no journal {op.journal_id}.", param="journal_id")
    if target.kind not in REVERSIBLE:
        raise Conflict(f"A {target.kind} is not reversed; {INSTEAD.get(target.kind, 'undo what it belongs to')}.")
    unit = CREDIT if target.wallet_id is None else books.wallet(target.wallet_id).unit
    before = books.posted(journal.REVERSAL, target.id)
    if before is not None:
        return Change(Posting(before.id, Money(-before.from_prepaid - before.from_limit, unit), already=True))
    memo = {"reason": op.reason}
    if target.wallet_id is None:  # our own cost
        posted = journal.reversal(target.id, target.kind, target.entries, generation_id=target.generation_id, memo=memo)
        post = Post(books.new_journal_id(), posted, op.actor)
        return Change(Posting(post.id, Money.zero(unit), already=False), posts=(post,))
    parts = [target]
    if target.kind == journal.EARLY_CAPTURE and target.generation_id:
        last = one(books.past(target.generation_id), journal.FINAL)
        parts += [last] if last else []
    return undo(parts, target, op.actor, memo, books.wallet(target.wallet_id), books)


def absorb(op: AbsorbOp, books: View) -> Change:
    """A cost the customer does not pay, booked by itself: an attempt that failed and was billed all the same."""
    not_negative(op.cost.amount, "cost")
    before = books.posted(journal.ABSORBED_COST, op.ref)
    if before is not None:
        booked = Money(before.sum_of(accounts.PROVIDER_EXPENSE), op.cost.amount.unit)
        return Change(Posting(before.id, booked, already=True))
    posted = journal.absorbed_cost(op.ref, op.generation_id, op.cost, memo={"reason": op.reason})
    post = Post(books.new_journal_id(), posted, op.actor)
    return Change(Posting(post.id, op.cost.amount, already=False), posts=(post,))


def _posted_before(before: Posted, amount: int, asked: int, wallet: Wallet) -> Change:
    if before.wallet_id != wallet.id or amount != asked:
        raise IdempotencyConflict(f"{before.kind} {before.ref} was posted before with other figures.")
    return Change(Posting(before.id, Money(amount, wallet.unit), already=True))
