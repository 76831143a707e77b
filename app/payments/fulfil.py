"""Fulfilment: the one road from a payment to credits.

A webhook, the job that looks after open orders, the answer to an off-session charge and an operator's "look again" all
come here with nothing but the name of an object at the provider. It is fetched, judged (`verdict.py`) and applied.
Credits, the order, the payment, the invoice and the mail commit together or not at all, once for each payment: the
payment's own id is the ledger's reference.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from app.invoicing.profiles import note_evidence
from app.invoicing.writing import Issued
from app.kernel import events, faults, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id
from app.kernel.money import USD, Money
from app.kernel.text import t
from app.ledger.journal import Cash
from app.ledger.operations import Result, ToppedUp
from app.ledger.wallet import Ledger
from app.payments import customers, rows, tables, topup_rows
from app.payments.checkout import COMPLETE, EXPIRED, last_attempt
from app.payments.invoices import issue_for
from app.payments.lifecycle import CREDITED, Event, State
from app.payments.orders import AUTO_TOPUP, MANUAL, outlives_page
from app.payments.unmatched import Reason, dealt_with, report_proof
from app.payments.verdict import Expected, Judgement, Progress, Proof, Verdict, judge
from app.payments.views import of_row
from app.payments.waiting import BANK_LOOK

#: The ledger's refusal of more credits than a balance holds.
BALANCE_FULL = "balance_full"

log = logging.getLogger(__name__)


class Done(StrEnum):
    """What came of a look."""

    CREDITED = "credited"
    ALREADY = "already"
    WAITING = "waiting"
    PROCESSING = "processing"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    MISMATCH = "mismatch"
    UNMATCHED = "unmatched"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Outcome:
    done: Done
    order_id: str | None = None
    detail: str = ""


class SecondPayment(Conflict):
    """The order was paid by another payment already; this one's credits are not booked."""

    code = "second_payment"


