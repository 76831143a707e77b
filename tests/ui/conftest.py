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
