"""A host that answers in the same exchange: asked once, read whole or as it flows, its usage told exactly."""

import base64
import json
from decimal import Decimal

import httpx
import pytest

from app.kernel.errors import ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear
from app.providers.openai_answers import reported
from app.providers.port import Call, CancelAnswer, Connection, Direct, Job, Upload, UpstreamState
from app.providers.registry import build
from app.providers.spool import Spool
from tests.providers.test_every_provider import SUBMISSIONS
from tests.providers.upstream import KEY, Upstream, provider, ref

pytestmark = pytest.mark.anyio

HELLO = {"messages": [{"role": "user", "content": "hello"}]}
CHAT = {"id": "chatcmpl-1", "model": "m-2026", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
PIXEL = base64.b64encode(b"a picture").decode()
ROOM = {"call_seconds": 0.3, "idle_seconds": 0.3}


def host(*steps, **settings):
    adapter, upstream = provider("openai_compatible", *steps, settings={"output_hosts": [], **settings})
    assert isinstance(adapter, Direct)
    return adapter, upstream


def chat(**body):
    return Call("chat", "gpt-4o-mini", {**HELLO, **body}, attempt_id="att_1")


def events(*payloads, done=True, **headers):
    lines = [f"data: {json.dumps(payload)}\n\n" for payload in payloads] + ["data: [DONE]\n\n"] * done
    return httpx.Response(200, text="".join(lines), headers={"content-type": "text/event-stream", **headers})


def delta(text, finish=None):
    return {"id": "c-1", "model": "m-2026", "choices": [{"delta": {"content": text}, "finish_reason": finish}]}


async def read(adapter, call):
    async with adapter.stream(call) as stream:
        return [event async for event in stream], stream


@pytest.mark.parametrize("way", ["call", "stream"])
@pytest.mark.parametrize(("answer", "verdict"), SUBMISSIONS)
async def test_one_post_and_one_of_three_errors(way, answer, verdict):
    adapter, upstream = host(answer, **ROOM)
    with pytest.raises(ProviderError) as failure:
        await (adapter.call(chat()) if way == "call" else read(adapter, chat()))
    assert type(failure.value) is verdict
    assert len(upstream.requests) == 1
    assert upstream.keys_seen_by == {"up.example"}
    assert KEY not in f"{failure.value}{failure.value.details}"


@pytest.mark.parametrize("way", ["call", "stream"])
@pytest.mark.parametrize(
    ("status", "error", "verdict", "code"),
    [
        (429, {"code": "insufficient_quota"}, ProviderRefused, "provider_out_of_credit"),
        (429, {"type": "insufficient_quota", "code": None}, ProviderRefused, "provider_out_of_credit"),
        (403, {"code": "billing_hard_limit_reached"}, ProviderRefused, "provider_out_of_credit"),
        (429, {"code": "rate_limit_exceeded"}, ProviderBusy, "provider_busy"),
        (400, {"code": "moderation_blocked"}, ProviderRefused, "content_policy_violation"),
        (401, {"code": "invalid_api_key"}, ProviderRefused, "provider_key_refused"),
        (404, {"code": "model_not_found"}, ProviderRefused, "provider_model_unknown"),
    ],
)
async def test_what_a_refusal_means(way, status, error, verdict, code):
    adapter, _ = host(httpx.Response(status, json={"error": {"message": "because", **error}}))
    with pytest.raises(verdict) as failure:
        await (adapter.call(chat()) if way == "call" else read(adapter, chat()))
    assert failure.value.stable_code == code
    assert failure.value.details["upstream_message"] == "because"


async def test_an_operator_may_say_which_statuses_are_never_billed():
    adapter, _ = host(httpx.Response(500), unbilled_statuses=[500])
    with pytest.raises(ProviderBusy):
        await adapter.call(chat())


async def test_a_chat_is_sent_as_it_was_asked_and_answered_as_it_came():
    raw = httpx.Response(200, json={**CHAT, "usage": {"prompt_tokens": 9, "completion_tokens": 2}})
    adapter, upstream = host(raw)
    answer = await adapter.call(chat(temperature=Decimal("0.5"), seed=7, stream=True, stream_options={"a": 1}))
    assert upstream.requests[0].url.path == "/root/chat/completions"
    assert upstream.body() == {**HELLO, "model": "gpt-4o-mini", "temperature": 0.5, "seed": 7}
    assert upstream.requests[0].headers["x-client-request-id"] == "att_1"
    assert (answer.body, answer.raw) == (json.loads(raw.content), raw.content)
    assert (answer.model, answer.upstream_request_id) == ("m-2026", "chatcmpl-1")
    assert answer.reported == {"input_tokens": 9, "output_tokens": 2}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {"prompt_tokens": 1000, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 400}},
            {"input_tokens": 600, "cached_input_tokens": 400, "output_tokens": 7},
            id="cached tokens are taken out of the input's",
        ),
        pytest.param(
            {"prompt_tokens": 0, "completion_tokens": 0}, {"input_tokens": 0, "output_tokens": 0}, id="a zero is told"
        ),
        pytest.param({"prompt_tokens": 5, "total_tokens": 5}, {"input_tokens": 5, "output_tokens": 0}, id="embedding"),
        pytest.param(
            {
                "input_tokens": 50,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                "output_tokens": 272,
                "output_tokens_details": {"text_tokens": 0, "image_tokens": 272},
            },
            {"input_tokens": 10, "image_input_tokens": 40, "output_tokens": 0, "image_output_tokens": 272},
            id="a picture has four classes of tokens",
        ),
        pytest.param({"type": "duration", "seconds": 12.3}, {"seconds": Decimal("12.3")}, id="seconds of sound"),
        pytest.param({"prompt_tokens": -3, "completion_tokens": True}, None, id="no figures"),
        pytest.param(None, None, id="nothing told"),
    ],
)
def test_usage_in_its_spellings(usage, expected):
    assert reported({"usage": usage}) == expected


