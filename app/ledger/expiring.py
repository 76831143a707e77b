"""The last day of a lot: what nobody holds of it ends; the rest waits for its holds and is drawn first. PURE."""

from app.kernel.errors import Conflict, NotFound
from app.kernel.money import Money
from app.ledger import journal
from app.ledger.change import Change, Post, View
from app.ledger.operations import Expired, ExpireOp
from app.ledger.state import Use


def expire(op: ExpireOp, books: View) -> Change:
    """End what is free of a lot that is past its last day. Doing it again ends what came free in between."""
    lot = books.find_lot(op.lot_id)
    if lot is None:
        raise NotFound(f"There is no lot {op.lot_id}.", param="lot_id", code="lot_not_found")
    if lot.expires_at is None or lot.expires_at > books.now:
        raise Conflict("This lot has not ended.", code="lot_not_ended")
    wallet = books.wallet(lot.wallet_id)
    amount = min(lot.remaining, wallet.unheld)
    left = Money(lot.remaining - amount, wallet.unit)
    if not amount:
        return Change(Expired(None, Money.zero(wallet.unit), left, already=True))
    after = wallet.moved(balance=-amount)
    # A lot may end in several steps: the wallet's version tells them apart.
    ref, memo = f"{lot.id}@{after.version}", {"label": op.label} if op.label else {}
    ended = Money(amount, wallet.unit)
    posted = journal.expiry(wallet.workspace_id, ended, kind=lot.kind, ref=ref, memo={**memo, "lot": lot.id})
    post = Post(books.new_journal_id(), posted, op.actor, (Use(lot.id, amount),))
    return Change(Expired(post.id, ended, left, already=False), after, posts=(post,), lots=(lot.changed(-amount),))
