"""A page in the system's Chromium that fails its test when the page itself is not well.

Not well is: an error in the console, an exception nobody caught, or any request that would leave this machine.
"""

import ipaddress
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, sync_playwright

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

    def attach(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._note(f"uncaught in {page.url}: {error}"))

    def watch_foreign(self, context: BrowserContext) -> None:
        """Note every request to anywhere but this machine; it leads nowhere."""
        context.on("request", self._request)

    def unexpected(self) -> list[str]:
        return [trouble for trouble in self.troubles if not any(part in trouble for part in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        if not is_local(request.url):
            self._note(f"left this machine: {request.url}")

    def _note(self, trouble: str) -> None:
        self.troubles.append(trouble)


def is_local(url: str) -> bool:
    """Whether a request to `url` stays on this machine."""
    parts = urlsplit(url)
    if parts.scheme in LOCAL_SCHEMES or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
