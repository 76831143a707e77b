"""Plans, prices and entitlements as rows, and what the forms say as the domain reads it: pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict

from app.kernel.errors import InvalidInput
from app.kernel.text import t
from app.plans import allowed
from app.plans.prices import in_words
from app.ui import present

PRICE_FIELDS = ("display_name", "lookup_key", "currency", "amount", "per", "tiers", "filters")
PLAN_FIELDS = ("name", "lookup_key", "description")
PERIODS = ("MONTHLY", "QUARTERLY", "HALF_YEARLY", "ANNUAL", "WEEKLY", "DAILY")
#: How a price made here is counted: a fee per period, per unit, per started package, or in tiers.
WAYS = ("fee", "unit", "package", "tiers")
#: Which units the price of a tier is for: all of them, or those within it.
MODES = ("SLAB", "VOLUME")

#: What a plan can promise: a model, the most of something, so much in a period, or a feature of the operator's own.
KINDS = ("model", "limit", "quota", "feature")
ROLES = tuple(allowed.ROLES)
#: What limits usually are, to be chosen with a click; anything that can be compared may be typed.
SUGGESTED = {
    "quality": allowed.QUALITIES,
    "resolution": ("480p", "720p", "1080p", "1440p", "4k"),
    "duration": ("4", "5", "6", "8", "10", "15"),
}
OTHERWISE = (allowed.REFUSE, allowed.DOWNGRADE)


class PlanRow(TypedDict):
    id: str
    name: str
    key: str
    summary: str


class PriceRow(TypedDict):
    id: str
    name: str
    cost: str
    when: str
    since: str
    is_ended: bool
    may_change: bool
    tiers: str  # as they are typed; "" where it has none


class PromiseRow(TypedDict):
    id: str
    feature: str
    promise: str
    is_off: bool


class GrantRow(TypedDict):
    id: str
    name: str
    credits: str
    when: str


class Choice(TypedDict):
    value: str
    label: str


def plan_row(plan: Mapping[str, Any], prices: int, promises: int) -> PlanRow:
    return PlanRow(
        id=plan["id"],
        name=plan["name"],
        key=plan["lookup_key"] or "",
        summary=t(
            "admin_plans.counts",
            prices=present.plural(prices, t("admin_plans.one_price"), t("admin_plans.many_prices")),
            promises=present.plural(promises, t("admin_plans.one_promise"), t("admin_plans.many_promises")),
        ),
    )


def price_row(price: Mapping[str, Any], meters: Mapping[str, str], now: datetime) -> PriceRow:
    """What a price costs, what for, and since when."""
    ended = price["end_date"] is not None and price["end_date"] <= now
    since = t("admin_plans.price.since", day=present.date(price["start_date"]))
    if price["end_date"] is not None:
        since = t("admin_plans.price.until", start=since, end=present.date(price["end_date"]))
    filters = {name: tuple(values) for name, values in price["filter_values"].items()}
    counted = meters.get(price["meter_id"] or "", "")
    tiers = price["tiers"] if price["billing_model"] == "TIERED" and price["price_unit"] is None else None
    only_where = in_words(filters) if filters else ""
    return PriceRow(
        id=price["id"],
        name=price["display_name"] or price["lookup_key"] or counted or t("admin_plans.price.fee"),
        cost=cost_in_words(price, counted),
        when=f" {present.DOT} ".join(filter(None, (tiers_in_words(tiers or ()), only_where))),
        since=since,
        is_ended=ended,
        may_change=price["end_date"] is None and price["price_unit"] is None,
        tiers="\n".join(_tier_as_typed(tier) for tier in tiers or ()),
    )


def tiers_in_words(tiers: Sequence[Mapping[str, Any]]) -> str:
    """`to 100: 0.10, to 1,000: 0.08, above: 0.05 + 5`."""
    said = []
    for tier in tiers:
        end = tier["up_to"]
        key = "above" if end is None else "to"
        price = tier["unit_amount"] + (f" + {tier['flat_amount']}" if Decimal(tier["flat_amount"]) else "")
        said.append(t(f"admin_plans.tier.{key}", end=present.count(end or 0), price=price))
    return ", ".join(said)


def _tier_as_typed(tier: Mapping[str, Any]) -> str:
    end = "" if tier["up_to"] is None else present.count(tier["up_to"])
    flat = f" + {tier['flat_amount']}" if Decimal(tier["flat_amount"]) else ""
    return f"{end} = {tier['unit_amount']}{flat}".strip()


def tiers_of(text: str) -> list[dict[str, Any]]:
    """`1,000 = 0.08 + 5`, a line for each tier: up to how many, the price of one, and what the tier costs besides. The
    last may say no end. `InvalidInput` "tiers" for a line that is none."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        end, equals, prices = line.partition("=")
        unit, _, flat = prices.partition("+")
        tier = {"up_to": amount_of(end), "unit_amount": amount_of(unit), "flat_amount": amount_of(flat)}
        said = {name: figure for name, figure in tier.items() if figure is not None}
        if not equals or "unit_amount" not in said or not all(map(_is_figure, said.values())):
            raise InvalidInput(t("admin_plans.form.tiers_wrong", line=line), param="tiers")
        found.append(said)
    if not found:
        raise InvalidInput(t("admin_plans.form.tiers_missing"), param="tiers")
    return found


