"""What nobody wishes for: a cardholder takes the money back and the bank decides. And a sale no price list knows."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.newcomer import newcomer
from tests.support.server import Running
from tests.support.shopping import (
    DESK,
    available,
    order_package,
    pdf_text,
    until,
)
from tests.support.shots import enter

PICTURE = {"model": "flux-schnell", "input": {"prompt": "A lighthouse"}}


@dataclass(frozen=True)
class Buyer:
    """A customer who bought 10,000 credits by card; in the browser they did it in `test_top_up.py`."""

    page: Page
    api: httpx.Client
    order_id: str
    payment_intent: str


@pytest.fixture
def stripe(farebox: Running) -> Iterator[httpx.Client]:
    """The provider's dashboard, as a program reads and presses it."""
    with httpx.Client(base_url=f"{farebox.sandbox_url}/stripe", trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def buyer(farebox: Running, stripe: httpx.Client, visitor: Callable[..., Page]) -> Iterator[Buyer]:
    eve = newcomer(farebox, name="Eve", credits=0, profile=True)
    with httpx.Client(base_url=eve.url, headers=eve.headers, timeout=60) as api:
        order = order_package(api, "Starter", "card")
        session = order["url"].rsplit("/", 1)[-1].partition("?")[0]
        stripe.post(f"/_ctl/checkout/{session}/pay", json={"card": "4242424242424242"}).raise_for_status()
        until(lambda: available(api) > 0, "the credits arrived")
        secret = farebox.env["STRIPE_SECRET_KEY"]
        paid = stripe.get(f"/v1/checkout/sessions/{session}", headers={"Authorization": f"Bearer {secret}"})
        intent = paid.raise_for_status().json()["payment_intent"]
        yield Buyer(eve.enter(visitor(**DESK)), api, order["id"], intent)


def test_a_dispute_stops_a_workspace_until_the_bank_decides(
    farebox: Running, stripe: httpx.Client, buyer: Buyer, page: Page
) -> None:
    url, bought = farebox.url, available(buyer.api)
    opened = stripe.post("/_ctl/disputes", json={"payment_intent": buyer.payment_intent, "reason": "fraudulent"})
    dispute = opened.raise_for_status().json()["id"]
    until(lambda: available(buyer.api) == 0, "the disputed credits rest")
    refused = buyer.api.post("/v1/generations", json=PICTURE)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "wallet_frozen")
    buyer.page.goto(f"{url}/balance")
    expect(buyer.page.get_by_text("Your balance is frozen")).to_be_visible()

    enter(page, url, "operator")
    page.goto(f"{url}/admin/orders/{buyer.order_id}")
    returns = page.get_by_test_id("returns")
    expect(returns).to_contain_text("Open")
    expect(returns).to_contain_text("The bank decides about a dispute of this order")
    expect(page.get_by_test_id("refund")).to_have_count(0)

    stripe.post(f"/_ctl/disputes/{dispute}", json={"status": "won"}).raise_for_status()
    until(lambda: available(buyer.api) == bought, "everything returned")
    expect(buyer.page.get_by_text("Your balance is frozen")).to_have_count(0)
    assert buyer.api.post("/v1/generations", json=PICTURE).status_code == 202
    page.reload()
    expect(returns).to_contain_text("Decided for us")


def test_a_lost_dispute_takes_the_credits_and_what_was_used_is_owed(
    farebox: Running, stripe: httpx.Client, buyer: Buyer
) -> None:
    bought = available(buyer.api)
    made = buyer.api.post("/v1/generations", json=PICTURE).raise_for_status().json()["id"]
    until(lambda: buyer.api.get(f"/v1/generations/{made}").json()["completed_at"], "the picture was made")
    used = bought - available(buyer.api)
    opened = stripe.post("/_ctl/disputes", json={"payment_intent": buyer.payment_intent, "reason": "fraudulent"})
    dispute = opened.raise_for_status().json()["id"]
    until(lambda: available(buyer.api) <= 0, "the disputed credits rest")
    stripe.post(f"/_ctl/disputes/{dispute}", json={"status": "lost"}).raise_for_status()

    page = buyer.page
    page.goto(f"{farebox.url}/invoices")
    row = page.get_by_role("row").filter(has_text="FBC-")

    def is_listed() -> bool:
        page.reload()
        expect(page.get_by_test_id("pdf").locator("visible=true").first).to_be_visible()  # the invoice's, at least
        return row.count() > 0

    until(is_listed, "a credit note was written")
    assert "Credit note" in pdf_text(page, row.get_by_test_id("pdf"))
    page.goto(f"{farebox.url}/balance")
    expect(page.get_by_text(f"You owe {used:g} credits")).to_be_visible()
    for command in ("reconcile", "audit"):
        done = farebox.command(command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_agreed_order_is_written_paid_and_credited(
    farebox: Running, visitor: Callable[..., Page], page: Page
) -> None:
    url, customer = farebox.url, visitor(**DESK)
    newcomer(farebox, name="Grace", credits=0, profile=True).enter(customer)
    customer.goto(f"{url}/top-up")

    enter(page, url, "operator")
    page.goto(f"{url}/admin/orders/new")
    page.locator("#agree-customer").press_sequentially("Grace")
    page.get_by_test_id("agree-customer-found").first.click()
    for name, value in {"title": "Festival year", "credits": "250000", "price": "200"}.items():
        page.locator(f"#agree-{name}").fill(value)
    write = page.get_by_test_id("agree")
    expect(write).to_contain_text("€238.00")
    write.dblclick()
    page.wait_for_url(re.compile(r"/admin/orders/ord_"))

    customer.reload()
    waiting = customer.get_by_test_id("open-orders")
    expect(waiting).to_contain_text("Festival year")
    waiting.get_by_role("link").first.click()
    expect(customer.get_by_test_id("transfer")).to_contain_text("€238.00")

    page.get_by_test_id("record").click()
    page.get_by_label("Bank's reference").press_sequentially("2026-11-21/44")
    page.get_by_test_id("confirm-order").click()
    page.get_by_test_id("approve").click()
    page.get_by_test_id("confirm-order").dblclick()
    expect(page.get_by_test_id("order-state")).to_have_text("Paid")
    expect(customer.get_by_test_id("message")).to_contain_text("250,000 credits have arrived")
    assert "Festival year" in pdf_text(customer, customer.get_by_test_id("invoice"))
