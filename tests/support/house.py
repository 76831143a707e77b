"""A complete Farebox without a browser: the services over a given database, the seeded catalogue, a customer with
credits, and a running sandbox. Generations are stepped by hand unless the engine is asked for."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from app import services as building
from app.accounts.tables import Member
from app.generation import follow, views
from app.generation.advance import advance
from app.generation.start import Ask, Started, start
from app.generation.views import Seen
from app.kernel.db import metadata
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.ledger.audit import run_audit
from app.services import Services
from app.settings import Settings
from tests.support.seeded import SECRET_KEY

PATIENCE_STEPS = 600
SHORT_PATIENCE = timedelta(seconds=0.5)  # for a provider that was asked to stop and goes on
MEMBER = metadata.tables[str(Member.__tablename__)]


def settings_for(home: Path, database_url: str, sandbox_url: str, secret_key: str = SECRET_KEY) -> Settings:
    """Demo settings for a house in a folder of its own, over a copy of a seeded database."""
    return Settings(
        demo=True,
        host="127.0.0.1",
        port=3000,
        public_url="http://127.0.0.1:9",  # nobody listens there: what callbacks would bring is found by polling
        database_url=database_url,
        home=home,
        secret_key=secret_key,
        credit_value_micros=1_000,
        sandbox_url=sandbox_url,
    )


@dataclass
class House:
    """What a test talks to."""

    services: Services
    workspace_id: str
    sandbox_url: str

    def ask(self, model: str, **given: Any) -> Ask:
        """A request of this house's customer; keywords `max_credits`, `shown`, `idempotency_key` go to the request."""
        control = {name: given.pop(name) for name in ("max_credits", "shown", "idempotency_key") if name in given}
        return Ask(self.workspace_id, model, given, origin="api", request_id=new_id("req"), **control)

    async def start(self, model: str, **given: Any) -> Started:
        return await start(self.services.desk, self.ask(model, **given))

    async def carry(self, generation_id: str) -> Seen:
        """Step until it is finished; a stuck generation is a failure, not a hang."""
        for _ in range(PATIENCE_STEPS):
            step = await advance(self.services.desk, generation_id)
            if step.wait_seconds is None:
                return self.seen(generation_id)
            await asyncio.sleep(min(step.wait_seconds, 0.2))
        raise AssertionError(f"{generation_id} is still {step.state} after {PATIENCE_STEPS} steps")

    async def step_until(self, generation_id: str, state: str) -> None:
        """Step until it is in that state of its lifecycle."""
        for _ in range(PATIENCE_STEPS):
            step = await advance(self.services.desk, generation_id)
            if step.state == state:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{generation_id} never came to be {state}")

    async def run(self, model: str, **given: Any) -> Seen:
        """Start and carry to the end."""
        return await self.carry((await self.start(model, **given)).generation_id)

    def seen(self, generation_id: str) -> Seen:
        with self.services.db.read() as connection:
            return views.find(connection, generation_id)

    def key(self, name: str = "test") -> str:
        """The secret of a new API key of this customer."""
        keys = self.services.accounts.keys
        return keys.create(self.workspace_id, name, actor=self._owner()).secret

    def _owner(self) -> str:
        with self.services.db.read() as connection:
            found = select(MEMBER.c.user_id).where(MEMBER.c.workspace_id == self.workspace_id)
            return str(connection.execute(found).scalars().first())

    def newcomer(self, credits: int = 0) -> "House":
        """The same house as another of its customers knows it."""
        workspace_id = _customer(self.services)
        if credits:
            asyncio.run(_grant(self.services, workspace_id, credits))
        return replace(self, workspace_id=workspace_id)

    @property
    def available(self) -> Money:
        return self.services.ledger.balance(self.workspace_id).available

    def book(self) -> dict[str, Any]:
        """What the sandbox accepted and would bill."""
        return dict(httpx.get(f"{self.sandbox_url}/book").json())

    def assert_books_balance(self) -> None:
        breaches = run_audit(self.services.db)
        assert not breaches, breaches


@contextmanager
def house(settings: Settings, *, credits: int = 10_000, carry: bool = False) -> Iterator[House]:
    """Build over a seeded database and start; stop at the end. `carry` runs the workflow engine too."""
    settings.home.mkdir(parents=True, exist_ok=True)
    services = building.build(settings, carry=carry)
    workspace_id = _customer(services)
    services.start()
    patience, follow.CANCEL_PATIENCE = follow.CANCEL_PATIENCE, SHORT_PATIENCE
    try:
        asyncio.run(_grant(services, workspace_id, credits))
        yield House(services, workspace_id, settings.sandbox_url or "")
    finally:
        follow.CANCEL_PATIENCE = patience
        services.stop()


def _customer(services: Services) -> str:
    person = services.accounts.people.create_user(
        f"{secrets.token_hex(4)}@example.com", "Mara", "correct horse battery"
    )
    return services.accounts.people.create_workspace("Halfmoon Studio", owner_id=person.id).id


async def _grant(services: Services, workspace_id: str, credits: int) -> None:
    await services.ledger.grant(
        workspace_id, Money(credits * 1_000_000), kind="promo", label="Test credits", ref=workspace_id, actor="test"
    )
