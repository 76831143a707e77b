"""The form a schema makes."""

from typing import Any

import pytest

from app.catalogue.param_schema import coerce, parse_schema
from app.catalogue.seed_files import seed_models
from app.ui.pages.playground import fields
from app.ui.pages.playground.labels import (
    is_shape,
    pixels_of,
    ratio_of,
    setting_label,
    shape_label,
    shape_sides,
    value_label,
)

MODELS = {model.alias: parse_schema(model.param_schema) for model in seed_models()}


def one(raw: dict[str, Any], name: str = "p", *, priced: bool = False, required: bool = False):
    """The row of a single parameter."""
    body = {"type": "object", "properties": {name: raw}, "required": [name] if required else []}
    return fields.rows(parse_schema(body), frozenset({name}) if priced else frozenset())[0]


FILE = {"type": "string", "format": "image-url"}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({"type": "string", "enum": ["a", "b"], "default": "a"}, "segments"),
        ({"type": "string", "enum": list("abcde"), "default": "a"}, "segments"),
        ({"type": "string", "enum": list("abcdef"), "default": "a"}, "select"),
        ({"type": "string", "enum": ["a", "b"]}, "select"),
        (
            {
                "type": "string",
                "enum": ["a rather long one", "another long one", "the third of them"],
                "default": "a rather long one",
            },
            "select",
        ),
        ({"type": "string", "enum": ["16:9", "9:16"], "default": "16:9"}, "tiles"),
        ({"type": "string", "enum": ["1024x1024", "1024x1536", "auto"], "default": "auto"}, "tiles"),
        ({"type": "integer", "enum": [1, 2], "default": 1}, "segments"),
        ({"type": "integer", "minimum": 1, "maximum": 4, "default": 1}, "number"),
        ({"type": "number", "minimum": 0, "maximum": 1, "default": 0.5}, "number"),
        ({"type": "boolean", "default": True}, "switch"),
        ({"type": "boolean"}, "select"),
        ({"type": "string", "maxLength": 4000}, "text"),
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 80}, "line"),
        (FILE, "files"),
        ({"type": "array", "items": FILE, "maxItems": 4}, "files"),
        ({"type": "array", "items": {"type": "string"}}, "lines"),
    ],
)
def test_each_parameter_gets_its_control(raw, kind):
    assert one(raw)["kind"] == kind


def test_a_seed_rolls_but_a_seed_with_a_default_does_not():
    assert one({"type": "integer", "minimum": 0}, "seed")["kind"] == "seed"
    assert one({"type": "integer", "minimum": 0, "default": 1}, "seed")["kind"] == "number"


def test_a_price_beside_each_value_takes_room():
    raw = {"type": "string", "enum": ["standard", "balanced", "premium", "ultimate"], "default": "standard"}
    assert one(raw)["kind"] == "segments"
    assert one(raw, priced=True)["kind"] == "select"


def test_a_slider_needs_both_ends_and_a_bearable_number_of_steps():
    assert one({"type": "integer", "minimum": 1, "maximum": 4, "default": 1})["slider"]
    assert not one({"type": "integer", "minimum": 1, "default": 1})["slider"]
    assert not one({"type": "integer", "minimum": 0, "maximum": 10**6, "default": 1})["slider"]


@pytest.mark.parametrize(
    ("bounds", "range_"),
    [
        ({"minimum": 1, "maximum": 4}, "1–4"),
        ({"minimum": 0.5}, "0.5 or more"),
        ({"maximum": 2048}, "up to 2,048"),
        ({}, ""),
    ],
)
def test_the_range_stands_in_the_label(bounds, range_):
    assert one({"type": "number", "default": 1, **bounds})["range"] == range_


def test_narrow_fields_stand_two_in_a_row_and_a_lonely_one_takes_it_whole():
    number = {"type": "integer", "minimum": 1, "maximum": 4, "default": 1}
    schema = parse_schema(
        {"type": "object", "properties": {"t": {"type": "string"}, "a": number, "b": number, "c": number}}
    )
    assert {row["name"]: row["is_wide"] for row in fields.rows(schema)} == {
        "t": True,
        "a": False,
        "b": False,
        "c": True,
    }


def test_the_schema_s_order_is_the_form_s_order():
    assert [row["name"] for row in fields.rows(MODELS["nano-banana"])] == list(MODELS["nano-banana"].names)


def test_more_than_seven_fields_fold_the_advanced_ones():
    assert fields.folds(MODELS["flux-dev"])
    assert not fields.folds(MODELS["veo3.1"])
    rows = fields.rows(MODELS["flux-dev"])
    assert [row["name"] for row in rows if row["advanced"]] == ["num_inference_steps", "guidance_scale", "seed"]
    assert fields.fold_label(rows) == "Steps, guidance, seed"


def test_without_advanced_ones_what_is_beyond_the_seventh_folds_but_never_a_required_one():
    number = {"type": "integer", "minimum": 1, "maximum": 4}
    properties = {f"p{index}": number for index in range(10)}
    schema = parse_schema({"type": "object", "properties": properties, "required": ["p8"]})
    assert [row["name"] for row in fields.rows(schema) if row["advanced"]] == ["p7", "p9"]