class Fulfilment:
    """`told(workspace_id)` is called after something changed that a page may be showing."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ledger: Ledger,
        *,
        install: Callable[[], str],
        told: Callable[[str], None],
    ) -> None:
        self._db, self._clock, self._ledger, self._told = db, clock, ledger, told
        self._install = install
        #: Who else takes money here: answers None for a payment that is none of theirs.
        self.elsewhere: Callable[[Proof], Awaitable[Outcome | None]] | None = None

    async def apply(self, proof: Proof) -> Outcome:
        """Do what this payment, as it stands at the provider, does to its order. Any number of times, at once too."""
        order, customer_id = await asyncio.to_thread(self._order_of, proof)
        if order is None and self.elsewhere is not None and proof.install == self._install():
            outcome = await self.elsewhere(proof)
            if outcome is not None:
                return outcome
        if order is None or proof.install != self._install():
            return await asyncio.to_thread(self._without_order, proof, order is None)
        judged = judge(expected(order, customer_id), proof)
        if judged.verdict is Verdict.CREDIT:
            return await self._credit(order, proof)
        outcome = await asyncio.to_thread(self._advance, order, proof, judged)
        if outcome.done is not Done.WAITING:
            self._told(order.workspace_id)
        return outcome

    def _order_of(self, proof: Proof) -> tuple[Row[Any] | None, str | None]:
        """By what we wrote on the payment, and the customer it must come from.

        The customer was written down before any page was asked for, the order's copy of it possibly never.
        """
        with self._db.read() as connection:
            order = rows.peek(connection, proof.order_id) if proof.order_id else None
            if order is None:
                return None, None
            known = customers.known(connection, order.provider, order.workspace_id, livemode=order.livemode)
            return order, order.customer_id or known

    def _without_order(self, proof: Proof, unknown: bool) -> Outcome:
        """Money of nobody's is kept for an operator; word of no money is not worth their time."""
        if not _is_money(proof):
            return Outcome(Done.NOTHING, detail="not ours and not paid")
        reason = Reason.NO_ORDER if unknown else Reason.OTHER_INSTALL
        with self._db.write() as connection:
            report_proof(connection, reason, proof, self._clock(), install=proof.install)
        log.warning("%s %s is paid and has no order here (%s)", proof.provider, proof.payment_id, reason)
        return Outcome(Done.UNMATCHED, detail=str(reason))

    # --- paid

    async def _credit(self, order: Row[Any], proof: Proof) -> Outcome:
        """Book the credits, and in the same transaction everything that says so."""
        now = self._clock()
        payment_id = proof.payment_id or ""
        try:
            booked = await self._ledger.top_up(
                order.workspace_id,
                Money(order.credits_micros),
                ref=payment_id,
                label=order.title,
                actor=rows.SYSTEM,
                bonus=Money(order.bonus_micros) if order.bonus_micros else None,
                bonus_label=order.title,
                expires_at=after_days(now, order.expires_days),
                bonus_expires_at=after_days(now, order.bonus_expires_days),
                cost_basis=cost_basis(order),
                cash=cash(order, proof.provider),
                within=lambda connection, result: self._paid(connection, result, order.id, proof, now),
            )
        except SecondPayment as second:
            return await asyncio.to_thread(self._second_payment, order, proof, second.message)
        except InvalidInput as refused:
            if refused.stable_code != BALANCE_FULL:
                raise
            return await asyncio.to_thread(self._no_room, order, proof, refused.message)
        faults.point("fulfil.after_commit")
        self._told(order.workspace_id)
        return Outcome(Done.ALREADY if booked.already else Done.CREDITED, order.id, payment_id)

    def _paid(self, connection: Connection, result: Result, order_id: str, proof: Proof, now: datetime) -> None:
        """Runs in the ledger's transaction, after the credits were written."""
        if not isinstance(result, ToppedUp):
            raise TypeError(f"a top-up answered {result!r}")
        faults.point("fulfil.after_credits")
        if rows.find(connection, order_id).failure_code == BALANCE_FULL:
            said = t("payments.case.booked")
            payment = proof.payment_id or ""
            dealt_with(connection, Reason.BALANCE_FULL, said, actor=rows.SYSTEM, now=now, payment=payment)
        mark_paid(connection, order_id, proof, result, now)
        faults.point("fulfil.before_commit")

    def _no_room(self, order: Row[Any], proof: Proof, why: str) -> Outcome:
        """Paid as ordered, and the credits cannot be booked yet: the order waits, and an operator makes room."""
        now = self._clock()
        with self._db.write() as connection:
            if report_proof(connection, Reason.BALANCE_FULL, proof, now, payment=proof.payment_id, why=why):
                rows.note(connection, order.id, "balance_full", now, payment=proof.payment_id)
            waits: dict[str, Any] = {
                "failure_code": BALANCE_FULL,
                "failure_message": why,
                "look_at": now + BANK_LOOK,
            }
            if not rows.move(connection, order.id, Event.PROCESS, now, **waits):
                rows.change(connection, order.id, now, **waits)
        log.warning("%s is paid by %s and not credited: %s", order.id, proof.payment_id, why)
        return Outcome(Done.PROCESSING, order.id, BALANCE_FULL)

    def _second_payment(self, order: Row[Any], proof: Proof, why: str) -> Outcome:
        with self._db.write() as connection:
            new = report_proof(connection, Reason.SECOND_PAYMENT, proof, self._clock(), why=why)
            if new:
                rows.note(connection, order.id, "second_payment", self._clock(), payment=proof.payment_id)
        log.warning("%s was paid again by %s: to be refunded", order.id, proof.payment_id)
        return Outcome(Done.UNMATCHED, order.id, str(Reason.SECOND_PAYMENT))

    # --- not paid, or not as ordered

    def _advance(self, order: Row[Any], proof: Proof, judged: Judgement) -> Outcome:
        with self._db.write() as connection:
            if judged.verdict is Verdict.FOREIGN:
                return self._foreign(connection, order, proof, judged)
            if judged.verdict is Verdict.MISMATCH:
                return self._mismatch(connection, order, proof, judged)
            return self._unpaid(connection, order, proof, judged.verdict)

    def _foreign(self, connection: Connection, order: Row[Any], proof: Proof, judged: Judgement) -> Outcome:
        """It names an order that it cannot be for; the order is not touched."""
        if _is_money(proof):
            reason = Reason.OTHER_PROVIDER if proof.provider != order.provider else Reason.OTHER_MODE
            report_proof(connection, reason, proof, self._clock(), problems=list(judged.problems))
        return Outcome(Done.UNMATCHED, order.id, "; ".join(judged.problems))

    def _mismatch(self, connection: Connection, order: Row[Any], proof: Proof, judged: Judgement) -> Outcome:
        now = self._clock()
        if known_payment(connection, proof) is not None:
            return Outcome(Done.ALREADY, order.id, "credited before")
        problems = list(judged.problems)
        if report_proof(connection, Reason.MISMATCH, proof, now, problems=problems):
            said = "; ".join(problems)
            rows.note(connection, order.id, "mismatch_seen", now, payment=proof.payment_id, problems=said)
        rows.move(connection, order.id, Event.MISMATCH, now, failure_code="mismatch", look_at=None)
        return Outcome(Done.MISMATCH, order.id, "; ".join(problems))

    def _unpaid(self, connection: Connection, order: Row[Any], proof: Proof, verdict: Verdict) -> Outcome:
        """Only the order's newest page speaks for it: an older one that ran out says nothing."""
        now = self._clock()
        page = last_attempt(connection, order.id)
        stale = bool(page and proof.session_id and page.session_id and page.session_id != proof.session_id)
        if verdict is Verdict.WAIT or stale or State(order.state) in CREDITED:
            return Outcome(Done.WAITING, order.id)
        if page is not None and verdict in {Verdict.EXPIRED, Verdict.PROCESSING, Verdict.FAILED}:
            _close_page(connection, page.id, EXPIRED if verdict is Verdict.EXPIRED else COMPLETE)
        if verdict is Verdict.CANCELED and order.kind == AUTO_TOPUP:
            return Outcome(Done.WAITING, order.id, "a charge that was given up")  # whoever gave it up moves the order
        if verdict is Verdict.EXPIRED and outlives_page(order, now):
            return Outcome(Done.WAITING, order.id, "its owner may open another page")
        event, done = _UNPAID[verdict]
        if verdict in {Verdict.FAILED, Verdict.CANCELED} and proof.session_id is None and page is not None:
            # A charge that failed on an open page: the customer may try again there. The page says when it is over.
            rows.note(connection, order.id, "attempt_failed", now, failure_code=proof.failure_code)
            return Outcome(Done.WAITING, order.id, proof.failure_code or "")
        moved = rows.move(
            connection,
            order.id,
            event,
            now,
            look_at=now + BANK_LOOK if verdict is Verdict.PROCESSING else None,
            failure_code=proof.failure_code if verdict is Verdict.FAILED else None,
            failure_message=proof.failure_message if verdict is Verdict.FAILED else None,
        )
        if moved and verdict is Verdict.FAILED:
            _mail_failed(connection, order, proof)
        return Outcome(done if moved else Done.NOTHING, order.id)


