"""The OpenAI-compatible hosts: the official SDK reads them, and the book says what they billed."""

from __future__ import annotations

import base64
import json
from io import BytesIO

import httpx
import pytest
from PIL import Image

from tests.sandbox.callers import BEARER, book
from tests.support.late import Late

openai = Late("openai")

HELLO = [{"role": "user", "content": "hello there"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}


@pytest.fixture
def sdk(http: httpx.Client, sandbox_url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{sandbox_url}/openai/v1", api_key="demo", max_retries=0)


def post(http: httpx.Client, path: str, host: str = "openai", **body) -> httpx.Response:
    return http.post(f"/{host}/v1{path}", json=body, headers=BEARER)


def chat(http: httpx.Client, fault: str = "", host: str = "openai", **body) -> httpx.Response:
    messages = [{"role": "user", "content": f"hello [[fault:{fault}]]" if fault else "hello"}]
    return post(http, "/chat/completions", host, model="gpt-4o-mini", messages=messages, **body)


def events(answer: httpx.Response) -> list[dict]:
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_a_chat_and_its_stream_say_the_same_and_cost_the_same(http, sdk):
    whole = sdk.chat.completions.create(model="gpt-4o-mini", messages=HELLO, max_tokens=9)
    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens) == ("length", 9)
    chunks = list(
        sdk.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, max_tokens=9, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert len({entry["cost_micros"] for entry in book(http)["jobs"]}) == 1
    used = whole.usage
    expected = round(used.prompt_tokens * 0.15 + used.completion_tokens * 0.60)
    assert book(http)["jobs"][0]["cost_micros"] == pytest.approx(expected, abs=1)


def test_usage_comes_only_when_asked_for(http):
    assert not any(event.get("usage") for event in events(chat(http, stream=True)))


def test_tools_json_and_their_streams(sdk):
    called = sdk.chat.completions.create(model="gpt-4o-mini", messages=HELLO, tools=[TOOL]).choices[0]
    assert called.finish_reason == "tool_calls"
    arguments = json.loads(called.message.tool_calls[0].function.arguments)
    assert set(arguments) == {"city", "days"}
    answered = [*HELLO, called.message.model_dump(exclude_none=True),
                {"role": "tool", "tool_call_id": called.message.tool_calls[0].id, "content": "rain"}]  # fmt: skip
    told = sdk.chat.completions.create(model="gpt-4o-mini", messages=answered, tools=[TOOL]).choices[0]
    assert told.message.content
    streamed = sdk.chat.completions.create(model="gpt-4o-mini", messages=HELLO, tools=[TOOL], stream=True)
    parts = [c.choices[0].delta.tool_calls[0].function.arguments for c in streamed if c.choices[0].delta.tool_calls]
    assert json.loads("".join(part or "" for part in parts)) == arguments
    schema = {"name": "x", "schema": TOOL["function"]["parameters"]}
    for wanted in ({"type": "json_object"}, {"type": "json_schema", "json_schema": schema}):
        said = sdk.chat.completions.create(model="gpt-4o-mini", messages=HELLO, response_format=wanted)
        assert isinstance(json.loads(said.choices[0].message.content), dict)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tools": [{"type": "function", "function": {"name": "x", "parameters": 5}}]},
        {"tools": 5},
        {"response_format": 5},
    ],
    ids=["parameters of a tool", "tools", "form of the answer"],
)
def test_what_cannot_be_is_refused_and_not_billed(http, wrong):
    assert chat(http, **wrong).status_code == 400
    assert book(http)["jobs"] == []


def test_a_long_prompt_seen_before_is_read_from_the_cache(sdk):
    long = [{"role": "user", "content": "a word and another " * 400}]
    seen = [sdk.chat.completions.create(model="gpt-4o-mini", messages=long, max_tokens=1).usage for _ in range(2)]
    assert [usage.prompt_tokens_details.cached_tokens > 1000 for usage in seen] == [False, True]


def test_embeddings_in_both_encodings(sdk, http):
    vectors = sdk.embeddings.create(model="text-embedding-3-small", input=["sea", "sea", "land"]).data
    assert vectors[0].embedding == vectors[1].embedding != vectors[2].embedding
    assert len(vectors[0].embedding) == 1536
    plain = post(http, "/embeddings", model="m", input="sea", dimensions=8, encoding_format="float").json()
    assert len(plain["data"][0]["embedding"]) == 8
    assert plain["usage"]["prompt_tokens"] == plain["usage"]["total_tokens"] == 1


