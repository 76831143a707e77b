"""The provider's own list of payments and refunds against ours.

A payment that was not credited goes the normal road, which judges it like any other. Amounts are never touched: a
payment or a refund that differs from what we wrote down is told, and that is all.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from app.invoicing import tables as invoicing
from app.invoicing.document import Kind
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound
from app.kernel.fiat import CURRENCIES, Fiat, from_psp
from app.payments import tables
from app.payments.fulfil import Done, Fulfilment
from app.payments.lifecycle import CREDITED, LAPSED, State
from app.payments.orders import AUTO_TOPUP
from app.payments.return_rows import RESTORED
from app.payments.return_tables import refund
from app.payments.stripe_client import StripeDoor
from app.payments.stripe_listing import SeenPayment, SeenRefund, StripeListing
from app.payments.unmatched import OPEN
from app.payments.verdict import Progress, Proof
from app.payments.worker import Worker
from app.reconcile.findings import Code, Difference

STALE: Final = timedelta(minutes=35)  # a page lives 31 minutes
GRACE: Final = timedelta(minutes=5)
UNKNOWN_FOR: Final = timedelta(hours=1)
PROCESSING_FOR: Final = timedelta(days=15)  # the slowest bank debit
BEGUN_BEFORE: Final = timedelta(days=1)  # a payment is begun when its page is opened
REFUND_SETTLES: Final = timedelta(minutes=10)
MOST_LOOKS: Final = 500
SUCCEEDED: Final = "succeeded"

_order, _payment, _invoice = tables.payment_order.c, tables.payment.c, invoicing.invoice.c


class Provider:
    """One account at the provider, compared with our orders and payments."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        worker: Worker,
        fulfilment: Fulfilment,
        listing: StripeListing,
    ) -> None:
        self._db, self._clock, self._worker, self._fulfilment = db, clock, worker, fulfilment
        self._listing = listing

    @property
    def _door(self) -> StripeDoor:
        return self._listing.door

    # --- orders nobody has heard of

    async def look(self, *, thorough: bool) -> tuple[int, list[Difference]]:
        """Ask about open orders older than a page lives; those that turned out to be paid are credited on the way."""
        stale = await asyncio.to_thread(self._stale, thorough)
        for order in stale:
            if order.kind != AUTO_TOPUP:  # those have no page, and their own look at the charge
                await self._worker.look(order)
        found = [await asyncio.to_thread(self._after_look, order.id) for order in stale]
        return len(stale), [difference for difference in found if difference is not None]

    def _stale(self, thorough: bool) -> Sequence[Row[Any]]:
        states = [State.DRAFT, State.PENDING, State.UNKNOWN, *([State.PROCESSING] if thorough else [])]
        query = select(tables.payment_order).where(
            _order.provider == self._door.name,
            _order.livemode == self._door.livemode,
            _order.state.in_([str(state) for state in states]),
            _order.created_at < self._clock() - STALE,
        )
        with self._db.read() as connection:
            return connection.execute(query.order_by(_order.created_at).limit(MOST_LOOKS)).all()

    def _after_look(self, order_id: str) -> Difference | None:
        with self._db.read() as connection:
            order = connection.execute(select(tables.payment_order).where(_order.id == order_id)).one()
        state, now = State(order.state), self._clock()
        facts = {"state": str(state), "amount": str(Fiat(order.gross_minor, order.currency))}
        if state in CREDITED:
            return Difference(Code.PAYMENT_NOT_CREDITED, order.id, facts, order.id, order.workspace_id, healed=True)
        if state in LAPSED or not _is_stuck(order, state, now):
            return None
        return Difference(Code.ORDER_STUCK, order.id, facts, order.id, order.workspace_id)

    # --- payments

    async def payments(self, since: datetime) -> tuple[int, list[Difference]]:
        """Succeeded payments since then: credited where that is provably right, compared with ours otherwise."""
        seen: set[str] = set()
        found: list[Difference] = []
        async for page in self._listing.payments(since - BEGUN_BEFORE):
            for payment in page:
                seen.add(payment.payment_id)
                found += await self._compare(payment)
        for ours in await asyncio.to_thread(self._ours, since):
            if ours.external_id not in seen:
                found += await self._look_up(ours)
        return len(seen), found

    async def _compare(self, seen: SeenPayment) -> list[Difference]:
        ours = await asyncio.to_thread(self._known, seen.payment_id)
        if seen.proof is None:
            said = {"outcome": seen.problem}
            return [Difference(Code.PAYMENT_DIFFERS, seen.payment_id, said, ours.order_id if ours else None)]
        if ours is not None:
            return _differences(ours, seen.proof)
        outcome = await self._fulfilment.apply(seen.proof)
        healed = await asyncio.to_thread(self._known, seen.payment_id) is not None
        if outcome.done is Done.UNMATCHED or (outcome.done is Done.MISMATCH and not healed):
            return []  # it waits in the operators' queue, and is told from there
        facts = {"amount": _amount(seen.proof), "outcome": f"{outcome.done} {outcome.detail}".strip()}
        return [
            Difference(
                Code.PAYMENT_NOT_CREDITED, seen.payment_id, facts, seen.proof.order_id, seen.proof.workspace_id, healed
            )
        ]

    async def _look_up(self, ours: Row[Any]) -> list[Difference]:
        """A payment of ours that was not in the list: begun long before, or not there at all."""
        try:
            return _differences(ours, await self._door.intent(ours.external_id))
        except NotFound:
            return [_about(Code.PAYMENT_NOT_AT_PROVIDER, ours, amount=str(Fiat(ours.amount_minor, ours.currency)))]

    def _known(self, payment_id: str) -> Row[Any] | None:
        query = select(tables.payment).where(_payment.provider == self._door.name, _payment.external_id == payment_id)
        with self._db.read() as connection:
            return connection.execute(query).one_or_none()

    def _ours(self, since: datetime) -> Sequence[Row[Any]]:
        query = select(tables.payment).where(
            _payment.provider == self._door.name,
            _payment.livemode == self._door.livemode,
            _payment.created_at >= since,
        )
        with self._db.read() as connection:
            return connection.execute(query).all()

    # --- refunds

    async def refunds(self, since: datetime) -> tuple[int, list[Difference]]:
        """Money that went back at the provider against our credit notes, both ways."""
        count, about = 0, set[str]()
        settled = int((self._clock() - REFUND_SETTLES).timestamp())
        async for page in self._listing.refunds(since):
            count += len(page)
            about |= {one.payment_id for one in page if one.payment_id and one.created_at <= settled}
        about |= await asyncio.to_thread(self._credited_back, since)
        found = []
        for payment_id in sorted(about):
            ours = await asyncio.to_thread(self._known, payment_id)
            if ours is not None:
                found += await self._compare_refunds(ours)
        return count, found

    async def _compare_refunds(self, ours: Row[Any]) -> list[Difference]:
        back = _sum([one for one in await self._listing.refunds_of(ours.external_id) if one.status == SUCCEEDED])
        noted = await asyncio.to_thread(self._noted, ours.order_id, ours.currency)
        refunded = from_psp(back, ours.currency)
        if refunded == noted:
            return []
        code = Code.REFUND_NOT_BOOKED if refunded > noted else Code.CREDIT_NOTE_WITHOUT_REFUND
        return [_about(code, ours, refunded=str(refunded), credited=str(noted))]

    def _credited_back(self, since: datetime) -> set[str]:
        """The provider's payments behind the credit notes of this time."""
        query = (
            select(_payment.external_id)
            .join(invoicing.invoice, _invoice.order_id == _payment.order_id)
            .where(*_REFUND_NOTE, _invoice.issued_at >= since, _payment.provider == self._door.name)
        )
        with self._db.read() as connection:
            return set(connection.execute(query).scalars())

    def _noted(self, order_id: str, currency: str) -> Fiat:
        """What was credited for refunds; one that came back from the bank was sold anew, and its note stays."""
        query = (
            select(func.coalesce(func.sum(_invoice.gross), 0))
            .outerjoin(refund, refund.c.id == _invoice.source_id)
            .where(*_REFUND_NOTE, _invoice.order_id == order_id, func.coalesce(refund.c.state, "") != RESTORED)
        )
        with self._db.read() as connection:
            return Fiat(int(connection.execute(query).scalar_one()), currency)


