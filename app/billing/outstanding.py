"""What a customer's open invoices still ask for, and what the running periods have come to before they are billed."""

from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection, func, select

from app.billing import drafts, tables
from app.billing.drafts import no_wallets
from app.billing.invoices import DRAFT, FINALIZED, LINE, SUBSCRIPTION, SUCCEEDED, remaining
from app.billing.lifecycle import State
from app.billing.postpaid import WRITTEN_OFF
from app.billing.rating import USAGE
from app.billing.wallet_words import Outstanding
from app.kernel.fiat import exponent

_invoice, _subscription = tables.billing_invoice, tables.subscription.c


def outstanding(connection: Connection, workspace_id: str, currency: str, now: datetime) -> Outstanding:
    """In that currency, of that customer; usage is what the same lines as the invoice's come to, before credits."""
    unpaid = select(_invoice).where(
        _invoice.c.workspace_id == workspace_id,
        _invoice.c.currency == currency,
        _invoice.c.state == FINALIZED,
        _invoice.c.payment_state != SUCCEEDED,
    )
    rows = [row for row in connection.execute(unpaid) if not row.computed.get(WRITTEN_OFF)]
    owed = sum((Fraction(remaining(row).amount) for row in rows), Fraction(0))
    live = select(_subscription.id).where(
        _subscription.workspace_id == workspace_id,
        _subscription.currency == currency,
        _subscription.state.in_((State.ACTIVE, State.TRIALING)),
    )
    used = _waiting(connection, workspace_id, currency)
    for subscription_id in connection.execute(live.order_by(_subscription.id)).scalars().all():
        _, built = drafts.preview(connection, subscription_id, now=now, wallets=no_wallets)
        used += sum((line.exact for line in built.draft.lines if line.kind == USAGE), Fraction(0))
    return Outstanding(used, owed)


def _waiting(connection: Connection, workspace_id: str, currency: str) -> Fraction:
    """The usage of periods that are over and whose invoices still wait for what comes late."""
    net = func.coalesce(func.sum(LINE.c.amount - LINE.c.discount), 0)
    query = (
        select(net)
        .join(_invoice, _invoice.c.id == LINE.c.invoice_id)
        .where(
            _invoice.c.workspace_id == workspace_id,
            _invoice.c.currency == currency,
            _invoice.c.state == DRAFT,
            _invoice.c.kind == SUBSCRIPTION,
            LINE.c.kind == USAGE,
        )
    )
    return Fraction(int(connection.execute(query).scalar_one()), 10 ** exponent(currency))
