"""Reading a paramSchema: everything it can say, and everything that is refused, with its place."""

from decimal import Decimal

import pytest

from app.catalogue.param_schema import parse_schema
from app.catalogue.seed_files import seed_models
from app.kernel.errors import InvalidInput
from app.pricing.parameters import Kind, Meter


def read(**properties):
    return parse_schema({"type": "object", "properties": properties})


def problems(raw):
    with pytest.raises(InvalidInput) as refused:
        parse_schema(raw)
    assert refused.value.stable_code == "schema_refused"
    return refused.value.details["problems"]


def problem_of(parameter, **more):
    (found,) = problems({"properties": {"p": parameter}, **more})
    return found["path"], found["message"]


def test_everything_a_parameter_can_say():
    (found,) = read(
        num_frames={
            "type": "integer",
            "title": "Frames",
            "description": "How many frames to make.",
            "minimum": 17,
            "maximum": 161,
            "multipleOf": 4,
            "default": 80,
            "examples": [80],
            "x-meter": "second",
            "x-per": 16,
            "x-order": 3,
            "x-advanced": True,
        }
    ).parameters
    assert (found.kind, found.title, found.help) == (Kind.INTEGER, "Frames", "How many frames to make.")
    assert (found.minimum, found.maximum, found.step, found.default) == (17, 161, 4, 80)
    assert (found.meter, found.per, found.order, found.advanced) == (Meter.SECOND, 16, 3, True)


def test_required_parameters_and_the_order_of_display():
    found = parse_schema(
        {
            "properties": {"b": {"type": "string", "x-order": 2}, "a": {"type": "string", "x-order": 1}},
            "required": ["a"],
        }
    )
    assert [(one.name, one.required, one.may_be_absent) for one in found.parameters] == [
        ("a", True, False),
        ("b", False, True),
    ]


@pytest.mark.parametrize(
    ("form", "media"), [("image-url", "image"), ("video-url", "video"), ("audio-url", "audio"), ("file-url", "file")]
)
def test_files(form, media):
    (found,) = read(p={"type": "string", "format": form}).parameters
    assert (found.kind, found.media) == (Kind.FILE, media)


def test_an_enum_needs_no_type_and_keeps_its_spelling():
    (found,) = read(p={"enum": ["4s", "8s"], "default": 8}).parameters
    assert (found.kind, found.enum, found.default) == (Kind.STRING, ("4s", "8s"), "8s")


def test_how_pixels_and_frames_are_measured():
    found = parse_schema(
        {
            "properties": {"size": {"enum": ["s", "l"]}, "shape": {"enum": ["1:1"]}},
            "x-size": {"by": ["size", "shape"], "values": {"s|1:1": [512, 512]}},
            "x-megapixel-divisor": 1_000_000,
            "x-fps": 23.976,
        }
    )
    assert (found.size_by, found.sizes) == (("size", "shape"), {"s|1:1": (512, 512)})
    assert (found.megapixel_divisor, found.fps) == (1_000_000, Decimal("23.976"))


def test_an_empty_schema_takes_nothing():
    assert parse_schema({}).parameters == ()
    assert parse_schema({}).megapixel_divisor == 1024**2


