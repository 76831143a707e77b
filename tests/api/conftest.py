"""The session, file and error routes as one small app, on a fresh database."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from argon2 import PasswordHasher
from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

from app.accounts.identity import KeyHolder, Who
from app.accounts.passwords import Passwords
from app.accounts.people import Person, WorkspaceInfo
from app.accounts.service import Accounts
from app.api import errors, files, passwords, session, uploads
from app.api.auth import Auth
from app.files.store import Files
from app.kernel import clock
from app.kernel.db import Database
from app.ledger.wallet import Ledger, open_wallet
from tests.ledger.support import Shop

HOME = "https://ai.example.com"
PASSWORD = "correct horse battery"
OURS = {"Origin": HOME}


@dataclass
class World:
    """The app with two customers and an operator in it."""

    app: FastAPI
    accounts: Accounts
    files: Files
    ada: Person
    ada_workspace: WorkspaceInfo
    bob: Person
    bob_workspace: WorkspaceInfo
    root: Person

    def client(self, home: str = HOME, **options: Any) -> TestClient:
        return TestClient(self.app, base_url=home, follow_redirects=False, **options)

    def signed_in(self, person: Person) -> TestClient:
        client = self.client()
        client.cookies.set("farebox_session", self.accounts.sign_ins.begin(person.id), domain="ai.example.com")
        return client

    def with_key(self, workspace: WorkspaceInfo, person: Person) -> TestClient:
        key = self.accounts.keys.create(workspace.id, "test", actor=person.id)
        return self.client(headers={"Authorization": f"Bearer {key.secret}"})


def build(accounts: Accounts, stored: Files, home: str = HOME, demo: session.DemoLogins = None) -> FastAPI:
    """The routes this package's tests speak to, and one of each way to ask who is there."""
    app = FastAPI()
    auth = Auth(accounts, home)
    errors.install(app, top_up_url=f"{home}/balance")
    signing_in = (session.router(auth, accounts, demo), passwords.router(auth, accounts))
    for router in (*signing_in, files.router(auth, stored), uploads.router(auth, stored)):
        app.include_router(router)

    @app.get("/with-key")
    async def with_key(holder: Annotated[KeyHolder, Depends(auth.require_key)]) -> str:
        return holder.workspace_id

    @app.api_route("/with-session", methods=["GET", "POST"])
    async def with_session(who: Annotated[Who, Depends(auth.require_session)]) -> str:
        return who.email

    @app.get("/as-operator")
    async def as_operator(who: Annotated[Who, Depends(auth.require_operator)]) -> str:
        return who.email

    return app


@pytest.fixture
def accounts(database: Database) -> Iterator[Accounts]:
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    made = Accounts(database, clock.now, opened=open_wallet, passwords=cheap, background=lambda chore: chore())
    yield made
    made.close()


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    """The ledger behind the routes, with a till to fill it."""
    ledger = Ledger(database)
    ledger.start()
    yield Shop(ledger, database)
    ledger.stop()


@pytest.fixture
def world(database: Database, accounts: Accounts, tmp_path: Path) -> World:
    stored = Files(database, tmp_path / "files")
    people = accounts.people
    ada, ada_workspace = people.create_customer("ada@example.com", "Ada", PASSWORD, "Ada & Co")
    bob, bob_workspace = people.create_customer("bob@example.com", "Bob", PASSWORD, "Bob Ltd")
    root = people.create_operator("root@example.com", "Root", PASSWORD)
    return World(build(accounts, stored), accounts, stored, ada, ada_workspace, bob, bob_workspace, root)
