"""The operator and money: a transfer becomes credits and an invoice, a package gets a new price, settings are kept."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.newcomer import Newcomer, newcomer
from tests.support.server import Running
from tests.support.shopping import order_package
from tests.support.shots import enter


@pytest.fixture
def operator(farebox: Running, page: Page) -> Page:
    enter(page, farebox.url, "operator")
    return page


@pytest.fixture
def buyer(farebox: Running) -> Newcomer:
    return newcomer(farebox, profile=True)


def order_by_transfer(who: Newcomer, title: str) -> dict[str, str]:
    """A customer orders a package over the API, to be paid by transfer."""
    with httpx.Client(base_url=who.url, headers=who.headers, timeout=30) as customer:
        return order_package(customer, title, "transfer")


def test_a_transfer_is_recorded_approved_and_invoiced(
    farebox: Running, buyer: Newcomer, operator: Page, visitor
) -> None:
    order = order_by_transfer(buyer, "Team")
    url = farebox.url
    operator.goto(f"{url}/admin/orders")
    operator.get_by_role("link", name=order["reference"]).first.click()
    state = operator.get_by_test_id("order-state")
    expect(state).to_have_text("Waiting for payment")
    expect(operator.get_by_test_id("approve")).to_have_count(0)

    operator.get_by_test_id("record").click()
    operator.get_by_label("Amount received").fill("10")
    operator.get_by_label("Bank's reference").press_sequentially("2026-11-20/7")
    expect(operator.get_by_test_id("confirm-order")).to_have_text("Record €10.00")
    operator.get_by_test_id("confirm-order").click()
    expect(operator.get_by_text("has not come yet")).to_be_visible()

    operator.get_by_test_id("record").click()  # the rest is filled in
    operator.get_by_label("Bank's reference").press_sequentially("2026-11-21/3")
    operator.get_by_test_id("confirm-order").click()
    expect(operator.get_by_test_id("approve")).to_be_visible()

    operator.evaluate("sessionStorage.clear()")  # else what an earlier visit showed is there, and pressed, too early
    operator.goto(f"{url}/admin")
    operator.get_by_role("link", name="Bank transfer").first.click()
    operator.get_by_test_id("approve").click()
    operator.get_by_test_id("confirm-order").dblclick()
    expect(state).to_have_text("Paid")
    with operator.expect_download() as downloaded:
        operator.get_by_test_id("invoice-pdf").click()
    assert downloaded.value.suggested_filename.endswith(".pdf")

    operator.goto(f"{url}/admin/invoices")
    expect(operator.get_by_test_id("sum")).to_contain_text("document")
    with operator.expect_download() as listed:
        operator.get_by_test_id("csv").click()
    assert order["id"] in listed.value.path().read_text(encoding="utf-8-sig")

    customer: Page = buyer.enter(visitor())
    customer.goto(f"{url}/balance")
    expect(customer.get_by_text("115,000").first).to_be_visible()

    operator.goto(f"{url}/admin/mail")
    operator.get_by_test_id("mail").first.click()
    expect(operator.frame_locator("iframe").locator("body")).not_to_be_empty()


def test_a_rejected_order_says_why_and_a_customer_calls_one_off_after_a_question(
    farebox: Running, buyer: Newcomer, operator: Page, visitor
) -> None:
    order = order_by_transfer(buyer, "Starter")
    operator.goto(f"{farebox.url}/admin/orders/{order['id']}")
    operator.get_by_test_id("reject").click()
    operator.get_by_test_id("confirm-order").click()
    expect(operator.get_by_text("Please say why.")).to_be_visible()
    operator.get_by_label("Reason").press_sequentially("No transfer came")
    operator.get_by_test_id("confirm-order").click()
    expect(operator.get_by_test_id("order-state")).to_have_text("Rejected")
    expect(operator.get_by_text("No transfer came").first).to_be_visible()

    other = order_by_transfer(buyer, "Team")
    customer: Page = buyer.enter(visitor())
    customer.goto(f"{farebox.url}/top-up")
    waiting = customer.get_by_test_id("open-orders")
    waiting.get_by_test_id("cancel-order").click()
    expect(customer.get_by_role("dialog")).to_contain_text("already on its way")
    customer.keyboard.press("Escape")
    expect(waiting).to_contain_text(other["reference"])
    waiting.get_by_test_id("cancel-order").click()
    customer.get_by_test_id("confirm-cancel-order").click()
    expect(customer.get_by_text(f"Order {other['reference']} is canceled.").first).to_be_visible()
    expect(customer.get_by_role("dialog")).to_have_count(0)
    expect(waiting).to_have_count(0)


def test_a_package_gets_a_new_price_and_codes_are_made(farebox: Running, operator: Page) -> None:
    operator.goto(f"{farebox.url}/admin/packages")
    operator.get_by_test_id("edit-package").nth(2).click()  # nobody else buys this one
    operator.get_by_label("EUR").fill("880.00")
    expect(operator.get_by_text("€0.88 per 1,000 credits")).to_be_visible()
    operator.get_by_test_id("publish-package").click()
    expect(operator.get_by_text("High volume: version 2 is on sale.").first).to_be_visible()

    operator.get_by_test_id("new-codes").click()
    operator.get_by_label("Label").fill("Welcome")
    operator.get_by_label("Credits", exact=False).first.fill("500")
    operator.get_by_test_id("make-codes").click()
    expect(operator.get_by_test_id("codes")).not_to_have_value("")
    operator.keyboard.press("Escape")
    expect(operator.get_by_text("0 of 1 claimed")).to_be_visible()


def test_the_seller_and_the_terms_are_kept_as_versions(farebox: Running, operator: Page) -> None:
    operator.goto(f"{farebox.url}/admin/settings")
    operator.get_by_label("Legal name").fill("Longitude Gateway GmbH")
    operator.get_by_test_id("save-seller").click()
    expect(operator.get_by_text("The seller is saved as version 2.").first).to_be_visible()
    operator.get_by_role("radio", name="Terms").click()
    operator.get_by_label("Refund policy").fill("Unused credits, within 30 days.")
    operator.get_by_test_id("publish-terms").click()
    operator.get_by_test_id("confirm-terms").click()
    expect(operator.get_by_text("apply from now on.").first).to_be_visible()
    operator.get_by_role("radio", name="Payments").click()
    expect(operator.get_by_test_id("stripe")).to_contain_text("Test mode")


def test_a_dialog_takes_the_focus_and_gives_it_back_and_enter_finishes_it(farebox: Running, operator: Page) -> None:
    operator.goto(f"{farebox.url}/admin/settings?tab=tax")
    opener = operator.get_by_role("button", name="Add exchange rate")
    opener.click()
    first = operator.get_by_label("Currency of the sale")
    expect(first).to_be_focused()
    first.press("Enter")
    expect(operator.get_by_role("dialog").get_by_role("alert").first).to_be_visible()
    operator.keyboard.press("Escape")
    expect(opener).to_be_focused()
