"""What changes a bill: coupons, and tax rates with where they apply."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, or_, update

from app.kernel.errors import Conflict, Rejected
from app.kernel.given import Given, written
from app.plans import customers, tables
from app.plans.customers import currency
from app.plans.price_reader import MOST_AMOUNT
from app.plans.search import Condition, Page, chosen
from app.plans.search import search as page_of
from app.plans.shelf import Record, Shelf

CADENCES: Final = ("once", "repeated", "forever")
SCOPES: Final = ("INTERNAL", "EXTERNAL", "ONETIME")
TAXED: Final = ("customer", "subscription", "tenant")
#: What the wire knows beside: an invoice names its own rates, and a credit note gives back what its invoice charged.
TAXED_OTHERWISE: Final = ("invoice", "credit_note")
BEHAVIORS: Final = ("inclusive", "exclusive")
HUNDRED: Final = Decimal(100)
#: A tax that applies to everything hangs on this.
TENANT: Final = "tenant"

coupons: Final = Shelf(tables.coupon, "coupon", "coupon", "coupon_code")
tax_rates: Final = Shelf(tables.tax_rate, "taxrate", "tax rate", "code")
tax_associations: Final = Shelf(tables.tax_association, "ta", "tax association")

# --- coupons


def create_coupon(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A fixed amount (with its currency) or a percentage off: once, for some periods, or for ever."""
    kind, cadence = given.choice("type", ("fixed", "percentage")), given.choice("cadence", CADENCES)
    off, percent = None, None
    if kind == "fixed":
        off = given.decimal("amount_off", above=Decimal(0), most=MOST_AMOUNT)
        if given.maybe_decimal("percentage_off"):
            raise given.wrong("percentage_off", "is for percentage coupons.")
    else:
        percent = given.decimal("percentage_off", above=Decimal(0))
        if given.maybe_decimal("amount_off"):
            raise given.wrong("amount_off", "is for fixed coupons.")
        if percent > HUNDRED:
            raise given.wrong("percentage_off", "must be at most 100.")
    values: dict[str, Any] = {
        "name": given.text("name"),
        "coupon_code": given.maybe("coupon_code") or None,
        "type": kind,
        "cadence": cadence,
        "amount_off": None if off is None else written(off),
        "percentage_off": None if percent is None else written(percent),
        "currency": currency(given) if kind == "fixed" or given.maybe("currency") else None,
        "duration_in_periods": _periods(given, cadence),
        "max_redemptions": given.maybe_integer("max_redemptions", least=1, most=2**31 - 1),
        "total_redemptions": 0,
        "redeem_after": given.maybe_moment("redeem_after"),
        "redeem_before": given.maybe_moment("redeem_before"),
        "rules": None,
        "metadata": given.labels(),
    }
    if values["redeem_after"] and values["redeem_before"] and values["redeem_before"] <= values["redeem_after"]:
        raise given.wrong("redeem_before", "must be after redeem_after.")
    return coupons.add(connection, values, actor=actor, now=now)


