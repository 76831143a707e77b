"""Replicate's words, in ours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from app.kernel.errors import ProviderBusy, ProviderRefused
from app.providers.port import CancelAnswer, RemoteFile, UpstreamState
from tests.providers.upstream import CALLBACK, KEY, job, provider, ref

pytestmark = pytest.mark.anyio

ROOT = "https://up.example/root"
DIGITS = "ab" * 32
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def prediction(status, **more):
    return httpx.Response(200, json={"id": "req-1", "status": status, **more})


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("black-forest-labs/flux-schnell", "/root/models/black-forest-labs/flux-schnell/predictions", None),
        (DIGITS, "/root/predictions", DIGITS),
        (f"acme/upscaler:{DIGITS}", "/root/predictions", f"acme/upscaler:{DIGITS}"),
        ("deployments/acme/fast", "/root/deployments/acme/fast/predictions", None),
    ],
    ids=["an official model", "a version", "a named version", "a deployment"],
)
async def test_three_ways_to_create(model, path, version):
    adapter, upstream = provider("replicate", httpx.Response(201, json={"id": "p-1", "status": "starting"}))
    taken = await adapter.submit(job("replicate", upstream_model=model))
    assert upstream.requests[0].url.path == path
    assert upstream.body().get("version") == version
    assert (taken.upstream_id, taken.upstream_model) == ("p-1", model)


@pytest.mark.parametrize("model", ["flux", "a/b/c", "a/b:latest", "../account", "a/b?x=1", ""])
async def test_what_is_not_written_like_a_model_is_never_called(model):
    adapter, upstream = provider("replicate")
    with pytest.raises(ProviderRefused):
        await adapter.submit(job("replicate", upstream_model=model))
    assert upstream.requests == []


async def test_input_callback_and_key():
    adapter, upstream = provider("replicate", httpx.Response(201, json={"id": "p-1", "status": "starting"}))
    await adapter.submit(job("replicate", params={"prompt": "sea", "guidance": Decimal("3.5")}))
    assert upstream.body() == {
        "input": {"prompt": "sea", "guidance": 3.5},
        "webhook": CALLBACK,
        "webhook_events_filter": ["completed"],
    }
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "prefer" not in upstream.requests[0].headers


@pytest.mark.parametrize(
    ("base_url", "sent"),
    [("https://api.replicate.com/v1", False), ("http://127.0.0.1:4010/replicate/v1", True)],
    ids=["Replicate would refuse the submission", "the sandbox calls any address"],
)
async def test_a_callback_to_a_plain_http_address(base_url, sent):
    adapter, upstream = provider("replicate", httpx.Response(201, json={"id": "p-1"}), base_url=base_url)
    await adapter.submit(job("replicate", callback_url="http://localhost:3000/hooks"))
    assert ("webhook" in upstream.body()) is sent


async def test_addresses_on_our_host_are_kept():
    urls = {"get": f"{ROOT}/predictions/p-1", "cancel": "https://evil.example/cancel"}
    adapter, _ = provider("replicate", httpx.Response(201, json={"id": "p-1", "urls": urls}))
    taken = await adapter.submit(job("replicate"))
    assert (taken.status_url, taken.cancel_url) == (f"{ROOT}/predictions/p-1", None)


@pytest.mark.parametrize(
    ("status", "state", "charged_anyway"),
    [
        ("starting", UpstreamState.QUEUED, False),
        ("processing", UpstreamState.RUNNING, False),
        ("succeeded", UpstreamState.DONE, False),
        ("failed", UpstreamState.FAILED, False),
        ("canceled", UpstreamState.CANCELED, True),
        ("aborted", UpstreamState.CANCELED, False),
    ],
)
async def test_every_status_and_whether_it_is_billed(status, state, charged_anyway):
    adapter, _ = provider("replicate", prediction(status))
    progress = await adapter.status(ref("replicate"))
    assert (progress.state, progress.charged_anyway) == (state, charged_anyway)


async def test_an_output_does_not_make_a_run_finished():
    adapter, _ = provider("replicate", prediction("processing", output=["https://files.example/a.png"]))
    progress = await adapter.status(ref("replicate"))
    assert (progress.state, progress.files) == (UpstreamState.RUNNING, ())


@pytest.mark.parametrize(
    ("output", "urls"),
    [
        pytest.param("https://files.example/a.mp4", ["https://files.example/a.mp4"], id="one address"),
        pytest.param(
            ["https://files.example/a", "https://files.example/b", "https://files.example/a"],
            ["https://files.example/a", "https://files.example/b"],
            id="a list, each file once",
        ),
        pytest.param(
            {"video": "https://files.example/v", "frames": ["https://files.example/f"], "seed": 7},
            ["https://files.example/v", "https://files.example/f"],
            id="an object",
        ),
        pytest.param(["Hello", " world"], [], id="text"),
        pytest.param(None, [], id="nothing"),
    ],
)
async def test_outputs_of_every_shape(output, urls):
    adapter, _ = provider("replicate", prediction("succeeded", output=output))
    assert (await adapter.status(ref("replicate"))).files == tuple(RemoteFile(url) for url in urls)


@pytest.mark.parametrize(
    ("metrics", "reported"),
    [
        pytest.param({"image_count": 2, "predict_time": 1.25}, {"images": 2, "predict_seconds": "1.25"}, id="images"),
        pytest.param({"video_output_duration_seconds": 3.008}, {"seconds": "3.008"}, id="a video's length is exact"),
        pytest.param(
            {"input_token_count": 0, "output_token_count": 12},
            {"input_tokens": 0, "output_tokens": 12},
            id="an explicit zero is a figure",
        ),
        pytest.param({"image_count": None}, {}, id="null is not zero"),
        pytest.param({}, {}, id="nothing"),
        pytest.param(None, {}, id="no metrics"),
    ],
)
async def test_metrics_count_what_was_made(metrics, reported):
    adapter, _ = provider("replicate", prediction("succeeded", output=None, metrics=metrics))
    assert (await adapter.status(ref("replicate"))).reported == {k: Decimal(v) for k, v in reported.items()}


async def test_the_input_as_run_is_reported():
    answer = prediction("succeeded", input={"prompt": "sea", "resolution": "720p", "duration": 5, "quality": "auto"})
    adapter, _ = provider("replicate", answer)
    assert (await adapter.status(ref("replicate"))).resolved == {"resolution": "720p", "duration": 5}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("The input or output was flagged as sensitive. (E005)", "content_policy_violation"),
        ("CUDA out of memory", "generation_failed"),
        (None, "generation_failed"),
    ],
)
async def test_a_failed_run_says_why(error, code):
    adapter, _ = provider("replicate", prediction("failed", error=error))
    progress = await adapter.status(ref("replicate"))
    assert (progress.error_code, progress.error_message) == (code, error or "The run failed.")


async def test_a_removed_result_is_paid_and_undeliverable():
    adapter, _ = provider("replicate", prediction("succeeded", output=None, data_removed=True))
    progress = await adapter.status(ref("replicate"))
    assert (progress.state, progress.error_code, progress.charged_anyway) == (
        UpstreamState.FAILED,
        "result_expired",
        True,
    )


async def test_a_progress_bar_in_the_logs_is_passed_on():
    adapter, _ = provider("replicate", prediction("processing", logs="loading\n 25%|##   | 1/4\n 75%|######  | 3/4"))
    assert (await adapter.status(ref("replicate"))).percent == 75


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (prediction("canceled"), CancelAnswer.CANCELED),
        (prediction("aborted"), CancelAnswer.CANCELED),
        (prediction("processing"), CancelAnswer.REQUESTED),
        (prediction("succeeded"), CancelAnswer.TOO_LATE),
        (prediction("failed"), CancelAnswer.TOO_LATE),
        (httpx.Response(404, json={"detail": "gone"}), CancelAnswer.TOO_LATE),
    ],
    ids=["canceled", "aborted", "still running", "succeeded", "failed", "unknown"],
)
async def test_cancel(answer, meaning):
    adapter, upstream = provider("replicate", answer)
    assert await adapter.cancel(ref("replicate")) is meaning
    assert (upstream.requests[0].method, upstream.requests[0].url.path) == ("POST", "/root/predictions/req-1/cancel")


async def test_check_says_whose_key_it_is():
    adapter, upstream = provider("replicate", httpx.Response(200, json={"type": "organization", "username": "acme"}))
    assert await adapter.check() == "Replicate answers and accepts the key of acme."
    assert upstream.requests[0].url.path == "/root/account"


class TestFind:
    """A submission whose answer was lost."""

    def listed(self, upstream_id, seconds, **more):
        created = (NOON + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
        model, given = "black-forest-labs/flux-schnell", {"prompt": "a lighthouse"}
        return {"id": upstream_id, "created_at": created, "model": model, "input": given, "source": "api", **more}

    def page(self, *predictions, next_url=None):
        return httpx.Response(200, json={"results": list(predictions), "next": next_url})

    async def find(self, *pages, **params):
        adapter, upstream = provider("replicate", *pages)
        found = await adapter.find(job("replicate", **params), NOON)
        return (found and found.upstream_id), upstream

    async def test_is_known_by_its_callback_address(self):
        others = self.listed("p-3", 9, webhook="https://pay.example/hooks/other")
        found, _ = await self.find(self.page(others, self.listed("p-2", 5, webhook=CALLBACK)))
        assert found == "p-2"

    async def test_another_callback_address_is_another_job_however_alike(self):
        found, _ = await self.find(self.page(self.listed("p-3", 9, webhook="https://pay.example/hooks/other")))
        assert found is None

    async def test_without_addresses_the_only_job_with_our_input_is_ours(self):
        other = self.listed("p-1", 3, input={"prompt": "a mill"})
        found, _ = await self.find(self.page(self.listed("p-2", 5), other))
        assert found == "p-2"

    async def test_fractions_compare_as_they_were_sent(self):
        given = {"prompt": "x", "guidance": Decimal("3.50"), "steps": Decimal(4)}
        listed = self.listed("p-2", 5, input={"prompt": "x", "guidance": 3.5, "steps": 4})
        found, _ = await self.find(self.page(listed), params=given)
        assert found == "p-2"

    async def test_two_alike_are_not_guessed_between(self):
        found, _ = await self.find(self.page(self.listed("p-2", 5), self.listed("p-1", 3)))
        assert found is None

    async def test_another_model_is_another_job(self):
        found, _ = await self.find(self.page(self.listed("p-2", 5, model="acme/other")))
        assert found is None

    async def test_older_jobs_are_not_looked_at(self):
        found, upstream = await self.find(self.page(self.listed("p-1", -1), next_url=f"{ROOT}/predictions?cursor=2"))
        assert found is None
        assert len(upstream.requests) == 1

    async def test_further_pages_are_read(self):
        first = self.page(self.listed("p-3", 9, model="acme/other"), next_url=f"{ROOT}/predictions?cursor=2")
        found, upstream = await self.find(first, self.page(self.listed("p-2", 5)))
        assert found == "p-2"
        assert upstream.requests[1].url.query == b"cursor=2"

    async def test_a_page_elsewhere_is_not_followed(self):
        with pytest.raises(ProviderRefused):
            await self.find(self.page(next_url="https://evil.example/predictions"))

    async def test_an_endless_list_proves_nothing(self):
        with pytest.raises(ProviderBusy):
            await self.find(self.page(self.listed("p-3", 9, model="acme/other"), next_url=f"{ROOT}/predictions?c=2"))

    async def test_a_list_we_cannot_read_proves_nothing(self):
        with pytest.raises(ProviderBusy):
            await self.find(self.page({"id": "p-1"}))

    async def test_no_such_job(self):
        found, _ = await self.find(self.page())
        assert found is None
