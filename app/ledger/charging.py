"""The life of a hold: set credits aside, charge what was used, give the rest back. PURE.

A settlement that finds the hold released charges nothing; a release that finds it settled returns nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.kernel.errors import Conflict, InvalidInput, NotAllowed
from app.kernel.money import Money
from app.ledger import journal
from app.ledger.change import (
    Change,
    Post,
    View,
    held_for,
    insufficient,
    left,
    not_negative,
    one,
    reversal_of,
    same_unit,
    wallet_of,
)
from app.ledger.journal import Journal
from app.ledger.late import deliver_late, late_cost
from app.ledger.operations import CaptureEarlyOp, Held, HoldOp, Released, ReleaseOp, Settled, SettleOp
from app.ledger.state import Hold, Posted, Wallet, draw, give_back
from app.ledger.tables import CAPTURED, OPEN, RELEASED
from app.ledger.undo import lots_after, undo


def hold(op: HoldOp, books: View) -> Change:
    """Reserve credits for a generation, if that many are available."""
    amount = not_negative(op.amount, "amount")
    wallet = wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.hold(op.generation_id)
    if before is not None:
        if before.wallet_id != wallet.id:
            raise Conflict(f"{op.generation_id} is held on another workspace's balance.")
        return Change(Held(op.generation_id, Money(before.amount, wallet.unit), left(wallet), already=True))
    if wallet.frozen:
        raise NotAllowed("This balance is frozen. Ask the operator to release it.", code="wallet_frozen")
    # Something free may run on an empty balance, even after the limit was lowered under what is in use.
    if amount > wallet.available and amount:
        raise insufficient(amount, wallet)
    after = wallet.moved(held=amount)
    held = Held(op.generation_id, op.amount, left(after), already=False)
    return Change(held, after, opens=Hold(op.generation_id, wallet.id, amount, 0, OPEN))


def settle(op: SettleOp, books: View) -> Change:
    """Charge what was measured, as far as the hold and the overage policy allow; the rest is our expense."""
    measured = not_negative(op.measured, "measured")
    held, wallet = held_for(op.generation_id, books)
    same_unit(op.measured, wallet)
    if held.state == RELEASED:
        return deliver_late(op, held, wallet, books)
    if held.state == CAPTURED:
        return _settle_again(op, held, wallet, books)
    charge = _chargeable(measured, held, wallet, op.overage)
    absorbed = Money(measured - charge, wallet.unit)

    def journal_of(prepaid: Money, owed: Money) -> Journal:
        return journal.capture(
            wallet.workspace_id,
            held.generation_id,
            prepaid=prepaid,
            owed=owed,
            absorbed=absorbed,
            cost=op.cost,
            memo=op.memo,
        )

    return _capture(op, held, wallet, books, charge, absorbed, journal_of)


def _chargeable(measured: int, held: Hold, wallet: Wallet, overage: str) -> int:
    """How much of what was measured the customer pays. `available` is without this hold, which is theirs anyway."""
    over = measured - held.amount
    spare = max(0, wallet.available)
    if over <= 0:
        return measured
    if wallet.frozen or overage == "cap":
        return held.amount
    if overage == "extend":
        return measured if over <= spare else held.amount
    return held.amount + min(over, spare) if wallet.credit_limit else held.amount


def _capture(
    op: SettleOp | CaptureEarlyOp,
    held: Hold,
    wallet: Wallet,
    books: View,
    charge: int,
    absorbed: Money,
    journal_of: Callable[[Money, Money], Journal],
) -> Change:
    """Close the hold with a charge: from the lots as far as they reach, the rest on the limit."""
    prepaid = min(charge, wallet.balance)
    owed = charge - prepaid
    lots, uses = draw(books.lots_to_draw(wallet.id), prepaid)
    posted = journal_of(Money(prepaid, wallet.unit), Money(owed, wallet.unit))
    post = Post(books.new_journal_id(), posted, op.actor, uses)
    return Change(
        Settled(Money(charge, wallet.unit), absorbed, post.id, already=False),
        wallet.moved(held=-held.amount, balance=-prepaid, owed=owed),
        closes=held._replace(captured=charge, state=CAPTURED, close_journal_id=post.id),
        posts=(post,),
        lots=lots,
    )


def _settle_again(op: SettleOp, held: Hold, wallet: Wallet, books: View) -> Change:
    """The hold is captured: either this was settled before, or it was charged early and this is its end."""
    past = books.past(held.generation_id)
    early, last = one(past, journal.EARLY_CAPTURE), one(past, journal.FINAL)
    if early is None or last is not None:
        return Change(_as_settled(held, past, wallet.unit))
    if reversal_of(early, past) is not None:
        return deliver_late(op, held, wallet, books)
    back = max(0, held.captured - op.measured.micros)
    absorbed = max(0, op.measured.micros - held.captured)
    owed_back = min(back, early.from_limit, wallet.owed)
    uses = give_back(early.uses, back - owed_back)
    posted = journal.final(
        wallet.workspace_id,
        held.generation_id,
        prepaid_back=Money(back - owed_back, wallet.unit),
        owed_back=Money(owed_back, wallet.unit),
        absorbed=Money(absorbed, wallet.unit),
        cost=op.cost,
        memo=op.memo,
    )
    post = Post(books.new_journal_id(), posted, op.actor, uses)
    charged = Money(held.captured - back, wallet.unit)
    return Change(
        Settled(charged, Money(absorbed, wallet.unit), post.id, already=False),
        wallet.moved(balance=back - owed_back, owed=-owed_back),
        posts=(post,),
        lots=lots_after(uses, books),
    )


def _as_settled(held: Hold, past: Sequence[Posted], unit: str) -> Settled:
    """The answer that was given when this generation was settled, read back from its journals."""
    closing = [posted for posted in past if posted.kind in {journal.CAPTURE, journal.EARLY_CAPTURE, journal.FINAL}]
    charged = sum(posted.from_prepaid + posted.from_limit for posted in closing)
    absorbed = sum(posted.absorbed for posted in closing)
    last = one(past, journal.FINAL)
    journal_id = last.id if last else held.close_journal_id
    return Settled(Money(charged, unit), Money(absorbed, unit), journal_id, already=True)


def capture_early(op: CaptureEarlyOp, books: View) -> Change:
    """Charge the estimate now that upstream has accepted the job."""
    held, wallet = held_for(op.generation_id, books)
    if held.state != OPEN:
        past = books.past(held.generation_id)
        late = held.state == RELEASED
        return Change(_as_settled(held, past, wallet.unit)._replace(late=late))
    amount = Money(held.amount, wallet.unit) if op.amount is None else op.amount
    same_unit(amount, wallet)
    charge = min(not_negative(amount, "amount"), held.amount)

    def journal_of(prepaid: Money, owed: Money) -> Journal:
        return journal.early_capture(wallet.workspace_id, held.generation_id, prepaid=prepaid, owed=owed, memo=op.memo)

    return _capture(op, held, wallet, books, charge, Money.zero(wallet.unit), journal_of)


def release(op: ReleaseOp, books: View) -> Change:
    """Give the whole hold back, or an early charge; what upstream bills anyway is our expense."""
    if op.unknown and op.cost is None:
        raise InvalidInput("An unknown upstream job needs its expected cost.", param="cost")
    held, wallet = held_for(op.generation_id, books)
    memo = {"reason": op.reason}
    if held.state == OPEN:
        posts = _costs_of_release(op, memo, books)
        returned = Money(held.amount, wallet.unit)
        return Change(
            Released(returned, _first_id(posts), already=False, charged=Money.zero(wallet.unit)),
            wallet.moved(held=-held.amount),
            closes=held._replace(state=RELEASED, close_journal_id=None),
            posts=posts,
        )
    past = books.past(held.generation_id)
    if held.state == RELEASED:
        return _release_again(op, memo, held, wallet, past, books)
    early = one(past, journal.EARLY_CAPTURE)
    if early is None or one(past, journal.FINAL) or reversal_of(early, past):
        return _already_closed(held, past, wallet.unit)
    change = undo([early], early, op.actor, memo, wallet, books)
    posts = (*change.posts, *_costs_of_release(op, memo, books))
    back = Money(early.from_prepaid + early.from_limit, wallet.unit)
    result = Released(back, posts[0].id, already=False, charged=Money.zero(wallet.unit))
    return change._replace(result=result, posts=posts)


def _costs_of_release(op: ReleaseOp, memo: Mapping[str, Any], books: View) -> tuple[Post, ...]:
    if op.cost is None or not op.cost.amount:
        return ()
    if op.unknown:
        posted = journal.unknown_upstream(op.generation_id, op.cost, memo=memo)
    else:
        posted = journal.absorbed_cost(op.generation_id, op.generation_id, op.cost, memo=memo)
    return (Post(books.new_journal_id(), posted, op.actor),)


def _release_again(
    op: ReleaseOp, memo: Mapping[str, Any], held: Hold, wallet: Wallet, past: Sequence[Posted], books: View
) -> Change:
    """Released before. A cost that becomes known only now is still booked, once."""
    again = Released(Money(held.amount, wallet.unit), None, already=True, charged=Money.zero(wallet.unit))
    if op.cost is None or op.unknown or one(past, journal.LATE_COST):
        return Change(again)
    post = late_cost(op, memo, past, books)
    return Change(again._replace(journal_id=post.id), posts=(post,)) if post.journal.entries else Change(again)


def _already_closed(held: Hold, past: Sequence[Posted], unit: str) -> Change:
    settled = _as_settled(held, past, unit)
    early = one(past, journal.EARLY_CAPTURE)
    undone = reversal_of(early, past) if early else None
    if undone:
        return Change(Released(settled.charged, undone.id, already=True, charged=Money.zero(unit)))
    return Change(Released(Money.zero(unit), settled.journal_id, already=True, charged=settled.charged))


def _first_id(posts: Sequence[Post]) -> str | None:
    return posts[0].id if posts else None
