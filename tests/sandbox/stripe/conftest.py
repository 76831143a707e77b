"""One sandbox for all tests of this folder, emptied before each, and somebody to hear its webhooks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import stripe

from tests.sandbox.callers import until
from tests.support.listener import Call, Heard, listening
from tests.support.stripe_sandbox import SandboxStripe, running_stripe


@dataclass
class Hook:
    """An endpoint of ours: what came is checked with Stripe's own library."""

    heard: Heard
    path: str
    id: str
    secret: str
    calls: list[Call] = field(default_factory=list)

    def events(self, kind: str | None = None) -> list[stripe.Event]:
        """Every event that has come so far, verified."""
        self._hear(0.01)
        came = [
            stripe.Webhook.construct_event(call.body, call.headers["stripe-signature"], self.secret)
            for call in self.calls
        ]
        return [event for event in came if kind in {None, event.type}]

    def wait(self, kind: str, count: int = 1) -> list[stripe.Event]:
        """The events of this type, as soon as so many have come."""

        def enough():
            found = self.events(kind)
            return found if len(found) >= count else None

        return until(enough)

    def never(self, kind: str) -> bool:
        """Whether nothing of the kind comes while we wait a little."""
        self._hear(0.4)
        return not self.events(kind)

    def next(self) -> Call:
        """The next call, verified by nobody."""
        known = len(self.calls)

        def another():
            self._hear(0.01)
            return self.calls[known:]

        return until(another)[0]

    def _hear(self, quiet_seconds: float) -> None:
        self.calls += [call for call in self.heard.all(quiet_seconds) if call.path == self.path]


@pytest.fixture(scope="session")
def running(tmp_path_factory) -> Iterator[SandboxStripe]:
    with running_stripe(tmp_path_factory.mktemp("stripe"), speed=50) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running) -> SandboxStripe:
    running.ctl("reset")
    return running


@pytest.fixture(scope="session")
def library(running) -> Iterator[stripe.StripeClient]:
    with running.talking() as client:
        yield client


@pytest.fixture
def client(library, sandbox) -> stripe.StripeClient:
    """The real library, in front of an empty sandbox."""
    return library


@pytest.fixture(scope="session")
def heard() -> Iterator[Heard]:
    with listening() as heard:
        yield heard


@pytest.fixture
def hook(client, heard) -> Iterator[Hook]:
    """An endpoint of this test's own, so that what an earlier one still sends is not ours."""
    heard.status = 200
    made = client.v1.webhook_endpoints.create({"url": f"{heard.url}/{uuid4()}", "enabled_events": ["*"]})
    yield Hook(heard, urlsplit(made.url).path, made.id, made.secret)
    client.v1.webhook_endpoints.delete(made.id)


@pytest.fixture
def customer(client) -> stripe.Customer:
    return client.v1.customers.create({"email": "ada@example.com", "name": "Ada Lovelace"})