def cost_in_words(price: Mapping[str, Any], counted: str) -> str:
    """`$0.08 per video_seconds`, `$20.00 monthly`, or how many tiers it has."""
    unit = price["price_unit"] or price["currency"]
    amount = price["price_unit_amount"] if price["price_unit"] else price["amount"]
    if price["billing_model"] == "TIERED":
        tiers = price["price_unit_tiers"] or price["tiers"]
        mode = t(f"admin_plans.mode.{price['tier_mode'].lower()}")
        many = present.plural(len(tiers), t("admin_plans.price.tier"), t("admin_plans.price.many_tiers"))
        return t("admin_plans.price.tiers", count=many, mode=mode, unit=unit, what=counted)
    if price["type"] == "FIXED":
        period = t(f"admin_plans.period.{price['billing_period'].lower()}")
        return t("admin_plans.price.fixed", amount=_money(price, amount), period=period)
    packed = price["transform_quantity"]
    size = packed["divide_by"] if packed else 1
    what = counted if size == 1 else t("admin_plans.price.many", count=present.count(size), what=counted)
    return t("admin_plans.price.usage", amount=_money(price, amount), what=what)


def _money(price: Mapping[str, Any], amount: str) -> str:
    """`$20.00`, `$0.0000125`: a price is never rounded. A unit of the operator's own stands behind its figure."""
    return (
        f"{amount} {price['price_unit']}" if price["price_unit"] else present.price(Decimal(amount), price["currency"])
    )


def promise_row(promise: Mapping[str, Any], feature: Mapping[str, Any] | None) -> PromiseRow:
    return PromiseRow(
        id=promise["id"],
        feature=_feature_in_words(feature) if feature else promise["feature_id"],
        promise=promise_in_words(promise),
        is_off=not promise["is_enabled"],
    )


def grant_row(grant: Mapping[str, Any]) -> GrantRow:
    """The credits that come with a plan: `5,000 credits`, `each month, end with the period`."""
    if grant["cadence"] == "ONETIME":
        said = [t("admin_plans.grant.once")]
    elif grant["period_count"] == 1:
        said = [t(f"admin_plans.grant.each.{grant['period'].lower()}")]
    else:
        said = [t(f"admin_plans.grant.every.{grant['period'].lower()}", count=grant["period_count"])]
    if grant["expiration_type"] == "BILLING_CYCLE":
        said.append(t("admin_plans.grant.with_period"))
    elif grant["expiration_type"] == "DURATION":
        unit, many = grant["expiration_duration_unit"].lower(), grant["expiration_duration"]
        length = t(f"admin_plans.grant.{'one' if many == 1 else 'many'}.{unit}", count=many)
        said.append(t("admin_plans.grant.after", length=length))
    return GrantRow(
        id=grant["id"],
        name=grant["name"],
        credits=present.credit_words(Decimal(grant["credits"])),
        when=", ".join(said),
    )


