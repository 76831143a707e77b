"""A house with the sandbox behind it, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.house import House, house, settings_for


@pytest.fixture
def home(seeded_url: str, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    """A customer with 10,000 credits."""
    with house(settings_for(tmp_path / "home", seeded_url, sandbox_url)) as built:
        yield built
