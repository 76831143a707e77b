"""The session's sandbox, which draws plainly; its book is emptied before each test."""

from collections.abc import Iterator

import httpx
import pytest


@pytest.fixture
def http(sandbox_url: str) -> Iterator[httpx.Client]:
    """A client of an empty sandbox."""
    with httpx.Client(base_url=sandbox_url, timeout=60, trust_env=False) as client:
        client.post("/book/reset").raise_for_status()
        yield client