_REFUND_NOTE: Final = (_invoice.kind == Kind.CREDIT_NOTE, _invoice.source_kind == "refund")


def unmatched(connection: Connection) -> Iterator[Difference]:
    """Money without an order that nobody has decided about."""
    kept = tables.unmatched_payment
    query = select(kept).where(kept.c.state == OPEN).order_by(kept.c.created_at, kept.c.id)
    for row in connection.execute(query):
        amount = None if row.amount_minor is None else str(Fiat(row.amount_minor, row.currency))
        facts = {"reason": row.reason, "provider": row.provider, "amount": amount, "case": row.id}
        told = {name: value for name, value in facts.items() if value}
        yield Difference(Code.MONEY_UNMATCHED, row.external_id, told, row.order_id, row.workspace_id)


def _is_stuck(order: Row[Any], state: State, now: datetime) -> bool:
    """Whether it is open for longer than it may be."""
    if state is State.PROCESSING:
        return bool(order.created_at + PROCESSING_FOR < now)
    if state is State.UNKNOWN:
        return bool(order.updated_at + UNKNOWN_FOR < now)
    return bool((order.expires_at or order.created_at + STALE) + GRACE < now)


def _differences(ours: Row[Any], proof: Proof) -> list[Difference]:
    """A payment we credited, as the provider shows it now."""
    booked = Fiat(ours.amount_minor, ours.currency)
    told = _amount(proof)
    same = told == str(booked) and proof.progress is Progress.PAID and proof.livemode == ours.livemode
    mine = proof.order_id == ours.order_id and proof.workspace_id == ours.workspace_id
    if same and mine:
        return []
    facts = {"booked": str(booked), "paid": told, "state": str(proof.progress), "order": proof.order_id or "–"}
    return [_about(Code.PAYMENT_DIFFERS, ours, **facts)]


def _about(code: Code, ours: Row[Any], **facts: str) -> Difference:
    return Difference(code, ours.external_id, facts, ours.order_id, ours.workspace_id)


def _amount(proof: Proof) -> str:
    if proof.currency not in CURRENCIES:
        return f"{proof.amount} {proof.currency}"
    return str(from_psp(proof.amount, proof.currency))


def _sum(refunds: list[SeenRefund]) -> int:
    return sum(one.amount for one in refunds)
