"""One sandbox for all tests of this folder; its book is emptied before each."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.sandbox import running_sandbox


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=50) as base:
        yield base


@pytest.fixture
def http(sandbox_url: str) -> Iterator[httpx.Client]:
    """A client of an empty sandbox."""
    with httpx.Client(base_url=sandbox_url, timeout=60, trust_env=False) as client:
        client.post("/book/reset").raise_for_status()
        yield client
