"""Short words for the ledger's tests: a shop with a ledger, workspaces with credits, and the audit at hand."""

import asyncio
import itertools
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import insert, select, text

from app.accounts.tables import Workspace
from app.kernel.db import Database, metadata
from app.kernel.ids import new_id
from app.kernel.money import MICRO, USD, Money
from app.ledger import tables
from app.ledger.operations import GrantOp
from app.ledger.wallet import Ledger, open_wallet

T = TypeVar("T")
DEADLINE = datetime(2036, 1, 1, tzinfo=UTC)
_counter = itertools.count(1)


def credits(amount: int) -> Money:
    return Money(amount * MICRO)


def dollars(micros: int) -> Money:
    return Money(micros, USD)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def new_workspace(db: Database, *, credit_limit: int = 0) -> str:
    """A workspace with an empty wallet; the limit in micros."""
    workspace_id = new_id("ws")
    with db.write() as connection:
        connection.execute(
            insert(metadata.tables["workspace"]).values(id=workspace_id, name="Test", created_at=datetime.now(UTC))
        )
        open_wallet(connection, workspace_id, credit_limit=credit_limit)
    return workspace_id


class Shop:
    """A ledger and its database, with verbs for a test to read by."""

    def __init__(self, ledger: Ledger, db: Database) -> None:
        self.ledger, self.db = ledger, db

    def workspace(self, granted: int = 0, *, credit_limit: int = 0) -> str:
        """A workspace holding `granted` whole credits of promotion."""
        workspace_id = new_workspace(self.db, credit_limit=credit_limit * MICRO)
        if granted:
            self.grant(workspace_id, granted)
        return workspace_id

    def grant(self, workspace_id: str, amount: int, **more: Any) -> Any:
        given = {
            "kind": "promo",
            "label": "Welcome",
            "ref": f"gift {next(_counter)}",
            "actor": "test",
            "priority": 10,
        } | more
        return self.ledger.perform(GrantOp(workspace_id, credits(amount), **given))

    def hold(self, workspace_id: str, amount: int, generation_id: str | None = None, **more: Any) -> str:
        generation_id = generation_id or new_id("gen")
        run(self.ledger.hold(workspace_id, generation_id, credits(amount), deadline_at=DEADLINE, **more))
        return generation_id

    def settle(self, generation_id: str, amount: int, **more: Any) -> Any:
        return run(self.ledger.settle(generation_id, credits(amount), **more))

    def release(self, generation_id: str, **more: Any) -> Any:
        return run(self.ledger.release(generation_id, **({"reason": "failed"} | more)))

    def figures(self, workspace_id: str) -> tuple[int, int, int]:
        """(balance, held, owed) in whole credits; raises when they are not whole."""
        balance = self.ledger.balance(workspace_id)
        amounts = (balance.balance, balance.held, balance.owed)
        assert not any(amount.micros % MICRO for amount in amounts)
        return tuple(amount.micros // MICRO for amount in amounts)  # type: ignore[return-value]

    def texts(self, generation_id: str) -> list[str]:
        """The journals of a generation as `kind: account amount unit, …`."""
        return [
            f"{view.kind}: " + ", ".join(f"{leg.account} {leg.amount}" for leg in view.entries)
            for view in self.ledger.journals_of(generation_id)
        ]

    def count(self, table: str) -> int:
        with self.db.read() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def remaining(self, workspace_id: str) -> dict[str, int]:
        """Whole credits left by lot label, used up lots included."""
        query = (
            select(tables.lot.c.label, tables.lot.c.remaining)
            .join(tables.wallet)
            .where(tables.wallet.c.workspace_id == workspace_id)
        )
        with self.db.read() as connection:
            return {label: left // MICRO for label, left in connection.execute(query).tuples()}


__all__ = ["DEADLINE", "Shop", "Workspace", "credits", "dollars", "new_workspace", "run", "timedelta"]
