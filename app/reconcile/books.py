"""Our own books against each other: orders, payments, the ledger and the invoices. Reads only.

Credits, payment and invoice of an order commit together, so there is no moment at which one is rightly there without
the others: whatever is missing here was lost or changed behind Farebox's back.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select

from app.invoicing import tables as invoicing
from app.invoicing.doubts import doubtful
from app.kernel.fiat import Fiat
from app.kernel.money import CREDIT, Money, plain
from app.ledger import accounts, journal
from app.ledger import tables as ledger
from app.payments import tables
from app.payments.lifecycle import CREDITED
from app.payments.orders import MANUAL
from app.payments.return_tables import dispute, refund
from app.payments.tax_reports import unreported
from app.payments.tax_tables import tax_report
from app.reconcile import odd
from app.reconcile.findings import Code, Difference

BATCH: Final = 1000
#: Stripe Tax is told within seconds while it answers.
TOLD_WITHIN: Final = timedelta(hours=1)

_order, _payment, _journal = tables.payment_order.c, tables.payment.c, ledger.journal.c
_invoice, _entry, _wallet = invoicing.invoice.c, ledger.entry.c, ledger.wallet.c
_PAID: Final = [str(state) for state in CREDITED]


def compare(connection: Connection, since: datetime | None) -> Iterator[Difference]:
    """Every difference among what was paid since then, or ever."""
    yield from odd.each(odd.ORDER, credited(connection, since), of_order)
    yield from _payments_without_order(connection, since)
    yield from _credits_without_payment(connection, since)
    yield from _invoices_without_payment(connection, since)


def credited(connection: Connection, since: datetime | None) -> Iterator[Row[Any]]:
    """Every order that was credited, with what stands beside it, a batch at a time."""
    after = ""
    while True:
        query = _credited().where(_order.id > after).order_by(_order.id).limit(BATCH)
        found = connection.execute(query if since is None else query.where(_order.paid_at >= since)).all()
        yield from found
        if len(found) < BATCH:
            return
        after = found[-1].id


def _credited() -> Select[Any]:
    bonus = ledger.journal.alias("bonus")
    return (
        select(
            _order.id,
            _order.workspace_id,
            _order.provider,
            _order.credits_micros,
            _order.bonus_micros,
            _order.currency,
            _order.gross_minor,
            _order.invoice_number,
            _payment.id.label("payment"),
            _payment.order_id.label("payment_order"),
            _payment.external_id,
            _payment.amount_minor.label("paid_minor"),
            _payment.currency.label("paid_currency"),
            _journal.id.label("journal"),
            _journal.kind.label("journal_kind"),
            _journal.ref.label("journal_ref"),
            _wallet.workspace_id.label("credited_workspace"),
            _sum_of(_journal.id, _entry.account == accounts.issued("paid")).label("issued"),
            _sum_of(bonus.c.id, _entry.account == accounts.issued("promo")).label("gift"),
            _sum_of(_journal.id, _entry.account.like(accounts.CASH + "%")).label("cash"),
            _receipts().label("received"),
            _invoice.id.label("invoice"),
            _invoice.number,
            _invoice.order_id.label("invoice_order"),
            _invoice.workspace_id.label("invoice_workspace"),
            _invoice.gross,
            _invoice.currency.label("invoice_currency"),
        )
        .outerjoin(tables.payment, _payment.id == _order.payment_id)
        .outerjoin(ledger.journal, _journal.id == _order.journal_id)
        .outerjoin(bonus, and_(bonus.c.kind == journal.BONUS, bonus.c.ref == _journal.ref))
        .outerjoin(ledger.wallet, _wallet.id == _journal.wallet_id)
        .outerjoin(invoicing.invoice, _invoice.id == _order.invoice_id)
        .where(_order.state.in_(_PAID))
    )


def _sum_of(journal_id: Any, account: Any) -> Any:
    total = select(func.coalesce(func.sum(_entry.amount), 0)).where(_entry.journal_id == journal_id, account)
    return total.scalar_subquery()


def _receipts() -> Any:
    kept = tables.manual_receipt.c
    total = select(func.coalesce(func.sum(kept.amount_minor), 0)).where(kept.order_id == _order.id)
    return total.scalar_subquery()


def of_order(row: Row[Any]) -> Iterator[Difference]:
    """What does not fit around one credited order."""
    gross = Fiat(row.gross_minor, row.currency)
    yield from _of_payment(row, gross)
    yield from _of_credits(row, gross)
    yield from _of_invoice(row, gross)


def _of_payment(row: Row[Any], gross: Fiat) -> Iterator[Difference]:
    if row.payment is None or row.payment_order != row.id:
        yield _of(row, Code.ORDER_WITHOUT_PAYMENT, amount=gross)
        return
    paid = Fiat(row.paid_minor, row.paid_currency)
    if paid != gross:
        yield _of(row, Code.PAYMENT_DIFFERS, row.external_id, order=row.id, ordered=gross, paid=paid)
    if row.provider == MANUAL and row.received < gross.minor:
        yield _of(row, Code.TRANSFER_SHORT, ordered=gross, received=Fiat(int(row.received), row.currency))


def _of_credits(row: Row[Any], gross: Fiat) -> Iterator[Difference]:
    bought, gift = Money(row.credits_micros), Money(row.bonus_micros)
    if row.journal is None or row.journal_kind != journal.TOP_UP or row.journal_ref not in _refs(row):
        yield _of(row, Code.ORDER_WITHOUT_CREDITS, credits=bought + gift, amount=gross)
        return
    if (int(row.issued), int(row.gift)) != (bought.micros, gift.micros) or row.credited_workspace != row.workspace_id:
        booked = Money(int(row.issued) + int(row.gift))
        yield _of(row, Code.CREDITS_DIFFER, ordered=bought + gift, booked=booked, journal=row.journal)
    if int(row.cash) != gross.money.micros:
        booked = Money(int(row.cash), row.currency)
        yield _of(row, Code.CASH_DIFFERS, ordered=gross, booked=booked, journal=row.journal)


def _refs(row: Row[Any]) -> set[str]:
    """The ledger's name for the payment: the provider's own id, or the transfer's order."""
    if row.external_id is None:
        return {row.journal_ref}  # the missing payment is told by itself
    return {f"{MANUAL}:{row.external_id}" if row.provider == MANUAL else row.external_id}


