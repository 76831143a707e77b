"""Chat, messages and embeddings as customers use them: the official SDKs against a running API and the emulator."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.kernel.money import Money
from tests.support.api_server import running_api
from tests.support.house import House, house, settings_for
from tests.support.late import Late

anthropic, openai = Late("anthropic"), Late("openai")

CHAT = "gpt-4o-mini"
TOOL: dict[str, Any] = {
    "name": "weather",
    "description": "The weather in a place",
    "schema": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}


@dataclass
class Gate:
    """The running API and the house whose books it writes."""

    url: str
    home: House
    key: str
    opened: ExitStack

    @property
    def http(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.opened.enter_context(httpx.Client(base_url=self.url, headers=headers, timeout=30))

    def openai(self, **options: Any) -> openai.OpenAI:
        options = {"max_retries": 0, "api_key": self.key, **options}
        return self.opened.enter_context(openai.OpenAI(base_url=f"{self.url}/openai/v1", **options))

    def anthropic(self, **options: Any) -> anthropic.Anthropic:
        options = {"max_retries": 0, "api_key": self.key, **options}
        return self.opened.enter_context(anthropic.Anthropic(base_url=self.url, **options))


@pytest.fixture(scope="module")
def served(
    seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, House]]:
    folder = tmp_path_factory.mktemp("text")
    path = folder / "text.sqlite"
    shutil.copyfile(seeded_sqlite, path)
    url = f"sqlite:///{path}"
    with (
        house(settings_for(folder / "home", url, sandbox_url)) as home,
        running_api(folder / "api", url, sandbox_url) as api,
    ):
        yield api.url, home


@pytest.fixture
def gate(served: tuple[str, House]) -> Iterator[Gate]:
    """A customer of their own with 1,000 credits; the books balance after each test."""
    url, shared = served
    home = shared.newcomer(1_000)
    with ExitStack() as opened:
        yield Gate(url, home, home.key(), opened)
    home.assert_books_balance()


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"model": CHAT, "messages": [{"role": "user", "content": text}], "max_tokens": 40, **more}


def used_credits(gate: Gate) -> Decimal:
    return Decimal(1_000) - gate.home.available.amount


def priced(usage: Any) -> Decimal:
    """What OpenAI's usage costs at the seeded price."""
    cached = (usage.prompt_tokens_details.cached_tokens or 0) if usage.prompt_tokens_details else 0
    exact = Decimal("0.25") * (usage.prompt_tokens - cached) + Decimal("0.125") * cached + usage.completion_tokens
    return Money.from_exact(exact / 1000).amount


def test_the_openai_sdk_chats_and_is_told_the_cost(gate: Gate) -> None:
    answer = gate.openai().chat.completions.with_raw_response.create(**said("Good morning"))
    chat = answer.parse()

    metadata = chat.to_dict()["metadata"]
    assert chat.model == CHAT
    assert chat.choices[0].message.content
    assert chat.usage is not None
    assert Decimal(metadata["credits"]) == priced(chat.usage) == used_credits(gate)
    assert answer.headers["x-farebox-model"] == CHAT
    assert answer.headers["x-farebox-provider"] == metadata["provider"] == "openai"
    assert Decimal(answer.headers["x-farebox-cost"]) == Decimal(metadata["cost"])
    assert answer.headers["x-farebox-request-id"] == metadata["request_id"] == chat._request_id


@pytest.mark.parametrize("asked", [True, False], ids=["usage asked for", "usage not asked for"])
def test_a_stream_ends_with_the_cost(gate: Gate, asked: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}

    chunks = list(gate.openai().chat.completions.create(**said("Good evening"), stream=True, **options))

    last = chunks[-1]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [asked]
    assert bool(last.choices) is not asked
    assert Decimal(last.to_dict()["metadata"]["credits"]) == used_credits(gate) > 0


def test_tools_and_json_go_through(gate: Gate) -> None:
    sdk = gate.openai()
    function = {"name": TOOL["name"], "description": TOOL["description"], "parameters": TOOL["schema"]}
    tools: Any = [{"type": "function", "function": function}]

    called = sdk.chat.completions.create(**said("Weather?"), tools=tools, tool_choice="required")
    flowing = sdk.chat.completions.create(**said("Weather?"), tools=tools, tool_choice="required", stream=True)
    made = sdk.chat.completions.create(**said("As JSON"), response_format={"type": "json_object"})

    assert called.choices[0].finish_reason == "tool_calls"
    assert called.choices[0].message.tool_calls
    deltas = [choice.delta for chunk in flowing for choice in chunk.choices]
    assert "weather" in [call.function.name for delta in deltas for call in delta.tool_calls or () if call.function]
    assert json.loads(made.choices[0].message.content or "")


