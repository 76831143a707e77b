"""What an input asks for, read the way each provider writes it."""

from fractions import Fraction

import pytest

from app.sandbox.plan import BadInput, altered, kind_of, plan_of


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("fal-ai/flux/schnell", "image"),
        ("fal-ai/nano-banana/edit", "image"),
        ("fal-ai/wan/v2.2-a14b/text-to-image", "image"),
        ("fal-ai/wan/v2.2-a14b/text-to-video", "video"),
        ("fal-ai/kling-video/v2.1/pro/image-to-video", "video"),
        ("fal-ai/minimax/hailuo-02/standard/image-to-video", "video"),
        ("bytedance/seedance-1-lite", "video"),
        ("veo3_fast", "video"),
        ("fal-ai/some/audio-to-video", "video"),
        ("fal-ai/minimax/speech-02-hd", "audio"),
        ("elevenlabs/text-to-speech-turbo-2-5", "audio"),
    ],
)
def test_the_kind_is_told_from_the_models_name(model, kind):
    assert kind_of(model) == kind


@pytest.mark.parametrize(
    ("model", "given", "size"),
    [
        pytest.param("a/flux", {}, (1024, 1024), id="a square by default"),
        pytest.param("a/flux", {"image_size": "portrait_16_9"}, (576, 1024), id="fal's names"),
        pytest.param("a/flux", {"image_size": {"width": 640, "height": 200}}, (640, 200), id="an object"),
        pytest.param("a/flux", {"image_size": "21:9"}, (1536, 672), id="kie's ratio"),
        pytest.param("a/flux", {"image_size": "1:1", "image_resolution": "4K"}, (4096, 4096), id="kie's resolution"),
        pytest.param("a/flux", {"aspect_ratio": "match_input_image"}, (1024, 1024), id="nothing to match"),
        pytest.param("a/flux", {"aspect_ratio": "custom", "width": 512, "height": 768}, (512, 768), id="custom"),
        pytest.param("a/flux", {"aspect_ratio": "2:1"}, (1456, 720), id="an unusual ratio keeps the area"),
        pytest.param("a/flux", {"resolution": "0.5K"}, (512, 512), id="half a K"),
        pytest.param("seedream/4.5-text-to-image", {"quality": "basic"}, (2048, 2048), id="seedream's basic is 2K"),
        pytest.param("a/kling", {}, (1920, 1080), id="kling's default"),
        pytest.param("a/hailuo", {"resolution": "512P"}, (910, 512), id="hailuo's P"),
        pytest.param("a/veo", {"resolution": "4k", "aspect_ratio": "9:16"}, (2160, 3840), id="4k upright"),
        pytest.param("a/video", {"aspect_ratio": "1:1", "resolution": "480p"}, (480, 480), id="a square clip"),
        pytest.param("a/seedance", {"resolution": "1080p"}, (1920, 1088), id="seedance's multiple of sixteen"),
    ],
)
def test_sizes(model, given, size):
    assert plan_of("fal", model, {"prompt": "x", **given}).size == size


@pytest.mark.parametrize(
    ("model", "given", "seconds", "frames"),
    [
        pytest.param("fal-ai/veo3.1", {}, Fraction(8), 192, id="veo's eight"),
        pytest.param("fal-ai/veo3.1", {"duration": "4s"}, Fraction(4), 96, id="a text with its unit"),
        pytest.param("a/kling", {"duration": "10"}, Fraction(10), 240, id="a text"),
        pytest.param("a/seedance", {"duration": "auto"}, Fraction(5), 120, id="auto"),
        pytest.param("a/wan/v2.2-a14b/x", {}, Fraction(81, 16), 81, id="wan counts frames"),
        pytest.param("a/video", {"num_frames": 48, "frames_per_second": 24}, Fraction(2), 48, id="frames at a rate"),
        pytest.param("a/speech", {"prompt": "x" * 30}, Fraction(2), 0, id="fifteen characters a second"),
        pytest.param("a/speech", {"prompt": "x" * 30, "speed": 2}, Fraction(1), 0, id="read twice as fast"),
        pytest.param("a/flux", {}, Fraction(0), 0, id="a still"),
    ],
)
def test_lengths(model, given, seconds, frames):
    plan = plan_of("fal", model, {"prompt": "x", **given})

    assert (plan.seconds, plan.frames) == (seconds, frames)


@pytest.mark.parametrize(
    ("model", "given", "field"),
    [
        pytest.param("a/flux", {}, "prompt", id="nothing at all"),
        pytest.param("a/flux", {"prompt": "  "}, "prompt", id="a blank prompt"),
        pytest.param("a/speech", {}, "text", id="no text to speak"),
        pytest.param("a/flux", {"prompt": "x" * 20_001}, "prompt", id="a novel"),
        pytest.param("a/flux", {"prompt": "x", "num_images": 0}, "num_images", id="no images"),
        pytest.param("a/flux", {"prompt": "x", "num_images": 1.5}, "num_images", id="one image and a half"),
        pytest.param("a/flux", {"prompt": "x", "num_images": True}, "num_images", id="true images"),
        pytest.param("a/flux", {"prompt": "x", "image_size": {"width": "a"}}, "image_size", id="no number"),
        pytest.param("a/flux", {"prompt": "x", "aspect_ratio": "1:99"}, "aspect_ratio", id="a thread"),
        pytest.param("a/veo", {"prompt": "x", "duration": "ages"}, "duration", id="ages"),
        pytest.param("a/veo", {"prompt": "x", "duration": 3600}, "duration", id="an hour"),
        pytest.param("a/veo", {"prompt": "x", "resolution": "blurry"}, "resolution", id="blurry"),
        pytest.param("a/kling/image-to-video", {"prompt": "x"}, "image_url", id="no image to start from"),
    ],
)
def test_what_makes_no_sense_is_named(model, given, field):
    with pytest.raises(BadInput) as refused:
        plan_of("fal", model, given)

    assert field in [problem["field"] for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("faults", "count", "seconds"),
    [
        ({}, 1, Fraction(8)),
        ({"none": ""}, 0, Fraction(8)),
        ({"fewer": "3"}, 0, Fraction(8)),
        ({"long-output": ""}, 1, Fraction(8008, 1000)),
        ({"long-output": "10.04"}, 1, Fraction(1004, 100)),
    ],
)
def test_a_fault_changes_what_is_delivered(faults, count, seconds):
    plan = altered(plan_of("fal", "fal-ai/veo3.1", {"prompt": "x"}), faults)

    assert (plan.count, plan.seconds) == (count, seconds)
