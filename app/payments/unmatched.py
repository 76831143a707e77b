"""Money, or word of money, that belongs to no order as it should: kept until an operator has dealt with it.

Nothing in here moves money. A case is opened once for what it is about, in the transaction that noticed it, and the
operators are told in the same breath.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.fiat import CURRENCIES, Fiat, from_psp
from app.kernel.ids import new_id
from app.payments import tables
from app.payments.rows import insert_once
from app.payments.verdict import Proof

OPEN, RESOLVED = "open", "resolved"
#: The provider of cases that no provider's word began.
BILLING = "billing"
LONGEST_NOTE = 500


class Reason(StrEnum):
    NO_ORDER = "no_order"  # paid, and no order of ours is named
    OTHER_INSTALL = "other_install"  # made by another Farebox with the same account
    OTHER_PROVIDER = "other_provider"  # an order that is to be paid elsewhere
    OTHER_MODE = "other_mode"  # test money for a live order, or the reverse
    MISMATCH = "mismatch"  # paid, but another amount, currency or customer
    SECOND_PAYMENT = "second_payment"  # the order was paid by another payment already
    BALANCE_FULL = "balance_full"  # paid as ordered, and the balance has no room for the credits
    GIVEN_UP = "given_up"  # an event that could not be applied, however often it was tried
    UNREADABLE = "unreadable"  # the provider said something this version does not understand
    OTHER_VERSION = "other_version"  # an event of another version of the provider's API
    OVERPAID = "overpaid"  # a transfer of more than was ordered
    TO_RETURN = "to_return"  # a transfer for an order that was rejected
    REFUND_FAILED = "refund_failed"  # money that was to go back did not arrive: it has to go another way
    REFUND_DIFFERS = "refund_differs"  # the provider's refund is not the one we asked for
    DISPUTE_UNKNOWN = "dispute_unknown"  # a state of a dispute that this version does not know
    INVOICE_REFUND_FAILED = "invoice_refund_failed"  # what a credit note gives back did not arrive
    INVOICE_REFUND_UNASKED = "invoice_refund_unasked"  # money of an invoice went back without a credit note
    INVOICE_OVERPAID = "invoice_overpaid"  # an invoice was paid again, or by more than was left
    INVOICE_TAKEN_BACK = "invoice_taken_back"  # an invoice that was voided meanwhile was paid all the same
    INVOICE_UNSERVED = "invoice_unserved"  # the first invoice of a subscription that ended before it was paid
    INVOICE_TOO_LARGE = "invoice_too_large"  # a period or an invoice comes to more than an account can hold
    INVOICE_DISPUTED = "invoice_disputed"  # a cardholder takes back what an invoice was paid with


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    provider: str
    external_id: str
    reason: Reason
    detail: Mapping[str, Any]
    amount: Fiat | None
    livemode: bool
    order_id: str | None
    workspace_id: str | None
    is_open: bool
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    created_at: datetime


class Unmatched:
    """The operators' queue."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def open_cases(self, limit: int = 200) -> list[Case]:
        """What waits, the oldest first."""
        kept = tables.unmatched_payment
        query = select(kept).where(kept.c.state == OPEN).order_by(kept.c.created_at, kept.c.id).limit(limit)
        with self._db.read() as connection:
            return [_case(row) for row in connection.execute(query)]

    def all(self, limit: int = 200) -> list[Case]:
        """Dealt with or not, the newest first."""
        kept = tables.unmatched_payment
        query = select(kept).order_by(kept.c.created_at.desc(), kept.c.id.desc()).limit(limit)
        with self._db.read() as connection:
            return [_case(row) for row in connection.execute(query)]

    def count_open(self) -> int:
        kept = tables.unmatched_payment
        with self._db.read() as connection:
            return int(connection.execute(select(func.count()).where(kept.c.state == OPEN)).scalar_one())

    def resolve(self, case_id: str, resolution: str, *, actor: str) -> None:
        """Say what was done about it; `Conflict` when somebody did already."""
        said = " ".join(resolution.split())
        if not said or len(said) > LONGEST_NOTE:
            raise InvalidInput(f"Say what was done, in up to {LONGEST_NOTE} characters.", param="resolution")
        kept = tables.unmatched_payment
        closing = update(kept).where(kept.c.id == case_id, kept.c.state == OPEN)
        with self._db.write() as connection:
            known = connection.execute(select(kept.c.id).where(kept.c.id == case_id)).first()
            if known is None:
                raise NotFound(f"There is no case {case_id[:64]}.", code="case_not_found")
            done = connection.execute(
                closing.values(state=RESOLVED, resolution=said, resolved_by=actor, resolved_at=self._clock())
            )
            if not done.rowcount:
                raise Conflict("This case was dealt with already.", code="already_resolved")


