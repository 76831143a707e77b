"""Pictures, sound and videos as customers use them: the official OpenAI SDK against a running API, over all four kinds
of provider."""

from __future__ import annotations

import asyncio
import base64
import io
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

from app.catalogue.details import Details
from app.catalogue.drafts import Draft
from app.catalogue.routes import RouteForm
from app.files.tables import StoredFile
from app.generation import rows
from app.kernel.db import metadata
from app.kernel.money import Money
from tests.support.api_server import running_api
from tests.support.house import House, house, settings_for
from tests.support.late import Late

openai = Late("openai")

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
FILE = metadata.tables[str(StoredFile.__tablename__)]
PROMPT = "A tin lighthouse"
BALANCE = 3_000
#: One model of each kind of provider.
IMAGES = {"openai": "gpt-image-1.5", "fal": "flux-schnell", "replicate": "flux-1.1-pro", "kie": "imagen4-fast"}
EDITS = {"openai": "gpt-image-2-metered", "fal": "nano-banana-edit", "replicate": "flux-kontext-pro"}
SPEECH = {
    "openai": ("tts-1", "nova"),
    "fal": ("minimax-speech-02-hd", "Calm_Woman"),
    "kie": ("elevenlabs-turbo-2.5", "Aria"),
}
VIDEOS = {"fal": "hailuo-02", "replicate": "seedance-1-lite", "kie": "veo3-fast"}
METERED = "gpt-image-2-metered"


def picture(color: str = "teal", size: tuple[int, int] = (64, 64)) -> bytes:
    written = io.BytesIO()
    Image.new("RGBA", size, color).save(written, "PNG")
    return written.getvalue()


@dataclass
class Shop:
    """A customer of their own at the running API."""

    url: str
    home: House
    key: str
    opened: ExitStack

    @property
    def http(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.opened.enter_context(httpx.Client(base_url=self.url, headers=headers, timeout=60))

    def sdk(self, path: str = "/v1", **options: Any) -> openai.OpenAI:
        return self.opened.enter_context(
            openai.OpenAI(base_url=f"{self.url}{path}", api_key=self.key, **{"max_retries": 0, **options})
        )

    @property
    def spent(self) -> Decimal:
        return Decimal(BALANCE) - self.home.available.amount

    @property
    def bought(self) -> list[dict[str, Any]]:
        """What the sandbox took on for this customer, oldest first."""
        mine = {row["id"] for row in self._rows(rows.ATTEMPT.join(rows.GENERATION))}
        return [job for job in self.home.book()["jobs"] if job["attempt"] in mine]

    @property
    def jobs(self) -> int:
        return len(self.bought)

    def _rows(self, source: Any) -> list[Any]:
        with self.home.services.db.read() as connection:
            table = rows.ATTEMPT if source is not rows.GENERATION else rows.GENERATION
            found = select(table).select_from(source).where(rows.GENERATION.c.workspace_id == self.home.workspace_id)
            return list(connection.execute(found.order_by(table.c.id)).mappings())

    def generations(self) -> list[Any]:
        return self._rows(rows.GENERATION)

    def files(self) -> list[Any]:
        with self.home.services.db.read() as connection:
            mine = select(FILE).where(FILE.c.workspace_id == self.home.workspace_id)
            return list(connection.execute(mine).mappings())


@contextmanager
def sells_videos_of_openais_shape(home: House) -> Iterator[None]:
    """As an operator adds such a model: `mirror-video`, on the second of the emulator's hosts."""
    editing = home.services.editing
    route = RouteForm("mirror", "sora-2")
    model_id = editing.create(Details("mirror-video", "Mirror video", "video"), route, "ops")
    schema = {
        "type": "object",
        "properties": {
            "prompt": {"type": "string"},
            "seconds": {"type": "string", "enum": ["4", "8"], "default": "4", "x-meter": "second"},
            "size": {"type": "string", "enum": ["1280x720", "720x1280"], "default": "1280x720"},
            "input_reference": {"type": "string", "format": "image-url"},
        },
        "required": ["prompt"],
        "x-size": {"by": ["size"], "values": {"1280x720": [1280, 720], "720x1280": [720, 1280]}},
    }
    rule = {"type": "formula", "unit": "second", "price": {"perSecond": 150}}
    editing.publish(model_id, Draft(schema, None, rule, 0), "first", "ops")
    editing.enable(model_id, "ops")
    yield


@pytest.fixture(scope="module")
def served(
    seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, House]]:
    folder = tmp_path_factory.mktemp("media")
    path = folder / "media.sqlite"
    shutil.copyfile(seeded_sqlite, path)
    url = f"sqlite:///{path}"
    with (
        house(settings_for(folder / "home", url, sandbox_url)) as home,
        sells_videos_of_openais_shape(home),
        running_api(folder / "home", url, sandbox_url, carry=True, reachable=True) as api,
    ):
        yield api.url, home


