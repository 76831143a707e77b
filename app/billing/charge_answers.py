"""What the provider says of a payment by card, done to its invoice: paid, on its way, over, or not this payment at all.

A charge's answer, a webhook and a later look bring the same proof, any number of times and at once too.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from app.billing import card_rows, invoices, payments
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound
from app.kernel.fiat import Fiat
from app.payments.fulfil import Done, Outcome
from app.payments.topup_rows import CHARGE_FAILED
from app.payments.unmatched import Reason, report, report_proof
from app.payments.verdict import Expected, Judgement, Progress, Proof, Verdict, judge
from app.payments.waiting import BANK_LOOK


class Charged(NamedTuple):
    """A payment of an invoice and its charge at the provider."""

    payment: Row[Any]
    charge: Row[Any]


class ChargeAnswers:
    """`link(invoice_id)` is where a mail leads whose reader pays it themselves; `told(workspace_id)` is called when
    something changed that a page may be showing."""

    def __init__(self, db: Database, clock: Clock, link: Callable[[str], str], told: Callable[[str], None]) -> None:
        self._db, self._clock, self._link, self._told = db, clock, link, told

    async def apply(self, proof: Proof) -> Outcome | None:
        """Do what this payment, as it stands at the provider, does to its invoice. Any number of times, at once too.
        None when it is not of an invoice."""
        both = await asyncio.to_thread(self._both, proof.order_id)
        if both is None:
            return None
        expected = Expected(
            order_id=both.payment.id,
            workspace_id=await asyncio.to_thread(self._workspace, both.payment),
            provider=both.charge.provider,
            gross=card_rows.amount_of(both.payment),
            livemode=both.charge.livemode,
            customer_id=both.charge.customer_id,
        )
        outcome = await asyncio.to_thread(self._do, both.payment.id, proof, judge(expected, proof))
        faults.point("bill.after_commit")
        if outcome.done is not Done.WAITING:
            self._told(expected.workspace_id)
        return outcome

    def _do(self, payment_id: str, proof: Proof, judged: Judgement) -> Outcome:
        with self._db.write() as connection:
            payment, row = payments.locked(connection, payment_id)
            charge = card_rows.find(connection, payment_id)
            if charge is None:
                raise NotFound(f"There is no charge of {payment_id}.", code="charge_not_found")
            if judged.verdict is Verdict.CREDIT:
                return self._paid(connection, Charged(payment, charge), row, proof)
            if judged.verdict in (Verdict.MISMATCH, Verdict.FOREIGN):
                return self._mismatch(connection, charge, proof, judged)
            return self._unpaid(connection, charge, proof, judged.verdict)

    def _unpaid(self, connection: Connection, charge: Row[Any], proof: Proof, verdict: Verdict) -> Outcome:
        payment_id, now = charge.payment_id, self._clock()
        if charge.state not in card_rows.UNDER_WAY:
            return Outcome(Done.NOTHING, detail=f"{payment_id} is over")
        if verdict is Verdict.PROCESSING:
            payments.process(connection, payment_id, now=now)
            known = {"state": card_rows.PROCESSING, "intent_id": proof.payment_id}
            card_rows.mark(connection, payment_id, now, look_at=now + BANK_LOOK, **known)
            return Outcome(Done.PROCESSING, detail=payment_id)
        if charge.way == card_rows.PAGE and verdict is Verdict.EXPIRED:
            card_rows.ended(connection, charge, "expired", now, state=card_rows.EXPIRED, again=None)
            return Outcome(Done.EXPIRED, detail=payment_id)
        if charge.way == card_rows.PAGE and proof.session_id and verdict is Verdict.FAILED:
            code, link = proof.failure_code or CHARGE_FAILED, self._link(charge.invoice_id)
            card_rows.declined(connection, charge, code, now, link=link, intent_id=proof.payment_id)
            return Outcome(Done.FAILED, detail=payment_id)
        return Outcome(Done.WAITING, detail=proof.failure_code or "")

    def _paid(self, connection: Connection, both: Charged, row: Row[Any], proof: Proof) -> Outcome:
        """The money is here. For what was called off meanwhile, or is more than was left, an operator is told."""
        now, (payment, charge) = self._clock(), both
        if payment.state == payments.SUCCEEDED:
            if charge.intent_id == proof.payment_id:
                return Outcome(Done.ALREADY, detail=payment.id)
            report_proof(connection, Reason.SECOND_PAYMENT, proof, now, invoice=row.number)
            return Outcome(Done.UNMATCHED, detail=str(Reason.SECOND_PAYMENT))
        if row.state != invoices.FINALIZED:
            report_proof(connection, Reason.INVOICE_TAKEN_BACK, proof, now, invoice=row.number)
            self._leave_to_operator(connection, charge, now)
            return Outcome(Done.UNMATCHED, detail=str(Reason.INVOICE_TAKEN_BACK))
        payments.succeed(connection, payment.id, now=now, reference=proof.payment_id)
        faults.point("bill.after_payment_row")
        done = {"state": card_rows.DONE, "intent_id": proof.payment_id, "look_at": None, "code": None}
        card_rows.mark(connection, payment.id, now, **done)
        paid = invoices.find(connection, row.id)
        if (surplus := paid.paid + paid.adjusted - paid.total) > 0:
            self._tell_surplus(connection, paid, proof, Fiat(min(surplus, payment.amount), row.currency))
        faults.point("bill.before_commit")
        return Outcome(Done.CREDITED, detail=payment.id)

    def _tell_surplus(self, connection: Connection, row: Row[Any], proof: Proof, surplus: Fiat) -> None:
        report(
            connection,
            Reason.INVOICE_OVERPAID,
            provider=proof.provider,
            external_id=proof.payment_id or row.id,
            livemode=proof.livemode,
            now=self._clock(),
            amount=surplus,
            workspace_id=row.workspace_id,
            invoice=row.number,
        )

    def _mismatch(self, connection: Connection, charge: Row[Any], proof: Proof, judged: Judgement) -> Outcome:
        """Something was paid that is not this payment: an operator looks, and nothing more is charged until then."""
        now, problems = self._clock(), list(judged.problems)
        if proof.progress is not Progress.PAID:
            return Outcome(Done.NOTHING, detail="; ".join(problems))
        report_proof(connection, Reason.MISMATCH, proof, now, problems=problems)
        if judged.verdict is Verdict.MISMATCH:
            self._leave_to_operator(connection, charge, now)
        return Outcome(Done.MISMATCH, detail="; ".join(problems))

    def _leave_to_operator(self, connection: Connection, charge: Row[Any], now: datetime) -> None:
        """It is looked at no more: the case that was opened stands, and who closes it says how the payment ended."""
        if charge.state in card_rows.UNDER_WAY:
            payments.process(connection, charge.payment_id, now=now)
            card_rows.mark(connection, charge.payment_id, now, state=card_rows.MISMATCH, look_at=None)

    def _both(self, payment_id: str | None) -> Charged | None:
        with self._db.read() as connection:
            charge = card_rows.find(connection, payment_id or "")
            return None if charge is None else Charged(payments.find(connection, charge.payment_id), charge)

    def _workspace(self, payment: Row[Any]) -> str:
        with self._db.read() as connection:
            return str(invoices.find(connection, payment.invoice_id).workspace_id)
