"""`/wallets`: a customer's credits, added, taken, listed, closed; and how they stand at this moment."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection

from app.api.billing import wire
from app.api.billing.common import Billing, Body, OptionalBody, Query
from app.billing import wallet_alerts, wallet_events, wallet_history, wallet_moves, wallet_words, wallets
from app.billing.outstanding import outstanding
from app.billing.wallet_moves import Moved
from app.billing.wallets import Record
from app.kernel.given import Given
from app.plans import customers
from app.plans.keys import BillingKey


class _Shown:
    """How wallets are told, and looked at after something moved in them."""

    def __init__(self, billing: Billing) -> None:
        self.clock, self.house = billing.clock, billing.house

    def standing(self, connection: Connection, row: Record) -> dict[str, Any]:
        due = outstanding(connection, str(row["workspace_id"]), str(row["currency"]), self.clock())
        return wallet_words.standing(connection, row, due, self.clock())

    def judged(self, connection: Connection, wallet_id: str) -> Record:
        """The wallet after a movement, its alert looked at."""
        row = wallets.get(connection, wallet_id, self.house)
        due = outstanding(connection, str(row["workspace_id"]), str(row["currency"]), self.clock())
        wallet_alerts.judge(connection, row, wallet_words.real_time(connection, row, due, self.clock()), self.clock())
        return wallets.get(connection, wallet_id, self.house)

    def moved(self, connection: Connection, wallet_id: str, move: Moved) -> dict[str, Any]:
        row = self.judged(connection, wallet_id)
        transaction = wallet_history.of_journal(connection, row, move.journal_id)
        said = wallet_words.transaction(row, transaction)
        return {"wallet": wallet_words.shown(connection, row), "wallet_transaction": said}


def of_customers(billing: Billing) -> APIRouter:
    """The wallets of one customer."""
    api = APIRouter(tags=["wallets"])
    Key = Annotated[BillingKey, billing.key("wallets")]
    db, house, tell = billing.db, billing.house, _Shown(billing)

    @api.get("/customers/wallets")
    def of_named(_key: Key, query: Query) -> list[dict[str, Any]]:
        with db.read() as connection:
            if query.has("id"):
                found = customers.get(connection, query.text("id"))
            else:
                found = customers.by_external_id(connection, query.text("lookup_key"))
            return [tell.standing(connection, row) for row in wallets.of_customer(connection, found, house)]

    @api.get("/customers/{customer_id}/wallets")
    def of_customer(_key: Key, customer_id: str) -> list[dict[str, Any]]:
        with db.read() as connection:
            found = customers.get(connection, customer_id)
            return [tell.standing(connection, row) for row in wallets.of_customer(connection, found, house)]

    return api


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["wallets"])
    Key = Annotated[BillingKey, billing.key("wallets")]
    db, clock, house, tell = billing.db, billing.clock, billing.house, _Shown(billing)

    @api.post("/wallets", status_code=200)
    def create(key: Key, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            row = wallets.create(connection, body, actor=key.id, now=clock())
            wallet_events.wallet(connection, "wallet.created", row, clock())
            wallet_moves.load(connection, row, body, actor=key.id, clock=clock)
            return wallet_words.shown(connection, tell.judged(connection, str(row["id"])))

    @api.post("/wallets/search")
    def search(_key: Key, body: OptionalBody) -> dict[str, Any]:
        with db.read() as connection:
            return wire.page(wallets.search(connection, body), lambda row: wallet_words.shown(connection, row))

    @api.get("/wallets/{wallet_id}")
    def get(_key: Key, wallet_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return wallet_words.shown(connection, wallets.get(connection, wallet_id, house))

    @api.put("/wallets/{wallet_id}")
    def update(key: Key, wallet_id: str, body: Body) -> dict[str, Any]:
        return change(key, wallet_id, body)

    @api.post("/wallets/{wallet_id}/modify")
    def modify(key: Key, wallet_id: str, body: Body) -> dict[str, Any]:
        return change(key, wallet_id, body)

    def change(key: BillingKey, wallet_id: str, body: Given) -> dict[str, Any]:
        with db.write() as connection:
            row = wallets.change(connection, wallet_id, body, house, actor=key.id, now=clock())
            wallet_events.wallet(connection, "wallet.updated", row, clock())
            return wallet_words.shown(connection, tell.judged(connection, wallet_id))

    @api.get("/wallets/{wallet_id}/balance/real-time")
    def real_time(_key: Key, wallet_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return tell.standing(connection, wallets.get(connection, wallet_id, house))

    @api.get("/wallets/{wallet_id}/balance/real-time-cached")
    def real_time_cached(_key: Key, wallet_id: str) -> dict[str, Any]:
        """The same: it is quick enough not to be remembered."""
        with db.read() as connection:
            return tell.standing(connection, wallets.get(connection, wallet_id, house))

    return api


def moves(billing: Billing) -> APIRouter:
    """What moves credits, and what moved."""
    api = APIRouter(tags=["wallets"])
    Key = Annotated[BillingKey, billing.key("wallets")]
    db, clock, house, tell = billing.db, billing.clock, billing.house, _Shown(billing)

    @api.post("/wallets/transactions/search")
    def search_transactions(_key: Key, body: OptionalBody, query: Query) -> dict[str, Any]:
        asked = Given({**query.raw, **body.raw})
        with db.read() as connection:
            row = wallets.get(connection, asked.text("wallet_id"), house) if asked.has("wallet_id") else None
            found = wallet_history.search(connection, row, asked)
            known = wallets.of_ledger(connection, {one.wallet for one in found.items}, house)
            return listed(known, found)

    @api.get("/wallets/{wallet_id}/transactions")
    def transactions(_key: Key, wallet_id: str, query: Query) -> dict[str, Any]:
        with db.read() as connection:
            row = wallets.get(connection, wallet_id, house)
            found = wallet_history.search(connection, row, query)
            return listed(dict.fromkeys((one.wallet for one in found.items), row), found)

    @api.post("/wallets/{wallet_id}/top-up")
    def top_up(key: Key, wallet_id: str, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            row = wallets.get(connection, wallet_id, house)
            return tell.moved(
                connection, wallet_id, wallet_moves.top_up(connection, row, body, actor=key.id, clock=clock)
            )

    @api.post("/wallets/{wallet_id}/debit")
    def debit(key: Key, wallet_id: str, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            row = wallets.get(connection, wallet_id, house)
            return tell.moved(
                connection, wallet_id, wallet_moves.debit(connection, row, body, actor=key.id, clock=clock)
            )

    @api.post("/wallets/{wallet_id}/terminate")
    def terminate(key: Key, wallet_id: str) -> dict[str, Any]:
        with db.write() as connection:
            row = wallets.get(connection, wallet_id, house)
            return wallet_words.shown(connection, wallet_moves.terminate(connection, row, actor=key.id, clock=clock))

    return api


def listed(rows: Mapping[int, Record], found: wallet_history.Found) -> dict[str, Any]:
    """A page of transactions, with their wallets by number."""
    items = [wallet_words.transaction(rows[one.wallet], one) for one in found.items]
    return wire.listed(items, found.total, found.limit, found.offset)