@pytest.fixture
def shop(served: tuple[str, House]) -> Iterator[Shop]:
    url, shared = served
    home = shared.newcomer(BALANCE)
    with ExitStack() as opened:
        yield Shop(url, home, home.key(), opened)
    home.assert_books_balance()


def metadata_of(made: Any) -> dict[str, Any]:
    return dict(made.to_dict()["metadata"])


def finished(shop: Shop, video: Any) -> Any:
    end, sdk = time.monotonic() + 120, shop.sdk()
    while video.status in ("queued", "in_progress"):
        assert time.monotonic() < end, video
        time.sleep(0.1)
        video = sdk.videos.retrieve(video.id)
    assert video.status == "completed", video.error
    return video


# --- pictures


@pytest.mark.parametrize(("provider", "model"), IMAGES.items(), ids=IMAGES)
def test_pictures_of_every_kind_of_provider(shop: Shop, provider: str, model: str) -> None:
    answer = shop.sdk("/openai/v1").images.with_raw_response.generate(
        model=model, prompt=PROMPT, response_format="b64_json"
    )

    made, said = answer.parse(), metadata_of(answer.parse())
    assert made.data
    assert made.data[0].b64_json
    assert made.data[0].url is None
    assert (said["provider"], answer.headers["x-farebox-provider"]) == (provider, provider)
    assert answer.headers["x-farebox-model"] == said["model"] == model
    assert Decimal(str(said["credits"])) == shop.spent > 0
    assert Decimal(answer.headers["x-farebox-cost"]) == Decimal(str(said["cost"]))


def test_a_clients_code_for_gpt_image_finds_the_picture_where_it_expects_it(shop: Shop) -> None:
    made = shop.sdk().images.generate(model="gpt-image-1.5", prompt=PROMPT, n=2, quality="low", background="opaque")

    assert made.data
    assert [bool(one.b64_json and one.url) for one in made.data] == [True, True]
    assert httpx.get(str(made.data[0].url)).content[:4] == b"\x89PNG"
    assert (made.quality, made.size, made.output_format) == ("low", "1024x1024", "png")
    assert made.usage
    assert shop.spent == 30


@pytest.mark.parametrize(("provider", "model"), EDITS.items(), ids=EDITS)
def test_edits_of_every_kind_of_provider(shop: Shop, provider: str, model: str) -> None:
    made = shop.sdk().images.edit(model=model, prompt=PROMPT, image=("in.png", picture()))

    assert made.data
    assert metadata_of(made)["provider"] == provider
    assert Decimal(str(metadata_of(made)["credits"])) == shop.spent > 0


def test_several_pictures_and_a_mask(shop: Shop) -> None:
    pictures = [("one.png", picture("red")), ("two.png", picture("blue"))]

    made = shop.sdk().images.edit(model=METERED, prompt=PROMPT, image=pictures, mask=("mask.png", picture("white")))

    assert made.usage
    assert made.usage.input_tokens_details.image_tokens == 2 * 323


def test_an_edit_as_json_takes_addresses_uploads_and_data(shop: Shop) -> None:
    upload = shop.http.post("/uploads", files={"file": ("in.png", picture(), "image/png")}).json()["id"]
    inline = "data:image/png;base64," + base64.b64encode(picture("red")).decode()
    body = {
        "model": METERED,
        "prompt": PROMPT,
        "images": [{"file_id": upload}, {"image_url": inline}, {"image_url": "https://example.com/in.png"}],
        "quality": "low",
    }

    made = shop.http.post("/v1/images/edits", json=body)

    assert made.status_code == 200, made.text
    assert made.json()["usage"]["input_tokens_details"]["image_tokens"] == 3 * 323