def dealt_with(
    connection: Connection,
    reason: Reason,
    resolution: str,
    *,
    actor: str,
    now: datetime,
    order_id: str | None = None,
    **detail: str,
) -> None:
    """Close the open cases with this reason, of this order and with these details: what they asked for was done."""
    kept = tables.unmatched_payment
    waits = select(kept.c.id, kept.c.detail).where(kept.c.state == OPEN, kept.c.reason == str(reason))
    waits = waits if order_id is None else waits.where(kept.c.order_id == order_id)
    meant = [row.id for row in connection.execute(waits) if detail.items() <= row.detail.items()]
    said = {"resolution": resolution[:LONGEST_NOTE], "resolved_by": actor, "resolved_at": now}
    connection.execute(update(kept).where(kept.c.id.in_(meant)).values(state=RESOLVED, **said))


def report(
    connection: Connection,
    reason: Reason,
    *,
    provider: str,
    external_id: str,
    livemode: bool,
    now: datetime,
    amount: Fiat | None = None,
    order_id: str | None = None,
    workspace_id: str | None = None,
    **detail: Any,
) -> bool:
    """Open a case in the caller's transaction, once, and tell the operators; whether it is new."""
    case_id = new_id("unm")
    row = {
        "id": case_id,
        "provider": provider,
        "external_id": external_id,
        "reason": str(reason),
        "detail": detail,
        "currency": amount.currency if amount else None,
        "amount_minor": amount.minor if amount else None,
        "livemode": livemode,
        "order_id": order_id,
        "workspace_id": workspace_id,
        "state": OPEN,
        "created_at": now,
    }
    if not insert_once(connection, tables.unmatched_payment, row, "provider", "external_id", "reason"):
        return False
    outbox.mail(
        connection,
        "payment_unmatched",
        key=f"unmatched:{case_id}",
        operators=True,
        params={
            "reason": str(reason),
            "provider": provider,
            "payment": external_id,
            "order": order_id,
            "amount": amount,
        },
    )
    return True


def report_proof(connection: Connection, reason: Reason, proof: Proof, now: datetime, **detail: Any) -> bool:
    """Open a case about a payment seen at the provider."""
    return report(
        connection,
        reason,
        provider=proof.provider,
        external_id=proof.payment_id or proof.session_id or "unknown",
        livemode=proof.livemode,
        now=now,
        amount=from_psp(proof.amount, proof.currency) if proof.currency in CURRENCIES else None,
        order_id=proof.order_id,
        workspace_id=proof.workspace_id,
        session=proof.session_id,
        paid=f"{proof.amount} {proof.currency}",
        **detail,
    )


def _case(row: Row[Any]) -> Case:
    return Case(
        id=row.id,
        provider=row.provider,
        external_id=row.external_id,
        reason=Reason(row.reason),
        detail=row.detail,
        amount=None if row.amount_minor is None else Fiat(row.amount_minor, row.currency),
        livemode=row.livemode,
        order_id=row.order_id,
        workspace_id=row.workspace_id,
        is_open=row.state == OPEN,
        resolution=row.resolution,
        resolved_by=row.resolved_by,
        resolved_at=row.resolved_at,
        created_at=row.created_at,
    )
