"""kie's words, in ours."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from app.kernel.errors import ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear
from app.providers.port import CancelAnswer, UpstreamState
from tests.providers.upstream import CALLBACK, KEY, job, provider, ref

pytestmark = pytest.mark.anyio


def said(code, data=None, msg="success"):
    return httpx.Response(200, json={"code": code, "msg": msg, "data": data})


def record(**data):
    return said(200, data)


@pytest.mark.parametrize(
    ("model", "path", "body"),
    [
        pytest.param(
            "google/nano-banana",
            "/root/api/v1/jobs/createTask",
            {"model": "google/nano-banana", "input": {"prompt": "sea"}, "callBackUrl": CALLBACK},
            id="a market model",
        ),
        pytest.param(
            "veo3_fast",
            "/root/api/v1/veo/generate",
            {"model": "veo3_fast", "prompt": "sea", "callBackUrl": CALLBACK},
            id="veo",
        ),
        pytest.param(
            "flux-kontext-pro",
            "/root/api/v1/flux/kontext/generate",
            {"model": "flux-kontext-pro", "prompt": "sea", "callBackUrl": CALLBACK},
            id="flux kontext",
        ),
    ],
)
async def test_a_family_has_its_own_address_and_body(model, path, body):
    adapter, upstream = provider("kie", said(200, {"taskId": "t-1"}))
    taken = await adapter.submit(job("kie", upstream_model=model, params={"prompt": "sea"}))
    assert (upstream.requests[0].url.path, upstream.body()) == (path, body)
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert (taken.upstream_id, taken.status_url) == ("t-1", None)


async def test_a_task_id_in_snake_case():
    adapter, _ = provider("kie", said(200, {"task_id": "t-1"}))
    assert (await adapter.submit(job("kie"))).upstream_id == "t-1"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        *[(code, ProviderRefused) for code in (401, 402, 404, 422, 433, 505)],
        *[(code, ProviderBusy) for code in (429, 455)],
        *[(code, ProviderUnclear) for code in (500, 501, 502, 301)],
    ],
)
async def test_the_code_in_the_body_of_a_200_is_what_counts(code, verdict):
    adapter, upstream = provider("kie", said(code, msg="because"))
    with pytest.raises(ProviderError) as failure:
        await adapter.submit(job("kie"))
    assert type(failure.value) is verdict
    assert failure.value.details["upstream_message"] == "because"
    assert len(upstream.requests) == 1


async def test_success_without_a_task_may_have_been_bought():
    adapter, _ = provider("kie", said(200, None))
    with pytest.raises(ProviderUnclear):
        await adapter.submit(job("kie"))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("waiting", UpstreamState.QUEUED),
        ("queuing", UpstreamState.QUEUED),
        ("generating", UpstreamState.RUNNING),
        ("fail", UpstreamState.FAILED),
    ],
)
async def test_states_of_a_market_task(state, expected):
    adapter, upstream = provider("kie", record(state=state))
    assert (await adapter.status(ref("kie"))).state is expected
    assert str(upstream.requests[0].url) == "https://up.example/root/api/v1/jobs/recordInfo?taskId=req-1"


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        (0, UpstreamState.RUNNING),
        (1, UpstreamState.DONE),
        (2, UpstreamState.FAILED),
        (3, UpstreamState.FAILED),
        (4, UpstreamState.DONE),
        ("1", UpstreamState.DONE),
    ],
    ids=["generating", "made", "not created", "failed", "made, though their callback failed", "as text"],
)
@pytest.mark.parametrize(
    ("model", "path"),
    [("veo3", "/root/api/v1/veo/record-info"), ("flux-kontext-max", "/root/api/v1/flux/kontext/record-info")],
)
async def test_flags_of_the_other_families(model, path, flag, expected):
    adapter, upstream = provider("kie", record(successFlag=flag, response={}))
    assert (await adapter.status(ref("kie", upstream_model=model))).state is expected
    assert upstream.requests[0].url.path == path


RESULTS = [
    pytest.param(
        "google/nano-banana",
        {"state": "success", "resultJson": json.dumps({"resultUrls": ["https://files.example/1"]})},
        ["https://files.example/1"],
        id="JSON inside JSON",
    ),
    pytest.param(
        "google/nano-banana",
        {"state": "success", "resultJson": json.dumps({"resultObject": {"text": "hello"}})},
        [],
        id="an object instead of files",
    ),
    pytest.param(
        "veo3",
        {"successFlag": 1, "response": {"resultUrls": ["https://files.example/v"], "originUrls": ["https://x/o"]}},
        ["https://files.example/v"],
        id="veo",
    ),
    pytest.param(
        "veo3",
        {"successFlag": 1, "response": {"resultUrls": '["https://files.example/v"]'}},
        ["https://files.example/v"],
        id="veo, a list as text",
    ),
    pytest.param(
        "flux-kontext-pro",
        {"successFlag": 1, "response": {"resultImageUrl": "https://files.example/i", "originImageUrl": "https://x/o"}},
        ["https://files.example/i"],
        id="flux kontext",
    ),
]


@pytest.mark.parametrize(("model", "data", "urls"), RESULTS)
async def test_results_of_every_family(model, data, urls):
    adapter, _ = provider("kie", record(**data))
    progress = await adapter.status(ref("kie", upstream_model=model))
    assert progress.state is UpstreamState.DONE
    assert [file.url for file in progress.files] == urls


@pytest.mark.parametrize("result", ["{", "", None, "[]", 7])
async def test_a_result_we_cannot_read_is_asked_for_again(result):
    adapter, _ = provider("kie", record(state="success", resultJson=result))
    with pytest.raises(ProviderBusy):
        await adapter.status(ref("kie"))


async def test_parameters_as_used():
    param = json.dumps({"model": "m", "input": {"prompt": "sea", "resolution": "2K", "duration": "5"}})
    adapter, _ = provider("kie", record(state="success", param=param, resultJson="{}"))
    assert (await adapter.status(ref("kie"))).resolved == {"resolution": "2K", "duration": "5"}


async def test_what_the_model_made_outranks_what_was_asked():
    data = {"successFlag": 1, "paramJson": '{"resolution": "1080p"}', "response": {"resolution": "720p"}}
    adapter, _ = provider("kie", record(**data))
    assert (await adapter.status(ref("kie", upstream_model="veo3"))).resolved == {"resolution": "720p"}


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (
            {"state": "fail", "failMsg": "Your prompt was flagged"},
            "content_policy_violation",
            "Your prompt was flagged",
        ),
        ({"state": "fail", "failCode": "500", "failMsg": ""}, "generation_failed", "The run failed."),
    ],
)
async def test_a_failed_task_says_why_and_costs_nothing(data, code, message):
    adapter, _ = provider("kie", record(**data))
    progress = await adapter.status(ref("kie"))
    assert (progress.error_code, progress.error_message, progress.charged_anyway) == (code, message, False)


@pytest.mark.parametrize(
    "answer",
    [said(422, msg="recordInfo is null"), said(200, None), said(429), said(500), record(state="thinking")],
    ids=["not shown yet", "no data", "too many requests", "their trouble", "a state nobody knows"],
)
async def test_what_a_later_look_may_mend(answer):
    adapter, _ = provider("kie", answer)
    with pytest.raises(ProviderBusy):
        await adapter.status(ref("kie"))


async def test_there_is_no_cancel_and_no_list():
    adapter, upstream = provider("kie")
    assert await adapter.cancel(ref("kie")) is CancelAnswer.UNSUPPORTED
    assert await adapter.find(job("kie"), datetime(2026, 11, 21, tzinfo=UTC)) is None
    assert upstream.requests == []


async def test_check_says_how_much_is_left():
    adapter, upstream = provider("kie", said(200, 12345.5))
    assert await adapter.check() == "kie answers and accepts the key: 12,345.5 credits left there."
    assert upstream.requests[0].url.path == "/root/api/v1/chat/credit"
