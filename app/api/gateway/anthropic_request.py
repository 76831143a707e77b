"""Anthropic's messages as a chat in OpenAI's shape: PURE.

What has no counterpart and changes nothing of the answer is left out (cache marks, earlier thinking, `top_k`,
`service_tier`, `metadata` but for the user's id). What would change it is refused by name, and so is what nobody reads.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.kernel.errors import InvalidInput

ROLES = ("user", "assistant", "system")
CHOICES: Mapping[str, Any] = {"auto": "auto", "any": "required", "none": "none"}
#: How much thinking a budget of tokens is.
EFFORTS = ((4_096, "low"), (16_384, "medium"))
THINKING = ("thinking", "redacted_thinking")
#: Carried over as they are.
SAME = ("temperature", "top_p", "stream", "max_credits", "idempotency_key")
KNOWN = frozenset(
    {"model", "messages", "max_tokens", "system", "stop_sequences", "tools", "tool_choice", "thinking", "metadata",
     "output_config", "output_format", "top_k", "service_tier", "cache_control", "container", "context_management",
     *SAME}
)  # fmt: skip
REFUSED = {
    "container": "Code execution is not offered.",
    "mcp_servers": "Remote tools are not offered.",
    "fallbacks": "Fallback models are not offered.",
}


def to_chat(body: Mapping[str, Any], *, needs_cap: bool = True) -> dict[str, Any]:
    """The chat body. Raises InvalidInput naming the field."""
    for name, why in REFUSED.items():
        if body.get(name):
            raise InvalidInput(why, param=name)
    for name in body:
        if name not in KNOWN and name not in REFUSED:
            raise InvalidInput(f"{name[:80]}: this field is not taken here.", param=name[:80])
    chat: dict[str, Any] = {name: body[name] for name in ("model", *SAME) if body.get(name) is not None}
    if needs_cap or body.get("max_tokens") is not None:
        chat["max_tokens"] = _cap(body)
    chat["messages"] = [*_system(body.get("system")), *_messages(body.get("messages"))]
    if body.get("stop_sequences"):
        chat["stop"] = _texts(body["stop_sequences"], "stop_sequences")
    if body.get("tools"):
        chat["tools"] = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(_list(body["tools"], "tools"))]
        chat |= _choice(body.get("tool_choice"))
    chat |= _thinking(body.get("thinking")) | _output(body)
    user = body.get("metadata")
    if isinstance(user, Mapping) and isinstance(user.get("user_id"), str):
        chat["user"] = user["user_id"]
    return chat


def _cap(body: Mapping[str, Any]) -> int:
    cap = body.get("max_tokens")
    if not isinstance(cap, int) or isinstance(cap, bool) or cap < 1:
        raise InvalidInput("max_tokens: a whole number from 1 on is required.", param="max_tokens")
    return cap


def _system(system: Any) -> Iterator[dict[str, Any]]:
    if system:
        text = system if isinstance(system, str) else "\n\n".join(_text_blocks(system, "system"))
        yield {"role": "system", "content": text}


def _text_blocks(blocks: Any, where: str) -> Iterator[str]:
    for index, block in enumerate(_list(blocks, where)):
        if not isinstance(block, Mapping) or not isinstance(block.get("text"), str):
            raise InvalidInput(f"{where}[{index}]: only text is taken here.", param=where)
        yield block["text"]


def _messages(messages: Any) -> Iterator[dict[str, Any]]:
    for index, message in enumerate(_list(messages, "messages")):
        where = f"messages[{index}]"
        if not isinstance(message, Mapping) or message.get("role") not in ROLES:
            raise InvalidInput(f"{where}.role is user or assistant.", param=f"{where}.role")
        content = message.get("content")
        if isinstance(content, str):
            yield {"role": message["role"], "content": content}
            continue
        blocks = _list(content, f"{where}.content")
        if message["role"] == "assistant":
            yield _assistant(blocks, where)
        else:
            yield from _user(message["role"], blocks, where)


def _assistant(blocks: list[Any], where: str) -> dict[str, Any]:
    texts, tool_calls = [], []
    for block in blocks:
        match _kind(block, where):
            case "text":
                texts.append(str(block.get("text") or ""))
            case "tool_use":
                arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
                function = {"name": block.get("name"), "arguments": arguments}
                tool_calls.append({"id": block.get("id"), "type": "function", "function": function})
            case kind if kind not in THINKING:
                raise InvalidInput(f"{where}: an assistant's {kind} is not taken.", param=where)
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    return said | ({"tool_calls": tool_calls} if tool_calls else {})


def _user(role: str, blocks: list[Any], where: str) -> Iterator[dict[str, Any]]:
    """Results of tools are messages of their own and come first; pictures in them follow with the user's words."""
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if _kind(block, where) == "tool_result":
            text, pictures = _result(block, where)
            yield {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": text}
            parts += pictures
        else:
            parts.append(_part(block, where))
    if parts:
        plain = all(part["type"] == "text" for part in parts)
        yield {"role": role, "content": "\n\n".join(part["text"] for part in parts) if plain else parts}


def _result(block: Mapping[str, Any], where: str) -> tuple[str, list[dict[str, Any]]]:
    content = block.get("content") or ""
    if isinstance(content, str):
        return content, []
    parts = [_part(part, where) for part in _list(content, f"{where}.content")]
    return "\n".join(part["text"] for part in parts if part["type"] == "text"), [
        part for part in parts if part["type"] != "text"
    ]


def _part(block: Any, where: str) -> dict[str, Any]:
    match _kind(block, where):
        case "text":
            return {"type": "text", "text": str(block.get("text") or "")}
        case "image":
            return {"type": "image_url", "image_url": {"url": _address(block, where)}}
        case "document":
            source = _source(block, where)
            if source.get("type") == "text":
                return {"type": "text", "text": str(source.get("data") or "")}
            named = {"filename": block.get("title") or "document.pdf", "file_data": _address(block, where)}
            return {"type": "file", "file": named}
        case kind:
            raise InvalidInput(f"{where}: a block of type {kind} is not taken.", param=where)


def _address(block: Mapping[str, Any], where: str) -> str:
    source = _source(block, where)
    match source.get("type"):
        case "base64" if isinstance(source.get("data"), str):
            return f"data:{source.get('media_type')};base64,{source['data']}"
        case "url" if isinstance(source.get("url"), str):
            return str(source["url"])
    raise InvalidInput(f"{where}: a source is base64 or a url.", param=where)


def _source(block: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    source = block.get("source")
    if not isinstance(source, Mapping):
        raise InvalidInput(f"{where}: the source is missing.", param=where)
    return source


def _tool(tool: Any, where: str) -> dict[str, Any]:
    if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str):
        raise InvalidInput(f"{where} is an object with a name.", param=where)
    if tool.get("type") not in (None, "custom"):
        raise InvalidInput(f"{where}: {tool['type']} is not offered; tools are yours to run.", param=where)
    schema = _object(tool.get("input_schema"), f"{where}.input_schema") or {"type": "object"}
    function = {"name": tool["name"], "parameters": schema}
    if tool.get("description"):
        function["description"] = tool["description"]
    return {"type": "function", "function": function}


def _choice(choice: Any) -> dict[str, Any]:
    if choice is None:
        return {}
    if not isinstance(choice, Mapping):
        raise InvalidInput("tool_choice is an object with a type.", param="tool_choice")
    chosen: dict[str, Any]
    if choice.get("type") == "tool":
        chosen = {"tool_choice": {"type": "function", "function": {"name": choice.get("name")}}}
    elif (known := CHOICES.get(str(choice.get("type")))) is not None:
        chosen = {"tool_choice": known}
    else:
        raise InvalidInput("tool_choice.type is auto, any, tool or none.", param="tool_choice")
    return chosen | ({"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {})


def _thinking(thinking: Any) -> dict[str, Any]:
    if not isinstance(thinking, Mapping) or thinking.get("type") != "enabled":
        return {}
    budget = thinking.get("budget_tokens") or 0
    if not isinstance(budget, int):
        raise InvalidInput("thinking.budget_tokens is a whole number.", param="thinking.budget_tokens")
    return {"reasoning_effort": next((word for most, word in EFFORTS if budget <= most), "high")}


def _output(body: Mapping[str, Any]) -> dict[str, Any]:
    config = body.get("output_config")
    config = config if isinstance(config, Mapping) else {}
    form = config.get("format") or body.get("output_format")
    found: dict[str, Any] = {}
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        wanted = _object(form.get("schema"), "output_config.format.schema")
        schema = {"name": "answer", "schema": wanted, "strict": True}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    if isinstance(config.get("effort"), str):
        found["reasoning_effort"] = {"max": "high", "xhigh": "high"}.get(config["effort"], config["effort"])
    return found


def _kind(block: Any, where: str) -> str:
    kind = block.get("type") if isinstance(block, Mapping) else None
    if not isinstance(kind, str):
        raise InvalidInput(f"{where}: a block is an object with a type.", param=where)
    return kind


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping | None):
        raise InvalidInput(f"{where} is an object.", param=where)
    return value or {}


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidInput(f"{where} is a list of texts.", param=where)
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise InvalidInput(f"{where} is missing: give it as a list.", param=where)
    return value
