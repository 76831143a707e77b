"""Quantities from properties: exact, bounded, and refused rather than guessed."""

from fractions import Fraction

import pytest

from app.kernel.errors import InvalidInput
from app.metering.expression import compile_expression


@pytest.mark.parametrize(
    ("text", "properties", "quantity"),
    [
        ("a - b - c", {"a": 10, "b": 3, "c": 2}, "5"),
        ("2 + 3 * 4", {}, "14"),
        ("-(a) * 2", {"a": "1.5"}, "-3"),
        ("a / 3 * 3", {"a": 10}, "10"),
        ("a * 0.1", {"a": 0.3}, "0.03"),
        ("7 % 4 + -7 % 4", {}, "0"),
        ("a > 1 && b > 1 ? 1 : a > 1 || b > 1 ? 2 : 3", {"a": 5}, "2"),
        ("!(a == 1) ? 4 : 5", {"a": "1.0"}, "5"),
        ("hd ? 2 : 1", {"hd": True}, "2"),
        ("max(1, floor(a), 2) + min(a, 9) + abs(-1)", {"a": "3.7"}, "7.7"),
        ("round(a)", {"a": "2.5"}, "3"),
    ],
)
def test_a_quantity(text, properties, quantity):
    assert compile_expression(text).of(properties) == Fraction(quantity)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "(a",
        "a b",
        "1..2",
        "a = b",
        "size()",
        "open(a)",
        "pow(a)",
        "a ? b",
        "$",
        "(" * 80,
        "-" * 80 + "1",
        "1" * 1001,
    ],
)
def test_what_cannot_be_understood_is_refused(text):
    with pytest.raises(InvalidInput) as refused:
        compile_expression(text)
    assert refused.value.stable_code == "invalid_expression"


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("a / b", {"a": 1}),
        ("a % 0", {"a": 1}),
        ("a * 2", {"a": "many"}),
        ("a * 2", {"a": "NaN"}),
        ("a * 2", {"a": "1e999999"}),
        ("a * 2", {"a": ["1"]}),
        ("a * 2", {"a": True}),
        ("a > 1", {"a": 2}),
        ("a ? 1 : 2", {"a": 2}),
        ("pow(pow(pow(10, 64), 64), 64)", {}),
        ("pow(2, 0.5)", {}),
        ("pow(0, -1)", {}),
    ],
)
def test_properties_that_give_no_quantity(text, properties):
    with pytest.raises(InvalidInput) as refused:
        compile_expression(text).of(properties)
    assert refused.value.stable_code == "expression_failed"
