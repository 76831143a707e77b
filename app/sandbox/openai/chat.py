"""Chat completions, at once or streamed, and embeddings."""

import asyncio
import base64
import json
import math
import random
import struct
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from app.sandbox.door import hang_up
from app.sandbox.faults import without_markers
from app.sandbox.jobs import FaultSet, Job
from app.sandbox.openai import errors, words
from app.sandbox.openai.counter import Counter, Order, headers, json_object
from app.sandbox.openai.prices import Spent

PER_MESSAGE = 4
TOKEN_SECONDS = 0.012
#: The server writes in threads of its own: what was said before a line breaks is given the time to leave.
LEAVING_SECONDS = 0.25
#: A prompt this long whose beginning was seen before is partly read from the host's cache.
CACHED_FROM, CACHED_STEP, MOST_REMEMBERED = 1024, 128, 10_000
DIMENSIONS = {"text-embedding-3-large": 3072}
USUAL_DIMENSIONS = 1536
FINGERPRINT = "fp_sandbox"


@dataclass(frozen=True, slots=True)
class Said:
    """One choice: its text in tokens, or the tools it calls, and why it ended."""

    pieces: tuple[str, ...]
    tools: tuple[Mapping[str, Any], ...]
    finish: str

    @property
    def tokens(self) -> int:
        called = sum(words.count(tool["function"]["name"] + tool["function"]["arguments"]) + 8 for tool in self.tools)
        return len(self.pieces) + called

    @property
    def message(self) -> dict[str, Any]:
        text = "".join(self.pieces)
        called = {"tool_calls": [dict(tool) for tool in self.tools]} if self.tools else {}
        return {"role": "assistant", "content": None if self.tools else text, "refusal": None, **called}


class Chat:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._seen: set[int] = set()

    async def complete(self, request: Request) -> Response:
        given = await json_object(request)
        messages = given.get("messages")
        if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages) or not messages:
            raise errors.bad_request("Missing required parameter: 'messages'.", "messages")
        _check(given)
        text = "\n".join(part for message in messages for part in words.text_of(message.get("content")))
        order = await self._counter.order(request, "chatcmpl", given, text)
        said = [_said(given, without_markers(text), order.faults, index) for index in range(int(given.get("n") or 1))]
        spent = self._spent(given, text, said)
        job = self._counter.buy(order, spent)
        await self._counter.spoil(order)
        if given.get("stream"):
            stream = self._stream(order, job, said, spent)
            return StreamingResponse(stream, media_type="text/event-stream", headers=headers(job.id))
        await self._counter.think(order)
        if "cut" in order.faults:
            return hang_up(request)
        body = _head(job, "chat.completion") | {
            "choices": [
                {"index": index, "message": one.message, "logprobs": None, "finish_reason": one.finish}
                for index, one in enumerate(said)
            ]
        }
        if "missing-usage" not in order.faults:
            body["usage"] = usage_of(spent, order.faults)
        return JSONResponse(body, headers=headers(job.id))

    async def embed(self, request: Request) -> Response:
        given = await json_object(request)
        inputs = given.get("input")
        inputs = [inputs] if isinstance(inputs, str) or _is_tokens(inputs) else inputs
        if not isinstance(inputs, list) or not inputs:
            raise errors.bad_request("Missing required parameter: 'input'.", "input")
        text = " ".join(one for one in inputs if isinstance(one, str))
        order = await self._counter.order(request, "embd", given, text)
        spent = Spent(input=sum(len(one) if isinstance(one, list) else words.count(str(one)) for one in inputs))
        job = self._counter.buy(order, spent)
        await self._counter.spoil(order)
        size = int(given.get("dimensions") or DIMENSIONS.get(order.model, USUAL_DIMENSIONS))
        packed = given.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(str(one), size, packed)}
            for index, one in enumerate(inputs)
        ]
        body: dict[str, Any] = {"object": "list", "data": data, "model": order.model}
        if "missing-usage" not in order.faults:
            counted = 0 if "zero-usage" in order.faults else spent.input
            body["usage"] = {"prompt_tokens": counted, "total_tokens": counted}
        return JSONResponse(body, headers=headers(job.id))

    async def _stream(self, order: Order, job: Job, said: Sequence[Said], spent: Spent) -> AsyncIterator[bytes]:
        head = _head(job, "chat.completion.chunk")
        asked = bool((order.given.get("stream_options") or {}).get("include_usage"))
        told = {"usage": None} if asked else {}
        cut_after = int(order.faults["cut"]) if "cut" in order.faults else None
        sent = 0
        finished = False
        try:
            await self._counter.think(order)
            for index, one in enumerate(said):
                for delta in _deltas(one):
                    if cut_after is not None and sent >= cut_after:
                        await asyncio.sleep(LEAVING_SECONDS)
                        hang_up(order.request)
                        return
                    yield _event(head | {"choices": [_choice(index, delta, None)]} | told)
                    sent += 1
                    await self._counter.rest(TOKEN_SECONDS)
                    if sent == 1 and "stall" in order.faults:
                        await asyncio.sleep(float(order.faults["stall"]))
                if "error-event" in order.faults:
                    yield _event(
                        {"error": {"message": "The server had an error", "type": "server_error", "code": None}}
                    )
                    return
                yield _event(head | {"choices": [_choice(index, {}, one.finish)]} | told)
            finished = True
            if asked and "missing-usage" not in order.faults:
                yield _event(head | {"choices": [], "usage": usage_of(spent, order.faults)})
            yield b"data: [DONE]\n\n"
        finally:
            if not finished and cut_after is None and "zero-usage" not in order.faults:
                part = Spent(spent.input, spent.cached, output=min(sent, spent.output))
                self._counter.amend(job, part)

    def _spent(self, given: Mapping[str, Any], text: str, said: Sequence[Said]) -> Spent:
        tools = given.get("tools")
        counted = (
            words.count(text) + PER_MESSAGE * len(given["messages"]) + (words.count(json.dumps(tools)) if tools else 0)
        )
        cached = self._cached(text, counted)
        return Spent(input=counted - cached, cached=cached, output=sum(one.tokens for one in said))

    def _cached(self, text: str, counted: int) -> int:
        """Tokens read from the cache: most of a long prompt that began like an earlier one."""
        if counted < CACHED_FROM:
            return 0
        mark = hash(text[:CACHED_FROM])
        known = mark in self._seen
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen.add(mark)
        return (counted - 1) // CACHED_STEP * CACHED_STEP if known else 0