_UNPAID = {
    Verdict.PROCESSING: (Event.PROCESS, Done.PROCESSING),
    Verdict.FAILED: (Event.FAIL, Done.FAILED),
    Verdict.CANCELED: (Event.CANCEL, Done.CANCELED),
    Verdict.EXPIRED: (Event.EXPIRE, Done.EXPIRED),
}


def expected(order: Row[Any], customer_id: str | None) -> Expected:
    """What a payment must agree with."""
    return Expected(
        order_id=order.id,
        workspace_id=order.workspace_id,
        provider=order.provider,
        gross=Fiat(order.gross_minor, order.currency),
        livemode=order.livemode,
        customer_id=customer_id,
    )


def mark_paid(connection: Connection, order_id: str, proof: Proof, booked: ToppedUp, now: datetime) -> None:
    """The order is paid by this payment: its row, the payment, the invoice and the mail, in the caller's transaction.

    `SecondPayment` when it was paid by another one before.
    """
    payment_id = new_id("pay")
    moved = rows.move(
        connection,
        order_id,
        Event.PAY,
        now,
        paid_at=now,
        payment_id=payment_id,
        journal_id=booked.journal_id,
        lot_id=booked.lot_id,
        bonus_lot_id=booked.bonus_lot_id,
        failure_code=None,
        failure_message=None,
        look_at=None,
    )
    order = rows.find(connection, order_id)
    if not moved:
        raise SecondPayment(f"{order_id} is {order.state}: it was paid before.")
    connection.execute(
        tables.payment.insert().values(
            id=payment_id,
            order_id=order_id,
            workspace_id=order.workspace_id,
            provider=proof.provider,
            external_id=proof.payment_id,
            charge_id=proof.charge_id,
            currency=order.currency,
            amount_minor=order.gross_minor,
            livemode=order.livemode,
            method=proof.method or "other",
            card=proof.card,
            card_country=proof.card_country,
            created_at=now,
        )
    )
    faults.point("fulfil.after_order")
    if proof.card_country:
        note_evidence(connection, order.workspace_id, "card_country", proof.card_country, now)
    if proof.session_id:
        kept = tables.checkout_session
        connection.execute(update(kept).where(kept.c.session_id == proof.session_id).values(state=COMPLETE))
    issued = issue_for(connection, of_row(order), *_words_of(proof), now)
    rows.change(connection, order_id, now, invoice_id=issued.invoice_id, invoice_number=issued.number)
    faults.point("fulfil.after_invoice")
    _mail_paid(connection, order, issued, now)
    rows.tell(connection, rows.find(connection, order_id), events.TOPUP_SUCCEEDED)
    if order.kind == AUTO_TOPUP:
        topup_rows.succeeded(connection, order, now)


