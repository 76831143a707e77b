"""What goes out as JSON."""

import json

import pytest

from app.api.gateway.chat import under_alias
from app.api.gateway.dialects import written


@pytest.mark.parametrize("said", ["grün", "half a smile \ud83d"], ids=["letters", "half a surrogate pair"])
def test_whatever_a_host_says_can_be_written(said: str) -> None:
    assert json.loads(written({"content": said})) == {"content": said}


@pytest.mark.parametrize("colon", [":", ": "])
def test_a_long_answer_calls_the_model_as_its_caller_does(colon: str) -> None:
    said = json.dumps({"text": '"model":"theirs"', "model": "theirs"}, separators=(",", colon)).encode()
    assert json.loads(under_alias(said, "theirs", "ours")) == {"text": '"model":"theirs"', "model": "ours"}
