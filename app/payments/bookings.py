"""Credits and books when money goes back: the same for refunds and disputes.

An order has up to two lots, what was paid for and its bonus; each has a set-aside of its own under the name of the
refund or dispute (`…:bonus`). What decides commits with the paid lot's, which therefore comes last. Every step may be
repeated any number of times.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.invoicing import tables as invoicing
from app.invoicing.compose import DraftLine
from app.invoicing.document import Paid
from app.invoicing.issue import CreditDraft, InvoiceDraft, credited, issue_credit_note, issue_invoice
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import Issued
from app.kernel import faults, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Broken, Conflict
from app.kernel.fiat import Fiat
from app.kernel.money import CREDIT, Money
from app.ledger import asides as set_asides
from app.ledger.journal import Cash
from app.ledger.operations import AsideReason, ToppedUp
from app.ledger.tables import lot
from app.ledger.wallet import Ledger
from app.payments import return_rows, rows
from app.payments.orders import MANUAL
from app.payments.return_rows import BONUS, MORE
from app.payments.tax_reports import promise_anew, promise_back

TRIES: Final = 5
#: Credits that came back after their last day live this long.
AT_LEAST: Final = timedelta(days=30)
OPEN, GIVEN_BACK, TAKEN_BACK = "open", "given_back", "taken_back"

#: Writes down that it happened, in the transaction of the credits.
Mark = Callable[[Connection, Issued | None], None]


@dataclass(frozen=True, slots=True)
class Back:
    """Money that went back: `ref` names it in the ledger, `source_kind` says whether by refund or dispute."""

    ref: str
    order_id: str
    amount: Fiat
    source_kind: str
    reason: str
    method: str
    reference: str
    credit_note: bool = True


class _Moved(Conflict):
    """Another part of the same invoice was credited meanwhile: the figures are to be worked out anew."""


class Bookings:
    def __init__(self, db: Database, clock: Clock, ledger: Ledger) -> None:
        self._db, self._clock, self._ledger = db, clock, ledger

    # --- credits out of the balance

    async def aside(
        self,
        order: Row[Any],
        ref: str,
        credits: Money,
        *,
        reason: AsideReason,
        actor: str,
        partial: bool,
        mark: Callable[[Connection], None],
    ) -> None:
        """Take the paid lot's credits out of the balance, and `mark` with them."""
        if not credits.micros:
            await asyncio.to_thread(self._only, mark)
            return
        await self._ledger.set_aside(
            order.workspace_id,
            ref=ref,
            lot_id=order.lot_id,
            amount=credits,
            reason=reason,
            actor=actor,
            partial=partial,
            within=lambda connection, _: mark(connection),
        )

    async def aside_bonus(self, order: Row[Any], ref: str, bonus: Money, *, reason: AsideReason, actor: str) -> None:
        """What is left of the bonus goes with it; what was used of it is not asked for."""
        if not bonus.micros or order.bonus_lot_id is None:
            return
        await self._ledger.set_aside(
            order.workspace_id,
            ref=ref + BONUS,
            lot_id=order.bonus_lot_id,
            amount=bonus,
            reason=reason,
            actor=actor,
            partial=True,
        )

    # --- and back into it

    async def give_back(self, ref: str, *, actor: str, mark: Callable[[Connection], None]) -> None:
        """The money stays with us: everything set aside returns."""
        for part in (ref + BONUS, ref + MORE):
            if await self._state(part) == OPEN:
                await self._ledger.give_back(part, actor=actor)
        faults.point("returns.between_lots")
        if await self._state(ref) is None:
            await asyncio.to_thread(self._only, mark)
            return
        await self._ledger.give_back(ref, actor=actor, within=lambda connection, _: mark(connection))

    # --- or gone

    async def take_back(self, back: Back, *, actor: str, mark: Mark) -> None:
        """The money went back: the credits are gone, what was used of them is debt, and the credit note says so."""
        if await self._state(back.ref + BONUS) == OPEN:
            await self._ledger.take_back(back.ref + BONUS, shortfall=Money(0), actor=actor)
        faults.point("returns.between_lots")
        await self._take_more(back, actor)
        for _ in range(TRIES):
            figures = await asyncio.to_thread(self._figures, back)
            try:
                await self._take(back, figures, actor, mark)
                return
            except _Moved:
                continue
        raise Broken(f"{back.ref} could not be booked: its invoice is being credited from elsewhere.")

    async def _take_more(self, back: Back, actor: str) -> None:
        """What a hold counted on may be free by now: it goes before anything is debt."""
        aside = await asyncio.to_thread(self._ledger.set_aside_of, back.ref)
        if aside is None or aside.state != OPEN or aside.asked == aside.amount:
            return
        more, missing = back.ref + MORE, aside.asked - aside.amount
        await self._ledger.set_aside(
            aside.workspace_id,
            ref=more,
            lot_id=aside.lot_id,
            amount=missing,
            reason="dispute" if aside.reason == "dispute" else "refund",
            actor=actor,
            partial=True,
        )
        await self._ledger.take_back(more, shortfall=Money(0), actor=actor)

    async def _take(self, back: Back, figures: "_Figures", actor: str, mark: Mark) -> None:
        def within(connection: Connection, _: Any = None) -> None:
            faults.point("returns.after_credits")
            issued = self._credit(connection, back, figures) if back.credit_note else None
            faults.point("returns.after_note")
            mark(connection, issued)
            faults.point("returns.before_commit")

        if figures.aside is None:
            await asyncio.to_thread(self._only, within)
            return
        cash = Cash(figures.account, figures.tax.total_net.money, figures.tax.total_tax.money)
        await self._ledger.take_back(back.ref, shortfall=figures.owed, actor=actor, cash=cash, within=within)

    def _figures(self, back: Back) -> "_Figures":
        """Tax and debt as they would be booked now."""
        with self._db.read() as connection:
            order = rows.find(connection, back.order_id)
            aside = set_asides.set_aside(connection, back.ref)
            done = aside is not None and aside.state == TAKEN_BACK
            owed = aside.shortfall if aside is not None and done else return_rows.owed(connection, back.ref)
            invoice_id, tax = tax_back(connection, order, back.amount)
        return _Figures(None if aside is None else aside.state, owed, invoice_id, tax, account_of(order))

    def _credit(self, connection: Connection, back: Back, figures: "_Figures") -> Issued:
        now, tax = self._clock(), figures.tax
        order = rows.find(connection, back.order_id)
        issued = issue_credit_note(
            connection,
            CreditDraft(
                invoice_id=figures.invoice_id,
                gross=back.amount,
                issued_at=now,
                source_id=back.ref,
                source_kind=back.source_kind,
                reason=back.reason,
                paid=Paid(now.date(), back.method, back.reference),
            ),
        )
        note = _document(connection, issued.invoice_id)
        if (note.net, note.tax) != (tax.total_net.minor, tax.total_tax.minor):
            raise _Moved("The invoice was credited meanwhile.")
        promise_back(connection, order, figures.invoice_id, issued, now)
        _mail_note(connection, order, issued, back.amount, now)
        return issued

    # --- and back after all

    async def restore(
        self,
        back: Back,
        credit_note_id: str | None,
        *,
        label: str,
        actor: str,
        mark: Callable[[Connection, str | None], None],
    ) -> None:
        """Money that had gone back is here again: the credits are sold anew, with an invoice. `mark` is told the
        journal of it."""
        order, paid, bonus, tax, ends = await asyncio.to_thread(self._was, back, credit_note_id)
        if not paid.micros:
            await asyncio.to_thread(self._only, lambda connection: mark(connection, None))
            return

        def within(connection: Connection, result: Any) -> None:
            if not isinstance(result, ToppedUp):
                raise TypeError(f"a top-up answered {result!r}")
            if credit_note_id is not None:
                self._invoice(connection, back, order, tax, label)
            _follow_lot(connection, order, result, back, self._clock())
            mark(connection, result.journal_id)

        await self._ledger.top_up(
            order.workspace_id,
            paid,
            ref=f"{back.ref}:restored",
            label=label,
            actor=actor,
            bonus=bonus if bonus.micros else None,
            bonus_label=label,
            expires_at=ends,
            bonus_expires_at=ends,
            cash=Cash(account_of(order), tax.total_net.money, tax.total_tax.money),
            within=within,
        )

    def _was(
        self, back: Back, credit_note_id: str | None
    ) -> tuple[Row[Any], Money, Money, TaxSnapshot, datetime | None]:
        """What had been taken: credits, bonus, tax, and until when they would have lived."""
        now = self._clock()
        with self._db.read() as connection:
            order = rows.find(connection, back.order_id)
            aside = set_asides.set_aside(connection, back.ref)
            bonus = set_asides.set_aside(connection, back.ref + BONUS)
            if credit_note_id is not None:
                tax = TaxSnapshot.from_json(_document(connection, credit_note_id).tax_snapshot)
            else:
                tax = TaxSnapshot.from_json(order.tax_snapshot).share(back.amount, Fiat.zero(order.currency))
            ends = _ends(connection, order.lot_id)
            more = set_asides.set_aside(connection, back.ref + MORE)
        paid = aside.amount + aside.shortfall if aside else Money(0, CREDIT)
        paid = paid + more.amount if more else paid
        gift = bonus.amount if bonus and bonus.state == TAKEN_BACK else Money(0, CREDIT)
        return order, paid, gift, tax, None if ends is None else max(ends, now + AT_LEAST)

    def _invoice(self, connection: Connection, back: Back, order: Row[Any], tax: TaxSnapshot, label: str) -> Issued:
        now = self._clock()
        issued = issue_invoice(
            connection,
            InvoiceDraft(
                workspace_id=order.workspace_id,
                tax=tax,
                lines=(DraftLine(label, tax.total_net),),
                issued_at=now,
                supplied_at=now,
                source_id=back.ref,
                source_kind=f"{back.source_kind}_restored",
                order_id=order.id,
                order_number=order.reference,
                paid=Paid(now.date(), back.method, back.reference),
                is_test=not order.livemode,
            ),
        )
        promise_anew(connection, order, issued, tax, now)
        return issued

    # --- small ones

    async def _state(self, ref: str) -> str | None:
        found = await asyncio.to_thread(self._ledger.set_aside_of, ref)
        return None if found is None else found.state

    def _only(self, mark: Callable[[Connection], None]) -> None:
        """Nothing of it is in the ledger: write it down all the same."""
        with self._db.write() as connection:
            mark(connection)


