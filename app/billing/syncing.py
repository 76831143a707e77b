"""A plan's present prices for those who have it: what ended goes on in its successor, and what was agreed stays."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.billing import closing, heirs, line_coupons, prorating, subscriptions
from app.billing.agreeing import least, plan_of, prices_of
from app.billing.lifecycle import State
from app.billing.periods import Unit
from app.billing.pinned import ONCE, pin
from app.billing.subscriptions import SUBSCRIPTION, Line
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.plans import tables

#: What a price costs. Where a line says otherwise than its price did, that was agreed for it alone.
CHARGED: Final = (
    "billing_model", "price_unit_type", "tier_mode", "transform_quantity", "amount", "tiers", "price_unit_id",
    "price_unit", "conversion_rate", "price_unit_amount", "price_unit_tiers",
)  # fmt: skip
Prices = Mapping[str, Mapping[str, Any]]


def sync(db: Database, plan_id: str, clock: Clock) -> int:
    """Give the subscriptions of a plan its present prices: what has ended is replaced by its successor from now on,
    what is new is added, what is gone ends. How many changed. What is paid once stays as it was agreed. Quantities,
    overrides, commitments, coupons and names go over to the successor; what was left out by `include_price_ids`, or
    ended on one subscription, stays out.

    Each subscription is brought up to date in a transaction of its own: a plan of many keeps nobody waiting for all of
    them, and what was broken off goes on where it was when it is asked for again."""
    living = select(SUBSCRIPTION.c.id).where(SUBSCRIPTION.c.plan_id == plan_id, SUBSCRIPTION.c.state != State.CANCELLED)
    with db.read() as connection:
        plan_of(connection, plan_id)
        found = connection.execute(living.order_by(SUBSCRIPTION.c.id)).scalars().all()
    return sum(_sync_alone(db, subscription_id, plan_id, clock) for subscription_id in found)


def _sync_alone(db: Database, subscription_id: str, plan_id: str, clock: Clock) -> bool:
    price = tables.price
    query = select(price).where(price.c.entity_type == "PLAN", price.c.entity_id == plan_id)
    with db.write() as connection:
        now = clock()
        row = closing.catch_up(connection, subscription_id, now=now)
        if row.plan_id != plan_id or row.state == State.CANCELLED:
            return False  # it went on to another plan, or ended, while others were brought up to date
        known = {str(one["id"]): dict(one) for one in connection.execute(query).mappings()}
        return _sync_one(connection, row, plan_of(connection, plan_id), known, now)


def _sync_one(connection: Connection, row: Row[Any], plan: Mapping[str, Any], known: Prices, now: datetime) -> bool:
    count = row.billing_period_count
    present = prices_of(connection, str(plan["id"]), row.currency, Unit(row.billing_period), count, now)
    lines = subscriptions.lines_of(connection, row.id)
    had = {line.price_id for line in lines}
    listed = row.agreed.get("include_price_ids") or ()
    only_listed, chosen = row.agreed.get("only_listed_prices", bool(listed)), known.keys() & set(listed)
    gone = {line.price_id: line for line in lines if line.end_at is None and _ended(line, known, now)}
    new = list[Line]()
    successors = dict[str, str]()
    for price in present:
        family = set(_family(str(price["id"]), known))
        if price["id"] in had:
            continue
        if parent := next((price_id for price_id in gone if price_id in family), None):
            new.append(_successor(gone[parent], known[parent], price))
            successors[parent] = str(price["id"])
        elif price["billing_period"] == ONCE:
            continue  # what is paid once was to be paid at the beginning
        elif not family & had and (not only_listed or family & chosen):
            new.append(Line(pin(price), least(price)))
    if gone:
        prorating.hold(connection, row, now)  # what is paid ahead already stays as it was
    for line in gone.values():
        subscriptions.end_line(connection, line.id, at=now, now=now)
    made = subscriptions.add_lines(connection, row.id, str(plan["id"]), str(plan["name"]), new, now, now)
    followers = {price["id"]: line_id for price, line_id in zip((line.price for line in new), made, strict=True)}
    row = line_coupons.pass_on(connection, row, successors, now, by="price_id")
    by_line = {line.id: followers[successors[line.price_id]] for line in gone.values() if line.price_id in successors}
    row = line_coupons.pass_on(connection, row, by_line, now)
    if by_line:
        heirs.hand_over(connection, row, by_line, now)
    return bool(gone or new)


def _ended(line: Row[Any], known: Prices, now: datetime) -> bool:
    """Whether the plan's price that a line was made of holds no more. What is paid once stays as it was agreed."""
    price = known.get(line.price_id)
    if price is None or price["billing_period"] == ONCE:
        return False  # a price of another plan, or one of its own
    return price["status"] != tables.PUBLISHED or (price["end_date"] is not None and price["end_date"] <= now)


def _family(price_id: str, known: Prices) -> Iterator[str]:
    """A price and those it came from."""
    at: str | None = price_id
    while at is not None and at in known:
        yield at
        at = known[at]["parent_price_id"]


def _successor(line: Row[Any], old: Mapping[str, Any], price: Mapping[str, Any]) -> Line:
    before = pin(old)
    own = any(line.price.get(name) != before[name] for name in CHARGED)
    charge = {name: line.price.get(name) for name in CHARGED} if own else {}
    named = line.name != str(before.get("display_name") or line.plan_name)
    return Line(
        pin(price) | charge,
        line.quantity,
        line.name if named else "",
        line.commitment,
        tuple(line.coupons or ()),
        line.meta,
    )
