"""How a subscription looks on the wire, and how it is found."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from app.api.billing import finding, show, wire
from app.api.billing.unserved import expands
from app.billing import addons, agreeing, allowances, facts, subscriptions, tables, usage_lines
from app.billing.lifecycle import State
from app.billing.pinned import unpin
from app.billing.rating import RatedLine, amount_of
from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.metering import meter_book
from app.metering.aggregate import Span
from app.plans import catalog
from app.plans import customers as customer_book
from app.plans.search import Condition, Page, chosen
from app.plans.search import search as page_of

SUB, LINE = tables.subscription, tables.subscription_line


def find_all(connection: Connection, given: Given) -> Page:
    """Subscriptions by customer, plan, state, id."""
    wanted: list[Condition] = [
        *chosen(SUB.c.id, given, "subscription_ids"),
        *chosen(SUB.c.customer_id, given, "customer_id"),
        *chosen(SUB.c.customer_id, given, "customer_ids"),
        *chosen(SUB.c.plan_id, given, "plan_id"),
        *chosen(SUB.c.state, given, "subscription_status"),
        *chosen(SUB.c.billing_period, given, "billing_period"),
    ]
    if given.has("external_customer_id"):
        wanted.append(
            SUB.c.customer_id == customer_book.by_external_id(connection, given.text("external_customer_id")).id
        )
    if (at := given.maybe_moment("active_at")) is not None:
        wanted += [SUB.c.start_at <= at, (SUB.c.cancelled_at.is_(None)) | (SUB.c.cancelled_at > at)]
    if (at := given.maybe_moment("trial_end_due_lte")) is not None:
        wanted += [SUB.c.state == State.TRIALING, SUB.c.trial_end <= at]
    wanted += chosen(SUB.c.customer_id, given, "invoicing_customer_ids")  # who has it is who is asked to pay
    plain = Given({name: value for name, value in given.raw.items() if name not in ("status", "expand")})
    return page_of(connection, SUB, plain, *wanted, names=finding.SUBSCRIPTIONS)


def listed(connection: Connection, given: Given) -> dict[str, Any]:
    """A page of them on the wire."""
    found, wish = find_all(connection, given), expands(given.raw)
    leave_out = {
        part
        for part, name in (("line_items", "with_line_items"), ("coupon_associations", "with_coupon_associations"))
        if not given.flag(name, True)
    }
    rows = (subscriptions.find(connection, row["id"]) for row in found.items)
    items = [
        {name: said for name, said in shown(connection, row, wish).items() if name not in leave_out} for row in rows
    ]
    return wire.listed(items, found.total, found.limit, found.offset)


def find_lines(connection: Connection, given: Given, now: datetime) -> Page:
    """Lines of subscriptions by what they belong to and what they cost."""
    price = LINE.c.price
    wanted: list[Condition] = [
        *chosen(LINE.c.id, given, "line_item_ids"),
        *chosen(LINE.c.id, given, "subscription_line_item_ids"),
        *chosen(LINE.c.subscription_id, given, "subscription_ids"),
        *chosen(LINE.c.price_id, given, "price_ids"),
        *chosen(LINE.c.meter_id, given, "meter_ids"),
        *chosen(price["entity_id"].as_string(), given, "entity_ids"),
        *chosen(price["billing_period"].as_string(), given, "billing_periods"),
    ]
    if (kind := given.maybe_choice("entity_type", ("plan", "addon", "subscription"))) is not None:
        wanted.append(price["entity_type"].as_string() == kind.upper())
    if given.has("currencies"):
        wished = [each.upper() for each in given.texts("currencies")]
        wanted.append(func.upper(price["currency"].as_string()).in_(wished))
    if given.has("customer_ids"):
        mine = select(SUB.c.id).where(*chosen(SUB.c.customer_id, given, "customer_ids"))
        wanted.append(LINE.c.subscription_id.in_(mine))
    if given.flag("active_filter"):
        wanted += [LINE.c.start_at <= now, or_(LINE.c.end_at.is_(None), LINE.c.end_at > now)]
    plain = Given({name: value for name, value in given.raw.items() if name not in ("status", "expand")})
    return page_of(connection, LINE, plain, *wanted, names=finding.LINES)


def used(connection: Connection, given: Given, now: datetime) -> dict[str, Any]:
    """What was used in the current period, or in the one asked for, and what it comes to before discounts and tax."""
    row = subscriptions.find(connection, given.text("subscription_id"))
    start = given.maybe_moment("start_time") or row.period_start
    end = given.maybe_moment("end_time") or row.period_end
    if given.flag("lifetime_usage"):
        start = row.start_at
    if start >= end:
        raise InvalidInput("end_time lies after start_time.", param="end_time")
    customer = facts.customer_of(connection, row.customer_id)
    lines = usage_lines.of(
        connection, row, customer.external_id, Span(start, end), allowances.included(connection, row)
    )
    total = amount_of(lines, row.currency)
    return {
        "amount": float(total.amount),
        "display_amount": str(total),
        "currency": row.currency.lower(),
        "start_time": wire.moment(start),
        "end_time": wire.moment(end),
        "charges": [charge(each, row.currency) for each in lines],
        "has_overage": any(each.overage for each in lines),
    }


def charge(rated: RatedLine, currency: str) -> dict[str, Any]:
    """One line of usage. The SDK's figures are JSON numbers here."""
    amount = Fiat.from_exact(rated.exact, currency)
    item = rated.item
    return {
        "amount": float(amount.amount),
        "currency": currency.lower(),
        "display_amount": str(amount),
        "quantity": float(rated.used.quantity),
        "filter_values": {name: list(values) for name, values in item.filters.items()} if item else {},
        "meter_id": item.meter.id if item and item.meter else None,
        "meter_display_name": item.meter.name if item and item.meter else None,
        "subscription_line_item_id": item.line_id if item else None,
        "is_overage": bool(rated.overage),
        "reason": rated.reason,
    }