def test_a_picture_may_be_asked_of_one_provider(shop: Shop) -> None:
    assert metadata_of(shop.sdk().images.generate(model="fal/flux-schnell", prompt=PROMPT))["provider"] == "fal"
    with pytest.raises(openai.NotFoundError, match="not served by kie"):
        shop.sdk().images.generate(model="kie/flux-schnell", prompt=PROMPT)


# --- what a picture's tokens cost


@pytest.mark.parametrize("quality", ["low", "auto"])
def test_bug_c8_every_class_of_a_pictures_tokens_has_its_price(shop: Shop, quality: Any) -> None:
    made = shop.sdk().images.edit(model=METERED, prompt=PROMPT, image=("in.png", picture()), quality=quality)

    usage = made.usage
    assert usage
    details, out = usage.input_tokens_details, usage.output_tokens_details
    assert out
    exact = (
        8 * details.text_tokens + 13 * details.image_tokens + 16 * out.text_tokens + 48 * out.image_tokens
    )  # credits per 1,000
    (generation,) = shop.generations()
    assert shop.spent == Money.from_exact(Decimal(exact) / 1000).amount
    assert {line["metric"] for line in generation["final"]["lines"]} == {
        "input_tokens", "image_input_tokens", "image_output_tokens"
    }  # fmt: skip
    assert generation["cost_micros"] == shop.bought[-1]["cost_micros"]
    assert generation["hold_micros"] >= generation["charged_micros"]


def test_bug_c6_c11_a_picture_stands_in_the_report_with_its_model_and_its_lines(shop: Shop) -> None:
    made = shop.sdk().images.generate(model="gpt-image-1.5", prompt=PROMPT, quality="high", size="1024x1536")

    generation_id = metadata_of(made)["generation_id"]
    listed = shop.http.get("/v1/requests").json()["data"]
    assert [(one["model"], one["status"]) for one in listed] == [("gpt-image-1.5", "completed")]
    (generation,) = shop.generations()
    assert generation["id"] == generation_id
    assert generation["final"]["lines"][0]["metric"] == "image_count"
    assert (shop.spent, generation["cost_micros"]) == (310, shop.bought[-1]["cost_micros"])


@pytest.mark.parametrize(
    ("fault", "estimated"),
    [pytest.param("missing-usage", True, id="missing"), pytest.param("zero-usage", None, id="zero")],
)
def test_usage_that_is_missing_is_estimated_and_a_zero_is_a_zero(
    shop: Shop, fault: str, estimated: bool | None
) -> None:
    made = shop.sdk().images.generate(model=METERED, prompt=f"[[fault:{fault}]] {PROMPT}", quality="low")

    assert metadata_of(made).get("usage_estimated") is estimated
    assert (shop.spent > 0) is bool(estimated)


def test_fewer_pictures_than_asked_cost_less_and_none_costs_nothing(shop: Shop) -> None:
    some = shop.sdk().images.generate(model="gpt-image-1.5", prompt=f"[[fault:fewer=1]] {PROMPT}", n=2, quality="low")
    assert some.data
    assert (len(some.data), shop.spent) == (1, 15)

    with pytest.raises(openai.InternalServerError) as none:
        shop.sdk().images.generate(model="gpt-image-1.5", prompt=f"[[fault:fewer=1]] {PROMPT}", n=1, quality="low")

    assert none.value.code == "nothing_delivered"
    assert shop.spent == 15


# --- sound


@pytest.mark.parametrize(("provider", "named"), SPEECH.items(), ids=SPEECH)
def test_speech_of_every_kind_of_provider_that_speaks(shop: Shop, provider: str, named: tuple[str, str]) -> None:
    model, voice = named

    spoken = shop.sdk().audio.speech.create(model=model, voice=voice, input="Mind the gap, please.")

    assert spoken.response.headers["content-type"] == "audio/mpeg"
    assert spoken.response.headers["x-farebox-provider"] == provider
    assert Decimal(spoken.response.headers["x-farebox-cost"]) * 1_000 == shop.spent > 0
    assert spoken.content[:3] in (b"ID3", b"\xff\xfb\x90", b"\xff\xf3\xe4") or spoken.content[0] == 0xFF


