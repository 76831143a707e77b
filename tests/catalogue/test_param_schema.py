"""The door for a request's values: one spelling of each, defaults filled in, and refusals that help."""

import math
from decimal import Decimal

import pytest

from app.catalogue.param_schema import coerce, parse_schema, resolved_values
from app.kernel.errors import InvalidInput, UnknownParameter


def model(properties, **more):
    return parse_schema({"type": "object", "properties": properties, **more})


def only(parameter, value):
    """What a schema with this one parameter makes of `value`."""
    return coerce(model({"p": parameter}), {"p": value}).get("p")


def refusal(parameter, value):
    with pytest.raises(InvalidInput) as refused:
        only(parameter, value)
    assert refused.value.param == "p"
    return refused.value.message


TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
NUMBER = {"type": "number"}
SWITCH = {"type": "boolean"}
IMAGE = {"type": "string", "format": "image-url"}
IMAGES = {"type": "array", "items": IMAGE, "minItems": 1, "maxItems": 3}
LENGTHS = {"type": "string", "enum": ["4s", "6s", "8s"]}
STEPPED = {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1}


@pytest.mark.parametrize(
    ("parameter", "given", "value"),
    [
        pytest.param(TEXT, "a tram", "a tram", id="text"),
        pytest.param(TEXT, "", "", id="empty text that is not required"),
        pytest.param({**TEXT, "maxLength": 2}, "👋🏽", "👋🏽", id="length is counted in code points"),
        pytest.param(WHOLE, 3, 3, id="a whole number"),
        pytest.param(WHOLE, 3.0, 3, id="a float that is whole"),
        pytest.param(WHOLE, "3", 3, id="a whole number in text"),
        pytest.param(WHOLE, Decimal(3), 3, id="a whole decimal"),
        pytest.param(WHOLE, 2**63, 2**63, id="a large seed"),
        pytest.param(WHOLE, "18446744073709551615", 2**64 - 1, id="a large seed in text"),
        pytest.param(WHOLE, -3, -3, id="a negative number"),
        pytest.param(NUMBER, 0.1, 0.1, id="a number"),
        pytest.param(NUMBER, "0.1", 0.1, id="a number in text"),
        pytest.param(NUMBER, 2.0, 2, id="a number that is whole"),
        pytest.param(NUMBER, Decimal("0.25"), 0.25, id="a decimal"),
        pytest.param(STEPPED, 0.3, 0.3, id="a multiple of a tenth, exactly"),
        pytest.param(STEPPED, 1, 1, id="the maximum"),
        pytest.param(STEPPED, 0, 0, id="the minimum"),
        pytest.param(SWITCH, True, True, id="true"),
        pytest.param(SWITCH, "False", False, id="false in text"),
        pytest.param(LENGTHS, "8s", "8s", id="a member"),
        pytest.param(LENGTHS, "8", "8s", id="a member without its s"),
        pytest.param(LENGTHS, 8, "8s", id="a member as a number"),
        pytest.param(LENGTHS, 8.0, "8s", id="a member as a float"),
        pytest.param({"enum": ["5", "10"]}, 5, "5", id="text members asked for by number"),
        pytest.param({"type": "integer", "enum": [5, 10]}, "5", 5, id="number members asked for by text"),
        pytest.param({"type": "integer", "enum": [5, 10]}, "5s", 5, id="and with an s"),
        pytest.param({"type": "number", "enum": [0.5, 1]}, "0.5", 0.5, id="a fraction among members"),
        pytest.param({"type": "integer", "enum": [-1, 1]}, "-1", -1, id="a negative member in text"),
        pytest.param({**NUMBER, "multipleOf": 1e-15}, 10**12, 10**12, id="a step that is very fine"),
        pytest.param({"enum": ["1", "auto"]}, "auto", "auto", id="auto"),
        pytest.param(IMAGE, "https://example.com/a.png?x=1", "https://example.com/a.png?x=1", id="an address"),
        pytest.param(IMAGE, "file_01KAJ7XE0P", "file_01KAJ7XE0P", id="an uploaded file"),
        pytest.param(IMAGES, ["file_1", "https://a.b/c"], ["file_1", "https://a.b/c"], id="a list of files"),
        pytest.param(IMAGES, ("file_1",), ["file_1"], id="a tuple is a list"),
        pytest.param({"type": "array", "items": WHOLE}, ["1", 2.0], [1, 2], id="a list of numbers"),
        pytest.param({"type": "array", "items": LENGTHS}, [8], ["8s"], id="a list of choices"),
        pytest.param(TEXT, None, None, id="null is absent"),
        pytest.param({**WHOLE, "default": 4}, None, 4, id="null takes the default"),
    ],
)
def test_values_that_are_understood(parameter, given, value):
    found = only(parameter, given)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("parameter", "given", "message"),
    [
        pytest.param(TEXT, 5, "expected text, not 5", id="a number for text"),
        pytest.param(TEXT, True, "expected text, not true", id="a switch for text"),
        pytest.param(TEXT, ["a"], "expected text, not a list", id="a list for text"),
        pytest.param({**TEXT, "maxLength": 3}, "abcd", "at most 3 characters, and this has 4", id="too long"),
        pytest.param(
            TEXT, "a\x00b", "the text holds a character that cannot be stored (NUL or half a surrogate pair)", id="NUL"
        ),
        pytest.param(
            TEXT, "\ud83d", "the text holds a character that cannot be stored (NUL or half a surrogate pair)",
            id="half a pair",
        ),
        pytest.param(WHOLE, 3.5, "expected a whole number, not 3.5", id="half an integer"),
        pytest.param(WHOLE, "3.5", "expected a whole number, not “3.5”", id="half an integer in text"),
        pytest.param(WHOLE, True, "true is not a number", id="a switch for a number"),
        pytest.param(WHOLE, "three", "“three” is not a number", id="a word for a number"),
        pytest.param(WHOLE, "1e99999999", "“1e99999999” is not a number", id="an exponent that would never end"),
        pytest.param(WHOLE, 10**30, "1000000000000000000000000000000 is larger than anything here can be", id="huge"),
        pytest.param(WHOLE, [3], "a list is not a number", id="a list for a number"),
        pytest.param(NUMBER, math.nan, "nan is not a finite number", id="NaN"),
        pytest.param(NUMBER, math.inf, "inf is not a finite number", id="infinity"),
        pytest.param(NUMBER, "NaN", "“NaN” is not a number", id="NaN in text"),
        pytest.param(STEPPED, 1.1, "1.1 is too large: 0 to 1 is allowed", id="over the maximum"),
        pytest.param(STEPPED, -0.1, "-0.1 is too small: 0 to 1 is allowed", id="under the minimum"),
        pytest.param(STEPPED, 0.25, "0.25 is not a multiple of 0.1", id="between the steps"),
        pytest.param({**WHOLE, "minimum": 2}, 1, "1 is too small: 2 or more is allowed", id="only a minimum"),
        pytest.param({**WHOLE, "maximum": 2}, 3, "3 is too large: 2 or less is allowed", id="only a maximum"),
        pytest.param(SWITCH, 1, "expected true or false, not 1", id="one for true"),
        pytest.param(SWITCH, "yes", "expected true or false, not “yes”", id="yes for true"),
        pytest.param(
            {"enum": ["standard", "high"]}, "hihg", "“hihg” is not one of its values. Did you mean high?", id="misspelt"
        ),
        pytest.param(LENGTHS, "9s", "“9s” is not one of its values. Known: 4s, 6s, 8s.", id="another length"),
        pytest.param(LENGTHS, "?", "“?” is not one of its values. Known: 4s, 6s, 8s.", id="nothing like it"),
        pytest.param(
            {"type": "integer", "enum": [1, 2]}, True, "true is not one of its values. Known: 1, 2.",
            id="true is not one",
        ),
        pytest.param(LENGTHS, ["8s"], "a list is not one of its values. Known: 4s, 6s, 8s.", id="a list for a choice"),
        pytest.param(
            IMAGE, "http://example.com/a.png",
            "expected an https:// address or an uploaded file's id (file_…) of the image, "
            "not “http://example.com/a.png”",
            id="plain http",
        ),
        pytest.param(
            IMAGE, "data:image/png;base64,AAAA",
            "expected an https:// address or an uploaded file's id (file_…) of the image, "
            "not “data:image/png;base64,AAAA”",
            id="a data address",
        ),
        pytest.param(
            {"type": "string", "format": "video-url"}, "https://[bad/v.mp4",
            "expected an https:// address or an uploaded file's id (file_…) of the video, not “https://[bad/v.mp4”",
            id="a broken address",
        ),
        pytest.param(
            IMAGE, "file_../../etc",
            "expected an https:// address or an uploaded file's id (file_…) of the image, not “file_../../etc”",
            id="a path for an id",
        ),
        pytest.param(IMAGES, "file_1", "expected a list, not “file_1”", id="one thing for a list"),
        pytest.param(IMAGES, [], "0 items, where 1 to 3 are allowed", id="too few"),
        pytest.param(IMAGES, ["file_1"] * 4, "4 items, where 1 to 3 are allowed", id="too many"),
        pytest.param(
            {"type": "array", "items": WHOLE}, [1, 2.5], "item 2: expected a whole number, not 2.5", id="a wrong item"
        ),
        pytest.param({"type": "array", "items": WHOLE}, [None], "item 1: null is not a number", id="null in a list"),
    ],
)  # fmt: skip
def test_values_that_are_refused(parameter, given, message):
    assert refusal(parameter, given) == f"p: {message}{'' if message.endswith(('.', '?')) else '.'}"


