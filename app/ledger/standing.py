"""Where a workspace's money stands: the balance with what it is made of, what is held and what ends soon."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from app.kernel.money import CREDIT, Money, total
from app.ledger import reads, tables
from app.ledger.reads import Balance, LotView
from app.ledger.tables import OPEN

#: A lot that ends within this time is worth a warning.
SOON = timedelta(days=30)


class Standing(NamedTuple):
    """`lots` are those with something left, the next to be used first; `ending` those of them that end soon."""

    balance: Balance
    open_holds: int
    lots: tuple[LotView, ...]
    ending: tuple[LotView, ...]

    def left_of(self, *kinds: str) -> Money:
        """What is left in the lots of these kinds."""
        return total((lot.remaining for lot in self.lots if lot.kind in kinds), self.balance.balance.unit)

    @property
    def expiring(self) -> Money:
        """What ends soon unless it is used before."""
        return total((lot.remaining for lot in self.ending), self.balance.balance.unit)

    @property
    def first_end(self) -> datetime | None:
        """When the first of it ends."""
        return min((lot.expires_at for lot in self.ending if lot.expires_at), default=None)


def standing(connection: Connection, workspace_id: str, now: datetime, unit: str = CREDIT) -> Standing:
    """Everything at one moment; `NotFound` for a workspace without a wallet."""
    wallet = reads.wallet_of(connection, workspace_id, unit)
    open_holds = select(func.count()).where(tables.hold.c.wallet_id == wallet.id, tables.hold.c.state == OPEN)
    lots = tuple(reads.lots(connection, workspace_id, now, unit))
    ending = tuple(lot for lot in lots if lot.expires_at is not None and now < lot.expires_at <= now + SOON)
    held = int(connection.execute(open_holds).scalar_one())
    return Standing(reads.balance(connection, workspace_id, unit), held, lots, ending)
