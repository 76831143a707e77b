"""A provider's description of a model becomes a draft of parameters, and everything it loses on the way is said."""

import json
from pathlib import Path

import pytest

from app.catalogue.param_schema import parse_schema
from app.catalogue.schema_import import import_schema
from app.kernel.errors import InvalidInput
from app.sandbox.fal_models import listed
from app.sandbox.replicate_models import KNOWN, listing


def taken(properties, **schema):
    return import_schema({"type": "object", "properties": properties, **schema})


def one(raw, name="value"):
    """What becomes of one parameter, `x-order` and title aside, and what was said about it."""
    found = taken({name: raw, "prompt": {"type": "string"}})
    made = found.param_schema["properties"].get(name)
    if made is not None:
        made = {key: value for key, value in made.items() if key not in ("x-order", "title")}
    return made, " ".join(note.message for note in found.notes if note.param == name)


@pytest.mark.parametrize("model", KNOWN)
def test_every_replicate_model_of_the_sandbox_is_understood(model):
    found = import_schema(listing(model, "http://sandbox"))
    schema = parse_schema(found.param_schema)
    assert set(schema.names) == set(KNOWN[model])
    assert [name for name, given in found.param_schema["properties"].items() if "enum" in given] == [
        name for name, given in KNOWN[model].items() if "enum" in given
    ]


@pytest.mark.parametrize(
    ("endpoint", "names", "left_out"),
    [
        (
            "fal-ai/flux/schnell",
            ["prompt", "image_size", "num_images", "output_format", "seed", "sync_mode"],
            [],
        ),
        ("fal-ai/kling-video/v2.5/image-to-video", ["prompt", "image_url", "duration", "resolution", "seed"], []),
        ("fal-ai/minimax/speech-02-hd", ["text", "output_format"], ["voice_setting"]),
    ],
)
def test_a_fal_model_is_read_from_the_body_of_its_path(endpoint, names, left_out):
    found = import_schema(listed(endpoint))
    assert list(parse_schema(found.param_schema).names) == names
    assert [note.param for note in found.notes if note.message.startswith("Left out")] == left_out


def test_replicate_as_cog_writes_it():
    found = import_schema(listing("bytedance/seedance-1-lite", "http://sandbox")).param_schema["properties"]
    assert found["image"]["format"] == "image-url"
    assert (found["duration"]["x-meter"], found["duration"]["maximum"]) == ("second", 12)
    assert (found["resolution"]["enum"], found["resolution"]["default"]) == (["480p", "720p", "1080p"], "720p")
    assert found["seed"]["x-advanced"] is True


def test_a_recorded_model_with_everything_cog_knows():
    document = json.loads((Path(__file__).parent / "replicate_wan.json").read_text(encoding="utf-8"))
    found = import_schema(document)
    made = found.param_schema["properties"]
    assert found.param_schema["required"] == ["prompt"]
    assert list(made) == ["prompt", "image", "last_image", "num_frames", "resolution", "frames_per_second", "go_fast",
                          "sample_shift", "lora_scale", "seed"]  # fmt: skip
    assert (made["image"]["format"], made["last_image"]["format"]) == ("image-url", "image-url")
    assert made["resolution"] == {
        "type": "string", "title": "resolution", "enum": ["480p", "720p"], "default": "480p", "x-order": 5,
        "description": "Resolution of video. 16:9 corresponds to 832x480px",
    }  # fmt: skip
    assert made["frames_per_second"]["x-meter"] == "fps"
    assert {(note.param, note.message.split(".")[0]) for note in found.notes} >= {
        ("extra_lora", "Left out: an object cannot be offered"),
    }


@pytest.mark.parametrize(
    ("raw", "made", "said"),
    [
        pytest.param(
            {"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"type": "integer"}, "", id="a value or nothing"
        ),
        pytest.param(
            {"anyOf": [{"type": "object", "title": "Size"}, {"enum": ["a", "b"], "type": "string"}], "default": "a"},
            {"type": "string", "enum": ["a", "b"], "default": "a"},
            "It may also be Size; only the first way is offered.",
            id="choices or an object",
        ),
        pytest.param({"type": "object"}, None, "Left out: an object cannot be offered.", id="an object"),
        pytest.param(
            {"type": "array", "items": {"type": "object"}},
            None,
            "Left out: a list of objects cannot be offered.",
            id="a list of objects",
        ),
        pytest.param(
            {"type": "string", "enum": ["a"], "default": "z"},
            {"type": "string", "enum": ["a"]},
            "Its default 'z' is none of its choices and was left out.",
            id="a default that is no choice",
        ),
        pytest.param(
            {"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}, "", id="above a bound"
        ),
        pytest.param(
            {"type": "string", "pattern": "^a"}, {"type": "string"}, "Not checked here: pattern.", id="a pattern"
        ),
        pytest.param(
            {"type": "integer", "minimum": 5, "maximum": 1},
            {"type": "integer", "maximum": 1},
            "“minimum” was left out.",
            id="a range that is none",
        ),
        pytest.param({"type": ["string", "null"]}, {"type": "string"}, "", id="two types, one of them null"),
    ],
)
def test_one_parameter(raw, made, said):
    found, notes = one(raw)
    assert found == made
    assert said in notes


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("image_url", {"type": "string"}, "image-url"),
        ("image", {"type": "string", "format": "uri"}, "image-url"),
        ("mask_url", {"type": "string"}, "image-url"),
        ("audio_url", {"type": "string"}, "audio-url"),
        ("input_video", {"type": "string", "format": "uri"}, "video-url"),
        ("weights", {"type": "string", "format": "uri"}, "file-url"),
        ("image_style", {"type": "string"}, None),
    ],
)
def test_files_are_told_by_name_and_format(name, raw, expected):
    made, _ = one(raw, name)
    assert made.get("format") == expected


def test_a_list_of_addresses_is_a_list_of_files():
    made, _ = one({"type": "array", "items": {"type": "string"}, "maxItems": 4, "default": []}, "image_urls")
    assert made == {"type": "array", "maxItems": 4, "items": {"type": "string", "format": "image-url"}}


def test_a_schema_that_refers_to_itself_ends():
    found = import_schema(
        {
            "components": {"schemas": {"Input": {"properties": {"a": {"$ref": "#/components/schemas/A"},
                                                                "prompt": {"type": "string"}}},
                                       "A": {"$ref": "#/components/schemas/A"}}},
        }
    )  # fmt: skip
    assert list(found.param_schema["properties"]) == ["prompt"]


@pytest.mark.parametrize("document", [{}, {"paths": {}}, {"properties": {}}, {"paths": [1], "components": "x"}])
def test_what_describes_no_inputs_is_refused(document):
    with pytest.raises(InvalidInput) as refused:
        import_schema(document)
    assert refused.value.stable_code == "schema_unknown"


def test_what_would_change():
    before = {"properties": {"prompt": {"type": "string", "title": "Prompt"}, "old": {"type": "string"},
                             "n": {"type": "integer", "title": "N", "maximum": 2, "x-meter": "image"}}}  # fmt: skip
    after = {"properties": {"prompt": {"type": "string"}, "n": {"type": "integer", "title": "N", "maximum": 4},
                            "new": {"type": "boolean"}}}  # fmt: skip
    found = import_schema(after, before)
    assert (found.added, found.changed, found.removed) == (("new",), ("n",), ("old",))
