"""The provider's own list of payments and refunds against ours.

A payment that was not credited, a refund or a dispute that nobody told of goes the normal road, which judges it like
any other. Amounts are never touched: what still differs from what we wrote down is told, and that is all.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, or_, select

from app.invoicing import tables as invoicing
from app.invoicing.document import Kind
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound, ProviderError, Rejected
from app.kernel.fiat import CURRENCIES, Fiat, from_psp
from app.payments import tables
from app.payments.cashier import Cashier
from app.payments.dispute_rules import State as Dispute
from app.payments.fulfil import Done, Fulfilment, Outcome
from app.payments.lifecycle import CREDITED, LAPSED, State
from app.payments.orders import AUTO_TOPUP
from app.payments.refund_rows import OPEN as OPEN_REFUNDS
from app.payments.return_rows import RESTORED
from app.payments.return_tables import dispute, refund
from app.payments.stripe_client import StripeDoor
from app.payments.stripe_listing import SeenPayment, SeenRefund, StripeListing
from app.payments.stripe_returns import DisputeSeen
from app.payments.unmatched import OPEN
from app.payments.verdict import Progress, Proof
from app.payments.worker import Worker
from app.reconcile import bills, odd
from app.reconcile.findings import Code, Difference

STALE: Final = timedelta(minutes=35)  # a page lives 31 minutes
GRACE: Final = timedelta(minutes=5)
UNKNOWN_FOR: Final = timedelta(hours=1)
PROCESSING_FOR: Final = timedelta(days=15)  # the slowest bank debit
BEGUN_BEFORE: Final = timedelta(days=1)  # a payment is begun when its page is opened
REFUND_SETTLES: Final = timedelta(minutes=10)
REFUND_TAKES: Final = timedelta(days=14)  # a card's is there within ten days, a transfer within three
MOST_LOOKS: Final = 500
SUCCEEDED: Final = "succeeded"

log = logging.getLogger(__name__)

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
        cashier: Cashier,
    ) -> None:
        self._db, self._clock, self._worker, self._fulfilment = db, clock, worker, fulfilment
        self._listing, self._cashier = listing, cashier

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
        return len(stale), await asyncio.to_thread(self._after_looks, [order.id for order in stale])

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

    def _after_looks(self, order_ids: list[str]) -> list[Difference]:
        query = select(tables.payment_order).where(_order.id.in_(order_ids)).order_by(_order.created_at)
        with self._db.read() as connection:
            return list(odd.each(odd.ORDER, connection.execute(query), self._after_look))

    def _after_look(self, order: Row[Any]) -> Iterator[Difference]:
        state, now = State(order.state), self._clock()
        facts = {"state": str(state), "amount": str(Fiat(order.gross_minor, order.currency))}
        if state in CREDITED:
            yield Difference(Code.PAYMENT_NOT_CREDITED, order.id, facts, order.id, order.workspace_id, healed=True)
        elif state not in LAPSED and _is_stuck(order, state, now):
            yield Difference(Code.ORDER_STUCK, order.id, facts, order.id, order.workspace_id)

    # --- payments

    async def payments(self, since: datetime) -> tuple[int, list[Difference]]:
        """Succeeded payments since then: credited where that is provably right, compared with ours otherwise."""
        seen: set[str] = set()
        found: list[Difference] = []
        async for page in self._listing.payments(since - BEGUN_BEFORE):
            for payment in page:
                seen.add(payment.payment_id)
                found += await odd.looked_at("payment", None, payment.payment_id, self._compare(payment))
        for ours in await asyncio.to_thread(self._ours, since):
            if ours.external_id not in seen:
                found += await odd.looked_at("payment", ours, ours.external_id, self._look_up(ours))
        for bill in await asyncio.to_thread(self._bills, since):
            if bill.intent_id not in seen:
                found += await odd.looked_at("billing_payment", bill, bill.intent_id, self._look_up_bill(bill))
        return len(seen), found

    async def _compare(self, seen: SeenPayment) -> list[Difference]:
        ours = await asyncio.to_thread(self._known, seen.payment_id)
        if seen.proof is None:
            said = {"outcome": seen.problem}
            return [Difference(Code.PAYMENT_DIFFERS, seen.payment_id, said, ours.order_id if ours else None)]
        if ours is not None:
            return _differences(ours, seen.proof)
        if (bill := await asyncio.to_thread(self._bill, seen.payment_id)) is not None:
            return bills.differences(bill, seen.proof)
        try:
            outcome = await self._fulfilment.apply(seen.proof)
        except Rejected as refused:
            outcome = Outcome(Done.NOTHING, seen.proof.order_id, refused.message)
        healed = await asyncio.to_thread(self._is_known, seen.payment_id)
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

    async def _look_up_bill(self, bill: Row[Any]) -> list[Difference]:
        try:
            return bills.differences(bill, await self._door.intent(bill.intent_id))
        except NotFound:
            return [bills.about(Code.PAYMENT_NOT_AT_PROVIDER, bill, amount=str(Fiat(bill.amount, bill.currency)))]

    def _bill(self, payment_id: str) -> Row[Any] | None:
        with self._db.read() as connection:
            return bills.known(connection, self._door.name, payment_id)

    def _bills(self, since: datetime) -> Sequence[Row[Any]]:
        with self._db.read() as connection:
            return bills.collected(connection, self._door.name, self._door.livemode, since)

    def _is_known(self, payment_id: str) -> bool:
        return self._known(payment_id) is not None or self._bill(payment_id) is not None

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
        found = list[Difference]()
        for payment_id in sorted(about):
            ours = await asyncio.to_thread(self._known, payment_id)
            if ours is not None:
                found += await odd.looked_at("payment", ours, payment_id, self._compare_refunds(ours))
            elif (bill := await asyncio.to_thread(self._bill, payment_id)) is not None:
                found += await odd.looked_at("billing_payment", bill, payment_id, self._compare_bill_refunds(bill))
        return count, found

    async def _compare_refunds(self, ours: Row[Any]) -> list[Difference]:
        """A refund that no event told of goes the road of those that were told of: by its own id, booked once."""
        try:
            at_provider = await self._listing.refunds_of(ours.external_id)
        except NotFound:
            return [_about(Code.PAYMENT_NOT_AT_PROVIDER, ours, amount=str(Fiat(ours.amount_minor, ours.currency)))]
        refunded = from_psp(_sum([one for one in at_provider if one.status == SUCCEEDED]), ours.currency)
        noted = await asyncio.to_thread(self._noted, ours.order_id, ours.currency)
        if refunded == noted:
            known = {one.refund_id for one in at_provider}
            return await asyncio.to_thread(self._refunds_elsewhere, ours, known)
        for one in at_provider:
            await self._follow(self._cashier.refunds.road.look(one.refund_id))
        after = await asyncio.to_thread(self._noted, ours.order_id, ours.currency)
        code = Code.REFUND_NOT_BOOKED if refunded > noted else Code.CREDIT_NOTE_WITHOUT_REFUND
        found = _about(code, ours, refunded=str(refunded), credited=str(noted))
        return [found.as_healed() if refunded == after else found]

    def _refunds_elsewhere(self, ours: Row[Any], known: set[str]) -> list[Difference]:
        """Refunds of ours under an id that the provider has not for this payment."""
        query = select(refund).where(
            refund.c.payment_id == ours.id, refund.c.state == SUCCEEDED, refund.c.external_id.not_in(known)
        )
        with self._db.read() as connection:
            found = connection.execute(query.order_by(refund.c.created_at)).all()
        return [_of_return(Code.REFUND_NOT_AT_PROVIDER, row, row.external_id) for row in found]

    async def _compare_bill_refunds(self, bill: Row[Any]) -> list[Difference]:
        """The same of an invoice's payment, against what its credit notes gave back there."""
        try:
            at_provider = await self._listing.refunds_of(bill.intent_id)
        except NotFound:
            return [bills.about(Code.PAYMENT_NOT_AT_PROVIDER, bill, amount=str(Fiat(bill.amount, bill.currency)))]
        refunded = from_psp(_sum([one for one in at_provider if one.status == SUCCEEDED]), bill.currency)
        noted = await asyncio.to_thread(self._given_back, bill)
        if refunded == noted:
            return []
        for one in at_provider:
            await self._follow(self._cashier.refunds.road.look(one.refund_id))
        code = Code.REFUND_NOT_BOOKED if refunded > noted else Code.CREDIT_NOTE_WITHOUT_REFUND
        found = bills.about(code, bill, refunded=str(refunded), credited=str(noted))
        return [found.as_healed() if refunded == await asyncio.to_thread(self._given_back, bill) else found]

    def _given_back(self, bill: Row[Any]) -> Fiat:
        with self._db.read() as connection:
            return bills.given_back(connection, bill)

    async def _follow(self, looking: Coroutine[Any, Any, str]) -> None:
        """What cannot be done now is told as a difference; the others are looked at all the same."""
        try:
            await looking
        except (ProviderError, Rejected) as refused:
            log.warning("not followed: %s", refused)

    # --- disputes

    async def disputes(self, since: datetime) -> tuple[int, list[Difference]]:
        """Disputes at the provider against ours, and ours that are open against the provider's present word."""
        seen = {one.external_id: one async for page in self._listing.disputes(since) for one in page}
        found = list[Difference]()
        for ours in await asyncio.to_thread(self._open_disputes):
            if ours.external_id in seen:
                continue
            try:
                seen[ours.external_id] = await self._listing.dispute(ours.external_id)
            except NotFound:
                found += odd.one(
                    "dispute", ours, lambda row: [_of_return(Code.DISPUTE_NOT_AT_PROVIDER, row, row.external_id)]
                )
        for word in seen.values():
            found += await odd.looked_at("dispute", None, word.external_id, self._compare_dispute(word))
        return len(seen), found

    async def _compare_dispute(self, seen: DisputeSeen) -> list[Difference]:
        ours = await asyncio.to_thread(self._known, seen.payment_id or "")
        if ours is None or await asyncio.to_thread(self._word, seen.external_id) == seen.status:
            return []
        before = await asyncio.to_thread(self._word, seen.external_id)
        if self._cashier.dispute_road is not None:
            await self._follow(self._cashier.dispute_road.look(seen.external_id))
        after = await asyncio.to_thread(self._word, seen.external_id)
        facts = {"state": seen.status, "booked": before or "–"}
        healed = after == seen.status
        return [Difference(Code.DISPUTE_NOT_BOOKED, seen.external_id, facts, ours.order_id, ours.workspace_id, healed)]

    def _open_disputes(self) -> Sequence[Row[Any]]:
        still = dispute.c.state.in_([str(state) for state in (Dispute.NEW, Dispute.FLAGGED, Dispute.OPEN)])
        here = (dispute.c.provider == self._door.name) & (dispute.c.livemode == self._door.livemode)
        with self._db.read() as connection:
            return connection.execute(select(dispute).where(still, here)).all()

    def _word(self, external_id: str) -> str | None:
        """The provider's word about a dispute as we know it."""
        query = select(dispute.c.status).where(
            dispute.c.provider == self._door.name, dispute.c.external_id == external_id
        )
        with self._db.read() as connection:
            return connection.execute(query).scalar()

    def _credited_back(self, since: datetime) -> set[str]:
        """The provider's payments behind the credit notes of this time."""
        query = (
            select(_payment.external_id)
            .join(invoicing.invoice, _invoice.order_id == _payment.order_id)
            .where(*_REFUND_NOTE, _invoice.issued_at >= since)
            .where(_payment.provider == self._door.name, _payment.livemode == self._door.livemode)
        )
        with self._db.read() as connection:
            paid = set(connection.execute(query).scalars())
            return paid | bills.refunded(connection, self._door.name, self._door.livemode, since)

    def _noted(self, order_id: str, currency: str) -> Fiat:
        """What was credited for refunds; one that came back from the bank was sold anew, and its note stays."""
        query = (
            select(func.coalesce(func.sum(_invoice.gross), 0))
            .outerjoin(refund, and_(refund.c.order_id == _invoice.order_id, _is_of(refund.c.id)))
            .where(*_REFUND_NOTE, _invoice.order_id == order_id, func.coalesce(refund.c.state, "") != RESTORED)
        )
        with self._db.read() as connection:
            return Fiat(int(connection.execute(query).scalar_one()), currency)


