"""The whole story in a browser: an operator changes a price, a customer runs at it, every credit is accounted for."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.newcomer import Newcomer, newcomer
from tests.support.server import Running

pytestmark = pytest.mark.browser

PROMPT = "A red tram on a stone viaduct"
PATIENCE_MS = 90_000


def enter(page: Page, farebox: Running, role: str) -> Page:
    page.goto(farebox.url)
    page.get_by_role("button", name=re.compile(f"Enter as {role}")).click()
    page.wait_for_url(re.compile("/(admin|playground)"))
    return page


def publish_new_price(page: Page, farebox: Running, credits: int) -> None:
    """Seedream's base price, by the visual editor."""
    page.goto(f"{farebox.url}/admin/models")
    page.locator("a:visible", has_text="Seedream 4.5").first.click()
    page.get_by_role("tab", name="Pricing").click()
    page.get_by_test_id("base-perImage").fill(str(credits))

    expect(page.get_by_text(f'"perImage": {credits}')).to_be_visible()  # the JSON beside it follows
    expect(page.get_by_role("gridcell", name=re.compile(rf"\b{credits}\b")).first).to_be_visible()

    page.get_by_test_id("open-publish").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Dearer, for the story")
    dialog.get_by_role("button", name="Publish version 2").click()
    expect(page.get_by_text("Version 2 is live").first).to_be_visible()


def run(page: Page, farebox: Running, model: str) -> tuple[str, int]:
    """Run a model from the playground: the generation's id and the credits charged for it."""
    page.goto(f"{farebox.url}/playground?model={model}")
    page.get_by_test_id("field-prompt").get_by_role("textbox").fill(PROMPT)
    button = page.get_by_test_id("run")
    expect(button).to_contain_text("credits")
    price = int(re.sub(r"\D", "", re.search(r"Run · ([\d,]+) credits", button.inner_text())[1]))  # type: ignore[index]
    shown = page.get_by_test_id("result")
    earlier = shown.get_attribute("data-id") if shown.count() else ""
    button.click()
    result = page.locator(f'[data-testid="result"][data-state="done"]:not([data-id="{earlier}"])')
    expect(result).to_be_visible(timeout=PATIENCE_MS)
    charged = int(re.sub(r"\D", "", page.get_by_test_id("charged").inner_text()))
    assert charged == price
    return str(result.get_attribute("data-id")), charged


@pytest.fixture
def someone(farebox: Running) -> Newcomer:
    """Who has enough for a picture and a short video, and then too little."""
    return newcomer(farebox, credits=2_000)


@pytest.fixture
def http(someone: Newcomer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{someone.url}/v1", headers=someone.headers, timeout=30) as client:
        yield client


def test_a_price_is_changed_paid_and_explained(
    farebox: Running, someone: Newcomer, visitor: Callable[..., Page], http: httpx.Client
) -> None:
    operator = enter(visitor(width=1440), farebox, "operator")
    customer = someone.enter(visitor(width=1440))
    before = http.get("/balance").json()["credits"]["available"]

    publish_new_price(operator, farebox, 60)

    image, image_credits = run(customer, farebox, "seedream-4.5")
    assert image_credits == 60
    video, video_credits = run(customer, farebox, "veo3-fast")
    expect(customer.locator("video").first).to_be_visible()
    assert http.get("/balance").json()["credits"]["available"] == before - image_credits - video_credits

    customer.goto(f"{farebox.url}/logs/{image}")
    expect(customer.get_by_test_id("headline")).to_have_text("60 credits for 1 image")
    expect(customer.get_by_text("−60.000000").first).to_be_visible()
    for generation in (image, video):
        said = http.get(f"/generations/{generation}").json()
        assert said["metadata"]["credits"] == (image_credits if generation == image else video_credits)

    customer.goto(f"{farebox.url}/playground?model=veo3.1")
    customer.get_by_test_id("field-prompt").get_by_role("textbox").fill(PROMPT)
    expect(customer.get_by_test_id("slip")).to_contain_text(re.compile(r"You need [\d,.]+ more credits"))
    expect(customer.get_by_test_id("run")).to_be_disabled()

    audit = farebox.command("audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr
