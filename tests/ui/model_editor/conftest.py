"""The seed catalogue, an operator, and the editor open on a model."""

from collections.abc import Iterator

import pytest

from app.accounts.identity import Who
from app.ui.guard import acting_as
from tests.support.house import House
from tests.ui.model_editor.tab import Tab
from tests.ui.screens import operator_of


@pytest.fixture
def home(own_house: House) -> House:
    return own_house


@pytest.fixture
def operator(home: House) -> Iterator[Who]:
    who = operator_of(home.services)
    with acting_as(who):
        yield who


@pytest.fixture
def tab(operator: Who) -> Tab:
    return Tab("flux-schnell")
