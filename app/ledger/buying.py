"""Credits that were paid for, and the bonus on top: a lot each. PURE."""

from app.kernel.errors import Broken, IdempotencyConflict, InvalidInput
from app.kernel.money import Money
from app.ledger import accounts, journal
from app.ledger.change import Change, NewLot, Post, Rare, View, must_hold, positive, wallet_of
from app.ledger.freezing import lifted
from app.ledger.operations import ToppedUp, TopUpOp
from app.ledger.state import Lot, Posted, Use, Wallet

PAID_PRIORITY, BONUS_PRIORITY = 100, 10


def top_up(op: TopUpOp, books: View) -> Change:
    """Credits for a payment, once per `ref`. Debt has its part of what was paid for before the balance has any."""
    paid = positive(op.paid, "paid")
    bonus = positive(op.bonus, "bonus") if op.bonus else 0
    if op.bonus is not None and op.bonus.unit != op.paid.unit:
        raise InvalidInput(f"A bonus on {op.paid.unit} is not given in {op.bonus.unit}.", param="bonus")
    wallet = wallet_of(op.workspace_id, op.paid.unit, books)
    before = books.posted(journal.TOP_UP, op.ref)
    if before is not None:
        return Change(_topped_up_before(before, op, wallet, books))
    must_hold(paid + bonus, wallet)
    debt = min(paid, wallet.debt)
    after = wallet.moved(balance=paid - debt, debt=-debt)
    bought, lot = _paid(op, after, debt, books)
    answer = ToppedUp(bought.id, lot.lot.id, None, None, Money(debt, wallet.unit), already=False)
    if not bonus:
        return _freed(Change(answer, after, posts=(bought,), new_lots=(lot,)), op, wallet, after, books)
    last = after.moved(balance=bonus)
    given, gift = _bonus(op, last, bonus, books)
    answer = answer._replace(bonus_journal_id=given.id, bonus_lot_id=gift.lot.id)
    return _freed(Change(answer, last, posts=(bought, given), new_lots=(lot, gift)), op, wallet, last, books)


def _freed(change: Change, op: TopUpOp, before: Wallet, after: Wallet, books: View) -> Change:
    """When nothing is left of a debt, what was frozen for it is free."""
    if not before.debt or after.debt:
        return change
    free, lifts = lifted(after, books)
    return change._replace(wallet=free, rare=Rare(lifts=lifts, actor=op.actor))


def _paid(op: TopUpOp, after: Wallet, debt: int, books: View) -> tuple[Post, NewLot]:
    unit, amount = op.paid.unit, op.paid.micros
    memo = {**(op.memo or {}), "label": op.label} | ({"debt_paid": debt} if debt else {})
    posted = journal.top_up(op.workspace_id, op.paid, debt=Money(debt, unit), ref=op.ref, cash=op.cash, memo=memo)
    journal_id, lot_id, left = books.new_journal_id(), books.new_lot_id(), amount - debt
    priority = PAID_PRIORITY if op.priority is None else op.priority
    lot = Lot(lot_id, after.id, journal_id, amount, left, left > 0, priority, op.expires_at, "paid")
    uses = (Use(lot_id, debt),) if debt else ()
    return Post(journal_id, posted, op.actor, uses, after), NewLot(lot, op.label, op.cost_basis)


def _bonus(op: TopUpOp, after: Wallet, amount: int, books: View) -> tuple[Post, NewLot]:
    label = op.bonus_label or op.label
    posted = journal.bonus(
        op.workspace_id, Money(amount, op.paid.unit), ref=op.ref, memo={**(op.memo or {}), "label": label}
    )
    journal_id, lot_id = books.new_journal_id(), books.new_lot_id()
    lot = Lot(lot_id, after.id, journal_id, amount, amount, True, BONUS_PRIORITY, op.bonus_expires_at, "promo")
    return Post(journal_id, posted, op.actor, (), after), NewLot(lot, label)


def _topped_up_before(before: Posted, op: TopUpOp, wallet: Wallet, books: View) -> ToppedUp:
    """The answer that was given, read back; another figure under the same name is refused."""
    given = books.posted(journal.BONUS, op.ref)
    figures = (before.sum_of(accounts.issued("paid")), -given.from_prepaid if given else 0)
    asked = (op.paid.micros, op.bonus.micros if op.bonus else 0)
    if (before.wallet_id, figures) != (wallet.id, asked):
        raise IdempotencyConflict(f"{before.kind} {before.ref} was posted before with other figures.")
    return ToppedUp(
        before.id,
        _lot_id(before, books),
        given.id if given else None,
        _lot_id(given, books) if given else None,
        Money(-before.into_debt, wallet.unit),
        already=True,
    )


def _lot_id(posted: Posted, books: View) -> str:
    lot = books.lot_of(posted.id)
    if lot is None:
        raise Broken(f"{posted.kind} {posted.ref} made no lot; run `python -m app audit`.")
    return lot.id
