"""The rows behind charging invoices: who agreed to it, what is to be charged, and what an answer changes.

All of it within the caller's transaction, under the invoice's lock.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, insert, or_, select, update

from app.accounts.tables import Workspace
from app.billing import invoices, payments, tables
from app.billing.card_tables import billing_charge, invoice_card
from app.kernel import outbox
from app.kernel.db import metadata
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat
from app.payments.card_tables import saved_card
from app.payments.declines import Decline, classify, wait_after
from app.payments.saved_card_rows import ACTIVE
from app.payments.topup_rows import card_text

CHARGE, SETTING = billing_charge, invoice_card
ON, OFF, DISABLED = "on", "off", "disabled"
CARD, PAGE = "card", "page"
ASKED, UNKNOWN, OPEN, PROCESSING, DONE = "asked", "unknown", "open", "processing", "done"
DECLINED, ACTION, NEVER, EXPIRED, MISMATCH = "declined", "needs_action", "never", "expired", "mismatch"
#: Nobody knows yet how it ends.
UNDER_WAY: Final = (ASKED, UNKNOWN, OPEN, PROCESSING)
#: Who agreed to get invoices and pay them by themselves.
SENT: Final = "send_invoice"
WRITTEN_OFF: Final = "written_off"
WORKSPACE: Final = metadata.tables[str(Workspace.__tablename__)]
_INVOICE, _PAYMENT, _SUBSCRIPTION = invoices.INVOICE, payments.PAYMENT, tables.subscription


def setting_of(connection: Connection, workspace_id: str) -> Row[Any] | None:
    """The card that this workspace agreed to have its invoices charged to."""
    query = select(SETTING).where(SETTING.c.workspace_id == workspace_id)
    return connection.execute(query).one_or_none()


def keep_setting(connection: Connection, workspace_id: str, now: datetime, **values: Any) -> None:
    """Write it anew, in the place of the one before."""
    known = setting_of(connection, workspace_id)
    if known is None:
        connection.execute(insert(SETTING).values(workspace_id=workspace_id, changed_at=now, **values))
        return
    mine = update(SETTING).where(SETTING.c.workspace_id == workspace_id)
    connection.execute(mine.values(changed_at=now, **values))


def due(
    connection: Connection, provider: str, livemode: bool, now: datetime, *, limit: int = 1, only: str | None = None
) -> list[str]:
    """Invoices that are to be charged now: issued, not paid, and nothing of them is under way. `only` asks of one."""
    c = CHARGE.c
    held_off = exists().where(
        c.invoice_id == _INVOICE.c.id,
        c.card_id == SETTING.c.card_id,
        or_(c.again_at.is_(None), c.again_at > now),
    )
    being_paid = exists().where(_PAYMENT.c.invoice_id == _INVOICE.c.id, _PAYMENT.c.state.in_(payments.OPEN))
    query = (
        select(_INVOICE.c.id)
        .join(SETTING, SETTING.c.workspace_id == _INVOICE.c.workspace_id)
        .join(saved_card, saved_card.c.id == SETTING.c.card_id)
        .join(WORKSPACE, WORKSPACE.c.id == _INVOICE.c.workspace_id)
        .join(_SUBSCRIPTION, _SUBSCRIPTION.c.id == _INVOICE.c.subscription_id, isouter=True)
        .where(
            SETTING.c.state == ON,
            WORKSPACE.c.suspended_at.is_(None),
            saved_card.c.state == ACTIVE,
            saved_card.c.provider == provider,
            saved_card.c.livemode == livemode,
            _payable(),
            or_(
                _SUBSCRIPTION.c.id.is_(None),
                _SUBSCRIPTION.c.agreed["collection_method"].as_string().is_(None),
                _SUBSCRIPTION.c.agreed["collection_method"].as_string() != SENT,
            ),
            ~held_off,
            ~being_paid,
        )
        .order_by(_INVOICE.c.finalized_at, _INVOICE.c.id)
        .limit(limit)
    )
    if only is not None:
        query = query.where(_INVOICE.c.id == only)
    return list(connection.execute(query).scalars())


def _payable() -> Any:
    gone = _INVOICE.c.computed[WRITTEN_OFF].as_boolean()
    return (
        (_INVOICE.c.state == invoices.FINALIZED)
        & _INVOICE.c.payment_state.in_((invoices.PENDING, invoices.FAILED))
        & (_INVOICE.c.total > _INVOICE.c.paid + _INVOICE.c.adjusted)
        & or_(gone.is_(None), gone.is_(False))
    )


def to_pay(connection: Connection, workspace_id: str) -> list[Row[Any]]:
    """The invoices of a workspace that wait to be paid, the oldest first."""
    query = select(_INVOICE).where(_INVOICE.c.workspace_id == workspace_id, _payable())
    return list(connection.execute(query.order_by(_INVOICE.c.due_at, _INVOICE.c.id)))


def is_payable(connection: Connection, invoice_id: str) -> bool:
    """Whether money may still be asked for it."""
    query = select(_INVOICE.c.id).where(_INVOICE.c.id == invoice_id, _payable())
    return connection.execute(query).first() is not None


def find(connection: Connection, payment_id: str) -> Row[Any] | None:
    """What the provider was asked for a payment."""
    return connection.execute(select(CHARGE).where(CHARGE.c.payment_id == payment_id)).one_or_none()


def of_intent(connection: Connection, provider: str, intent_id: str) -> Row[Any] | None:
    query = select(CHARGE).where(CHARGE.c.provider == provider, CHARGE.c.intent_id == intent_id)
    return connection.execute(query).one_or_none()


def under_way(connection: Connection, invoice_id: str) -> list[Row[Any]]:
    """What was asked for an invoice and has no end yet."""
    query = select(CHARGE).where(CHARGE.c.invoice_id == invoice_id, CHARGE.c.state.in_(UNDER_WAY))
    return list(connection.execute(query.order_by(CHARGE.c.asked_at)))


def add(connection: Connection, payment: Row[Any], now: datetime, look_at: datetime, **values: Any) -> None:
    """Write down what is about to be asked."""
    connection.execute(
        insert(CHARGE).values(
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            state=ASKED,
            looks=0,
            asked_at=now,
            look_at=look_at,
            updated_at=now,
            **values,
        )
    )


def mark(connection: Connection, payment_id: str, now: datetime, **values: Any) -> None:
    connection.execute(update(CHARGE).where(CHARGE.c.payment_id == payment_id).values(updated_at=now, **values))


def require_reportable(connection: Connection, payment_id: str, state: str) -> None:
    """What Farebox collects itself is reported by the provider and by nobody else; only what an operator had to look
    into is ended by them, as failed."""
    charge = find(connection, payment_id)
    if charge is not None and (charge.state, state) != (MISMATCH, payments.FAILED):
        raise Conflict("Farebox collects this payment: its provider says how it ends.", code="invalid_operation")


# --- what came of it


def declined(
    connection: Connection, charge: Row[Any], code: str, now: datetime, *, link: str, intent_id: str | None
) -> Decline | None:
    """The bank said no: the payment failed, and the owners are told what happens next. None when it has ended since."""
    row = invoices.locked(connection, charge.invoice_id)
    now_charge = find(connection, charge.payment_id)
    if now_charge is None or now_charge.state not in UNDER_WAY:
        return None
    kind = classify(code)
    again = now + wait if kind is Decline.SOFT and (wait := _wait(connection, charge)) is not None else None
    payments.fail(connection, charge.payment_id, error=code, now=now)
    known = {"intent_id": intent_id} if intent_id else {}
    state = ACTION if kind is Decline.AUTHENTICATE else DECLINED
    mark(connection, charge.payment_id, now, state=state, code=code, again_at=again, look_at=None, **known)
    if kind in (Decline.HARD, Decline.GONE):
        disable(connection, row.workspace_id, charge.card_id, code, now)
    _tell(connection, row, charge, code, again, link, needs_action=kind is Decline.AUTHENTICATE)
    return kind


def ended(connection: Connection, charge: Row[Any], code: str, now: datetime, *, state: str, again: datetime | None,
          link: str = "") -> bool:  # fmt: skip
    """There was no charge, and there will be none under this payment. With `link` the owners are told."""
    row = invoices.locked(connection, charge.invoice_id)
    now_charge = find(connection, charge.payment_id)
    if now_charge is None or now_charge.state not in UNDER_WAY:
        return False
    if state in (EXPIRED, NEVER):
        payments.drop(connection, charge.payment_id, error=code, now=now)
    else:
        payments.fail(connection, charge.payment_id, error=code, now=now)
    mark(connection, charge.payment_id, now, state=state, code=code, again_at=again, look_at=None)
    if link:
        _tell(connection, row, charge, code, again, link)
    return True


def disable(connection: Connection, workspace_id: str, card_id: str | None, reason: str, now: datetime) -> None:
    """This card is charged for no invoice any more; one that was agreed to since is left alone."""
    mine = (SETTING.c.workspace_id == workspace_id) & (SETTING.c.card_id == card_id) & (SETTING.c.state == ON)
    off = update(SETTING).where(mine)
    connection.execute(off.values(state=DISABLED, reason=reason, changed_by="system", changed_at=now))


def _wait(connection: Connection, charge: Row[Any]) -> timedelta | None:
    """How long to wait after one more soft decline of this card for this invoice."""
    query = select(CHARGE.c.payment_id).where(
        CHARGE.c.invoice_id == charge.invoice_id, CHARGE.c.card_id == charge.card_id, CHARGE.c.state == DECLINED
    )
    return wait_after(len(connection.execute(query).all()) + 1)


def _tell(
    connection: Connection,
    row: Row[Any],
    charge: Row[Any],
    code: str,
    again: datetime | None,
    link: str,
    *,
    needs_action: bool = False,
) -> None:
    told: dict[str, Any] = {
        "number": row.number,
        "amount": invoices.remaining(row),
        "card": text_of(connection, charge.card_id),
        "link": link,
    }
    if not needs_action:
        told |= {"reason": code, "retry_at": again}
    outbox.mail(
        connection,
        "invoice_needs_action" if needs_action else "invoice_charge_failed",
        key=f"invoice_charge:{charge.payment_id}",
        workspace_id=row.workspace_id,
        params=told,
    )


def text_of(connection: Connection, card_id: str | None) -> str:
    """`Visa 4242`."""
    card = connection.execute(select(saved_card).where(saved_card.c.id == card_id)).one_or_none()
    return card_text(card.brand, card.last4) if card is not None else ""


def amount_of(payment: Row[Any]) -> Fiat:
    return Fiat(payment.amount, payment.currency)