# --- showing


def shown(connection: Connection, row: Row[Any], wish: Collection[str] = ()) -> dict[str, Any]:
    """A subscription on the wire, with its lines, and what is wished for beside it: `plan`, `customer`."""
    more = dict[str, Any]()
    if "plan" in wish:
        more["plan"] = show.plan(catalog.plans.get(connection, row.plan_id, any_status=True))
    if "customer" in wish:
        more["customer"] = show.customer(customer_book.get(connection, row.customer_id))
    return _shown(connection, row, wish) | more


def _shown(connection: Connection, row: Row[Any], wish: Collection[str]) -> dict[str, Any]:
    lines = subscriptions.lines_of(connection, row.id)
    pauses = subscriptions.pauses_of(connection, row.id)
    open_pause = next((each for each in pauses if each.resumed_at is None), None)
    agreed = row.agreed
    return {
        "id": row.id,
        "customer_id": row.customer_id,
        "invoicing_customer_id": row.customer_id,
        "plan_id": row.plan_id,
        "subscription_status": row.state,
        "subscription_type": "standalone",
        "status": "published",
        "currency": row.currency.lower(),
        "billing_anchor": wire.moment(row.anchor),
        "billing_cadence": "RECURRING",
        "billing_cycle": row.billing_cycle,
        "billing_period": row.billing_period,
        "billing_period_count": row.billing_period_count,
        "start_date": wire.moment(row.start_at),
        "end_date": wire.moment(row.end_at),
        "current_period_start": wire.moment(row.period_start),
        "current_period_end": wire.moment(row.period_end),
        "trial_start": wire.moment(row.trial_start),
        "trial_end": wire.moment(row.trial_end),
        "cancel_at": wire.moment(row.cancel_at),
        "cancel_at_period_end": row.cancel_at is not None and row.cancel_at == row.period_end,
        "cancelled_at": wire.moment(row.cancelled_at),
        "lookup_key": row.lookup_key,
        "pause_status": "active" if open_pause else "none",
        "active_pause_id": open_pause.id if open_pause else None,
        "pauses": [pause_of(each) for each in pauses],
        "line_items": [line(each, connection, wish) for each in lines],
        "coupon_associations": [association(each, row) for each in agreed.get("coupons") or ()],
        "commitment_amount": _text(agreed.get("commitment_amount")),
        "overage_factor": _text(agreed.get("overage_factor")),
        "enable_true_up": bool(agreed.get("enable_true_up")),
        **{
            name: agreed.get(name)
            for name in (
                "commitment_duration", "collection_method", "payment_behavior", "proration_behavior",
                "auto_invoice_threshold",
            )
        },
        "payment_terms": agreed.get("payment_terms"),
        "timezone": agreed.get("timezone") or "UTC",
        "metadata": row.meta,
        "version": row.version,
        "created_at": wire.moment(row.created_at),
        "created_by": row.created_by,
        "updated_at": wire.moment(row.updated_at),
        "updated_by": row.created_by,
    }  # fmt: skip


