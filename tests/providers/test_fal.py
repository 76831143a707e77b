"""fal's words, in ours."""

from decimal import Decimal

import httpx
import pytest

from app.kernel.errors import ProviderBusy, ProviderRefused, ProviderUnclear
from app.providers.port import CancelAnswer, RemoteFile, UpstreamState
from tests.providers.upstream import CALLBACK, KEY, job, provider, ref

pytestmark = pytest.mark.anyio

ROOT = "https://up.example/root"


def queued(**more):
    return httpx.Response(202, json={"status": "IN_QUEUE", "queue_position": 3, "logs": None, **more})


def completed(**more):
    return httpx.Response(200, json={"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 1.5}, **more})


async def test_the_model_input_is_the_body_and_the_callback_goes_in_the_address():
    adapter, upstream = provider("fal", httpx.Response(200, json={"request_id": "r-9", "status": "IN_QUEUE"}))
    taken = await adapter.submit(job("fal", params={"prompt": "sea", "num_images": 2, "strength": Decimal("0.35")}))
    request = upstream.requests[0]
    assert (request.method, request.url.path) == ("POST", "/root/fal-ai/flux/schnell")
    assert request.url.params["fal_webhook"] == CALLBACK
    assert request.headers["authorization"] == f"Key {KEY}"
    assert upstream.body() == {"prompt": "sea", "num_images": 2, "strength": 0.35}
    assert taken.upstream_id == "r-9"


async def test_addresses_on_our_host_are_kept_and_foreign_ones_are_rebuilt():
    body = {"request_id": "r-9", "status_url": "https://evil.example/s", "response_url": f"{ROOT}/result/r-9"}
    adapter, upstream = provider("fal", httpx.Response(200, json=body), queued())
    taken = await adapter.submit(job("fal"))
    assert (taken.status_url, taken.response_url) == (None, f"{ROOT}/result/r-9")
    await adapter.status(taken)
    assert str(upstream.requests[1].url) == f"{ROOT}/fal-ai/flux/requests/r-9/status?logs=1"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("fal-ai/flux/schnell", "/root/fal-ai/flux/requests/req-1/status"),
        ("fal-ai/veo3.1", "/root/fal-ai/veo3.1/requests/req-1/status"),
        ("workflows/acme/poster/fast", "/root/workflows/acme/poster/requests/req-1/status"),
    ],
)
async def test_the_sub_path_of_a_model_is_left_out_when_polling(model, path):
    adapter, upstream = provider("fal", queued())
    await adapter.status(ref("fal", upstream_model=model))
    assert upstream.requests[0].url.path == path


@pytest.mark.parametrize(
    "model", ["flux", "../admin", "fal-ai/../../x", "fal-ai/flux?x=1", "https://evil.example/a", ""]
)
async def test_what_is_not_written_like_a_model_is_never_called(model):
    adapter, upstream = provider("fal", queued())
    with pytest.raises(ProviderRefused):
        await adapter.submit(job("fal", upstream_model=model))
    assert upstream.requests == []


async def test_a_queue_position_and_a_progress_bar_are_passed_on():
    logs = [{"message": " 10%|#   |"}, {"message": "loading"}, {"message": " 40%|####  | 2/5"}]
    adapter, _ = provider("fal", queued(), httpx.Response(202, json={"status": "IN_PROGRESS", "logs": logs}))
    waiting, running = await adapter.status(ref("fal")), await adapter.status(ref("fal"))
    assert (waiting.state, waiting.queue_position) == (UpstreamState.QUEUED, 3)
    assert (running.state, running.percent) == (UpstreamState.RUNNING, 40)


OUTPUTS = [
    pytest.param(
        {"images": [{"url": "https://files.example/a.png", "width": 1024, "height": 768, "content_type": "image/png"}]},
        [RemoteFile("https://files.example/a.png", "image/png", 1024, 768)],
        id="a list of images",
    ),
    pytest.param(
        {"image": {"url": "https://files.example/a.png"}, "seed": 7, "timings": {"inference": 0.5}},
        [RemoteFile("https://files.example/a.png")],
        id="one image",
    ),
    pytest.param(
        {"video": {"url": "https://files.example/v.mp4", "content_type": "video/mp4"}},
        [RemoteFile("https://files.example/v.mp4", "video/mp4")],
        id="a video",
    ),
    pytest.param({"audio_url": "https://files.example/a.wav"}, [RemoteFile("https://files.example/a.wav")], id="bare"),
    pytest.param({"images": []}, [], id="nothing"),
]


