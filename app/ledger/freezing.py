"""Why a wallet is frozen, and when it is free again: it takes no new hold while any reason is in force. PURE."""

from app.kernel.errors import InvalidInput
from app.ledger.change import Change, Rare, View, wallet_of
from app.ledger.operations import FreezeOp, Frozen, ThawOp
from app.ledger.state import Freeze, Wallet

#: Credits were used whose payment went back; ends by itself with the debt.
DEBT = "debt"


def freeze(op: FreezeOp, books: View) -> Change:
    """One more reason to take no holds, once per reason and `ref` as long as it is in force."""
    wallet = wallet_of(op.workspace_id, op.unit, books)
    if not op.reason or not op.ref:
        raise InvalidInput("A freeze needs a reason and what it is about.", param="reason" if op.ref else "ref")
    if any((known.reason, known.ref) == (op.reason, op.ref) for known in books.freezes(wallet.id)):
        return Change(Frozen(frozen=True, already=True))
    new = Freeze(books.new_freeze_id(), wallet.id, op.reason, op.ref)
    after = wallet.moved()._replace(frozen=True)
    return Change(Frozen(frozen=True, already=False), after, rare=Rare(freezes=(new,), actor=op.actor))


def thaw(op: ThawOp, books: View) -> Change:
    """A reason is gone. The wallet is free when it was the last one."""
    wallet = wallet_of(op.workspace_id, op.unit, books)
    after, lifts = lifted(wallet.moved(), books, op.reason, op.ref)
    if not lifts:
        return Change(Frozen(wallet.frozen, already=True))
    return Change(Frozen(after.frozen, already=False), after, rare=Rare(lifts=lifts, actor=op.actor))


def lifted(
    wallet: Wallet, books: View, reason: str = DEBT, ref: str | None = None
) -> tuple[Wallet, tuple[Freeze, ...]]:
    """The wallet without the freezes for a reason, and those freezes."""
    known = books.freezes(wallet.id)
    lifts = tuple(freeze for freeze in known if freeze.reason == reason and ref in {None, freeze.ref})
    return wallet._replace(frozen=len(lifts) < len(known)), lifts
