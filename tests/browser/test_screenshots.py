"""The pictures in the documents, taken by walking through the README's tour.

`make screenshots` writes them to docs/screenshots; `make test-long` takes them into a temporary folder, and so proves
that the tour still leads somewhere, without a console error, in both themes and on a phone.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.server import Running
from tests.support.shots import enter as sign_in

MODEL = "gpt-image-2"
PROMPT = "A quiet evening over the mountains, the sun just above the ridge"
PATIENCE_MS = 90_000


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where the pictures go."""
    wanted = os.environ.get("FAREBOX_SCREENSHOTS")
    folder = Path(wanted) if wanted else tmp_path / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def enter(page: Page, farebox: Running, role: str) -> Page:
    sign_in(page, farebox.url, role)
    return page


def settle_down(page: Page) -> Page:
    """Until nothing moves any more: fonts are there, pictures are decoded, transitions are over."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(400)
    return page


@pytest.mark.long  # `test_story` walks this way too
def test_the_tour_of_the_readme(farebox: Running, visitor: Callable[..., Page], pictures: Path) -> None:
    operator = enter(visitor(width=1440), farebox, "operator")
    operator.goto(f"{farebox.url}/admin/models")
    operator.locator("a:visible", has_text="GPT Image 2").first.click()
    operator.get_by_role("tab", name="Pricing").click()
    expect(operator.get_by_role("gridcell").first).to_be_visible()
    settle_down(operator).screenshot(path=pictures / "price-editor.png")

    customer = enter(visitor(width=1440), farebox, "customer")
    customer.goto(f"{farebox.url}/playground?model={MODEL}")
    customer.get_by_test_id("field-prompt").get_by_role("textbox").fill(PROMPT)
    customer.get_by_role("radio", name=re.compile("High")).click()
    button = customer.get_by_test_id("run")
    expect(button).to_contain_text("300 credits")
    button.click()
    result = customer.locator('[data-testid="result"][data-state="done"]')
    expect(result).to_be_visible(timeout=PATIENCE_MS)
    settle_down(customer).screenshot(path=pictures / "playground.png")

    customer.goto(f"{farebox.url}/logs/{result.get_attribute('data-id')}")
    expect(customer.get_by_text("credits for 1 image").first).to_be_visible()
    settle_down(customer).screenshot(path=pictures / "trace.png")


@pytest.mark.long  # `test_shell` looks at this page on a phone and in the dark as well
@pytest.mark.parametrize(("width", "height", "name"), [(1440, 900, "dark"), (390, 844, "phone")])
def test_the_playground_elsewhere(
    farebox: Running, visitor: Callable[..., Page], pictures: Path, width: int, height: int, name: str
) -> None:
    page = enter(visitor(width=width, height=height, dark=name == "dark"), farebox, "customer")
    page.goto(f"{farebox.url}/playground?model={MODEL}")
    expect(page.get_by_test_id("run")).to_contain_text("credits")
    settle_down(page).screenshot(path=pictures / f"playground-{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