@pytest.mark.parametrize(("output", "files"), OUTPUTS)
async def test_files_of_a_finished_run(output, files):
    adapter, _ = provider("fal", completed(), httpx.Response(200, json=output))
    progress = await adapter.status(ref("fal"))
    assert progress.state is UpstreamState.DONE
    assert list(progress.files) == files


@pytest.mark.parametrize(
    ("header", "units"),
    [
        pytest.param({"x-fal-billable-units": "3.008"}, Decimal("3.008"), id="a fraction stays exact"),
        pytest.param({"x-fal-billable-units": "0"}, Decimal(0), id="an explicit zero is a figure"),
        pytest.param({}, None, id="missing is not zero"),
        pytest.param({"x-fal-billable-units": "NaN"}, None, id="not a number"),
        pytest.param({"x-fal-billable-units": "-1"}, None, id="negative"),
    ],
)
async def test_billable_units_come_from_the_header_of_the_result(header, units):
    adapter, _ = provider("fal", completed(), httpx.Response(200, headers=header, json={"images": []}))
    assert (await adapter.status(ref("fal"))).billable_units == units


async def test_what_the_model_chose_by_itself_is_reported():
    output = {
        "images": [],
        "quality": "high",
        "size": "1024x1536",
        "resolution": "auto",
        "seed": 9,
        "usage": {"input_tokens": 30, "input_tokens_details": {"cached_tokens": 10}, "output_tokens": 0},
    }
    adapter, _ = provider("fal", completed(), httpx.Response(200, json=output))
    progress = await adapter.status(ref("fal"))
    assert progress.resolved == {"quality": "high", "size": "1024x1536"}
    assert progress.reported == {"input_tokens": 20, "cached_input_tokens": 10, "output_tokens": 0}


@pytest.mark.parametrize(
    ("output", "seconds"),
    [({"video": {"url": "https://files.example/v", "duration": 3.008}}, "3.008"), ({"duration_ms": 2500}, "2.5")],
)
async def test_a_reported_length_is_exact(output, seconds):
    content = httpx.Response(200, json=output).content
    adapter, _ = provider("fal", completed(), httpx.Response(200, content=content))
    assert (await adapter.status(ref("fal"))).reported["seconds"] == Decimal(seconds)


PROBLEM = {"detail": [{"loc": ["body", "prompt"], "msg": "not allowed", "type": "content_policy_violation"}]}
FAILURES = [
    pytest.param(
        completed(error="Invalid status code: 422", error_type="bad_request"),
        httpx.Response(422, json=PROBLEM, headers={"x-fal-billable-units": "1"}),
        (UpstreamState.FAILED, "content_policy_violation", "prompt: not allowed", True),
        id="completed with an error, billed by its header",
    ),
    pytest.param(
        completed(),
        httpx.Response(422, json=PROBLEM),
        (UpstreamState.FAILED, "content_policy_violation", "prompt: not allowed", False),
        id="an older model says so only by the status of its result",
    ),
    pytest.param(
        completed(error="Runner disconnected", error_type="runner_disconnected"),
        httpx.Response(500, json={"detail": "Runner disconnected", "error_type": "runner_disconnected"}),
        (UpstreamState.FAILED, "runner_disconnected", "Runner disconnected", False),
        id="the platform lost the runner",
    ),
    pytest.param(
        completed(error="Invalid status code: 500"),
        httpx.Response(502, text="<html>bad gateway</html>"),
        (UpstreamState.FAILED, "generation_failed", "Invalid status code: 500", False),
        id="a failed run whose result cannot be read",
    ),
    pytest.param(
        completed(error="Request was cancelled", error_type="client_cancelled"),
        httpx.Response(499, json={"detail": "Request was cancelled"}),
        (UpstreamState.CANCELED, "client_cancelled", "Request was cancelled", False),
        id="canceled by us",
    ),
    pytest.param(
        completed(),
        httpx.Response(404, json={"detail": "Not found"}),
        (UpstreamState.FAILED, "result_expired", "The provider no longer keeps the result.", True),
        id="paid, but the result is gone",
    ),
]


