"""The money behind movements of credits, for a customer's account statement."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, select

from app.generation.account_statement import Purchase
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.ledger import accounts, journal, tables
from app.payments.return_notes import notes_by_ref, sold_anew_by_ref
from app.payments.return_tables import dispute, refund
from app.payments.tables import payment_order

SOLD = (journal.TOP_UP, journal.BONUS)
RETURNS = (journal.SET_ASIDE, journal.GIVE_BACK, journal.TAKE_BACK, *SOLD)
RESTORED = ":restored"


def purchases_of(connection: Connection, workspace_id: str, journal_ids: Collection[str]) -> Mapping[str, Purchase]:
    """By journal: what was paid for these credits with tax (below zero: what went back), for which order, on which
    invoice or credit note."""
    order = payment_order.c
    query = select(order.journal_id, order.gross_minor, order.currency, order.id, order.invoice_number)
    paid = query.where(order.workspace_id == workspace_id, order.journal_id.in_(journal_ids))
    bought = {
        row.journal_id: Purchase(Fiat(int(row.gross_minor), row.currency), row.id, row.invoice_number)
        for row in connection.execute(paid)
    }
    bought |= _bonuses(connection, workspace_id, [each for each in journal_ids if each not in bought])
    return bought | _returned(connection, workspace_id, [each for each in journal_ids if each not in bought])


def _bonuses(connection: Connection, workspace_id: str, ids: Collection[str]) -> dict[str, Purchase]:
    """What came on top of an order cost nothing, and is on its invoice all the same."""
    order, lot = payment_order.c, tables.lot.c
    query = select(lot.journal_id, order.id, order.invoice_number).join(payment_order, order.bonus_lot_id == lot.id)
    found = connection.execute(query.where(order.workspace_id == workspace_id, lot.journal_id.in_(ids)))
    return {row.journal_id: Purchase(None, row.id, row.invoice_number) for row in found}


def _returned(connection: Connection, workspace_id: str, ids: Collection[str]) -> dict[str, Purchase]:
    """Refunds and disputes: a movement carries their id, and the money that moved with it."""
    kept = tables.journal.c
    query = select(kept.id, kept.kind, kept.ref).where(kept.id.in_(ids), kept.kind.in_(RETURNS))
    moved = connection.execute(query).all()
    about = {row.ref.partition(":")[0] for row in moved}
    causes = {**_causes(connection, refund, workspace_id, about), **_causes(connection, dispute, workspace_id, about)}
    moved = [row for row in moved if row.ref.partition(":")[0] in causes]
    money = _money(connection, [row.id for row in moved])
    orders = {cause.order_id for cause in causes.values()}
    noted, anew = notes_by_ref(connection, orders), sold_anew_by_ref(connection, orders)
    found = {}
    for row in moved:
        cause, amount = causes[row.ref.partition(":")[0]], money.get(row.id)
        documents = anew.get(row.ref.removesuffix(RESTORED), ()) if row.kind in SOLD else noted.get(row.ref, ())
        named = row.kind in SOLD or amount is not None
        numbers = ", ".join(one.number for one in documents) if named else ""
        found[row.id] = Purchase(amount, cause.order_id, numbers or None)
    return found


def _causes(connection: Connection, table: Any, workspace_id: str, ids: Collection[str]) -> dict[str, Row[Any]]:
    query = select(table.c.id, table.c.order_id)
    mine = query.where(table.c.workspace_id == workspace_id, table.c.id.in_(ids))
    return {row.id: row for row in connection.execute(mine)}


def _money(connection: Connection, ids: Collection[str]) -> dict[str, Fiat]:
    """What came in or went out with these journals, as the books of money have it."""
    entry = tables.entry.c
    query = select(entry.journal_id, entry.unit, func.sum(entry.amount).label("amount"))
    query = query.where(entry.journal_id.in_(ids), entry.account.like(accounts.CASH + "%"))
    rows = connection.execute(query.group_by(entry.journal_id, entry.unit))
    return {row.journal_id: Fiat.from_exact(Money(int(row.amount), row.unit).amount, row.unit) for row in rows}
