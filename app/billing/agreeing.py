"""From what somebody asks for to an agreement: the plan, its prices in the currency and rhythm, overrides, coupons."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from app.billing import facts
from app.billing.payment_terms import TERMS
from app.billing.periods import LONGEST, Anchoring, Unit
from app.billing.pinned import ONCE, commitment_of, item_of, pin
from app.billing.prorating import NewPlan
from app.billing.rating import FIXED, USAGE
from app.billing.subscriptions import INCOMPLETE_FIRST, Agreement, Line
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.given import Given, written
from app.kernel.ids import new_id
from app.plans import customers, entitlements, price_book, reductions, tables
from app.plans.entitlements import MOST_USAGE
from app.plans.price_book import COSTS
from app.plans.price_reader import MOST_AMOUNT, WINDOWS, read_charge
from app.pricing.charge import cost

PRORATIONS: Final = ("create_prorations", "none")
#: Words of the wire that are kept under the names they came with, and what each may be.
WORDS: Final[Mapping[str, Sequence[str]]] = {
    "payment_terms": tuple(TERMS),
    "collection_method": ("charge_automatically", "send_invoice"),
    "payment_behavior": ("allow_incomplete", "default_active", "default_incomplete"),
    "proration_behavior": PRORATIONS,
    "line_item_grouping": ("per_billing_period",),
}
#: What a commitment says beside its amount.
FACTORS: Final = ("overage_factor", "commitment_overage_factor")
FLAGS: Final = ("enable_true_up", "commitment_true_up_enabled", "is_window_commitment", "commitment_windowed")
LONGEST_TRIAL: Final = 3_660  # days
MOST_QUANTITY: Final = Decimal(10) ** 9
MOST_FACTOR: Final = Decimal(1_000)
FIRST_YEAR, LAST_YEAR = 1970, 2200


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What every price of a subscription agrees with."""

    subscription_id: str
    currency: str
    unit: Unit
    count: int


