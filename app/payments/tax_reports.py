"""Telling Stripe Tax what was sold and what went back, once for every document, whatever happens on the way.

The row is written in the transaction that issues the document. A turn of the chore asks under a key made from the row;
a lost answer is asked for again under that key, and under the next one where Stripe keeps a failure with it: Stripe
takes a reference once in all time, so a repetition is answered with the report, or with a refusal that proves it.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from app.invoicing import tables as invoicing
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import Issued
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound, ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id
from app.payments import rows, stripe_read
from app.payments.stripe_tax import BackReport, ReferenceTaken, Reported, SaleReport, StripeTax
from app.payments.tax_tables import tax_report
from app.payments.telling import tell
from app.payments.waiting import BATCH, BEING_ASKED, KEY_LASTS, until_next

SALE, REVERSAL = "sale", "reversal"
WAITING, DONE, REFUSED = "waiting", "done", "refused"
LOOKS: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 600, 3600))
#: Why a report is left to the operator.
SOLD_ANEW, SALE_NOT_REPORTED, TAKEN = "sold_anew", "sale_not_reported", "reference_taken"
#: What an operator mends at Stripe; until then it is tried again.
MENDABLE: Final = frozenset({"provider_key", "stripe_tax_inactive"})

_KEPT = tax_report
log = logging.getLogger(__name__)


# --- written with the document


def promise_sale(connection: Connection, order: Any, issued: Issued, now: datetime) -> None:
    """An order is invoiced: Stripe Tax is told, if it worked the tax out. Once for each invoice."""
    tax = TaxSnapshot.from_json(order.tax_snapshot)
    if tax.calculation is not None:
        _write(connection, order, issued, tax, now, kind=SALE, calculation_id=tax.calculation.id, look_at=now)


def promise_back(connection: Connection, order: Any, invoice_id: str, issued: Issued, now: datetime) -> None:
    """A credit note for an order whose sale is told of."""
    sale = of_document(connection, invoice_id)
    if sale is None:
        return
    kept = invoicing.invoice
    note = connection.execute(select(kept).where(kept.c.id == issued.invoice_id)).one()
    tax = TaxSnapshot.from_json(note.tax_snapshot)
    whole = (note.net, note.tax) == (sale.net_minor, sale.tax_minor)
    _write(connection, order, issued, tax, now, kind=REVERSAL, sale_id=sale.id, whole=whole, look_at=now)


def promise_anew(connection: Connection, order: Any, issued: Issued, tax: TaxSnapshot, now: datetime) -> None:
    """Money that had gone back came again, and there is a new invoice: a reversal cannot be taken back at Stripe, so
    the operator is told to enter the sale there."""
    if tax.calculation is not None:
        _write(connection, order, issued, tax, now, kind=SALE, state=REFUSED, failure_code=SOLD_ANEW)


def of_document(connection: Connection, document_id: str) -> Row[Any] | None:
    return connection.execute(select(_KEPT).where(_KEPT.c.document_id == document_id)).one_or_none()


def _write(connection: Connection, order: Any, issued: Issued, tax: TaxSnapshot, now: datetime, **values: Any) -> None:
    made = {
        "id": new_id("trp"),
        "document_id": issued.invoice_id,
        "reference": issued.number,
        "order_id": order.id,
        "workspace_id": order.workspace_id,
        "livemode": order.livemode,
        "currency": tax.currency,
        "net_minor": tax.total_net.minor,
        "tax_minor": tax.total_tax.minor,
        "inclusive": tax.rates[0].inclusive,
        "whole": False,
        "state": WAITING,
        "keys": 0,
        "looks": 0,
        "created_at": now,
        "updated_at": now,
        **values,
    }
    rows.insert_once(connection, _KEPT, made, "document_id")


# --- sent by a chore


class TaxReports:
    """`provider` is None without a Stripe account: rows wait until there is one again."""

    def __init__(self, db: Database, clock: Clock, provider: StripeTax | None) -> None:
        self._db, self._clock, self._provider = db, clock, provider

    async def run_due(self) -> int:
        """Tell what is to be told; how many were tried. Safe at any time, by anybody."""
        if self._provider is None:
            return 0
        due = await asyncio.to_thread(self._due, self._provider.door.livemode)
        for report_id in due:
            try:
                await self.proceed(self._provider, report_id)
            except Exception as error:
                tell(log, error, "%s could not be told to Stripe Tax; it is tried again", report_id)
                await asyncio.to_thread(self._later, report_id)
        return len(due)

    async def proceed(self, provider: StripeTax, report_id: str) -> None:
        """One report, as far as it goes now."""
        row, sale = await asyncio.to_thread(self._begin, report_id)
        if row is None:
            return
        faults.point("tax_report.before_provider")
        try:
            told = await self._ask(provider, row, sale)
        except ReferenceTaken as taken:
            await self._adopt(provider, row, taken)
        except ProviderBusy as busy:
            log.warning("%s waits: %s", row.reference, busy)
            await asyncio.to_thread(self._later, report_id)
        except ProviderUnclear as lost:
            log.warning("nobody knows whether %s was told to Stripe Tax: %s", row.reference, lost)
            used_up = lost.stable_code != "provider_unreachable"
            await asyncio.to_thread(self._later, report_id, used_up=used_up)
        except (ProviderRefused, NotFound) as refused:
            await self._refused(row, refused)
        else:
            faults.point("tax_report.after_provider")
            await asyncio.to_thread(self._done, report_id, told)

    def _due(self, livemode: bool) -> list[str]:
        query = (
            select(_KEPT.c.id)
            .where(_KEPT.c.look_at <= self._clock(), _KEPT.c.state == WAITING, _KEPT.c.livemode == livemode)
            .order_by(_KEPT.c.look_at, _KEPT.c.id)
            .limit(BATCH)
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def _begin(self, report_id: str) -> tuple[Row[Any] | None, Row[Any] | None]:
        """Take one in hand: its key is in use from here on, so that a crash asks the same again."""
        now = self._clock()
        with self._db.write() as connection:
            row = _find(connection, report_id, lock=True)
            if row.state != WAITING or row.look_at is None or row.look_at > now:
                return None, None
            sale = _find(connection, row.sale_id) if row.sale_id else None
            if sale is not None and sale.state == REFUSED:
                _change(connection, report_id, now, state=REFUSED, failure_code=SALE_NOT_REPORTED, look_at=None)
                return None, None
            if sale is not None and sale.state == WAITING:
                _change(connection, report_id, now, look_at=now + LOOKS[0])
                return None, None
            fresh = row.keyed_at is None or now - row.keyed_at > KEY_LASTS
            keys = row.keys + 1 if fresh else row.keys
            keyed_at = now if fresh else row.keyed_at
            _change(connection, report_id, now, keys=keys, keyed_at=keyed_at, look_at=now + BEING_ASKED)
            return _find(connection, report_id), sale

    async def _ask(self, provider: StripeTax, row: Row[Any], sale: Row[Any] | None) -> Reported:
        marks = provider.door.marks(row.order_id, row.workspace_id)
        key = f"tax:{row.id}:{row.keys}"
        if sale is None:
            return await provider.report(SaleReport(key, row.reference, row.calculation_id, marks))
        tax = Fiat(row.tax_minor, row.currency)
        net = Fiat(row.net_minor, row.currency)
        amount = net + tax if row.inclusive else net
        return await provider.report_back(
            BackReport(key, row.reference, sale.external_id, sale.line_id, row.whole, amount, tax, marks)
        )

    async def _adopt(self, provider: StripeTax, row: Row[Any], taken: ReferenceTaken) -> None:
        """It was told before, and the answer was lost: what Stripe has is ours if it says so itself."""
        for external_id in taken.reports:
            try:
                told = await provider.find(external_id)
            except NotFound:
                continue
            except ProviderError as error:
                log.warning("%s cannot be looked at: %s", external_id, error)
                await asyncio.to_thread(self._later, row.id)
                return
            marks = provider.door.marks(row.order_id, row.workspace_id)
            same = all(told.marks.get(name) == marks[name] for name in (stripe_read.ORDER, stripe_read.INSTALL))
            if told.reference == row.reference and same:
                await asyncio.to_thread(self._done, row.id, told)
                return
        await asyncio.to_thread(self._end, row.id, TAKEN)

    async def _refused(self, row: Row[Any], refused: ProviderRefused | NotFound) -> None:
        code = str(refused.details.get("stripe_code") or refused.stable_code)
        log.error("Stripe Tax refuses %s: %s", row.reference, refused)
        if code in MENDABLE:
            await asyncio.to_thread(self._later, row.id, used_up=True)
        else:
            await asyncio.to_thread(self._end, row.id, code)

    def _done(self, report_id: str, told: Reported) -> None:
        now = self._clock()
        with self._db.write() as connection:
            values = {"external_id": told.external_id, "line_id": told.line_id, "done_at": now, "failure_code": None}
            _change(connection, report_id, now, state=DONE, look_at=None, **values)

    def _end(self, report_id: str, code: str) -> None:
        now = self._clock()
        with self._db.write() as connection:
            _change(connection, report_id, now, state=REFUSED, failure_code=code, look_at=None)

    def _later(self, report_id: str, *, used_up: bool = False) -> None:
        """Try again after a while; with `used_up` under another key."""
        now = self._clock()
        with self._db.write() as connection:
            row = _find(connection, report_id)
            looks = row.looks + 1
            again = {"keyed_at": None} if used_up else {}
            later = now + until_next(LOOKS, looks)
            _change(connection, report_id, now, looks=looks, look_at=later, **again)


def unreported(connection: Connection, before: datetime) -> Sequence[Row[Any]]:
    """What an operator should know of: refused, or waiting since `before` and longer."""
    query = select(_KEPT).where(
        (_KEPT.c.state == REFUSED) | ((_KEPT.c.state == WAITING) & (_KEPT.c.created_at < before))
    )
    return connection.execute(query.order_by(_KEPT.c.created_at)).all()


def _find(connection: Connection, report_id: str, *, lock: bool = False) -> Row[Any]:
    query = select(_KEPT).where(_KEPT.c.id == report_id)
    return connection.execute(query.with_for_update() if lock else query).one()


def _change(connection: Connection, report_id: str, now: datetime, **values: Any) -> None:
    """A report that is over stays as it is."""
    mine = update(_KEPT).where(_KEPT.c.id == report_id, _KEPT.c.state == WAITING)
    connection.execute(mine.values(updated_at=now, **values))
