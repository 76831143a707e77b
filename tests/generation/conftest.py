"""A house with the sandbox behind it, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.house import House, house, settings_for
from tests.support.sandbox import running_sandbox


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One sandbox for the session, in a hurry."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=50) as url:
        yield url


@pytest.fixture
def home(database_url: str, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    """A customer with 10,000 credits."""
    with house(settings_for(tmp_path / "home", database_url, sandbox_url)) as built:
        yield built
