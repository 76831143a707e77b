"""The interface's tests compile no bundle: the app is imported as `reflex export` does. Pages that ask services find
those of one house, in which every test is a customer of its own."""

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from app import services as building
from tests.support.house import House, house, settings_for
from tests.support.till import Till
from tests.support.till import till as open_till
from tests.ui.screens import Screen, owner_of

CREDITS = 10_000

with mock.patch.dict(os.environ, {"FAREBOX_BUILD": "1"}):
    importlib.import_module("app.app")


@pytest.fixture(scope="session")
def shared_house(seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house for tests that change nothing but their own workspace."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copyfile(seeded_sqlite, folder / "house.sqlite")
    with house(settings_for(folder / "home", f"sqlite:///{folder / 'house.sqlite'}", sandbox_url)) as built:
        yield built


@pytest.fixture
def own_house(
    seeded_sqlite: Path, sandbox_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """The seed catalogue and a customer in a house of this test's own; the pages find its services."""
    shutil.copyfile(seeded_sqlite, tmp_path / "farebox.sqlite")
    with house(settings_for(tmp_path / "home", f"sqlite:///{tmp_path / 'farebox.sqlite'}", sandbox_url)) as built:
        monkeypatch.setattr(building, "_current", built.services)
        yield built


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    """A till without cards; the pages find its services."""
    with open_till(tmp_path / "home", sqlite_url, None) as opened:
        monkeypatch.setattr(building, "_current", opened.services)
        yield opened


@pytest.fixture
def pages_ask(shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The services pages ask are the shared house's."""
    monkeypatch.setattr(building, "_current", shared_house.services)


@pytest.fixture
def home(shared_house: House, pages_ask: None) -> House:
    """A new customer of the shared house, with 10,000 credits."""
    return shared_house.newcomer(CREDITS)


@pytest.fixture
def screen(home: House) -> Screen:
    """The new customer's tab."""
    return Screen(home, owner_of(home))
