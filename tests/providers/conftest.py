import pytest

from app.providers import fal, http, replicate


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tries of a read follow each other at once."""
    monkeypatch.setattr(http, "RETRY_DELAYS_SECONDS", (0, 0))


@pytest.fixture(autouse=True)
def no_memory() -> None:
    """No test verifies a callback with a key another test published."""
    fal._public_keys.forget()
    replicate._secrets.forget()
