"""What was used on a limit: paid when its invoice is, or given up on. PURE."""

from app.kernel.errors import IdempotencyConflict
from app.kernel.money import Money
from app.ledger import journal
from app.ledger.change import Change, Post, View, positive, wallet_of
from app.ledger.operations import Posting, SettleOwedOp


def settle_owed(op: SettleOwedOp, books: View) -> Change:
    """Take up to the amount off what is owed, once per `ref`; when nothing is owed, nothing is posted."""
    asked = positive(op.amount, "amount")
    wallet = wallet_of(op.workspace_id, op.amount.unit, books)
    kind, write = journal.OWED_PAID, journal.owed_paid
    if op.written_off:
        kind, write = journal.OWED_WRITTEN_OFF, journal.owed_written_off
    before = books.posted(kind, op.ref)
    if before is not None:
        done = -before.from_limit
        if before.wallet_id != wallet.id or done > asked:
            raise IdempotencyConflict(f"{before.kind} {before.ref} was posted before with other figures.")
        return Change(Posting(before.id, Money(done, wallet.unit), already=True))
    amount = Money(min(asked, wallet.owed), wallet.unit)
    if not amount.micros:
        return Change(Posting("", amount, already=False))
    post = Post(books.new_journal_id(), write(op.workspace_id, amount, ref=op.ref, memo=op.memo), op.actor)
    return Change(Posting(post.id, amount, already=False), wallet.moved(owed=-amount.micros), posts=(post,))
