"""From what somebody asks for to an agreement: the plan, its prices in the currency and rhythm, overrides, coupons."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from app.billing import subscriptions
from app.billing.closing import NewPlan
from app.billing.lifecycle import State
from app.billing.periods import LONGEST, Anchoring, Unit
from app.billing.pinned import ONCE, pin
from app.billing.subscriptions import SUBSCRIPTION, Agreement, Line, quantity
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.plans import customers, tables
from app.plans.price_reader import read_charge, read_price

#: What of the wire is kept as it came, under the names it came with.
KEPT: Final = (
    "commitment_amount", "commitment_duration", "overage_factor", "enable_true_up", "payment_terms",
    "collection_method", "payment_behavior", "proration_behavior", "timezone", "auto_invoice_threshold",
    "gateway_payment_method_id", "line_item_grouping",
)  # fmt: skip
LONGEST_TRIAL: Final = 3_660  # days
_COMMITMENT: Final = ("commitment_amount", "commitment_true_up_enabled", "commitment_overage_factor")
INCOMPLETE_FIRST: Final = frozenset({"default_incomplete", "error_if_incomplete"})


def read(connection: Connection, given: Given, now: datetime) -> Agreement:
    """What `POST /subscriptions` asks for, checked; nothing is written."""
    customer = customers.named(connection, given)
    if customer is None:
        raise InvalidInput("Give customer_id or external_customer_id.", param="customer_id")
    plan = plan_of(connection, given.text("plan_id"))
    unit = Unit(given.choice("billing_period", tuple(Unit)))
    count = given.maybe_integer("billing_period_count", least=1, most=LONGEST) or 1
    currency = customers.currency(given)
    start_at = given.maybe_moment("start_date") or now
    lines = _lines(connection, given, plan, currency, unit, count, start_at, now)
    trial = given.maybe_integer("trial_period_days", most=LONGEST_TRIAL)
    if trial is None:
        trial = max((int(line.price.get("trial_period_days") or 0) for line in lines), default=0)
    agreed: dict[str, Any] = {name: given.raw[name] for name in KEPT if given.has(name)}
    _checked(given)
    agreed["coupons"] = _coupons(connection, given)
    agreed["tax_rates"] = [each.text("tax_rate_code") for each in given.objects("tax_rate_overrides", most=20)]
    agreed["override_entitlements"] = [dict(each.raw) for each in given.objects("override_entitlements", most=200)]
    return Agreement(
        customer_id=customer.id,
        workspace_id=customer.workspace_id,
        plan_id=str(plan["id"]),
        plan_name=str(plan["name"]),
        currency=currency,
        unit=unit,
        count=count,
        anchoring=Anchoring(given.choice("billing_cycle", tuple(Anchoring), "anniversary")),
        anchor=given.maybe_moment("billing_anchor"),
        start_at=start_at,
        end_at=given.maybe_moment("end_date"),
        trial_days=trial,
        is_draft=given.maybe("subscription_status") == "draft",
        awaits_payment=given.maybe("payment_behavior") in INCOMPLETE_FIRST,
        lookup_key=given.maybe("lookup_key"),
        lines=tuple(lines),
        agreed=agreed,
        meta=given.labels(),
    )


def read_change(connection: Connection, given: Given, row: Any, now: datetime) -> NewPlan:
    """The plan a subscription is to move to."""
    plan = plan_of(connection, given.text("target_plan_id"))
    unit = Unit(given.choice("billing_period", tuple(Unit), row.billing_period))
    count = given.maybe_integer("billing_period_count", least=1, most=LONGEST) or 1
    prices = prices_of(connection, str(plan["id"]), row.currency, unit, count, now)
    return NewPlan(str(plan["id"]), str(plan["name"]), tuple(Line(pin(price)) for price in prices), unit, count)


def plan_of(connection: Connection, plan_id: str) -> Mapping[str, Any]:
    """The plan's row, or `NotFound`."""
    query = select(tables.plan).where(tables.plan.c.id == plan_id, tables.plan.c.status == tables.PUBLISHED)
    found = connection.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no plan {plan_id[:100]}.", code="plan_not_found")
    return dict(found)


