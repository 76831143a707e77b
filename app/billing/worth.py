"""What credits are worth to a customer, in the currency that customer pays in; for showing, never for booking."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from sqlalchemy import Connection, select

from app.billing import postpaid
from app.invoicing import rate_store
from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat, exponent
from app.kernel.money import Money
from app.payments import tables as payments
from app.payments.topup_settings import sold_by
from app.plans import customers

USD: Final = "USD"


def worth_of(connection: Connection, workspace_id: str, credits: Money, credit_value: Decimal, now: datetime) -> Fiat:
    """At the agreed price of a credit where the workspace pays afterwards; else at what a credit costs in the currency
    it pays in. `credit_value` is the list value of one credit in USD: it stands where no other price is known."""
    agreed = postpaid.find(connection, workspace_id)
    if agreed is not None and agreed.active:
        return _times(credits, Fraction(agreed.credit_price), agreed.currency)
    currency = currency_of(connection, workspace_id)
    each = Fraction(credit_value) if currency == USD else _price_in(connection, currency, credit_value, now)
    return _times(credits, Fraction(credit_value), USD) if each is None else _times(credits, each, currency)


def currency_of(connection: Connection, workspace_id: str) -> str:
    """What the workspace is billed in, else what it last ordered in, else USD."""
    known = customers.known(connection, workspace_id)
    if known is not None and known.billing_currency:
        return known.billing_currency
    order = payments.payment_order.c
    latest = select(order.currency).where(order.workspace_id == workspace_id).order_by(order.id.desc()).limit(1)
    return str(connection.execute(latest).scalar() or USD)


def _price_in(connection: Connection, currency: str, credit_value: Decimal, now: datetime) -> Fraction | None:
    """What is sold in that currency says it; else the operator's exchange rate, either way round."""
    try:
        sold = sold_by(connection, currency).rate(currency)
        return Fraction(sold.per_credit, 10 ** exponent(currency))
    except InvalidInput:
        pass  # nothing is sold in it
    today = now.date()
    if (there := rate_store.fx_on(connection, USD, currency, today)) is not None:
        return Fraction(credit_value) * Fraction(there.rate)
    back = rate_store.fx_on(connection, currency, USD, today)
    return None if back is None else Fraction(credit_value) / Fraction(back.rate)


def _times(credits: Money, each: Fraction, currency: str) -> Fiat:
    return Fiat.from_exact(Fraction(credits.micros, 1_000_000) * each, currency)
