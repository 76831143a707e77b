"""Credits past their last day that are still there: they were good while some of a period's usage came in, and pay for
that when its invoice is drawn up, and for nothing else."""

from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection, func, select

from app.billing.waterfall import Purse
from app.kernel.money import MICRO
from app.ledger import tables as ledger
from app.metering.aggregate import Span

_LOT, _BOOKS = ledger.lot.c, ledger.wallet.c


def of_wallet(connection: Connection, workspace_id: str, unit: str, now: datetime) -> dict[datetime, Fraction]:
    """How many are left in a wallet, by the moment at which they ended."""
    left = func.sum(_LOT.remaining)
    query = (
        select(_LOT.expires_at, left)
        .join(ledger.wallet, _BOOKS.id == _LOT.wallet_id)
        .where(_BOOKS.workspace_id == workspace_id, _BOOKS.unit == unit, _LOT.open, _LOT.expires_at <= now)
        .group_by(_LOT.expires_at)
        .order_by(_LOT.expires_at)
    )
    return {ended: Fraction(int(micros), MICRO) for ended, micros in connection.execute(query) if micros}


def spent_in_time(
    purses: Sequence[Purse], used: Span | None, until: Callable[[datetime], Fraction]
) -> tuple[list[Purse], dict[str, str]]:
    """The purses of an invoice about the time that was `used`, with what their ended credits pay of it, and how much
    that is by wallet: of those that ended within it no more than the usage `until` then is worth, all together."""
    found, taken, kept = list[Purse](), Fraction(0), dict[str, str]()
    for purse in purses:
        more = Fraction(0)
        for ended, worth in purse.ended if used is not None and purse.usage else ():
            if used is None or ended <= used.start:
                continue
            room = worth if ended >= used.end else max(until(ended) - taken, Fraction(0))
            more, taken = more + min(worth, room), taken + min(worth, room)
        if purse.worth + more:
            found.append(purse._replace(worth=purse.worth + more, ended=()))
            kept[purse.wallet] = str(more)
    return found, kept
