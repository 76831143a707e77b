"""The price of a form as it is being filled in."""

import pytest

from app.generation.preview import preview
from app.generation.price import price
from app.kernel.errors import NotFound
from tests.files.samples import picture_bytes


@pytest.fixture
def seen_by(home):
    def look(model: str, **given):
        return preview(home.services.desk, model, given, home.workspace_id)

    return look


def test_a_complete_form_costs_what_the_request_costs(home, seen_by):
    given = {"prompt": "A red tram", "num_images": 2, "image_size": "square_hd"}
    asked = price(home.services.desk, "flux-schnell", given, home.workspace_id)
    found = seen_by("flux-schnell", **given)
    assert found.quote == asked.quote
    assert found.params == asked.params
    assert not found.missing


@pytest.mark.one_engine
def test_a_form_without_its_prompt_has_a_price_already(seen_by):
    found = seen_by("flux-schnell", num_images="3")
    assert found.quote.total.amount == 30
    assert found.missing == ("prompt",)


@pytest.mark.one_engine
@pytest.mark.parametrize("blank", [None, "", "   "], ids=["nothing", "empty", "blank"])
def test_a_blank_text_is_missing(seen_by, blank):
    assert seen_by("flux-schnell", prompt=blank).missing == ("prompt",)


@pytest.mark.one_engine
def test_a_required_file_may_still_be_missing(seen_by):
    found = seen_by("hailuo-02", prompt="It waves", duration="10", resolution="512P")
    assert found.quote.total.amount == 250
    assert found.missing == ("image_url",)


@pytest.mark.one_engine
def test_every_wrong_value_is_named_at_once(seen_by):
    found = seen_by("flux-schnell", prompt="x", num_images="9", seed="many")
    assert found.quote is None
    assert found.problems == {
        "num_images": "9 is too large: 1 to 4 is allowed.",
        "seed": "“many” is not a number.",
    }


@pytest.mark.one_engine
def test_somebody_else_s_file_is_a_problem_of_its_field(home, seen_by, tmp_path):
    other = home.services.accounts.people.create_user("o@example.com", "O", "correct horse battery")
    workspace = home.services.accounts.people.create_workspace("Kestrel", owner_id=other.id).id
    path = tmp_path / "other.png"
    path.write_bytes(picture_bytes())
    file_id = home.services.files.keep_upload(path, workspace_id=workspace).id
    found = seen_by("hailuo-02", prompt="It waves", image_url=file_id)
    assert found.quote is None
    assert "there is no file" in found.problems["image_url"]


@pytest.mark.one_engine
def test_an_unknown_model_is_not_found(seen_by):
    with pytest.raises(NotFound):
        seen_by("no-such-model", prompt="x")