def known_payment(connection: Connection, proof: Proof) -> Row[Any] | None:
    """The payment, if it was credited before."""
    kept = tables.payment
    query = select(kept).where(kept.c.provider == proof.provider, kept.c.external_id == proof.payment_id)
    return connection.execute(query).one_or_none()


def cost_basis(order: Row[Any]) -> Money | None:
    """What the lot cost, known only where the order was paid in the currency costs are kept in."""
    return Fiat(order.net_minor, order.currency).money if order.currency == USD else None


def cash(order: Row[Any], account: str) -> Cash:
    """The same sale in the books of money."""
    return Cash(account, Fiat(order.net_minor, order.currency).money, Fiat(order.tax_minor, order.currency).money)


def _is_money(proof: Proof) -> bool:
    """Whether the provider says that this was paid, whoever it is for."""
    return proof.progress is Progress.PAID


def after_days(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)


def _close_page(connection: Connection, page_id: str, state: str) -> None:
    kept = tables.checkout_session
    connection.execute(update(kept).where(kept.c.id == page_id).values(state=state))


def _mail_paid(connection: Connection, order: Row[Any], issued: Issued, now: datetime) -> None:
    outbox.mail(
        connection,
        "invoice",
        key=f"invoice:{issued.invoice_id}",
        workspace_id=order.workspace_id,
        params={
            "number": issued.number,
            "issued_on": now.date(),
            "order": order.reference,
            "credits": Money(order.credits_micros + order.bonus_micros),
            "amount": Fiat(order.gross_minor, order.currency),
        },
        attachments=[{"kind": "invoice", "id": issued.invoice_id, "name": f"{issued.number}.pdf"}],
    )


def _mail_failed(connection: Connection, order: Row[Any], proof: Proof) -> None:
    attempt = proof.payment_id or proof.session_id or ""
    rows.tell(connection, order, events.TOPUP_FAILED, reason=proof.failure_code or "charge_failed", attempt=attempt)
    outbox.mail(
        connection,
        "payment_failed",
        key=f"payment_failed:{order.id}:{proof.payment_id or proof.session_id}",
        workspace_id=order.workspace_id,
        params={
            "order": order.reference,
            "amount": Fiat(order.gross_minor, order.currency),
            "reason": proof.failure_code or "charge_failed",
        },
    )


def _words_of(proof: Proof) -> tuple[str, str]:
    """How it was paid, as the invoice prints it."""
    if proof.provider == MANUAL:
        return t("payments.method.transfer"), proof.charge_id or ""
    known = proof.method == "card"
    method = t("payments.method.card" if known else "payments.method.other")
    return f"{method} {proof.card or ''}".strip(), proof.payment_id or ""
