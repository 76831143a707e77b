"""From the press of a switch, a select or a slider to the new price in the page, as a customer's eyes have it.

The clock starts in the browser with the event itself and stops with the change of the page's price; between them are
the socket, the guard, the checked request, the quote and React. The yardstick is a press that prices nothing.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from tests.bench.row import Row
from tests.support.browser import find_chromium, running_browser
from tests.support.built import ensure_front_end
from tests.support.server import running_farebox

TARGET_MS = 60.0
PRESSES = 40
WARM_UP = 5
APART_MS = 120  # a person's pace, and past the slider's own pause

STOPWATCH = """
(what) => {
  window.fbTimes = [];
  window.fbStart = null;
  const start = () => { if (window.fbStart === null) window.fbStart = performance.now(); };
  for (const kind of ["click", "input", "keydown"]) document.addEventListener(kind, start, true);
  new MutationObserver(() => {
    const shown = document.querySelector(what.selector)?.getAttribute(what.attribute);
    if (shown === window.fbShown) return;
    window.fbShown = shown;
    if (window.fbStart !== null) window.fbTimes.push(performance.now() - window.fbStart);
    window.fbStart = null;
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}
"""
PRICE = {"selector": '[data-testid="price"]', "attribute": "data-price"}
FOLD = {"selector": '[data-testid="advanced"]', "attribute": "aria-expanded"}


def run() -> list[Row]:
    """p95 for each kind of control."""
    executable = find_chromium()
    if executable is None:
        raise RuntimeError("no Chromium or Chrome was found: install one, or name one in CHROMIUM")
    with tempfile.TemporaryDirectory() as folder:
        ensure_front_end(Path(folder) / "build")
        with running_farebox(Path(folder)) as farebox, running_browser(executable) as browser:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{farebox.url}/login")
            page.get_by_test_id("demo-customer").click()
            page.wait_for_url("**/playground*")
            empty = _measure(page, farebox.url, "flux-dev", FOLD, _fold)
            found = {
                "switch": _measure(page, farebox.url, "veo3.1", PRICE, _switch),
                "select": _measure(page, farebox.url, "seedance-1-pro", PRICE, _select),
                "slider": _measure(page, farebox.url, "flux-schnell", PRICE, _slider),
            }
    return [_row(name, times, empty) for name, times in found.items()]


def _row(name: str, times: list[float], empty: list[float]) -> Row:
    p95 = _p95(times)
    return {
        "name": f"{name} → price in the page, p95",
        "value": p95,
        "unit": "ms",
        "yardstick": f"{_p95(empty):.0f} ms for a press that prices nothing",
        "ratio": p95 / _p95(empty),
        "target": f"≤ {TARGET_MS:g} ms",
        "ok": p95 <= TARGET_MS,
    }


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def _measure(page: Page, url: str, model: str, what: dict[str, str], press: Callable[[Page, int], None]) -> list[float]:
    """The times of `PRESSES` presses on this model's form."""
    page.goto(f"{url}/playground?model={model}")
    page.wait_for_selector(what["selector"])
    page.wait_for_timeout(800)
    page.evaluate(STOPWATCH, what)
    times: list[float] = []
    for number in range(WARM_UP + PRESSES):
        page.evaluate("window.fbStart = null")
        seen = page.evaluate("window.fbTimes.length")
        press(page, number)
        page.wait_for_function("(seen) => window.fbTimes.length > seen", arg=seen, timeout=5_000)
        if number >= WARM_UP:
            times.append(float(page.evaluate("window.fbTimes.at(-1)")))
        page.wait_for_timeout(APART_MS)
    return times


def _fold(page: Page, _number: int) -> None:
    page.get_by_test_id("advanced").click()


def _switch(page: Page, _number: int) -> None:
    page.get_by_test_id("field-generate_audio").get_by_role("switch").click()


def _select(page: Page, number: int) -> None:
    page.get_by_test_id("field-duration").get_by_role("combobox").click()
    option = page.get_by_role("option", name=str(3 + number % 2), exact=True)
    option.hover()
    page.evaluate("window.fbStart = null")
    option.click()


def _slider(page: Page, number: int) -> None:
    slider = page.get_by_test_id("field-num_images").get_by_role("slider")
    slider.focus()
    page.evaluate("window.fbStart = null")
    slider.press("ArrowRight" if number % 2 == 0 else "ArrowLeft")