def test_usage_of_a_terminal_event_one_level_down():
    event = {"type": "response.incomplete", "response": {"usage": {"input_tokens": 3, "output_tokens": 4}}}
    assert reported(event) == {"input_tokens": 3, "output_tokens": 4}


async def test_a_stream_passes_its_chunks_on_and_tells_the_usage_of_the_last():
    usage = {"id": "c-1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}
    sent = [delta("hi"), delta("", "stop"), usage]
    adapter, upstream = host(events(*sent, **{"x-request-id": "req-9"}))
    got, stream = await read(adapter, chat(stream_options={"include_obfuscation": False}))
    assert got == sent
    assert upstream.body()["stream"] is True
    assert upstream.body()["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert stream.reported() == {"input_tokens": 9, "output_tokens": 2}
    assert (stream.finish_reason, stream.model, stream.upstream_request_id) == ("stop", "m-2026", "req-9")


async def test_a_host_that_does_not_know_the_wish_for_usage_is_spared_it():
    adapter, upstream = host(events(delta("", "stop")), stream_usage=False)
    _, stream = await read(adapter, chat())
    assert "stream_options" not in upstream.body()
    assert stream.reported() is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(events(delta("hi"), done=False), "before it was complete", id="it just ends"),
        pytest.param(events(delta("hi"), {"error": {"message": "overloaded"}}), "overloaded", id="an error event"),
        pytest.param(events(delta("hi"), {"error": "no memory"}), "no memory", id="an error in one word"),
        pytest.param(events(delta("hi"), {"choices": 5}), "no part of a chat", id="choices that are none"),
        pytest.param(events({"choices": [None]}), "no part of a chat", id="a choice that is none"),
        pytest.param(events({"choices": [{"delta": {"tool_calls": 5}}]}), "no part of a chat", id="no call of a tool"),
        pytest.param(
            events({"choices": [{"delta": {"tool_calls": [{"function": "look"}]}}]}),
            "no part of a chat",
            id="a call of nothing",
        ),
        pytest.param(
            httpx.Response(200, text="data: {oops\n\n", headers={"content-type": "text/event-stream"}),
            "not JSON",
            id="no event",
        ),
    ],
)
async def test_a_stream_that_breaks_may_have_been_bought(answer, why):
    adapter, _ = host(answer)
    with pytest.raises(ProviderUnclear, match=why):
        await read(adapter, chat())


