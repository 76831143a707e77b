"""A dispute as it stands, and which credits the opening of it is about that is on, or that comes next."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments import claims, return_rows, rows
from app.payments.claims import BONUS
from app.payments.dispute_rows import still_here
from app.payments.dispute_rules import State
from app.payments.return_tables import dispute as disputes


@dataclass(frozen=True, slots=True)
class Turn:
    """A dispute as it was found, and the opening it is about."""

    row: Row[Any]
    order: Row[Any]
    round: int
    booked: Fiat
    credits: Money
    bonus: Money
    left: Fiat  # what of the disputed amount did not go back otherwise, as of now

    @property
    def ref(self) -> str:
        """The ledger's name for this opening."""
        return f"{self.row.id}:{self.round}"

    @property
    def has_grown(self) -> bool:
        """Whether more is left for it than it was booked with. What was lost in part is for an operator, who is told
        of the refund that failed."""
        lost_nothing = self.row.state == State.LOST and not self.booked
        return (self.row.state == State.OPEN or lost_nothing) and self.left.minor > self.booked.minor

    @property
    def is_between(self) -> bool:
        """Given back to be booked anew, and cut short there: nobody has closed it."""
        return self.row.state == State.RELEASED and self.row.closed_at is None


def turn_of(connection: Connection, dispute_id: str) -> Turn:
    """The dispute now. What was set aside by an opening that was cut short is asked for in the same words."""
    row = connection.execute(select(disputes).where(disputes.c.id == dispute_id)).one()
    order = rows.find(connection, row.order_id)
    on = row.state in (State.OPEN, State.LOST)
    number = row.round if on else row.round + 1
    ref, lots = f"{row.id}:{number}", claims.lots_of(connection, order)
    before, sold = return_rows.returned(connection, order, but=row.id), return_rows.sold(order)
    left = still_here(row, order, before)
    if on:
        booked, credits = Fiat(row.booked_minor, order.currency), Money(row.credits_micros)
        gifts = claims.made(connection, lots.bonus, ref + BONUS)
        return Turn(row, order, number, booked, credits, sum((gift.asked for gift in gifts), Money(0)), left)
    credits = sold.credits_for(left, before) if left else Money(0)
    bonus = sold.share(Money(order.bonus_micros), left, before) if left else Money(0)
    credits = claims.asked(claims.shares(connection, lots.paid, ref, credits))
    bonus = claims.asked(claims.shares(connection, lots.bonus, ref + BONUS, bonus))
    return Turn(row, order, number, left, credits, bonus, left)


def turns_of(connection: Connection, order_id: str, provider: str) -> list[Turn]:
    """Every dispute of an order, the oldest first."""
    mine = select(disputes.c.id).where(disputes.c.order_id == order_id, disputes.c.provider == provider)
    found = connection.execute(mine.order_by(disputes.c.created_at, disputes.c.id)).scalars().all()
    return [turn_of(connection, dispute_id) for dispute_id in found]