def read(connection: Connection, given: Given, now: datetime) -> Agreement:
    """What `POST /subscriptions` asks for, checked; nothing is written."""
    customer = customers.named(connection, given)
    if customer is None:
        raise InvalidInput("Give customer_id or external_customer_id.", param="customer_id")
    plan = plan_of(connection, given.text("plan_id"))
    unit = Unit(given.choice("billing_period", tuple(Unit)))
    count = given.maybe_integer("billing_period_count", least=1, most=LONGEST) or 1
    currency = customers.currency(given)
    start_at = day(given, "start_date") or now
    anchoring = Anchoring(given.choice("billing_cycle", tuple(Anchoring), "anniversary"))
    anchor = day(given, "billing_anchor")
    if anchor is not None and anchoring is Anchoring.CALENDAR:
        raise given.wrong("billing_anchor", "is for a billing_cycle by anniversary: the calendar is an anchor.")
    terms = Rhythm(new_id("subs"), currency, unit, count)
    lines = _lines(connection, given, plan, terms, start_at, now)
    trial = given.maybe_integer("trial_period_days", most=LONGEST_TRIAL)
    if trial is None:
        trial = max((int(line.price.get("trial_period_days") or 0) for line in lines), default=0)
    agreed = _kept(given)
    agreed["include_price_ids"] = list(given.texts("include_price_ids"))
    agreed["only_listed_prices"] = given.has("include_price_ids")  # an empty list takes none of the plan's prices
    more = {str(each.maybe("price_id")) for each in given.objects("line_items", most=100)}
    agreed["coupons"] = _coupons(connection, given, {str(line.price["id"]) for line in lines} | more, currency)
    agreed["tax_rates"] = taxed(connection, given, currency)
    agreed["override_entitlements"] = [
        _promised(connection, each, plan) for each in given.objects("override_entitlements", most=200)
    ]
    return Agreement(
        id=terms.subscription_id,
        customer_id=customer.id,
        workspace_id=customer.workspace_id,
        plan_id=str(plan["id"]),
        plan_name=str(plan["name"]),
        currency=currency,
        unit=unit,
        count=count,
        anchoring=anchoring,
        anchor=anchor,
        start_at=start_at,
        end_at=day(given, "end_date"),
        trial_days=trial,
        is_draft=given.choice("subscription_status", ("active", "draft"), "active") == "draft",
        awaits_payment=given.maybe("payment_behavior") == INCOMPLETE_FIRST,
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
    if given.maybe_choice("billing_cycle", tuple(Anchoring)) not in (None, row.billing_cycle):
        raise given.wrong("billing_cycle", f"stays {row.billing_cycle} when the plan changes.")
    terms = Rhythm(row.id, row.currency, unit, count)
    prices = prices_that_fit(connection, plan, terms, now)
    return NewPlan(str(plan["id"]), str(plan["name"]), tuple(Line(pin(price)) for price in prices), unit, count)


def plan_of(connection: Connection, plan_id: str) -> Mapping[str, Any]:
    """The plan's row, or `NotFound`."""
    query = select(tables.plan).where(tables.plan.c.id == plan_id, tables.plan.c.status == tables.PUBLISHED)
    found = connection.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no plan {plan_id[:100]}.", code="plan_not_found")
    return dict(found)


def prices_of(
    connection: Connection, plan_id: str, currency: str, unit: Unit, count: int, at: datetime, *, entity: str = "PLAN"
) -> Sequence[Mapping[str, Any]]:
    """The prices of a plan, or of another `entity`, that hold at a moment, in a currency and a rhythm; oldest first."""
    price = tables.price
    query = (
        select(price)
        .where(
            price.c.entity_type == entity,
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


def rhythm_of(row: Any) -> Rhythm:
    """What prices of a subscription must agree with."""
    return Rhythm(row.id, row.currency, Unit(row.billing_period), row.billing_period_count)


def line_of(connection: Connection, given: Given, terms: Rhythm, now: datetime, *, actor: str) -> Line:
    """One more line for a subscription: a known price, or one of its own, which is kept like others."""
    if given.has("price_id") and given.has("price"):
        raise given.wrong("price", "is for a line without a price_id.")
    if given.has("price_id"):
        price = _price(connection, given.text("price_id"))
        if price["entity_type"] not in ("PLAN", "ADDON") and price["entity_id"] != terms.subscription_id:
            raise given.wrong("price_id", "is no price of a plan or an addon.")
    else:
        own = {"currency": terms.currency, "entity_type": "SUBSCRIPTION", "entity_id": terms.subscription_id}
        price = price_book.create(
            connection, Given({**given.object("price").raw, **own}, given.at("price")), actor=actor, now=now
        )
    line = Line(
        pin(price),
        _many(given) or least(price),
        given.maybe("display_name") or "",
        committed(given) or None,
        meta=given.labels(),
        start_at=day(given, "start_date"),
        end_at=day(given, "end_date"),
    )
    if line.end_at is not None and line.end_at <= (line.start_at or now):
        raise given.wrong("end_date", "must be after start_date.")
    bearable(connection, line, terms, given)
    return line


def prices_that_fit(
    connection: Connection, what: Mapping[str, Any], terms: Rhythm, at: datetime, *, entity: str = "PLAN"
) -> Sequence[Mapping[str, Any]]:
    """The prices of a plan, or of an addon, that go with a subscription. One that has prices, but none of these, is
    refused: nothing would be billed of it."""
    found = prices_of(connection, str(what["id"]), terms.currency, terms.unit, terms.count, at, entity=entity)
    price = tables.price
    others = select(price.c.id).where(
        price.c.entity_type == entity, price.c.entity_id == what["id"], price.c.status == tables.PUBLISHED
    )
    if not found and connection.execute(others).first() is not None:
        every = terms.unit if terms.count == 1 else f"{terms.count} {terms.unit}"
        raise InvalidInput(
            f"{what['name']} has no prices in {terms.currency} for {every} periods.",
            param="currency" if entity == "PLAN" else "addon_id",
            code=f"{entity.lower()}_not_priced",
        )
    return found


def _lines(
    connection: Connection,
    given: Given,
    plan: Mapping[str, Any],
    terms: Rhythm,
    start_at: datetime,
    now: datetime,
) -> list[Line]:
    """The plan's, as far as they are wanted and changed; `Agreement.own` says what else."""
    prices = prices_that_fit(connection, plan, terms, max(start_at, now))
    chosen = given.texts("include_price_ids") if given.has("include_price_ids") else None
    offered = {str(price["id"]) for price in prices}
    if unknown := set(chosen or ()) - offered:
        raise given.wrong("include_price_ids", f"names {min(unknown)[:100]}, which the plan does not have for this.")
    return lines_of_prices(connection, given, [p for p in prices if chosen is None or p["id"] in chosen], terms)


def lines_of_prices(
    connection: Connection, given: Given, prices: Sequence[Mapping[str, Any]], terms: Rhythm
) -> list[Line]:
    """These prices as lines, with the amounts, quantities and commitments that are asked for otherwise."""
    overrides = {each.text("price_id"): each for each in given.objects("override_line_items", most=200)}
    commitments = given.maybe_object("line_item_commitments")
    lines = []
    for price in prices:
        changed = overrides.get(str(price["id"]))
        row = dict(price) if changed is None else overridden(connection, price, changed)
        many = _many(changed) if changed else None
        said = commitments.maybe_object(str(price["id"])) if commitments else None
        line = Line(pin(row), many or least(price), commitment=committed(said) if said else None)
        bearable(connection, line, terms, given)
        lines.append(line)
    known = {str(line.price["id"]) for line in lines}
    for name, named in (("override_line_items", overrides), ("line_item_commitments", commitments and commitments.raw)):
        if unknown := set(named or ()) - known:
            raise given.wrong(name, f"names the price {min(unknown)[:100]}, which is not among these.")
    return lines


def overridden(connection: Connection, price: Mapping[str, Any], changed: Given) -> dict[str, Any]:
    """The price with what it is to cost here instead."""
    found = dict(price)
    if changed.maybe("bucket_size"):
        if price["type"] != USAGE:
            raise changed.wrong("bucket_size", "is for usage prices.")
        found["bucket_size"] = changed.choice("bucket_size", WINDOWS)
    kept = {name: value for name, value in changed.raw.items() if name in COSTS}
    return found | (read_charge(connection, Given(kept, changed.place), dict(price)) if kept else {})


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


def day(given: Given, name: str) -> datetime | None:
    """A moment that periods can be counted from."""
    found = given.maybe_moment(name)
    if found is not None and not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise given.wrong(name, f"must be between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return found


def bearable(connection: Connection, line: Line, terms: Rhythm, given: Given) -> None:
    """A line that can be billed with its subscription: in its currency and rhythm, and never more than an invoice can
    state. A commitment is to usage."""
    price = line.price
    if str(price["currency"]).upper() != terms.currency.upper():
        raise given.wrong("currency", f"of the price {price['id']} is {price['currency']}, not {terms.currency}.")
    rhythm = (price["billing_period"], price["billing_period_count"])
    if rhythm != (terms.unit, terms.count) and price["billing_period"] != ONCE:
        raise given.wrong(
            "billing_period", f"of the price {price['id']} is {rhythm[1]} {rhythm[0]}, not {terms.count} {terms.unit}."
        )
    item = item_of("", price, None, quantity=line.quantity)
    if item.kind == FIXED and cost(item.charge, item.quantity).amount * item.unit_rate > MOST_AMOUNT:
        raise InvalidInput(f"{item.name} comes to more than {MOST_AMOUNT:,f} {terms.currency}.", param="quantity")
    if item.kind == USAGE and line.quantity != least(price):
        raise given.wrong("quantity", "is for fixed prices: usage is counted.")
    agreed, windowed = commitment_of(line.commitment)
    if agreed is not None and item.kind == FIXED:
        raise given.wrong("commitment_amount", "is for usage: a fixed price is charged whatever is used.")
    if windowed and not price.get("bucket_size"):
        meter = facts.meters_of(connection, [str(price["meter_id"])]).get(str(price["meter_id"]))
        if meter is None or meter.bucket_size is None:
            raise given.wrong("commitment_windowed", "needs a price or a meter with a bucket_size.")


def _promised(connection: Connection, given: Given, plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a subscription changes of an entitlement of its plan. A `usage_limit` of null is without limit."""
    found: dict[str, Any] = {"entitlement_id": given.text("entitlement_id")}
    if given.has("config_value"):
        found["config_value"] = dict(given.object("config_value").raw)
    if "usage_limit" in given.raw:
        found["usage_limit"] = given.maybe_integer("usage_limit", most=MOST_USAGE)
    if given.has("is_enabled"):
        found["is_enabled"] = given.flag("is_enabled")
    if given.has("static_value"):
        found["static_value"] = given.text("static_value")
    known = entitlements.shelf.get(connection, found["entitlement_id"])
    if (known["entity_type"], known["entity_id"]) != ("PLAN", plan["id"]):
        raise given.wrong("entitlement_id", "is of another plan.")
    for name, kind in (("usage_limit", "metered"), ("static_value", "static"), ("config_value", "config")):
        if given.has(name) and known["feature_type"] != kind:
            raise given.wrong(name, f"is for {kind} features.")
    return found


def committed(given: Given, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is said of a commitment, as it is kept; `before` is one that it changes."""
    found: dict[str, Any] = {}
    if given.has("commitment_amount"):
        found["commitment_amount"] = written(given.decimal("commitment_amount", most=MOST_AMOUNT))
    for name in FACTORS:
        if given.has(name):
            found[name] = written(given.decimal(name, most=MOST_FACTOR))
    found |= {name: given.flag(name) for name in FLAGS if given.has(name)}
    if "commitment_amount" not in {**(before or {}), **found}:
        said = next((name for name, value in found.items() if value is True or value not in (False, "1")), None)
        if said is not None:
            raise given.wrong(said, "needs a commitment_amount.")
        return {}
    return found


def _kept(given: Given) -> dict[str, Any]:
    """What is kept of the wire under its own names, once it is sensible."""
    found = {name: said for name, may in WORDS.items() if (said := given.maybe_choice(name, may)) is not None}
    return found | committed(given)


def taxed(connection: Connection, given: Given, currency: str) -> list[str]:
    """The codes of the tax rates that are to apply instead of the usual ones."""
    found = []
    for each in given.objects("tax_rate_overrides", most=20):
        rate = reductions.tax_rates.get_by(connection, "code", each.text("tax_rate_code"))
        if rate["tax_rate_status"] != "ACTIVE":
            raise each.wrong("tax_rate_code", "is of a rate that is not in use.")
        if each.has("currency") and customers.currency(each) != currency:
            raise each.wrong("currency", f"must be {currency.lower()}, in which this is billed.")
        if not each.flag("auto_apply", True):
            raise each.wrong("auto_apply", "is not served here: leave the rate out.")
        if each.maybe_choice("tax_behavior", reductions.BEHAVIORS) == "inclusive":
            raise each.wrong("tax_behavior", "must be exclusive: tax is added to prices.")
        for name in ("priority", "metadata"):
            if each.has(name):
                raise each.wrong(name, "is not served here: the rates apply in the order of this list.")
        found.append(str(rate["code"]))
    return found


def _coupons(connection: Connection, given: Given, prices: Collection[str], currency: str) -> list[dict[str, Any]]:
    """Coupons of the whole, and of single prices, as associations."""
    named = {each.maybe("price_id") for each in given.objects("subscription_coupons", most=50)} - {None}
    for name, wanted in (
        ("subscription_coupons", {str(each) for each in named}),
        ("line_item_coupons", set(raw.raw) if (raw := given.maybe_object("line_item_coupons")) else set()),
    ):
        if unknown := wanted - set(prices):
            raise given.wrong(name, f"names the price {min(unknown)[:100]}, which is not among these.")
    found = [coupon(connection, code, currency) for code in given.texts("coupons", most=50)]
    for each in given.objects("subscription_coupons", most=50):
        extra = {"price_id": each.text("price_id")} if each.has("price_id") else {}
        for name in ("start_date", "end_date"):
            if (moment := each.maybe_moment(name)) is not None:
                extra[name] = moment.isoformat()
        found.append(coupon(connection, each.text("coupon_code"), currency) | extra)
    by_price = given.maybe_object("line_item_coupons")
    for price_id in by_price.raw if by_price else ():
        if by_price is not None:
            found += [
                coupon(connection, code, currency) | {"price_id": price_id}
                for code in by_price.texts(price_id, most=50)
            ]
    return found


def coupon(connection: Connection, code: str, currency: str) -> dict[str, Any]:
    """The association of a coupon, by its code or id; `NotFound`, and `InvalidInput` for an amount of another currency:
    it would take nothing off."""
    table = tables.coupon
    named = (table.c.coupon_code == code) | (table.c.id == code)
    row = connection.execute(select(table).where(named, table.c.status == tables.PUBLISHED)).first()
    if row is None:
        raise NotFound(f"There is no coupon {code[:100]}.", code="coupon_not_found")
    if row.currency and row.currency.upper() != currency.upper():
        said = f"The coupon {code[:100]} is an amount of {row.currency.upper()}, and this is in {currency.upper()}."
        raise InvalidInput(said, param="coupons", code="currency_mismatch")
    return {"id": new_id("coupon_assoc"), "coupon_id": row.id}
