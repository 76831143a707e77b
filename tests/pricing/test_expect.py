"""The usage a request will have, read from its parameters."""

from decimal import Decimal

import pytest

from app.pricing.expect import character_count, expected_usage, filled
from app.pricing.usage import Output, Usage
from tests.pricing.shop import N, choice, film, schema

SECOND = {"x-meter": "second"}


@pytest.mark.parametrize(
    ("properties", "given", "seconds"),
    [
        pytest.param({"d": choice("4s", "8s", **SECOND)}, {"d": "8s"}, 8, id="seconds in text"),
        pytest.param({"d": choice(5, 10, **SECOND)}, {"d": 5}, 5, id="whole seconds"),
        pytest.param({"d": {"type": "number", **SECOND}}, {"d": 2.5}, Decimal("2.5"), id="a float"),
        pytest.param({"d": {"type": "number", "maximum": 9, **SECOND}}, {}, 9, id="open: the longest"),
        pytest.param({"d": choice("auto", "4", "6", **SECOND)}, {"d": "auto"}, 6, id="auto: the longest"),
        pytest.param({"d": {"type": "number", **SECOND}}, {}, None, id="open without end: unknown"),
        pytest.param({"f": {"type": "integer", **SECOND, "x-per": 16}}, {"f": 81}, Decimal("5.0625"), id="frames"),
        pytest.param(
            {"f": {"type": "integer", **SECOND, "x-per": 24}}, {"f": 100}, Decimal("4.166666666666"), id="cut, not up"
        ),
        pytest.param({}, {}, None, id="nothing says"),
    ],
)
def test_seconds(properties, given, seconds):
    assert expected_usage(schema(properties), given).outputs[0].seconds == seconds


def test_lengths_of_input_files_add_up_and_an_unknown_one_is_unknown():
    model = schema({"d": choice("4", "8", **SECOND), "clip": {"type": "string", "format": "video-url", **SECOND}})

    def seconds(given, lengths=None):
        return expected_usage(model, given, lengths=lengths).outputs[0].seconds

    assert seconds({"d": "4"}) == 4
    assert seconds({"d": "4", "clip": "file_1"}, {"clip": Decimal("2.5")}) == Decimal("6.5")
    assert seconds({"d": "4", "clip": "file_1"}) is None


@pytest.mark.parametrize(
    ("given", "size"),
    [
        pytest.param({"r": "720p", "a": "16:9"}, (1280, 720), id="two values make a key"),
        pytest.param({"r": "480p", "a": "auto"}, (656, 656), id="the largest of what fits"),
        pytest.param({}, (1280, 720), id="the largest of all"),
        pytest.param({"r": "720p", "a": "1:1"}, (None, None), id="a gap in the table"),
    ],
)
def test_a_size_table_over_two_parameters(given, size):
    values = {"720p|16:9": [1280, 720], "480p|16:9": [854, 480], "480p|1:1": [656, 656]}
    model = schema(
        {"r": choice("480p", "720p"), "a": choice("16:9", "1:1", "auto")}, size={"by": ["r", "a"], "values": values}
    )
    output = expected_usage(model, given).outputs[0]
    assert (output.width, output.height) == size


@pytest.mark.parametrize(("given", "size"), [("1536x1024", (1536, 1024)), ("wide", (None, None)), (None, (None, None))])
def test_a_size_may_be_written_out(given, size):
    model = schema({"size": {"type": "string"}}, size={"by": ["size"]})
    output = expected_usage(model, {"size": given} if given else {}).outputs[0]
    assert (output.width, output.height) == size


def test_width_and_height_of_their_own_come_before_the_table():
    model = schema(
        {
            "width": {"type": "integer", "default": 512, "maximum": 2048, "x-meter": "width"},
            "height": {"type": "integer", "maximum": 2048, "x-meter": "height"},
        }
    )
    output = expected_usage(model, {"width": 512}).outputs[0]
    assert (output.width, output.height) == (512, 2048)


def test_outputs_are_as_many_as_asked_for():
    assert len(expected_usage(schema({"n": N}), {"n": 3}).outputs) == 3
    assert len(expected_usage(schema({}), {}).outputs) == 1


def test_frames_per_second_come_from_the_request_else_from_the_model():
    model = schema({"fps": {"type": "integer", "maximum": 60, "x-meter": "fps"}}, fps=24)
    assert expected_usage(model, {"fps": 30}).outputs[0].fps == 30
    assert expected_usage(model, {}).outputs[0].fps == 60
    assert expected_usage(schema({}, fps=24), {}).outputs[0].fps == 24


def test_characters_are_code_points_of_every_metered_text():
    text = {"type": "string", "x-meter": "character"}
    model = schema({"text": text, "title": text, "note": {"type": "string"}})
    assert character_count(model, {"text": "Grüße 👋🏽", "title": "ab", "note": "free"}) == 8 + 2
    assert character_count(model, {}) == 0
    assert character_count(schema({"note": {"type": "string"}}), {"note": "free"}) is None


def test_a_reported_zero_is_kept_and_a_missing_measure_filled():
    expected = Usage((Output(1024, 1024, Decimal(5)),), characters=7)
    made = filled(Usage((Output(seconds=Decimal(0)), Output(width=512))), expected)
    assert made.outputs == (Output(1024, 1024, Decimal(0)), Output(512, 1024, Decimal(5)))
    assert made.characters == 7


def test_the_number_of_outputs_is_never_guessed():
    assert filled(Usage(), Usage((Output(),) * 3)).outputs == ()
    assert len(filled(film("1", "2"), Usage()).outputs) == 2
