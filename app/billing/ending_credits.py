"""Credits that end: those that were good while a period ran pay for what was used of it by then, before they do.

An invoice is finalised some hours after its period, because events come late; what ends within the period, or in those
hours, would otherwise be gone before it could pay for what it was given for.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, or_, select

from app.billing import tables
from app.billing.invoices import DRAFT, INVOICE, SUBSCRIPTION
from app.billing.lifecycle import State
from app.billing.rating import USAGE
from app.billing.wallet_tables import wallet
from app.kernel.clock import Clock
from app.ledger import tables as ledger
from app.ledger.operations import Expired
from app.ledger.wallet import Ledger

#: A draft that nobody can finalise keeps nothing alive for longer.
PATIENCE: Final = timedelta(days=7)
_LOT, _BOOKS, _SUB, _LINE = ledger.lot.c, ledger.wallet.c, tables.subscription.c, tables.subscription_line.c


class EndingCredits:
    """The chore."""

    def __init__(self, ledger_: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger_, clock

    async def run(self) -> list[Expired]:
        """End what is past its last day and has nothing left to pay for."""
        return await self._ledger.expire_lots(but=_still_pays(self._clock()))


def _still_pays(now: datetime) -> ColumnElement[bool]:
    """A lot of a billing wallet whose customer has a period in its currency that had begun by the lot's last day, and
    no invoice yet, or one that waits for what comes late. A period without usage, and one that rests, have nothing that
    it could pay."""
    drafts = select(INVOICE.c.id).where(
        INVOICE.c.workspace_id == _BOOKS.workspace_id,
        INVOICE.c.currency == wallet.c.currency,
        INVOICE.c.kind == SUBSCRIPTION,
        INVOICE.c.state == DRAFT,
        INVOICE.c.manual.is_(False),
        INVOICE.c.period_start < _LOT.expires_at,
        INVOICE.c.created_at > now - PATIENCE,
    )
    unclosed = select(_SUB.id).where(
        _SUB.workspace_id == _BOOKS.workspace_id,
        _SUB.currency == wallet.c.currency,
        _SUB.state.in_((State.ACTIVE, State.TRIALING)),
        _SUB.period_start < _LOT.expires_at,
        _SUB.period_end > now - PATIENCE,
        select(_LINE.id).where(_LINE.subscription_id == _SUB.id, _LINE.kind == USAGE).exists(),
    )
    mine = select(wallet.c.id).where(wallet.c.unit == _BOOKS.unit, wallet.c.unit == wallet.c.id)
    theirs = (each.correlate(ledger.wallet, ledger.lot, wallet).exists() for each in (drafts, unclosed))
    return mine.where(or_(*theirs)).exists()
