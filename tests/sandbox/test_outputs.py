"""What is delivered is what was asked: pictures, clips and speech, measured."""

import base64
import io
from collections.abc import Iterator

import av
import pytest
from PIL import Image

from tests.sandbox.callers import fal_result, fal_run, fal_submit, kie_end, kie_submit, replicate_end, replicate_submit
from tests.support.sandbox import running_sandbox


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that draws as it does for people."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=50) as base:
        yield base


def picture(http, address):
    answer = http.get(address)
    answer.raise_for_status()
    opened = Image.open(io.BytesIO(answer.content))
    opened.load()
    return opened, answer.headers["content-type"]


def media(http, address):
    return av.open(io.BytesIO(http.get(address).content))


@pytest.mark.parametrize(
    ("model", "given", "size", "kind"),
    [
        pytest.param("fal-ai/flux/schnell", {"image_size": "landscape_4_3"}, (1024, 768), "JPEG", id="a named size"),
        pytest.param(
            "fal-ai/flux/dev", {"image_size": {"width": 700, "height": 300}, "output_format": "png"},
            (700, 300), "PNG", id="width and height",
        ),
        pytest.param("fal-ai/nano-banana", {"aspect_ratio": "16:9"}, (1344, 768), "PNG", id="an aspect ratio"),
        pytest.param("fal-ai/nano-banana-pro", {"resolution": "2K"}, (2048, 2048), "PNG", id="a resolution"),
        pytest.param("openai/gpt-image-2", {"image_size": "1024x1536"}, (1024, 1536), "PNG", id="a size as text"),
        pytest.param(
            "fal-ai/nano-banana", {"aspect_ratio": "9:16", "output_format": "webp"}, (768, 1344), "WEBP", id="webp"
        ),
    ],
)  # fmt: skip
def test_an_image_has_the_size_and_format_asked_for(http, model, given, size, kind):
    (image,) = fal_run(http, model, prompt="a harbour", **given)["images"]

    opened, mime = picture(http, image["url"])

    assert (opened.size, opened.format) == (size, kind)
    assert mime == image["content_type"] == f"image/{kind.lower()}"
    assert (image["width"], image["height"]) == size


def test_replicates_quarter_megapixel_halves_each_side(http):
    prediction = replicate_submit(http, "black-forest-labs/flux-schnell", prompt="x", megapixels="0.25")

    opened, mime = picture(http, replicate_end(http, prediction)["output"][0])

    assert (opened.size, mime) == ((512, 512), "image/webp")


def test_every_image_of_a_batch_differs_and_a_seed_repeats_them(http):
    def made():
        given = {"prompt": "a harbour", "num_images": 2, "seed": 7, "image_size": "square"}
        return [http.get(image["url"]).content for image in fal_run(http, "fal-ai/flux/schnell", **given)["images"]]

    first, again = made(), made()

    assert first[0] != first[1]
    assert first == again


@pytest.mark.parametrize(
    ("model", "given", "size", "seconds", "fps", "tracks"),
    [
        pytest.param(
            "fal-ai/veo3.1", {"duration": "4s", "aspect_ratio": "9:16"}, (720, 1280), 4.0, 24, 1, id="with sound"
        ),
        pytest.param(
            "fal-ai/veo3.1", {"duration": "4s", "generate_audio": False}, (1280, 720), 4.0, 24, 0, id="silent"
        ),
        pytest.param(
            "fal-ai/wan/v2.2-a14b/text-to-video", {"num_frames": 33, "resolution": "480p"},
            (854, 480), 2.0625, 16, 0, id="frames at sixteen a second",
        ),
        pytest.param(
            "fal-ai/bytedance/seedance/v1/pro/fast/text-to-video", {"duration": "2", "resolution": "480p"},
            (864, 480), 2.0, 24, 0, id="seedance's own frame",
        ),
    ],
)  # fmt: skip
def test_a_clip_has_the_length_size_and_tracks_asked_for(http, model, given, size, seconds, fps, tracks):
    video = fal_run(http, model, prompt="a harbour", **given)["video"]

    with media(http, video["url"]) as clip:
        stream = clip.streams.video[0]
        assert video["content_type"] == "video/mp4"
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == size
        assert clip.duration / 1e6 == pytest.approx(seconds, abs=0.001)
        assert stream.average_rate == fps
        assert len(clip.streams.audio) == tracks
        frames = [frame.to_image(width=32, height=18) for frame in clip.decode(stream)]
    assert len(frames) == round(seconds * fps)
    assert frames[0].tobytes() != frames[-1].tobytes(), "the picture moves"


def test_a_clip_can_play_before_it_is_whole(http):
    content = http.get(fal_run(http, "fal-ai/veo3.1", prompt="x", duration="4s")["video"]["url"]).content

    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize(("wanted", "mime"), [("mp3", "audio/mpeg"), ("wav", "audio/wav")])
def test_speech_is_as_long_as_its_text(http, wanted, mime):
    given = {"text": "fifteen letters" * 4, "audio_setting": {"format": wanted}, "output_format": "url"}
    result = fal_run(http, "fal-ai/minimax/speech-02-hd", **given)

    assert result["audio"]["content_type"] == mime
    assert result["duration_ms"] == 4000
    with media(http, result["audio"]["url"]) as sound:
        assert sound.duration / 1e6 == pytest.approx(4.0, abs=0.1)


def test_kie_speaks_too(http):
    record = kie_end(http, kie_submit(http, "elevenlabs/text-to-speech-turbo-2-5", text="good evening"))

    assert ".mp3" in record["resultJson"]


def test_a_file_nobody_made_is_not_found(http):
    assert http.get("/fal/files/nobody/out-0.png").status_code == 404
    assert http.get("/fal/files/../../book.sqlite").status_code == 404


def test_a_picture_that_is_given_is_worked_from(http):
    red = io.BytesIO()
    Image.new("RGB", (64, 64), (230, 20, 20)).save(red, "PNG")
    address = "data:image/png;base64," + base64.b64encode(red.getvalue()).decode()

    (image,) = fal_run(http, "fal-ai/nano-banana/edit", prompt="x", image_urls=[address])["images"]
    opened, _ = picture(http, image["url"])

    red_part, green_part, blue_part = opened.getpixel((512, 300))
    assert red_part > 2 * max(green_part, blue_part)


def test_a_picture_from_a_link_on_this_machine_is_fetched(http):
    (first,) = fal_run(http, "fal-ai/flux/schnell", prompt="x", image_size="square")["images"]
    clip = fal_run(
        http, "fal-ai/minimax/hailuo-02/standard/image-to-video", prompt="x", image_url=first["url"], resolution="512P"
    )

    assert clip["video"]["file_size"] > 1000


def test_a_picture_that_cannot_be_had_fails_the_run(http, sandbox_url):
    handle = fal_submit(
        http, "fal-ai/nano-banana/edit", prompt="x", image_urls=[f"{sandbox_url}/fal/files/nobody/x.png"]
    )

    result = fal_result(http, handle)

    assert (result.status_code, result.json()["detail"][0]["type"]) == (422, "file_download_error")
