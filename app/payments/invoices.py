"""The invoice of an order: what it says, from nothing but the order."""

from datetime import datetime

from sqlalchemy import Connection

from app.invoicing.compose import DraftLine
from app.invoicing.document import Paid
from app.invoicing.issue import InvoiceDraft, issue_invoice
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import Issued
from app.kernel.money import grouped
from app.kernel.text import t
from app.payments import terms
from app.payments.tax_reports import promise_sale
from app.payments.views import OrderView


def issue_for(connection: Connection, order: OrderView, method: str, reference: str, now: datetime) -> Issued:
    """Issue the invoice of a paid order in the caller's transaction, once; asking again answers the same one."""
    accepted = terms.find(connection, order.terms_version_id) if order.terms_version_id else None
    wording = (accepted.invoice_wording,) if accepted and accepted.invoice_wording else ()
    draft = InvoiceDraft(
        workspace_id=order.workspace_id,
        tax=TaxSnapshot.from_json(order.tax_snapshot),
        lines=(line_of(order),),
        issued_at=now,
        supplied_at=order.paid_at or now,
        source_id=order.id,
        order_id=order.id,
        order_number=order.reference,
        paid=Paid((order.paid_at or now).date(), method, reference),
        terms_version=accepted.name if accepted else "",
        notes=wording,
        is_test=not order.livemode,
    )
    issued = issue_invoice(connection, draft)
    promise_sale(connection, order, issued, now)
    return issued


def line_of(order: OrderView) -> DraftLine:
    """The credits, and what comes with them."""
    details = []
    if order.bonus:
        details.append(t("payments.invoice.bonus", credits=grouped(order.bonus.amount)))
    if order.expires_days is not None:
        details.append(t("payments.invoice.expires", days=order.expires_days))
    return DraftLine(
        description=order.title,
        net=order.net,
        quantity=order.credits.amount.normalize(),
        unit=t("payments.invoice.unit"),
        detail=" ".join(details),
    )