@pytest.mark.parametrize("ending", ["[DONE]", "a finish reason"])
async def test_a_stream_is_complete_when_it_says_so(ending):
    adapter, _ = host(events(delta("hi", None if ending == "[DONE]" else "length"), done=ending == "[DONE]"))
    got, _ = await read(adapter, chat())
    assert len(got) == 1


async def test_events_may_be_cut_anywhere_and_carry_comments():
    text = ": PROCESSING\r\n\r\nevent: x\r\ndata: " + json.dumps(delta("hi", "stop")) + "\r\n\r\ndata: [DONE]"
    pieces = [text[at : at + 5].encode() for at in range(0, len(text), 5)]

    async def flow():
        for piece in pieces:
            yield piece

    adapter, _ = host(
        lambda request: httpx.Response(200, content=flow(), headers={"content-type": "text/event-stream"})
    )
    got, _ = await read(adapter, chat())
    assert got == [delta("hi", "stop")]


async def test_a_whole_answer_to_a_wish_to_stream_is_one_chunk():
    adapter, _ = host(httpx.Response(200, json={**CHAT, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}))
    got, stream = await read(adapter, chat())
    assert [one["choices"] for one in got] == [[{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]]
    assert stream.reported() == {"input_tokens": 1, "output_tokens": 1}


async def test_pictures_come_inside_the_answer_or_by_address_and_say_how_they_were_made():
    made = {"quality": "high", "size": "1024x1536", "output_format": "webp"}
    data = [{"b64_json": PIXEL}, {"url": "https://files.example/b.webp"}]
    adapter, upstream = host(httpx.Response(200, json={**made, "data": data}))
    answer = await adapter.call(Call("images", "gpt-image-1.5", {"prompt": "sea", "quality": "auto"}))
    assert upstream.requests[0].url.path == "/root/images/generations"
    assert [file.url for file in answer.files] == [f"data:image/webp;base64,{PIXEL}", "https://files.example/b.webp"]
    assert {(file.mime, file.width, file.height) for file in answer.files} == {("image/webp", 1024, 1536)}
    assert answer.resolved == {"quality": "high", "size": "1024x1536"}


async def test_an_edit_is_a_form_whose_file_names_cannot_break_out(tmp_path):
    (tmp_path / "b.png").write_bytes(b"second")
    adapter, upstream = host(httpx.Response(200, json={"data": [{"b64_json": PIXEL}]}))
    files = (
        Upload("image[]", 'a"\r\nX-Evil: 1.png', "image/png", b"first"),
        Upload("image[]", "b.png", "image/png", tmp_path / "b.png"),
    )
    body = {"prompt": "sea", "n": 2, "stream": False, "size": None}
    await adapter.call(Call("image_edits", "gpt-image-1.5", body, files))
    sent = upstream.requests[0]
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    for part in (b"first", b"second", b'name="prompt"\r\n\r\nsea', b'name="n"\r\n\r\n2', b'name="model"'):
        assert part in sent.content
    assert b"\r\nX-Evil" not in sent.content
    assert b'name="size"' not in sent.content


async def test_lists_and_objects_in_a_form_are_named_as_openai_names_them():
    adapter, upstream = host(httpx.Response(200, json={"text": "hi"}))
    body = {"timestamp_granularities": ["word", "segment"], "chunking_strategy": {"type": "server_vad", "threshold": 1}}
    await adapter.call(Call("transcription", "whisper-1", body, (Upload("file", "a.wav", "audio/wav", b"RIFF"),)))
    sent = upstream.requests[0].content
    for part in (b'"timestamp_granularities[]"\r\n\r\nword', b'"timestamp_granularities[]"\r\n\r\nsegment'):
        assert part in sent
    for part in (b'"chunking_strategy[type]"\r\n\r\nserver_vad', b'"chunking_strategy[threshold]"\r\n\r\n1'):
        assert part in sent


@pytest.mark.parametrize(
    ("operation", "answer", "mime"),
    [
        ("speech", httpx.Response(200, content=b"ID3 sound", headers={"content-type": "audio/mpeg"}), "audio/mpeg"),
        ("transcription", httpx.Response(200, text="1\n00:00", headers={"content-type": "text/plain"}), "text/plain"),
    ],
)
async def test_what_is_no_json_comes_as_bytes(operation, answer, mime):
    adapter, _ = host(answer)
    got = await adapter.call(Call(operation, "m", {"input": "hi"}))
    assert (got.raw, got.mime, got.body, got.reported) == (answer.content, mime, None, {})


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("speech", httpx.Response(200, json={"error": "no"})),
        ("speech", httpx.Response(200, content=b"")),
        ("embeddings", httpx.Response(200, json={"data": None})),
    ],
)
async def test_an_answer_to_something_else_may_have_been_bought(operation, answer):
    adapter, _ = host(answer)
    with pytest.raises(ProviderUnclear):
        await adapter.call(Call(operation, "m", {"input": "hi"}))