def stuck_refunds(connection: Connection, now: datetime) -> Iterator[Difference]:
    """Refunds that nobody ends: their credits are set aside meanwhile."""
    query = select(refund).where(refund.c.state.in_(OPEN_REFUNDS), refund.c.created_at < now - REFUND_TAKES)
    stuck = connection.execute(query.order_by(refund.c.created_at))
    yield from odd.each("refund", stuck, lambda row: [_of_return(Code.REFUND_STUCK, row, row.id)])


def _is_of(refund_id: Any) -> Any:
    """A refund has a note for each invoice that it gave back of."""
    return or_(_invoice.source_id == refund_id, _invoice.source_id.like(refund_id + ":%"))


_REFUND_NOTE: Final = (_invoice.kind == Kind.CREDIT_NOTE, _invoice.source_kind == "refund")


def unmatched(connection: Connection) -> Iterator[Difference]:
    """Money without an order that nobody has decided about."""
    kept = tables.unmatched_payment
    query = select(kept).where(kept.c.state == OPEN).order_by(kept.c.created_at, kept.c.id)
    yield from odd.each(kept.name, connection.execute(query), _waits)


def _waits(row: Row[Any]) -> Iterator[Difference]:
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


def _of_return(code: Code, row: Row[Any], subject: str) -> Difference:
    """About a refund or a dispute."""
    facts = {"amount": str(Fiat(row.amount_minor, row.currency)), "state": row.state, "provider": row.provider}
    return Difference(code, subject, facts, row.order_id, row.workspace_id)


def _about(code: Code, ours: Row[Any], **facts: str) -> Difference:
    return Difference(code, ours.external_id, facts, ours.order_id, ours.workspace_id)


def _amount(proof: Proof) -> str:
    if proof.currency not in CURRENCIES:
        return f"{proof.amount} {proof.currency}"
    return str(from_psp(proof.amount, proof.currency))


def _sum(refunds: list[SeenRefund]) -> int:
    return sum(one.amount for one in refunds)