def test_the_async_sdk_embeds(gate: Gate) -> None:
    async def embed() -> Any:
        async with openai.AsyncOpenAI(base_url=f"{gate.url}/v1", api_key=gate.key, max_retries=0) as sdk:
            return await sdk.embeddings.create(model="text-embedding-3-small", input=["one", "two"])

    made = asyncio.run(embed())

    assert [len(one.embedding) for one in made.data] == [1536, 1536]
    assert used_credits(gate) == Money.from_exact(Decimal("0.00003") * made.usage.prompt_tokens).amount > 0


def test_the_anthropic_sdk_talks(gate: Gate) -> None:
    sdk = gate.anthropic()
    asked: Any = {**said("Good night"), "system": "Be brief."}

    message = sdk.messages.create(**asked)
    with sdk.messages.stream(**asked) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()

    assert message.type == "message"
    assert message.stop_reason == "max_tokens"
    assert message.content[0].type == "text"
    assert "".join(texts) == final.content[0].text  # type: ignore[union-attr]
    assert (final.usage.input_tokens, final.usage.output_tokens) == (message.usage.input_tokens, 40)
    assert message.usage.input_tokens > 0
    assert message._request_id
    assert sdk.messages.count_tokens(model=CHAT, messages=asked["messages"]).input_tokens > 0


