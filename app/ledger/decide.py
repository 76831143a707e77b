"""What each operation does to the books: the state it needs and the operation in, a `Change` or a refusal out.

Nothing here reads a clock or a database. A refusal leaves nothing to undo, because a change is only a description.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from app.kernel.errors import Conflict, IdempotencyConflict, InsufficientCredits, InvalidInput, NotAllowed, NotFound
from app.kernel.money import CREDIT, Money, plain
from app.ledger import accounts, journal
from app.ledger.journal import Cost, Journal
from app.ledger.operations import (
    AbsorbOp,
    AdjustOp,
    CaptureEarlyOp,
    GrantOp,
    Held,
    HoldOp,
    Operation,
    Posting,
    Released,
    ReleaseOp,
    Result,
    ReverseOp,
    Settled,
    SettleOp,
)
from app.ledger.state import Hold, Lot, Posted, Use, Wallet, draw, give_back
from app.ledger.tables import CAPTURED, OPEN, RELEASED

CORRECTION_PRIORITY = 50
LOT_KINDS = frozenset({"paid", "promo", "plan", "correction"})


class View(Protocol):
    """The part of the books an operation may look at; everything it names has been read under the wallet's lock."""

    now: datetime

    def wallet(self, wallet_id: int) -> Wallet: ...
    def wallet_of(self, workspace_id: str, unit: str) -> Wallet | None: ...
    def hold(self, generation_id: str) -> Hold | None: ...
    def lot(self, lot_id: str) -> Lot: ...
    def lots_to_draw(self, wallet_id: int) -> Sequence[Lot]: ...
    def past(self, generation_id: str) -> Sequence[Posted]: ...
    def posted(self, kind: str, ref: str) -> Posted | None: ...
    def posted_as(self, journal_id: str) -> Posted | None: ...
    def lot_of(self, journal_id: str) -> Lot | None: ...
    def new_journal_id(self) -> str: ...
    def new_lot_id(self) -> str: ...


class NewLot(NamedTuple):
    lot: Lot
    kind: str
    label: str
    cost_basis_micros: int | None


class Post(NamedTuple):
    """A journal to write, and what it takes from lots."""

    id: str
    journal: Journal
    actor: str
    uses: tuple[Use, ...] = ()


class Change(NamedTuple):
    """Everything an operation writes. Without `wallet` it writes nothing to a wallet."""

    result: Result
    wallet: Wallet | None = None
    opens: Hold | None = None
    closes: Hold | None = None
    posts: tuple[Post, ...] = ()
    lots: tuple[Lot, ...] = ()
    new_lot: NewLot | None = None


def decide(op: Operation, books: View) -> Change:
    """What `op` does now. Raises a `Rejected` when it may not, `Broken` when the books contradict themselves."""
    return _DECISIONS[type(op)](op, books)


# --- hold ------------------------------------------------------------------------------------------------------------


def hold(op: HoldOp, books: View) -> Change:
    """Reserve credits for a generation, if that many are available."""
    amount = _not_negative(op.amount, "amount")
    wallet = _wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.hold(op.generation_id)
    if before is not None:
        if before.wallet_id != wallet.id:
            raise Conflict(f"{op.generation_id} is held on another workspace's balance.")
        return Change(Held(op.generation_id, Money(before.amount, wallet.unit), _left(wallet), already=True))
    if wallet.frozen:
        raise NotAllowed("This balance is frozen. Ask the operator to release it.", code="wallet_frozen")
    # Something free may run on an empty balance, even after the limit was lowered under what is in use.
    if amount > wallet.available and amount:
        raise _insufficient(amount, wallet)
    after = wallet.moved(held=amount)
    held = Held(op.generation_id, op.amount, _left(after), already=False)
    return Change(held, after, opens=Hold(op.generation_id, wallet.id, amount, 0, OPEN))


# --- settle ----------------------------------------------------------------------------------------------------------


def settle(op: SettleOp, books: View) -> Change:
    """Charge what was measured, as far as the hold and the overage policy allow; the rest is our expense."""
    measured = _not_negative(op.measured, "measured")
    held, wallet = _held(op.generation_id, books)
    _same_unit(op.measured, wallet)
    if held.state == RELEASED:
        return _deliver_late(op.cost, op.actor, op.memo, held, wallet, books, measured=op.measured)
    if held.state == CAPTURED:
        return _settle_again(op, held, wallet, books)
    charge = _chargeable(measured, held, wallet, op.overage)
    return _capture(op, held, wallet, books, charge, absorbed=measured - charge)


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


