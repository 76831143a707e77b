"""`/customers/{id}/postpaid`: our own addresses beside the SDK's, for who pays afterwards. Operators' keys may."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection

from app.api.billing import invoice_wire, wire
from app.api.billing.common import Billing, Body, OptionalBody
from app.billing import postpaid, suggesting
from app.billing.postpaid import Agreed
from app.billing.wallets import MOST_CREDITS, MOST_RATE
from app.kernel.money import Money, plain
from app.kernel.text import t
from app.ledger import reads
from app.plans import customers
from app.plans.keys import BillingKey


def router(billing: Billing) -> APIRouter:
    """How a customer stands who pays afterwards, and what an operator decides about it."""
    api = APIRouter(tags=["paying afterwards"])
    Key = Annotated[BillingKey, billing.key("invoices")]
    #: Who gives credit decides what a wallet may spend.
    Giving = Annotated[BillingKey, billing.key("invoices", "wallets")]
    db, clock = billing.db, billing.clock

    @api.get("/customers/{customer_id}/postpaid")
    def get(_key: Key, customer_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return shown(connection, customers.get(connection, customer_id).workspace_id, billing)

    @api.put("/customers/{customer_id}/postpaid")
    def switch_on(key: Giving, customer_id: str, body: Body) -> dict[str, Any]:
        agreed = Agreed(
            customers.currency(body),
            body.decimal("credit_price", above=Decimal(0), most=MOST_RATE),
            30 if not body.has("net_days") else body.integer("net_days", most=120),
        )
        limit = Money.from_exact(body.decimal("credit_limit", above=Decimal(0), most=MOST_CREDITS))
        with db.write() as connection:
            workspace_id = customers.get(connection, customer_id).workspace_id
            postpaid.switch_on(connection, workspace_id, limit, agreed, actor=key.id, now=clock())
            return shown(connection, workspace_id, billing)

    @api.delete("/customers/{customer_id}/postpaid")
    def switch_off(key: Giving, customer_id: str) -> dict[str, Any]:
        with db.write() as connection:
            workspace_id = customers.get(connection, customer_id).workspace_id
            postpaid.switch_off(connection, workspace_id, actor=key.id, now=clock())
            return shown(connection, workspace_id, billing)

    @api.post("/invoices/{invoice_id}/write-off")
    def write_off(_key: Key, invoice_id: str, body: OptionalBody) -> dict[str, Any]:
        with db.write() as connection:
            row = postpaid.write_off(
                connection, invoice_id, reason=body.maybe("reason", longest=1_000) or "", now=clock()
            )
            return invoice_wire.shown(connection, row)

    return api


def shown(connection: Connection, workspace_id: str, billing: Billing) -> dict[str, Any]:
    """The agreement, how it stands, and the limit that is suggested with every step that led to it."""
    row, found = postpaid.find(connection, workspace_id), reads.balance(connection, workspace_id)
    suggested = suggesting.suggestion(connection, workspace_id, billing.clock())
    return {
        "workspace_id": workspace_id,
        "active": row is not None and row.active,
        "currency": row.currency.lower() if row else None,
        "credit_price": row.credit_price if row else None,
        "net_days": row.net_days if row else None,
        "credit_limit": plain(found.credit_limit.amount),
        "balance": plain(found.balance.amount),
        "owed": plain(found.owed.amount),
        "dunning": row.dunning if row else "",
        "closed_until": wire.moment(row.closed_until) if row else None,
        "suggested_limit": plain(Money(suggested.limit).amount),
        "suggested_because": [told(name, figure) for name, figure in suggested.steps],
    }


def told(step: str, figure: int) -> str:
    """One step of a suggestion in words."""
    counts = step in ("overdue", "disputes", "too_new")
    return t(f"period.suggested.{step}", figure=str(figure) if counts else plain(Money(figure).amount))
