"""A page in the system's Chromium that fails its test when the page itself is not well.

Not well is: an error in the console, an exception nobody caught, or any request that would leave this machine.

Windows are lent from one test to the next: what costs most about a new one is that the programs of the pages are read
and compiled again.
"""

import functools
import ipaddress
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PLACES = ("/usr/bin/chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
#: Nothing but this machine has an address. (Intercepting requests would do it too, and turn the browser's cache off.)
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]
LOCAL_SCHEMES = {"data", "blob", "about", "chrome-error"}


def find_chromium() -> str | None:
    """A Chromium or Chrome on this machine: `CHROMIUM`, then the usual names and places, then Playwright's own."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else [*(shutil.which(name) for name in NAMES), *PLACES]
    found = next((str(path) for path in candidates if path and Path(path).exists()), None)
    return found or _playwrights_own()


def _playwrights_own() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def running_browser(executable: str) -> Iterator[Browser]:
    """A headless browser for a whole test session."""
    with sync_playwright() as playwright:
        browser = _launch(playwright, executable)
        try:
            yield browser
        finally:
            browser.close()


def _launch(playwright: Playwright, executable: str) -> Browser:
    return playwright.chromium.launch(executable_path=executable, args=FLAGS, headless=True)


@dataclass
class Watch:
    """What went wrong in the pages of one test. `expect` allows a message a test provokes on purpose."""

    troubles: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, part: str) -> None:
        """Messages that contain `part` are no trouble in this test."""
        self.expected.append(part)

    def unexpected(self) -> list[str]:
        return [trouble for trouble in self.troubles if not any(part in trouble for part in self.expected)]

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url')})")

    def uncaught(self, url: str, error: Error) -> None:
        self._note(f"uncaught in {url}: {error}")

    def request(self, request: Request) -> None:
        """A request to anywhere but this machine; it leads nowhere."""
        if not is_local(request.url):
            self._note(f"left this machine: {request.url}")

    def _note(self, trouble: str) -> None:
        self.troubles.append(trouble)


#: What a page does not forget with the next address: a window in which a test did one of these is not lent again.
LASTING = ("add_init_script", "emulate_media", "expose_binding", "expose_function", "on", "once", "route")
FORGET = "localStorage.clear(); sessionStorage.clear()"


class Windows:
    """Windows of one browser, each with cookies of its own.

    `empty` is an address of the server under test that shows nothing: there a window forgets what it stored.
    `options` are for `new_context`.
    """

    def __init__(self, browser: Browser, empty: str, patience_ms: int, **options: Any) -> None:
        self._browser, self._empty, self._patience_ms, self._options = browser, empty, patience_ms, options
        self._idle: dict[bool, list[Page]] = {False: [], True: []}
        self._is_dark: dict[Page, bool] = {}
        self._watches: dict[BrowserContext, Watch] = {}
        self._spent: set[Page] = set()

    def lend(self, watch: Watch, *, width: int, height: int, dark: bool) -> Page:
        """A page as if nobody had used it."""
        idle = self._idle[dark]
        page = idle.pop() if idle else self._open(dark)
        self._watches[page.context] = watch
        page.set_viewport_size({"width": width, "height": height})
        return page

    def take_back(self, page: Page, *, spent: bool) -> None:
        """After this nothing in it complains to the test's watch any more."""
        context = page.context
        if spent or page in self._spent or page.is_closed() or len(context.pages) > 1:
            context.close()
        else:
            page.goto("about:blank")  # what ends with the page may still complain
            del self._watches[context]
            page.goto(self._empty)
            page.evaluate(FORGET)
            context.clear_cookies()
            self._idle[self._is_dark[page]].append(page)

    def _open(self, dark: bool) -> Page:
        context = self._browser.new_context(color_scheme="dark" if dark else "light", **self._options)
        context.set_default_timeout(self._patience_ms)
        context.on("request", lambda request: self._tell(context, "request", request))
        page = context.new_page()
        page.on("console", lambda message: self._tell(context, "console", message))
        page.on("pageerror", lambda error: self._tell(context, "uncaught", page.url, error))
        for name in LASTING:
            setattr(page, name, self._spending(page, getattr(page, name)))
        self._is_dark[page] = dark
        return page

    def _tell(self, context: BrowserContext, what: str, *said: Any) -> None:
        if watch := self._watches.get(context):
            getattr(watch, what)(*said)

    def _spending(self, page: Page, action: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(action)
        def act(*args: Any, **given: Any) -> Any:
            self._spent.add(page)
            return action(*args, **given)

        return act


def is_local(url: str) -> bool:
    """Whether a request to `url` stays on this machine."""
    parts = urlsplit(url)
    if parts.scheme in LOCAL_SCHEMES or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