def test_pictures_have_the_size_and_format_asked_for(sdk):
    made = sdk.images.generate(
        model="gpt-image-1.5", prompt="sea", n=2, size="1024x1536", quality="auto", output_format="webp"
    )
    pictures = [Image.open(BytesIO(base64.b64decode(one.b64_json))) for one in made.data]
    assert {(picture.format, picture.size) for picture in pictures} == {("WEBP", (1024, 1536))}
    assert (made.quality, made.size, made.usage.output_tokens) == ("high", "1024x1536", 2 * 6240)
    edited = sdk.images.edit(
        model="gpt-image-1.5",
        prompt="night",
        image=[("a.png", b"one"), ("b.png", b"two")],
        quality="low",
        size="1024x1024",
    )
    assert edited.usage.input_tokens_details.image_tokens == 2 * 323


@pytest.mark.parametrize("form", ["mp3", "wav"])
def test_speech_is_sound_that_can_be_written_down(sdk, form):
    sound = sdk.audio.speech.create(model="tts-1", input="a" * 45, voice="nova", response_format=form).content
    heard = sdk.audio.transcriptions.create(model="whisper-1", file=(f"a.{form}", sound))
    assert heard.text
    assert (heard.usage.type, round(heard.usage.seconds)) == ("duration", 3)


def test_a_video_is_made_listed_fetched_and_deleted(sdk):
    video = sdk.videos.create_and_poll(prompt="sea", model="sora-2", seconds="4", size="1280x720", poll_interval_ms=50)
    assert (video.status, video.seconds, video.progress) == ("completed", "4", 100)
    assert sdk.videos.download_content(video.id).content[4:8] == b"ftyp"
    assert [one.id for one in sdk.videos.list()] == [video.id]
    assert sdk.videos.delete(video.id).deleted
    with pytest.raises(openai.NotFoundError):
        sdk.videos.retrieve(video.id)


@pytest.mark.parametrize(
    ("fault", "status", "code", "bought"),
    [
        ("401", 401, "invalid_api_key", 0),
        ("insufficient-quota", 429, "insufficient_quota", 0),
        ("refuse-429=7", 429, "rate_limit_exceeded", 0),
        ("refuse-503=7", 503, "overloaded", 0),
        ("500", 500, "server_error", 0),
        ("moderated", 400, "moderation_blocked", 0),
        ("500-after-accept", 500, "server_error", 1),
    ],
)
def test_a_refusal_is_worded_as_the_real_one(http, fault, status, code, bought):
    answer = chat(http, fault)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers.get("retry-after") == ("7" if "=7" in fault else None)
    assert book(http)["accepted"] == bought


@pytest.mark.parametrize(("fault", "bought"), [("drop-after-accept", 1), ("hang-before-accept=0.1", 0), ("cut=2", 1)])
def test_a_connection_that_ends_without_an_answer(http, fault, bought):
    with pytest.raises(httpx.TransportError):
        chat(http, fault)
    assert book(http)["accepted"] == bought


def test_faults_of_a_stream(http):
    with pytest.raises(httpx.TransportError):
        chat(http, "cut=2", stream=True)
    assert "error" in events(chat(http, "error-event", stream=True))[-1]
    cut = events(chat(http, "length=3", stream=True))
    assert [event["choices"][0]["finish_reason"] for event in cut][-1] == "length"


@pytest.mark.parametrize(("fault", "usage"), [("missing-usage", None), ("zero-usage", 0)])
def test_usage_left_out_or_zero(http, fault, usage):
    told = chat(http, fault).json().get("usage")
    assert (told if usage is None else told["total_tokens"]) == usage
    assert (book(http)["jobs"][0]["cost_micros"] == 0) == (usage == 0)


def test_two_hosts_fail_apart(http):
    http.post("/faults", json={"provider": "openai", "fault": "500"}).raise_for_status()
    assert [chat(http, host=host).status_code for host in ("mirror", "openai")] == [200, 500]
    assert [job["provider"] for job in book(http)["jobs"]] == ["mirror"]
