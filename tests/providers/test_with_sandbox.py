"""The adapters against the sandbox over real HTTP: they cannot tell, and its book agrees with what they say."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from app.catalogue.schema_import import import_schema
from app.kernel import clock
from app.kernel.errors import NotAllowed, ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.ids import new_id
from app.providers.openai_compatible import OpenAiCompatible
from app.providers.port import (
    Call,
    CancelAnswer,
    Connection,
    Described,
    Job,
    Progress,
    Provider,
    Streaming,
    UpstreamRef,
    UpstreamState,
)
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
PATIENCE_SECONDS = 60


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
def sandbox(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=50, clips=clips) as base:
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


def host(sandbox: Sandbox) -> OpenAiCompatible:
    return OpenAiCompatible(Connection("openai", "openai_compatible", f"{sandbox.base}/openai/v1", "sandbox-key"))


async def drained(adapter: OpenAiCompatible, call: Call) -> Streaming:
    async with adapter.stream(call) as stream:
        async for _ in stream:
            pass
    return stream


def new_call(fault: str = "") -> Call:
    attempt_id = new_id("att")
    content = f"hello {attempt_id} [[fault:{fault}]]" if fault else f"hello {attempt_id}"
    return Call("chat", "gpt-4o-mini", {"messages": [{"role": "user", "content": content}]}, attempt_id=attempt_id)


@pytest.mark.parametrize("way", ["call", "stream"])
@pytest.mark.parametrize(
    ("fault", "verdict", "bought"),
    [
        ("401", ProviderRefused, 0),
        ("insufficient-quota", ProviderRefused, 0),
        ("refuse-429=2", ProviderBusy, 0),
        ("refuse-503=2", ProviderBusy, 0),
        ("500", ProviderUnclear, 0),
        ("hang-before-accept=0.1", ProviderUnclear, 0),
        ("drop-after-accept", ProviderUnclear, 1),
        ("500-after-accept", ProviderUnclear, 1),
        ("cut=2", ProviderUnclear, 1),
    ],
)
async def test_a_direct_call_buys_at_most_once_and_never_claims_to_know_more(sandbox, way, fault, verdict, bought):
    adapter, call = host(sandbox), new_call(fault)
    with pytest.raises(verdict):
        await (adapter.call(call) if way == "call" else drained(adapter, call))
    assert len(sandbox.booked(call.attempt_id)) == bought
    await adapter.close()


@pytest.mark.parametrize(("fault", "told"), [("zero-usage", True), ("missing-usage", False), ("length=5", True)])
async def test_usage_of_a_stream_is_zero_or_missing_or_cut_short_as_it_was_told(sandbox, fault, told):
    adapter, call = host(sandbox), new_call(fault)
    stream = await drained(adapter, call)
    reported = stream.reported()
    assert (reported is not None) == told
    if fault.startswith("length"):
        assert (stream.finish_reason, reported["output_tokens"]) == ("length", 5)
    if fault == "zero-usage":
        assert set(reported.values()) == {0}
    await adapter.close()


async def test_connections_are_kept_between_calls_and_a_stream_left_early_takes_its_own_with_it(sandbox):
    adapter = host(sandbox)
    await adapter.call(new_call())
    async with adapter.stream(new_call()) as stream:
        async for _ in stream:
            break
    answers = [await adapter.call(new_call()) for _ in range(3)]
    assert all(answer.reported["output_tokens"] > 0 for answer in answers)
    await adapter.close()


@pytest.mark.parametrize(
    ("operation", "model", "params", "mime"),
    [
        ("images", "gpt-image-1.5", {"prompt": "sea", "quality": "low", "size": "1024x1024"}, "image/png"),
        ("speech", "tts-1", {"input": "good evening", "voice": "nova"}, "audio/mpeg"),
        ("videos", "sora-2", {"prompt": "sea", "seconds": 4, "size": "1280x720"}, "video/mp4"),
    ],
)
async def test_pictures_speech_and_videos_run_as_jobs(sandbox, operation, model, params, mime):
    adapter, attempt_id = host(sandbox), new_id("att")
    job = Job(attempt_id, model, params, "", operation=operation)
    ref = await adapter.submit(job)
    progress = await until_finished(adapter, ref)
    got = await adapter.download(progress.files[0], 50_000_000)
    assert (progress.state, got.mime) == (UpstreamState.DONE, mime)
    Path(got.path).unlink()
    assert len(sandbox.booked(attempt_id)) == 1
    assert await adapter.find(job, clock.now() - timedelta(minutes=5)) == ref
    await adapter.close()


@pytest.mark.parametrize(
    ("kind", "model"), [("replicate", "bytedance/seedance-1-lite"), ("fal", "fal-ai/flux/schnell")]
)
async def test_a_provider_describes_its_models(sandbox, kind, model):
    root = sandbox.base + ROOTS[kind]
    adapter = build(Connection(kind, kind, root, "key", settings={"api_url": root} if kind == "fal" else {}))
    assert isinstance(adapter, Described)
    assert "prompt" in import_schema(await adapter.schema(model)).param_schema["properties"]
    with pytest.raises(ProviderRefused):
        await adapter.schema("no-such/model" if kind == "fal" else "nonsense")