def prices_of(
    connection: Connection, plan_id: str, currency: str, unit: Unit, count: int, at: datetime
) -> Sequence[Mapping[str, Any]]:
    """The prices of a plan that hold at a moment, in a currency and a rhythm, in the order they were made."""
    price = tables.price
    query = (
        select(price)
        .where(
            price.c.entity_type == "PLAN",
            price.c.entity_id == plan_id,
            price.c.status == tables.PUBLISHED,
            price.c.currency.in_((currency, currency.lower())),
            or_(
                (price.c.billing_period == unit) & (price.c.billing_period_count == count),
                price.c.billing_period == ONCE,
            ),
            price.c.start_date <= at,
            or_(price.c.end_date.is_(None), price.c.end_date > at),
        )
        .order_by(price.c.sequence, price.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def line_of(connection: Connection, given: Given, row: Any, now: datetime) -> Line:
    """One more line for a subscription: a known price, or one of its own."""
    if given.has("price_id"):
        price = _price(connection, given.text("price_id"))
    else:
        raw = {
            "currency": row.currency,
            "entity_type": "SUBSCRIPTION",
            "entity_id": row.id,
            **given.object("price").raw,
        }
        made = read_price(connection, Given(raw, given.at("price")), now)
        price = {**made, "id": new_id("price"), "created_at": now.isoformat(), "sequence": 0}
    return Line(
        pin(price),
        quantity(given.raw["quantity"]) if given.has("quantity") else _least(price),
        given.maybe("display_name") or "",
        {name: given.raw[name] for name in _COMMITMENT if given.has(name)} or None,
        meta=given.labels(),
        start_at=given.maybe_moment("start_date"),
        end_at=given.maybe_moment("end_date"),
    )


def _lines(
    connection: Connection,
    given: Given,
    plan: Mapping[str, Any],
    currency: str,
    unit: Unit,
    count: int,
    start_at: datetime,
    now: datetime,
) -> list[Line]:
    prices = prices_of(connection, str(plan["id"]), currency, unit, count, max(start_at, now))
    chosen = given.texts("include_price_ids")
    overrides = {each.text("price_id"): each for each in given.objects("override_line_items", most=200)}
    commitments = given.maybe_object("line_item_commitments")
    lines = []
    for price in prices:
        if chosen and price["id"] not in chosen:
            continue
        changed = overrides.get(str(price["id"]))
        row = dict(price) if changed is None else _overridden(connection, price, changed)
        many = quantity(changed.raw["quantity"]) if changed and changed.has("quantity") else _least(price)
        committed = commitments.raw.get(str(price["id"])) if commitments else None
        lines.append(Line(pin(row), many, commitment=committed))
    if unknown := set(overrides) - {str(price["id"]) for price in prices}:
        raise InvalidInput(f"The plan has no price {min(unknown)[:100]}.", param="override_line_items")
    return lines


def _overridden(connection: Connection, price: Mapping[str, Any], changed: Given) -> dict[str, Any]:
    kept = {name: value for name, value in changed.raw.items() if name not in ("price_id", "quantity")}
    return {**price, **read_charge(connection, Given(kept, changed.place), dict(price))} if kept else dict(price)


def _least(price: Mapping[str, Any]) -> str:
    return str(price.get("min_quantity") or 1)


def _price(connection: Connection, price_id: str) -> Mapping[str, Any]:
    query = select(tables.price).where(tables.price.c.id == price_id, tables.price.c.status == tables.PUBLISHED)
    found = connection.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no price {price_id[:100]}.", code="price_not_found")
    return dict(found)


def _checked(given: Given) -> None:
    """What is kept as it came is sensible."""
    given.maybe_decimal("commitment_amount")
    given.maybe_decimal("overage_factor")
    given.flag("enable_true_up")
    for name in ("commitment_duration", "payment_terms", "collection_method", "payment_behavior", "proration_behavior"):
        given.maybe(name)


def _coupons(connection: Connection, given: Given) -> list[dict[str, Any]]:
    """Coupons of the whole, and of single prices, as associations."""
    found = [coupon(connection, code) for code in given.texts("coupons", most=50)]
    for each in given.objects("subscription_coupons", most=50):
        extra = {name: each.maybe(name) for name in ("price_id", "start_date", "end_date") if each.has(name)}
        found.append(coupon(connection, each.text("coupon_code")) | extra)
    by_price = given.maybe_object("line_item_coupons")
    for price_id in by_price.raw if by_price else ():
        if by_price is not None:
            found += [coupon(connection, code) | {"price_id": price_id} for code in by_price.texts(price_id, most=50)]
    return found


def coupon(connection: Connection, code: str) -> dict[str, Any]:
    """The association of a coupon, by its code or id; `NotFound`."""
    table = tables.coupon
    named = (table.c.coupon_code == code) | (table.c.id == code)
    row = connection.execute(select(table).where(named, table.c.status == tables.PUBLISHED)).first()
    if row is None:
        raise NotFound(f"There is no coupon {code[:100]}.", code="coupon_not_found")
    return {"id": new_id("coupon_assoc"), "coupon_id": row.id}


def sync(connection: Connection, plan: Mapping[str, Any], now: datetime) -> int:
    """Give the subscriptions of a plan its present prices: what has ended is replaced by its successor from now on,
    what is new is added, what is gone ends. How many changed; what was agreed by an override stays."""
    changed = 0
    query = select(SUBSCRIPTION.c.id).where(
        SUBSCRIPTION.c.plan_id == plan["id"], SUBSCRIPTION.c.state != State.CANCELLED
    )
    for subscription_id in connection.execute(query.order_by(SUBSCRIPTION.c.id)).scalars().all():
        row = subscriptions.find(connection, subscription_id, lock=True)
        unit = Unit(row.billing_period)
        present = prices_of(connection, str(plan["id"]), row.currency, unit, row.billing_period_count, now)
        by_id = {str(price["id"]): price for price in present}
        lines = [line for line in subscriptions.lines_of(connection, row.id) if line.end_at is None]
        known = {line.price_id for line in subscriptions.lines_of(connection, row.id)}
        gone = [line for line in lines if line.price_id not in by_id and line.price.get("entity_type") == "PLAN"]
        new = [Line(pin(price), _least(price)) for price_id, price in by_id.items() if price_id not in known]
        for line in gone:
            subscriptions.end_line(connection, line.id, at=now, now=now)
        subscriptions.add_lines(connection, row.id, str(plan["id"]), str(plan["name"]), new, now, now)
        changed += bool(gone or new)
    return changed
