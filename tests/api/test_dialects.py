"""What goes out as JSON."""

import json

import pytest

from app.api.gateway.dialects import written


@pytest.mark.parametrize("said", ["grün", "half a smile \ud83d"], ids=["letters", "half a surrogate pair"])
def test_whatever_a_host_says_can_be_written(said: str) -> None:
    assert json.loads(written({"content": said})) == {"content": said}
