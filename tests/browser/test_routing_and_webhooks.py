"""An operator looks at a model's routes and turns them round; a customer has a program told, and tells it again."""

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook

from tests.support.listener import listening
from tests.support.newcomer import Newcomer
from tests.support.server import Running
from tests.support.shots import enter

MODEL = "gpt-4o-mini"  # the only one with two routes


def test_routes_are_seen_simulated_and_put_in_another_order(
    farebox: Running, someone: Newcomer, visitor: Callable[..., Page]
) -> None:
    page = visitor(width=1440)
    enter(page, farebox.url, "operator")
    page.goto(f"{farebox.url}/admin/routing?model={MODEL}")
    expect(page.get_by_test_id("chosen")).to_have_text(MODEL)
    routes, decisions = page.get_by_test_id("route"), page.get_by_test_id("decision")
    expect(routes).to_have_count(2)
    expect(routes.first).to_contain_text("serves now")
    expect(decisions.nth(0)).to_contain_text("OpenAI")
    expect(decisions.nth(0)).to_contain_text("priority 0")

    # What would this request do, asked by whom and of whom?
    simulator = page.get_by_test_id("simulator")
    simulator.get_by_role("combobox", name="Provider asked for").click()
    page.get_by_role("option", name="Mirror").click()
    expect(decisions.nth(0)).to_contain_text("was asked for by name")
    expect(simulator).to_contain_text("Expected cost")
    simulator.get_by_role("combobox", name="Provider asked for").click()
    page.get_by_role("option", name="None named").click()
    expect(decisions.nth(0)).to_contain_text("OpenAI")

    # The other one first: nothing changes before it was said what would.
    priority = page.get_by_label("Priority · OpenAI")
    priority.fill("20")
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.get_by_test_id("save-routing").click()
    expect(page.get_by_role("dialog")).to_contain_text("OpenAI, priority: 0 → 20")
    page.get_by_test_id("confirm-routing").click()
    expect(page.get_by_text(f"The routing of {MODEL} is saved.").first).to_be_visible()
    expect(decisions.nth(0)).to_contain_text("Mirror")
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    served = httpx.post(f"{farebox.url}/v1/chat/completions", json=asked, headers=someone.headers, timeout=60)
    assert served.headers["x-farebox-provider"] == "mirror"

    # Back again.
    priority.fill("0")
    page.get_by_test_id("save-routing").click()
    page.get_by_test_id("confirm-routing").click()
    expect(decisions.nth(0)).to_contain_text("OpenAI")


def test_an_endpoint_is_made_told_given_a_new_secret_and_told_again(someone: Newcomer, page: Page) -> None:
    with listening() as heard:
        someone.enter(page).goto(f"{someone.url}/webhooks")
        page.get_by_role("button", name="Add endpoint").first.click()
        dialog = page.get_by_role("dialog")
        address = dialog.get_by_label("Address")
        address.press_sequentially("https://10.0.0.7/hook")
        dialog.get_by_role("button", name="Add endpoint").click()
        expect(dialog).to_contain_text("needs the name of a host")
        address.fill("")
        address.press_sequentially(heard.url)
        dialog.get_by_role("button", name="Add endpoint").click()
        first = page.get_by_test_id("new-secret").inner_text()
        dialog.get_by_role("button", name="I have copied it").click()
        expect(page.get_by_test_id("new-secret")).to_have_count(0)

        page.get_by_role("button", name=re.compile("^Send a test event")).click()
        told = heard.next()
        sent = Webhook(first).verify(told.body, told.headers)
        page.get_by_role("button", name="Refresh").click()
        delivery = page.get_by_test_id("delivery")
        expect(delivery).to_have_count(1)
        expect(page.get_by_text("Delivered", exact=True).first).to_be_visible()

        page.get_by_role("button", name=re.compile("^New secret for")).click()
        page.get_by_role("dialog").get_by_role("button", name="Make a new secret").click()
        second = page.get_by_test_id("new-secret").inner_text()
        assert second != first
        page.get_by_role("dialog").get_by_role("button", name="I have copied it").click()

        delivery.click()
        reader = page.get_by_role("dialog")
        expect(reader).to_contain_text("Status 200")
        page.get_by_test_id("replay").click()
        again = heard.next()
        for secret in (first, second):
            assert Webhook(secret).verify(again.body, again.headers) == sent
        assert again.headers["webhook-id"] == told.headers["webhook-id"]
