"""What a customer does before they can use anything, step by step, and what is asked of a Farebox afterwards."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pypdf
from playwright.sync_api import Locator, Page, expect

from tests.support.server import Running

DESK = {"width": 1440, "height": 900}
PATIENCE_SECONDS = 90.0


def fill_billing(page: Page, **values: str) -> None:
    """Say who buys: asked for where the final amount would stand."""
    page.get_by_test_id("fill-billing").click()
    page.get_by_test_id("billing-country").select_option(values.pop("country"))
    for name, value in values.items():
        page.get_by_test_id(f"billing-{name}").fill(value)
    page.get_by_test_id("save-billing").click()
    expect(page.get_by_test_id("accept-terms")).to_be_visible()


def choose(page: Page, title: str) -> None:
    page.locator("#page").get_by_text(title, exact=True).locator("visible=true").first.click()
    expect(page.get_by_test_id("summary")).to_contain_text(title)


def tick(page: Page, test_id: str) -> None:
    """The server keeps what is ticked: it shows a moment after the click."""
    page.get_by_test_id(test_id).click()
    expect(page.get_by_test_id(test_id)).to_be_checked()


def pay_by_card(page: Page, number: str) -> None:
    """On the provider's page."""
    page.wait_for_url(re.compile(r"/stripe/c/pay/"))
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expires").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile(r"^Pay ")).click()


def pdf_text(page: Page, link: Locator) -> str:
    """A document as it is downloaded, read by a program that did not write it."""
    with page.expect_download() as downloading:
        link.click()
    assert downloading.value.suggested_filename.endswith(".pdf")
    return "\n".join(part.extract_text() for part in pypdf.PdfReader(Path(downloading.value.path())).pages)


def order_package(api: httpx.Client, title: str, method: str) -> dict[str, str]:
    """A customer's program orders; by card the answer has the `url` of the provider's page."""
    offered = api.get("/v1/packages").raise_for_status().json()
    package = next(one for one in offered["data"] if one["title"] == title)
    wanted = {
        "package_version": package["version"],
        "currency": "EUR",
        "accept_terms": offered["terms"]["version"],
        "method": method,
    }
    made = api.post("/v1/orders", json=wanted, headers={"Idempotency-Key": f"order-{title}"})
    order: dict[str, str] = made.raise_for_status().json()
    return order


def new_key(page: Page, farebox: Running) -> str:
    page.goto(f"{farebox.url}/keys")
    page.get_by_role("button", name="Create key").first.click()
    page.get_by_role("textbox", name="Name").fill("programs")
    page.get_by_role("textbox", name="Name").press("Enter")
    return page.get_by_test_id("new-secret").inner_text()


def until(holds: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < end, f"it never came to be that {what}"
        time.sleep(0.2)
    return found


def available(api: httpx.Client) -> float:
    return float(api.get("/v1/balance").raise_for_status().json()["credits"]["available"])
