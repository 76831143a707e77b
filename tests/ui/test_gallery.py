"""The gallery's handlers over real services: what is shown, filtered, opened, and to whom."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.generation.rows import GENERATION
from app.ui.guard import acting_as
from app.ui.pages.gallery import state as gallery_state
from app.ui.pages.gallery.state import EVERY, GalleryState, since
from tests.ui.playground_home import Visit, finish, visiting

pytestmark = pytest.mark.anyio


@pytest.fixture
def visit(seeded_sqlite: Path, sandbox_url: str, tmp_path: Path) -> Iterator[Visit]:
    with visiting(seeded_sqlite, sandbox_url, tmp_path, path="/gallery") as made:
        yield made


@pytest.fixture
def gallery(visit: Visit):
    return visit.state(GalleryState)


async def made(visit: Visit, model: str = "flux-schnell", **given) -> str:
    """A finished generation's id."""
    return str((await visit.house.run(model, **{"prompt": "A red tram", **given})).id)


async def test_with_nothing_made_it_says_what_a_first_image_costs_and_offers_four_starts(visit, gallery):
    await gallery.load()
    assert gallery.is_empty
    assert gallery.first_image == "A first image costs 10 credits and you have 10,000."
    assert [one["price"] for one in gallery.starters] == [
        "10 credits, 1 image",
        "45 credits, 1 image",
        "12 credits, 1 image",
        "165 credits, 1 image, 2K",
    ]
    assert gallery.starters[0]["href"] == "/playground?start=tram"


async def test_every_output_is_a_card(visit, gallery):
    await made(visit, num_images=2)
    await gallery.load()
    assert [card["detail"] for card in gallery.cards] == ["flux-schnell · 1 of 2", "flux-schnell · 2 of 2"]
    assert gallery.cards[0]["credits"] == "20 credits"
    assert gallery.cards[0]["thumb"] == f"/files/{gallery.cards[0]['id']}?thumb=1"


async def test_what_failed_is_not_in_the_gallery(visit, gallery):
    await made(visit, prompt="It fails [[fault:fail]]")
    await gallery.load()
    assert gallery.is_empty


async def test_filters_narrow_and_can_be_cleared(visit, gallery):
    await made(visit, prompt="A red tram")
    await made(visit, "flux-dev", prompt="A green bottle")
    await gallery.load()
    assert [row["label"] for row in gallery.models] == ["Every model", "FLUX.1 dev", "FLUX.1 schnell"]
    await gallery.set_model("flux-dev")
    assert [card["title"] for card in gallery.cards] == ["A green bottle"]
    await gallery.clear()
    await gallery.set_search("TRAM")
    assert [card["title"] for card in gallery.cards] == ["A red tram"]
    await gallery.set_modality("video")
    assert gallery.cards == []
    assert not gallery.is_empty
    await gallery.clear()
    assert len(gallery.cards) == 2


async def test_a_period_leaves_out_what_is_older(visit, gallery):
    old = await made(visit)
    await made(visit, prompt="Fresh")
    changed = update(GENERATION).where(GENERATION.c.id == old)
    with visit.house.services.db.write() as connection:
        connection.execute(changed.values(created_at=datetime.now(UTC) - timedelta(days=8)))
    await gallery.load()
    await gallery.set_period("week")
    assert [card["title"] for card in gallery.cards] == ["Fresh"]


def test_today_begins_at_midnight():
    now = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
    assert since("today", now) == datetime(2026, 11, 21, tzinfo=UTC)
    assert since("week", now) == now - timedelta(days=7)
    assert since("any", now) is None


@pytest.mark.parametrize(
    ("setter", "value"),
    [
        ("set_modality", "nonsense"),
        ("set_model", "no-such"),
        ("set_period", "century"),
        ("step", 5),
        ("open_card", "x"),
    ],
)
async def test_choices_that_are_not_offered_change_nothing(visit, gallery, setter, value):
    await made(visit)
    await gallery.load()
    await getattr(gallery, setter)(value)
    assert (gallery.modality, gallery.model, gallery.period) == (EVERY, EVERY, "any")
    assert not gallery.is_open
    assert len(gallery.cards) == 1


async def test_more_is_loaded_page_by_page(visit, gallery, monkeypatch):
    monkeypatch.setattr(gallery_state, "PAGE", 2)
    for number in range(5):
        await made(visit, prompt=f"Picture {number}")
    gallery._loaded = 2
    await gallery.load()
    assert [card["title"] for card in gallery.cards] == ["Picture 4", "Picture 3"]
    await finish(gallery.more())
    await finish(gallery.more())
    assert len(gallery.cards) == 5
    assert not gallery.has_more


async def test_a_card_opens_with_its_settings_its_cost_and_its_ids(visit, gallery):
    generation_id = await made(visit, num_images=2, seed=7)
    await gallery.load()
    await gallery.open_card(gallery.cards[1]["id"])
    assert gallery.is_open
    assert gallery.result["id"] == generation_id
    assert gallery.detail["first"] == 1
    assert gallery.detail["words"] == "A red tram"
    assert {"name": "Size", "value": "4:3"} in gallery.detail["settings"]
    assert {"name": "Seed", "value": "7"} in gallery.detail["settings"]
    assert gallery.result["charged"] == "20"
    assert (gallery.has_previous, gallery.has_next) == (True, False)
    await gallery.step(-1)
    assert gallery.detail["first"] == 0


async def test_a_new_result_comes_in_by_itself(visit, gallery):
    await made(visit)
    await gallery.load()
    await made(visit, prompt="Another")
    await gallery.refresh()
    assert [card["title"] for card in gallery.cards] == ["Another", "A red tram"]


async def test_a_stranger_sees_nothing_and_opens_nothing(visit, gallery):
    await made(visit)
    await gallery.load()
    with acting_as(replace(visit.who, workspace_id=_other_workspace(visit))):
        other = Visit(visit.house, visit.who).state(GalleryState)
        await other.load()
        assert other.is_empty
        await other.open_card(gallery.cards[0]["id"])
        assert not other.is_open
        assert other.result["id"] == ""


def _other_workspace(visit: Visit) -> str:
    people = visit.house.services.accounts.people
    person = people.create_user("lea@kestrel.test", "Lea", "correct horse battery")
    return str(people.create_workspace("Kestrel", owner_id=person.id).id)