def _capture(op: SettleOp, held: Hold, wallet: Wallet, books: View, charge: int, absorbed: int) -> Change:
    prepaid = min(charge, wallet.balance)
    owed = charge - prepaid
    lots, uses = draw(books.lots_to_draw(wallet.id), prepaid)
    posted = journal.capture(
        wallet.workspace_id,
        held.generation_id,
        prepaid=Money(prepaid, wallet.unit),
        owed=Money(owed, wallet.unit),
        absorbed=Money(absorbed, wallet.unit),
        cost=op.cost,
        memo=op.memo,
    )
    post = Post(books.new_journal_id(), posted, op.actor, uses)
    return Change(
        Settled(Money(charge, wallet.unit), Money(absorbed, wallet.unit), post.id, already=False),
        wallet.moved(held=-held.amount, balance=-prepaid, owed=owed),
        closes=held._replace(captured=charge, state=CAPTURED, close_journal_id=post.id),
        posts=(post,),
        lots=lots,
    )


def _settle_again(op: SettleOp, held: Hold, wallet: Wallet, books: View) -> Change:
    """The hold is captured: either this was settled before, or it was charged early and this is its end."""
    past = books.past(held.generation_id)
    early, last = _one(past, journal.EARLY_CAPTURE), _one(past, journal.FINAL)
    if early is None or last is not None:
        return Change(_as_settled(held, past, wallet.unit))
    if _reversal_of(early, past) is not None:
        return _deliver_late(op.cost, op.actor, op.memo, held, wallet, books, measured=op.measured)
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
        lots=_after(uses, books),
    )


def _as_settled(held: Hold, past: Sequence[Posted], unit: str) -> Settled:
    """The answer that was given when this generation was settled, read back from its journals."""
    closing = [posted for posted in past if posted.kind in {journal.CAPTURE, journal.EARLY_CAPTURE, journal.FINAL}]
    charged = sum(posted.from_prepaid + posted.from_limit for posted in closing)
    absorbed = sum(posted.absorbed for posted in closing)
    last = _one(past, journal.FINAL)
    journal_id = last.id if last else held.close_journal_id
    return Settled(Money(charged, unit), Money(absorbed, unit), journal_id, already=True)


def _deliver_late(
    cost: Cost | None,
    actor: str,
    memo: Mapping[str, Any] | None,
    held: Hold,
    wallet: Wallet,
    books: View,
    *,
    measured: Money,
) -> Change:
    """Upstream delivered what we had given up. The customer was told it failed and is not charged; the cost is ours."""
    past = books.past(held.generation_id)
    nothing = Money.zero(wallet.unit)
    before = _one(past, journal.LATE_COST)
    if before is not None:
        return Change(Settled(nothing, measured, before.id, already=True, late=True))
    post = _late_cost(held.generation_id, cost, past, actor, memo, books)
    return Change(Settled(nothing, measured, post.id, already=False, late=True), posts=(post,))


def _late_cost(
    generation_id: str,
    cost: Cost | None,
    past: Sequence[Posted],
    actor: str,
    memo: Mapping[str, Any] | None,
    books: View,
) -> Post:
    """The journal of a late cost: only what is not yet booked, with an expected cost unwound when the real one is known."""
    if cost is None:
        posted = Journal(journal.LATE_COST, generation_id, (), generation_id=generation_id, memo=memo)
        return Post(books.new_journal_id(), posted, actor)
    account = accounts.provider_expense(cost.provider_id)
    booked = sum(posted.sum_of(account) for posted in past)
    rest = Cost(cost.provider_id, Money(cost.amount.micros - booked, cost.amount.unit))
    return Post(
        books.new_journal_id(), journal.late_cost(generation_id, rest, _booked_as_unknown(past), memo=memo), actor
    )


# --- charge on submit ------------------------------------------------------------------------------------------------


