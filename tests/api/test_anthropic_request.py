"""What cannot be carried over from Anthropic's shape is refused by name, whatever stands there."""

from typing import Any

import pytest

from app.api.gateway.anthropic_request import to_chat
from app.kernel.errors import InvalidInput

BODY: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
TOOL: dict[str, Any] = {"name": "look", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("given", "param"),
    [
        pytest.param({"thinking": {"type": "enabled", "budget_tokens": "many"}}, "thinking.budget_tokens", id="budget"),
        pytest.param({"tools": [{**TOOL, "input_schema": 5}]}, "tools[0].input_schema", id="schema of a tool"),
        pytest.param({"tools": [TOOL], "tool_choice": {"type": []}}, "tool_choice", id="choice"),
        pytest.param({"stop_sequences": [5]}, "stop_sequences", id="stop"),
        pytest.param(
            {"output_config": {"format": {"type": "json_schema", "schema": 5}}},
            "output_config.format.schema",
            id="form",
        ),
        pytest.param({"max_token": 5}, "max_token", id="a field nobody knows"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        to_chat({**BODY, **given})
    assert refused.value.param == param


def test_a_tool_of_no_kind_is_ones_own_and_a_text_may_be_missing() -> None:
    said = [*BODY["messages"], {"role": "assistant", "content": [{"type": "text"}]}]

    chat = to_chat({**BODY, "messages": said, "tools": [{**TOOL, "type": None}]})

    assert chat["tools"][0]["function"]["name"] == "look"
    assert chat["messages"][-1] == {"role": "assistant", "content": None}
