"""A till of its own for every test of reconciling, and one Stripe for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till


@pytest.fixture
def till(tmp_path: Path, database_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    with open_till(tmp_path / "home", database_url, stripe_) as opened:
        yield opened


@pytest.fixture
def one_till(tmp_path: Path, sqlite_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    """For what does not depend on the database."""
    with open_till(tmp_path / "home", sqlite_url, stripe_) as opened:
        yield opened
