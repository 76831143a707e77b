"""One running server for the billing API's tests, and clients that talk to it: the official SDK and plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from app.invoicing.parties import Address, Seller
from app.invoicing.seller import Sellers
from app.kernel import clock
from app.kernel.db import Database
from app.plans.keys import EVERYTHING, BillingKeys
from tests.support.api_server import running_api

if TYPE_CHECKING:
    from flexprice import Flexprice


@dataclass(frozen=True, slots=True)
class BillingServer:
    """Farebox's API in a process of its own. `db` is its database, for what no request can do."""

    url: str  # with /billing/v1
    db: Database
    secret: str

    def key(self, *scopes: str) -> str:
        """A new key, good for everything unless told what for."""
        return BillingKeys(self.db, clock.now).issue("test", scopes or EVERYTHING, actor="test").secret

    def sdk(self, secret: str | None = None) -> Flexprice:
        from flexprice import Flexprice

        return Flexprice(server_url=self.url, api_key_auth=secret or self.secret, timeout_ms=60_000)

    def http(self, secret: str | None = None) -> httpx.Client:
        headers = {"x-api-key": secret or self.secret}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def billing_server(
    sqlite_template: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BillingServer]:
    """One server for every test of a module: what a test makes has names of its own."""
    home = tmp_path_factory.mktemp("billing")
    path = home / "farebox.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    secret = BillingKeys(database, clock.now).issue("tests", actor="test").secret
    with running_api(home, database.url, sandbox_url) as api:
        yield BillingServer(f"{api.url}/billing/v1", database, secret)
    database.dispose()


@pytest.fixture(scope="module")
def sdk(billing_server: BillingServer) -> Iterator[Flexprice]:
    """The official SDK with only its address changed."""
    with billing_server.sdk() as client:
        yield client


@pytest.fixture(scope="module")
def http(billing_server: BillingServer) -> Iterator[httpx.Client]:
    """Plain HTTP with the same key."""
    with billing_server.http() as client:
        yield client


@pytest.fixture(scope="module")
def seller(billing_server: BillingServer) -> None:
    """Somebody who sells: without one no invoice is finalised."""
    address = Address("Hauptstraße 1", "Berlin", "DE", postcode="10115")
    sells = Seller("", 0, "Example GmbH", address, vat_id="DE136695976", series_prefix="EX")
    Sellers(billing_server.db, clock.now).save(sells, author="test", make_default=True)
