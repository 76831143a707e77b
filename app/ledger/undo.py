"""Undo what journals did: credits go back to the lots they came from, expired ones too. PURE."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.kernel.errors import Conflict
from app.kernel.money import Money, plain
from app.ledger import journal
from app.ledger.change import Change, Post, View, must_spare
from app.ledger.operations import Posting
from app.ledger.state import Lot, Posted, Use, Wallet


def undo(
    parts: Sequence[Posted], target: Posted, actor: str, memo: Mapping[str, Any], wallet: Wallet, books: View
) -> Change:
    """Reverse what `parts` came to together, under the name of `target`."""
    prepaid = sum(part.from_prepaid for part in parts)
    owed = sum(part.from_limit for part in parts)
    if owed > wallet.owed:
        raise Conflict("Part of this was paid for since; give credits back with an adjustment instead.")
    if prepaid < 0:
        must_spare(-prepaid, wallet)
    lot = books.lot_of(target.id)
    uses = _net_back(use for part in parts for use in part.uses) if lot is None else _whole(lot)
    legs = [leg for part in parts for leg in part.entries]
    posted = journal.reversal(target.id, target.kind, _netted(legs), generation_id=target.generation_id, memo=memo)
    post = Post(books.new_journal_id(), posted, actor, uses)
    return Change(
        Posting(post.id, Money(prepaid + owed, wallet.unit), already=False),
        wallet.moved(balance=prepaid, owed=-owed),
        posts=(post,),
        lots=lots_after(uses, books),
    )


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


def lots_after(uses: Iterable[Use], books: View) -> tuple[Lot, ...]:
    return tuple(books.lot(use.lot_id).changed(-use.micros) for use in uses)
