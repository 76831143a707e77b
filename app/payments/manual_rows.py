"""What the book says of orders paid by transfer: the money that came, who approved, and what is still missing."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from app.accounts.tables import Member, Workspace
from app.kernel import outbox
from app.kernel.db import metadata
from app.kernel.errors import Conflict, NotAllowed
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id
from app.kernel.text import t
from app.payments import policy, rows, tables
from app.payments.lifecycle import State
from app.payments.orders import CUSTOM, MANUAL, PACKAGE
from app.payments.unmatched import Reason, dealt_with, report
from app.payments.verdict import Progress, Proof

MEMBER, WORKSPACE = (metadata.tables[str(one.__tablename__)] for one in (Member, Workspace))
LONGEST_REFERENCE = 140


def received(connection: Connection, order: Row[Any]) -> Fiat:
    """What came in for an order so far."""
    kept = tables.manual_receipt
    query = select(func.coalesce(func.sum(kept.c.amount_minor), 0)).where(kept.c.order_id == order.id)
    return Fiat(int(connection.execute(query).scalar_one()), order.currency)


def needed(connection: Connection, order: Row[Any]) -> int:
    """How many people have to approve."""
    return 2 if policy.read(connection).needs_two(order.gross_minor, order.currency) else 1


def requested(connection: Connection, workspace_id: str, since: datetime) -> int:
    """How many orders by transfer this workspace has placed lately, whatever became of them."""
    kept = tables.payment_order
    mine = select(func.count()).where(
        kept.c.workspace_id == workspace_id,
        kept.c.provider == MANUAL,
        kept.c.kind == PACKAGE,
        kept.c.created_at > since,
    )
    return int(connection.execute(mine).scalar_one())


def one_by_one(connection: Connection, workspace_id: str) -> None:
    """Whoever else calls this for the same workspace waits until this transaction has ended."""
    mine = select(WORKSPACE.c.id).where(WORKSPACE.c.id == workspace_id)
    connection.execute(mine.with_for_update(key_share=True))


def by_transfer(
    connection: Connection, order_id: str, workspace_id: str | None = None, *, lock: bool = False
) -> Row[Any]:
    """An order paid by transfer, of this workspace if one is named; else `NotFound` "order_not_found"."""
    kept = tables.payment_order
    query = select(kept).where(kept.c.id == order_id, kept.c.provider == MANUAL)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or (workspace_id is not None and row.workspace_id != workspace_id):
        raise rows.no_order(order_id)
    return row


def may_approve(connection: Connection, order: Row[Any], actor: str) -> None:
    """`NotAllowed` "own_order" for whoever ordered it and for members of the workspace."""
    theirs = select(MEMBER.c.user_id).where(MEMBER.c.workspace_id == order.workspace_id, MEMBER.c.user_id == actor)
    if connection.execute(theirs).first() is not None or (actor == order.created_by and order.kind != CUSTOM):
        raise NotAllowed("Somebody who did not order this has to approve it.", code="own_order")


def approvers(connection: Connection, order_id: str) -> set[str]:
    """Who has approved an order so far."""
    kept = tables.manual_approval
    return set(connection.execute(select(kept.c.approved_by).where(kept.c.order_id == order_id)).scalars())


def must_be_paid(connection: Connection, order: Row[Any]) -> None:
    """`Conflict` "underpaid" while money is missing."""
    missing = Fiat(order.gross_minor, order.currency) - received(connection, order)
    if missing.minor > 0:
        raise Conflict(f"{missing} is still missing: record the money first.", code="underpaid")


def must(moved: bool, order: Row[Any]) -> None:
    """`Conflict` "wrong_state" where the order could not move."""
    if not moved:
        raise Conflict(f"This order is {order.state}.", code="wrong_state")


def proof(connection: Connection, order: Row[Any]) -> Proof:
    """What stands for a provider's word when a transfer is paid: the money recorded here."""
    kept = tables.manual_receipt
    banks = select(kept.c.bank_reference).where(kept.c.order_id == order.id, kept.c.amount_minor > 0)
    return Proof(
        provider=MANUAL,
        progress=Progress.PAID,
        amount=order.gross_minor,
        currency=order.currency,
        livemode=order.livemode,
        customer_id=None,
        order_id=order.id,
        workspace_id=order.workspace_id,
        install=None,
        payment_id=order.id,
        charge_id=", ".join(connection.execute(banks.order_by(kept.c.created_at)).scalars())[:LONGEST_REFERENCE],
        method="transfer",
    )


def receipt_row(
    order_id: str, amount: Fiat, reference: str, value_date: str, actor: str, now: datetime
) -> dict[str, Any]:
    """A line about money that the bank reported."""
    return {
        "id": new_id("rcp"),
        "order_id": order_id,
        "currency": amount.currency,
        "amount_minor": amount.minor,
        "bank_reference": reference,
        "value_date": value_date,
        "recorded_by": actor,
        "created_at": now,
    }


def insert_receipt(connection: Connection, receipt: dict[str, Any]) -> None:
    """`Conflict` "already_recorded" for a bank reference that was entered before."""
    try:
        with connection.begin_nested():
            connection.execute(insert(tables.manual_receipt).values(receipt))
    except IntegrityError:
        raise Conflict("A transfer with this bank reference was recorded before.", code="already_recorded") from None


def tell_excess(connection: Connection, order: Row[Any], external_id: str, now: datetime) -> None:
    """Have one case in the operators' queue over what is to be returned of an order now: all of it when it was
    rejected, else what is too much, less what operators have dealt with. `external_id` names what changed it."""
    rejected = rows.find(connection, order.id).state == State.REJECTED
    kept, reason = tables.unmatched_payment.c, Reason.TO_RETURN if rejected else Reason.OVERPAID
    query = select(kept.reason, kept.amount_minor, kept.resolved_by).where(
        kept.order_id == order.id, kept.provider == MANUAL, kept.reason.in_([Reason.OVERPAID, Reason.TO_RETURN])
    )
    cases = connection.execute(query).all()
    waiting = [(case.reason, int(case.amount_minor)) for case in cases if case.resolved_by is None]
    returned = sum(int(case.amount_minor) for case in cases if case.resolved_by not in (None, rows.SYSTEM))
    gross = 0 if rejected else order.gross_minor
    excess = max(0, received(connection, order).minor - gross - returned)
    if waiting == ([(reason, excess)] if excess else []):
        return
    for told, _ in waiting:
        dealt_with(connection, Reason(told), t("payments.case.changed"), actor=rows.SYSTEM, now=now, order_id=order.id)
    if excess:
        report(
            connection,
            reason,
            provider=MANUAL,
            external_id=external_id,
            livemode=order.livemode,
            now=now,
            amount=Fiat(excess, order.currency),
            order_id=order.id,
            workspace_id=order.workspace_id,
        )


def mail_part(connection: Connection, order: Row[Any], receipt_id: str) -> None:
    """What is still to be paid, when a part of it came."""
    paid = received(connection, order)
    missing = Fiat(order.gross_minor, order.currency) - paid
    if missing.minor > 0:
        outbox.mail(
            connection,
            "order_part_paid",
            key=f"order_part_paid:{receipt_id}",
            workspace_id=order.workspace_id,
            params={
                "order": order.reference,
                "received": paid,
                "missing": missing,
                "reference": order.reference,
            },
        )