@pytest.mark.parametrize(("status", "result", "expected"), FAILURES)
async def test_completed_does_not_mean_success(status, result, expected):
    adapter, _ = provider("fal", status, result)
    progress = await adapter.status(ref("fal"))
    assert (progress.state, progress.error_code, progress.error_message, progress.charged_anyway) == expected


@pytest.mark.parametrize(
    "result",
    [
        httpx.Response(502, text="<html>"),
        httpx.Response(503, json={"detail": "unavailable"}),
        httpx.ReadTimeout("slow"),
        httpx.Response(429, json={"detail": "slow down"}),
        httpx.Response(401, json={"detail": "the key was changed meanwhile"}),
        httpx.Response(400, json={"detail": "Request is still in progress"}),
        httpx.Response(200, text="<html>"),
    ],
    ids=["a gateway error", "unavailable", "a timeout", "too many requests", "a refused key", "not yet", "a page"],
)
async def test_a_good_run_whose_result_cannot_be_fetched_yet_is_asked_again(result):
    adapter, _ = provider("fal", completed(), result)
    with pytest.raises(ProviderBusy):
        await adapter.status(ref("fal"))


async def test_a_state_nobody_knows_is_not_guessed():
    adapter, _ = provider("fal", httpx.Response(200, json={"status": "PAUSED"}))
    with pytest.raises(ProviderBusy):
        await adapter.status(ref("fal"))


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (httpx.Response(200, json={"status": "OK"}), CancelAnswer.CANCELED),
        (httpx.Response(202, json={"status": "CANCELLATION_REQUESTED"}), CancelAnswer.REQUESTED),
        (httpx.Response(400, json={"status": "ALREADY_COMPLETED"}), CancelAnswer.TOO_LATE),
        (httpx.Response(404, json={"status": "NOT_FOUND"}), CancelAnswer.TOO_LATE),
        (httpx.Response(404, text="nothing here"), CancelAnswer.TOO_LATE),
    ],
)
async def test_cancel(answer, meaning):
    adapter, upstream = provider("fal", answer)
    assert await adapter.cancel(ref("fal")) is meaning
    assert (upstream.requests[0].method, upstream.requests[0].url.path[-6:]) == ("PUT", "cancel")


async def test_a_cancel_with_a_refused_key_can_be_tried_again():
    adapter, _ = provider("fal", httpx.Response(401, json={"detail": "no"}))
    with pytest.raises(ProviderBusy):
        await adapter.cancel(ref("fal"))


async def test_an_accepted_job_without_an_id_may_have_been_bought():
    adapter, _ = provider("fal", httpx.Response(200, json={"status": "IN_QUEUE"}))
    with pytest.raises(ProviderUnclear):
        await adapter.submit(job("fal"))


async def test_a_locked_account_is_told_from_a_bad_key():
    locked = httpx.Response(403, json={"detail": "User is locked. Reason: Exhausted balance."})
    adapter, _ = provider("fal", locked)
    with pytest.raises(ProviderRefused) as refusal:
        await adapter.submit(job("fal"))
    assert refusal.value.stable_code == "provider_out_of_credit"


class TestCheck:
    async def test_at_fal_the_price_list_is_asked(self):
        settings = {"api_url": "https://api.example"}
        adapter, upstream = provider("fal", httpx.Response(200, json={"prices": []}), settings=settings)
        assert await adapter.check() == "fal answers and accepts the key."
        assert upstream.requests[0].url.path == "/v1/models/pricing"

    async def test_elsewhere_a_job_nobody_has_is_asked_for(self):
        adapter, upstream = provider("fal", httpx.Response(404, json={"detail": "Request not found"}))
        assert await adapter.check() == "fal answers and accepts the key."
        assert upstream.keys_seen_by == {"up.example"}

    async def test_a_bad_key_is_said_to_be_one(self):
        adapter, _ = provider("fal", httpx.Response(401, json={"detail": "Invalid key"}))
        with pytest.raises(ProviderRefused, match="Invalid key"):
            await adapter.check()
