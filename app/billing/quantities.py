"""How many of a fixed price a subscription has, and what a line costs, changed within a period: what was paid ahead
comes back for the days that are left, and the new terms are charged for the same days. What is paid in arrear is billed
in parts anyway."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from app.billing import agreeing, closing, coupon_changes, invoices, joining, prorating, subscriptions
from app.billing.lifecycle import State
from app.billing.pinned import exact, pin, unpin
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
    """Give lines of a subscription (`id`) another `quantity`, `amount` or both, from `effective_date` or now, and
    `coupons`. `Conflict` for one that is not running: nothing is charged in a pause."""
    row = closing.catch_up(connection, subscription_id, now=now, actor=actor)
    if row.state not in (State.ACTIVE, State.TRIALING):
        raise Conflict(f"A subscription that is {row.state} keeps its lines as they are.", code="invalid_operation")
    prorating.hold(connection, row, now)
    heirs, back = dict[str, str](), list[RatedLine]()
    for wish in wishes:
        line, at = _line(connection, row, wish, now), wish.maybe_moment("effective_date") or now
        heir = _heir(connection, row, line, wish, at)
        if heir is not None:
            back += prorating.unused(connection, row, line, at)
            subscriptions.end_line(connection, line.id, at=at, now=now)
            (heirs[line.id],) = subscriptions.add_lines(
                connection, row.id, line.plan_id, line.plan_name, [heir], at, now, association=line.association_id
            )
            joining.follow(connection, row.id, {line.id: heirs[line.id]}, now)
        row = _with_coupons(connection, row.id, heirs.get(line.id, line.id), wish, now)
    begun = [subscriptions.line_of(connection, each) for each in heirs.values()]
    charged = [part for part in (prorating.joined(row, line) for line in begun) if part is not None]
    made = None
    if parts := (*back, *charged):
        wanted, source = Wanted(subscriptions.period_of(row), others=parts), f"quantity:{begun[0].id}"
        made = invoices.draw_up(connection, row, source, "SUBSCRIPTION_UPDATE", wanted, actor=actor, now=now)
    return Changed([subscriptions.line_of(connection, each) for each in heirs], begun, made)


def _heir(connection: Connection, row: Row[Any], line: Row[Any], wish: Given, at: datetime) -> Line | None:
    """The line that goes on; None where nothing of it would be different."""
    quantity, price = line.quantity, dict(line.price)
    if wish.has("quantity"):
        wished = written(wish.decimal("quantity", above=Decimal(0), most=agreeing.MOST_QUANTITY))
        quantity = quantity if exact(wished, "quantity") == exact(quantity, "quantity") else wished
    if wish.has("amount"):
        cost = Given({"amount": wish.raw["amount"]}, wish.place)
        price = pin(agreeing.overridden(connection, unpin(line.price), cost))
    if (quantity, price) == (line.quantity, dict(line.price)):
        return None
    subscriptions.require_changeable(row, line, at)
    coupons = tuple(line.coupons or ())
    heir = Line(price, quantity, line.name, line.commitment, coupons, line.meta, at, line.end_at)
    agreeing.bearable(connection, heir, agreeing.rhythm_of(row), wish)
    return heir


def _with_coupons(connection: Connection, subscription_id: str, line_id: str, wish: Given, now: datetime) -> Row[Any]:
    row = subscriptions.find(connection, subscription_id, lock=True)
    for each in wish.objects("coupons", most=50):
        line = subscriptions.line_of(connection, line_id)
        row = coupon_changes.give(connection, row, each, now, line=line)
    return row


def _line(connection: Connection, row: Row[Any], wish: Given, now: datetime) -> Row[Any]:
    line = subscriptions.line_of(connection, wish.text("id"))
    if line.subscription_id != row.id:
        raise wish.wrong("id", "is no line of this subscription.")
    if not any(wish.has(name) for name in ("quantity", "amount", "coupons")):
        raise wish.wrong("quantity", "is missing, and so is an amount: nothing would change.")
    if line.kind != FIXED and wish.has("quantity"):
        raise wish.wrong("quantity", "is for fixed prices: usage is counted.")
    if line.end_at is not None and line.end_at <= now:
        raise Conflict("A line that has ended does not change.", code="invalid_operation")
    at = wish.maybe_moment("effective_date") or now
    if at < max(now, line.start_at) or (line.end_at is not None and line.end_at <= at):
        raise wish.wrong("effective_date", "must not be past, nor outside the line's own time.")
    return line
