"""Money comes in, by card, by transfer and by itself, and a part goes back; afterwards every book agrees."""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.effort import times
from tests.support.newcomer import newcomer
from tests.support.server import Running
from tests.support.shopping import (
    DESK,
    available,
    choose,
    fill_billing,
    new_key,
    pay_by_card,
    pdf_text,
    tick,
    until,
)
from tests.support.shots import enter

#: Pictures that may be made at the same time: each model takes so many jobs of a workspace.
MANY = (
    *(("flux-schnell", "flux-dev", "nano-banana", "nano-banana-2", "flux-1.1-pro") * 8),
    *(("seedream-4.5", "imagen4-fast") * 4),
    *(("flux-2-pro",) * 2),
)[:: times(6, 1)]


@pytest.fixture(scope="module")
def stripe(farebox: Running) -> Iterator[httpx.Client]:
    """The control page of the Stripe that this Farebox uses."""
    base = f"{farebox.sandbox_url}/stripe/_ctl"
    with httpx.Client(base_url=base, trust_env=False, timeout=20, follow_redirects=True) as client:
        yield client


def book(stripe: httpx.Client) -> tuple[int, int]:
    """What the provider has charged so far, and the cents it gave back."""
    taken = stripe.get("book").json()["book"].get("eur", {"charges": 0, "refunded": 0})
    return taken["charges"], taken["refunded"]


