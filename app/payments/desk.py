"""The operator's view of orders: found, counted, and those that wait for a decision of theirs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, func, or_, select

from app.accounts.tables import Workspace
from app.kernel.db import metadata
from app.kernel.fiat import Fiat
from app.payments import policy, tables
from app.payments.lifecycle import State
from app.payments.orders import MANUAL
from app.payments.views import OrderView, of_row

_ORDER, _PAYMENT = tables.payment_order, tables.payment
_WORKSPACE = metadata.tables[str(Workspace.__tablename__)]
MOST: Final = 200
LONGEST_SEARCH: Final = 100
WAITS: Final = (State.PENDING, State.PROCESSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which orders. `search` is a reference, an id of ours or the provider's, an invoice's number, a customer's name;
    `before` goes on behind the last order of a page."""

    states: Collection[State] | None = None
    ids: Collection[str] | None = None
    provider: str | None = None
    search: str = ""
    before: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Line:
    """An order in a list. `received` is what the bank reported so far, zero for what is paid otherwise."""

    order: OrderView
    workspace_name: str
    received: Fiat
    approvals: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A transfer that an operator has to approve. `needed` people have to, `approvals` of them did."""

    order_id: str
    reference: str
    workspace_name: str
    gross: Fiat
    received: Fiat
    approvals: int
    needed: int
    since: datetime


def find(connection: Connection, wanted: Wanted) -> list[Line]:
    """Orders, the newest first."""
    query = _listing().order_by(_ORDER.c.id.desc()).limit(min(wanted.limit, MOST))
    if wanted.states is not None:
        query = query.where(_ORDER.c.state.in_([str(state) for state in wanted.states]))
    if wanted.ids is not None:
        query = query.where(_ORDER.c.id.in_(list(wanted.ids)))
    if wanted.provider is not None:
        query = query.where(_ORDER.c.provider == wanted.provider)
    if wanted.before is not None:
        query = query.where(_ORDER.c.id < wanted.before)
    if words := wanted.search.strip()[:LONGEST_SEARCH]:
        query = query.where(_matches(words))
    return [_line(row) for row in connection.execute(query)]


def decisions(connection: Connection, limit: int = 50) -> list[Decision]:
    """Transfers to be approved: those whose money is there, and those one of two people has approved; oldest first."""
    waits = _ORDER.c.state.in_([str(state) for state in WAITS])
    query = _listing().where(_ORDER.c.provider == MANUAL, waits).order_by(_ORDER.c.id)
    covered = query.where(_received() >= _ORDER.c.gross_minor).limit(limit)
    rules = policy.read(connection)
    found = [_line(row) for row in connection.execute(covered)]
    return [
        Decision(
            order_id=line.order.id,
            reference=line.order.reference,
            workspace_name=line.workspace_name,
            gross=line.order.gross,
            received=line.received,
            approvals=line.approvals,
            needed=2 if rules.needs_two(line.order.gross.minor, line.order.gross.currency) else 1,
            since=line.order.updated_at,
        )
        for line in found
    ]


def disputed(connection: Connection, limit: int = 50) -> list[Line]:
    """Orders whose payment somebody objects to, the longest since first."""
    query = _listing().where(_ORDER.c.state == str(State.DISPUTED)).order_by(_ORDER.c.updated_at).limit(limit)
    return [_line(row) for row in connection.execute(query)]


def references(connection: Connection, order_ids: Collection[str]) -> dict[str, str]:
    """How people name these orders, by id."""
    if not order_ids:
        return {}
    query = select(_ORDER.c.id, _ORDER.c.reference).where(_ORDER.c.id.in_(list(order_ids)))
    return dict(connection.execute(query).tuples().all())


def customers(connection: Connection, workspace_ids: Collection[str]) -> dict[str, str]:
    """What these workspaces are called, by id."""
    if not workspace_ids:
        return {}
    query = select(_WORKSPACE.c.id, _WORKSPACE.c.name).where(_WORKSPACE.c.id.in_(list(workspace_ids)))
    return dict(connection.execute(query).tuples().all())


def _received() -> Any:
    kept = tables.manual_receipt
    sums = select(func.coalesce(func.sum(kept.c.amount_minor), 0)).where(kept.c.order_id == _ORDER.c.id)
    return sums.correlate(_ORDER).scalar_subquery()


def _listing() -> Select[Any]:
    given = select(func.count()).where(tables.manual_approval.c.order_id == _ORDER.c.id)
    return select(
        _ORDER,
        _WORKSPACE.c.name.label("workspace_name"),
        _received().label("received_minor"),
        given.correlate(_ORDER).scalar_subquery().label("approvals"),
    ).join(_WORKSPACE, _WORKSPACE.c.id == _ORDER.c.workspace_id)


def _matches(words: str) -> Any:
    paid = select(_PAYMENT.c.id).where(
        _PAYMENT.c.order_id == _ORDER.c.id,
        or_(_PAYMENT.c.id == words, _PAYMENT.c.external_id == words, _PAYMENT.c.charge_id == words),
    )
    parts = (_ORDER.c.reference, _ORDER.c.invoice_number, _WORKSPACE.c.name, _ORDER.c.title)
    exact = (_ORDER.c.id == words, _ORDER.c.workspace_id == words, paid.exists())
    return or_(*exact, *(part.icontains(words, autoescape=True) for part in parts))


def _line(row: Any) -> Line:
    return Line(of_row(row), str(row.workspace_name), Fiat(int(row.received_minor), row.currency), int(row.approvals))