@pytest.mark.parametrize(
    ("form", "mime"), [("wav", "audio/wav"), ("opus", "audio/opus"), ("aac", "audio/aac"), ("flac", "audio/flac")]
)
def test_speech_comes_in_the_format_that_was_asked_for(shop: Shop, form: Any, mime: str) -> None:
    spoken = shop.sdk().audio.speech.create(model="tts-1", voice="nova", input="Doors closing.", response_format=form)

    assert spoken.response.headers["content-type"] == mime
    assert [file["kind"] for file in shop.files()] == ["audio"]


@pytest.fixture(scope="module")
def recording(served: tuple[str, House]) -> bytes:
    """Two seconds of speech, made by the emulator."""
    _, home = served
    asked = {"model": "tts-1", "voice": "nova", "input": "The last ferry leaves at nine.", "response_format": "wav"}
    key = {"Authorization": "Bearer sk-sandbox-openai-key"}
    return httpx.post(f"{home.sandbox_url}/openai/v1/audio/speech", json=asked, headers=key, timeout=60).content


@pytest.mark.parametrize("form", ["json", "verbose_json", "text", "srt", "vtt"])
@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-mini-transcribe"])
def test_a_transcript_in_every_form(shop: Shop, recording: bytes, model: str, form: Any) -> None:
    answer = shop.sdk().audio.transcriptions.with_raw_response.create(
        model=model, file=("talk.wav", recording), response_format=form, language="en"
    )

    text = answer.parse()
    assert text.text if "json" in form else "".join(str(text))
    assert {"srt": " --> ", "vtt": "WEBVTT"}.get(form, "") in answer.text
    assert Decimal(answer.headers["x-farebox-cost"]) * 1_000 == shop.spent > 0
    if "json" in form:
        assert Decimal(str(metadata_of(text)["credits"])) == shop.spent
    (generation,) = shop.generations()
    assert generation["cost_micros"] == shop.bought[-1]["cost_micros"]


# --- videos


@pytest.mark.parametrize(("provider", "model"), VIDEOS.items(), ids=VIDEOS)
def test_a_video_from_a_first_frame_that_comes_with_the_request(shop: Shop, provider: str, model: str) -> None:
    sdk = shop.sdk()
    frame = ("frame.png", picture(size=(1280, 720)), "image/png")

    begun = sdk.videos.create(model=model, prompt=PROMPT, input_reference=frame)
    video = finished(shop, begun)

    assert (begun.object, begun.model, begun.prompt) == ("video", model, PROMPT)
    assert sdk.videos.download_content(video.id).read()[4:8] == b"ftyp"
    assert sdk.videos.download_content(video.id, variant="thumbnail").read()[8:12] == b"WEBP"
    assert metadata_of(video)["provider"] == provider
    assert Decimal(str(metadata_of(video)["credits"])) == shop.spent > 0


def test_a_video_of_a_host_of_openais_shape(shop: Shop) -> None:
    """The fourth kind makes videos too, where an operator has a model for it."""
    video = finished(shop, shop.sdk().videos.create(model="mirror-video", prompt=PROMPT, seconds="4", size="1280x720"))

    assert metadata_of(video)["provider"] == "mirror"
    assert float(video.seconds) == pytest.approx(4, abs=0.1)


def test_videos_are_listed_page_by_page_and_deleted(shop: Shop) -> None:
    sdk = shop.sdk()
    prompts = (PROMPT, f"[[fault:fail]] {PROMPT}", f"[[fault:fail]] {PROMPT} again")
    made = [sdk.videos.create(model="mirror-video", prompt=prompt, seconds="4").id for prompt in prompts]
    finished(shop, sdk.videos.retrieve(made[0]))
    charged = shop.spent

    assert [video.id for video in sdk.videos.list(limit=2)] == made[::-1]
    assert [video.id for video in sdk.videos.list(limit=1, order="asc")] == made
    deleted = sdk.videos.delete(made[0])

    assert (deleted.id, deleted.deleted) == (made[0], True)
    assert [video.id for video in sdk.videos.list()] == [made[2], made[1]]
    with pytest.raises(openai.NotFoundError):
        sdk.videos.download_content(made[0])
    assert [file["expired_why"] for file in shop.files()] == ["deleted"]
    assert shop.generations()[0]["charged_micros"] == 600_000_000  # what was made is paid for, whatever becomes of it
    assert charged >= 600