def capture_early(op: CaptureEarlyOp, books: View) -> Change:
    """Charge the estimate now that upstream has accepted the job."""
    held, wallet = _held(op.generation_id, books)
    if held.state != OPEN:
        past = books.past(held.generation_id)
        late = held.state == RELEASED
        return Change(_as_settled(held, past, wallet.unit)._replace(late=late))
    amount = Money(held.amount, wallet.unit) if op.amount is None else op.amount
    _same_unit(amount, wallet)
    charge = min(_not_negative(amount, "amount"), held.amount)
    prepaid = min(charge, wallet.balance)
    owed = charge - prepaid
    lots, uses = draw(books.lots_to_draw(wallet.id), prepaid)
    posted = journal.early_capture(
        wallet.workspace_id,
        held.generation_id,
        prepaid=Money(prepaid, wallet.unit),
        owed=Money(owed, wallet.unit),
        memo=op.memo,
    )
    post = Post(books.new_journal_id(), posted, op.actor, uses)
    return Change(
        Settled(Money(charge, wallet.unit), Money.zero(wallet.unit), post.id, already=False),
        wallet.moved(held=-held.amount, balance=-prepaid, owed=owed),
        closes=held._replace(captured=charge, state=CAPTURED, close_journal_id=post.id),
        posts=(post,),
        lots=lots,
    )


# --- release ---------------------------------------------------------------------------------------------------------


def release(op: ReleaseOp, books: View) -> Change:
    """Give the whole hold back, or an early charge; what upstream bills anyway is our expense."""
    if op.unknown and op.cost is None:
        raise InvalidInput("An unknown upstream job needs its expected cost.", param="cost")
    held, wallet = _held(op.generation_id, books)
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
    early = _one(past, journal.EARLY_CAPTURE)
    if early is None or _one(past, journal.FINAL) or _reversal_of(early, past):
        return _already_closed(held, past, wallet.unit)
    change = _undo([early], early, op.actor, memo, wallet, books)
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
    if op.cost is None or op.unknown or _one(past, journal.LATE_COST):
        return Change(again)
    post = _late_cost(held.generation_id, op.cost, past, op.actor, memo, books)
    return Change(again._replace(journal_id=post.id), posts=(post,)) if post.journal.entries else Change(again)


def _already_closed(held: Hold, past: Sequence[Posted], unit: str) -> Change:
    settled = _as_settled(held, past, unit)
    early = _one(past, journal.EARLY_CAPTURE)
    undone = _reversal_of(early, past) if early else None
    if undone:
        return Change(Released(settled.charged, undone.id, already=True, charged=Money.zero(unit)))
    return Change(Released(Money.zero(unit), settled.journal_id, already=True, charged=settled.charged))


# --- grant, adjust, reverse, absorb -----------------------------------------------------------------------------------


def grant(op: GrantOp, books: View) -> Change:
    """Hand out credits as a new lot; `ref` names the occasion, and each occasion counts once."""
    amount = _positive(op.amount, "amount")
    if op.kind not in LOT_KINDS:
        raise InvalidInput(f"Credits are one of {', '.join(sorted(LOT_KINDS))}, not {op.kind!r}.", param="kind")
    wallet = _wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.posted(journal.GRANT, op.ref)
    if before is not None:
        return _posted_before(before, -before.from_prepaid, amount, wallet)
    posted = journal.grant(op.workspace_id, op.amount, kind=op.kind, ref=op.ref, memo={"label": op.label})
    post = Post(books.new_journal_id(), posted, op.actor)
    lot = Lot(books.new_lot_id(), wallet.id, post.id, amount, amount, True, op.priority, op.expires_at)
    basis = op.cost_basis.micros if op.cost_basis else None
    return Change(
        Posting(post.id, op.amount, already=False),
        wallet.moved(balance=amount),
        posts=(post,),
        new_lot=NewLot(lot, op.kind, op.label, basis),
    )


