"""What was paid for a workspace's lots: the orders behind them."""

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments import tables


@dataclass(frozen=True, slots=True)
class BoughtLot:
    """`net` is the price of the credits in it; None for a bonus, which has none."""

    order_id: str
    reference: str
    credits: Money
    net: Fiat | None


def bought_lots(connection: Connection, workspace_id: str) -> dict[str, BoughtLot]:
    """The orders behind the workspace's lots, by the lot."""
    order = tables.payment_order.c
    query = select(tables.payment_order).where(
        order.workspace_id == workspace_id, or_(order.lot_id.is_not(None), order.bonus_lot_id.is_not(None))
    )
    found: dict[str, BoughtLot] = {}
    for row in connection.execute(query):
        if row.lot_id:
            net = Fiat(row.net_minor, row.currency)
            found[row.lot_id] = BoughtLot(row.id, row.reference, Money(row.credits_micros), net)
        if row.bonus_lot_id:
            found[row.bonus_lot_id] = BoughtLot(row.id, row.reference, Money(row.bonus_micros), None)
    return found