def test_a_video_under_way_is_stopped_and_costs_nothing(shop: Shop) -> None:
    sdk = shop.sdk()
    video = sdk.videos.create(
        model="hailuo-02", prompt=f"{PROMPT} [[fault:slow]]", input_reference=("f.png", picture())
    )

    assert sdk.videos.delete(video.id).deleted
    end = time.monotonic() + 120
    while (video := sdk.videos.retrieve(video.id)).status in ("queued", "in_progress"):
        assert time.monotonic() < end
        time.sleep(0.1)

    assert video.error
    assert (video.status, video.error.code, shop.spent) == ("failed", "canceled", 0)


def test_several_videos_at_once_are_several_purchases_repeated_none(shop: Shop) -> None:
    body = {"model": "mirror-video", "prompt": f"[[fault:fail]] {PROMPT}", "n": 3}
    estimate = shop.http.post("/v1/videos?dryRun=true", json=body).json()
    keyed = {**body, "idempotency_key": "trailer"}

    first, again = (shop.http.post("/v1/videos", json=keyed).json() for _ in range(2))

    assert first["n"] == 3
    assert len({one["id"] for one in first["videos"]}) == 3
    assert [one["id"] for one in again["videos"]] == [one["id"] for one in first["videos"]]
    held = sum(generation["hold_micros"] for generation in shop.generations())
    assert Decimal(str(estimate["credits"])) * 1_000_000 == held
    assert len(shop.generations()) == 3


def test_what_a_limit_leaves_of_several_videos_is_begun_and_the_rest_is_named(shop: Shop) -> None:
    body = {"model": "veo3-fast", "prompt": f"[[fault:slow]] {PROMPT}", "n": 3}

    said = shop.http.post("/v1/videos", json=body).json()

    assert (said["n"], len(shop.generations()), said["refused"]["code"]) == (2, 2, "too_many_jobs")
    for one in said["videos"]:
        shop.sdk().videos.delete(one["id"])


def test_more_videos_than_there_is_money_for_are_none(shop: Shop) -> None:
    answer = shop.http.post("/v1/videos", json={"model": "veo3.1", "prompt": PROMPT, "n": 4, "resolution": "4k"})

    assert answer.status_code == 402, answer.text
    assert (shop.generations(), shop.jobs) == ([], 0)


# --- money


KEYED: Any = {
    "pictures": lambda sdk, **more: sdk.images.generate(model="gpt-image-1.5", prompt=PROMPT, **more),
    "pictures as jobs": lambda sdk, **more: sdk.images.generate(model="flux-schnell", prompt=PROMPT, **more),
    "edits": lambda sdk, **more: sdk.images.edit(model=METERED, prompt=PROMPT, image=("in.png", picture()), **more),
    "edits as jobs": lambda sdk, **more: sdk.images.edit(
        model="nano-banana-edit", prompt=PROMPT, image=("in.png", picture()), **more
    ),
    "speech": lambda sdk, **more: sdk.audio.speech.create(model="tts-1", voice="nova", input=PROMPT, **more),
    "videos": lambda sdk, **more: sdk.videos.create(
        model="hailuo-02", prompt=f"[[fault:fail]] {PROMPT}", input_reference=("f.png", picture()), **more
    ),
}


@pytest.mark.parametrize("ask", KEYED.values(), ids=KEYED)
def test_a_repeated_key_gets_the_first_answer_and_buys_nothing(shop: Shop, ask: Any) -> None:
    sdk = shop.sdk()

    first, again = (ask(sdk, extra_headers={"Idempotency-Key": "once"}) for _ in range(2))

    assert _contents(first) == _contents(again)
    (generation,) = shop.generations()
    uploads = [file for file in shop.files() if file["generation_id"] is None]
    assert len(uploads) <= 1  # the repetition's own upload was let go
    if generation["modality"] != "video":
        assert shop.jobs == 1


def _contents(answer: Any) -> Any:
    if isinstance(answer, openai.types.ImagesResponse):
        return [one.b64_json or httpx.get(str(one.url)).content for one in answer.data or ()]
    return getattr(answer, "id", None) or answer.content


def test_a_transcript_is_repeated_and_the_same_key_for_another_recording_is_refused(
    shop: Shop, recording: bytes
) -> None:
    def ask(content: bytes) -> Any:
        return shop.sdk().audio.transcriptions.create(
            model="whisper-1", file=("a.wav", content), extra_headers={"Idempotency-Key": "minutes"}
        )

    first, again = ask(recording), ask(recording)
    with pytest.raises(openai.ConflictError, match="another request"):
        ask(shop.sdk().audio.speech.create(model="tts-1", voice="nova", input="No.", response_format="wav").content)

    assert first.text == again.text
    assert shop.jobs == 2  # the transcript, and the other recording


