"""Short words for the ledger's tests: a shop with a ledger and a database, and generations to hold credits for."""

import asyncio
import itertools
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import bindparam, insert, select, text, update

from app.accounts.tables import Workspace
from app.catalogue.tables import Model, ModelVersion, ProviderRow, Route
from app.generation.tables import Attempt, Generation
from app.kernel.db import Database, metadata
from app.kernel.ids import new_id
from app.kernel.money import MICRO, USD, Money
from app.ledger import tables
from app.ledger.audit import run_audit
from app.ledger.companion import Companion
from app.ledger.journal import Cash, Cost
from app.ledger.operations import GrantOp, HoldOp, ReleaseOp, Settled, SettleOp, ToppedUp, TopUpOp
from app.ledger.wallet import Ledger, open_wallet

T = TypeVar("T")
EUR = Cash("stripe", Money(100_000_000, "EUR"), Money(20_000_000, "EUR"))  # a payment of 120.00 with its tax
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
DEADLINE = datetime(2036, 1, 1, tzinfo=UTC)
_counter = itertools.count(1)

GENERATION, ATTEMPT, WORKSPACE, MODEL, VERSION, PROVIDER, ROUTE = (
    metadata.tables[str(model.__tablename__)]
    for model in (Generation, Attempt, Workspace, Model, ModelVersion, ProviderRow, Route)
)
INSERT_GENERATION = insert(GENERATION)
INSERT_ATTEMPT = insert(ATTEMPT)
FINISH_GENERATION = (
    update(GENERATION)
    .where(GENERATION.c.id == bindparam("which"), GENERATION.c.finished_at.is_(None))
    .values(state=bindparam("to"), charged_micros=bindparam("charged"), finished_at=bindparam("at"))
)
PRICE_ATTEMPT = (
    update(ATTEMPT)
    .where(ATTEMPT.c.generation_id == bindparam("which"), ATTEMPT.c.number == 1)
    .values(cost_micros=bindparam("cost"))
)


def credits(amount: int) -> Money:
    return Money(amount * MICRO)


def dollars(micros: int) -> Money:
    return Money(micros, USD)


def cost(micros: int, provider_id: str = "fal") -> Cost:
    return Cost(provider_id, dollars(micros))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def new_workspace(db: Database, *, credit_limit: int = 0) -> str:
    """A workspace with an empty wallet; the limit in micros."""
    workspace_id = new_id("ws")
    with db.write() as connection:
        connection.execute(insert(WORKSPACE).values(id=workspace_id, name="Test", created_at=START))
        open_wallet(connection, workspace_id, credit_limit=credit_limit)
    return workspace_id


class Sold(NamedTuple):
    """A model on sale, a version of its price, and a route."""

    model_id: str
    version_id: str
    route_id: str


def new_model(db: Database) -> Sold:
    """A model whose price has every overage policy, for generations to point at."""
    sold = Sold(new_id("mdl"), new_id("ver"), new_id("rte"))
    model = {"alias": sold.model_id, "title": "Test", "description": "", "modality": "image", "enabled": True}
    version = {"number": 1, "param_schema": {}, "author": "test", "note": "", "diff": [], "published_at": START}
    rule = {"overage": "extend"}
    provider = {"id": "fal", "kind": "fal", "name": "fal", "base_url": "http://localhost", "settings": {}}
    route = {"provider_id": "fal", "upstream_model": "x", "priority": 0, "enabled": True, "mapping": {}, "settings": {}}
    dated = {"created_at": START, "updated_at": START}
    with db.write() as connection:
        connection.execute(insert(MODEL).values(id=sold.model_id, sort=0, **model, **dated))
        connection.execute(
            insert(VERSION).values(id=sold.version_id, model_id=sold.model_id, pricing_rule=rule, **version)
        )
        connection.execute(insert(PROVIDER).values(enabled=True, is_sandbox=True, updated_at=START, **provider))
        connection.execute(insert(ROUTE).values(id=sold.route_id, model_id=sold.model_id, **route))
    return sold


