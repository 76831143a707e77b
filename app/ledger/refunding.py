"""Credits whose payment may go back: set aside while that is decided, then given back or taken back. PURE.

What was used of them by then is debt, in which a wallet is frozen until a top-up or an operator ends it.
"""

from app.kernel.errors import Conflict, IdempotencyConflict, InsufficientCredits, InvalidInput, NotFound
from app.kernel.money import Money, plain
from app.ledger import journal
from app.ledger.change import Change, Post, Rare, View, not_negative, positive, same_unit, wallet_of
from app.ledger.freezing import DEBT, lifted
from app.ledger.operations import GiveBackOp, Posting, Returned, SetAside, SetAsideOp, TakeBackOp, TakenBack, WriteOffOp
from app.ledger.state import Aside, Freeze, Lot, Use, Wallet
from app.ledger.tables import GIVEN_BACK, TAKEN_BACK

REASONS = ("refund", "dispute")


def set_aside(op: SetAsideOp, books: View) -> Change:
    """Take credits of one lot out of the balance, once per `ref`; no more than no hold counts on."""
    asked = positive(op.amount, "amount")
    if op.reason not in REASONS:
        raise InvalidInput(f"Credits are set aside for a {' or a '.join(REASONS)}.", param="reason")
    wallet = wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.aside(op.ref)
    if before is not None:
        if (before.wallet_id, before.lot_id, before.asked) != (wallet.id, op.lot_id, asked):
            raise IdempotencyConflict(f"{op.ref} was set aside before with other figures.")
        return Change(_answer(before, wallet, already=True))
    lot = books.find_lot(op.lot_id)
    if lot is None or lot.wallet_id != wallet.id:
        raise NotFound(f"There is no lot {op.lot_id} in this balance.", param="lot_id", code="lot_not_found")
    amount = min(asked, lot.remaining, wallet.unheld, _not_taken(lot, books))
    if amount < asked and not op.partial:
        raise _too_few(asked, amount, wallet)
    memo = {"for": op.reason, "lot": lot.id}
    posted = journal.set_aside(wallet.workspace_id, Money(amount, wallet.unit), ref=op.ref, memo=memo)
    post = Post(books.new_journal_id(), posted, op.actor, (Use(lot.id, amount),)) if amount else None
    aside = Aside(op.ref, wallet.id, lot.id, op.reason, asked, amount, journal_id=post.id if post else None)
    return Change(
        _answer(aside, wallet, already=False),
        wallet.moved(balance=-amount),
        posts=(post,) if post else (),
        lots=(lot.changed(-amount),) if amount else (),
        rare=Rare(sets_aside=aside, actor=op.actor),
    )


def _answer(aside: Aside, wallet: Wallet, *, already: bool) -> SetAside:
    amount, short = Money(aside.amount, wallet.unit), Money(aside.asked - aside.amount, wallet.unit)
    return SetAside(aside.journal_id, amount, short, already)


def _not_taken(lot: Lot, books: View) -> int:
    """What of a lot no other refund has taken or may yet take: its credits go back at most once."""
    taken = sum(aside.amount + aside.shortfall for aside in books.asides_of(lot.id) if aside.state != GIVEN_BACK)
    return lot.granted - taken


def _too_few(asked: int, amount: int, wallet: Wallet) -> InsufficientCredits:
    required, free = Money(asked, wallet.unit), Money(amount, wallet.unit)
    return InsufficientCredits(
        f"Only {plain(free.amount)} of the {plain(required.amount)} credits are still there and not held.",
        required=asked,
        available=amount,
    )


def give_back(op: GiveBackOp, books: View) -> Change:
    """The payment stays: what was set aside returns to its lot, even one that has ended since."""
    aside, wallet = _found(op.ref, books)
    amount = Money(aside.amount, wallet.unit)
    if aside.state == GIVEN_BACK:
        return Change(Returned(aside.close_journal_id, amount, already=True))
    if aside.state == TAKEN_BACK:
        raise Conflict(f"{op.ref} was taken back; what is paid again is a new top-up.", code="already_taken_back")
    lot = books.lot(aside.lot_id)
    posted = journal.give_back(wallet.workspace_id, amount, ref=op.ref, memo={"for": aside.reason, "lot": lot.id})
    post = Post(books.new_journal_id(), posted, op.actor, (Use(lot.id, -aside.amount),)) if aside.amount else None
    closed = aside._replace(state=GIVEN_BACK, close_journal_id=post.id if post else None)
    return Change(
        Returned(closed.close_journal_id, amount, already=False),
        wallet.moved(balance=aside.amount),
        posts=(post,) if post else (),
        lots=(lot.changed(aside.amount),) if post else (),
        rare=Rare(closes_aside=closed, actor=op.actor),
    )