def promise_in_words(promise: Mapping[str, Any]) -> str:
    """`100 a month`, `without limit`, a value, or included."""
    if not promise["is_enabled"]:
        return t("admin_plans.promise.off")
    if promise["feature_type"] == "static":
        return str(promise["static_value"])
    if promise["feature_type"] == "config" and {*promise["config_value"]} == {"most", "otherwise"}:
        said = promise["config_value"]
        return t(f"admin_plans.otherwise.{said['otherwise']}", most=said["most"])
    if promise["feature_type"] == "config":
        return ", ".join(f"{name}: {_listed(value)}" for name, value in promise["config_value"].items())
    if promise["feature_type"] == "boolean":
        return t("admin_plans.promise.on")
    if promise["usage_limit"] is None:
        return t("admin_plans.promise.unlimited")
    period = (promise["usage_reset_period"] or "monthly").lower()
    soft = t("admin_plans.promise.soft") if promise["is_soft_limit"] else ""
    return t("admin_plans.promise.limit", limit=present.count(promise["usage_limit"]), period=_per(period)) + soft


def price_body(
    plan_id: str, way: str, meter_id: str, period: str, mode: str, values: Mapping[str, str]
) -> dict[str, Any]:
    """The form as the body of a new price."""
    body: dict[str, Any] = {
        "entity_type": "PLAN", "entity_id": plan_id, "price_unit_type": "FIAT", "billing_period": period,
        "currency": values["currency"], "amount": amount_of(values["amount"]),
        "display_name": values["display_name"] or None, "lookup_key": values["lookup_key"] or None,
    }  # fmt: skip
    if way == "fee":
        return body | {"type": "FIXED", "billing_model": "FLAT_FEE", "invoice_cadence": "ADVANCE"}
    body |= {"type": "USAGE", "invoice_cadence": "ARREAR", "meter_id": meter_id or None}
    body["filter_values"] = filters_of(values["filters"])
    if way == "package":
        packed = {"divide_by": amount_of(values["per"]), "round": "up"}
        return body | {"billing_model": "PACKAGE", "transform_quantity": packed}
    if way == "tiers":
        tiered = {"tiers": tiers_of(values["tiers"]), "tier_mode": mode, "amount": None}
        return body | {"billing_model": "TIERED", **tiered}
    return body | {"billing_model": "FLAT_FEE"}


def amount_of(text: str) -> str | None:
    """`1,000.50` as a figure; what is no figure stays as it is and is refused by its field."""
    tidy = text.strip().replace(",", "")
    return tidy or None


def _is_figure(text: str) -> bool:
    digits = text.replace(".", "", 1)
    return digits.isascii() and digits.isdigit()


def filters_of(text: str) -> dict[str, list[str]]:
    """`model = veo, kling`, a line for each property. `InvalidInput` "filters" for a line that is none."""
    found: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, values = line.partition("=")
        listed = [each.strip() for each in values.split(",") if each.strip()]
        if not equals or not name.strip() or not listed:
            raise InvalidInput(t("admin_plans.form.filters_wrong", line=line), param="filters")
        found[name.strip()] = listed
    return found


def _feature_in_words(feature: Mapping[str, Any]) -> str:
    key = feature["lookup_key"] or ""
    if key.startswith(allowed.MODEL):
        return t("admin_plans.promise.model", name=key.removeprefix(allowed.MODEL))
    if key.startswith(allowed.LIMIT) and key.removeprefix(allowed.LIMIT) in ROLES:
        return t(f"admin_plans.role.{key.removeprefix(allowed.LIMIT)}")
    return str(feature["name"])


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _per(period: str) -> str:
    return t(f"admin_plans.per.{period}")