def _of_invoice(row: Row[Any], gross: Fiat) -> Iterator[Difference]:
    if row.invoice is None:
        yield _of(row, Code.ORDER_WITHOUT_INVOICE, amount=gross, number=row.invoice_number)
        return
    invoiced = Fiat(row.gross, row.invoice_currency)
    mine = (row.invoice_order, row.invoice_workspace, row.number) == (row.id, row.workspace_id, row.invoice_number)
    if invoiced != gross or not mine:
        yield _of(row, Code.INVOICE_DIFFERS, row.number, order=row.id, ordered=gross, invoiced=invoiced)


def _payments_without_order(connection: Connection, since: datetime | None) -> Iterator[Difference]:
    query = (
        select(tables.payment)
        .outerjoin(tables.payment_order, and_(_order.payment_id == _payment.id, _order.state.in_(_PAID)))
        .where(_order.id.is_(None))
    )
    found = connection.execute(query if since is None else query.where(_payment.created_at >= since))
    yield from odd.each("payment", found, _payment_alone)


def _payment_alone(row: Row[Any]) -> Iterator[Difference]:
    amount = Fiat(row.amount_minor, row.currency)
    yield _named(Code.PAYMENT_WITHOUT_ORDER, row.external_id, row.order_id, row.workspace_id, amount=amount)


def _credits_without_payment(connection: Connection, since: datetime | None) -> Iterator[Difference]:
    issued = _sum_of(_journal.id, _entry.account == accounts.issued("paid")).label("issued")
    query = (
        select(_journal.id, _journal.ref, _journal.actor, _wallet.workspace_id, issued)
        .outerjoin(tables.payment_order, _order.journal_id == _journal.id)
        .outerjoin(ledger.wallet, _wallet.id == _journal.wallet_id)
        .where(
            _journal.kind == journal.TOP_UP,
            or_(_order.id.is_(None), _order.state.not_in(_PAID)),
            ~exists().where(refund.c.restored_journal_id == _journal.id),
            ~exists().where(dispute.c.restored_journal_id == _journal.id),
        )
    )
    found = connection.execute(query if since is None else query.where(_journal.created_at >= since))
    yield from odd.each("journal", found, _credits_alone)