def test_the_anthropic_sdk_uses_tools(gate: Gate) -> None:
    tools: Any = [{"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["schema"]}]
    asked: Any = {**said("Weather?"), "tools": tools, "tool_choice": {"type": "any"}}

    async def flowing() -> Any:
        async with (
            anthropic.AsyncAnthropic(base_url=gate.url, api_key=gate.key, max_retries=0) as sdk,
            sdk.messages.stream(**asked) as stream,
        ):
            return await stream.get_final_message()

    whole, streamed = gate.anthropic().messages.create(**asked), asyncio.run(flowing())

    for message in (whole, streamed):
        assert message.stop_reason == "tool_use"
        assert [block.name for block in message.content if block.type == "tool_use"] == ["weather"]
    assert whole.content[-1].input == streamed.content[-1].input  # type: ignore[union-attr]
    used = whole.content[-1]
    result: Any = [
        *asked["messages"],
        {"role": "assistant", "content": [used.to_dict()]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": used.id, "content": "Rain"}]},  # type: ignore[union-attr]
    ]
    assert gate.anthropic().messages.create(**{**asked, "messages": result, "tool_choice": {"type": "none"}}).content


def test_models_are_listed_in_either_shape(gate: Gate) -> None:
    theirs, ours = gate.anthropic().models, gate.openai().models

    assert {CHAT, "flux-schnell"} <= {model.id for model in theirs.list()} & {model.id for model in ours.list()}
    first, all_of_them = theirs.list(limit=5), [model.id for model in theirs.list(limit=10)]
    assert (len(first.data), first.has_more) == (5, True)
    assert all_of_them == [model.id for model in theirs.list()]
    assert [model.id for model in theirs.list(limit=2, before_id=all_of_them[4]).data] == all_of_them[2:4]
    assert theirs.retrieve(CHAT).display_name == "GPT-4o mini"
    assert ours.retrieve(CHAT).id == CHAT


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/embeddings"])
def test_every_text_route_has_a_dry_run(gate: Gate, path: str) -> None:
    body = said("How much?") if path != "/v1/embeddings" else {"model": "text-embedding-3-small", "input": "How much?"}

    estimate = gate.http.post(f"{path}?dryRun=true", json=body).json()

    assert estimate["estimated"] is True
    assert 0 < estimate["credits"] <= estimate["credits_maximum"]
    assert estimate["sufficient"] is True
    assert used_credits(gate) == 0


def test_errors_are_in_the_dialect_of_whoever_asks(gate: Gate) -> None:
    with pytest.raises(openai.NotFoundError, match="Did you mean gpt-4o-mini"):
        gate.openai().chat.completions.create(**{**said("Hello"), "model": "gpt-4o-mimi"})
    with pytest.raises(anthropic.NotFoundError, match="Did you mean gpt-4o-mini") as missing:
        gate.anthropic().messages.create(**{**said("Hello"), "model": "gpt-4o-mimi"})
    assert missing.value.body["error"]["type"] == "not_found_error"  # type: ignore[index,call-overload]
    with pytest.raises(anthropic.NotFoundError, match="/v1/docs lists what there is") as nowhere:
        gate.anthropic().messages.batches.list()
    assert nowhere.value.body["type"] == "error"  # type: ignore[index,call-overload]
    with pytest.raises(anthropic.AuthenticationError) as unknown:
        gate.anthropic(api_key="fbx_nobody").messages.create(**said("Hello"))
    assert unknown.value.body["error"]["type"] == "authentication_error"  # type: ignore[index,call-overload]
    with pytest.raises(anthropic.NotFoundError, match="Did you mean gpt-4o-mini") as unlisted:
        gate.anthropic().models.retrieve("gpt-4o-mimi")
    assert unlisted.value.body["error"]["type"] == "not_found_error"  # type: ignore[index,call-overload]
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        gate.openai().chat.completions.create(**{**said("Hello"), "max_tokens": 10**6})
    with pytest.raises(openai.BadRequestError, match="Web search"):
        gate.openai().chat.completions.create(**said("Hello"), web_search_options={})
    for path in ("/v1/chat/completions", "/v1/messages"):
        unclear = gate.http.post(path, json=said("Hello", stream="false"))
        assert (unclear.status_code, unclear.json()["error"]["param"]) == (400, "stream")


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        pytest.param("moderated", "BadRequestError", "content_policy_violation", id="moderated"),
        pytest.param("drop-after-accept", "InternalServerError", "provider_unclear", id="lost"),
    ],
)
def test_what_the_provider_refuses_is_told_and_what_is_lost_is_not_bought_again(
    gate: Gate, fault: str, error: str, code: str
) -> None:
    before = len(gate.home.book()["jobs"])

    with pytest.raises(getattr(openai, error)) as raised:
        gate.openai(max_retries=2).chat.completions.create(**said(f"[[fault:{fault}]] Hello"))

    assert raised.value.code == code
    assert len(gate.home.book()["jobs"]) - before == (1 if fault == "drop-after-accept" else 0)


def test_our_own_empty_account_is_no_business_of_the_customers(gate: Gate) -> None:
    """Both hosts refuse us for our quota: the customer hears that the model is not served, and pays nothing."""
    for provider in ("openai", "mirror"):
        fault = {"provider": provider, "fault": "insufficient-quota", "times": 1}
        assert httpx.post(f"{gate.home.sandbox_url}/faults", json=fault).is_success

    with pytest.raises(openai.InternalServerError) as raised:
        gate.openai().chat.completions.create(**said("Hello"))

    assert raised.value.status_code == 503
    assert raised.value.code == "provider_unavailable"
    assert "quota" not in raised.value.message
    assert used_credits(gate) == 0


def test_a_repeated_key_gets_the_first_answer_or_hears_why_not(gate: Gate) -> None:
    sdk, headers = gate.openai(), {"Idempotency-Key": "breakfast"}

    first = sdk.chat.completions.create(**said("Coffee"), extra_headers=headers)
    again = sdk.chat.completions.with_raw_response.create(**said("Coffee"), extra_headers=headers)
    spent = used_credits(gate)
    list(sdk.chat.completions.create(**said("Tea"), stream=True, extra_headers={"Idempotency-Key": "tea"}))
    with pytest.raises(openai.ConflictError, match="stream") as streamed:
        sdk.chat.completions.create(**said("Tea"), stream=True, extra_headers={"Idempotency-Key": "tea"})
    with pytest.raises(openai.ConflictError, match="another request"):
        sdk.chat.completions.create(**said("Juice"), extra_headers=headers)

    assert again.parse().choices == first.choices
    assert again.headers["idempotent-replayed"] == "true"
    assert spent == priced(first.usage)
    assert streamed.value.code == "idempotency_not_kept"


def test_too_few_credits_are_refused_in_words_of_the_dialect(gate: Gate) -> None:
    home = gate.home.newcomer()
    poor = Gate(gate.url, home, home.key(), gate.opened)

    with pytest.raises(openai.APIStatusError, match="Insufficient balance") as short:
        poor.openai().chat.completions.create(**said("Hello"))
    with pytest.raises(anthropic.APIStatusError, match="Insufficient balance") as broke:
        poor.anthropic().messages.create(**said("Hello"))

    assert (short.value.status_code, broke.value.status_code) == (402, 402)
    assert broke.value.body["error"]["type"] == "billing_error"  # type: ignore[index,call-overload]


def test_a_maximum_of_ones_own_is_kept(gate: Gate) -> None:
    with pytest.raises(openai.ConflictError, match="max_credits"):
        gate.openai().chat.completions.create(**said("Hello"), extra_body={"max_credits": 0.01})
