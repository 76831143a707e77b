"""Disputes: a cardholder takes the money back, and the bank decides.

While one is open its credits are set aside, the workspace takes no new holds (unless the operator decided otherwise),
its card and its automatic top-up are stopped. Won, everything returns; lost, the credits are gone, what was used of
them is debt, and a credit note says so. Each opening has set-asides of its own, since a bank may think again.

What is written in the transaction of the paid credits decides; every step before it may be repeated.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from weakref import WeakValueDictionary

from sqlalchemy import Connection, select, update

from app.invoicing.writing import Issued
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, NotFound
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.ledger.wallet import Ledger
from app.payments import claims, dispute_letters, policy, refund_rows, return_rows, rows, saved_card_rows, topup_rows
from app.payments.bookings import Bookings
from app.payments.credit_notes import Back
from app.payments.dispute_rows import new_row
from app.payments.dispute_rules import State, Step, Word, is_known, step, word_of
from app.payments.dispute_turns import Turn, turn_of, turns_of
from app.payments.inbox import Delivery
from app.payments.lifecycle import Event
from app.payments.policy import Policy
from app.payments.return_tables import dispute as disputes
from app.payments.stripe_returns import Credit, DisputeSeen, RefundSeen, StripeReturns
from app.payments.unmatched import Reason, report

FREEZE: Final = "dispute"
BOOKED: Final = (State.OPEN, State.LOST)

log = logging.getLogger(__name__)


class Disputes:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        ledger: Ledger,
        bookings: Bookings,
        provider: StripeReturns,
        told: Callable[[str], None],
        credit: Credit,
    ) -> None:
        self._db, self._clock, self._ledger = db, clock, ledger
        self._bookings, self._provider, self._told = bookings, provider, told
        self._credit = credit
        self._locks: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str], asyncio.Lock] = WeakValueDictionary()
        #: Who else takes money here: answers None for a dispute of a payment that is none of theirs.
        self.elsewhere: Callable[[DisputeSeen], Awaitable[str | None]] | None = None
        #: Follows a refund as it is at the provider.
        self.refunded: Callable[[RefundSeen], Awaitable[str]] | None = None

    async def on_dispute(self, delivery: Delivery) -> str:
        """An event about a dispute: fetched as it is now."""
        return await self.look(delivery.object_id)

    async def look(self, external_id: str) -> str:
        """Fetch a dispute and do what the bank's word does. Any number of times, at once too.

        A payment that was not credited yet is credited first: else the credits would come afterwards, for money that is
        away. So are its refunds: the dispute is about what is left, whichever of them is heard of first.
        """
        seen = await self._provider.see_dispute(external_id)
        dispute_id = await asyncio.to_thread(self._known, seen)
        if dispute_id is None and seen.payment_id is not None:
            await self._credit(seen.payment_id)
            dispute_id = await asyncio.to_thread(self._known, seen)
        if dispute_id is None and self.elsewhere is not None and (said := await self.elsewhere(seen)) is not None:
            return said
        if dispute_id is None:
            return f"{seen.external_id} is of a payment that was not credited here"
        if self.refunded is not None and await asyncio.to_thread(self._state, external_id) not in BOOKED:
            for refund in await self._provider.refunds_of_charge(seen.charge_id):
                await self.refunded(refund)
        return await self._in_turn(dispute_id, external_id)

    async def _in_turn(self, dispute_id: str, external_id: str) -> str:
        """Events about one dispute, and about several of one order, which share what is left of it, wait for each other
        here; other processes are told that it is busy."""
        order = (await asyncio.to_thread(self._turn, dispute_id)).order
        async with self._locks.setdefault((asyncio.get_running_loop(), order.id), asyncio.Lock()):
            return await self._follow(dispute_id, external_id)

    async def _follow(self, dispute_id: str, external_id: str) -> str:
        """Our own state is read first: a word fetched before somebody else's newer one never comes after it."""
        before = await asyncio.to_thread(self._state, external_id)
        seen = await self._provider.see_dispute(external_id)
        turn = await asyncio.to_thread(self._turn, dispute_id)
        if turn.row.state != before:
            raise Conflict(f"{external_id} is being followed from elsewhere.", code="dispute_busy")
        if turn.has_grown and word_of(seen.status) in (Word.OPEN, Word.LOST):
            turn = await self._anew(turn, seen)
        is_won = turn.is_between and word_of(seen.status) is Word.WON
        todo = Step.RELEASE if is_won else step(State(turn.row.state), seen.status)
        log.info("%s is %s: %s", seen.external_id, seen.status, todo)
        await self._do(todo, turn, seen)
        await asyncio.to_thread(self._heard, dispute_id, seen)
        await self._thaw_if_over(dispute_id)
        self._told(turn.order.workspace_id)
        return f"{seen.external_id} {seen.status}: {todo}"

    async def more(self, order_id: str) -> None:
        """A refund of this order was not made after all: what it had kept from a dispute goes with that."""
        for dispute_id, external_id in await asyncio.to_thread(self._grown, order_id):
            await self._in_turn(dispute_id, external_id)  # its refunds are where we come from

    async def _do(self, todo: Step, turn: Turn, seen: DisputeSeen) -> None:
        if todo in (Step.FREEZE, Step.TAKE):
            await self._stop_card(turn, seen)
        if todo is Step.FREEZE:
            await self._freeze(turn, seen)
        elif todo is Step.TAKE:
            if turn.row.state != State.OPEN:
                await self._freeze(turn, seen)
                turn = await asyncio.to_thread(self._turn, turn.row.id)
            await self._take(turn, seen)
        elif todo is Step.RELEASE:
            await self._release(turn, seen)
        elif todo is Step.RESTORE:
            await self._restore(turn, seen)
        elif todo is Step.FLAG:
            await asyncio.to_thread(self._flag, turn, seen)
        elif todo is Step.CLOSE:
            await self._close(turn, seen)

    # --- steps

    async def _freeze(self, turn: Turn, seen: DisputeSeen) -> None:
        """Credits out of the balance, and no new holds."""

        def mark(connection: Connection) -> None:
            now = self._clock()
            moved = self._change(
                connection,
                turn.row.id,
                now,
                states=(State(turn.row.state),),
                state=State.OPEN,
                round=turn.round,
                booked_minor=turn.booked.minor,
                credits_micros=turn.credits.micros,
                closed_at=None,
            )
            if not moved:
                raise Conflict(f"{seen.external_id} moved on meanwhile.", code="dispute_busy")
            if turn.booked:
                dispute_letters.opened(connection, turn)
            rows.move(connection, turn.order.id, Event.DISPUTE, now)
            rows.note(connection, turn.order.id, "dispute_opened", now, dispute=seen.external_id, reason=seen.reason)
            dispute_letters.to_operators(connection, turn, seen)

        actor, turn = rows.SYSTEM, await asyncio.to_thread(self._reserved, turn)
        await self._bookings.aside_rest(turn.order, turn.ref, turn.credits, turn.bonus, reason="dispute", actor=actor)
        faults.point("dispute.after_bonus")
        if (await asyncio.to_thread(self._policy)).dispute_freezes:
            await self._ledger.freeze(turn.order.workspace_id, FREEZE, turn.row.id, actor=actor)
        faults.point("dispute.after_freeze")
        await self._bookings.aside(
            turn.order, turn.ref, turn.credits, reason="dispute", actor=actor, partial=True, mark=mark
        )

    async def _close(self, turn: Turn, seen: DisputeSeen) -> None:
        """Decided for us before it was open here; what an opening that was cut short had set aside returns."""

        def mark(connection: Connection) -> None:
            self._only_state(connection, turn, State.RELEASED, seen)

        await self._bookings.give_back(turn.order, turn.ref, actor=rows.SYSTEM, mark=mark)

    async def _anew(self, turn: Turn, seen: DisputeSeen) -> Turn:
        """More is left for it than when it was booked: that booking is taken back, and the next is of all of it."""

        def mark(connection: Connection) -> None:
            mine = update(disputes).where(
                disputes.c.id == turn.row.id, disputes.c.state == turn.row.state, disputes.c.round == turn.round
            )
            anew = mine.values(state=str(State.RELEASED), booked_minor=0, closed_at=None, updated_at=self._clock())
            if connection.execute(anew).rowcount != 1:
                raise Conflict(f"{seen.external_id} moved on meanwhile.", code="dispute_busy")

        await self._bookings.give_back(turn.order, turn.ref, actor=rows.SYSTEM, mark=mark)
        faults.point("dispute.before_anew")
        return await asyncio.to_thread(self._turn, turn.row.id)

    async def _release(self, turn: Turn, seen: DisputeSeen) -> None:
        """Won, or never disputed after all: everything returns."""

        def mark(connection: Connection) -> None:
            now = self._clock()
            states = (State(turn.row.state),)
            if self._change(connection, turn.row.id, now, states=states, state=State.RELEASED, closed_at=now):
                dispute_letters.won(connection, turn)
                return_rows.settle_order(connection, turn.order.id, now, actor=rows.SYSTEM)
                rows.note(connection, turn.order.id, "dispute_won", now, dispute=seen.external_id, status=seen.status)

        await self._bookings.give_back(turn.order, turn.ref, actor=rows.SYSTEM, mark=mark)

    async def _take(self, turn: Turn, seen: DisputeSeen) -> None:
        """Lost: the credits are gone for good, and what was used of them is debt."""

        def mark(connection: Connection, issued: Sequence[Issued]) -> None:
            now = self._clock()
            moved = self._change(
                connection,
                turn.row.id,
                now,
                states=(State.OPEN,),
                state=State.LOST,
                shortfall_micros=claims.shortfall(connection, turn.order, turn.ref).micros,
                credit_note_id=issued[0].invoice_id if issued else None,
                credit_note_number=issued[0].number if issued else None,
                closed_at=now,
            )
            if moved:
                return_rows.settle_order(connection, turn.order.id, now, actor=rows.SYSTEM)
                rows.note(connection, turn.order.id, "dispute_lost", now, dispute=seen.external_id)

        credit_note = (await asyncio.to_thread(self._policy)).dispute_credit_note
        back = replace(_back(turn, seen), credit_note=credit_note and bool(turn.booked))
        await self._bookings.take_back(turn.order, back, turn.bonus, actor=rows.SYSTEM, mark=mark)

    async def _restore(self, turn: Turn, seen: DisputeSeen) -> None:
        """Lost once, and won after all: the money is here again, so the credits are sold anew."""

        def mark(connection: Connection, journal_id: str | None) -> None:
            now = self._clock()
            known = {"restored_journal_id": journal_id, "booked_minor": 0, "closed_at": now}
            if self._change(connection, turn.row.id, now, states=(State.LOST,), state=State.RESTORED, **known):
                return_rows.settle_order(connection, turn.order.id, now, actor=rows.SYSTEM)
                rows.note(connection, turn.order.id, "dispute_won", now, dispute=seen.external_id, status=seen.status)

        label = t("payments.refund.dispute_label", title=turn.order.title)
        await self._bookings.restore(_back(turn, seen), label=label, actor=rows.SYSTEM, mark=mark)

    async def _stop_card(self, turn: Turn, seen: DisputeSeen) -> None:
        """Whatever charges this customer by itself stops, and so does the card that was disputed."""
        try:
            method_id = await self._provider.method_of_charge(seen.charge_id)
        except NotFound:
            method_id = None
        await asyncio.to_thread(self._stopped, turn, method_id)

    async def _thaw_if_over(self, dispute_id: str) -> None:
        """No longer open: no reason any more to take no holds. A debt is a reason of its own."""
        turn = await asyncio.to_thread(self._turn, dispute_id)
        if turn.row.state == State.OPEN:
            return
        frozen = await asyncio.to_thread(self._ledger.freezes, turn.order.workspace_id)
        if any((one.reason, one.ref) == (FREEZE, dispute_id) for one in frozen):
            await self._ledger.thaw(turn.order.workspace_id, FREEZE, dispute_id, actor=rows.SYSTEM)

    # --- rows

    def _policy(self) -> Policy:
        with self._db.read() as connection:
            return policy.read(connection)

    def _state(self, external_id: str) -> State:
        name = self._provider.door.name
        mine = (disputes.c.provider == name) & (disputes.c.external_id == external_id)
        with self._db.read() as connection:
            found = connection.execute(select(disputes.c.state).where(mine)).scalar()
        return State.NEW if found is None else State(found)

    def _known(self, seen: DisputeSeen) -> str | None:
        """Our row for it, made now if it is new; None when it is about no payment of ours."""
        name, now = self._provider.door.name, self._clock()
        mine = (disputes.c.provider == name) & (disputes.c.external_id == seen.external_id)
        with self._db.write() as connection:
            found = connection.execute(select(disputes.c.id).where(mine)).scalar()
            if found is not None:
                return str(found)
            payment = refund_rows.payment_behind(connection, name, seen.payment_id, seen.charge_id)
            if payment is None:
                return None
            rows.insert_once(connection, disputes, new_row(payment, seen, now), "provider", "external_id")
            return str(connection.execute(select(disputes.c.id).where(mine)).scalar_one())

    def _turn(self, dispute_id: str) -> Turn:
        with self._db.snapshot() as connection:
            return turn_of(connection, dispute_id)

    def _grown(self, order_id: str) -> list[tuple[str, str]]:
        with self._db.snapshot() as connection:
            turns = turns_of(connection, order_id, self._provider.door.name)
        return [(turn.row.id, turn.row.external_id) for turn in turns if turn.has_grown or turn.is_between]

    def _reserved(self, turn: Turn) -> Turn:
        """The turn with what it is about written down before anything is set aside: whoever follows another dispute of
        the order, in another process, counts it as gone."""
        if turn.row.state not in return_rows.DISPUTE_OPENING:
            return turn
        mine = update(disputes).where(disputes.c.id == turn.row.id, disputes.c.state == turn.row.state)
        with self._db.write() as connection:
            return_rows.order_locked(connection, turn.order.id)
            fresh = turn_of(connection, turn.row.id)
            if connection.execute(mine.values(booked_minor=fresh.booked.minor)).rowcount != 1:
                raise Conflict(f"{turn.row.external_id} moved on meanwhile.", code="dispute_busy")
        return fresh

    def _flag(self, turn: Turn, seen: DisputeSeen) -> None:
        with self._db.write() as connection:
            if self._only_state(connection, turn, State.FLAGGED, seen):
                dispute_letters.to_operators(connection, turn, seen)

    def _only_state(self, connection: Connection, turn: Turn, state: State, seen: DisputeSeen) -> bool:
        now = self._clock()
        values = {"state": state, "booked_minor": 0, "closed_at": now if state is State.RELEASED else None}
        moved = self._change(connection, turn.row.id, now, states=(State.NEW, State.FLAGGED), **values)
        if moved:
            rows.note(connection, turn.order.id, f"dispute_{state}", now, dispute=seen.external_id, status=seen.status)
        return moved

    def _heard(self, dispute_id: str, seen: DisputeSeen) -> None:
        """Keep the bank's own word; one that nobody here knows is for the operators."""
        now = self._clock()
        with self._db.write() as connection:
            values = {"status": seen.status, "reason": seen.reason, "due_by": seen.due_by, "updated_at": now}
            mine = update(disputes).where(disputes.c.id == dispute_id)
            connection.execute(mine.values(values))
            if not is_known(seen.status):
                row = connection.execute(select(disputes).where(disputes.c.id == dispute_id)).one()
                report(
                    connection,
                    Reason.DISPUTE_UNKNOWN,
                    provider=row.provider,
                    external_id=seen.external_id,
                    livemode=row.livemode,
                    now=now,
                    amount=Fiat(row.amount_minor, row.currency),
                    order_id=row.order_id,
                    workspace_id=row.workspace_id,
                    status=seen.status,
                )

    def _stopped(self, turn: Turn, method_id: str | None) -> None:
        now, name = self._clock(), self._provider.door.name
        with self._db.write() as connection:
            card = saved_card_rows.by_method(connection, name, method_id) if method_id else None
            if card is not None:
                saved_card_rows.end(connection, card.id, saved_card_rows.BLOCKED, saved_card_rows.DISPUTED, now)
            workspace_id, key = turn.order.workspace_id, turn.ref
            topup_rows.disable(connection, workspace_id, topup_rows.DISPUTED, now, key=key)

    def _change(
        self, connection: Connection, dispute_id: str, now: datetime, *, states: tuple[State, ...], **values: Any
    ) -> bool:
        mine = update(disputes).where(
            disputes.c.id == dispute_id, disputes.c.state.in_([str(state) for state in states])
        )
        plain = {name: str(value) if isinstance(value, State) else value for name, value in values.items()}
        return connection.execute(mine.values(updated_at=now, **plain)).rowcount == 1


def _back(turn: Turn, seen: DisputeSeen) -> Back:
    return Back(
        ref=turn.ref,
        order_id=turn.order.id,
        amount=turn.booked,
        credits=turn.credits,
        source_kind="dispute",
        reason=t("payments.refund.dispute_reason"),
        method=t("payments.refund.method_dispute"),
        reference=seen.external_id,
    )
