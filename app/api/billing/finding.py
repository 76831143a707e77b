"""What searches call the fields of subscriptions, their lines and invoices: as their answers do."""

from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Integer, Table, case, type_coerce

from app.billing import tables
from app.kernel.fiat import CURRENCIES, exponent
from app.plans.search import Amount, Names, lowered

_SUB, _LINE, _INVOICE = tables.subscription, tables.subscription_line, tables.billing_invoice
_THOUSANDTHS: Final = 3  # no currency has more decimals


def _published(table: Table) -> ColumnElement[Any]:
    """Nothing of these is deleted."""
    return case((table.c.id.is_not(None), "published"))


def _money(minor: ColumnElement[int], currency: Column[Any]) -> ColumnElement[Any]:
    odd = {
        code: 10 ** (_THOUSANDTHS - exponent(code)) for code in sorted(CURRENCIES) if exponent(code) != _USUAL_DECIMALS
    }
    factor = case(odd, value=currency, else_=10 ** (_THOUSANDTHS - _USUAL_DECIMALS))
    return type_coerce(minor * type_coerce(factor, Integer), Amount())


_USUAL_DECIMALS: Final = 2

SUBSCRIPTIONS: Final[Names] = {
    "status": _published(_SUB),
    "subscription_status": _SUB.c.state,
    "currency": lowered(_SUB.c.currency),
    "invoicing_customer_id": _SUB.c.customer_id,
    "billing_anchor": _SUB.c.anchor,
    "start_date": _SUB.c.start_at,
    "end_date": _SUB.c.end_at,
    "current_period_start": _SUB.c.period_start,
    "current_period_end": _SUB.c.period_end,
    "updated_by": _SUB.c.created_by,
}
LINES: Final[Names] = {
    "status": _published(_LINE),
    "price_type": _LINE.c.kind,
    "display_name": _LINE.c.name,
    "plan_display_name": _LINE.c.plan_name,
    "addon_association_id": _LINE.c.association_id,
    "start_date": _LINE.c.start_at,
    "end_date": _LINE.c.end_at,
    "entity_type": lowered(_LINE.c.price["entity_type"].as_string()),
    "currency": lowered(_LINE.c.price["currency"].as_string()),
    **{name: _LINE.c.price[name].as_string() for name in ("entity_id", "billing_period", "invoice_cadence")},
}


def _invoiced(minor: ColumnElement[int]) -> ColumnElement[Any]:
    return _money(minor, _INVOICE.c.currency)


INVOICES: Final[Names] = {
    "status": _published(_INVOICE),
    "invoice_status": _INVOICE.c.state,
    "payment_status": _INVOICE.c.payment_state,
    "invoice_type": _INVOICE.c.kind,
    "billing_reason": _INVOICE.c.reason,
    "invoice_number": _INVOICE.c.number,
    "currency": lowered(_INVOICE.c.currency),
    "subtotal": _invoiced(_INVOICE.c.subtotal),
    "total_discount": _invoiced(_INVOICE.c.discount),
    "total_prepaid_credits_applied": _invoiced(_INVOICE.c.credits),
    "total_tax": _invoiced(_INVOICE.c.tax),
    "total": _invoiced(_INVOICE.c.total),
    "amount_due": _invoiced(_INVOICE.c.total - _INVOICE.c.adjusted),
    "amount_paid": _invoiced(_INVOICE.c.paid),
    "amount_remaining": _invoiced(_INVOICE.c.total - _INVOICE.c.adjusted - _INVOICE.c.paid),
    "adjustment_amount": _invoiced(_INVOICE.c.adjusted),
    "refunded_amount": _invoiced(_INVOICE.c.refunded),
    "due_date": _INVOICE.c.due_at,
    "issue_date": _INVOICE.c.finalized_at,
    "last_computed_at": _INVOICE.c.updated_at,
    "updated_by": _INVOICE.c.created_by,
}
