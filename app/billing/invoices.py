"""Invoices of the billing engine as rows: kept as drafts, worked out again, finalised, voided. In the caller's
transaction.

Finalising numbers a document (`app/invoicing`) in the same transaction, once: what is asked twice, or was cut off in
between, finds what was done. What a finalised invoice says never changes; credit notes and payments stand beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.billing import (
    documents,
    drafts,
    invoice_lines,
    mailing,
    paying_in_credits,
    period_events,
    subscriptions,
    tables,
)
from app.billing.drafts import Built
from app.billing.rating import Draft
from app.billing.wanted import Wanted
from app.kernel import faults
from app.kernel.errors import Broken, Conflict, NotFound
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id

INVOICE, LINE = tables.billing_invoice, tables.billing_invoice_line
DRAFT, FINALIZED, VOIDED, SKIPPED = "DRAFT", "FINALIZED", "VOIDED", "SKIPPED"
PENDING, SUCCEEDED, FAILED, PROCESSING = "PENDING", "SUCCEEDED", "FAILED", "PROCESSING"
REFUNDED, PARTIALLY_REFUNDED, OVERPAID = "REFUNDED", "PARTIALLY_REFUNDED", "OVERPAID"
SUBSCRIPTION, ONE_OFF, CREDIT = "SUBSCRIPTION", "ONE_OFF", "CREDIT"
#: How long a draft waits for what comes in late before it is finalised by itself.
LATE_WINDOW: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What an invoice is for. `source` names it: there is never a second one of the same."""

    customer_id: str
    workspace_id: str
    currency: str
    source: str
    kind: str
    reason: str
    subscription_id: str | None = None
    description: str = ""
    due_at: datetime | None = None
    credit_micros: int = 0
    manual: bool = False
    meta: Mapping[str, str] | None = None

    @classmethod
    def of(cls, subscription: Row[Any], what: str, reason: str) -> Self:
        """For this of a subscription."""
        return cls(
            customer_id=subscription.customer_id,
            workspace_id=subscription.workspace_id,
            currency=subscription.currency,
            source=f"{subscription.id}:{what}",
            kind=SUBSCRIPTION,
            reason=reason,
            subscription_id=subscription.id,
        )


def draw_up(
    connection: Connection,
    subscription: Row[Any],
    what: str,
    reason: str,
    wanted: Wanted,
    *,
    actor: str,
    now: datetime,
) -> Row[Any]:
    """Work out what is wanted of a subscription and store it as a draft, or answer the one that was drawn up for the
    same `what`."""
    built = drafts.build(connection, subscription, wanted, now=now)
    return keep(connection, Head.of(subscription, what, reason), built, actor=actor, now=now)


def keep(connection: Connection, head: Head, built: Built, *, actor: str, now: datetime) -> Row[Any]:
    """Store a draft, or answer the one that is there for the same source."""
    draft, invoice_id = built.draft, new_id("inv")
    row = {
        "id": invoice_id,
        "customer_id": head.customer_id,
        "workspace_id": head.workspace_id,
        "subscription_id": head.subscription_id,
        "source": head.source,
        "kind": head.kind,
        "state": DRAFT,
        "payment_state": PENDING,
        "reason": head.reason,
        "description": head.description,
        "currency": draft.currency,
        "period_start": draft.span.start,
        "period_end": draft.span.end,
        **_sums(draft),
        "paid": 0,
        "adjusted": 0,
        "refunded": 0,
        "credit_micros": head.credit_micros,
        "computed": _kept(built),
        "due_at": head.due_at,
        "manual": head.manual,
        "meta": dict(head.meta or {}),
        "version": 1,
        "created_at": now,
        "created_by": actor,
        "updated_at": now,
    }
    once = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    made = connection.execute(once(INVOICE).values(**row).on_conflict_do_nothing().returning(INVOICE.c.id)).scalar()
    if made is None:
        return by_source(connection, head.source)
    faults.point("period.after_invoice")
    invoice_lines.write(connection, invoice_id, draft, now)
    kept = find(connection, invoice_id)
    period_events.invoice_is(connection, "invoice.create.drafted", kept, key=f"invoice.create.drafted:{invoice_id}")
    return kept


def recompute(connection: Connection, row: Row[Any], built: Built, *, now: datetime) -> Row[Any]:
    """A draft takes over new figures; `row` was read under its lock."""
    require_draft(row)
    connection.execute(delete(LINE).where(LINE.c.invoice_id == row.id))
    invoice_lines.write(connection, row.id, built.draft, now)
    return change(connection, row, now, **_sums(built.draft), computed=_kept(built))


