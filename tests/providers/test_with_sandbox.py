"""The adapters against the sandbox over real HTTP: they cannot tell, and its book agrees with what they say."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from app.kernel import clock
from app.kernel.errors import NotAllowed, ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.ids import new_id
from app.providers.port import CancelAnswer, Connection, Job, Progress, Provider, UpstreamRef, UpstreamState
from app.providers.registry import build
from tests.support.sandbox import running_sandbox

pytestmark = pytest.mark.anyio

ROOTS = {"fal": "/fal", "replicate": "/replicate/v1", "kie": "/kie"}
IMAGE_MODELS = {
    "fal": "fal-ai/flux/schnell",
    "replicate": "black-forest-labs/flux-schnell",
    "kie": "google/nano-banana",
}
#: Small ones, since the sandbox really renders them.
SMALL = {"fal": {"image_size": "square"}, "replicate": {"megapixels": "0.25"}, "kie": {}}
KINDS = sorted(ROOTS)
OPEN = (UpstreamState.QUEUED, UpstreamState.RUNNING)
PATIENCE_SECONDS = 20


@dataclass
class Sandbox:
    base: str

    def adapter(self, kind: str, key: str = "sandbox-key", secret: str | None = None) -> Provider:
        return build(Connection(kind, kind, self.base + ROOTS[kind], key, secret))

    def order(self, kind: str, fault: str, arg: object = None) -> None:
        answer = httpx.post(f"{self.base}/faults", json={"provider": kind, "fault": fault, "arg": arg}, trust_env=False)
        answer.raise_for_status()

    def booked(self, attempt_id: str) -> list[dict]:
        book = httpx.get(f"{self.base}/book", params={"attempt": attempt_id}, trust_env=False).json()
        return book["jobs"]

    def secrets(self) -> dict:
        return httpx.get(f"{self.base}/secrets", trust_env=False).json()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=50) as base:
        yield Sandbox(base)


def new_job(kind: str, callback: str = "http://127.0.0.1:9/hooks", **params: object) -> Job:
    attempt_id = new_id("att")
    model = str(params.pop("model", IMAGE_MODELS[kind]))
    small = SMALL[kind] if model == IMAGE_MODELS[kind] else {}
    given = {"prompt": f"a lighthouse for {attempt_id}", **small, **params}
    return Job(attempt_id, model, given, f"{callback}/{kind}/{attempt_id}/sig")


async def until_finished(adapter: Provider, ref: UpstreamRef) -> Progress:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                progress = await adapter.status(ref)
            except ProviderBusy:
                progress = Progress(UpstreamState.RUNNING)
            if progress.state not in OPEN:
                return progress
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_image_is_bought_once_made_and_fetched(sandbox, kind):
    adapter, job = sandbox.adapter(kind), new_job(kind)
    ref = await adapter.submit(job)
    progress = await until_finished(adapter, ref)
    assert progress.state is UpstreamState.DONE
    got = await adapter.download(progress.files[0], 50_000_000)
    assert got.mime is not None
    assert got.mime.startswith("image/")
    assert Path(got.path).stat().st_size == got.size_bytes
    Path(got.path).unlink()
    booked = sandbox.booked(job.attempt_id)
    assert [(entry["id"], entry["billed"], entry["outputs"]) for entry in booked] == [(ref.upstream_id, True, 1)]


VIDEOS = {
    "fal": {"model": "fal-ai/bytedance/seedance/v1/pro/fast/text-to-video", "duration": "2", "resolution": "480p"},
    "replicate": {"model": "bytedance/seedance-1-lite", "duration": 2, "resolution": "480p"},
}


@pytest.mark.parametrize("kind", sorted(VIDEOS))
async def test_a_video_is_made(sandbox, kind):
    adapter = sandbox.adapter(kind)
    progress = await until_finished(adapter, await adapter.submit(new_job(kind, **VIDEOS[kind])))
    assert progress.state is UpstreamState.DONE
    got = await adapter.download(progress.files[0], 50_000_000)
    assert got.mime == "video/mp4"
    Path(got.path).unlink()


@pytest.mark.parametrize("model", ["flux-kontext-pro", "veo3_fast"])
async def test_a_family_of_kie_s_own_is_followed_where_it_was_created(sandbox, model):
    adapter = sandbox.adapter("kie")
    job = new_job("kie", model=model)
    ref = await adapter.submit(job)
    assert (await adapter.status(ref)).state in (*OPEN, UpstreamState.DONE)
    assert [entry["id"] for entry in sandbox.booked(job.attempt_id)] == [ref.upstream_id]


async def test_fal_bills_what_its_header_says(sandbox):
    adapter, job = sandbox.adapter("fal"), new_job("fal", num_images=2)
    progress = await until_finished(adapter, await adapter.submit(job))
    assert len(progress.files) == 2
    assert progress.billable_units == Decimal(sandbox.booked(job.attempt_id)[0]["quantity"])


@pytest.mark.parametrize(("fault", "units"), [("zero-usage", Decimal(0)), ("missing-usage", None)])
async def test_an_explicit_zero_is_not_a_missing_figure(sandbox, fault, units):
    adapter = sandbox.adapter("fal")
    sandbox.order("fal", fault)
    progress = await until_finished(adapter, await adapter.submit(new_job("fal")))
    assert (progress.state, progress.billable_units) == (UpstreamState.DONE, units)


async def test_replicate_counts_what_it_made(sandbox):
    adapter = sandbox.adapter("replicate")
    progress = await until_finished(adapter, await adapter.submit(new_job("replicate", num_outputs=2)))
    assert len(progress.files) == 2
    assert progress.reported["images"] == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "arg", "verdict", "bought"),
    [
        ("401", None, ProviderRefused, 0),
        ("402", None, ProviderRefused, 0),
        ("409", None, ProviderUnclear, 0),
        ("500", None, ProviderUnclear, 0),
        ("refuse-429", "2", ProviderBusy, 0),
        ("refuse-503", "2", ProviderBusy, 0),
        ("hang-before-accept", "0.1", ProviderUnclear, 0),
        ("drop-after-accept", None, ProviderUnclear, 1),
        ("500-after-accept", None, ProviderUnclear, 1),
    ],
)
async def test_whatever_happens_at_most_one_job_is_bought_and_we_never_claim_to_know_more(
    sandbox, kind, fault, arg, verdict, bought
):
    adapter, job = sandbox.adapter(kind), new_job(kind)
    sandbox.order(kind, fault, arg)
    with pytest.raises(verdict):
        await adapter.submit(job)
    assert len(sandbox.booked(job.attempt_id)) == bought


async def test_an_answer_later_than_our_patience_may_have_been_bought(sandbox, monkeypatch):
    monkeypatch.setattr("app.providers.http.CALL_SECONDS", 0.5)
    adapter, job = sandbox.adapter("fal"), new_job("fal")
    sandbox.order("fal", "hang", "5")
    with pytest.raises(ProviderUnclear):
        await adapter.submit(job)
    assert len(sandbox.booked(job.attempt_id)) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["completed-with-error", "fail"])
async def test_a_failed_run_says_why(sandbox, kind, fault):
    adapter = sandbox.adapter(kind)
    sandbox.order(kind, fault)
    progress = await until_finished(adapter, await adapter.submit(new_job(kind)))
    assert (progress.state, progress.charged_anyway) == (UpstreamState.FAILED, False)
    assert progress.error_code
    assert progress.error_message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["poll-429", "poll-500"])
async def test_trouble_while_polling_passes(sandbox, kind, fault):
    adapter = sandbox.adapter(kind)
    sandbox.order(kind, fault)
    progress = await until_finished(adapter, await adapter.submit(new_job(kind)))
    assert progress.state is UpstreamState.DONE


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_is_not_taken_to_the_host_a_provider_names(sandbox, kind):
    adapter = sandbox.adapter(kind)
    sandbox.order(kind, "other-host-url")
    ref = await adapter.submit(new_job(kind))
    assert (ref.status_url, ref.response_url, ref.cancel_url) == (None, None, None)
    progress = await until_finished(adapter, ref)
    with pytest.raises(ProviderRefused) as refusal:
        await adapter.download(progress.files[0], 1_000_000)
    assert refusal.value.stable_code == "provider_foreign_host"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_file_that_is_gone(sandbox, kind):
    adapter = sandbox.adapter(kind)
    sandbox.order(kind, "file-404")
    progress = await until_finished(adapter, await adapter.submit(new_job(kind)))
    with pytest.raises(ProviderRefused) as refusal:
        await adapter.download(progress.files[0], 1_000_000)
    assert refusal.value.stable_code == "output_gone"


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("fal", {CancelAnswer.CANCELED, CancelAnswer.REQUESTED}),
        ("replicate", {CancelAnswer.CANCELED, CancelAnswer.REQUESTED}),
        ("kie", {CancelAnswer.UNSUPPORTED}),
    ],
)
async def test_cancel_while_it_runs(sandbox, kind, answers):
    adapter = sandbox.adapter(kind)
    sandbox.order(kind, "slow", "1")
    job = new_job(kind)
    ref = await adapter.submit(job)
    assert await adapter.cancel(ref) in answers
    progress = await until_finished(adapter, ref)
    billed = progress.state is UpstreamState.DONE or progress.charged_anyway
    assert [entry["billed"] for entry in sandbox.booked(job.attempt_id)] == [billed]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_finished_job_can_no_longer_be_canceled(sandbox, kind):
    adapter = sandbox.adapter(kind)
    ref = await adapter.submit(new_job(kind))
    await until_finished(adapter, ref)
    assert await adapter.cancel(ref) in (CancelAnswer.TOO_LATE, CancelAnswer.UNSUPPORTED)


async def test_replicate_finds_a_job_whose_answer_was_lost(sandbox):
    adapter, job, before = sandbox.adapter("replicate"), new_job("replicate"), clock.now() - timedelta(seconds=5)
    sandbox.order("replicate", "drop-after-accept")
    with pytest.raises(ProviderUnclear):
        await adapter.submit(job)
    found = await adapter.find(job, before)
    assert found is not None
    assert [entry["id"] for entry in sandbox.booked(job.attempt_id)] == [found.upstream_id]


@pytest.mark.parametrize("kind", KINDS)
async def test_check(sandbox, kind):
    assert "accepts the key" in await sandbox.adapter(kind).check()
    with pytest.raises(ProviderRefused) as refusal:
        await sandbox.adapter(kind, key="bad").check()
    assert refusal.value.stable_code == "provider_key_refused"
    with pytest.raises(ProviderBusy):
        await build(Connection(kind, kind, "http://127.0.0.1:9", "k")).check()


class Inbox:
    """Where the sandbox calls back: keeps every request whole."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def __aenter__(self) -> "Inbox":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int({k.lower(): v for k, v in headers.items()}["content-length"]))
        self.received.put_nowait((headers, body))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def next(self) -> tuple[dict[str, str], bytes]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.received.get()


