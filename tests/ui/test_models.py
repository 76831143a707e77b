"""The customer's catalogue: prices in words and side by side, parameters, limits; never what anything costs us."""

import json
from dataclasses import replace

import pytest

from app.api.gateway import present as wire
from app.catalogue.offers import Offer
from app.pricing.quote import estimate
from app.ui import present, wiring
from app.ui.pages.models.prices import price_grids
from app.ui.pages.models.rows import allowed
from app.ui.pages.models.state import ModelsState
from tests.support.house import House
from tests.ui.screens import Screen

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_current", replace(wiring.current(), api_model=wire.model_in_full))


async def test_every_model_on_offer_is_listed_with_its_price(screen: Screen, home: House) -> None:
    state = await screen.open(ModelsState, "/models")
    offers = home.services.offers.list()
    assert [row["alias"] for row in state.rows] == [offer.alias for offer in offers]
    assert all(row["price"] for row in state.rows)
    assert state.facts["alias"] == offers[0].alias
    assert not state.is_open
    assert [tab["value"] for tab in state.tabs] == ["all", "image", "video", "audio", "text", "embedding"]
    assert [row["chosen"] for row in state.rows].count(True) == 1


async def test_the_address_opens_a_model(screen: Screen) -> None:
    state = await screen.open(ModelsState, "/models", "?model=veo3.1")
    assert (state.facts["alias"], state.is_open) == ("veo3.1", True)
    assert state.facts["price"] == "from 280 credits per second"
    assert [line["price"] for line in state.tiers][-1] == "280 credits per second"
    assert state.facts["playground"] == "/playground?model=veo3.1"
    assert json.loads(state.facts["answer"])["id"] == "veo3.1"


async def test_an_unknown_model_opens_the_first_one(screen: Screen) -> None:
    state = await screen.open(ModelsState, "/models", "?model=%3Cscript%3E")
    assert state.facts["alias"] == state.rows[0]["alias"]


async def test_search_and_tabs_leave_the_open_model_open(screen: Screen) -> None:
    state = await screen.open(ModelsState, "/models", "?model=flux-dev")
    await screen.act(state.choose_modality("video"))
    assert state.rows
    assert {row["modality"] for row in state.rows} == {"video"}
    await screen.act(state.look_for("WAN turbo"))
    assert [row["alias"] for row in state.rows] == ["wan-2.2-turbo"]
    assert state.counted == "1 model"
    await screen.act(state.look_for("no such words"))
    assert state.rows == []
    assert state.facts["alias"] == "flux-dev"
    await screen.act(state.choose_modality("smell"))
    assert state.modality == "video"
    await screen.act(state.clear())
    assert len(state.rows) > 10


async def test_a_model_that_is_not_offered_any_more_is_gone(screen: Screen, home: House) -> None:
    model_id = home.services.offers.find("flux-dev").model_id
    home.services.editing.disable(model_id, actor="test")
    try:
        state = await screen.open(ModelsState, "/models", "?model=flux-dev")
    finally:
        home.services.editing.enable(model_id, actor="test")
    assert "flux-dev" not in [row["alias"] for row in state.rows]
    assert state.facts["alias"] != "flux-dev"


async def test_no_page_says_what_a_model_costs_us(screen: Screen, home: House) -> None:
    for offer in home.services.offers.list():
        state = await screen.open(ModelsState, "/models", f"?model={offer.alias}")
        shown = json.dumps(state.dict(), default=str).lower()
        assert offer.alias in shown
        for word in ("margin", "cost_profile", "upstream_model", "$0.", "usd"):
            assert word not in shown, (offer.alias, word)


def test_prices_side_by_side_are_those_of_the_pricing_code(home: House) -> None:
    offer = home.services.offers.find("gpt-image-2")
    (grid,) = price_grids(offer)
    sizes = offer.schema.by_name["image_size"].enum
    assert grid["columns"] == ["Low", "Medium", "High", "Auto"]
    assert len(grid["rows"]) == len(sizes)
    for row, size in zip(grid["rows"], sizes, strict=True):
        for cell, quality in zip(row["cells"][:3], ("low", "medium", "high"), strict=True):
            asked = {"prompt": "…", "image_size": size, "quality": quality, "num_images": 1}
            assert cell == present.credits(estimate(offer.card, offer.schema, asked).total)


def test_a_choice_left_to_the_provider_shows_what_it_may_become(home: House) -> None:
    (grid,) = price_grids(home.services.offers.find("gpt-image-2"))
    assert all("–" in row["cells"][3] for row in grid["rows"])


def test_three_parameters_make_a_block_for_each_value_of_the_last(home: House) -> None:
    grids = price_grids(home.services.offers.find("veo3.1"))
    assert [grid["caption"] for grid in grids] == ["Sound: Off", "Sound: On"]
    assert [row["name"] for row in grids[0]["rows"]] == ["4 s", "6 s", "8 s"]


@pytest.mark.parametrize("alias", ["imagen4-fast", "nano-banana-edit", "minimax-speech-02-hd", "seedance-1-pro"])
def test_where_one_price_fits_all_or_a_table_would_be_endless_there_is_none(home: House, alias: str) -> None:
    assert price_grids(home.services.offers.find(alias)) == []


def test_every_parameter_says_what_is_allowed(home: House) -> None:
    def says(alias: str, name: str) -> str:
        offer: Offer = home.services.offers.find(alias)
        return allowed(offer.schema.by_name[name])

    assert says("flux-schnell", "num_images") == "1 to 4"
    assert says("flux-schnell", "output_format") == "jpeg, png"
    assert says("flux-schnell", "prompt") == "text, up to 4,000 characters"
    assert says("veo3.1", "generate_audio") == "true or false"
    assert says("flux-kontext-pro", "image_url") == "an image: a file's id or an https address"
    assert says("nano-banana-edit", "image_urls").endswith("of: an image: a file's id or an https address")