async def test_an_operation_it_does_not_have_is_refused_before_anything_is_sent():
    adapter, upstream = host(httpx.Response(200, json={}))
    with pytest.raises(ProviderRefused):
        await adapter.call(Call("videos", "m", {}))
    assert upstream.requests == []


class TestJobs:
    @pytest.fixture
    def adapter(self, tmp_path):
        made = {"quality": "high", "data": [{"b64_json": PIXEL}], "usage": {"input_tokens": 1, "output_tokens": 0}}
        upstream = Upstream([httpx.Response(200, json=made)])
        connection = Connection("p", "openai_compatible", "https://up.example", "k")
        built = build(connection, transport=httpx.MockTransport(upstream.handle))
        built._jobs._spool = Spool(tmp_path / "spool")
        return built

    JOB = Job("att_1", "gpt-image-1.5", {"prompt": "sea"}, "", operation="images")

    async def test_a_picture_is_kept_with_its_submission_and_outlives_the_adapter(self, adapter):
        taken = await adapter.submit(self.JOB)
        progress = await adapter.status(taken)
        assert (progress.state, progress.resolved) == (UpstreamState.DONE, {"quality": "high"})
        assert progress.reported == {"input_tokens": 1, "output_tokens": 0, "image_output_tokens": 0}
        got = await adapter.download(progress.files[0], 1000)
        with open(got.path, "rb") as file:  # noqa: PTH123
            assert file.read() == b"a picture"
        assert await adapter.cancel(taken) is CancelAnswer.TOO_LATE

    async def test_a_result_kept_before_a_crash_is_found_by_the_attempt(self, adapter):
        taken = await adapter.submit(self.JOB)
        assert await adapter.find(self.JOB, None) == taken
        assert await adapter.find(Job("att_2", "gpt-image-1.5", {}, "", operation="images"), None) is None

    async def test_a_result_that_is_gone_was_paid_for(self, adapter):
        progress = await adapter.status(ref("openai_compatible", "direct-att_9"))
        assert (progress.state, progress.charged_anyway) == (UpstreamState.FAILED, True)

    @pytest.mark.parametrize("url", ["spool:../../etc/passwd/0", "spool:direct-att_1/../told.json", "spool:x"])
    async def test_an_address_leads_nowhere_else(self, adapter, url):
        from app.providers.port import RemoteFile

        with pytest.raises((ProviderRefused, ValueError)):
            await adapter.download(RemoteFile(url), 1000)

    async def test_a_chat_is_no_job(self, adapter):
        with pytest.raises(ProviderRefused):
            await adapter.submit(Job("att_1", "gpt-4o-mini", {"prompt": "hi"}, "", operation="chat"))
