"""What a new price must say, checked field by field: every refusal names the field."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection

from app.kernel.errors import NotFound
from app.kernel.given import Given, written
from app.metering import meter_book
from app.metering.apart import canonical
from app.plans import tables
from app.plans.customers import currency
from app.plans.prices import CUSTOM, FIAT, FIXED, USAGE
from app.plans.shelf import Shelf

MODELS: Final = ("FLAT_FEE", "PACKAGE", "TIERED")
PERIODS: Final = ("MONTHLY", "ANNUAL", "WEEKLY", "DAILY", "QUARTERLY", "HALF_YEARLY", "ONETIME")
WINDOWS: Final = ("MINUTE", "15MIN", "30MIN", "HOUR", "3HOUR", "6HOUR", "12HOUR", "DAY", "WEEK", "MONTH")
MODES: Final = ("VOLUME", "SLAB")
#: Beyond it a figure is a mistake: an invoice could not state what comes of it.
MOST_AMOUNT: Final = Decimal(10) ** 12
MOST_TIERS: Final = 100
MOST_FILTERS: Final = 20
MOST_VALUES: Final = 200

units: Final = Shelf(tables.price_unit, "price_unit", "price unit", "code")


def read_price(connection: Connection, given: Given, now: datetime) -> dict[str, Any]:
    """The row of a new price, but for its entity. `InvalidInput` names the field, `NotFound` an unknown meter."""
    kind = given.choice("type", (USAGE, FIXED))
    period = given.choice("billing_period", PERIODS)
    found: dict[str, Any] = {
        "type": kind,
        "currency": currency(given),
        "billing_period": period,
        "billing_period_count": given.integer("billing_period_count", least=1, most=1_000)
        if given.has("billing_period_count")
        else 1,
        "billing_cadence": given.choice("billing_cadence", ("RECURRING", "ONETIME"), _cadence(period)),
        "invoice_cadence": given.choice("invoice_cadence", ("ARREAR", "ADVANCE")),
        "meter_id": _meter_of(connection, given, kind),
        "display_name": given.maybe("display_name"),
        "description": given.maybe("description", longest=2_000),
        "lookup_key": given.maybe("lookup_key") or None,
        "group_id": given.maybe("group_id") or None,
        "filter_values": read_filters(given),
        "bucket_size": given.maybe_choice("bucket_size", WINDOWS),
        "min_quantity": given.maybe_integer("min_quantity"),
        "trial_period_days": given.integer("trial_period_days", most=3_650) if given.has("trial_period_days") else 0,
        "start_date": given.maybe_moment("start_date") or now,
        "end_date": given.maybe_moment("end_date"),
        "metadata": given.labels(),
    } | read_charge(connection, given)
    _check(given, found)
    return found


def read_charge(connection: Connection, given: Given, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What it costs. `before` is the price this one replaces: what is not given is taken from there."""
    before = before or {}
    model = given.choice("billing_model", MODELS, before.get("billing_model"))
    kind = given.choice("price_unit_type", (FIAT, CUSTOM), before.get("price_unit_type"))
    found: dict[str, Any] = {
        "billing_model": model,
        "price_unit_type": kind,
        "tier_mode": given.maybe_choice("tier_mode", MODES) or before.get("tier_mode"),
        "transform_quantity": read_transform(given) or before.get("transform_quantity"),
        "amount": None, "tiers": None, "price_unit_id": None, "price_unit": None, "conversion_rate": None,
        "price_unit_amount": None, "price_unit_tiers": None,
    }  # fmt: skip
    found |= _in_units(connection, given, before) if kind == CUSTOM else _in_currency(given, before)
    amount, tiers = ("price_unit_amount", "price_unit_tiers") if kind == CUSTOM else ("amount", "tiers")
    named = "price_unit_config." if kind == CUSTOM else ""
    if model == "TIERED" and not found[tiers]:
        raise given.wrong(f"{named}{tiers}", "is missing.")
    _no_other_model(given, str(model), named)
    if model == "TIERED":
        found["tier_mode"] = found["tier_mode"] or "VOLUME"
        found[amount] = None
        return found
    if found[amount] is None:
        raise given.wrong(f"{named}amount", "is missing.")
    if model == "PACKAGE" and found["transform_quantity"] is None:
        raise given.wrong("transform_quantity", "is missing: a package says how many units it holds.")
    return found | {tiers: None, "tier_mode": None}


def _no_other_model(given: Given, model: str, named: str) -> None:
    """What another billing model would need is refused."""
    unit_of = given.raw.get("price_unit_config") if named else None
    places = [given, Given(unit_of, given.at("price_unit_config"))] if isinstance(unit_of, Mapping) else [given]
    for place in places:
        if model == "TIERED":
            for name in ("amount", "price_unit_amount"):
                if place.maybe_decimal(name):
                    raise place.wrong(name, "is for prices that are not TIERED: a tier has its own.")
            continue
        for name in ("tiers", "price_unit_tiers", "tier_mode"):
            if place.raw.get(name) not in (None, "", []):
                raise place.wrong(name, f"is for TIERED prices: this one is {model}.")


