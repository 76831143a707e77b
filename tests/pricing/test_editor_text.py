"""The rule as text: layout, and the line a problem is on."""

import json

import pytest

from app.kernel.errors import RuleRefused
from app.pricing.editor_text import line_of, pretty, read_json
from tests.pricing.test_rule_cases import FULL

TEXT = """{
  "type": "formula",
  "billingMode": "charge_on_complete",
  "unit": "image",
  "price": { "perImage": 10 },
  "attributes": [
    { "param": "quality", "is": "high", "add": 6 },
    {
      "param": "size",
      "is": ["1536x1024", "1024x1536"],
      "multiply": 1.5
    }
  ],
  "tiers": [
    {
      "match": { "quality": "ultra", "n": { "gte": 2 } },
      "price": { "perImage": 24 }
    }
  ],
  "minimum": 5,
  "rounding": { "to": 1, "mode": "up" },
  "overage": "cap",
  "refundOnFailure": true
}"""


def test_the_layout():
    assert pretty(FULL) == TEXT


@pytest.mark.parametrize(
    "raw", [{}, [], {"a": []}, {"a": {}, "b": [{}]}, {"ü": 'a"b\\c'}, 3, None, {"a": 0.1}], ids=str
)
def test_the_layout_is_the_same_document(raw):
    assert json.loads(pretty(raw)) == raw


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 1),
        ("unit", 4),
        ("price.perImage", 5),
        ("attributes[0].param", 7),
        ("attributes[1]", 8),
        ("attributes[1].is[1]", 10),
        ("tiers[0].match.n.gte", 16),
        ("tiers[0].price", 17),
        ("tiers[0].match.n.lt", 16),
        ("tiers[0].nothing.at.all", 15),
        ("nothing", 1),
        ("refundOnFailure", 23),
    ],
)
def test_the_line_of_a_path_or_of_its_nearest_parent(path, line):
    assert line_of(TEXT, path) == line


def test_lines_are_found_in_any_layout_and_with_any_text_in_it():
    assert line_of('{"a":\n["x, {\\" [",\n{"b.c":\n1}]}', "a[1].b.c") == 3


def test_what_is_typed_is_read_as_it_is_meant():
    assert read_json(TEXT) == FULL


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param('{"a": 1,\n"b" 2}', 2, "Expecting ':' delimiter.", id="a colon left out"),
        pytest.param('{\n"a": \n}', 3, "Expecting value.", id="a value left out"),
        pytest.param("", 1, "Expecting value.", id="nothing"),
        pytest.param('{"a": 1,\n"a": 2}', 2, "This key appears twice; only one of them could count.", id="a key twice"),
        pytest.param('{"a": NaN}', 1, "NaN is not a figure.", id="NaN"),
        pytest.param('{"a": -Infinity}', 1, "-Infinity is not a figure.", id="infinity"),
        pytest.param('{"a": 1e999}', 1, "1e999 has more digits than a price can have.", id="too large"),
        pytest.param(
            '{"a": 0.1000000000000000000001}', 1, "0.1000000000000000000001 has more digits than a price can have.",
            id="more digits than JSON keeps",
        ),
        pytest.param("[" * 30 + "]" * 30, 1, "The document is nested deeper than 20 levels.", id="too deep"),
        pytest.param("[" * 60_000, 1, "The document is nested deeper than 20 levels.", id="beyond recursion"),
        pytest.param('"' + "x" * 70_000 + '"', 1, "The text is longer than 65,536 bytes.", id="too long"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_its_line(text, line, message):
    with pytest.raises(RuleRefused) as refused:
        read_json(text)
    assert (refused.value.details["line"], refused.value.message) == (line, message)


def test_exactly_twenty_levels_can_be_read():
    assert read_json("[" * 20 + "1" + "]" * 20)
