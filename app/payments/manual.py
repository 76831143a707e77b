"""Orders paid by bank transfer: asked for by a customer, or agreed upon and written by an operator.

Money is recorded as the bank reports it, in parts if need be. When all of it is there an operator approves, and from a
set amount two of them; the customer's own people never do. What was ordered cannot be edited: reject it and make
another. The credits come exactly once, on the road that card payments take.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from app.invoicing.parties import Bank
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel import events, faults, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, LimitReached, NotFound
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.ledger.operations import Result, ToppedUp
from app.ledger.wallet import Ledger
from app.payments import policy, rows, tables, views
from app.payments.fulfil import after_days, cash, cost_basis, mark_paid
from app.payments.lifecycle import CREDITED, Event, State
from app.payments.manual_rows import (
    LONGEST_REFERENCE,
    approvers,
    by_transfer,
    insert_receipt,
    mail_part,
    may_approve,
    must,
    must_be_paid,
    needed,
    one_by_one,
    proof,
    receipt_row,
    received,
    requested,
    tell_excess,
)
from app.payments.orders import CUSTOM, MANUAL, Choice, Draft, Orders, Sale, by_key, check_key
from app.payments.views import OrderView

LONGEST_NOTE = 300
LONGEST_TITLE = 80
#: Orders by transfer one workspace may place in 24 hours.
MOST_A_DAY = 20


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a customer needs to pay an order: where to, how much, and the words to write on it."""

    bank: Bank
    amount: Fiat
    received: Fiat
    reference: str

    @property
    def missing(self) -> Fiat:
        return self.amount - self.received


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money the bank reported for an order; below zero takes a wrong one back."""

    id: str
    amount: Fiat
    bank_reference: str
    value_date: str
    recorded_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    approved_by: str
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an operator agreed with a customer outside the price list. The price is net."""

    workspace_id: str
    title: str
    credits: Money
    net: Fiat
    bonus: Money = Money(0)  # noqa: RUF009 - a frozen value
    expires_days: int | None = None
    bonus_expires_days: int | None = None


