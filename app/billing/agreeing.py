"""From what somebody asks for to an agreement: the plan, its prices in the currency and rhythm, overrides, coupons."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from app.billing.periods import LONGEST, Anchoring, Unit
from app.billing.pinned import ONCE, item_of, pin
from app.billing.prorating import NewPlan
from app.billing.rating import FIXED
from app.billing.subscriptions import Agreement, Line
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.given import Given, written
from app.kernel.ids import new_id
from app.plans import customers, tables
from app.plans.entitlements import MOST_USAGE
from app.plans.price_reader import MOST_AMOUNT, read_charge, read_price
from app.pricing.charge import cost

#: Texts of the wire that are kept under the names they came with.
WORDS: Final = (
    "commitment_duration", "payment_terms", "collection_method", "payment_behavior", "proration_behavior",
    "gateway_payment_method_id", "line_item_grouping",
)  # fmt: skip
#: What a commitment says beside its amount.
FACTORS: Final = ("overage_factor", "commitment_overage_factor")
FLAGS: Final = ("enable_true_up", "commitment_true_up_enabled", "is_window_commitment", "commitment_windowed")
LONGEST_TRIAL: Final = 3_660  # days
MOST_QUANTITY: Final = Decimal(10) ** 9
MOST_FACTOR: Final = Decimal(1_000)
FIRST_YEAR, LAST_YEAR = 1970, 2200
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
    start_at = _day(given, "start_date") or now
    lines = _lines(connection, given, plan, currency, unit, count, start_at, now)
    trial = given.maybe_integer("trial_period_days", most=LONGEST_TRIAL)
    if trial is None:
        trial = max((int(line.price.get("trial_period_days") or 0) for line in lines), default=0)
    agreed = _kept(given)
    agreed["include_price_ids"] = list(given.texts("include_price_ids"))
    agreed["coupons"] = _coupons(connection, given)
    agreed["tax_rates"] = [each.text("tax_rate_code") for each in given.objects("tax_rate_overrides", most=20)]
    agreed["override_entitlements"] = [_promised(each) for each in given.objects("override_entitlements", most=200)]
    return Agreement(
        customer_id=customer.id,
        workspace_id=customer.workspace_id,
        plan_id=str(plan["id"]),
        plan_name=str(plan["name"]),
        currency=currency,
        unit=unit,
        count=count,
        anchoring=Anchoring(given.choice("billing_cycle", tuple(Anchoring), "anniversary")),
        anchor=_day(given, "billing_anchor"),
        start_at=start_at,
        end_at=_day(given, "end_date"),
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
    line = Line(
        pin(price),
        _many(given) or least(price),
        given.maybe("display_name") or "",
        _committed(given) or None,
        meta=given.labels(),
        start_at=_day(given, "start_date"),
        end_at=_day(given, "end_date"),
    )
    _bearable(line, row.currency)
    return line


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
        many = _many(changed) if changed else None
        committed = commitments.maybe_object(str(price["id"])) if commitments else None
        line = Line(pin(row), many or least(price), commitment=_committed(committed) if committed else None)
        _bearable(line, currency)
        lines.append(line)
    if unknown := set(overrides) - {str(price["id"]) for price in prices}:
        raise InvalidInput(f"The plan has no price {min(unknown)[:100]}.", param="override_line_items")
    return lines


def _overridden(connection: Connection, price: Mapping[str, Any], changed: Given) -> dict[str, Any]:
    kept = {name: value for name, value in changed.raw.items() if name not in ("price_id", "quantity")}
    return {**price, **read_charge(connection, Given(kept, changed.place), dict(price))} if kept else dict(price)


def least(price: Mapping[str, Any]) -> str:
    """How many of a price somebody has who says nothing."""
    return str(price.get("min_quantity") or 1)


def _price(connection: Connection, price_id: str) -> Mapping[str, Any]:
    query = select(tables.price).where(tables.price.c.id == price_id, tables.price.c.status == tables.PUBLISHED)
    found = connection.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no price {price_id[:100]}.", code="price_not_found")
    return dict(found)


def _many(given: Given) -> str | None:
    """How many of a fixed price, where it is said."""
    return written(given.decimal("quantity", above=Decimal(0), most=MOST_QUANTITY)) if given.has("quantity") else None


def _day(given: Given, name: str) -> datetime | None:
    """A moment that periods can be counted from."""
    found = given.maybe_moment(name)
    if found is not None and not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise given.wrong(name, f"must be between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return found


def _bearable(line: Line, currency: str) -> None:
    """A fixed price comes to what an invoice can state."""
    item = item_of("", line.price, None, quantity=line.quantity)
    if item.kind == FIXED and cost(item.charge, item.quantity).amount * item.unit_rate > MOST_AMOUNT:
        raise InvalidInput(f"{item.name} comes to more than {MOST_AMOUNT:,f} {currency}.", param="quantity")


def _promised(given: Given) -> dict[str, Any]:
    """What a subscription changes of an entitlement. A `usage_limit` of null is without limit."""
    found: dict[str, Any] = {"entitlement_id": given.text("entitlement_id")}
    if "usage_limit" in given.raw:
        found["usage_limit"] = given.maybe_integer("usage_limit", most=MOST_USAGE)
    if given.has("is_enabled"):
        found["is_enabled"] = given.flag("is_enabled")
    if given.has("static_value"):
        found["static_value"] = given.text("static_value")
    return found


def _committed(given: Given) -> dict[str, Any]:
    """What is said of a commitment, as it is kept."""
    found: dict[str, Any] = {}
    if given.has("commitment_amount"):
        found["commitment_amount"] = written(given.decimal("commitment_amount", most=MOST_AMOUNT))
    for name in FACTORS:
        if given.has(name):
            found[name] = written(given.decimal(name, most=MOST_FACTOR))
    return found | {name: given.flag(name) for name in FLAGS if given.has(name)}


def _kept(given: Given) -> dict[str, Any]:
    """What is kept of the wire under its own names, once it is sensible."""
    found = {name: said for name in WORDS if (said := given.maybe(name)) is not None}
    if given.has("timezone"):
        found["timezone"] = customers.timezone(given, "timezone")
    if given.has("auto_invoice_threshold"):
        found["auto_invoice_threshold"] = written(given.decimal("auto_invoice_threshold", most=MOST_AMOUNT))
    return found | _committed(given)


def _coupons(connection: Connection, given: Given) -> list[dict[str, Any]]:
    """Coupons of the whole, and of single prices, as associations."""
    found = [coupon(connection, code) for code in given.texts("coupons", most=50)]
    for each in given.objects("subscription_coupons", most=50):
        extra = {"price_id": each.text("price_id")} if each.has("price_id") else {}
        for name in ("start_date", "end_date"):
            if (moment := each.maybe_moment(name)) is not None:
                extra[name] = moment.isoformat()
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
