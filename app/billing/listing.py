"""Subscriptions as an operator looks through them: whose, on which plan, what for, one page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from app.billing import tables
from app.billing.items import fixed_worth
from app.billing.lifecycle import State
from app.kernel.fiat import Fiat
from app.plans import tables as plans

SUB, LINE = tables.subscription, tables.subscription_line
#: Those that go on until their `cancel_at` and no longer: no state of their own.
ENDING: Final = "ending"
_ALIVE: Final = (State.ACTIVE, State.TRIALING, State.PAUSED, State.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Part of a name, an e-mail or an id; a state or `ENDING`; a plan."""

    text: str = ""
    state: str = ""
    plan_id: str = ""
    workspace_id: str = ""
    limit: int = 25
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """`fixed` is what its fixed prices come to in a whole period; `metered` how many of its prices count usage."""

    row: Row[Any]
    customer: str
    email: str
    plan: str
    fixed: Fiat
    metered: int


def page(connection: Connection, wanted: Wanted) -> list[Listed]:
    """The newest first."""
    customer, plan = plans.customer, plans.plan
    query = (
        select(SUB, customer.c.name.label("customer_name"), customer.c.email, plan.c.name.label("plan_name"))
        .join(customer, customer.c.id == SUB.c.customer_id)
        .join(plan, plan.c.id == SUB.c.plan_id)
        .where(*_conditions(wanted))
        .order_by(SUB.c.created_at.desc(), SUB.c.id.desc())
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    rows = connection.execute(query).all()
    lines = _running_lines(connection, rows)
    return [
        Listed(
            row,
            row.customer_name,
            row.email,
            row.plan_name,
            Fiat.from_exact(fixed_worth(lines.get(row.id, ())), row.currency),
            sum(line.kind == "USAGE" for line in lines.get(row.id, ())),
        )
        for row in rows
    ]


def counts(connection: Connection) -> dict[str, int]:
    """How many there are in each state, and how many are `ENDING`."""
    found: dict[str, int] = dict(
        connection.execute(select(SUB.c.state, func.count()).group_by(SUB.c.state)).tuples().all()
    )
    ending = select(func.count()).select_from(SUB).where(_ending())
    return {**found, ENDING: int(connection.execute(ending).scalar_one())}


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state == ENDING:
        found.append(_ending())
    elif wanted.state:
        found.append(SUB.c.state == wanted.state)
    if wanted.plan_id:
        found.append(SUB.c.plan_id == wanted.plan_id)
    if wanted.workspace_id:
        found.append(SUB.c.workspace_id == wanted.workspace_id)
    if text := wanted.text.strip().lower():
        customer = plans.customer.c
        named = (customer.name, customer.email, customer.external_id, SUB.c.id, SUB.c.lookup_key)
        found.append(or_(*(func.lower(column).contains(text, autoescape=True) for column in named)))
    return found


def _ending() -> ColumnElement[bool]:
    return SUB.c.state.in_(_ALIVE) & SUB.c.cancel_at.is_not(None)


def _running_lines(connection: Connection, rows: Sequence[Row[Any]]) -> Mapping[str, list[Row[Any]]]:
    """The lines that go on, by subscription; of one that was cancelled those it had at its end."""
    ends = {row.id: row.cancelled_at for row in rows}
    if not ends:
        return {}
    found: dict[str, list[Row[Any]]] = {}
    for line in connection.execute(select(LINE).where(LINE.c.subscription_id.in_(sorted(ends))).order_by(LINE.c.id)):
        ended = ends[line.subscription_id]
        if line.end_at is None or (ended is not None and line.end_at >= ended):
            found.setdefault(line.subscription_id, []).append(line)
    return found