def adjust(op: AdjustOp, books: View) -> Change:
    """An operator's correction. Taking credits away stops at what is free: holds keep what they were promised."""
    amount = op.amount.micros
    if not amount:
        raise InvalidInput("An adjustment of nothing is not recorded.", param="amount")
    wallet = _wallet_of(op.workspace_id, op.amount.unit, books)
    before = books.posted(journal.ADJUSTMENT, op.ref)
    if before is not None:
        return _posted_before(before, -before.from_prepaid, amount, wallet)
    posted = journal.adjustment(op.workspace_id, op.amount, ref=op.ref, memo={"reason": op.reason})
    result = Posting(books.new_journal_id(), op.amount, already=False)
    if amount > 0:
        lot = Lot(
            books.new_lot_id(), wallet.id, result.journal_id, amount, amount, True, CORRECTION_PRIORITY, expires_at=None
        )
        new = NewLot(lot, "correction", op.reason, None)
        return Change(
            result,
            wallet.moved(balance=amount),
            posts=(Post(result.journal_id, posted, op.actor),),
            new_lot=new,
        )
    _must_spare(-amount, wallet)
    lots, uses = draw(books.lots_to_draw(wallet.id), -amount)
    post = Post(result.journal_id, posted, op.actor, uses)
    return Change(result, wallet.moved(balance=amount), posts=(post,), lots=lots)


def reverse(op: ReverseOp, books: View) -> Change:
    """Post the opposite of a journal. Credits go back to the lots they came from, expired ones too."""
    target = books.posted_as(op.journal_id)
    if target is None:
        raise NotFound(f"There is no journal {op.journal_id}.", param="journal_id")
    if target.kind in {journal.REVERSAL, journal.FINAL}:
        raise Conflict(f"A {target.kind} is not reversed; reverse or adjust what it belongs to.")
    unit = CREDIT if target.wallet_id is None else books.wallet(target.wallet_id).unit
    before = books.posted(journal.REVERSAL, target.id)
    if before is not None:
        return Change(Posting(before.id, Money(-before.from_prepaid - before.from_limit, unit), already=True))
    memo = {"reason": op.reason}
    moves_credits = any(leg.account.startswith("ws:") for leg in target.entries)
    if target.wallet_id is None or not moves_credits:
        posted = journal.reversal(target.id, target.entries, generation_id=target.generation_id, memo=memo)
        post = Post(books.new_journal_id(), posted, op.actor)
        return Change(Posting(post.id, Money.zero(unit), already=False), posts=(post,))
    parts = [target]
    if target.kind == journal.EARLY_CAPTURE and target.generation_id:
        last = _one(books.past(target.generation_id), journal.FINAL)
        parts += [last] if last else []
    return _undo(parts, target, op.actor, memo, books.wallet(target.wallet_id), books)


def absorb(op: AbsorbOp, books: View) -> Change:
    """A cost the customer does not pay, booked by itself: an attempt that failed and was billed all the same."""
    _not_negative(op.cost.amount, "cost")
    before = books.posted(journal.ABSORBED_COST, op.ref)
    if before is not None:
        booked = Money(before.sum_of(accounts.PROVIDER_EXPENSE), op.cost.amount.unit)
        return Change(Posting(before.id, booked, already=True))
    posted = journal.absorbed_cost(op.ref, op.generation_id, op.cost, memo={"reason": op.reason})
    post = Post(books.new_journal_id(), posted, op.actor)
    return Change(Posting(post.id, op.cost.amount, already=False), posts=(post,))


def _undo(
    parts: Sequence[Posted], target: Posted, actor: str, memo: Mapping[str, Any], wallet: Wallet, books: View
) -> Change:
    """Reverse what `parts` came to together, under the name of `target`."""
    prepaid = sum(part.from_prepaid for part in parts)
    owed = sum(part.from_limit for part in parts)
    if owed > wallet.owed:
        raise Conflict("Part of this was paid for since; give credits back with an adjustment instead.")
    if prepaid < 0:
        _must_spare(-prepaid, wallet)
    lot = books.lot_of(target.id)
    if lot is not None:
        uses = _whole(lot)
    else:
        uses = _net_back(use for part in parts for use in part.uses)
    legs = [leg for part in parts for leg in part.entries]
    posted = journal.reversal(target.id, _netted(legs), generation_id=target.generation_id, memo=memo)
    post = Post(books.new_journal_id(), posted, actor, uses)
    return Change(
        Posting(post.id, Money(prepaid + owed, wallet.unit), already=False),
        wallet.moved(balance=prepaid, owed=-owed),
        posts=(post,),
        lots=_after(uses, books),
    )


# --- small words -----------------------------------------------------------------------------------------------------


def _whole(lot: Lot) -> tuple[Use, ...]:
    if lot.remaining != lot.granted:
        used = plain(Money(lot.granted - lot.remaining).amount)
        raise Conflict(f"{used} credits of this grant are used already; take back the rest with an adjustment.")
    return (Use(lot.id, lot.granted),)