def _check(given: Mapping[str, Any]) -> None:
    """What a host looks at before it begins."""
    tools, form = given.get("tools") or [], given.get("response_format") or {}
    if not isinstance(tools, list) or not all(_is_tool(one) for one in tools):
        raise errors.bad_request("Invalid type for 'tools': expected an array of tools.", "tools")
    schema = form.get("json_schema", {}) if isinstance(form, dict) else None
    if not isinstance(schema, dict) or not isinstance(schema.get("schema") or {}, dict):
        raise errors.bad_request("Invalid type for 'response_format': expected an object.", "response_format")


def _is_tool(one: Any) -> bool:
    if not isinstance(one, dict) or one.get("type") != "function":
        return isinstance(one, dict)
    function = one.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return False
    return isinstance(function.get("parameters") or {}, dict)


def usage_of(spent: Spent, faults: FaultSet) -> dict[str, Any]:
    """Usage as a chat words it."""
    if "zero-usage" in faults:
        spent = Spent()
    return {
        "prompt_tokens": spent.prompt,
        "completion_tokens": spent.completion,
        "total_tokens": spent.prompt + spent.completion,
        "prompt_tokens_details": {"cached_tokens": spent.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _said(given: Mapping[str, Any], text: str, faults: FaultSet, index: int) -> Said:
    dice = random.Random(f"{text} {index}")
    if tool := _tool(given):
        function = tool["function"]
        called = {
            "id": f"call_{dice.randbytes(8).hex()}",
            "type": "function",
            "function": {
                "name": function["name"],
                "arguments": words.json_text(words.sample(function.get("parameters") or {}, dice)),
            },
        }
        return Said((), (called,), "tool_calls")
    said = words.pieces(_answer(given, text, dice, index))
    asked = given.get("max_completion_tokens") or given.get("max_tokens")
    most = int(asked) if asked else None
    if "length" in faults:
        most = min(most or len(said), int(faults["length"]))
    if most is not None and len(said) > most:
        return Said(tuple(said[:most]), (), "length")
    return Said(tuple(said), (), "length" if "length" in faults else "stop")


def _answer(given: Mapping[str, Any], text: str, dice: random.Random, index: int) -> str:
    wanted = given.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return words.json_text(words.sample((wanted.get("json_schema") or {}).get("schema") or {}, dice))
    answer = words.answer_to(text, index)
    return words.json_text({"answer": answer}) if wanted.get("type") == "json_object" else answer


def _tool(given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The tool that is called: the one asked for, else the first, once for each question."""
    tools = [one for one in given.get("tools") or () if isinstance(one, dict) and one.get("type") == "function"]
    choice = given.get("tool_choice", "auto")
    if not tools or choice == "none" or (given["messages"][-1].get("role") == "tool" and choice == "auto"):
        return None
    named = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    return next((one for one in tools if one["function"]["name"] == named), tools[0])


def _deltas(said: Said) -> list[dict[str, Any]]:
    opening: dict[str, Any] = {"role": "assistant", "content": None if said.tools else "", "refusal": None}
    deltas = [opening, *({"content": piece} for piece in said.pieces)]
    for index, tool in enumerate(said.tools):
        function = tool["function"]
        deltas.append(
            {"tool_calls": [{**tool, "index": index, "function": {"name": function["name"], "arguments": ""}}]}
        )
        for part in words.pieces(function["arguments"]):
            deltas.append({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    return deltas


def _choice(index: int, delta: Mapping[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def _head(job: Job, kind: str) -> dict[str, Any]:
    return {
        "id": job.id,
        "object": kind,
        "created": int(time.time()),
        "model": job.model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def _event(payload: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, int) for one in value)


def _vector(text: str, size: int, packed: bool) -> str | list[float]:
    """A unit vector that depends on the text alone."""
    dice = random.Random(text)
    raw = [dice.gauss(0, 1) for _ in range(size)]
    length = math.sqrt(sum(value * value for value in raw)) or 1.0
    values = [value / length for value in raw]
    return base64.b64encode(struct.pack(f"<{size}f", *values)).decode() if packed else values