class Shop:
    """A ledger, its database and one model, with verbs for a test to read by. Amounts are whole credits."""

    def __init__(self, ledger: Ledger, db: Database, sold: Sold | None = None) -> None:
        self.ledger, self.db = ledger, db
        self.sold = sold or new_model(db)

    @classmethod
    def existing(cls, ledger: Ledger, db: Database) -> "Shop":
        """A second shop over a database that has its model already."""
        query = select(ROUTE.c.model_id, VERSION.c.id, ROUTE.c.id).join(VERSION, VERSION.c.model_id == ROUTE.c.model_id)
        with db.read() as connection:
            return cls(ledger, db, Sold._make(connection.execute(query).one()))

    def workspace(self, granted: int = 0, *, credit_limit: int = 0) -> str:
        """A workspace holding `granted` credits of promotion."""
        workspace_id = new_workspace(self.db, credit_limit=credit_limit * MICRO)
        if granted:
            self.grant(workspace_id, granted)
        return workspace_id

    # --- operations, to be put into a batch

    def grant_op(self, workspace_id: str, amount: int, **more: Any) -> GrantOp:
        given = {"kind": "promo", "label": "Gift", "ref": f"gift {next(_counter)}", "actor": "test", "priority": 10}
        return GrantOp(workspace_id, credits(amount), **(given | more))

    def hold_op(self, workspace_id: str, amount: int, generation_id: str | None = None, **more: Any) -> HoldOp:
        generation_id = generation_id or new_id("gen")
        also = [*self.born(workspace_id, generation_id, amount), *more.pop("also", ())]
        return HoldOp(workspace_id, generation_id, credits(amount), DEADLINE, also, **more)

    def settle_op(self, generation_id: str, amount: int, **more: Any) -> SettleOp:
        price = more.get("cost")
        also = more.pop("also", lambda done: self.finished(generation_id, done, price))
        return SettleOp(generation_id, credits(amount), also=also, **more)

    def release_op(self, generation_id: str, **more: Any) -> ReleaseOp:
        given = {"reason": "failed"} | more
        return ReleaseOp(
            generation_id, also=lambda done: self.finished(generation_id, done, given.get("cost")), **given
        )

    def top_up_op(self, workspace_id: str, paid: int, bonus: int = 0, **more: Any) -> TopUpOp:
        given = {"ref": f"pi_{next(_counter)}", "label": "Starter", "actor": "test"}
        gift = credits(bonus) if bonus else None
        return TopUpOp(workspace_id, credits(paid), bonus=gift, **(given | more))

    # --- the same, done at once

    def grant(self, workspace_id: str, amount: int, **more: Any) -> Any:
        return self.ledger.perform(self.grant_op(workspace_id, amount, **more))

    def hold(self, workspace_id: str, amount: int, generation_id: str | None = None, **more: Any) -> str:
        op = self.hold_op(workspace_id, amount, generation_id, **more)
        self.ledger.perform(op)
        return op.generation_id

    def settle(self, generation_id: str, amount: int, **more: Any) -> Any:
        return self.ledger.perform(self.settle_op(generation_id, amount, **more))

    def release(self, generation_id: str, **more: Any) -> Any:
        return self.ledger.perform(self.release_op(generation_id, **more))

    def top_up(self, workspace_id: str, paid: int, bonus: int = 0, **more: Any) -> ToppedUp:
        return cast(ToppedUp, self.ledger.perform(self.top_up_op(workspace_id, paid, bonus, **more)))

    def perform(self, op: Any) -> Any:
        return self.ledger.perform(op)

    # --- companions

    def born(self, workspace_id: str, generation_id: str, amount: int) -> list[Companion]:
        """The rows a request writes: the generation and its first attempt."""
        dated = {"created_at": START, "updated_at": START}
        generation = {
            "id": generation_id,
            "request_id": new_id("req"),
            "workspace_id": workspace_id,
            "origin": "api",
            "model_id": self.sold.model_id,
            "version_id": self.sold.version_id,
            "modality": "image",
            "state": "held",
            "params": {},
            "estimate": {},
            "hold_micros": amount * MICRO,
            **dated,
        }
        return [Companion(INSERT_GENERATION, generation), self.attempt(generation_id, 1)]

    def attempt(self, generation_id: str, number: int, cost_micros: int | None = None) -> Companion:
        row = {
            "id": new_id("att"),
            "generation_id": generation_id,
            "number": number,
            "route_id": self.sold.route_id,
            "provider_id": "fal",
            "upstream_model": "x",
            "state": "intent",
            "cost_micros": cost_micros,
            "created_at": START,
            "updated_at": START,
        }
        return Companion(INSERT_ATTEMPT, row)

    def finished(self, generation_id: str, done: Any, price: Cost | None) -> list[Companion]:
        """The rows an end writes: the generation's state, unless it had ended before, and what the attempt cost."""
        rows = []
        if not (done.already or getattr(done, "late", False)):
            state = "settled" if isinstance(done, Settled) else "released"
            row = {"which": generation_id, "to": state, "charged": done.charged.micros, "at": START}
            rows.append(Companion(FINISH_GENERATION, row))
        if price is not None:
            rows.append(Companion(PRICE_ATTEMPT, {"which": generation_id, "cost": price.amount.micros}))
        return rows

    # --- questions

    def figures(self, workspace_id: str) -> tuple[int, int, int]:
        """(balance, held, owed) in whole credits; refuses fractions, which no test here makes."""
        balance = self.ledger.balance(workspace_id)
        micros = (balance.balance.micros, balance.held.micros, balance.owed.micros)
        assert not any(amount % MICRO for amount in micros)
        return (micros[0] // MICRO, micros[1] // MICRO, micros[2] // MICRO)

    def journals(self, generation_id: str) -> list[str]:
        """The journals of a generation as `kind: account amount, …`, the workspace's accounts without its id."""
        return [
            f"{view.kind}: " + ", ".join(f"{_short(leg.account)} {leg.amount}" for leg in view.entries)
            for view in self.ledger.journals_of(generation_id)
        ]

    def moved(self, generation_id: str) -> dict[str, int]:
        """Every account a generation moved, in micros, over all its journals."""
        sums: dict[str, int] = {}
        for view in self.ledger.journals_of(generation_id):
            for leg in view.entries:
                name = _short(leg.account)
                sums[name] = sums.get(name, 0) + leg.amount.micros
        return {name: micros for name, micros in sums.items() if micros}

    def count(self, table: str) -> int:
        with self.db.read() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def remaining(self, workspace_id: str) -> dict[str, int]:
        """Whole credits left by lot label, used-up lots included."""
        query = select(tables.lot.c.label, tables.lot.c.remaining).join(tables.wallet)
        with self.db.read() as connection:
            rows = connection.execute(query.where(tables.wallet.c.workspace_id == workspace_id)).tuples()
            return {label: left // MICRO for label, left in rows}

    def execute(self, statement: str, **values: Any) -> None:
        """Change something behind the ledger's back."""
        with self.db.write() as connection:
            connection.execute(text(statement), values)

    def assert_books_balance(self) -> None:
        breaches = run_audit(self.db, at=START)
        assert not breaches, breaches


def _short(account: str) -> str:
    return account.rsplit(":", 1)[1] if account.startswith("ws:") else account