LOST: Any = {
    "pictures": lambda sdk, text: sdk.images.generate(model="gpt-image-1.5", prompt=text),
    "edits": lambda sdk, text: sdk.images.edit(model=METERED, prompt=text, image=("in.png", picture())),
    "speech": lambda sdk, text: sdk.audio.speech.create(model="tts-1", voice="nova", input=text),
}


@pytest.mark.parametrize("ask", LOST.values(), ids=LOST)
def test_a_lost_answer_is_unknown_its_hold_stays_and_nothing_is_bought_again(shop: Shop, ask: Any) -> None:
    with pytest.raises(openai.APIStatusError) as lost:
        ask(shop.sdk(max_retries=2), f"[[fault:drop-after-accept]] {PROMPT}")

    assert (lost.value.code, lost.value.response.headers["x-should-retry"]) == ("provider_unclear", "false")
    assert shop.jobs == 1
    if ask is not LOST["pictures"]:
        return  # how it ends is the same for all
    end = time.monotonic() + 120
    while (generation := shop.generations()[0])["finished_at"] is None:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert (generation["error_code"], generation["charged_micros"], shop.spent) == ("outcome_unknown", 0, 0)
    assert generation["cost_micros"] > 0  # booked as ours: it may have been bought


def test_whoever_leaves_pays_for_what_is_made_and_finds_it(shop: Shop) -> None:
    http = shop.http

    def found() -> list[dict[str, Any]]:
        return list(http.get("/v1/generations").json()["data"])

    async def leave() -> None:
        """Hang up once it was begun."""
        async with openai.AsyncOpenAI(base_url=f"{shop.url}/v1", api_key=shop.key, max_retries=0) as sdk:
            prompt = f"[[fault:slow=2]] {PROMPT}"
            asking = asyncio.create_task(sdk.images.generate(model="gpt-image-1.5", prompt=prompt, quality="low"))
            while not asking.done() and not await asyncio.to_thread(found):
                await asyncio.sleep(0.05)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(leave())

    end = time.monotonic() + 120
    while (said := found()[0])["status"] == "running":
        assert time.monotonic() < end
        time.sleep(0.1)
    assert (said["status"], len(said["output"]), shop.spent, shop.jobs) == ("completed", 1, 15, 1)


def test_the_provider_refusing_an_input_costs_nothing_and_is_the_callers_to_mend(shop: Shop) -> None:
    for model, fault in (("gpt-image-1.5", "moderated"), ("flux-schnell", "completed-with-error")):
        with pytest.raises(openai.BadRequestError) as refused:
            shop.sdk().images.generate(model=model, prompt=f"[[fault:{fault}]] {PROMPT}")
        assert refused.value.code == "content_policy_violation"
    assert shop.spent == 0


# --- asking for the price, and asking wrongly


DRY: Any = {
    "pictures": ("/v1/images/generations", {"model": "gpt-image-1.5", "prompt": PROMPT, "n": 2}),
    "pictures as jobs": ("/v1/images/generations", {"model": "flux-schnell", "prompt": PROMPT}),
    "speech": ("/openai/v1/audio/speech", {"model": "tts-1", "input": PROMPT, "voice": "nova"}),
    "videos": ("/v1/videos", {"model": "veo3-fast", "prompt": PROMPT}),
}


@pytest.mark.parametrize(("path", "body"), DRY.values(), ids=DRY)
def test_a_dry_run_tells_the_price_and_changes_nothing(shop: Shop, path: str, body: dict[str, Any]) -> None:
    said = shop.http.post(f"{path}?dryRun=true", json=body).json()

    assert said["estimated"] is True
    assert 0 < said["credits"] <= said["credits_maximum"]
    assert said["sufficient"] is True
    assert said["total_cost_micros"] == sum(part["total_cost"] for part in said["components"])
    assert (shop.spent, shop.generations(), shop.jobs) == (0, [], 0)


