"""How many of a fixed price a subscription has, changed within a period: what was paid ahead comes back for the days
that are left, and the new quantity is charged for the same days. What is paid in arrear is billed in parts anyway."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from app.billing import agreeing, invoices, joining, prorating, subscriptions
from app.billing.lifecycle import State
from app.billing.pinned import exact
from app.billing.rating import FIXED, RatedLine
from app.billing.subscriptions import Line
from app.billing.wanted import Wanted
from app.kernel.errors import Conflict
from app.kernel.given import Given, written

Rows = Sequence[Row[Any]]


class Changed(NamedTuple):
    """The lines that ended, those that go on instead, and the invoice of the days that are left."""

    ended: Rows
    begun: Rows
    invoice: Row[Any] | None


def change(
    connection: Connection, subscription_id: str, wishes: Sequence[Given], *, actor: str, now: datetime
) -> Changed:
    """Give lines of a subscription (`id`) other quantities, from `effective_date` or now. `Conflict` for one that is
    not running: nothing is charged in a pause or a trial."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state != State.ACTIVE:
        raise Conflict(f"A subscription that is {row.state} keeps its quantities.", code="invalid_operation")
    prorating.hold(connection, row, now)
    heirs, parts = dict[str, str](), list[RatedLine]()
    for wish in wishes:
        line, at = _line(connection, row, wish, now), wish.maybe_moment("effective_date") or now
        quantity = written(wish.decimal("quantity", above=Decimal(0), most=agreeing.MOST_QUANTITY))
        if exact(quantity, "quantity") == exact(line.quantity, "quantity"):
            continue
        heir = Line(line.price, quantity, line.name, None, tuple(line.coupons or ()), line.meta, at, line.end_at)
        agreeing.bearable(connection, heir, agreeing.rhythm_of(row), wish)
        parts += prorating.unused(connection, row, line, at)
        subscriptions.end_line(connection, line.id, at=at, now=now)
        (made,) = subscriptions.add_lines(
            connection, row.id, line.plan_id, line.plan_name, [heir], at, now, association=line.association_id
        )
        heirs[line.id] = made
        charged = prorating.joined(row, subscriptions.line_of(connection, made))
        parts += [charged] if charged is not None else []
    joining.follow(connection, row.id, heirs, now)
    row, made_of = subscriptions.find(connection, row.id, lock=True), None
    if parts:
        wanted = Wanted(subscriptions.period_of(row), others=tuple(parts))
        source = f"quantity:{next(iter(heirs.values()))}"
        made_of = invoices.draw_up(connection, row, source, "SUBSCRIPTION_UPDATE", wanted, actor=actor, now=now)
    ended = [subscriptions.line_of(connection, each) for each in heirs]
    return Changed(ended, [subscriptions.line_of(connection, each) for each in heirs.values()], made_of)


def _line(connection: Connection, row: Row[Any], wish: Given, now: datetime) -> Row[Any]:
    line = subscriptions.line_of(connection, wish.text("id"))
    if line.subscription_id != row.id:
        raise wish.wrong("id", "is no line of this subscription.")
    if line.kind != FIXED:
        raise wish.wrong("id", "is of usage: usage is counted.")
    if line.end_at is not None and line.end_at <= now:
        raise Conflict("A line that has ended does not change.", code="invalid_operation")
    at = wish.maybe_moment("effective_date") or now
    if at < max(now, line.start_at) or (line.end_at is not None and line.end_at <= at):
        raise wish.wrong("effective_date", "must not be past, nor outside the line's own time.")
    subscriptions.require_changeable(row, line, now)
    return line