def line(row: Row[Any], connection: Connection | None = None, wish: Collection[str] = ()) -> dict[str, Any]:
    """A line of a subscription; with `prices` its price as it was agreed, with `meters` what counts it."""
    price, committed = row.price, row.commitment or {}
    more = dict[str, Any]()
    if "prices" in wish:
        more["price"] = show.price(unpin(price))
    if "meters" in wish and connection is not None and row.meter_id:
        more["meter"] = show.meter(meter_book.get(connection, row.meter_id))
    return more | {
        "id": row.id,
        "subscription_id": row.subscription_id,
        "price_id": row.price_id,
        "price_type": row.kind,
        "meter_id": row.meter_id,
        "entity_type": str(price.get("entity_type") or "plan").lower(),
        "entity_id": price.get("entity_id") or row.plan_id,
        "addon_association_id": row.association_id,
        "plan_display_name": row.plan_name,
        "display_name": row.name,
        "quantity": wire.decimal(row.quantity),
        "currency": str(price.get("currency") or "").lower(),
        "billing_period": price.get("billing_period"),
        "billing_period_count": price.get("billing_period_count"),
        "invoice_cadence": price.get("invoice_cadence"),
        "price_unit": price.get("price_unit"),
        "price_unit_id": price.get("price_unit_id"),
        "commitment_amount": _text(committed.get("commitment_amount")),
        "commitment_overage_factor": _text(
            committed.get("commitment_overage_factor") or committed.get("overage_factor")
        ),
        "commitment_true_up_enabled": bool(
            committed.get("commitment_true_up_enabled") or committed.get("enable_true_up")
        ),
        "start_date": wire.moment(row.start_at),
        "end_date": wire.moment(row.end_at),
        "status": "published",
        "metadata": row.meta,
        "created_at": wire.moment(row.created_at),
        "updated_at": wire.moment(row.updated_at),
    }


def pause_of(row: Row[Any]) -> dict[str, Any]:
    """A pause of a subscription."""
    return {
        "id": row.id,
        "subscription_id": row.subscription_id,
        "pause_status": "active" if row.resumed_at is None else "completed",
        "pause_mode": "immediate",
        "resume_mode": None if row.resumed_at is None else "immediate",
        "pause_start": wire.moment(row.begun_at),
        "pause_end": wire.moment(row.resumed_at),
        "resumed_at": wire.moment(row.resumed_at),
        "original_period_start": wire.moment(row.period_start),
        "original_period_end": wire.moment(row.period_end),
        "reason": row.reason,
        "metadata": row.meta,
        "status": "published",
        "created_at": wire.moment(row.created_at),
        "created_by": row.created_by,
    }


def association(kept: Mapping[str, Any], row: Row[Any]) -> dict[str, Any]:
    """A coupon on a subscription."""
    return {
        "id": kept.get("id"),
        "coupon_id": kept["coupon_id"],
        "subscription_id": row.id,
        "subscription_line_item_id": kept.get("line_id"),
        "start_date": kept.get("start_date") or wire.moment(row.start_at),
        "end_date": kept.get("end_date"),
        "status": "published",
    }


def addon(kept: Row[Any], now: datetime) -> dict[str, Any]:
    """An addon on a subscription."""
    return {
        "id": kept.id,
        "addon_id": kept.addon_id,
        "entity_id": kept.subscription_id,
        "entity_type": "subscription",
        "addon_status": addons.status_of(kept, now),
        "start_date": wire.moment(kept.start_at),
        "end_date": wire.moment(kept.end_at),
        "cancelled_at": wire.moment(kept.cancelled_at),
        "cancellation_reason": kept.cancel_reason,
        "status": "published",
        "metadata": kept.meta,
        "created_at": wire.moment(kept.created_at),
        "created_by": kept.created_by,
        "updated_at": wire.moment(kept.updated_at),
    }


def summary(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "plan_id": row.plan_id,
        "status": row.state,
        "current_period_start": wire.moment(row.period_start),
        "current_period_end": wire.moment(row.period_end),
        "billing_anchor": wire.moment(row.anchor),
        "created_at": wire.moment(row.created_at),
    }


def plan(connection: Connection, plan_id: str) -> dict[str, Any]:
    found = agreeing.plan_of(connection, plan_id)
    return {name: found[name] for name in ("id", "name", "lookup_key", "description")}


def proration(row: Row[Any], lines: Sequence[RatedLine], now: datetime) -> dict[str, Any] | None:
    """What a change takes off and adds, together."""
    if not lines:
        return None
    off = amount_of([each for each in lines if each.exact < 0], row.currency)
    on = amount_of([each for each in lines if each.exact > 0], row.currency)
    return {
        "currency": row.currency.lower(),
        "credit_amount": wire.decimal((-off).amount),
        "charge_amount": wire.decimal(on.amount),
        "net_amount": wire.decimal((on + off).amount),
        "proration_date": wire.moment(now),
        "current_period_start": wire.moment(row.period_start),
        "current_period_end": wire.moment(row.period_end),
        "days_used": max((now - row.period_start).days, 0),
        "days_remaining": max((row.period_end - now).days, 0),
    }


def proration_detail(each: RatedLine, row: Row[Any]) -> dict[str, Any]:
    amount = Fiat.from_exact(abs(each.exact), row.currency).amount
    span = each.span
    return {
        "credit_amount": wire.decimal(amount),
        "charge_amount": "0",
        "description": each.reason,
        "plan_name": each.name,
        "proration_days": (span.end - span.start).days if span else 0,
    }


def prorates(given: Given) -> bool:
    return given.choice("proration_behavior", agreeing.PRORATIONS, "create_prorations") != "none"


def _text(given: object) -> str | None:
    return None if given in (None, "") else str(given)