class TestARequest:
    SCHEMA = model(
        {
            "prompt": {"type": "string", "maxLength": 100, "x-order": 1},
            "quality": {"type": "string", "enum": ["low", "high"], "default": "low", "x-order": 3},
            "num_images": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1, "x-order": 2},
            "seed": {"type": "integer"},
        },
        required=["prompt"],
    )

    def test_comes_out_in_the_schemas_order_with_defaults_filled_and_absent_left_out(self):
        params = coerce(self.SCHEMA, {"quality": "high", "prompt": "a tram", "seed": None})
        assert list(params.items()) == [("prompt", "a tram"), ("num_images", 1), ("quality", "high")]

    def test_is_the_same_when_coerced_again(self):
        params = coerce(self.SCHEMA, {"prompt": "a tram", "num_images": "2"})
        assert coerce(self.SCHEMA, params) == params

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"promt": "x"}, "There is no parameter “promt”. Did you mean prompt?"),
            ({"numImages": 2}, "There is no parameter “numImages”. Did you mean num_images?"),
            ({"zzz": None}, "There is no parameter “zzz”. Known: prompt, num_images, quality, seed."),
        ],
    )
    def test_with_an_unknown_parameter_is_refused(self, given, message):
        with pytest.raises(UnknownParameter) as refused:
            coerce(self.SCHEMA, {"prompt": "x", **given})
        assert (refused.value.message, refused.value.param) == (message, next(iter(given)))

    @pytest.mark.parametrize("given", [{}, {"prompt": None}])
    def test_without_a_required_parameter_is_refused(self, given):
        with pytest.raises(InvalidInput, match=r"^prompt is required\.$") as refused:
            coerce(self.SCHEMA, given)
        assert refused.value.param == "prompt"

    def test_with_a_blank_required_text_is_refused(self):
        with pytest.raises(InvalidInput, match="prompt is required and cannot be blank"):
            coerce(self.SCHEMA, {"prompt": "  \n"})

    @pytest.mark.parametrize("given", [None, [], "prompt", 3])
    def test_that_is_no_object_is_refused(self, given):
        with pytest.raises(InvalidInput, match="an object of parameters"):
            coerce(self.SCHEMA, given)


class TestResolvedValues:
    SCHEMA = model(
        {
            "quality": {"type": "string", "enum": ["auto", "low", "high"], "default": "auto"},
            "duration": {"type": "string", "enum": ["4s", "8s"]},
        }
    )

    def test_of_the_provider_win_over_the_requests_in_our_spelling(self):
        found = resolved_values(self.SCHEMA, {"quality": "auto"}, {"quality": "high", "duration": 8})
        assert found == {"quality": "high", "duration": "8s"}

    def test_that_the_schema_does_not_know_are_kept_and_foreign_ones_dropped(self):
        found = resolved_values(self.SCHEMA, {"quality": "auto"}, {"quality": "ultra", "revised_prompt": "x"})
        assert found == {"quality": "ultra"}

    def test_of_files_are_for_the_request_alone_to_say(self):
        schema = model({"picture": IMAGE, "pictures": IMAGES})
        echoed = {"picture": "https://cdn.example.com/a.png", "pictures": []}
        assert resolved_values(schema, {}, echoed) == {}

    def test_that_are_missing_leave_the_requests(self):
        assert resolved_values(self.SCHEMA, {"quality": "low"}, {"quality": None}) == {"quality": "low"}
