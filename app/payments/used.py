"""Where credits are taxed when they are used: the orders that were sold on a receipt, and their monthly invoices."""

import asyncio
import logging
from collections import defaultdict

from sqlalchemy import select

from app.invoicing import tables as invoicing
from app.invoicing.document import Kind
from app.invoicing.profiles import ProfileNeeded
from app.invoicing.rates import NoTaxRate
from app.invoicing.reads import find
from app.invoicing.usage import Prepaid, invoice_usage
from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments import claims, tables

log = logging.getLogger(__name__)


class UsedCredits:
    """`run` issues every monthly invoice that is missing; any number of times, by anybody."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def run(self) -> int:
        """How many were issued."""
        return await asyncio.to_thread(self._issue_all)

    def _issue_all(self) -> int:
        return sum(self._issue(workspace_id, lots) for workspace_id, lots in self._prepaid().items())

    def _prepaid(self) -> dict[str, list[Prepaid]]:
        """The lots that were bought on receipts, by workspace; those of money that came back at the same price."""
        order, receipt = tables.payment_order, invoicing.invoice
        bought = (
            select(order, receipt.c.issued_on)
            .join(receipt, receipt.c.id == order.c.invoice_id)
            .where(receipt.c.kind == Kind.RECEIPT, order.c.lot_id.is_not(None))
            .order_by(order.c.id)
        )
        found: dict[str, list[Prepaid]] = defaultdict(list)
        with self._db.read() as connection:
            for row in connection.execute(bought).all():
                paid = Fiat(row.gross_minor, row.currency)
                credits_ = Money(row.credits_micros)
                found[row.workspace_id] += (
                    Prepaid(lot_id, credits_, paid, row.issued_on, not row.livemode)
                    for lot_id in claims.lots_of(connection, row).paid
                )
        return found

    def _issue(self, workspace_id: str, lots: list[Prepaid]) -> int:
        try:
            with self._db.write() as connection:
                issued = invoice_usage(connection, workspace_id, lots, self._clock())
                for one in issued:
                    seen = find(connection, one.invoice_id)
                    outbox.mail(
                        connection,
                        "invoice",
                        key=f"invoice:{one.invoice_id}",
                        workspace_id=workspace_id,
                        params={"number": one.number, "issued_on": seen.issued_on, "amount": seen.gross},
                        attachments=[{"kind": "invoice", "id": one.invoice_id, "name": f"{one.number}.pdf"}],
                    )
            return len(issued)
        except (ProfileNeeded, NoTaxRate) as refusal:
            # One customer's missing rate must not keep the others' invoices back; it is tried again tomorrow.
            log.error("the usage of %s cannot be invoiced: %s", workspace_id, refusal.message)
            return 0