def change_coupon(connection: Connection, coupon_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Its name and metadata."""
    return coupons.change(connection, coupon_id, _words(given, "name"), actor=actor, now=now)


def redeem(connection: Connection, coupon_id: str, *, now: datetime) -> Record:
    """Count one more use. `Rejected` "coupon_not_redeemable" outside its time, or when it is used up; two who take the
    last one at once: one gets it."""
    found = coupons.get(connection, coupon_id)
    if (found["redeem_after"] and now < found["redeem_after"]) or (
        found["redeem_before"] and now >= found["redeem_before"]
    ):
        raise Rejected(f"The coupon {found['name']} cannot be redeemed now.", code="coupon_not_redeemable")
    c = tables.coupon.c
    left = or_(c.max_redemptions.is_(None), c.total_redemptions < c.max_redemptions)
    taken = update(tables.coupon).where(c.id == coupon_id, left).values(total_redemptions=c.total_redemptions + 1)
    if connection.execute(taken).rowcount != 1:
        raise Rejected(f"The coupon {found['name']} is used up.", code="coupon_not_redeemable")
    return coupons.get(connection, coupon_id)


def redeem_all(connection: Connection, coupon_ids: Iterable[str], *, now: datetime) -> None:
    """One use of each, whatever it is on; in one order, so that two who redeem several do not wait for each other."""
    for coupon_id in sorted(set(coupon_ids)):
        redeem(connection, coupon_id, now=now)


def search_coupons(connection: Connection, given: Given) -> Page:
    c = tables.coupon.c
    wanted: list[Condition] = [*chosen(c.id, given, "coupon_ids"), *chosen(c.coupon_code, given, "coupon_codes")]
    return page_of(connection, tables.coupon, given, *wanted)


def _periods(given: Given, cadence: str) -> int | None:
    if cadence == "repeated":
        return given.integer("duration_in_periods", least=1, most=1_200)
    if given.has("duration_in_periods") and given.raw["duration_in_periods"]:
        raise given.wrong("duration_in_periods", "is for repeated coupons.")
    return None


# --- taxes


def create_tax_rate(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A percentage by its code."""
    given.choice("tax_rate_type", ("percentage",), "percentage")
    percent = given.decimal("percentage_value")
    if percent > HUNDRED:
        raise given.wrong("percentage_value", "must be at most 100.")
    values = _words(given, "name", "description") | {
        "name": given.text("name"),
        "code": given.text("code"),
        "percentage_value": written(percent),
        "scope": given.choice("scope", SCOPES, "INTERNAL"),
        "tax_rate_status": "ACTIVE",
    }
    return tax_rates.add(connection, values, actor=actor, now=now)


def change_tax_rate(connection: Connection, rate_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Its words, its code, and whether it is in use; a new percentage is a new rate."""
    values = _words(given, "name", "description")
    if given.has("code"):
        values["code"] = given.text("code")
    if given.has("tax_rate_status"):
        values["tax_rate_status"] = given.choice("tax_rate_status", ("ACTIVE", "INACTIVE"))
    return tax_rates.change(connection, rate_id, values, actor=actor, now=now)


def delete_tax_rate(connection: Connection, rate_id: str, *, actor: str, now: datetime) -> None:
    """`Rejected` "tax_rate_in_use" while it applies to something."""
    tax_rates.get(connection, rate_id)
    if tax_associations.of(connection, "tax_rate_id", [rate_id]):
        raise Rejected("This tax rate applies to something: end that first.", code="tax_rate_in_use")
    tax_rates.remove(connection, rate_id, actor=actor, now=now)


def search_tax_rates(connection: Connection, given: Given) -> Page:
    c = tables.tax_rate.c
    wanted: list[Condition] = [
        *chosen(c.id, given, "taxrate_ids"),
        *chosen(c.code, given, "taxrate_codes"),
        *chosen(c.scope, given, "scope"),
    ]
    return page_of(connection, tables.tax_rate, given, *wanted)


def associate(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """Let a rate apply to something; `Conflict` when it does already."""
    rate = tax_rates.get_by(connection, "code", given.text("tax_rate_code"))
    kind, entity_id = _taxed(connection, given)
    c = tables.tax_association.c
    same = (c.entity_type == kind) & (c.entity_id == entity_id) & (c.tax_rate_id == rate["id"])
    if tax_associations.all(connection, same):
        raise Conflict(f"The tax rate {rate['code']} applies here already.", code="already_exists")
    values = {
        "tax_rate_id": rate["id"],
        "entity_type": kind,
        "entity_id": entity_id,
        "currency": currency(given) if given.maybe("currency") else None,
        "tax_behavior": _behavior(given),
        "priority": given.integer("priority", most=10_000) if given.has("priority") else 0,
        "auto_apply": given.flag("auto_apply", True),
        "start_date": given.maybe_moment("start_date"),
        "end_date": given.maybe_moment("end_date"),
        "metadata": given.labels(),
    }
    return tax_associations.add(connection, values, actor=actor, now=now)


def change_association(connection: Connection, ta_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    values: dict[str, Any] = _words(given)
    if given.has("priority"):
        values["priority"] = given.integer("priority", most=10_000)
    if given.has("auto_apply"):
        values["auto_apply"] = given.flag("auto_apply")
    if given.maybe("tax_behavior"):
        values["tax_behavior"] = _behavior(given)
    return tax_associations.change(connection, ta_id, values, actor=actor, now=now)


def search_associations(connection: Connection, given: Given) -> Page:
    c = tables.tax_association.c
    wanted: list[Condition] = [
        *chosen(c.entity_type, given, "entity_type"),
        *chosen(c.entity_id, given, "entity_id"),
        *chosen(c.tax_rate_id, given, "tax_rate_id"),
    ]
    if given.maybe("external_customer_id"):
        found = customers.by_external_id(connection, given.text("external_customer_id"))
        wanted += [c.entity_type == "customer", c.entity_id == found.id]
    return page_of(connection, tables.tax_association, given, *wanted)


def _taxed(connection: Connection, given: Given) -> tuple[str, str]:
    if given.maybe("external_customer_id"):
        return "customer", customers.by_external_id(connection, given.text("external_customer_id")).id
    if given.maybe("entity_type") in TAXED_OTHERWISE:
        raise given.wrong("entity_type", "is not served: give an invoice's rates with it, as tax_rate_overrides.")
    kind = given.choice("entity_type", TAXED)
    if kind == TENANT:
        return TENANT, TENANT
    if kind == "customer":
        return kind, customers.get(connection, given.text("entity_id")).id
    return kind, given.text("entity_id")


def _behavior(given: Given) -> str | None:
    found = given.maybe_choice("tax_behavior", BEHAVIORS)
    if found == "inclusive":
        raise given.wrong("tax_behavior", "must be exclusive: tax is added to prices.")
    return found


def _words(given: Given, *names: str) -> dict[str, Any]:
    found: dict[str, Any] = {name: given.maybe(name, longest=2_000) for name in names if given.has(name)}
    return found | ({"metadata": given.labels()} if given.has("metadata") else {})