def read_filters(given: Given, name: str = "filter_values") -> dict[str, list[str]]:
    """Property → the values it may have, in canonical text; a single value is a list of one."""
    raw = given.raw.get(name) or {}
    if not isinstance(raw, Mapping) or len(raw) > MOST_FILTERS:
        raise given.wrong(name, f"must be an object of up to {MOST_FILTERS} lists.")
    found: dict[str, list[str]] = {}
    for key, values in raw.items():
        listed = values if isinstance(values, list) else [values]
        if not listed or len(listed) > MOST_VALUES or any(isinstance(each, list | dict) for each in listed):
            raise given.wrong(f"{name}.{key}", f"must be a list of 1 to {MOST_VALUES} values.")
        found[str(key)] = list(Given({key: [canonical(each) for each in listed]}, name).texts(str(key)))
    return found


def read_transform(given: Given) -> dict[str, Any] | None:
    """Units in a package, and whether a started one counts."""
    packed = given.maybe_object("transform_quantity")
    if packed is None:
        return None
    return {"divide_by": packed.integer("divide_by", least=1), "round": packed.choice("round", ("up", "down"), "up")}


def read_tiers(given: Given, name: str) -> list[dict[str, Any]] | None:
    """Tiers in their order: each ends higher than the one before, and only the last may be without end."""
    if not given.has(name):
        return None
    tiers: list[dict[str, Any]] = [
        {
            "up_to": each.maybe_integer("up_to", least=1),
            "unit_amount": written(each.decimal("unit_amount", most=MOST_AMOUNT)),
            "flat_amount": written(each.maybe_decimal("flat_amount", most=MOST_AMOUNT) or Decimal(0)),
        }
        for each in given.objects(name, least=1, most=MOST_TIERS)
    ]
    ends = [tier["up_to"] for tier in tiers]
    if None in ends[:-1] or any(low >= high for low, high in pairwise(ends) if high is not None):
        raise given.wrong(name, "must end higher each, and only the last may have no up_to.")
    return tiers


def _in_currency(given: Given, before: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("price_unit_config", "price_unit_amount", "price_unit_tiers"):
        if given.raw.get(name) not in (None, "", [], {}):
            raise given.wrong(name, "is for prices in a price unit: set price_unit_type to CUSTOM.")
    amount = given.maybe_decimal("amount", most=MOST_AMOUNT)
    return {
        "amount": before.get("amount") if amount is None else written(amount),
        "tiers": read_tiers(given, "tiers") or before.get("tiers"),
    }


def _in_units(connection: Connection, given: Given, before: Mapping[str, Any]) -> dict[str, Any]:
    """Its figures in a price unit; the unit's rate is kept as it is now."""
    if given.has("tiers") or given.has("amount"):
        which = "tiers" if given.has("tiers") else "amount"
        raise given.wrong(which, "belongs into price_unit_config for a price in a price unit.")
    if before:
        amount, tiers = (
            given.maybe_decimal("price_unit_amount", most=MOST_AMOUNT),
            read_tiers(given, "price_unit_tiers"),
        )
        kept = {name: before[name] for name in ("price_unit_id", "price_unit", "conversion_rate")}
        return kept | {
            "price_unit_amount": before["price_unit_amount"] if amount is None else written(amount),
            "price_unit_tiers": tiers or before["price_unit_tiers"],
        }
    config = given.object("price_unit_config")
    code = config.text("price_unit")
    unit = units.by(connection, "code", code) or units.by(connection, "code", code.lower())
    if unit is None:
        raise NotFound(
            f"There is no price unit {code[:100]}.", param=config.at("price_unit"), code="price_unit_not_found"
        )
    if unit["base_currency"] != currency(given):
        raise given.wrong("currency", f"must be {unit['base_currency']}, in which {unit['code']} is worth something.")
    amount = config.maybe_decimal("amount", most=MOST_AMOUNT)
    return {
        "price_unit_id": unit["id"],
        "price_unit": unit["code"],
        "conversion_rate": unit["conversion_rate"],
        "price_unit_amount": None if amount is None else written(amount),
        "price_unit_tiers": read_tiers(config, "price_unit_tiers"),
    }


def _check(given: Given, found: Mapping[str, Any]) -> None:
    """What fields say about each other."""
    if found["type"] == USAGE:
        if found["min_quantity"] is not None:
            raise given.wrong("min_quantity", "is for fixed prices: usage has no least quantity.")
        if found["invoice_cadence"] == "ADVANCE":
            raise given.wrong("invoice_cadence", "must be ARREAR for usage: nobody knows it in advance.")
    else:
        for name in ("filter_values", "bucket_size"):
            if found[name]:
                raise given.wrong(name, "is for usage prices.")
    if found["billing_cadence"] == "ONETIME" and found["invoice_cadence"] != "ADVANCE":
        raise given.wrong("invoice_cadence", "must be ADVANCE for a price that is charged once.")
    if found["trial_period_days"] and (found["type"] != FIXED or found["billing_cadence"] != "RECURRING"):
        raise given.wrong("trial_period_days", "is for recurring fixed prices.")
    if found["end_date"] is not None and found["end_date"] <= found["start_date"]:
        raise given.wrong("end_date", "must be after start_date.")


def _cadence(period: str) -> str:
    return "ONETIME" if period == "ONETIME" else "RECURRING"


def _meter_of(connection: Connection, given: Given, kind: str) -> str | None:
    if kind == FIXED:
        if given.maybe("meter_id"):
            raise given.wrong("meter_id", "is for usage: a fixed price is not counted.")
        return None
    if not given.maybe("meter_id"):
        raise given.wrong("meter_id", "is missing: usage is counted by a meter.")
    return str(meter_book.usable(connection, given, "meter_id")["id"])
