"""A Farebox of our own, asked in this process, and a second one in a process of its own that plays the remote."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from app import services as building
from app.api.assemble import build_api
from app.kernel import clock
from app.kernel.db import Database
from app.mirror.service import Mirror
from app.plans.keys import BillingKeys
from app.services import Services
from tests.billing_api.conftest import BillingServer, billing_server  # noqa: F401 (a fixture)
from tests.support.house import settings_for
from tests.support.late import Late

if TYPE_CHECKING:
    from flexprice import Flexprice

flexprice = Late("flexprice")

SECRET = "whsec_bWlycm9yIG1pcnJvcg=="
NOBODY = "http://127.0.0.1:9/v1"


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
    """Our side. `sdk` speaks to its billing API, `http` to everything else of it."""

    services: Services
    http: TestClient
    sdk: Flexprice

    @property
    def mirror(self) -> Mirror:
        return self.services.mirror

    @property
    def db(self) -> Database:
        return self.services.db

    def use(self, customer: str, *ids: str, event: str = "image_generated", **properties: str) -> None:
        """One event for each id, as an integrator reports them."""
        given = [
            {"event_id": each, "event_name": event, "external_customer_id": customer, "properties": properties}
            for each in ids
        ]
        self.sdk.events.ingest_events_bulk(events=given)


Start = Callable[[BillingServer], Here]


@pytest.fixture(scope="module")
def start(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Our side over a database of its own, mirrored to a second Farebox."""
    begun: list[Here] = []

    def begin(remote: BillingServer) -> Here:
        home = tmp_path_factory.mktemp("here")
        path = home / "farebox.sqlite"
        path.write_bytes(sqlite_template.read_bytes())
        base = settings_for(home, f"sqlite:///{path}", "http://127.0.0.1:9")
        settings = replace(base, mirror_url=remote.url, mirror_key=remote.secret, mirror_secrets=(SECRET,))
        services = building.build(settings, carry=False)
        secret = BillingKeys(services.db, clock.now).issue("tests", actor="test").secret
        http = TestClient(build_api(services), base_url="http://here")
        sdk = flexprice.Flexprice(server_url="http://here/billing/v1", api_key_auth=secret, client=http)
        begun.append(Here(services, http, sdk))
        return begun[-1]

    yield begin
    for one in begun:
        one.http.close()
        one.services.mirror.close()
        one.db.dispose()


@pytest.fixture(scope="module")
def here(start: Start, billing_server: BillingServer) -> Here:  # noqa: F811
    """One for every test of a module: what a test makes has names of its own. It has looked at the remote once, so
    whatever comes now is news."""
    made = start(billing_server)
    made.mirror.send()
    return made


@pytest.fixture(scope="module")
def there(billing_server: BillingServer) -> Iterator[Flexprice]:  # noqa: F811
    """The second Farebox's billing API."""
    with billing_server.sdk() as client:
        yield client


@pytest.fixture
def name() -> str:
    """Somebody whom no other test knows."""
    return f"who-{secrets.token_hex(6)}"


def sell(sdk: Flexprice, name: str, amount: str) -> str:
    """A plan that asks this much for an image, on one of the two sides; its id there."""
    made = sdk.plans.create_plan(name=f"Plan of {name}", lookup_key=f"plan-{name}")
    feature = sdk.features.create_feature(
        name=f"Images of {name}", type_="metered",
        meter={"name": f"images {name}", "event_name": name, "reset_usage": "BILLING_PERIOD",
              "aggregation": {"type": "SUM", "field": "image_count"}},
    )  # fmt: skip
    price: dict[str, Any] = {
        "currency": "usd", "entity_type": "PLAN", "entity_id": made.id, "price_unit_type": "FIAT", "type_": "USAGE",
        "billing_model": "FLAT_FEE", "billing_period": "MONTHLY", "billing_period_count": 1, "amount": amount,
        "invoice_cadence": "ARREAR", "meter_id": feature.meter_id,
    }  # fmt: skip
    sdk.prices.create_price(**price)
    return str(made.id)


def told(sdk: Flexprice, customer: str) -> set[str]:
    """The ids of the events that one of the two sides has of a customer."""
    found = sdk.events.list_raw_events(external_customer_id=customer, page_size=100)
    return {str(one.id) for one in found.events or ()}


__all__ = ["NOBODY", "SECRET", "Here", "Time", "sell", "told"]
