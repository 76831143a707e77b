"""OpenAI's names on models that have no such choice."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.api.gateway.openai_params import speech_of, to_input
from app.catalogue.offers import Offer
from app.catalogue.param_schema import parse_schema
from app.kernel.errors import UnknownParameter

SCHEMA = parse_schema({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]})
MUTE = cast(Offer, SimpleNamespace(alias="one-voice", schema=SCHEMA))


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        pytest.param({"voice": "nova"}, "voice", id="a voice it does not have"),
        pytest.param({"voice": {"id": "nova"}}, "voice", id="the same by id"),
        pytest.param({"response_format": "wav"}, "response_format", id="a format it does not have"),
        pytest.param({"voice": "auto", "response_format": "mp3"}, None, id="no choice"),
        pytest.param({"voice": None}, None, id="nothing"),
    ],
)
def test_what_a_model_that_speaks_cannot_do_is_refused(said: dict[str, Any], refused: str | None) -> None:
    if refused is None:
        assert speech_of(MUTE, {"input": "Hello.", **said}, frozenset()) == {"text": "Hello."}
        return
    with pytest.raises(UnknownParameter) as error:
        speech_of(MUTE, {"input": "Hello.", **said}, frozenset())
    assert error.value.param == refused


def test_what_is_left_to_a_model_without_such_a_word_is_its_default() -> None:
    size = {"type": "string", "enum": ["1024x1024", "1024x1536"], "default": "1024x1024"}
    quality = {"type": "string", "enum": ["auto", "low"], "default": "low"}
    schema = parse_schema({"type": "object", "properties": {"size": size, "quality": quality}})
    offer = cast(Offer, SimpleNamespace(alias="painter", schema=schema))

    assert to_input(offer, {"size": "auto", "quality": "auto"}, frozenset()) == {"quality": "auto"}
    assert to_input(offer, {"size": "1x1"}, frozenset()) == {"size": "1x1"}  # refused where it is coerced
