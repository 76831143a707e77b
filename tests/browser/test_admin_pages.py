"""The operator grants credits, and the customer sees them; a workspace is renamed, its owner shut out."""

import re

from playwright.sync_api import Page, expect

from tests.support.newcomer import Newcomer
from tests.support.server import Running
from tests.support.shots import enter


def test_an_operator_grants_5000_credits_the_customer_has_them_and_is_shut_out(
    farebox: Running, someone: Newcomer, visitor
) -> None:
    operator: Page = visitor()
    enter(operator, farebox.url, "operator")
    operator.goto(f"{farebox.url}/admin/customers")
    operator.get_by_role("link", name=someone.workspace).click()
    operator.get_by_role("button", name="Grant credits").click()
    operator.get_by_label("Amount").press_sequentially("5,000")  # key by key: no answer may overtake the typing
    operator.get_by_label("Label").fill("Welcome back")
    expect(operator.get_by_test_id("after")).to_contain_text("10,000 → 15,000")
    confirm = operator.get_by_test_id("move-credits")
    expect(confirm).to_have_text("Grant 5,000 credits")
    confirm.dblclick()
    expect(operator.get_by_text(f"5,000 credits granted to {someone.workspace}.").first).to_be_visible()
    expect(operator.get_by_test_id("ledger")).to_contain_text("+5,000")
    assert operator.get_by_text("Granted: 5000 credits, promo: Welcome back").count() == 1

    customer: Page = someone.enter(visitor())
    customer.goto(f"{farebox.url}/balance")
    expect(customer.get_by_text("15,000").first).to_be_visible()

    called = f"{someone.workspace} & Daughters"
    customer.get_by_label("Account").locator("visible=true").click()
    customer.get_by_role("button", name="Change names").click()
    customer.get_by_label("Workspace", exact=False).last.fill(called)
    customer.get_by_test_id("save-account").click()
    expect(customer.locator(".fb-side-head")).to_contain_text(called)

    operator.reload()
    expect(operator.get_by_role("heading", name=called, level=1)).to_be_visible()
    operator.get_by_test_id("ask-disable").click()
    expect(operator.get_by_role("dialog")).to_contain_text("API keys belong to the workspace and go on working")
    operator.get_by_test_id("confirm-disable").dblclick()
    expect(operator.get_by_test_id("member")).to_contain_text("Disabled")
    customer.get_by_role("link", name="Invoices").first.click()
    customer.wait_for_url(re.compile("/login"))

    operator.goto(f"{farebox.url}/admin")
    expect(operator.get_by_test_id("books")).to_contain_text("Books balance", timeout=30_000)


def test_a_provider_is_checked_and_the_real_service_asks_for_its_key(farebox: Running, page: Page) -> None:
    enter(page, farebox.url, "operator")
    page.goto(f"{farebox.url}/admin/providers")
    fal = page.locator("[data-provider=fal]")
    fal.get_by_role("button", name="Check connection").click()
    expect(fal.get_by_role("status")).to_contain_text("accepts the key")
    fal.get_by_role("button", name="Edit settings").click()
    page.get_by_role("button", name="Use the real address").click()
    expect(page.get_by_label("Base URL")).to_have_value("https://queue.fal.run")
    page.get_by_test_id("save-provider").click()
    expect(page.get_by_text("enter the key for it as well")).to_be_visible()
    page.keyboard.press("Escape")
    expect(fal).to_contain_text("Sandbox")
