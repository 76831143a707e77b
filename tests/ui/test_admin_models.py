"""The table of models: what a line says, what the filters leave, and adding one."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from app.ui.guard import acting_as
from app.ui.pages.admin_models.add_state import AddModelState, alias_of
from app.ui.pages.admin_models.state import AdminModelsState
from tests.support.house import House
from tests.ui.screens import operator_of
from tests.ui.tabs import new_tab


@pytest.fixture
def home(own_house: House) -> House:
    return own_house


@pytest.fixture
def table(home: House) -> Iterator[Any]:
    """The page's state after its visit."""
    with acting_as(operator_of(home.services)):
        state = new_tab("operator", "/admin/models").tree.get_substate(AdminModelsState.get_full_name().split("."))
        asyncio.run(AdminModelsState.load.fn(state))
        yield state


@pytest.fixture
def form(table: Any) -> Any:
    """The dialog that adds a model, opened."""
    state = table.parent_state.get_substate([AddModelState.get_name()])
    asyncio.run(AddModelState.open_add.fn(state))
    return state


def aliases(table: Any) -> list[str]:
    return [line["alias"] for line in table.lines]


def add(form: Any) -> list[Any]:
    async def run() -> list[Any]:
        return [event async for event in AddModelState.add.fn(form)]

    return asyncio.run(run())


def test_a_line_says_price_margin_and_provider(table):
    line = next(line for line in table.lines if line["alias"] == "flux-schnell")
    assert (line["price"], line["margin"], line["tone"]) == ("from 10 credits per image", "70.0%", "good")
    assert (line["kinds"], line["version"], line["enabled"], line["draft"]) == (["fal"], "v1", True, "")


def test_search_and_filters_leave_what_fits(table):
    AdminModelsState.look_for.fn(table, "flux fal")
    assert "flux-schnell" in aliases(table)
    assert "veo3.1" not in aliases(table)
    AdminModelsState.look_for.fn(table, "")
    AdminModelsState.choose_modality.fn(table, "audio")
    assert {line["modality"] for line in table.lines} == {"audio"}
    AdminModelsState.choose_view.fn(table, "off")
    assert aliases(table) == []
    AdminModelsState.choose_view.fn(table, "nonsense")
    assert table.view == "off"


def test_what_nobody_confirmed_is_to_be_looked_at(table):
    AdminModelsState.choose_view.fn(table, "attention")
    assert table.lines
    assert not any(line["verified"] for line in table.lines)


def test_a_model_is_added_as_a_draft_that_could_be_published(form, home):
    for name, text in {
        "title": "FLUX.2 max",
        "upstream": "fal-ai/flux-2-max",
        "price": "60",
        "provider": "fal",
    }.items():
        AddModelState.set_value.fn(form, name, text)
    assert form.form["alias"] == "flux.2-max"
    events = add(form)
    assert not form.adding
    row = next(row for row in home.services.editing.models() if row.alias == "flux.2-max")
    assert row.model_id in str(events[-1])
    assert not row.enabled
    assessed = home.services.editing.preview_publish(row.model_id)
    assert [str(change.new_price) for change in assessed.changes] == ["60 credit", "240 credit"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("alias", "flux-schnell"),
        ("alias", "Ä"),
        ("title", ""),
        ("upstream", "../x"),
        ("price", "cheap"),
        ("provider", "x"),
    ],
)
def test_a_refusal_stands_under_its_field(form, name, text):
    good = {"title": "Some model", "alias": "some-model", "upstream": "a/b", "provider": "fal"}
    for key, value in {**good, name: text}.items():
        AddModelState.set_value.fn(form, key, value)
    add(form)
    assert form.adding
    assert form.wrong[name]


@pytest.mark.parametrize(
    ("title", "alias"), [("FLUX.1 schnell", "flux.1-schnell"), ("  Ünder/score_x!", "nder-score_x")]
)
def test_an_alias_is_made_from_the_title(title, alias):
    assert alias_of(title) == alias