def take_back(op: TakeBackOp, books: View) -> Change:
    """The payment went back: what was set aside is undone, and `shortfall` more of it, used by now, is debt."""
    aside, wallet = _found(op.ref, books)
    same_unit(op.shortfall, wallet)
    shortfall, amount = not_negative(op.shortfall, "shortfall"), Money(aside.amount, wallet.unit)
    if aside.state == TAKEN_BACK:
        if aside.shortfall != shortfall:
            raise IdempotencyConflict(f"{op.ref} was taken back before with another shortfall.")
        return Change(TakenBack(aside.close_journal_id, amount, op.shortfall, already=True))
    if aside.state == GIVEN_BACK:
        raise Conflict(f"{op.ref} was given back; set it aside anew under another name.", code="already_given_back")
    lot = books.lot(aside.lot_id)
    if shortfall > _not_taken(lot, books):
        raise InvalidInput("More would be taken back than this lot ever held.", param="shortfall")
    memo = {"for": aside.reason, "lot": lot.id} | ({"debt": shortfall} if shortfall else {})
    posted = journal.take_back(
        wallet.workspace_id, amount, op.shortfall, kind=lot.kind, ref=op.ref, cash=op.cash, memo=memo
    )
    post = Post(books.new_journal_id(), posted, op.actor) if posted.entries else None
    closed = aside._replace(state=TAKEN_BACK, shortfall=shortfall, close_journal_id=post.id if post else None)
    freezes = _debt_freeze(op.ref, wallet, books) if shortfall else ()
    after = wallet.moved(debt=shortfall)
    return Change(
        TakenBack(closed.close_journal_id, amount, op.shortfall, already=False),
        after._replace(frozen=True) if shortfall else after,
        posts=(post,) if post else (),
        rare=Rare(closes_aside=closed, freezes=freezes, actor=op.actor),
    )


def _debt_freeze(ref: str, wallet: Wallet, books: View) -> tuple[Freeze, ...]:
    known = any((freeze.reason, freeze.ref) == (DEBT, ref) for freeze in books.freezes(wallet.id))
    return () if known else (Freeze(books.new_freeze_id(), wallet.id, DEBT, ref),)


def write_off(op: WriteOffOp, books: View) -> Change:
    """Give up on a debt, whole or in part, once per `ref`; the last of it ends what was frozen for it."""
    amount = positive(op.amount, "amount")
    wallet = wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.posted(journal.WRITE_OFF, op.ref)
    if before is not None:
        if (before.wallet_id, -before.into_debt) != (wallet.id, amount):
            raise IdempotencyConflict(f"{before.kind} {before.ref} was posted before with other figures.")
        return Change(Posting(before.id, op.amount, already=True))
    if amount > wallet.debt:
        raise InvalidInput(f"The debt is {Money(wallet.debt, wallet.unit)}.", param="amount")
    posted = journal.write_off(op.workspace_id, op.amount, ref=op.ref, memo={"reason": op.reason})
    post = Post(books.new_journal_id(), posted, op.actor)
    after, rare = wallet.moved(debt=-amount), None
    if not after.debt:
        after, lifts = lifted(after, books)
        rare = Rare(lifts=lifts, actor=op.actor)
    return Change(Posting(post.id, op.amount, already=False), after, posts=(post,), rare=rare)


def _found(ref: str, books: View) -> tuple[Aside, Wallet]:
    aside = books.aside(ref)
    if aside is None:
        raise NotFound(f"Nothing was set aside for {ref}.", param="ref", code="set_aside_not_found")
    return aside, books.wallet(aside.wallet_id)
