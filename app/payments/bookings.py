"""Credits and books when money goes back: the same for refunds and disputes.

What was paid for and its bonus are claimed apart (`…:bonus`), each of one lot or of several (`claims.py`). What decides
commits with the first share of the paid lots, which therefore comes last. Every step may be repeated any number of
times.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import Issued
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Broken
from app.kernel.fiat import Fiat
from app.kernel.money import CREDIT, Money
from app.ledger import asides as set_asides
from app.ledger.asides import AsideView
from app.ledger.operations import AsideReason, ToppedUp
from app.ledger.tables import lot
from app.ledger.wallet import Ledger
from app.payments import claims, return_rows, rows
from app.payments.claims import BONUS, MORE, Share
from app.payments.credit_notes import Back, Moved, Part, cash_of, issue_anew, issue_notes, notes_of, parts_back

TRIES: Final = 5
#: Credits that came back after their last day live this long.
AT_LEAST: Final = timedelta(days=30)
OPEN, TAKEN_BACK = "open", "taken_back"

#: Writes down that it happened, in the transaction of the credits.
Mark = Callable[[Connection, Sequence[Issued]], None]


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
        """Take the first share of the paid lots out of the balance, and `mark` with it."""
        first = next((part for part in await self._shares(order, ref, credits) if part.ref == ref), None)
        if first is None:
            await asyncio.to_thread(self._only, mark)
            return
        await self._set_aside(order, first, reason, actor, partial=partial, mark=mark)

    async def aside_rest(
        self, order: Row[Any], ref: str, credits: Money, bonus: Money, *, reason: AsideReason, actor: str
    ) -> None:
        """The other shares, and what is left of the bonus; what was used of that is not asked for."""
        for part in await self._shares(order, ref, credits):
            if part.ref != ref:
                await self._set_aside(order, part, reason, actor)
        for part in await self._shares(order, ref + BONUS, bonus, is_bonus=True):
            await self._set_aside(order, part, reason, actor)

    async def _set_aside(
        self,
        order: Row[Any],
        part: Share,
        reason: AsideReason,
        actor: str,
        *,
        partial: bool = True,
        mark: Callable[[Connection], None] | None = None,
    ) -> None:
        await self._ledger.set_aside(
            order.workspace_id,
            ref=part.ref,
            lot_id=part.lot_id,
            amount=part.asked,
            reason=reason,
            actor=actor,
            partial=partial,
            within=None if mark is None else lambda connection, _: mark(connection),
        )

    # --- and back into it

    async def give_back(self, order: Row[Any], ref: str, *, actor: str, mark: Callable[[Connection], None]) -> None:
        """The money stays with us: everything set aside returns."""
        held = await asyncio.to_thread(self._held, order, ref)
        for part in held:
            if part.ref != ref and part.state == OPEN:
                await self._ledger.give_back(part.ref, actor=actor)
        faults.point("returns.between_lots")
        if not any(part.ref == ref for part in held):
            await asyncio.to_thread(self._only, mark)
            return
        await self._ledger.give_back(ref, actor=actor, within=lambda connection, _: mark(connection))

    # --- or gone

    async def take_back(self, order: Row[Any], back: Back, bonus: Money, *, actor: str, mark: Mark) -> None:
        """The money went back: the credits are gone, what was used of them is debt, and credit notes say so."""
        reason: AsideReason = "dispute" if back.source_kind == "dispute" else "refund"
        await self.aside_rest(order, back.ref, back.credits, bonus, reason=reason, actor=actor)
        for gift in await asyncio.to_thread(self._made, order, back.ref, bonus=True):
            if gift.state == OPEN:
                await self._ledger.take_back(gift.ref, shortfall=Money(0), actor=actor)
        faults.point("returns.between_lots")
        for part in await asyncio.to_thread(self._made, order, back.ref):
            await self._take_more(part, actor)
            if part.ref != back.ref and part.state == OPEN:
                owed = await asyncio.to_thread(self._owed, part.ref)
                await self._ledger.take_back(part.ref, shortfall=owed, actor=actor)
                faults.point("returns.between_shares")
        for _ in range(TRIES):
            figures = await asyncio.to_thread(self._figures, back)
            try:
                await self._take(back, figures, actor, mark)
                return
            except Moved:
                continue
        raise Broken(f"{back.ref} could not be booked: its invoice is being credited from elsewhere.")

    async def _take_more(self, part: AsideView, actor: str) -> None:
        """What a hold counted on may be free by now: it goes before anything is debt."""
        if part.state != OPEN or part.asked == part.amount:
            return
        more = part.ref + MORE
        await self._ledger.set_aside(
            part.workspace_id,
            ref=more,
            lot_id=part.lot_id,
            amount=part.asked - part.amount,
            reason="dispute" if part.reason == "dispute" else "refund",
            actor=actor,
            partial=True,
        )
        await self._ledger.take_back(more, shortfall=Money(0), actor=actor)

    async def _take(self, back: Back, figures: "_Figures", actor: str, mark: Mark) -> None:
        def within(connection: Connection, _: Any = None) -> None:
            faults.point("returns.after_credits")
            order = rows.find(connection, back.order_id)
            issued = issue_notes(connection, order, back, figures.parts, self._clock()) if back.credit_note else []
            faults.point("returns.after_note")
            mark(connection, issued)
            faults.point("returns.before_commit")

        if figures.aside is None:
            await asyncio.to_thread(self._only, within)
            return
        cash = cash_of(figures.order, [part.tax for part in figures.parts])
        await self._ledger.take_back(back.ref, shortfall=figures.owed, actor=actor, cash=cash, within=within)

    def _figures(self, back: Back) -> "_Figures":
        """Tax and debt as they would be booked now."""
        with self._db.snapshot() as connection:
            order = rows.find(connection, back.order_id)
            aside = set_asides.set_aside(connection, back.ref)
            done = aside is not None and aside.state == TAKEN_BACK
            owed = aside.shortfall if aside is not None and done else return_rows.owed(connection, back.ref)
            return _Figures(aside, owed, order, parts_back(connection, order, back.amount))

    # --- and back after all

    async def restore(
        self, back: Back, *, label: str, actor: str, mark: Callable[[Connection, str | None], None]
    ) -> None:
        """Money that had gone back is here again: the credits are sold anew, with an invoice. `mark` is told the
        journal of it."""
        was = await asyncio.to_thread(self._was, back)
        if not was.paid.micros:
            await asyncio.to_thread(self._only, lambda connection: mark(connection, None))
            return

        def within(connection: Connection, result: Any) -> None:
            if not isinstance(result, ToppedUp):
                raise TypeError(f"a top-up answered {result!r}")
            now = self._clock()
            if was.noted:
                issue_anew(connection, was.order, back, was.taxes, label, now)
            _follow_lot(connection, was.order, result, back, now)
            mark(connection, result.journal_id)

        await self._ledger.top_up(
            was.order.workspace_id,
            was.paid,
            ref=f"{back.ref}:restored",
            label=label,
            actor=actor,
            bonus=was.bonus if was.bonus.micros else None,
            bonus_label=label,
            expires_at=was.ends,
            bonus_expires_at=was.ends,
            cash=cash_of(was.order, was.taxes),
            within=within,
        )

    def _was(self, back: Back) -> "_Was":
        """What had been taken: credits, bonus, tax, and until when they would have lived."""
        now, nothing = self._clock(), Money(0, CREDIT)
        with self._db.snapshot() as connection:
            order = rows.find(connection, back.order_id)
            lots = claims.lots_of(connection, order)
            parts = claims.made(connection, lots.paid, back.ref)
            more = set_asides.named(connection, [part.ref + MORE for part in parts])
            gifts = claims.made(connection, lots.bonus, back.ref + BONUS)
            notes = notes_of(connection, order.id, back.source_kind, back.ref)
            taxes = [TaxSnapshot.from_json(note.tax_snapshot) for note in notes]
            if not notes:
                taxes = [TaxSnapshot.from_json(order.tax_snapshot).share(back.amount, Fiat.zero(order.currency))]
            ends = _ends(connection, order.lot_id)
        paid = sum((part.amount + part.shortfall for part in parts), nothing)
        paid = sum((part.amount for part in more), paid)
        gift = sum((part.amount for part in gifts if part.state == TAKEN_BACK), nothing)
        return _Was(order, paid, gift, taxes, bool(notes), None if ends is None else max(ends, now + AT_LEAST))

    # --- small ones

    async def _shares(self, order: Row[Any], ref: str, credits: Money, *, is_bonus: bool = False) -> list[Share]:
        return await asyncio.to_thread(self._read_shares, order, ref, credits, is_bonus)

    def _read_shares(self, order: Row[Any], ref: str, credits: Money, is_bonus: bool) -> list[Share]:
        with self._db.snapshot() as connection:
            lots = claims.lots_of(connection, order)
            return claims.shares(connection, lots.bonus if is_bonus else lots.paid, ref, credits)

    def _made(self, order: Row[Any], ref: str, *, bonus: bool = False) -> list[AsideView]:
        """The shares of it that the ledger knows."""
        with self._db.read() as connection:
            lots = claims.lots_of(connection, order)
            if bonus:
                return claims.made(connection, lots.bonus, ref + BONUS)
            return claims.made(connection, lots.paid, ref)

    def _held(self, order: Row[Any], ref: str) -> list[AsideView]:
        """Everything that was set aside for it."""
        with self._db.snapshot() as connection:
            lots = claims.lots_of(connection, order)
            made = claims.made(connection, lots.paid, ref)
            more = set_asides.named(connection, [part.ref + MORE for part in made])
            return [*claims.made(connection, lots.bonus, ref + BONUS), *more, *made]

    def _owed(self, ref: str) -> Money:
        with self._db.read() as connection:
            return return_rows.owed(connection, ref)

    def _only(self, mark: Callable[[Connection], None]) -> None:
        """Nothing of it is in the ledger: write it down all the same."""
        with self._db.write() as connection:
            mark(connection)


@dataclass(frozen=True, slots=True)
class _Figures:
    aside: AsideView | None
    owed: Money
    order: Row[Any]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Was:
    order: Row[Any]
    paid: Money
    bonus: Money
    taxes: list[TaxSnapshot]
    noted: bool  # whether credit notes said that it went back
    ends: datetime | None


def _ends(connection: Connection, lot_id: str) -> datetime | None:
    return connection.execute(select(lot.c.expires_at).where(lot.c.id == lot_id)).scalar()


def _follow_lot(connection: Connection, order: Row[Any], result: ToppedUp, back: Back, now: datetime) -> None:
    """When all of an order came back, its credits are the new ones from now on."""
    if back.amount.minor == order.gross_minor:
        rows.change(connection, order.id, now, lot_id=result.lot_id, bonus_lot_id=result.bonus_lot_id)