def _net_back(uses: Iterable[Use]) -> tuple[Use, ...]:
    net: dict[str, int] = {}
    for use in uses:
        net[use.lot_id] = net.get(use.lot_id, 0) + use.micros
    return tuple(Use(lot_id, -micros) for lot_id, micros in net.items() if micros)


def _netted(legs: Iterable[journal.Entry]) -> list[journal.Entry]:
    net: dict[tuple[str, str], int] = {}
    for leg in legs:
        net[leg.account, leg.unit] = net.get((leg.account, leg.unit), 0) + leg.micros
    return [journal.Entry(account, micros, unit) for (account, unit), micros in net.items()]


def _after(uses: Iterable[Use], books: View) -> tuple[Lot, ...]:
    return tuple(books.lot(use.lot_id).changed(-use.micros) for use in uses)


def _held(generation_id: str, books: View) -> tuple[Hold, Wallet]:
    held = books.hold(generation_id)
    if held is None:
        raise NotFound(f"Nothing is held for {generation_id}.", param="generation_id", code="hold_not_found")
    return held, books.wallet(held.wallet_id)


def _wallet_of(workspace_id: str, unit: str, books: View) -> Wallet:
    wallet = books.wallet_of(workspace_id, unit)
    if wallet is None:
        raise NotFound(f"Workspace {workspace_id} has no balance in {unit}.", code="wallet_not_found")
    return wallet


def _same_unit(amount: Money, wallet: Wallet) -> None:
    if amount.unit != wallet.unit:
        raise InvalidInput(f"This balance is kept in {wallet.unit}, not in {amount.unit}.")


def _not_negative(amount: Money, name: str) -> int:
    if amount.micros < 0:
        raise InvalidInput(f"{name} is {amount}; it cannot be below zero.", param=name)
    return amount.micros


def _positive(amount: Money, name: str) -> int:
    if amount.micros <= 0:
        raise InvalidInput(f"{name} is {amount}; it must be above zero.", param=name)
    return amount.micros


def _must_spare(micros: int, wallet: Wallet) -> None:
    """Credits that are held or owed against are not there to be taken away."""
    if micros > min(wallet.balance, wallet.available):
        raise _insufficient(micros, wallet)


def _left(wallet: Wallet) -> Money:
    return Money(max(0, wallet.available), wallet.unit)


def _insufficient(micros: int, wallet: Wallet) -> InsufficientCredits:
    required, available = Money(micros, wallet.unit), _left(wallet)
    return InsufficientCredits(
        f"This needs {plain(required.amount)} credits and {plain(available.amount)} are available.",
        required=required.micros,
        available=available.micros,
    )


def _posted_before(before: Posted, amount: int, asked: int, wallet: Wallet) -> Change:
    if before.wallet_id != wallet.id or amount != asked:
        raise IdempotencyConflict(f"{before.kind} {before.ref} was posted before with other figures.")
    return Change(Posting(before.id, Money(amount, wallet.unit), already=True))


def _one(past: Sequence[Posted], kind: str) -> Posted | None:
    return next((posted for posted in past if posted.kind == kind), None)


def _reversal_of(target: Posted, past: Sequence[Posted]) -> Posted | None:
    return next((posted for posted in past if posted.reverses_id == target.id), None)


def _booked_as_unknown(past: Sequence[Posted]) -> Cost | None:
    unknown = _one(past, journal.UNKNOWN_UPSTREAM)
    if unknown is None or _reversal_of(unknown, past):
        return None
    booked = next(leg for leg in unknown.entries if leg.account == accounts.EXPENSE_UNKNOWN_UPSTREAM)
    payable = next(leg for leg in unknown.entries if leg.account.startswith(accounts.PROVIDER_PAYABLE))
    return Cost(payable.account.removeprefix(accounts.PROVIDER_PAYABLE), Money(booked.micros, booked.unit))


def _first_id(posts: Sequence[Post]) -> str | None:
    return posts[0].id if posts else None


_DECISIONS: Mapping[type, Callable[[Any, View], Change]] = {
    HoldOp: hold,
    SettleOp: settle,
    CaptureEarlyOp: capture_early,
    ReleaseOp: release,
    GrantOp: grant,
    AdjustOp: adjust,
    ReverseOp: reverse,
    AbsorbOp: absorb,
}
