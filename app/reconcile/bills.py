"""What was charged for invoices, and given back, against the provider's own lists. Amounts are never touched here."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, select

from app.billing import tables
from app.billing.card_rows import ASKED, DONE, UNKNOWN
from app.billing.card_tables import billing_charge, billing_refund
from app.billing.refund_rows import OPEN, STRIPE, SUCCEEDED
from app.kernel.fiat import CURRENCIES, Fiat, from_psp
from app.payments.verdict import Progress, Proof
from app.reconcile import odd
from app.reconcile.findings import Code, Difference

UNKNOWN_FOR: Final = timedelta(hours=1)
REFUND_TAKES: Final = timedelta(days=14)
_charge, _refund = billing_charge.c, billing_refund.c
_payment, _invoice = tables.billing_payment.c, tables.billing_invoice.c


def known(connection: Connection, provider: str, intent_id: str) -> Row[Any] | None:
    """What this payment at the provider paid here."""
    query = _charges().where(_charge.provider == provider, _charge.intent_id == intent_id, _charge.state == DONE)
    return connection.execute(query).one_or_none()


def collected(connection: Connection, provider: str, livemode: bool, since: datetime) -> Sequence[Row[Any]]:
    """What was collected since then."""
    return connection.execute(
        _charges().where(
            _charge.provider == provider,
            _charge.livemode == livemode,
            _charge.state == DONE,
            _payment.succeeded_at >= since,
        )
    ).all()


def _charges() -> Any:
    return (
        select(
            _charge.payment_id,
            _charge.intent_id,
            _charge.livemode,
            _payment.amount,
            _payment.currency,
            _invoice.workspace_id,
            _invoice.number,
        )
        .join(tables.billing_payment, _payment.id == _charge.payment_id)
        .join(tables.billing_invoice, _invoice.id == _charge.invoice_id)
    )


def differences(ours: Row[Any], proof: Proof) -> list[Difference]:
    """A payment we counted, as the provider shows it now."""
    booked = Fiat(ours.amount, ours.currency)
    told = str(from_psp(proof.amount, proof.currency)) if proof.currency in CURRENCIES else f"{proof.amount}"
    same = (told, proof.progress, proof.livemode) == (str(booked), Progress.PAID, ours.livemode)
    if same and (proof.order_id, proof.workspace_id) == (ours.payment_id, ours.workspace_id):
        return []
    facts = {"booked": str(booked), "paid": told, "state": str(proof.progress), "number": ours.number or "–"}
    return [about(Code.PAYMENT_DIFFERS, ours, **facts)]


def about(code: Code, ours: Row[Any], **facts: str) -> Difference:
    return Difference(code, ours.intent_id, {"number": ours.number or "–", **facts}, None, ours.workspace_id)


def given_back(connection: Connection, ours: Row[Any]) -> Fiat:
    """What we say went back of it at the provider."""
    query = select(func.coalesce(func.sum(_refund.amount), 0)).where(
        _refund.payment_id == ours.payment_id, _refund.way == STRIPE, _refund.state == SUCCEEDED
    )
    return Fiat(int(connection.execute(query).scalar_one()), ours.currency)


def refunded(connection: Connection, provider: str, livemode: bool, since: datetime) -> set[str]:
    """The provider's payments of which something went back since then."""
    query = (
        select(_charge.intent_id)
        .join(billing_refund, and_(_refund.payment_id == _charge.payment_id, _refund.way == STRIPE))
        .where(_charge.provider == provider, _charge.livemode == livemode, _charge.intent_id.is_not(None))
        .where(_refund.updated_at >= since)
    )
    return set(connection.execute(query).scalars())


def stuck(connection: Connection, now: datetime) -> Iterator[Difference]:
    """Charges of which nobody knows the end, and money that was credited and did not go back."""
    late = _charge.state.in_((ASKED, UNKNOWN)) & (_charge.session_id.is_(None)) & (_charge.expires_at.is_(None))
    asked = connection.execute(_charges().where(late, _charge.asked_at < now - UNKNOWN_FOR))
    yield from odd.each("billing_charge", asked, _stuck_charge)
    query = (
        select(billing_refund, _invoice.workspace_id, _invoice.number)
        .join(tables.billing_payment, _payment.id == _refund.payment_id)
        .join(tables.billing_invoice, _invoice.id == _payment.invoice_id)
        .where(_refund.state.in_(OPEN), _refund.created_at < now - REFUND_TAKES)
    )
    yield from odd.each("billing_refund", connection.execute(query.order_by(_refund.created_at)), _stuck_refund)


def _stuck_charge(row: Row[Any]) -> Iterator[Difference]:
    facts = {"number": row.number or "–", "amount": str(Fiat(row.amount, row.currency))}
    yield Difference(Code.CHARGE_STUCK, row.payment_id, facts, None, row.workspace_id)


def _stuck_refund(row: Row[Any]) -> Iterator[Difference]:
    facts = {"number": row.number, "amount": str(Fiat(row.amount, row.currency)), "provider": row.way}
    yield Difference(Code.REFUND_STUCK, row.id, facts, None, row.workspace_id)