def test_a_dry_run_of_a_form_counts_its_files_and_keeps_none(shop: Shop, recording: bytes) -> None:
    edit = shop.http.post(
        "/v1/images/edits?dryRun=true",
        data={"model": METERED, "prompt": PROMPT, "quality": "low"},
        files=[("image[]", ("a.png", picture())), ("image[]", ("b.png", picture()))],
    ).json()
    heard = shop.http.post(
        "/v1/audio/transcriptions?dryRun=true", data={"model": "whisper-1"}, files={"file": ("a.wav", recording)}
    ).json()

    assert {part["metric"]: part["quantity"] for part in edit["components"]}["image_input_tokens"] == 2 * 452
    assert heard["components"][0]["metric"] == "seconds"
    assert heard["credits"] > 0
    assert (shop.files(), shop.spent) == ([], 0)


PICTURES, EDITING = "images/generations", "images/edits"
WRONG: Any = {
    "a text model for pictures": (PICTURES, {"model": "gpt-4o-mini", "prompt": "x"}, "model", "Use /v1/chat"),
    "a picture model for speech": ("audio/speech", {"model": "flux-schnell", "input": "x"}, "model", "serves images"),
    "a speaker for transcripts": ("audio/transcriptions", {"model": "tts-1"}, "model", "serves speech"),
    "a picture model for videos": ("videos", {"model": "flux-schnell", "prompt": "x"}, "model", "serves images"),
    "an unknown model": (EDITING, {"model": "flux-schnel", "image": "x"}, "model", "Did you mean flux-schnell"),
    "an unknown field": (
        PICTURES, {"model": "gpt-image-1.5", "prompt": "x", "qualty": "low"}, "qualty", "Did you mean quality"
    ),
    "an unknown value": (PICTURES, {"model": "gpt-image-1.5", "prompt": "x", "quality": "best"}, "quality", ""),
    "no picture to change": (EDITING, {"model": METERED, "prompt": "x"}, "image", "missing"),
    "a model that changes none": (
        EDITING, {"model": "flux-dev", "prompt": "x", "image": "https://example.com/a.png"}, "image", "no picture"
    ),
    "too many pictures": (
        EDITING, {"model": "flux-kontext-pro", "prompt": "x", "images": ["https://example.com/a.png"] * 2},
        "images", "one picture",
    ),
    "a stranger's file": (
        EDITING, {"model": METERED, "prompt": "x", "image": "file_01KAJ8M4ZDAAAAAAAAAAAAAAAA"}, "image", "no file"
    ),
    "an address of our own net": (
        EDITING, {"model": METERED, "prompt": "x", "image": "http://169.254.169.254/"}, "image", "https"
    ),
    "no recording": ("audio/transcriptions", {"model": "whisper-1"}, "file", "missing"),
    "a stream of pictures": (
        PICTURES, {"model": "gpt-image-1.5", "prompt": "x", "stream": True}, "stream", "whole"
    ),
    "a format nobody knows": (
        PICTURES, {"model": "gpt-image-1.5", "prompt": "x", "response_format": "gif"}, "response_format", ""
    ),
    "too many videos": ("videos", {"model": "veo3-fast", "prompt": "x", "n": 9}, "n", "1 to 4"),
    "a call back into our own net": (
        "videos", {"model": "veo3-fast", "prompt": "x", "webhook_url": "https://169.254.169.254/x"}, "webhook_url", ""
    ),
    "a price above the most": (
        PICTURES, {"model": "gpt-image-1.5", "prompt": "x", "max_credits": 1}, "max_credits", "may cost"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body", "param", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_costs_nothing(
    shop: Shop, path: str, body: dict[str, Any], param: str, said: str
) -> None:
    answer = shop.http.post(f"/v1/{path}", json=body)

    error = answer.json()["error"]
    assert 400 <= answer.status_code < 410, answer.text
    assert error["param"] == param
    assert said in error["message"]
    assert (shop.files(), shop.generations(), shop.jobs) == ([], [], 0)


def test_a_file_that_is_none_is_refused_and_nothing_of_a_refused_request_is_kept(shop: Shop) -> None:
    fields = {"model": METERED, "prompt": PROMPT}
    nonsense = shop.http.post("/v1/images/edits", data=fields, files={"image": ("a.png", b"<html>")})
    dear = shop.http.post(
        "/v1/images/edits", data={**fields, "max_credits": "1"}, files={"image": ("a.png", picture())}
    )

    assert nonsense.json()["error"]["code"] == "unreadable_file"
    assert dear.json()["error"]["code"] == "price_above_max"
    assert shop.files() == []
