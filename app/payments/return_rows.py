"""What has gone back of an order, what may still go, and how its lots stand. Within the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, func, select

from app.invoicing import tables as invoicing
from app.invoicing.issue import credited
from app.kernel.fiat import Fiat, total
from app.kernel.money import Money
from app.ledger import asides as set_asides
from app.ledger import journal, reads
from app.ledger import tables as ledger
from app.ledger.asides import AsideView
from app.payments import claims, dispute_rules, rows, tables
from app.payments.claims import MORE
from app.payments.lifecycle import CREDITED, Event
from app.payments.refund_rules import Position, Sold
from app.payments.return_tables import dispute, refund

ASKED, SEEN, PENDING, SUCCEEDED = "asked", "seen", "pending", "succeeded"
FAILED, CANCELED, RESTORED = "failed", "canceled", "restored"
#: The money of these went back, or is on its way.
GONE: Final = (ASKED, SEEN, PENDING, SUCCEEDED)
DISPUTE_GONE: Final = (dispute_rules.State.OPEN, dispute_rules.State.LOST)
#: What a dispute is about is written down before credits are set aside for it, and only then its state.
DISPUTE_OPENING: Final = (dispute_rules.State.NEW, dispute_rules.State.FLAGGED)
#: What an invoice is issued for when money that had gone back is here again.
SOLD_ANEW: Final = ("refund_restored", "dispute_restored")


class LotState(NamedTuple):
    """Lots of an order. `taken` went back with refunds or is set aside for them; `expired` ended unused."""

    granted: int
    remaining: int
    taken: int
    expired: int

    @property
    def used(self) -> int:
        return self.granted - self.remaining - self.taken - self.expired


def order_locked(connection: Connection, order_id: str) -> Row[Any]:
    """The order, while nobody else decides about money of it going back."""
    query = select(tables.payment_order).where(tables.payment_order.c.id == order_id)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise rows.no_order(order_id)
    return row


def sold(order: Row[Any]) -> Sold:
    return Sold(Fiat(order.gross_minor, order.currency), Money(order.credits_micros))


def returned(connection: Connection, order: Row[Any], *, but: str = "") -> Fiat:
    """Everything of a payment that went back or is on its way, refunds and disputes together, without the one `but`."""
    disputes = select(func.coalesce(func.sum(dispute.c.booked_minor), 0)).where(
        dispute.c.order_id == order.id,
        dispute.c.state.in_([str(state) for state in (*DISPUTE_OPENING, *DISPUTE_GONE)]),
        dispute.c.id != but,
    )
    both = refunded(connection, order, but=but).minor + int(connection.execute(disputes).scalar_one())
    return Fiat(min(both, order.gross_minor), order.currency)


def refunded(connection: Connection, order: Row[Any], *, but: str = "") -> Fiat:
    """What went back by refunds or is on its way."""
    refunds = select(func.coalesce(func.sum(refund.c.amount_minor), 0)).where(
        refund.c.order_id == order.id, refund.c.state.in_(GONE), refund.c.id != but
    )
    return Fiat(int(connection.execute(refunds).scalar_one()), order.currency)


def given_back(connection: Connection, order: Row[Any]) -> Fiat:
    """What really went back."""
    refunds = select(func.coalesce(func.sum(refund.c.amount_minor), 0)).where(
        refund.c.order_id == order.id, refund.c.state == SUCCEEDED
    )
    disputes = select(func.coalesce(func.sum(dispute.c.booked_minor), 0)).where(
        dispute.c.order_id == order.id, dispute.c.state == str(dispute_rules.State.LOST)
    )
    both = int(connection.execute(refunds).scalar_one()) + int(connection.execute(disputes).scalar_one())
    return Fiat(both, order.currency)


def is_disputed(connection: Connection, order_id: str) -> bool:
    open_one = select(dispute.c.id).where(
        dispute.c.order_id == order_id, dispute.c.state == str(dispute_rules.State.OPEN)
    )
    return connection.execute(open_one.limit(1)).first() is not None


def position(connection: Connection, order: Row[Any]) -> Position:
    """How an order stands for a refund."""
    gross = Fiat(order.gross_minor, order.currency)
    gone = returned(connection, order)
    if order.lot_id is None or order.invoice_id is None:
        return Position(sold(order), False, gone, Money(0), Money(0), False, False, order.paid_at)
    # What of an invoice was credited cannot be credited again, whatever became of the money.
    room = total((open_part(connection, invoice) for invoice in invoices_of(connection, order)), order.currency)
    on_its_way = gone - given_back(connection, order)
    gone = max(gone, gross - room + on_its_way)
    lots = claims.lots_of(connection, order)
    lot, bonus = lot_state(connection, lots.paid), lot_state(connection, lots.bonus)
    balance = reads.balance(connection, order.workspace_id)
    left = Money(max(0, min(lot.remaining, (balance.balance - balance.held).micros)))
    if left >= claims.most(connection, lots.paid):
        # Earlier parts took their credits rounded up: the last millionths missing are theirs, and no customer's use.
        left = max(left, sold(order).credits_for(gross - gone, gone))
    return Position(
        sold=sold(order),
        is_paid=order.state in {str(state) for state in CREDITED},
        returned=gone,
        left=left,
        bonus_used=Money(max(bonus.used, 0)),
        expired=bool(lot.expired),
        disputed=is_disputed(connection, order.id),
        paid_at=order.paid_at,
    )


def invoices_of(connection: Connection, order: Row[Any]) -> Sequence[Row[Any]]:
    """The invoice of an order, and those of parts that came back after they had been credited; the oldest first."""
    sold_anew = (invoicing.invoice.c.order_id == order.id) & invoicing.invoice.c.source_kind.in_(SOLD_ANEW)
    mine = (invoicing.invoice.c.id == order.invoice_id) | sold_anew
    query = select(invoicing.invoice).where(mine).order_by(invoicing.invoice.c.issued_at, invoicing.invoice.c.id)
    return connection.execute(query).all()


def open_part(connection: Connection, invoice: Row[Any]) -> Fiat:
    """What no credit note has taken back of an invoice."""
    return Fiat(invoice.gross - credited(connection, invoice.id), invoice.currency)


def lot_state(connection: Connection, lots: Sequence[str]) -> LotState:
    """Lots together, used up or not."""
    each = [_lot_state(connection, lot_id) for lot_id in lots]
    return LotState(*(sum(figures) for figures in zip(*each, strict=True))) if each else LotState(0, 0, 0, 0)


def _lot_state(connection: Connection, lot_id: str) -> LotState:
    lot = connection.execute(select(ledger.lot).where(ledger.lot.c.id == lot_id)).one()
    taken = sum(
        aside.amount.micros for aside in set_asides.set_asides(connection, lot_id) if aside.state != "given_back"
    )
    return LotState(lot.granted, lot.remaining, taken, expired(connection, lot_id))


def expired(connection: Connection, lot_id: str) -> int:
    """What ended of a lot on its last day, in micros."""
    use = ledger.lot_use.c
    query = (
        select(func.coalesce(func.sum(use.amount), 0))
        .join(ledger.journal, ledger.journal.c.id == use.journal_id)
        .where(use.lot_id == lot_id, ledger.journal.c.kind == journal.EXPIRY)
    )
    return int(connection.execute(query).scalar_one())


def owed(connection: Connection, ref: str) -> Money:
    """What of one share of a claim was used by now, and therefore is debt; what had ended unused is not."""
    aside = set_asides.set_aside(connection, ref)
    if aside is None:
        return Money(0)
    of_lot = {one.ref: one for one in set_asides.set_asides(connection, aside.lot_id)}
    excused = sum(
        _missing(one, of_lot) - one.shortfall.micros
        for one in of_lot.values()
        if one.state == "taken_back" and not one.ref.endswith(MORE)
    )
    return Money(max(0, _missing(aside, of_lot) - max(0, expired(connection, aside.lot_id) - excused)))


def _missing(aside: AsideView, of_lot: Mapping[str, AsideView]) -> int:
    """What could not be set aside, then or later."""
    later = of_lot.get(aside.ref + MORE)
    return (aside.asked - aside.amount).micros - (later.amount.micros if later else 0)


def settle_order(connection: Connection, order_id: str, now: datetime, *, actor: str) -> None:
    """Bring an order's state in line with what really went back of it."""
    order = rows.find(connection, order_id)
    back = given_back(connection, order).minor
    if is_disputed(connection, order_id):
        return
    if back >= order.gross_minor:
        rows.move(connection, order_id, Event.REFUND, now, actor=actor)
    elif back:
        rows.move(connection, order_id, Event.REFUND_PART, now, actor=actor)
    elif not rows.move(connection, order_id, Event.WIN, now, actor=actor):
        rows.move(connection, order_id, Event.RESTORE, now, actor=actor)