@pytest.mark.parametrize(
    ("parameter", "path", "message"),
    [
        pytest.param("string", "properties.p", "A parameter is an object in braces, not “string”.", id="no object"),
        pytest.param(
            {}, "properties.p", "A parameter needs a “type”: string, integer, number, boolean, array.", id="no type"
        ),
        pytest.param(
            {"type": "strng"}, "properties.p.type", "“strng” is not a type of parameter. Did you mean string?",
            id="a misspelt type",
        ),
        pytest.param(
            {"type": "string", "enmu": []}, "properties.p.enmu", "A parameter has no “enmu”. Did you mean enum?",
            id="a misspelt key",
        ),
        pytest.param(
            {"type": "string", "format": "image"}, "properties.p.format",
            "“image” is not a format. Did you mean image-url?", id="an unknown format",
        ),
        pytest.param(
            {"type": "integer", "format": "image-url"}, "properties.p.format", "Only a string has a format.",
            id="a format of a number",
        ),
        pytest.param({"type": "array"}, "properties.p", "A list needs “items”, the type of what is in it.", id="items"),
        pytest.param(
            {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, "properties.p.items",
            "A list of lists is not possible.", id="a list of lists",
        ),
        pytest.param(
            {"type": "string", "enum": []}, "properties.p.enum",
            "An enum lists the values of a string, integer or number, at least one.", id="an empty enum",
        ),
        pytest.param(
            {"type": "boolean", "enum": [True]}, "properties.p.enum",
            "An enum lists the values of a string, integer or number, at least one.", id="an enum of switches",
        ),
        pytest.param(
            {"type": "integer", "enum": [1, 1.5]}, "properties.p.enum[1]", "expected a whole number, not 1.5.",
            id="a member of another type",
        ),
        pytest.param({"enum": ["a", "a"]}, "properties.p.enum[1]", "“a” is listed twice.", id="a member twice"),
        pytest.param(
            {"enum": ["low", "high"], "default": "hgih"}, "properties.p.default",
            "The default is not allowed: “hgih” is not one of its values. Did you mean high?", id="a wrong default",
        ),
        pytest.param(
            {"type": "integer", "maximum": 4, "default": 5}, "properties.p.default",
            "The default is not allowed: 5 is too large: 4 or less is allowed.", id="a default out of range",
        ),
        pytest.param(
            {"type": "integer", "minimum": 5, "maximum": 4}, "properties.p.minimum",
            "The minimum 5 is above the maximum 4.", id="a range upside down",
        ),
        pytest.param(
            {"type": "number", "minimum": "low"}, "properties.p.minimum", "“low” is not a number.", id="in words"
        ),
        pytest.param(
            {"type": "number", "multipleOf": 0}, "properties.p.multipleOf", "This is above zero, not 0.",
            id="a step of zero",
        ),
        pytest.param(
            {"type": "string", "maxLength": 1.5}, "properties.p.maxLength",
            "This is a whole number from 0 to 1,000,000.", id="half a character",
        ),
        pytest.param({"type": "string", "title": 3}, "properties.p.title", "This is text, not 3.", id="title"),
        pytest.param(
            {"type": "string", "x-advanced": 1}, "properties.p.x-advanced", "This is true or false, not 1.",
            id="a flag in figures",
        ),
        pytest.param(
            {"type": "integer", "x-meter": "images"}, "properties.p.x-meter",
            "“images” is not a meter. Did you mean image?", id="an unknown meter",
        ),
        pytest.param(
            {"type": "boolean", "x-meter": "second"}, "properties.p.x-meter",
            "A boolean cannot measure second; that takes integer or number or string or file.", id="switch",
        ),
        pytest.param(
            {"enum": ["4s", "long"], "x-meter": "second"}, "properties.p.enum[1]",
            "“long” measures no second: it is not a number.", id="a length in words",
        ),
    ],
)  # fmt: skip
def test_parameters_that_are_refused(parameter, path, message):
    assert problem_of(parameter) == (path, message)


def test_what_measures_a_quantity_is_never_negative():
    found = read(n={"type": "integer", "x-meter": "image"}, s={"type": "number", "x-meter": "second"})
    assert [(one.minimum, one.maximum) for one in found.parameters] == [(1, 100), (0, None)]


@pytest.mark.parametrize(
    ("parameter", "path", "message"),
    [
        ({"type": "integer", "minimum": 0, "x-meter": "image"}, "minimum", "What measures image is at least 1."),
        ({"type": "number", "minimum": -1, "x-meter": "second"}, "minimum", "What measures second is at least 0."),
        (
            {"type": "integer", "maximum": 101, "x-meter": "image"}, "maximum",
            "At most 100 outputs can be asked for at once.",
        ),
        ({"enum": ["1", "500"], "x-meter": "image"}, "enum[1]", "From 1 to 100 outputs can be asked for, not 500."),
        ({"type": "string", "x-meter": "second"}, "", "Text that measures second needs an “enum” of numbers."),
    ],
)  # fmt: skip
def test_what_measures_has_sane_ends(parameter, path, message):
    assert problem_of(parameter) == (f"properties.p.{path}".rstrip("."), message)


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        pytest.param([], "", "A paramSchema is an object in braces, not a list.", id="a list"),
        pytest.param(
            {"propertis": {}}, "propertis", "A paramSchema has no “propertis”. Did you mean properties?",
            id="a misspelt key",
        ),
        pytest.param({"type": "array"}, "type", "A paramSchema describes an object.", id="not of an object"),
        pytest.param({"required": ["prompt"]}, "required[0]", "There is no parameter “prompt”.", id="not there"),
        pytest.param(
            {"properties": {"": {"type": "string"}}}, "properties.",
            "A parameter's name is text of 1 to 64 characters.", id="no name",
        ),
        pytest.param(
            {"x-size": {"by": ["size"]}}, "x-size.by[0]", "There is no parameter “size”.", id="a size from nothing"
        ),
        pytest.param({"x-size": {"by": []}}, "x-size.by", "This goes by one or two parameters.", id="from none"),
        pytest.param({"x-fps": 0}, "x-fps", "This is above zero, not 0.", id="no frames"),
        pytest.param(
            {"x-megapixel-divisor": 1.5}, "x-megapixel-divisor", "The divisor is a whole number of pixels.",
            id="half a pixel",
        ),
    ],
)  # fmt: skip
def test_schemas_that_are_refused(raw, path, message):
    (found,) = problems(raw)
    assert (found["path"], found["message"]) == (path, message)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"s": [512]}, "A size is [width, height] in whole pixels."),
        ({"s": [512, -1]}, "A size is [width, height] in whole pixels."),
        ({"s": [512, 0.5]}, "A size is [width, height] in whole pixels."),
        ({"s|1:1": [512, 512]}, "This names 2 values where 1 parameters make the size."),
    ],
    ids=str,
)
def test_rows_of_the_size_table(values, message):
    raw = {"properties": {"size": {"enum": ["s"]}}, "x-size": {"by": ["size"], "values": values}}
    assert [problem["message"] for problem in problems(raw)] == [message]


def test_only_one_parameter_can_count_the_outputs():
    count = {"type": "integer", "x-meter": "image"}
    (found,) = problems({"properties": {"n": count, "num_images": count}})
    assert found["message"] == "n already measures image; only one parameter can."


def test_lengths_and_texts_add_up_so_several_may_carry_the_meter():
    text = {"type": "string", "x-meter": "character"}
    assert len(read(text=text, title=text).metered(Meter.CHARACTER)) == 2


def test_every_problem_is_reported_at_once():
    raw = {"properties": {"a": {"type": "strng"}, "b": {"type": "integer", "default": 0.5}}, "required": ["c"]}
    assert {problem["path"] for problem in problems(raw)} == {
        "properties.a.type",
        "properties.b.default",
        "required[0]",
    }


def test_what_is_nested_too_deep_or_too_long_is_refused():
    deep: object = "x"
    for _ in range(30):
        deep = [deep]
    assert "nested deeper" in problems({"properties": {"p": deep}})[0]["message"]
    assert "bytes" in problems({"title": "x" * 70_000})[0]["message"]


@pytest.mark.parametrize("seed", seed_models(), ids=lambda seed: seed.alias)
def test_every_seeded_schema_can_be_read(seed):
    assert parse_schema(seed.param_schema).names
