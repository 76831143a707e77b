"""A plan from its first click to the invoice: made and agreed on by the operator, felt and followed by the customer."""

import re
import secrets
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from app.ui.pages.playground.slip_view import PRESS_MS
from tests.support.newcomer import Newcomer
from tests.support.server import Running
from tests.support.shopping import until
from tests.support.shots import enter

pytestmark = pytest.mark.browser
SLOW_MS = 60_000


def wider_plan(farebox: Running, name: str) -> None:
    """Another plan that allows a model more, made by a program."""
    headers = {"x-api-key": farebox.logins.billing_api_key}
    with httpx.Client(base_url=f"{farebox.url}/billing/v1", headers=headers, timeout=30) as api:
        plan = api.post("/plans", json={"name": name}).raise_for_status().json()["id"]
        wanted = {"name": "flux-dev", "type": "boolean", "lookup_key": "model:flux-dev"}
        feature = api.post("/features", json=wanted).raise_for_status().json()["id"]
        promise = {"plan_id": plan, "feature_id": feature, "feature_type": "boolean", "is_enabled": True}
        api.post("/entitlements", json=promise).raise_for_status()


def choose(page: Page, label: str, option: str) -> None:
    """One of a select."""
    page.get_by_role("dialog").get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option).click()


def follow(page: Page, link: str) -> None:
    """To another page by its line in the sidebar."""
    page.get_by_role("navigation", name="Menu").get_by_role("link", name=link, exact=True).click()
    expect(page.get_by_role("heading", name=link, level=1)).to_be_visible()


def test_a_plan_is_made_agreed_on_felt_and_billed(
    farebox: Running, someone: Newcomer, page: Page, visitor: Callable[..., Page]
) -> None:
    # The operator makes a plan: a price, one model, three images a month.
    unique = secrets.token_hex(3)
    name, wider, url = f"Studio {unique}", f"Cinema {unique}", farebox.url
    wider_plan(farebox, wider)
    enter(page, url, "operator")
    page.goto(f"{url}/admin/plans")
    expect(page.get_by_test_id("plan").filter(has_text=wider)).to_be_visible()
    page.get_by_role("button", name="New plan").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_test_id("save-plan").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()

    page.get_by_test_id("new-price").click()
    page.get_by_role("radio", name="Fee").click()
    page.get_by_label("Amount").fill("20")
    page.get_by_test_id("save-price").click()
    expect(page.get_by_text("$20.00 monthly")).to_be_visible()

    page.get_by_test_id("new-promise").click()
    choose(page, "Model", "FLUX.1 schnell")
    page.get_by_test_id("save-promise").click()
    expect(page.get_by_text("Model flux-schnell")).to_be_visible()
    page.get_by_test_id("new-promise").click()
    page.get_by_role("radio", name="A quota").click()
    choose(page, "Meter", "image_count")
    page.get_by_label("Limit").fill("1")
    page.get_by_test_id("save-promise").click()
    expect(page.get_by_text("1 a month")).to_be_visible()

    # The customer is put on it, the first invoice in view.
    page.goto(f"{url}/admin/customers/{someone.workspace_id}")
    expect(page.get_by_test_id("begin-terms")).to_be_visible()
    page.get_by_test_id("subscribe").click()
    expect(page.get_by_test_id("picked-customer")).to_contain_text(someone.workspace)
    choose(page, "Plan", name)
    expect(page.get_by_test_id("billed-total")).to_have_text("$20.00")
    page.get_by_test_id("create-subscription").click()
    expect(page.get_by_test_id("state")).to_have_text("Active")
    expect(page.get_by_test_id("next-invoice")).to_contain_text("$20.00")

    # The customer sees it, is refused with the plan that would allow it, is asked before a run, and uses it up.
    customer = someone.enter(visitor())
    customer.goto(f"{url}/plan")
    expect(customer.get_by_test_id("plan")).to_contain_text(name)
    expect(customer.get_by_test_id("quotas")).to_contain_text("0 of 1")
    customer.evaluate("localStorage.setItem('fb-confirm-runs', 'always')")
    customer.goto(f"{url}/playground?model=flux-dev")
    customer.get_by_role("textbox", name="Prompt").fill("A red tram")
    refusal = customer.get_by_text(re.compile(f"{name} does not include flux-dev.*{wider}"))
    expect(refusal.locator("visible=true").first).to_be_visible()

    customer.goto(f"{url}/playground?model=flux-schnell")
    expect(customer.get_by_test_id("run")).to_contain_text("Run · 10 credits")
    customer.get_by_role("textbox", name="Prompt").press("Control+Enter")
    expect(customer.get_by_test_id("confirm-question")).to_contain_text("10 credits ($0.01). Continue?")
    customer.keyboard.press("Escape")
    expect(customer.get_by_test_id("confirm-question")).to_be_hidden()
    customer.wait_for_timeout(PRESS_MS)  # a press soon after another is taken for a double click
    customer.get_by_test_id("run").click()
    expect(customer.get_by_test_id("confirm-yes")).to_be_focused()
    customer.keyboard.press("Enter")
    expect(customer.get_by_test_id("charged")).to_have_text("10", timeout=SLOW_MS)

    def is_used_up() -> bool:
        follow(customer, "Balance")
        follow(customer, "Plan")
        expect(customer.get_by_test_id("quotas")).to_contain_text("of 1")
        return "1 of 1" in customer.get_by_test_id("quotas").inner_text()

    until(is_used_up, "the image counts towards the quota")
    follow(customer, "Usage")
    expect(customer.get_by_role("row", name=re.compile("flux-schnell"))).to_contain_text("100.0%")

    # Paused, everything is refused, and every page says so.
    page.get_by_test_id("begin-pause").click()
    page.get_by_test_id("act").click()
    expect(page.get_by_test_id("state")).to_have_text("Paused")
    follow(customer, "Balance")
    expect(customer.get_by_test_id("banner-paused")).to_contain_text(name)
