"""What a bill is made of besides usage, read from the database: meters, allowances, coupons, taxes, the customer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select

from app.billing import tables
from app.billing.periods import Unit, calendar_start, moved
from app.billing.waterfall import Discount
from app.invoicing import profiles, rate_store, seller
from app.invoicing.parties import Address, Buyer, Seller
from app.invoicing.rates import NoTaxRate
from app.invoicing.tax import RULE_VERSION, decide
from app.invoicing.tax_elsewhere import TaxNotCalculated
from app.invoicing.tax_snapshot import TaxRate, TaxSnapshot
from app.kernel.db import metadata
from app.kernel.errors import NotFound
from app.kernel.fiat import Fiat
from app.metering.aggregate import Aggregation, Span
from app.metering.meters import Meter
from app.metering.tables import MeterRow
from app.plans import tables as plans

METER: Final = metadata.tables[str(MeterRow.__tablename__)]
_INVOICE = tables.billing_invoice
IN_USE: Final = "ACTIVE"
RESETS: Final = {
    "DAILY": Unit.DAILY,
    "WEEKLY": Unit.WEEKLY,
    "MONTHLY": Unit.MONTHLY,
    "QUARTERLY": Unit.QUARTERLY,
    "HALF_YEARLY": Unit.HALF_YEARLY,
    "ANNUAL": Unit.ANNUAL,
}
NEVER: Final = "NEVER"
#: What a subscription may change of an entitlement.
CHANGEABLE: Final = ("usage_limit", "is_enabled", "static_value", "config_value")


@dataclass(frozen=True, slots=True)
class Allowance:
    """So much of a meter is included; it begins anew every `reset` (None: with the billing period), or with `since`
    never: what was used from then on counts."""

    meter_id: str
    limit: Fraction | None
    reset: Unit | None = None
    since: datetime | None = None

    def windows(self, span: Span) -> list[Span]:
        """The parts of a period in each of which the allowance counts by itself."""
        if self.reset is None:
            return [span]
        found, begun = [], calendar_start(self.reset, span.start)
        while begun < span.end:
            following = moved(begun, self.reset, 1)
            found.append(Span(max(begun, span.start), min(following, span.end)))
            begun = following
        return found


@dataclass(frozen=True, slots=True)
class Taxes:
    """The rates that apply and why; `snapshot` when a seller and a buyer are known. `source` is rates, law or none."""

    percents: tuple[Decimal, ...] = ()
    rates: tuple[Mapping[str, Any], ...] = ()
    source: str = "none"
    reason: str = ""


def customer_of(connection: Connection, customer_id: str) -> Row[Any]:
    """The billing customer's row, or `NotFound`."""
    found = connection.execute(select(plans.customer).where(plans.customer.c.id == customer_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no customer {customer_id[:100]}.", code="customer_not_found")
    return found


def meters_of(connection: Connection, ids: Iterable[str]) -> dict[str, Meter]:
    """The meters of these ids."""
    wanted = sorted(set(ids))
    rows = connection.execute(select(METER).where(METER.c.id.in_(wanted))) if wanted else ()
    return {row.id: meter_of(row) for row in rows}


def meter_of(row: Any) -> Meter:
    return Meter(
        id=row.id,
        name=row.name,
        event_name=row.event_name,
        aggregation=Aggregation(row.aggregation),
        fields=tuple(row.fields),
        counts_one=row.counts_one,
        expression=row.expression,
        multiplier=Fraction(row.multiplier),
        bucket_size=row.bucket_size,
        filters={name: tuple(map(str, values)) for name, values in (row.filters or {}).items()},
    )


def allowances(
    connection: Connection, row: Row[Any], span: Span | None = None, plan_id: str | None = None
) -> list[Allowance]:
    """What the plan of a subscription and its addons include: limits of one meter add up, one without end wins. An
    addon counts in full for every period that it has a part in; without a `span` the present one is meant, and
    without a `plan_id` the present plan."""
    ent, feature = plans.entitlement, plans.feature
    many = addons_of(connection, row.id, span or Span(row.period_start, row.period_end))
    query = (
        select(
            ent.c.id,
            ent.c.entity_type,
            ent.c.entity_id,
            ent.c.usage_limit,
            ent.c.is_enabled,
            ent.c.static_value,
            ent.c.config_value,
            ent.c.usage_reset_period,
            ent.c.parent_entitlement_id,
            feature.c.meter_id,
        )
        .join(feature, feature.c.id == ent.c.feature_id)
        .where(
            or_(
                (ent.c.entity_type == "PLAN") & (ent.c.entity_id == (plan_id or row.plan_id)),
                (ent.c.entity_type == "SUBSCRIPTION") & (ent.c.entity_id == row.id),
                (ent.c.entity_type == "ADDON") & ent.c.entity_id.in_(sorted(many)),
            ),
            ent.c.status == plans.PUBLISHED,
            ent.c.feature_type == "metered",
            feature.c.meter_id.is_not(None),
        )
        .order_by(ent.c.id)
    )
    found: dict[str, Allowance] = {}
    for each in in_force([dict(each) for each in connection.execute(query).mappings()], row):
        if not each["is_enabled"]:
            continue
        limit, meter_id = each["usage_limit"], each["meter_id"]
        limit = None if limit is None else Fraction(limit) * many.get(each["entity_id"], 1)
        reset, never = each["usage_reset_period"], each["usage_reset_period"] == NEVER
        mine = Allowance(meter_id, limit, _reset(reset, row), row.start_at if never else None)
        found[meter_id] = _together(found.get(meter_id), mine)
    return list(found.values())


def in_force(rows: Iterable[Mapping[str, Any]], subscription: Row[Any]) -> list[dict[str, Any]]:
    """The entitlements of a subscription, its plan and its addons as they count for it: what it changed is changed,
    and one of its own counts instead of the one that it names as its parent."""
    known = [dict(row) for row in rows]
    replaced = {row["parent_entitlement_id"] for row in known if row["entity_type"] == "SUBSCRIPTION"}
    overrides = {each.get("entitlement_id"): each for each in subscription.agreed.get("override_entitlements") or ()}
    return [
        row | {name: said for name, said in overrides.get(row["id"], {}).items() if name in CHANGEABLE}
        for row in known
        if row["id"] not in replaced
    ]


def turn(reset: str | None, subscription: Row[Any], now: datetime) -> tuple[datetime, datetime | None]:
    """Since when the usage of an entitlement counts, and when it begins anew: with the billing period where it says
    nothing or the same, by the calendar (UTC) where it says another one, and for NEVER not again."""
    if reset == NEVER:
        return subscription.start_at, None
    unit = _reset(reset, subscription)
    if unit is None:
        return subscription.period_start, subscription.period_end
    begun = calendar_start(unit, now)
    return begun, moved(begun, unit, 1)


def addons_of(connection: Connection, subscription_id: str, span: Span) -> dict[str, int]:
    """The addons that a subscription has in this time, and how many of each."""
    kept = tables.subscription_addon.c
    query = (
        select(kept.addon_id, func.count())
        .where(
            kept.subscription_id == subscription_id,
            kept.start_at < span.end,
            or_(kept.end_at.is_(None), kept.end_at > span.start),
        )
        .group_by(kept.addon_id)
    )
    return {addon_id: int(many) for addon_id, many in connection.execute(query)}


def _together(one: Allowance | None, other: Allowance) -> Allowance:
    if one is None:
        return other
    limit = None if one.limit is None or other.limit is None else one.limit + other.limit
    return replace(one, limit=limit)


def _reset(period: str | None, row: Row[Any]) -> Unit | None:
    """None where the allowance begins anew with the billing period anyway, or never."""
    reset = RESETS.get(period or "")
    return None if reset is None or (reset, 1) == (row.billing_period, row.billing_period_count) else reset


# --- coupons


def discounts(
    connection: Connection,
    wanted: Sequence[Mapping[str, Any]],
    subscription_id: str | None,
    currency: str,
    at: datetime,
) -> list[tuple[str, Discount]]:
    """The coupons that still count, in their order, by coupon id. An association may begin and end."""
    ids = sorted({str(each["coupon_id"]) for each in wanted})
    if not ids:
        return []
    rows = {row.id: row for row in connection.execute(select(plans.coupon).where(plans.coupon.c.id.in_(ids)))}
    found = []
    for each in wanted:
        row = rows.get(each["coupon_id"])
        if row is None or not _in_force(each, at) or (row.currency and row.currency.upper() != currency):
            continue
        if _spent(connection, row, subscription_id):
            continue
        percent = Decimal(row.percentage_off) if row.type == "percentage" else None
        found.append((str(row.id), Discount(Decimal(row.amount_off or 0), percent)))
    return found


def _in_force(association: Mapping[str, Any], at: datetime) -> bool:
    begun, ended = (association.get(name) for name in ("start_date", "end_date"))
    return (not begun or datetime.fromisoformat(begun) <= at) and (not ended or at < datetime.fromisoformat(ended))


def _spent(connection: Connection, coupon: Row[Any], subscription_id: str | None) -> bool:
    """A coupon for one invoice, or for so many, has been on that many."""
    most = {"once": 1, "repeated": coupon.duration_in_periods or 1}.get(coupon.cadence)
    if most is None or subscription_id is None:
        return False
    query = select(_INVOICE.c.computed).where(
        _INVOICE.c.subscription_id == subscription_id, _INVOICE.c.state == "FINALIZED"
    )
    used = sum(coupon.id in (computed.get("coupons") or ()) for computed in connection.execute(query).scalars())
    return used >= most


# --- taxes


def taxes(
    connection: Connection,
    customer: Row[Any],
    currency: str,
    at: datetime,
    *,
    subscription_id: str | None = None,
    rate_ids: Sequence[str] = (),
) -> Taxes:
    """Rates in use that are set for this bill, else those of the subscription, the customer or everybody, else what
    the law of the seller and the buyer says where both are known."""
    if customer.tax_treatment == "exempt":
        return Taxes(source="none", reason="customer_exempt")
    rates = _rates(connection, rate_ids) if rate_ids else []
    rates = rates or _associated(connection, customer, subscription_id, currency, at)
    if rates:
        return Taxes(tuple(Decimal(rate["percentage"]) for rate in rates), tuple(rates), "rates")
    decided = by_law(connection, customer.workspace_id, Fiat.zero(currency), at)
    if decided is None:
        return Taxes(reason="no_tax_configured")
    percents = tuple(each.rate for each in decided.rates if each.rate)
    reason = "" if percents else ("reverse_charge" if decided.scheme == "reverse_charge" else "not_subject_to_tax")
    said = tuple({"id": "", "code": each.type, "percentage": f"{each.rate:f}"} for each in decided.rates if each.rate)
    return Taxes(percents, said, "law", reason)


def by_law(connection: Connection, workspace_id: str, net: Fiat, at: datetime) -> TaxSnapshot | None:
    """The tax on a supply of services, used and not bought in advance; None where seller or buyer are not known."""
    profile = profiles.find(connection, workspace_id)
    if profile is None:
        return None
    try:
        sells = seller.current(connection)
    except seller.SellerNeeded:
        return None
    today = at.astimezone(seller.zone(sells)).date()
    foreign = net.currency != sells.currency
    try:
        return decide(
            sells,
            profile.buyer,
            profile.evidence,
            net,
            rate_store.rate_book(connection),
            today,
            at=at,
            fx=rate_store.fx_on(connection, net.currency, sells.currency, today) if foreign else None,
        )
    except TaxNotCalculated as elsewhere:
        raise NoTaxRate(
            "Stripe Tax works out the tax of orders only: give this customer's invoices a tax rate of their own."
        ) from elsewhere


def snapshot(
    connection: Connection, customer: Row[Any], net: Fiat, tax: Fiat, computed: Mapping[str, Any], at: datetime
) -> TaxSnapshot:
    """The tax of an invoice as its document states it: the seller, the buyer, the rates that were applied.

    Raises `SellerNeeded`; a customer without a billing profile is named with what is known of them.
    """
    said = computed.get("tax") or {}
    if said.get("source") == "law" and (decided := by_law(connection, customer.workspace_id, net, at)) is not None:
        return decided
    sells = seller.current(connection)
    profile = profiles.find(connection, customer.workspace_id)
    buyer = profile.buyer if profile else _buyer(customer, sells)
    return TaxSnapshot(
        seller=sells,
        buyer=buyer,
        location_evidence=profile.evidence if profile else (),
        scheme="domestic" if said.get("rates") else "none",
        rule_id="operator_rates" if said.get("rates") else (said.get("reason") or "no_tax_configured"),
        rule_version=RULE_VERSION,
        rates=_stated(said.get("rates") or (), buyer, net, tax),
        currency=net.currency,
        net=net.minor,
        computed_by="farebox",
        computed_at=at.isoformat(),
    )


def _stated(rates: Sequence[Mapping[str, Any]], buyer: Buyer, net: Fiat, tax: Fiat) -> tuple[TaxRate, ...]:
    if not rates:
        return (
            TaxRate(buyer.country, "tax", "O", Decimal(0), net.minor, tax.minor, exemption_text="No tax is charged."),
        )
    return tuple(
        TaxRate(buyer.country, str(each["code"]), "S", Decimal(each["percentage"]), net.minor, int(each["amount"]))
        for each in rates
    )


def _buyer(customer: Row[Any], sells: Seller) -> Buyer:
    country = (customer.address_country or sells.country).upper()
    address = Address(
        customer.address_line1 or "",
        customer.address_city or "",
        country if len(country) == 2 else sells.country,
        customer.address_line2 or "",
        customer.address_postal_code or "",
        customer.address_state or "",
    )
    return Buyer(customer.workspace_id, customer.name, address, email=customer.email or "")


def _rates(connection: Connection, ids: Sequence[str]) -> list[dict[str, str]]:
    rate = plans.tax_rate
    rows = connection.execute(
        select(rate).where(
            or_(rate.c.id.in_(ids), rate.c.code.in_(ids)),
            rate.c.status == plans.PUBLISHED,
            rate.c.tax_rate_status == IN_USE,
        )
    )
    return [_rate(row) for row in sorted(rows, key=lambda row: row.id)]


def _associated(
    connection: Connection, customer: Row[Any], subscription_id: str | None, currency: str, at: datetime
) -> list[dict[str, str]]:
    """The nearest association wins: the subscription's, else the customer's, else everybody's. One that names a
    currency is for bills in it."""
    link, rate = plans.tax_association, plans.tax_rate
    query = (
        select(link.c.entity_type, rate)
        .join(rate, rate.c.id == link.c.tax_rate_id)
        .where(
            link.c.status == plans.PUBLISHED,
            rate.c.status == plans.PUBLISHED,
            rate.c.tax_rate_status == IN_USE,
            link.c.auto_apply,
            or_(link.c.currency.is_(None), func.upper(link.c.currency) == currency),
            or_(
                (func.lower(link.c.entity_type) == "subscription") & (link.c.entity_id == (subscription_id or "")),
                (func.lower(link.c.entity_type) == "customer") & (link.c.entity_id == customer.id),
                func.lower(link.c.entity_type) == "tenant",
            ),
            or_(link.c.start_date.is_(None), link.c.start_date <= at),
            or_(link.c.end_date.is_(None), link.c.end_date > at),
        )
        .order_by(link.c.priority, rate.c.id)
    )
    found: dict[str, list[dict[str, str]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.entity_type.lower(), []).append(_rate(row))
    return next((found[kind] for kind in ("subscription", "customer", "tenant") if kind in found), [])


def _rate(row: Row[Any]) -> dict[str, str]:
    return {"id": row.id, "code": row.code, "percentage": row.percentage_value}
