"""What a chat may not ask of a provider, because its price does not know of it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.catalogue.offers import Offer
from app.catalogue.param_schema import parse_schema
from app.generation.text import plan_chat
from app.kernel.errors import InvalidInput

OFFER = cast(Offer, SimpleNamespace(alias="cheap", schema=parse_schema({"type": "object", "properties": {}})))


@pytest.mark.parametrize(
    "given",
    [
        {"models": ["dear"]},
        {"fallbacks": ["dear"]},
        {"route": "fallback"},
        {"provider": {"order": ["dear"]}},
        {"plugins": [{"id": "web"}]},
        {"search_parameters": {"mode": "on"}},
        {"web_search_options": {}},
        {"service_tier": "priority"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_would_cost_more_than_the_price_knows_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan_chat(OFFER, {"messages": [{"role": "user", "content": "Hi"}], **given}, 100)
    assert refused.value.param == next(iter(given))