def orders(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/v1/orders").raise_for_status().json()["data"]
    return found


def finished(api: httpx.Client, generation_id: str) -> Any:
    """The generation once it has ended, well or not."""
    seen = api.get(f"/v1/generations/{generation_id}").json()
    return seen if seen["completed_at"] else None


def generate_at_once(api: httpx.Client, models: Sequence[str]) -> list[str]:
    """Generations asked for at the same moment; their ids."""

    def one(model: str) -> str:
        answer = api.post("/v1/generations", json={"model": model, "input": {"prompt": "A lighthouse"}})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(len(models)) as pool:
        return list(pool.map(one, models))


def give_back(operator: Page, farebox: Running, order_id: str, amount: str) -> None:
    """The operator refunds a part of an order."""
    operator.goto(f"{farebox.url}/admin/orders/{order_id}")
    operator.get_by_test_id("refund").click()
    operator.get_by_label("Amount").fill(amount)
    confirm = operator.get_by_test_id("confirm-return")
    expect(confirm).to_contain_text(f"€{amount}")
    confirm.dblclick()
    expect(operator.get_by_test_id("returns")).to_contain_text(f"€{amount}")


def test_money_comes_in_by_every_road_a_part_goes_back_and_every_book_agrees(
    farebox: Running, stripe: httpx.Client, visitor: Callable[..., Page]
) -> None:
    charges, refunded = book(stripe)
    ada = newcomer(farebox, name="Ada", credits=0).enter(visitor(**DESK))
    key = new_key(ada, farebox)
    with httpx.Client(base_url=farebox.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as api:
        bought = buys_by_card_and_waits_for_the_webhook(ada, farebox, stripe, api)
        spent = tops_up_once_under_many_generations(ada, farebox, api)

        operator = visitor(**DESK)
        enter(operator, farebox.url, "operator")
        pays_by_transfer(visitor(**DESK), operator, farebox)

        give_back(operator, farebox, bought["id"], "22.61")  # a fifth of it
        until(lambda: orders(api)[1]["status"] == "partially_refunded", "a part went back")
        assert available(api) == 105_000 - spent + 10_000 - 21_000  # with the fifth of the bonus
        ada.get_by_role("link", name="Invoices").first.click()
        note = pdf_text(ada, ada.get_by_role("row").filter(has_text="FBC-").get_by_test_id("pdf"))
        for printed in ("Credit note", bought["invoice"], "22.61"):
            assert printed in note, printed

    assert book(stripe) == (charges + 2, refunded + 2_261)
    operator.goto(f"{farebox.url}/admin/reconcile")
    operator.get_by_test_id("run-now").click()
    expect(operator.get_by_test_id("verdict")).to_contain_text("Everything agrees", timeout=60_000)
    for command in ("reconcile", "audit"):
        done = farebox.command(command)
        assert done.returncode == 0, done.stdout + done.stderr


def buys_by_card_and_waits_for_the_webhook(
    page: Page, farebox: Running, stripe: httpx.Client, api: httpx.Client
) -> dict[str, Any]:
    page.goto(f"{farebox.url}/top-up")
    fill_billing(page, country="DE", company="Ada Werke GmbH", line1="Hafenstraße 1", postcode="20457", city="Hamburg")
    choose(page, "Team")
    expect(page.get_by_test_id("total")).to_have_text("€113.05")
    page.get_by_label(re.compile("^Save this card")).check()
    tick(page, "accept-terms")
    page.get_by_test_id("pay").click()
    page.wait_for_url(re.compile(r"/stripe/c/pay/"))
    session = page.url.rsplit("/", 1)[-1].partition("?")[0]

    stripe.post("webhooks", json={"hold": True, "events": None}).raise_for_status()
    stripe.post("fail", json={"fault": "503", "match": f"/v1/checkout/sessions/{session}", "times": 3})
    pay_by_card(page, "4242 4242 4242 4242")
    page.wait_for_url(re.compile(r"/top-up\?cs="))
    expect(page.get_by_test_id("state")).to_have_text("Processing")
    until(lambda: not stripe.get("").json()["faults"]["pending"], "Farebox looked by itself, in vain")
    expect(page.get_by_test_id("state")).to_have_text("Processing")
    assert available(api) == 0

    stripe.post("webhooks", json={"clear": True}).raise_for_status()
    assert stripe.post("webhooks/release", json={"order": "reversed"}).json()["released"] > 1
    expect(page.get_by_test_id("message")).to_contain_text("105,000 credits have arrived")
    assert available(api) == 105_000
    [order] = orders(api)
    invoice = pdf_text(page, page.get_by_test_id("invoice"))
    for printed in (order["invoice"], "Ada Werke GmbH", "Hafenstraße 1", "95.00", "18.05", "113.05", "19%"):
        assert printed in invoice, invoice
    return order


def tops_up_once_under_many_generations(page: Page, farebox: Running, api: httpx.Client) -> int:
    """The credits that were used meanwhile."""
    page.goto(f"{farebox.url}/top-up")
    page.get_by_test_id("auto-switch").click()
    page.get_by_test_id("auto-threshold").fill("104999")
    page.get_by_test_id("auto-month_cap").fill("60")
    expect(page.get_by_role("dialog")).to_contain_text("€11.31")
    tick(page, "auto-agree")
    page.get_by_test_id("turn-on").click()
    expect(page.get_by_text("Auto top-up is on.").first).to_be_visible()

    made = generate_at_once(api, MANY)
    ended = [until(lambda one=one: finished(api, one), f"{one} ended") for one in made]
    spent = sum(one["metadata"]["credits"] for one in ended)
    assert {one["status"] for one in ended} == {"completed"}
    until(lambda: available(api) == 105_000 - spent + 10_000, "the balance was topped up, once")
    [first, second] = orders(api)
    assert (first["status"], first["total"]) == ("paid", "11.31")
    assert second["status"] == "paid"
    page.get_by_test_id("auto-switch").click()  # else a refund is filled up again
    expect(page.get_by_text("Auto top-up is off.").first).to_be_visible()
    return int(spent)


def pays_by_transfer(page: Page, operator: Page, farebox: Running) -> None:
    """A company abroad orders; the operator finds the money and approves it."""
    newcomer(farebox, name="Bob", credits=0).enter(page)
    page.goto(f"{farebox.url}/top-up")
    fill_billing(
        page,
        country="CH",
        company="Bob Handel AG",
        line1="Ring 1",
        postcode="8001",
        city="Zürich",
    )
    tick(page, "method-transfer")
    tick(page, "accept-terms")
    page.get_by_test_id("place-order").click()
    page.wait_for_url(re.compile(r"/top-up\?order="))
    transfer = page.get_by_test_id("transfer")
    expect(transfer).to_contain_text("DE02 1203 0000 0000 2020 51")
    order_id = page.url.rsplit("=", 1)[-1]

    operator.goto(f"{farebox.url}/admin/orders/{order_id}")
    operator.get_by_test_id("record").click()
    operator.get_by_label("Bank's reference").press_sequentially("2026-11-21/8")
    operator.get_by_test_id("confirm-order").click()
    operator.get_by_test_id("approve").click()
    operator.get_by_test_id("confirm-order").dblclick()
    expect(operator.get_by_test_id("order-state")).to_have_text("Paid")

    expect(page.get_by_test_id("message")).to_contain_text("10,000 credits have arrived")  # told, without a reload
    invoice = pdf_text(page, page.get_by_test_id("invoice"))
    for printed in ("Bob Handel AG", "Zürich", "9.50"):
        assert printed in invoice, invoice
