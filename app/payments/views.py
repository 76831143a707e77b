"""Orders as the pages, the API and the operator see them: plain values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments import rows, tables
from app.payments.lifecycle import CREDITED, UNPAID, State

MOST = 500


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order. `url` is the provider's page while it can be paid there."""

    id: str
    workspace_id: str
    kind: str
    provider: str
    livemode: bool
    state: State
    package_version_id: str | None
    title: str
    credits: Money
    bonus: Money
    expires_days: int | None
    bonus_expires_days: int | None
    net: Fiat
    tax: Fiat
    gross: Fiat
    tax_snapshot: Mapping[str, Any]
    terms_version_id: str | None
    accepted_at: datetime | None
    customer_id: str | None
    reference: str
    created_by: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    paid_at: datetime | None
    payment_id: str | None
    journal_id: str | None
    lot_id: str | None
    bonus_lot_id: str | None
    invoice_id: str | None
    invoice_number: str | None
    failure_code: str | None
    failure_message: str | None
    url: str | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether money may still come in the ordinary way."""
        return self.state in UNPAID

    @property
    def is_credited(self) -> bool:
        return self.state in CREDITED


@dataclass(frozen=True, slots=True)
class EventView:
    """A line of an order's log."""

    kind: str
    actor: str
    detail: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentView:
    """Money that was taken for an order."""

    id: str
    order_id: str
    workspace_id: str
    provider: str
    external_id: str
    charge_id: str | None
    amount: Fiat
    livemode: bool
    method: str
    card: str | None
    created_at: datetime


def find(connection: Connection, order_id: str, workspace_id: str | None = None) -> OrderView:
    """One order, within a workspace when one is named; `NotFound` otherwise."""
    row = rows.find(connection, order_id)
    if workspace_id is not None and row.workspace_id != workspace_id:
        raise rows.no_order(order_id)
    return of_row(row, open_url(connection, order_id) if row.state == State.PENDING else None)


def listed(
    connection: Connection,
    *,
    workspace_id: str | None = None,
    states: Collection[State] | None = None,
    provider: str | None = None,
    before: OrderView | None = None,
    limit: int = 50,
) -> list[OrderView]:
    """Orders, the newest first; `before` goes on after the last one of a page."""
    orders = tables.payment_order
    query = select(orders).order_by(orders.c.created_at.desc(), orders.c.id.desc()).limit(min(limit, MOST))
    if workspace_id is not None:
        query = query.where(orders.c.workspace_id == workspace_id)
    if states is not None:
        query = query.where(orders.c.state.in_([str(state) for state in states]))
    if provider is not None:
        query = query.where(orders.c.provider == provider)
    if before is not None:
        older = (orders.c.created_at < before.created_at) | (
            (orders.c.created_at == before.created_at) & (orders.c.id < before.id)
        )
        query = query.where(older)
    return [of_row(row) for row in connection.execute(query)]


def counts(connection: Connection) -> dict[State, int]:
    """How many orders there are in each state."""
    orders = tables.payment_order
    query = select(orders.c.state, func.count()).group_by(orders.c.state)
    return {State(state): int(count) for state, count in connection.execute(query).tuples()}


def events(connection: Connection, order_id: str) -> list[EventView]:
    """What happened to an order, the oldest first."""
    log = tables.order_event
    query = select(log).where(log.c.order_id == order_id).order_by(log.c.created_at, log.c.id)
    return [EventView(row.kind, row.actor, row.detail, row.created_at) for row in connection.execute(query)]


def payments(connection: Connection, order_id: str) -> list[PaymentView]:
    """The money taken for an order."""
    kept = tables.payment
    query = select(kept).where(kept.c.order_id == order_id).order_by(kept.c.created_at, kept.c.id)
    return [payment_of(row) for row in connection.execute(query)]


def payment_of(row: Row[Any]) -> PaymentView:
    return PaymentView(
        id=row.id,
        order_id=row.order_id,
        workspace_id=row.workspace_id,
        provider=row.provider,
        external_id=row.external_id,
        charge_id=row.charge_id,
        amount=Fiat(row.amount_minor, row.currency),
        livemode=row.livemode,
        method=row.method,
        card=row.card,
        created_at=row.created_at,
    )


def open_url(connection: Connection, order_id: str) -> str | None:
    """The newest page of the provider on which the order can be paid."""
    kept = tables.checkout_session
    query = (
        select(kept.c.url)
        .where(kept.c.order_id == order_id, kept.c.state == "open")
        .order_by(kept.c.attempt.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()


def of_row(row: Row[Any], url: str | None = None) -> OrderView:
    """An order's row as a value."""
    return OrderView(
        id=row.id,
        workspace_id=row.workspace_id,
        kind=row.kind,
        provider=row.provider,
        livemode=row.livemode,
        state=State(row.state),
        package_version_id=row.package_version_id,
        title=row.title,
        credits=Money(row.credits_micros),
        bonus=Money(row.bonus_micros),
        expires_days=row.expires_days,
        bonus_expires_days=row.bonus_expires_days,
        net=Fiat(row.net_minor, row.currency),
        tax=Fiat(row.tax_minor, row.currency),
        gross=Fiat(row.gross_minor, row.currency),
        tax_snapshot=row.tax_snapshot,
        terms_version_id=row.terms_version_id,
        accepted_at=row.accepted_at,
        customer_id=row.customer_id,
        reference=row.reference,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        paid_at=row.paid_at,
        payment_id=row.payment_id,
        journal_id=row.journal_id,
        lot_id=row.lot_id,
        bonus_lot_id=row.bonus_lot_id,
        invoice_id=row.invoice_id,
        invoice_number=row.invoice_number,
        failure_code=row.failure_code,
        failure_message=row.failure_message,
        url=url,
    )
