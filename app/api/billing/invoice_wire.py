"""How an invoice looks on the wire, and how it is found."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Row, select

from app.api.billing import finding, show, subscription_wire, wire
from app.billing import invoices as books
from app.billing import subscriptions, tables
from app.billing.drafts import Built
from app.billing.rating import RatedLine
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.plans import customers as customer_book
from app.plans.search import Condition, Page, chosen, more_than
from app.plans.search import search as page_of

INVOICE = tables.billing_invoice


def find_all(connection: Connection, given: Given) -> Page:
    """Invoices by customer, subscription, state, period."""
    wanted: list[Condition] = [
        *chosen(INVOICE.c.id, given, "invoice_ids"),
        *chosen(INVOICE.c.customer_id, given, "customer_id"),
        *chosen(INVOICE.c.customer_id, given, "subscription_customer_id"),
        *chosen(INVOICE.c.subscription_id, given, "subscription_id"),
        *chosen(INVOICE.c.state, given, "invoice_status"),
        *chosen(INVOICE.c.payment_state, given, "payment_status"),
        *chosen(INVOICE.c.kind, given, "invoice_type"),
        *chosen(INVOICE.c.reason, given, "billing_reason"),
    ]
    if given.has("currency"):
        wanted.append(INVOICE.c.currency == given.text("currency").upper())
    if given.has("external_customer_id"):
        customer = customer_book.by_external_id(connection, given.text("external_customer_id"))
        wanted.append(INVOICE.c.customer_id == customer.id)
    for name, column in (("period_start", INVOICE.c.period_start), ("period_end", INVOICE.c.period_end)):
        if (least := given.maybe_moment(f"{name}_gte")) is not None:
            wanted.append(column >= least)
        if (most := given.maybe_moment(f"{name}_lte")) is not None:
            wanted.append(column <= most)
    for name in ("amount_due", "amount_remaining"):
        if (above := given.maybe_decimal(f"{name}_gt", least=None)) is not None:
            wanted.append(more_than(finding.INVOICES[name], above))
    if (since := given.maybe_moment("finalized_at_gte")) is not None:
        wanted.append(INVOICE.c.finalized_at >= since)
    if (since := given.maybe_moment("voided_at_gte")) is not None:
        wanted.append(INVOICE.c.voided_at >= since)
    plain = Given({name: value for name, value in given.raw.items() if name not in ("status", "expand")})
    return page_of(connection, INVOICE, plain, *wanted, names=finding.INVOICES)


def summed(connection: Connection, customer: Row[Any], now: datetime) -> dict[str, Any]:
    """What a customer was asked for and what is still to be paid, by currency."""
    left = INVOICE.c.total - INVOICE.c.paid - INVOICE.c.adjusted
    query = select(INVOICE.c.currency, INVOICE.c.total, left.label("left"), INVOICE.c.due_at).where(
        INVOICE.c.customer_id == customer.id, INVOICE.c.state == books.FINALIZED
    )
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(query):
        sums = found.setdefault(row.currency, {"total": 0, "n": 0, "unpaid": 0, "unpaid_n": 0, "late": 0, "late_n": 0})
        sums["total"] += row.total
        sums["n"] += 1
        if row.left > 0:
            sums["unpaid"] += row.left
            sums["unpaid_n"] += 1
            if row.due_at is not None and row.due_at < now:
                sums["late"] += row.left
                sums["late_n"] += 1
    return {
        "customer_id": customer.id,
        "default_currency": (customer.billing_currency or next(iter(found), "usd")).lower(),
        "summaries": [
            {
                "customer_id": customer.id,
                "currency": currency.lower(),
                "total_revenue_amount": _amount(sums["total"], currency),
                "total_invoice_count": sums["n"],
                "total_unpaid_amount": _amount(sums["unpaid"], currency),
                "unpaid_invoice_count": sums["unpaid_n"],
                "total_overdue_amount": _amount(sums["late"], currency),
                "overdue_invoice_count": sums["late_n"],
            }
            for currency, sums in found.items()
        ],
    }


# --- showing


def shown(connection: Connection, row: Row[Any], *, lines: bool = True, wish: Collection[str] = ()) -> dict[str, Any]:
    """An invoice on the wire, and what is wished for beside it: `customer`, `subscription`."""
    currency = row.currency
    left = books.remaining(row).minor
    found = {
        "id": row.id,
        "customer_id": row.customer_id,
        "subscription_id": row.subscription_id,
        "invoice_type": row.kind,
        "invoice_status": row.state,
        "payment_status": row.payment_state,
        "billing_reason": row.reason,
        "currency": currency.lower(),
        "description": row.description or None,
        "invoice_number": row.number,
        "period_start": wire.moment(row.period_start),
        "period_end": wire.moment(row.period_end),
        "subtotal": _amount(row.subtotal, currency),
        "total_discount": _amount(row.discount, currency),
        "total_prepaid_credits_applied": _amount(row.credits, currency),
        "total_tax": _amount(row.tax, currency),
        "total": _amount(row.total, currency),
        "amount_due": _amount(row.total - row.adjusted, currency),
        "amount_paid": _amount(row.paid, currency),
        "amount_remaining": _amount(left, currency),
        "adjustment_amount": _amount(row.adjusted, currency),
        "refunded_amount": _amount(row.refunded, currency),
        "overpaid_amount": _amount(max(0, row.paid + row.adjusted - row.total), currency),
        "tax_exemption_reason_code": (row.computed.get("tax") or {}).get("reason") or None,
        "due_date": wire.moment(row.due_at),
        "issue_date": wire.moment(row.finalized_at),
        "finalized_at": wire.moment(row.finalized_at),
        "voided_at": wire.moment(row.voided_at),
        "paid_at": wire.moment(row.paid_at),
        "last_computed_at": wire.moment(row.updated_at),
        "is_manually_edited": False,
        "status": "published",
        "metadata": row.meta,
        "version": row.version,
        "created_at": wire.moment(row.created_at),
        "created_by": row.created_by,
        "updated_at": wire.moment(row.updated_at),
        "updated_by": row.created_by,
    }
    if "customer" in wish:
        found["customer"] = show.customer(customer_book.get(connection, row.customer_id))
    if "subscription" in wish and row.subscription_id:
        found["subscription"] = subscription_wire.shown(connection, subscriptions.find(connection, row.subscription_id))
    if lines:
        found["line_items"] = [line(each, row) for each in books.lines_of(connection, row.id)]
    return found


def line(each: Row[Any], row: Row[Any]) -> dict[str, Any]:
    """A line on the wire. What is behind it is in `metadata` as text, and whole under `lines/{id}/events`."""
    currency = row.currency
    return {
        "id": each.id,
        "invoice_id": each.invoice_id,
        "customer_id": row.customer_id,
        "subscription_id": row.subscription_id,
        "subscription_line_item_id": each.subscription_line_id,
        "price_id": each.price_id,
        "price_type": each.kind,
        "meter_id": each.meter_id,
        "display_name": each.name,
        "plan_display_name": each.plan_name or None,
        "quantity": wire.decimal(Fraction(each.quantity)),
        "adjusted_entitlement_quantity": wire.decimal(Fraction(each.entitled)),
        "amount": _amount(each.amount, currency),
        "currency": currency.lower(),
        "line_item_discount": _amount(each.discount, currency),
        "prepaid_credits_applied": _amount(each.credits, currency),
        "period_start": wire.moment(each.period_start),
        "period_end": wire.moment(each.period_end),
        "commitment_info": _commitment(each.commitment),
        "metadata": _why(each.reason, each.purpose, each.events, each.tier, each.meta),
        "status": "published",
        "created_at": wire.moment(each.created_at),
    }


def previewed(row: Row[Any], built: Built) -> dict[str, Any]:
    """A draft that is not stored, like an invoice."""
    draft, due = built.draft, built.draft.due
    return {
        "customer_id": row.customer_id,
        "subscription_id": row.id,
        "invoice_type": books.SUBSCRIPTION,
        "invoice_status": books.DRAFT,
        "payment_status": books.PENDING,
        "billing_reason": "SUBSCRIPTION_CYCLE",
        "currency": draft.currency.lower(),
        "period_start": wire.moment(draft.span.start),
        "period_end": wire.moment(draft.span.end),
        "subtotal": wire.decimal(due.subtotal.amount),
        "total_discount": wire.decimal(due.discount.amount),
        "total_prepaid_credits_applied": wire.decimal(due.credits.amount),
        "total_tax": wire.decimal(due.tax.amount),
        "total": wire.decimal(due.total.amount),
        "amount_due": wire.decimal(due.total.amount),
        "amount_paid": "0",
        "amount_remaining": wire.decimal(due.total.amount),
        "tax_exemption_reason_code": built.computed["tax"]["reason"] or None,
        "line_items": [_previewed_line(each, row) for each in draft.lines],
        "metadata": {},
    }


def _previewed_line(each: RatedLine, row: Row[Any]) -> dict[str, Any]:
    item, settled = each.item, each.settled
    return {
        "customer_id": row.customer_id,
        "subscription_id": row.id,
        "subscription_line_item_id": item.line_id if item else None,
        "price_id": item.price_id if item else None,
        "price_type": each.kind,
        "meter_id": item.meter.id if item and item.meter else None,
        "display_name": each.name,
        "plan_display_name": item.plan_name if item else None,
        "quantity": wire.decimal(each.quantity),
        "adjusted_entitlement_quantity": wire.decimal(each.entitled),
        "amount": wire.decimal(settled.amount.amount if settled else Decimal(0)),
        "line_item_discount": wire.decimal(settled.discount.amount if settled else Decimal(0)),
        "prepaid_credits_applied": wire.decimal(settled.credits.amount if settled else Decimal(0)),
        "currency": row.currency.lower(),
        "metadata": _why(each.reason, each.purpose, each.used.events, each.tier, {}),
    }


def _why(reason: str, purpose: str, events: int, tier: int | None, meta: Mapping[str, str]) -> dict[str, str]:
    said = {**meta, "reason": reason, "events": str(events)}
    if purpose:
        said["purpose"] = purpose
    return said if tier is None else {**said, "tier": str(tier + 1)}


def _commitment(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not kept:
        return None
    return {
        "amount": kept.get("amount"),
        "overage_factor": kept.get("overage_factor"),
        "true_up_enabled": kept.get("true_up_enabled"),
        "is_windowed": kept.get("is_windowed"),
        "computed_true_up_amount": kept.get("true_up"),
        "computed_overage_amount": kept.get("overage"),
    }


def _amount(minor: int, currency: str) -> str:
    return str(wire.decimal(Fiat(minor, currency).amount))
