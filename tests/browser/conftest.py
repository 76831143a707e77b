"""One Farebox and one browser for all pages, one after the other: starting them takes longer than most tests.

So that tests share nothing else, each has customers of its own (`someone`), or models and packages of its own that no
other test names. The demo's customer belongs to the tests of the shell and of the pictures, which only look.
"""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import PATIENCE_MS, chromium
from tests.support.browser import Watch, Windows, running_browser
from tests.support.effort import LONG
from tests.support.newcomer import Newcomer, newcomer
from tests.support.server import Running, running_farebox

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="package")
def farebox(front_end: None, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Farebox with demo data, the sandbox and a worker. The pictures of the long run are for people."""
    with running_farebox(tmp_path_factory.mktemp("farebox"), clips=None if LONG else clips) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium. It ends with this package: while it is there, nobody in this process can `asyncio.run`."""
    with running_browser(chromium()) as running:
        yield running


@pytest.fixture(scope="package")
def windows(browser: Browser, farebox: Running) -> Windows:
    """The browser's windows."""
    return Windows(
        browser,
        f"{farebox.url}/favicon.svg",
        PATIENCE_MS,
        reduced_motion="no-preference" if LONG else "reduce",  # no graphics card here: what moves costs a core
        accept_downloads=True,
        permissions=["clipboard-read", "clipboard-write"],
    )


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test for what went wrong in its pages; `watch.expect(part)` allows what a test provokes."""
    watching = Watch()
    yield watching
    assert not watching.unexpected(), "\n".join(watching.unexpected())


@pytest.fixture
def visitor(
    windows: Windows, watch: Watch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Opens a page for somebody with cookies of their own: `visitor(width=390, dark=True)`.

    Playwright keeps an event loop in this thread: a test with a page cannot call `asyncio.run`.
    """
    lent: list[Page] = []

    def open_page(*, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        page = windows.lend(watch, width=width, height=height, dark=dark)
        lent.append(page)
        return page

    yield open_page
    failed = FAILED in request.node.stash
    for number, page in enumerate(lent, 1):
        if failed and not page.is_closed():
            page.screenshot(path=tmp_path / f"last-{number}.png")
        windows.take_back(page, spent=failed)


@pytest.fixture
def page(visitor: Callable[..., Page]) -> Page:
    """A page at 1280 × 900 in the light theme."""
    return visitor()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests failed: pytest keeps their folders, and a picture belongs there."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def someone(farebox: Running) -> Newcomer:
    """A customer of this test alone, with 10,000 credits."""
    return newcomer(farebox)
