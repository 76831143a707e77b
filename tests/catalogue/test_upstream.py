"""From our parameters to the provider's."""

from typing import Any

import pytest

from app.catalogue.offers import RouteOffer
from app.catalogue.upstream import to_upstream


def route(mapping: dict[str, str | None], settings: dict[str, Any]) -> RouteOffer:
    return RouteOffer("rte_1", "fal", "fal", "fal", "fal-ai/x", mapping, settings, False, True, None)


@pytest.mark.parametrize(
    ("mapping", "settings", "params", "sent"),
    [
        pytest.param({}, {}, {"prompt": "a", "n": 2}, {"prompt": "a", "n": 2}, id="as they are"),
        pytest.param({"image_url": "input_image"}, {}, {"image_url": "u"}, {"input_image": "u"}, id="renamed"),
        pytest.param({"note": None}, {}, {"note": "ours", "n": 1}, {"n": 1}, id="kept with us"),
        pytest.param({}, {}, {"seed": None, "n": 0, "on": False}, {"n": 0, "on": False}, id="absent is not zero"),
        pytest.param(
            {"voice": "voice_setting.voice_id", "speed": "voice_setting.speed"},
            {},
            {"voice": "Calm", "speed": 1.5},
            {"voice_setting": {"voice_id": "Calm", "speed": 1.5}},
            id="nested",
        ),
        pytest.param(
            {},
            {"constants": {"output_format": "url"}},
            {"text": "a"},
            {"output_format": "url", "text": "a"},
            id="constants",
        ),
        pytest.param(
            {},
            {"size_objects": ["image_size"]},
            {"image_size": "1536x1024"},
            {"image_size": {"width": 1536, "height": 1024}},
            id="a size as an object",
        ),
        pytest.param(
            {},
            {"size_objects": ["image_size"]},
            {"image_size": "square_hd"},
            {"image_size": "square_hd"},
            id="a named size",
        ),
        pytest.param({}, {}, {"size": "1536x1024"}, {"size": "1536x1024"}, id="a size nobody wants as an object"),
    ],
)
def test_parameters_are_sent_under_the_providers_names(
    mapping: dict[str, str | None], settings: dict[str, Any], params: dict[str, Any], sent: dict[str, Any]
):
    before = dict(params)
    assert to_upstream(route(mapping, settings), params) == sent
    assert params == before
