"""Which lots the credits of an order are in, and what of each goes back, under which name. Within the caller's
transaction.

What is sold anew, after its money had come back, is a lot of its own beside the order's. A claim on the order goes
through its lots, the oldest first, and from each takes no more than is left to be claimed of it: so what was used of a
lot is that lot's debt. The first share bears the name of the refund or dispute itself.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, select, union_all

from app.kernel.money import Money
from app.ledger import asides as set_asides
from app.ledger import journal
from app.ledger import tables as ledger
from app.ledger.asides import AsideView
from app.payments.return_tables import dispute, refund

BONUS: Final = ":bonus"
#: What a share could get only later, when a hold that counted on it had ended.
MORE: Final = ":more"
GIVEN_BACK: Final = "given_back"
_PAID, _PROMO = "paid", "promo"


class Lots(NamedTuple):
    """The lots of an order: what was paid for, and its bonus."""

    paid: tuple[str, ...]
    bonus: tuple[str, ...]


class Share(NamedTuple):
    """What is asked of one lot, and the ledger's name for it."""

    ref: str
    lot_id: str
    asked: Money


def lots_of(connection: Connection, order: Row[Any]) -> Lots:
    """The order's own lot first, then those of what was sold anew, the oldest first."""
    restored = union_all(
        *(
            select(table.c.restored_journal_id).where(
                table.c.order_id == order.id, table.c.restored_journal_id.is_not(None)
            )
            for table in (refund, dispute)
        )
    )
    sale, kept = ledger.journal.alias("sale"), ledger.journal.c
    query = (
        select(ledger.lot.c.id, ledger.lot.c.kind)
        .join(ledger.journal, kept.id == ledger.lot.c.journal_id)
        .join(sale, sale.c.ref == kept.ref)
        .where(sale.c.id.in_(restored), kept.kind.in_((journal.TOP_UP, journal.BONUS)))
        .order_by(ledger.lot.c.created_at, ledger.lot.c.id)
    )
    anew = connection.execute(query).all()
    return Lots(
        _once(order.lot_id, (row.id for row in anew if row.kind == _PAID)),
        _once(order.bonus_lot_id, (row.id for row in anew if row.kind == _PROMO)),
    )


def _once(own: str | None, others: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lot_id for lot_id in (own, *others) if lot_id is not None))


def names(ref: str, lots: Sequence[str]) -> list[str]:
    """Every name that a share of this claim may have."""
    return [ref, *(f"{ref}:{lot_id}" for lot_id in lots)]


def made(connection: Connection, lots: Sequence[str], ref: str) -> list[AsideView]:
    """The shares of this claim that the ledger knows."""
    return set_asides.named(connection, names(ref, lots))


def shares(connection: Connection, lots: Sequence[str], ref: str, credits: Money) -> list[Share]:
    """How a claim on so many credits goes through the lots. What was set aside for it before stays as it is, so that
    one that was cut short is asked for in the same words."""
    found = [Share(one.ref, one.lot_id, one.asked) for one in made(connection, lots, ref)]
    known = {share.ref for share in found}
    left = credits - sum((share.asked for share in found), Money(0, credits.unit))
    for lot_id in lots:
        part = min(left, claimable(connection, lot_id))
        name = f"{ref}:{lot_id}" if ref in known else ref
        if part.micros <= 0 or name in known:
            continue
        known.add(name)
        found.append(Share(name, lot_id, part))
        left -= part
    return found


def asked(parts: Iterable[Share]) -> Money:
    """All of a claim together."""
    return sum((part.asked for part in parts), Money(0))


def claimable(connection: Connection, lot_id: str) -> Money:
    """What no refund or dispute claims of a lot."""
    granted = connection.execute(select(ledger.lot.c.granted).where(ledger.lot.c.id == lot_id)).scalar_one()
    claims = (
        one.asked.micros
        for one in set_asides.set_asides(connection, lot_id)
        if one.state != GIVEN_BACK and not one.ref.endswith(MORE)
    )
    return Money(max(0, int(granted) - sum(claims)))


def most(connection: Connection, lots: Sequence[str]) -> Money:
    """All that can be claimed of these lots together."""
    return sum((claimable(connection, lot_id) for lot_id in lots), Money(0))


def shortfall(connection: Connection, order: Row[Any], ref: str) -> Money:
    """What became debt of a claim that was taken back."""
    parts = made(connection, lots_of(connection, order).paid, ref)
    return sum((part.shortfall for part in parts), Money(0))
