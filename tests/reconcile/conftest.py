"""A till of its own for every test of reconciling, and one Stripe for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stripe_sandbox import SandboxStripe, running_stripe
from tests.support.till import Till
from tests.support.till import till as open_till


@pytest.fixture(scope="session")
def session_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStripe]:
    with running_stripe(tmp_path_factory.mktemp("stripe")) as running:
        yield running


@pytest.fixture
def stripe_(session_stripe: SandboxStripe) -> SandboxStripe:
    """The session's Stripe, with nothing in it."""
    session_stripe.ctl("reset")
    return session_stripe


@pytest.fixture
def till(tmp_path: Path, database_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    with open_till(tmp_path / "home", database_url, stripe_) as opened:
        yield opened


@pytest.fixture
def one_till(tmp_path: Path, sqlite_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    """For what does not depend on the database."""
    with open_till(tmp_path / "home", sqlite_url, stripe_) as opened:
        yield opened