class Manual:
    """`real` says whether money taken here is real; a demo's is not, and its invoices say so."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        orders: Orders,
        ledger: Ledger,
        *,
        real: bool,
        told: Callable[[str], None],
    ) -> None:
        self._db, self._clock, self._orders, self._ledger = db, clock, orders, ledger
        self._real, self._told = real, told

    # --- ordering

    def request(self, choice: Choice) -> OrderView:
        """Order a package by transfer; again under the same key answers the same order.

        `LimitReached` beyond `MOST_A_DAY`: an order costs its customer nothing yet, and operators are told of each.
        """
        since = self._clock() - timedelta(days=1)

        def room(connection: Connection) -> None:
            if requested(connection, choice.workspace_id, since) >= MOST_A_DAY:
                raise LimitReached(
                    f"A workspace can place {MOST_A_DAY} orders by transfer a day: pay or cancel those first.",
                    code="too_many_orders",
                    retry_after_seconds=3600,
                )

        def room_still(connection: Connection) -> None:
            one_by_one(connection, choice.workspace_id)  # orders that come together are counted all the same
            room(connection)

        with self._db.read() as connection:
            rules = policy.read(connection)
            if by_key(connection, choice.workspace_id, choice.key) is None:
                room(connection)
        if not rules.transfers:
            raise Conflict("Orders by bank transfer are not offered here.", code="transfers_off")
        expires = self._clock() + timedelta(days=rules.transfer_days)
        return self._orders.take(choice, MANUAL, self._real, expires, may=room_still).order

    def agree(self, agreement: Agreement, *, actor: str, key: str) -> OrderView:
        """Write an order for what was agreed with a customer, such as the outcome of an enquiry.

        Again under the same key answers the same order; `IdempotencyConflict` when it was used for anything else.
        """
        check_key(key)
        title = " ".join(agreement.title.split())
        if not title or len(title) > LONGEST_TITLE or not title.isprintable():
            raise InvalidInput(f"Name what is sold, in up to {LONGEST_TITLE} characters.", param="title")
        if agreement.credits.micros <= 0 or agreement.bonus.micros < 0:
            raise InvalidInput("Say how many credits are sold, above zero.", param="credits")
        if agreement.net.minor <= 0:
            raise InvalidInput("The price must be above zero.", param="price")
        with self._db.read() as connection:
            days = policy.read(connection).transfer_days
        sale = Sale(
            CUSTOM, title, agreement.credits, agreement.bonus, agreement.expires_days, agreement.bonus_expires_days
        )
        draft = Draft(
            workspace_id=agreement.workspace_id,
            provider=MANUAL,
            livemode=self._real,
            sale=sale,
            tax=self._orders.quote(agreement.workspace_id, agreement.net),
            terms_version_id=None,
            actor=actor,
            key=key,
            expires_at=self._clock() + timedelta(days=days),
            state=State.PENDING,
        )
        return self._orders.write(draft).order

    def transfer(self, order_id: str, workspace_id: str | None = None) -> Transfer:
        """Where the money goes; `NotFound` for another workspace's order and for one paid otherwise."""
        with self._db.read() as connection:
            order = by_transfer(connection, order_id, workspace_id)
            paid = received(connection, order)
        gross = Fiat(order.gross_minor, order.currency)
        return Transfer(TaxSnapshot.from_json(order.tax_snapshot).seller.bank, gross, paid, order.reference)

    def cancel(self, order_id: str, *, workspace_id: str, actor: str) -> OrderView:
        """The customer thinks better of it, before any money came."""
        with self._db.write() as connection:
            order = by_transfer(connection, order_id, workspace_id, lock=True)
            if received(connection, order):
                raise Conflict("Money was received for this order: please contact the operator.", code="money_received")
            must(rows.move(connection, order_id, Event.CANCEL, self._clock(), actor=actor, look_at=None), order)
            return views.find(connection, order_id)

    # --- money

    def record(self, order_id: str, amount: Fiat, *, bank_reference: str, value_date: date, actor: str) -> Receipt:
        """Note money that the bank reports, once per `bank_reference` (the bank's own id of the transfer).

        More than was ordered is reported for an operator to return.
        """
        reference = " ".join(bank_reference.split())
        if not reference or len(reference) > LONGEST_REFERENCE or not reference.isprintable():
            raise InvalidInput("Enter the bank's own reference of this transfer.", param="bank_reference")
        if amount.minor <= 0:
            raise InvalidInput("Enter what was received, above zero.", param="amount")
        with self._db.write() as connection:
            order = by_transfer(connection, order_id, lock=True)
            if amount.currency != order.currency:
                raise InvalidInput(f"This order is in {order.currency}.", param="amount")
            if order.state == State.REJECTED or order.state in CREDITED:
                raise Conflict(
                    f"This order is {order.state}: money that came later is no part of it.", code="wrong_state"
                )
            receipt = receipt_row(order_id, amount, reference, value_date.isoformat(), actor, self._clock())
            insert_receipt(connection, receipt)
            tell_excess(connection, order, receipt["id"], self._clock())
            rows.note(connection, order_id, "received", self._clock(), actor=actor, amount=str(amount), bank=reference)
            mail_part(connection, order, receipt["id"])
        self._told(order.workspace_id)
        return Receipt(receipt["id"], amount, reference, value_date.isoformat(), actor, receipt["created_at"])

    def take_out(self, receipt_id: str, *, reason: str, actor: str) -> None:
        """Take back a receipt that was recorded by mistake, once, while the order is not approved."""
        why = _note(reason, required=True)
        kept = tables.manual_receipt
        with self._db.write() as connection:
            wrong = connection.execute(select(kept).where(kept.c.id == receipt_id)).one_or_none()
            if wrong is None or wrong.amount_minor < 0:
                raise NotFound(f"There is no receipt {receipt_id[:64]}.", code="receipt_not_found")
            order = by_transfer(connection, wrong.order_id, lock=True)
            if order.state in CREDITED:
                raise Conflict("This order was approved on this money: refund it instead.", code="wrong_state")
            back = Fiat(-wrong.amount_minor, wrong.currency)
            named = f"takes back {receipt_id}"
            taken = receipt_row(order.id, back, named, wrong.value_date, actor, self._clock())
            insert_receipt(connection, taken)
            tell_excess(connection, order, taken["id"], self._clock())
            rows.note(connection, order.id, "receipt_taken_back", self._clock(), actor=actor, amount=str(back), why=why)

    # --- deciding

    async def approve(self, order_id: str, *, actor: str, note: str = "") -> OrderView:
        """Approve an order whose money is there. Credits it, unless a second operator has to agree first.

        `NotAllowed` for whoever ordered it and for members of the workspace; `Conflict` "underpaid", "wrong_state".
        """
        order = await asyncio.to_thread(self._approved, order_id, actor, _note(note))
        faults.point("manual.after_approval")
        if order.state in CREDITED or await asyncio.to_thread(self._waits_for_second, order_id):
            return order
        now, row = self._clock(), await asyncio.to_thread(self._row, order_id)
        await self._ledger.top_up(
            row.workspace_id,
            Money(row.credits_micros),
            ref=f"manual:{order_id}",
            label=row.title,
            actor=actor,
            bonus=Money(row.bonus_micros) if row.bonus_micros else None,
            bonus_label=row.title,
            expires_at=after_days(now, row.expires_days),
            bonus_expires_at=after_days(now, row.bonus_expires_days),
            cost_basis=cost_basis(row),
            cash=cash(row, "bank"),
            within=lambda connection, result: self._paid(connection, result, order_id, now),
        )
        self._told(row.workspace_id)
        return await asyncio.to_thread(self._orders.find, order_id)

    def reject(self, order_id: str, *, reason: str, actor: str) -> OrderView:
        """Turn an order down for good. Money that was received is reported to be returned."""
        why = _note(reason, required=True)
        with self._db.write() as connection:
            order = by_transfer(connection, order_id, lock=True)
            now = self._clock()
            moved = rows.move(
                connection, order_id, Event.REJECT, now, actor=actor, failure_code="rejected", failure_message=why,
                look_at=None,
            )  # fmt: skip
            must(moved, order)
            tell_excess(connection, order, order_id, now)
            rows.tell(connection, order, events.TOPUP_FAILED, reason="rejected")
            outbox.mail(
                connection,
                "order_rejected",
                key=f"order_rejected:{order_id}",
                workspace_id=order.workspace_id,
                params={
                    "order": order.reference,
                    "amount": Fiat(order.gross_minor, order.currency),
                    "reason": why,
                },
            )
            found = views.find(connection, order_id)
        self._told(order.workspace_id)
        return found

    # --- reading

    def receipts(self, order_id: str) -> list[Receipt]:
        kept = tables.manual_receipt
        query = select(kept).where(kept.c.order_id == order_id).order_by(kept.c.created_at, kept.c.id)
        with self._db.read() as connection:
            return [
                Receipt(row.id, Fiat(row.amount_minor, row.currency), row.bank_reference, row.value_date,
                        row.recorded_by, row.created_at)
                for row in connection.execute(query)
            ]  # fmt: skip

    def approvals(self, order_id: str) -> list[Approval]:
        kept = tables.manual_approval
        query = select(kept).where(kept.c.order_id == order_id).order_by(kept.c.created_at)
        with self._db.read() as connection:
            return [Approval(row.approved_by, row.note, row.created_at) for row in connection.execute(query)]

    def needed_approvals(self, order_id: str) -> int:
        """How many operators have to approve this order."""
        with self._db.read() as connection:
            return needed(connection, by_transfer(connection, order_id))

    # --- inside

    def _approved(self, order_id: str, actor: str, note: str) -> OrderView:
        """Write the approval down; answers the order as it stands then."""
        with self._db.write() as connection:
            order = by_transfer(connection, order_id, lock=True)
            may_approve(connection, order, actor)
            mine = {"order_id": order_id, "approved_by": actor, "note": note, "created_at": self._clock()}
            if order.state in CREDITED:
                if actor in approvers(connection, order_id):
                    return views.find(connection, order_id)  # the same press again
                raise Conflict("This order was approved before.", code="wrong_state")
            if order.state == State.REJECTED:
                raise Conflict("This order was rejected: make another.", code="wrong_state")
            must_be_paid(connection, order)
            if rows.insert_once(connection, tables.manual_approval, mine, "order_id", "approved_by"):
                rows.note(connection, order_id, "approved", self._clock(), actor=actor, note=note)
            if len(approvers(connection, order_id)) < needed(connection, order):
                rows.move(connection, order_id, Event.PROCESS, self._clock(), actor=actor)
            return views.find(connection, order_id)

    def _waits_for_second(self, order_id: str) -> bool:
        with self._db.read() as connection:
            order = rows.find(connection, order_id)
            return len(approvers(connection, order_id)) < needed(connection, order)

    def _row(self, order_id: str) -> Row[Any]:
        with self._db.read() as connection:
            return rows.find(connection, order_id)

    def _paid(self, connection: Connection, result: Result, order_id: str, now: datetime) -> None:
        """In the ledger's transaction: everything is looked at once more, under its lock."""
        if not isinstance(result, ToppedUp):
            raise TypeError(f"a top-up answered {result!r}")
        order = by_transfer(connection, order_id, lock=True)
        must_be_paid(connection, order)
        if order.state == State.REJECTED:
            raise Conflict("This order was rejected meanwhile.", code="wrong_state")
        faults.point("fulfil.after_credits")
        mark_paid(connection, order_id, proof(connection, order), result, now)
        outbox.mail(
            connection,
            "order_approved",
            key=f"order_approved:{order_id}",
            workspace_id=order.workspace_id,
            params={
                "order": order.reference,
                "credits": Money(order.credits_micros + order.bonus_micros),
                "amount": Fiat(order.gross_minor, order.currency),
            },
        )
        faults.point("fulfil.before_commit")


def _note(text: str, *, required: bool = False) -> str:
    tidy = " ".join(text.split())
    if required and not tidy:
        raise InvalidInput("Please say why.", param="reason")
    if len(tidy) > LONGEST_NOTE or not tidy.isprintable():
        raise InvalidInput(f"At most {LONGEST_NOTE} visible characters.", param="note")
    return tidy
