"""One Farebox and one browser for all pages, one after the other: starting them takes longer than most tests.

So that tests share nothing else, each has customers of its own (`someone`), or models and packages of its own that no
other test names. The demo's customer belongs to the tests of the shell and of the pictures, which only look.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.conftest import chromium
from tests.support.browser import running_browser
from tests.support.newcomer import Newcomer, newcomer
from tests.support.server import Running, running_farebox


@pytest.fixture(scope="package")
def farebox(front_end: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Farebox with demo data, the sandbox and a worker."""
    with running_farebox(tmp_path_factory.mktemp("farebox")) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium. It ends with this package: while it is there, nobody in this process can `asyncio.run`."""
    with running_browser(chromium()) as running:
        yield running


@pytest.fixture
def someone(farebox: Running) -> Newcomer:
    """A customer of this test alone, with 10,000 credits."""
    return newcomer(farebox)
