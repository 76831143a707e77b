"""When a tier applies: scalars, lists, ranges and absence, in the parameter's own spelling."""

import pytest

from app.pricing.conditions import all_hold
from app.pricing.rule import parse_rule
from tests.pricing.shop import choice, rule, schema

MODEL = schema(
    {
        "quality": choice("auto", "low", "high"),
        "duration": choice("4s", "6s", "8s", default="8s"),
        "height": choice("480p", "720p", "1080p", "auto", default="auto"),
        "steps": {"type": "integer", "minimum": 1, "maximum": 50},
        "scale": {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1, "default": 0.5},
        "hd": {"type": "boolean"},
        "pictures": {"type": "array", "items": {"type": "string", "format": "image-url"}},
        "picture": {"type": "string", "format": "image-url"},
        "voice": {"type": "string"},
    }
)


def holds(match, **values):
    read = parse_rule(rule("image", {"perImage": 1}, tiers=[{"match": match, "price": {"perImage": 2}}]), MODEL)
    return all_hold(read.tiers[0].match, values)


@pytest.mark.parametrize(
    ("match", "values", "expected"),
    [
        pytest.param({"quality": "high"}, {"quality": "high"}, True, id="a scalar"),
        pytest.param({"quality": "high"}, {"quality": "low"}, False, id="another scalar"),
        pytest.param({"quality": "high"}, {}, False, id="absent is not high"),
        pytest.param({"quality": "absent"}, {}, True, id="absent is its own value"),
        pytest.param({"quality": "absent"}, {"quality": "auto"}, False, id="auto is not absent"),
        pytest.param({"quality": ["low", "high"]}, {"quality": "low"}, True, id="any of a list"),
        pytest.param({"quality": ["low", "absent"]}, {}, True, id="absent in a list"),
        pytest.param({"quality": ["low", "absent"]}, {"quality": "high"}, False, id="none of a list"),
        pytest.param({"duration": 8}, {"duration": "8s"}, True, id="8 is 8s"),
        pytest.param({"duration": "8"}, {"duration": "8s"}, True, id="the text 8 is 8s"),
        pytest.param({"duration": {"gte": 6}}, {"duration": "6s"}, True, id="a range over seconds"),
        pytest.param({"duration": {"gt": "6s"}}, {"duration": "6s"}, False, id="a strict end excludes itself"),
        pytest.param({"height": {"gte": 720}}, {"height": "1080p"}, True, id="a range over a shared suffix"),
        pytest.param({"height": {"gte": 720}}, {"height": "auto"}, False, id="auto lies in no range"),
        pytest.param({"steps": {"gte": 10, "lt": 20}}, {"steps": 10}, True, id="the lower end belongs"),
        pytest.param({"steps": {"gte": 10, "lt": 20}}, {"steps": 20}, False, id="the strict upper end does not"),
        pytest.param({"steps": {"lte": 10}}, {}, False, id="absent lies in no range"),
        pytest.param({"scale": 0.3}, {"scale": 0.3}, True, id="a float compares by its shortest form"),
        pytest.param({"scale": {"lte": 0.1}}, {"scale": 0.1}, True, id="and so do the ends of ranges"),
        pytest.param({"scale": 0.3}, {"scale": float("nan")}, False, id="what a provider reports may be no number"),
        pytest.param({"scale": {"gte": 0}}, {"scale": float("inf")}, False, id="or infinite"),
        pytest.param({"hd": True}, {"hd": True}, True, id="a switch"),
        pytest.param({"hd": "false"}, {"hd": False}, True, id="a switch written as text"),
        pytest.param({"hd": False}, {}, False, id="an absent switch is not off"),
        pytest.param({"picture": "present"}, {"picture": "file_01"}, True, id="a file is there"),
        pytest.param({"picture": "present"}, {}, False, id="a file is not there"),
        pytest.param({"picture": "absent"}, {"picture": "file_01"}, False, id="a file is not absent"),
        pytest.param({"pictures": "present"}, {"pictures": ["file_01"]}, True, id="a list is there"),
        pytest.param({"voice": "Rachel"}, {"voice": "Rachel"}, True, id="free text"),
        pytest.param({"quality": "low", "steps": 3}, {"quality": "low", "steps": 4}, False, id="all keys must hold"),
        pytest.param({"steps": 99}, {"steps": 99}, True, id="a number out of range may be named, it is never reached"),
    ],
)
def test_match(match, values, expected):
    assert holds(match, **values) is expected


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ({"quality": "high"}, "quality = high"),
        ({"quality": ["low", "high", "absent"]}, "quality is low, high or absent"),
        ({"steps": {"gte": 2}}, "steps ≥ 2"),
        ({"steps": {"gt": 2, "lt": 9}}, "steps > 2 and < 9"),
        ({"hd": True, "scale": 0.5}, "hd = true, scale = 0.5"),
        ({"picture": "present"}, "picture = present"),
    ],
    ids=str,
)
def test_conditions_in_words(match, words):
    read = parse_rule(rule("image", {"perImage": 1}, tiers=[{"match": match, "price": {"perImage": 2}}]), MODEL)
    assert ", ".join(map(str, read.tiers[0].match)) == words


def test_without_a_schema_values_are_taken_as_written():
    read = parse_rule(rule("image", {"perImage": 1}, tiers=[{"match": {"x": [2, "2"]}, "price": {"perImage": 2}}]))
    condition = read.tiers[0].match[0]
    assert [condition.test.holds(value) for value in (2, "2", 2.0, "3", None)] == [True, True, True, False, False]
