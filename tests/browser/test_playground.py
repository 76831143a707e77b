"""A customer's whole story in the playground: an image, a video watched through a reload, too few credits; and the
programs the page offers, run as they are."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace as changed
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from app.ui.pages.playground.slip_view import PRESS_MS
from app.ui.pages.playground.snippets import LANGUAGES, Request, snippet
from tests.files.samples import picture_bytes
from tests.support.newcomer import Newcomer, newcomer
from tests.support.server import Running

pytestmark = pytest.mark.browser
SLOW_MS = 60_000


def enter(page: Page, who: Newcomer, path: str = "/playground") -> None:
    """A customer, signed in, goes there."""
    who.enter(page).goto(who.url + path)
    expect(page.get_by_test_id("price")).to_be_visible()


def available(who: Newcomer) -> Decimal:
    """What the API says can be spent."""
    said = httpx.get(f"{who.url}/v1/balance", headers=who.headers).raise_for_status().json()
    return Decimal(str(said["credits"]["available"]))


def run_button(page: Page):
    return page.get_by_test_id("run")


def test_an_image_then_a_video_through_a_reload_and_then_too_few_credits(
    farebox: Running, someone: Newcomer, page: Page, visitor: Callable[..., Page]
):
    # An image: the price follows the form, the button bears it, the charge equals it.
    enter(page, someone, "/playground?model=flux-schnell")
    expect(run_button(page)).to_contain_text("Run · 10 credits")
    page.get_by_role("textbox", name="Prompt").fill("A red tram on a stone viaduct")
    page.get_by_test_id("field-num_images").get_by_role("slider").press("ArrowRight")
    expect(run_button(page)).to_contain_text("Run · 20 credits")
    page.get_by_role("radio", name="PNG").click()
    expect(run_button(page)).to_contain_text("Run · 24 credits")
    page.get_by_test_id("why").click()
    expect(page.get_by_text("output_format = png adds 2.")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Prompt").press("Control+Enter")
    expect(page.get_by_test_id("charged")).to_have_text("24", timeout=SLOW_MS)
    expect(page.get_by_text("Exact")).to_be_visible()
    expect(page.get_by_test_id("result-image")).to_have_js_property("naturalWidth", 1024)
    assert available(someone) == 10_000 - 24
    expect(page.locator(".fb-balance-card")).to_contain_text("9,976")

    # Full size, with the arrows.
    page.get_by_test_id("result-open").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 of 2")
    page.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text("2 of 2")
    page.keyboard.press("Escape")

    # A video: chosen with the keyboard, watched through a reload and in a second tab.
    page.get_by_test_id("model-picker").click()
    page.keyboard.type("kling")
    page.keyboard.press("Enter")
    expect(run_button(page)).to_contain_text("Run · 500 credits")
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value("A red tram on a stone viaduct")
    page.get_by_role("textbox", name="Prompt").fill("Paper boats in a gutter [[fault:slow=25]]")
    expect(page.get_by_test_id("snippet")).to_contain_text("Paper boats")
    run_button(page).click()
    job = page.get_by_test_id("job").locator("visible=true")
    expect(job).to_contain_text("500 credits held")
    page.reload()
    expect(job).to_contain_text("500 credits held")
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value("Paper boats in a gutter [[fault:slow=25]]")
    second = visitor()
    enter(second, someone)
    expect(second.get_by_test_id("job").locator("visible=true")).to_contain_text("Kling")
    expect(page.get_by_test_id("result-video")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_test_id("charged")).to_have_text("500")
    expect(second.get_by_test_id("result-video")).to_be_visible(timeout=SLOW_MS)
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(5, abs=0.2)
    _winds(page)
    assert available(someone) == 10_000 - 24 - 500

    # Too few credits: the slip says how many are missing, and nothing runs.
    page.goto(f"{someone.url}/playground?model=veo3.1")
    page.get_by_role("radio", name="4k").click()
    page.get_by_role("textbox", name="Prompt").fill("A heron lifts off a lake [[fault:slow=20]]")
    expect(run_button(page)).to_contain_text("Run · 6,720 credits")
    run_button(page).click()
    expect(page.get_by_test_id("confirm-question")).to_contain_text("estimated at 6,720 credits")
    page.get_by_test_id("confirm-yes").click()
    expect(job).to_contain_text("6,720 credits held")
    words = page.get_by_test_id("slip-words")
    expect(words).to_contain_text("You need 3,964 more credits")
    expect(words.get_by_role("link", name="Top up")).to_be_visible()
    expect(run_button(page)).to_be_disabled()
    page.get_by_test_id("cancel").locator("visible=true").click()
    expect(job).to_contain_text("0 charged, 6,720 back", timeout=SLOW_MS)
    expect(run_button(page)).to_be_enabled()
    assert available(someone) == 10_000 - 24 - 500
    audit = farebox.command("audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr


def _winds(page: Page) -> None:
    """The player can be wound: the file route answers ranges."""
    status = page.evaluate(
        """async () => {
          const answer = await fetch(document.querySelector("video").src, { headers: { Range: "bytes=0-99" } });
          return [answer.status, (await answer.arrayBuffer()).byteLength];
        }"""
    )
    assert status == [206, 100]


def test_a_picture_goes_in_and_the_gallery_has_what_came_out(someone: Newcomer, page: Page, tmp_path: Path):
    enter(page, someone, "/playground?model=hailuo-02")
    run_button(page).click()
    field = page.get_by_test_id("field-image_url")
    expect(field).to_contain_text("This is needed.")
    picture = tmp_path / "harbour.png"
    picture.write_bytes(picture_bytes(size=(640, 400)))
    field.locator("input[type=file]").set_input_files(picture)
    expect(field).to_contain_text("harbour.png")
    expect(field).to_contain_text("640 × 400")
    expect(field.locator("img")).to_have_js_property("complete", True)
    page.get_by_role("textbox", name="Prompt").fill("The boats begin to move")
    expect(page.get_by_test_id("snippet")).to_contain_text("The boats begin to move")
    page.wait_for_timeout(PRESS_MS)  # a press soon after another is taken for a double click
    run_button(page).click()
    expect(page.get_by_test_id("result-video")).to_be_visible(timeout=SLOW_MS)
    with page.expect_download():
        page.get_by_test_id("download").click()

    page.goto(f"{someone.url}/gallery")
    card = page.get_by_test_id("gallery-card")
    expect(card).to_have_count(1)
    page.get_by_label("Search the words").fill("nothing of the kind")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear the filters").click()
    card.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Hailuo 02 Standard")
    expect(dialog).to_contain_text("390 credits")
    with page.expect_download():
        dialog.get_by_role("link", name="Download").click()
    dialog.get_by_test_id("gallery-again").click()
    page.wait_for_url("**/playground?from=gen_*")
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value("The boats begin to move")
    expect(page.get_by_test_id("field-image_url")).to_contain_text("640 × 400")


def test_on_a_phone_everything_is_within_reach(farebox: Running, someone: Newcomer, visitor: Callable[..., Page]):
    page = visitor(width=390, height=844)
    enter_on_a_phone(page, someone)
    page.get_by_role("textbox", name="Prompt").fill("A quiet harbour")
    run_button(page).click()
    expect(page.get_by_test_id("job").locator("visible=true")).to_contain_text("10 credits held")
    card = page.get_by_role("button", name="Open the result")
    expect(card).to_contain_text("Charged 10, as estimated", timeout=SLOW_MS)
    page.get_by_test_id("slip-brief").click()
    expect(page.get_by_test_id("slip")).to_be_visible()
    card.click()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    page.get_by_role("button", name="Back to the form").click()
    page.get_by_role("button", name="History").locator("visible=true").click()
    expect(page.get_by_role("dialog")).to_contain_text("A quiet harbour")
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    newcomer(farebox, credits=3).enter(page).goto(f"{farebox.url}/playground?model=flux-schnell")
    expect(page.get_by_test_id("slip-brief")).to_contain_text("You need 7 more credits")
    expect(run_button(page)).to_be_disabled()
    page.get_by_test_id("brief-credits").click()  # without opening the slip
    expect(page).to_have_url(f"{farebox.url}/top-up")


def enter_on_a_phone(page: Page, who: Newcomer) -> None:
    who.enter(page).goto(f"{who.url}/playground?model=flux-schnell")
    expect(run_button(page)).to_contain_text("Run · 10 credits")


RUNNERS = {
    "curl": ["bash", "-c"],
    "python": [sys.executable, "-c"],
    "node": [shutil.which("node") or shutil.which("bun") or "node", "--input-type=module", "-e"],
}


@pytest.mark.long  # the same programs, as the quick start has them, run in `tests/api/test_quick_start.py`
def test_the_programs_of_the_page_run_as_they_are(someone: Newcomer):
    """Each language, an image and a video: a dry run that costs nothing, then the run, at the price it named."""
    image = Request(someone.url, "flux-schnell", "images", {"prompt": 'It\'s a "tram"', "num_images": 2})
    video = Request(someone.url, "wan-2.2-turbo", "videos", {"prompt": "A lantern", "resolution": "480p"})
    for request, credits in ((image, 20), (video, 75)):
        for language in LANGUAGES:
            before = available(someone)
            said = _run(someone, language, snippet(request, language, dry_run=True))
            assert f"{credits}" in said, (language, said)
            if language != "curl":
                assert f"{credits} credits:" in said, (language, said)
                assert f"charged {credits} credits" in said, (language, said)
                assert f"{someone.url}/files/" in said, (language, said)
            _wait_for_all(someone)
            assert available(someone) == before - credits, language
    only_run = snippet(changed(image, given={"prompt": "x"}), "curl", dry_run=False)
    assert re.search(r'"url": ?"http', _run(someone, "curl", only_run))


def _run(who: Newcomer, language: str, program: str) -> str:
    runner = RUNNERS[language]
    if "bun" in runner[0]:
        runner = [runner[0], "-e"]
    env = {**os.environ, "FAREBOX_KEY": who.api_key}
    done = subprocess.run([*runner, program], env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _wait_for_all(who: Newcomer) -> None:
    """Until nothing is held any more: the curl program starts a video and does not wait for it."""
    for _ in range(300):
        said = httpx.get(f"{who.url}/v1/balance", headers=who.headers).raise_for_status().json()
        if said["credits"]["held"] == 0:
            return
        time.sleep(0.2)
    raise AssertionError("something is still held after a minute")


def test_a_text_is_priced_written_charged_and_found_again(someone: Newcomer, page: Page):
    enter(page, someone, "/playground?model=gpt-4o-mini")
    page.get_by_role("textbox", name="Prompt").fill("Three harbours in the Baltic [[fault:stall=8]]")
    expect(run_button(page)).to_contain_text("at most")
    expect(page.get_by_test_id("snippet")).to_contain_text("/v1/chat/completions")
    run_button(page).click()
    expect(page.get_by_test_id("coming")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_test_id("charged")).to_be_visible(timeout=SLOW_MS)
    words = page.get_by_test_id("result-text").inner_text()
    assert words.strip()
    charged = page.get_by_test_id("charged").inner_text()
    page.reload()
    expect(page.get_by_test_id("result-text")).to_have_text(words)
    expect(page.get_by_test_id("charged")).to_have_text(charged)
    with page.expect_download() as download:
        page.get_by_test_id("download").click()
    assert download.value.path().read_text().strip() == words.strip()