def callback_secret(sandbox: Sandbox, kind: str) -> str | None:
    return sandbox.secrets()["kie"] if kind == "kie" else None  # fal and Replicate: fetched from the provider itself


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lost_job_is_recovered_by_its_signed_callback(sandbox, kind):
    adapter = sandbox.adapter(kind, secret=callback_secret(sandbox, kind))
    async with Inbox() as inbox:
        job = new_job(kind, callback=inbox.address)
        sandbox.order(kind, "drop-after-accept")
        with pytest.raises(ProviderUnclear):
            await adapter.submit(job)
        headers, body = await inbox.next()
    callback = await adapter.read_callback(headers, body, clock.now())
    assert [entry["id"] for entry in sandbox.booked(job.attempt_id)] == [callback.upstream_id]
    progress = await until_finished(adapter, UpstreamRef(callback.upstream_id, job.upstream_model))
    assert progress.state is UpstreamState.DONE


@pytest.mark.parametrize("kind", ["fal", "replicate"])
async def test_a_forged_callback_is_refused(sandbox, kind):
    adapter = sandbox.adapter(kind)
    async with Inbox() as inbox:
        sandbox.order(kind, "webhook-forged")
        await adapter.submit(new_job(kind, callback=inbox.address))
        headers, body = await inbox.next()
    with pytest.raises(NotAllowed):
        await adapter.read_callback(headers, body, clock.now())


@pytest.mark.parametrize("fault", ["callback-snake-id", "callback-top-level-id", "webhook-forged"])
async def test_kie_names_the_task_in_three_places_and_nothing_else_of_its_callback_is_believed(sandbox, fault):
    adapter = sandbox.adapter("kie", secret=callback_secret(sandbox, "kie"))
    async with Inbox() as inbox:
        job = new_job("kie", callback=inbox.address)
        sandbox.order("kie", fault)
        ref = await adapter.submit(job)
        headers, body = await inbox.next()
        assert (await adapter.read_callback(headers, body, clock.now())).upstream_id == ref.upstream_id
        progress = await until_finished(adapter, ref)
    assert all(file.url.startswith(sandbox.base) for file in progress.files)
