"""A chat's answer as Anthropic's message, whole and as its sequence of events: PURE.

    message_start, then for each block: content_block_start, its deltas, content_block_stop, then message_delta with
    the reason and the usage, and message_stop

One block is open at a time. What arrives out of turn (a second tool call while the first is still written) waits.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from app.api.gateway.dialects import written
from app.pricing.usage import Usage

REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def message(body: Mapping[str, Any], *, alias: str, message_id: str, usage: Usage | None = None) -> dict[str, Any]:
    """The whole answer; without `usage`, with what the body says of it."""
    choice: dict[str, Any] = next(iter(body.get("choices") or ()), {})
    said = choice.get("message") or {}
    text = said.get("content") or said.get("refusal")
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    blocks += [_tool_use(call) for call in said.get("tool_calls") or ()]
    return _envelope(alias, message_id) | {
        "content": blocks,
        "stop_reason": reason(choice.get("finish_reason")),
        "usage": usage_in(usage or _told(body.get("usage") or {})),
    }


def _told(usage: Mapping[str, Any]) -> Usage:
    cached = int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
    taken = int(usage.get("prompt_tokens") or 0) - cached
    made = int(usage.get("completion_tokens") or 0)
    return Usage(input_tokens=Decimal(taken), cached_input_tokens=Decimal(cached), output_tokens=Decimal(made))


def _envelope(alias: str, message_id: str) -> dict[str, Any]:
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": alias,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def reason(finish: Any) -> str:
    """Why it ended, in Anthropic's words."""
    return REASONS.get(str(finish), "end_turn")


def usage_in(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": int(usage.input_tokens or 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": int(usage.cached_input_tokens or 0),
        "output_tokens": int(usage.output_tokens or 0),
    }


def _tool_use(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    return {
        "type": "tool_use",
        "id": call.get("id"),
        "name": function.get("name"),
        "input": _arguments(function.get("arguments")),
    }


def _arguments(text: Any) -> dict[str, Any]:
    """The arguments as an object; a model that wrote none or half of one gives an empty one."""
    try:
        value = json.loads(text or "{}") if isinstance(text, str | None) else text
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class Telling:
    """Turns chunks into events, as the bytes that go out."""

    def __init__(self, alias: str, message_id: str) -> None:
        self._alias, self._id = alias, message_id
        self._block = -1
        self._open: int | str | None = None  # a tool call's index, or "text"
        self._later: dict[int | str, dict[str, Any]] = {}  # what waits for its turn, in the order it came
        self._finish: Any = None

    def start(self) -> bytes:
        begun = _envelope(self._alias, self._id) | {"usage": usage_in(Usage())}
        return event("message_start", message=begun)

    def chunk(self, chunk: Mapping[str, Any]) -> bytes:
        return b"".join(self._chunk(chunk))

    def _chunk(self, chunk: Mapping[str, Any]) -> Iterator[bytes]:
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if isinstance(text := delta.get("content") or delta.get("refusal"), str) and text:
                yield from self._say("text", {"type": "text", "text": ""}, text)
            for call in delta.get("tool_calls") or ():
                function = call.get("function") or {}
                begun = {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": {}}
                index, arguments = call.get("index"), function.get("arguments") or ""
                if not isinstance(arguments, str):
                    arguments = json.dumps(arguments, ensure_ascii=False)
                yield from self._say(index if isinstance(index, int) else 0, begun, arguments)
            self._finish = choice.get("finish_reason") or self._finish

    def _say(self, key: int | str, begun: dict[str, Any], text: str) -> Iterator[bytes]:
        if self._open is not None and self._open != key and (self._open != "text" or key in self._later):
            waiting = self._later.setdefault(key, {"begun": begun, "text": ""})
            waiting["text"] += text
            return
        if self._open != key:
            yield from self._close()
            yield self._begin(key, begun)
        if text:
            yield self._delta(key, text)

    def _begin(self, key: int | str, begun: dict[str, Any]) -> bytes:
        self._open = key
        self._block += 1
        return event("content_block_start", index=self._block, content_block=begun)

    def _delta(self, key: int | str, text: str) -> bytes:
        said = {"type": "text_delta", "text": text}
        if key != "text":
            said = {"type": "input_json_delta", "partial_json": text}
        return event("content_block_delta", index=self._block, delta=said)

    def _close(self) -> Iterator[bytes]:
        if self._open is not None:
            yield event("content_block_stop", index=self._block)
            self._open = None

    def rest(self) -> bytes:
        """What waited, and the end of the last block."""
        return b"".join(self._rest())

    def _rest(self) -> Iterator[bytes]:
        yield from self._close()
        for key, waiting in self._later.items():
            yield self._begin(key, waiting["begun"])
            if waiting["text"]:
                yield self._delta(key, waiting["text"])
            yield from self._close()

    def end(self, usage: Usage, metadata: Mapping[str, Any]) -> bytes:
        ended = {"stop_reason": reason(self._finish), "stop_sequence": None}
        return event("message_delta", delta=ended, usage=usage_in(usage), metadata=metadata) + event("message_stop")


def event(kind: str, **said: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), written({"type": kind, **said}))
