"""The seed catalogue, an operator, and the editor open on a model."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import services as building
from app.accounts.identity import Who
from app.ui.guard import acting_as
from tests.support.house import House, house, settings_for
from tests.ui.model_editor.tab import Tab


@pytest.fixture
def home(seeded_sqlite: Path, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    """The seed catalogue; the pages find these services."""
    shutil.copyfile(seeded_sqlite, tmp_path / "farebox.sqlite")
    before = building._current
    with house(settings_for(tmp_path / "home", f"sqlite:///{tmp_path / 'farebox.sqlite'}", sandbox_url)) as built:
        building.install(built.services)
        yield built
    building._current = before


@pytest.fixture
def operator(home: House) -> Iterator[Who]:
    made = home.services.accounts.people.create_operator("tomas@farebox.example", "Tomas Reyes", "a long password 1")
    who = Who(made.id, made.name, made.email, True, None, None, None)
    with acting_as(who):
        yield who


@pytest.fixture
def tab(operator: Who) -> Tab:
    return Tab("flux-schnell")
