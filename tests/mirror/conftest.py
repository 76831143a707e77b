"""A Farebox of our own over a fresh database, and a second one that plays the remote."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.kernel.db import Database
from app.kernel.given import Given
from app.metering.events import read_event
from app.metering.ingest import Ingest
from app.mirror.service import Account, Mirror
from app.plans import customers
from tests.billing_api.conftest import BillingServer, billing_server, sdk  # noqa: F401 (fixtures)


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **some: float) -> None:
        self.at += timedelta(**some)


@dataclass
class Here:
    """Our side: what customers and integrators do to it, without a server."""

    db: Database
    now: Time
    ingest: Ingest

    def customer(self, external_id: str, **more: Any) -> customers.Customer:
        given = Given({"external_id": external_id, "name": f"{external_id} Ltd", **more})
        with self.db.write() as connection:
            return customers.create(connection, given, actor="test", now=self.now())

    def use(self, customer: str, *ids: str, **properties: Any) -> None:
        """One event for each id."""
        given = {"event_name": "image_generated", "external_customer_id": customer, "properties": properties}
        events = [read_event({**given, "event_id": each}, self.now(), "") for each in ids]
        self.ingest.accept(events)


@pytest.fixture
def here(database: Database) -> Here:
    now = Time()
    return Here(database, now, Ingest(database, now))


@pytest.fixture
def mirror(here: Here, billing_server: BillingServer) -> Iterator[Mirror]:  # noqa: F811
    """Our mirror to the second Farebox."""
    made = Mirror(here.db, here.now, Account(billing_server.url, billing_server.secret))
    yield made
    made.close()