@dataclass(frozen=True, slots=True)
class _Figures:
    aside: str | None
    owed: Money
    invoice_id: str
    tax: TaxSnapshot
    account: str


def tax_back(connection: Connection, order: Row[Any], amount: Fiat) -> tuple[str, TaxSnapshot]:
    """The invoice that a credit note over `amount` would refer to, and the part of its tax."""
    invoices = return_rows.invoices_of(connection, order)
    rooms = [(return_rows.open_part(connection, invoice), invoice) for invoice in invoices]
    room, invoice = next(((room, one) for room, one in rooms if room >= amount), rooms[0])
    before = Fiat(credited(connection, invoice.id), order.currency)
    return str(invoice.id), TaxSnapshot.from_json(invoice.tax_snapshot).share(min(amount, room), before)


def account_of(order: Row[Any]) -> str:
    """Through which door the money of an order moves, in the books."""
    return "bank" if order.provider == MANUAL else str(order.provider)


def _document(connection: Connection, invoice_id: str) -> Row[Any]:
    return connection.execute(select(invoicing.invoice).where(invoicing.invoice.c.id == invoice_id)).one()


def _ends(connection: Connection, lot_id: str) -> datetime | None:
    return connection.execute(select(lot.c.expires_at).where(lot.c.id == lot_id)).scalar()


def _follow_lot(connection: Connection, order: Row[Any], result: ToppedUp, back: Back, now: datetime) -> None:
    """When all of an order came back, its credits are the new ones from now on."""
    if back.amount.minor == order.gross_minor:
        rows.change(connection, order.id, now, lot_id=result.lot_id, bonus_lot_id=result.bonus_lot_id)


def _mail_note(connection: Connection, order: Row[Any], issued: Issued, amount: Fiat, now: datetime) -> None:
    outbox.mail(
        connection,
        "credit_note",
        key=f"credit_note:{issued.invoice_id}",
        workspace_id=order.workspace_id,
        params={
            "number": issued.number,
            "amount": amount,
            "issued_on": now.date(),
            "invoice": order.invoice_number,
        },
        attachments=[{"kind": "invoice", "id": issued.invoice_id, "name": f"{issued.number}.pdf"}],
    )