@pytest.mark.parametrize("alias", MODELS)
def test_every_model_of_the_catalogue_has_a_form_whose_values_are_a_request(alias):
    schema = MODELS[alias]
    rows = fields.rows(schema)
    assert {row["name"] for row in rows} == set(schema.names)
    values = {one.name: fields.start_value(one) for one in schema.parameters if not fields.is_files(one)}
    values |= {name: "A red tram" for name in ("prompt", "text", "input") if name in values}
    files = {
        one.name: ["https://example.com/a.png"] for one in schema.parameters if fields.is_files(one) and one.required
    }
    given = fields.given(schema, values, files)
    defaults = {one.name: one.default for one in schema.parameters if one.default is not None}
    assert {name: coerce(schema, given)[name] for name in defaults} == defaults


def test_what_is_empty_is_not_given():
    schema = MODELS["flux-schnell"]
    assert fields.given(schema, {"prompt": "x", "seed": "", "num_images": "2"}, {}) == {
        "prompt": "x",
        "num_images": "2",
    }


def test_files_are_given_one_or_many_as_the_parameter_takes_them():
    assert fields.given(MODELS["hailuo-02"], {}, {"image_url": ["file_1"]}) == {"image_url": "file_1"}
    assert fields.given(MODELS["nano-banana-edit"], {}, {"image_urls": ["a", "b"]}) == {"image_urls": ["a", "b"]}


def test_numbers_of_an_enum_stay_numbers():
    schema = parse_schema({"type": "object", "properties": {"n": {"type": "integer", "enum": [1, 2]}}})
    assert fields.given(schema, {"n": "2"}, {}) == {"n": 2}


@pytest.mark.parametrize(
    ("alias", "name", "text", "fits"),
    [
        ("flux-schnell", "num_images", "4", True),
        ("flux-schnell", "num_images", "9", False),
        ("veo3.1", "aspect_ratio", "16:9", True),
        ("veo3.1", "aspect_ratio", "1:1", False),
        ("veo3.1", "generate_audio", "false", True),
    ],
)
def test_a_kept_value_is_used_where_it_fits(alias, name, text, fits):
    assert fields.accepts(MODELS[alias].get(name), text) is fits


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("jpeg", "JPEG"),
        ("8s", "8 s"),
        ("1080p", "1080p"),
        ("high", "High"),
        ("Wise_Woman", "Wise Woman"),
        ("16:9", "16:9"),
        (True, "On"),
        (5, "5"),
    ],
)
def test_values_are_written_as_people_read_them(value, label):
    assert value_label(value) == label


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("landscape_4_3", "4:3"),
        ("portrait_16_9", "9:16"),
        ("square_hd", "Square HD"),
        ("1024x1536", "1024×1536"),
        ("21:9", "21:9"),
        ("match_input_image", "Match input image"),
    ],
)
def test_shapes_are_named_shortly(value, label):
    assert shape_label(value) == label


def test_a_shape_is_known_by_its_spelling_or_by_the_size_table():
    schema = MODELS["flux-schnell"]
    assert ratio_of("landscape_4_3", schema, "image_size") == ratio_of("4:3", schema, "x")
    assert ratio_of("square_hd", schema, "image_size") == 1
    assert ratio_of("square_hd", schema, "other") is None
    assert not is_shape(MODELS["gpt-image-2"].get("quality"), MODELS["gpt-image-2"])


@pytest.mark.parametrize("value", ["1:1", "21:9", "9:21"])
def test_a_drawn_shape_fits_its_tile(value):
    width, height = shape_sides(ratio_of(value, MODELS["flux-schnell"], "x"))
    assert 6 <= width <= 24
    assert 6 <= height <= 24
    assert (width > height) == (value == "21:9")


def test_the_pixels_of_a_choice_come_from_the_table_even_by_two_parameters():
    schema = MODELS["seedance-1-pro"]
    params = {"resolution": "720p", "aspect_ratio": "16:9"}
    assert pixels_of(schema, params, "aspect_ratio") == "1248 × 704"
    assert pixels_of(schema, params, "duration") == ""
    assert pixels_of(MODELS["gpt-image-2"], {"image_size": "1024x1536"}, "image_size") == "1024 × 1536"


def test_tiles_stand_in_rows_of_the_same_length_that_fit():
    assert (
        one({"type": "string", "enum": ["1:1", "4:3", "3:4", "16:9", "9:16", "2:3"], "default": "1:1"})["columns"]
        == "6"
    )
    sizes = ["1024x1024", "1024x1536", "1536x1024", "2560x1440", "3840x2160", "512x512"]
    assert one({"type": "string", "enum": sizes, "default": "1024x1024"})["columns"] == "3"


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("image_size", "landscape_4_3", "4:3"),
        ("output_format", "png", "PNG"),
        ("guidance_scale", 3.5, "3.5"),
        ("prompt", "a_b", "a_b"),
        ("gone", ["x", "y"], "x, y"),
    ],
)
def test_a_setting_reads_as_its_control_shows_it(name, value, label):
    schema = MODELS["flux-dev"]
    assert setting_label(schema.get(name), value, schema) == label
