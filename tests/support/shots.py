"""Pictures of pages: 1440 and 390 wide, light and dark.

    python -m tests.support.shots --url http://127.0.0.1:3000 --into /tmp/shots --as operator /admin /admin/models

`--as operator|customer` goes through the demo's door first. Prints what the browser complained about.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
SIZES = {"1440": (1440, 900), "390": (390, 844)}
SCHEMES = ("light", "dark")
SETTLE_MS = 700


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield opened
        finally:
            opened.close()


def enter(page: Page, url: str, role: str) -> None:
    """Sign in as the demo's one-click door does, without waiting for a page."""
    sent = page.context.request.post(
        f"{url}/session/demo", form={"role": role}, headers={"Origin": url}, max_redirects=0
    )
    assert sent.status == 303, sent.text()


def context_of(opened: Browser, size: str, scheme: str, complaints: list[str]) -> BrowserContext:
    """A window of that size and colour scheme which writes its complaints down."""
    width, height = SIZES[size]
    context = opened.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=size == "390",
    )

    def on_page(page: Page) -> None:
        page.on("console", lambda m: complaints.append(f"{size} {m.text}") if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(f"{size} {error}"))

    context.on("page", on_page)
    return context


def shoot(
    url: str,
    paths: Sequence[str],
    into: Path,
    *,
    role: str | None = None,
    sizes: Sequence[str] = tuple(SIZES),
    schemes: Sequence[str] = SCHEMES,
    full: bool = False,
) -> list[str]:
    """Take every page in every size and scheme into the folder `into`; returns what the browser complained about."""
    into.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with browser() as opened:
        for size in sizes:
            for scheme in schemes:
                context = context_of(opened, size, scheme, complaints)
                page = context.new_page()
                if role:
                    enter(page, url, role)
                for path in paths:
                    page.goto(url + path)
                    page.wait_for_load_state("networkidle")
                    page.wait_for_timeout(SETTLE_MS)
                    name = path.strip("/").replace("/", "_") or "home"
                    page.screenshot(path=into / f"{name}_{size}_{scheme}.png", full_page=full)
                context.close()
    return complaints


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--url", default="http://127.0.0.1:3000")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--as", dest="role", choices=["operator", "customer"])
    parser.add_argument("--size", choices=list(SIZES), action="append")
    parser.add_argument("--scheme", choices=SCHEMES, action="append")
    parser.add_argument("--full", action="store_true", help="the whole page, not only the window")
    given = parser.parse_args()
    complaints = shoot(
        given.url,
        given.paths,
        given.into,
        role=given.role,
        sizes=given.size or tuple(SIZES),
        schemes=given.scheme or SCHEMES,
        full=given.full,
    )
    for complaint in dict.fromkeys(complaints):
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
