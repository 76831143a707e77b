"""A house with the sandbox behind it, on both databases."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ENGINES
from tests.support.house import House, house, settings_for


@pytest.fixture
def home(seeded_url: str, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    """A customer with 10,000 credits."""
    with house(settings_for(tmp_path / "home", seeded_url, sandbox_url)) as built:
        yield built


@pytest.fixture(scope="module", params=ENGINES)
def shared_house(
    request: pytest.FixtureRequest, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A house for a module's tests that change nothing but their own workspace."""
    folder = tmp_path_factory.mktemp("house")
    if request.param == "sqlite":
        path = folder / "house.sqlite"
        shutil.copyfile(request.getfixturevalue("seeded_sqlite"), path)
        with house(settings_for(folder / "home", f"sqlite:///{path}", sandbox_url)) as built:
            yield built
        return
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("seeded_postgres")
    with (
        server.fresh(template) as url,
        house(settings_for(folder / "home", url, sandbox_url)) as built,
    ):
        yield built


@pytest.fixture
def customer(shared_house: House) -> House:
    """A new customer of the shared house, with 10,000 credits."""
    return shared_house.newcomer(10_000)
