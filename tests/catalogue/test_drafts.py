"""A fixed price as an operator types it."""

import pytest

from app.catalogue.drafts import credits_of


@pytest.mark.parametrize(("typed", "micros"), [(None, None), ("  ", None), ("10", 10_000_000), (" 0.75 ", 750_000)])
def test_what_is_understood(typed, micros):
    assert credits_of(typed) == micros


@pytest.mark.parametrize("typed", ["-1", "ten", "NaN", "0.0000001", "1e999999999", "1e-999999999", "9" * 40])
def test_what_is_not(typed):
    with pytest.raises((ValueError, OverflowError)):
        credits_of(typed)
