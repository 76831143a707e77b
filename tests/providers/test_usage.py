"""Figures in providers' answers: exact or nothing, and never one that would keep the books busy for ever."""

from decimal import Decimal
from typing import Any

import pytest

from app.providers.openai_answers import reported
from app.providers.usage import number


@pytest.mark.parametrize(
    ("said", "figure"),
    [
        pytest.param("0", "0", id="an explicit zero"),
        pytest.param("0e999999999", "0", id="a zero written at length"),
        pytest.param(Decimal("3.008"), "3.008", id="a fraction"),
        pytest.param("1e-999999999", "0E-18", id="finer than anything"),
        pytest.param("0.1234567890123456789", "0.123456789012345679", id="finer than we count"),
        pytest.param(10**12, "1000000000000", id="the most"),
        pytest.param(10**12 + 1, None, id="more than the most"),
        pytest.param("1e999999999", None, id="beyond all reason"),
        pytest.param(-1, None, id="less than nothing"),
        pytest.param(True, None, id="no figure"),
    ],
)
def test_a_figure_is_exact_within_reason_or_not_reported(said: Any, figure: str | None) -> None:
    assert str(number(said)) == str(figure)


def test_a_provider_that_reports_more_than_there_can_be_reported_nothing() -> None:
    assert reported({"usage": {"prompt_tokens": 1e308, "completion_tokens": 2**62}}) is None
