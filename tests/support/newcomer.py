"""Somebody new in a running Farebox: a workspace of their own, so that tests share the server and nothing else."""

import asyncio
import itertools
import secrets
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from playwright.sync_api import Page

from app.accounts.people import Person
from app.accounts.service import Accounts
from app.api.auth import COOKIE
from app.invoicing.seed import BUYER
from app.invoicing.service import Invoicing
from app.kernel import clock
from app.kernel.db import Database
from app.kernel.money import Money
from app.ledger.wallet import Ledger, open_wallet
from app.settings import load
from tests.support.server import Running

KEY_NAME = "Demo key"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Newcomer:
    """A customer who can sign in, and whose programs have a key."""

    url: str
    email: str
    password: str
    workspace: str
    workspace_id: str
    api_key: str
    session: str = field(repr=False)

    def enter(self, page: Page) -> Page:
        """Sign in without the form: the cookie is there already."""
        page.context.add_cookies([{"name": COOKIE, "value": self.session, "url": self.url, "httpOnly": True}])
        return page

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


def newcomer(farebox: Running, *, name: str = "Workshop", credits: int = 10_000, profile: bool = False) -> Newcomer:
    """With so many credits, and with a billing profile if asked for; written beside the server, as its commands do."""
    number, password = next(_numbers), secrets.token_urlsafe(9)
    workspace, email = f"{name} {number:03}", f"{name.lower()}-{number}-{secrets.token_hex(3)}@example.com"
    db = Database(load(farebox.env).database_url)
    accounts = Accounts(db, clock.now, opened=open_wallet)
    try:
        person, made = accounts.people.create_customer(email, "Mara", password, workspace)
        if credits:
            _aside(_grant(db, made.id, credits))
        if profile:
            Invoicing(db, clock.now).profiles.save(made.id, BUYER, actor=person.id, ip_country="DE")
        key, session = _key(accounts, made.id, person), accounts.sign_ins.begin(person.id)
    finally:
        accounts.close()
        db.dispose()
    return Newcomer(farebox.url, email, password, workspace, made.id, key, session)


def _key(accounts: Accounts, workspace_id: str, person: Person) -> str:
    return accounts.keys.create(workspace_id, KEY_NAME, actor=person.id).secret


async def _grant(db: Database, workspace_id: str, credits: int) -> None:
    ledger = Ledger(db, clock.now)
    ledger.start()
    try:
        amount = Money.from_exact(credits)
        await ledger.grant(workspace_id, amount, kind="promo", label="Credits", ref=workspace_id, actor="test")
    finally:
        ledger.stop()


def _aside(work: Coroutine[None, None, None]) -> None:
    """Playwright keeps an event loop in this thread: ours runs in another."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
