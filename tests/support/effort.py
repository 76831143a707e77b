"""How hard to try: `make test` is quick enough to run always, `make test-long` is for the night."""

import os
from collections.abc import Iterable
from typing import Any

import pytest

#: Whether this is `make test-long`.
LONG = os.environ.get("FAREBOX_LONG") == "1"
#: Whether a person is looking, or a machine decides by the exit code.
CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}


def times(usual: int, long: int) -> int:
    """A count of seeds, kills or rounds: the usual one, or the long run's."""
    return long if LONG else usual


def sweep(points: Iterable[Any], *always: Any) -> list[Any]:
    """For `parametrize`: every point, but in the usual run only those that say most."""
    swept = list(points)
    assert set(always) <= set(swept), set(always) - set(swept)
    return [point if point in always else _later(point) for point in swept]


def _later(point: Any) -> Any:
    return pytest.param(*(point if isinstance(point, tuple) else (point,)), marks=pytest.mark.long)
