"""What hosts say beside the letter of OpenAI's shape becomes an Anthropic message all the same."""

from typing import Any

import pytest

from app.api.gateway.anthropic_answer import Telling, message


@pytest.mark.parametrize("arguments", ['{"city": "Rome"}', {"city": "Rome"}], ids=["as a text", "as an object"])
def test_the_arguments_of_a_tool_come_in_either_form(arguments: Any) -> None:
    call = {"index": "first", "id": "call_1", "function": {"name": "look", "arguments": arguments}}

    whole = message({"choices": [{"message": {"tool_calls": [call]}}]}, alias="m", message_id="msg_1")
    flowing = Telling("m", "msg_1").chunk({"choices": [{"delta": {"tool_calls": [call]}}]})

    assert whole["content"][0]["input"] == {"city": "Rome"}
    assert b'"partial_json":"{\\"city\\": \\"Rome\\"}"' in flowing