def _credits_alone(row: Row[Any]) -> Iterator[Difference]:
    facts = {"credits": Money(int(row.issued)), "payment": row.ref, "by": row.actor}
    yield _named(Code.CREDITS_WITHOUT_PAYMENT, row.id, None, row.workspace_id, **facts)


def _invoices_without_payment(connection: Connection, since: datetime | None) -> Iterator[Difference]:
    query = (
        select(invoicing.invoice)
        .outerjoin(tables.payment_order, and_(_order.id == _invoice.source_id, _order.invoice_id == _invoice.id))
        .where(_invoice.source_kind == "order", or_(_order.id.is_(None), _order.state.not_in(_PAID)))
    )
    found = connection.execute(query if since is None else query.where(_invoice.issued_at >= since))
    yield from odd.each("invoice", found, _invoice_alone)


def _invoice_alone(row: Row[Any]) -> Iterator[Difference]:
    amount = Fiat(row.gross, row.currency)
    yield _named(Code.INVOICE_WITHOUT_PAYMENT, row.number, row.order_id, row.workspace_id, amount=amount)


def untold_taxes(connection: Connection, now: datetime) -> Iterator[Difference]:
    """Sales and refunds that Stripe Tax worked the tax out for and was not told of."""
    yield from odd.each("tax_report", unreported(connection, now - TOLD_WITHIN), _untold)


def _untold(row: Row[Any]) -> Iterator[Difference]:
    net, tax = Fiat(row.net_minor, row.currency), Fiat(row.tax_minor, row.currency)
    facts = {"amount": net, "tax": tax, "reason": row.failure_code}
    yield _named(Code.TAX_NOT_REPORTED, row.reference, row.order_id, row.workspace_id, **facts)


def lost_reports(connection: Connection) -> Iterator[Difference]:
    """Orders whose tax Stripe Tax worked out, and nobody is going to tell it."""
    report = tax_report.c
    lost = (
        select(tables.payment_order)
        .outerjoin(tax_report, report.document_id == _order.invoice_id)
        .where(_order.state.in_(_PAID), _order.tax_calculation_id.is_not(None), report.id.is_(None))
    )
    yield from odd.each(odd.ORDER, connection.execute(lost), _lost)


def _lost(row: Row[Any]) -> Iterator[Difference]:
    net, tax = Fiat(row.net_minor, row.currency), Fiat(row.tax_minor, row.currency)
    subject = row.invoice_number or row.id
    yield _named(Code.TAX_NOT_REPORTED, subject, row.id, row.workspace_id, amount=net, tax=tax, reason="lost")


def without_tax(connection: Connection) -> Iterator[Difference]:
    """Invoices without tax whose VAT id, taken on trust, is known to be invalid by now."""
    for doubt in doubtful(connection):
        seen = doubt.invoice
        facts = {"amount": seen.gross, "tax_id": doubt.tax_id}
        yield _named(Code.VAT_ID_INVALID, seen.number, seen.order_id, seen.workspace_id, **facts)


def _of(row: Row[Any], code: Code, subject: str | None = None, **facts: object) -> Difference:
    """A difference about an order, or about something of it."""
    return _named(code, subject or row.id, row.id, row.workspace_id, **facts)


def _named(code: Code, subject: str, order_id: str | None, workspace_id: str | None, **facts: object) -> Difference:
    return Difference(code, subject, _texts(facts.items()), order_id, workspace_id)


def _texts(facts: Iterable[tuple[str, object]]) -> dict[str, str]:
    return {name: _text(value) for name, value in facts if value is not None}


def _text(value: object) -> str:
    if not isinstance(value, Money):
        return str(value)
    return f"{plain(value.amount)} {'credits' if value.unit == CREDIT else value.unit}"