def finalize(connection: Connection, invoice_id: str, *, now: datetime, net_days: int = 30) -> Row[Any]:
    """Give a draft its number: a document that never changes. Again, it answers what was done. An invoice of nothing
    is skipped. Raises `SellerNeeded`, or `Conflict` for one that was voided."""
    row = find(connection, invoice_id, lock=True)
    if row.state in (FINALIZED, SKIPPED):
        return row
    require_draft(row)
    lines = lines_of(connection, invoice_id)
    if not row.subtotal and not row.total and not any(line.events for line in lines):
        return change(connection, row, now, state=SKIPPED, finalized_at=now)
    due_at = row.due_at or now + timedelta(days=net_days)
    issued = documents.issue(connection, row, lines, now=now, due_at=due_at)
    faults.point("period.after_document")
    journals = paying_in_credits.take(connection, row, now)
    paid = row.total == 0
    changed = change(
        connection,
        row,
        now,
        state=FINALIZED,
        finalized_at=now,
        due_at=due_at,
        document_id=issued.invoice_id,
        number=issued.number,
        computed={**row.computed, "journals": journals},
        payment_state=SUCCEEDED if paid else row.payment_state,
        paid_at=now if paid else None,
    )
    mailing.invoice(connection, changed, now)
    faults.point("period.before_commit")
    return changed


def void(connection: Connection, invoice_id: str, *, now: datetime) -> Row[Any]:
    """A draft is dropped; a finalised one that nobody paid anything of is taken back whole by a credit note. What was
    carried from before and taken off it is there for the next invoice again.

    Raises `Conflict` where something was paid or is being paid, and for what was used on a limit: the ledger goes on
    asking for that until it is paid, credited or written off.
    """
    row = locked(connection, invoice_id)
    if row.state == VOIDED:
        return row
    if row.credit_micros:
        raise Conflict(
            "This invoice is for what was used on a limit: issue a credit note, or write it off.",
            code="invalid_operation",
        )
    if row.paid or row.adjusted or row.refunded or row.payment_state == PROCESSING:
        raise Conflict("Something of this invoice was paid or credited: issue a credit note.", code="invalid_operation")
    if is_being_paid(connection, invoice_id):
        raise Conflict(
            "A payment of this invoice is open: report that it succeeded or failed first.", code="invalid_operation"
        )
    if row.state == FINALIZED and row.document_id and row.total:
        documents.take_back(connection, row, now)
    paying_in_credits.give_back(connection, row.computed.get("journals") or {}, now)
    if row.state == FINALIZED and row.subscription_id and row.carried_used:
        subscription = subscriptions.find(connection, row.subscription_id, lock=True)
        subscriptions.change(connection, subscription, now, carried=subscription.carried + row.carried_used)
    return change(connection, row, now, state=VOIDED, voided_at=now)


def find(connection: Connection, invoice_id: str, *, lock: bool = False) -> Row[Any]:
    """The invoice, or `NotFound`; with `lock` nobody else changes it until the transaction ends."""
    query = select(INVOICE).where(INVOICE.c.id == invoice_id)
    found = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound(f"There is no invoice {invoice_id[:100]}.", code="invoice_not_found")
    return found


def locked(connection: Connection, invoice_id: str) -> Row[Any]:
    """The invoice under its lock, after its subscription's: in this order everybody takes them who needs both."""
    row = find(connection, invoice_id)
    if row.subscription_id:
        subscriptions.find(connection, row.subscription_id, lock=True)
    return find(connection, invoice_id, lock=True)


def is_being_paid(connection: Connection, invoice_id: str) -> bool:
    """Whether a payment of it is open."""
    payment = tables.billing_payment.c
    query = select(payment.id).where(
        payment.invoice_id == invoice_id, payment.state.in_(("INITIATED", "PENDING", "PROCESSING"))
    )
    return connection.execute(query.limit(1)).first() is not None


def by_source(connection: Connection, source: str) -> Row[Any]:
    """The invoice that was made for this."""
    found = connection.execute(select(INVOICE).where(INVOICE.c.source == source)).one_or_none()
    if found is None:
        raise Broken(f"The invoice for {source} is there and is not.")
    return found


def lines_of(connection: Connection, invoice_id: str) -> list[Row[Any]]:
    return list(connection.execute(select(LINE).where(LINE.c.invoice_id == invoice_id).order_by(LINE.c.position)))


def change(connection: Connection, row: Row[Any], now: datetime, **values: Any) -> Row[Any]:
    """Change what was read under the lock; `Conflict` when somebody else was first."""
    done = connection.execute(
        update(INVOICE)
        .where(INVOICE.c.id == row.id, INVOICE.c.version == row.version)
        .values(**values, version=row.version + 1, updated_at=now)
    )
    if done.rowcount != 1:
        raise Conflict("The invoice was changed at the same moment. Look again.", code="version_conflict")
    changed = find(connection, row.id)
    period_events.invoice(connection, row, changed)
    return changed


def require_draft(row: Row[Any]) -> None:
    """`Conflict` for an invoice whose figures stand."""
    if row.state != DRAFT:
        raise Conflict(f"This invoice is {row.state}: only a draft can change.", code="invalid_operation")


def remaining(row: Row[Any]) -> Fiat:
    """What is still to be paid of it."""
    return Fiat(max(0, row.total - row.paid - row.adjusted), row.currency)


def _sums(draft: Draft) -> dict[str, int]:
    due = draft.due
    return {
        "subtotal": due.subtotal.minor,
        "discount": due.discount.minor,
        "credits": due.credits.minor,
        "tax": due.tax.minor,
        "total": due.total.minor,
        "carried_used": draft.carried_used.minor,
    }


def _kept(built: Built) -> dict[str, Any]:
    return {**built.computed, "carried_left": built.draft.carried_left.minor}
