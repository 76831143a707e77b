"""The doors: forms of our own pages, the native API, downloads. What a client says about money is never read."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.kernel.ids import new_id
from app.payments.lifecycle import State
from app.payments.seed import seed_payments
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import PUBLIC_URL, Till
from tests.support.till import till as open_till

OURS = {"Origin": PUBLIC_URL}


def ask(till: Till, method: str, path: str, **more: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        async with till.browser() as client:
            return await client.request(method, path, **more)

    return till.run(once())


def cookie(till: Till, user_id: str) -> dict[str, str]:
    return {"Cookie": f"farebox_session={till.services.accounts.sign_ins.begin(user_id)}", **OURS}


def bearer(till: Till) -> dict[str, str]:
    key = till.services.accounts.keys.create(till.workspace_id, "test", actor=till.user_id)
    return {"Authorization": f"Bearer {key.secret}"}


def form(till: Till, **changes: str) -> dict[str, str]:
    terms = till.cashier.terms.current()
    wanted = {"package_version": till.package.version_id, "currency": "EUR", "terms": terms.id, "key": new_id("req")}
    return {**wanted, **changes}


def body(till: Till, **changes: Any) -> dict[str, Any]:
    terms = till.cashier.terms.current()
    return {"package_version": till.package.version_id, "currency": "EUR", "accept_terms": terms.id, **changes}


def test_a_form_leads_to_the_providers_page(one_till: Till) -> None:
    till = one_till
    answer = ask(till, "POST", "/payments/checkout", data=form(till), headers=cookie(till, till.user_id))
    [order] = till.cashier.orders_of(till.workspace_id)
    url = till.order(order).url
    assert answer.status_code == 200  # a redirect would be part of the form, which may lead to no other site
    assert f'content="0;url={url}"' in answer.text
    assert f'href="{url}"' in answer.text


def test_case_09_amounts_in_a_form_are_not_read(one_till: Till) -> None:
    till = one_till
    lies = form(till, amount="1", price="1", credits="999999", net_minor="1", tax="0", currency="EUR", workspace="ws_x")
    ask(till, "POST", "/payments/checkout", data=lies, headers=cookie(till, till.user_id))
    [order] = till.cashier.orders_of(till.workspace_id)
    assert (order.gross.minor, int(order.credits.amount)) == (1_190, 10_000)
    [page] = till.client.v1.checkout.sessions.list().data
    assert page.amount_total == 1_190


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"terms": ""}, "terms_not_accepted"),
        ({"terms": "trm_old"}, "terms_changed"),
        ({"package_version": "pkv_x"}, "package_not_found"),
        ({"currency": "GBP"}, "invalid_input"),
        ({"key": ""}, "idempotency_key_required"),
    ],
    ids=str,
)
def test_what_stands_in_the_way_is_said_on_the_page(one_till: Till, changes: dict, problem: str) -> None:
    till = one_till
    answer = ask(till, "POST", "/payments/checkout", data=form(till, **changes), headers=cookie(till, till.user_id))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/top-up?problem={problem}")


def test_forms_need_a_session_and_our_own_page(one_till: Till) -> None:
    till = one_till
    foreign = {**cookie(till, till.user_id), "Origin": "https://evil.example"}
    assert ask(till, "POST", "/payments/checkout", data=form(till)).status_code == 401
    assert ask(till, "POST", "/payments/checkout", data=form(till), headers=foreign).status_code == 403
    assert till.count("payment_order") == 0


def test_case_43_an_order_needs_a_key_and_the_key_means_one_order(till: Till) -> None:
    key = bearer(till)
    refused = ask(till, "POST", "/v1/orders", json=body(till), headers=key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "idempotency_key_required")
    assert till.count("payment_order") == 0

    keyed = {**key, "Idempotency-Key": "order-1"}

    async def retries() -> list[httpx.Response]:
        async with till.browser() as client:
            posts = [client.post("/v1/orders", json=body(till), headers=keyed) for _ in range(5)]
            return await asyncio.gather(*posts)

    answers = till.run(retries())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert till.count("payment_order") == 1
    again = ask(till, "POST", "/v1/orders", json=body(till, currency="USD"), headers=keyed)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_conflict")


def test_an_order_through_the_api(till: Till) -> None:
    key = bearer(till)
    offered = ask(till, "GET", "/v1/packages", headers=key).json()
    [package] = offered["data"]
    assert offered["prices_include_tax"] is False
    assert (package["title"], package["net_prices"]["EUR"], package["credits"]) == ("Starter", "10.00", "10000")
    wanted = {"package_version": package["version"], "currency": "EUR", "accept_terms": offered["terms"]["version"]}

    estimate = ask(till, "POST", "/v1/orders?dryRun=true", json=wanted, headers={**key, "Idempotency-Key": "a"}).json()
    assert (estimate["net"], estimate["tax"], estimate["total"]) == ("10.00", "1.90", "11.90")
    assert till.count("payment_order") == 0

    made = ask(till, "POST", "/v1/orders", json=wanted, headers={**key, "Idempotency-Key": "a"}).json()
    assert (made["status"], made["total"], made["currency"]) == ("pending", "11.90", "EUR")
    assert made["url"].startswith("http")
    order = till.order(made["id"])
    till.pay(order)
    assert till.settle(order).state is State.PAID
    seen = ask(till, "GET", f"/v1/orders/{order.id}", headers=key).json()
    assert (seen["status"], seen["url"], bool(seen["invoice"])) == ("paid", None, True)
    assert [each["id"] for each in ask(till, "GET", "/v1/orders", headers=key).json()["data"]] == [order.id]

    by_transfer = {**wanted, "method": "transfer"}
    waiting = ask(till, "POST", "/v1/orders", json=by_transfer, headers={**key, "Idempotency-Key": "b"}).json()
    assert (waiting["status"], waiting["url"]) == ("pending", None)


@pytest.mark.parametrize("changes", [{"amount": 1}, {"credits": 5}, {"price": "0.01"}, {"method": "cash"}], ids=str)
def test_case_09_the_api_refuses_amounts(one_till: Till, changes: dict) -> None:
    headers = {**bearer(one_till), "Idempotency-Key": "a"}
    assert ask(one_till, "POST", "/v1/orders", json=body(one_till, **changes), headers=headers).status_code == 400
    assert one_till.count("payment_order") == 0


def test_orders_are_seen_by_their_own_workspace_only(one_till: Till) -> None:
    till = one_till
    order = till.buy()
    till.workspace_id, till.user_id = till.customer(name="Stranger")
    assert ask(till, "GET", f"/v1/orders/{order.id}", headers=bearer(till)).status_code == 404
    assert ask(till, "GET", "/v1/orders", headers=bearer(till)).json()["data"] == []


def test_case_33_a_proof_goes_in_by_form_and_out_as_a_download(one_till: Till) -> None:
    till = one_till
    order = till.cashier.manual.request(till.choice())
    where, mine = f"/payments/orders/{order.id}/proof", cookie(till, till.user_id)
    sent = ask(till, "POST", where, files={"file": ("../<b>.pdf", b"%PDF-1.7 x", "text/html")}, headers=mine)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/top-up?order={order.id}")
    [proof] = till.cashier.proofs.of_order(order.id)

    got = ask(till, "GET", f"/payments/proofs/{proof.id}", headers=mine)
    assert got.content == b"%PDF-1.7 x"
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]

    operator = till.operator()
    assert ask(till, "GET", f"/payments/proofs/{proof.id}", headers=cookie(till, operator)).status_code == 200
    _, stranger = till.customer(name="Stranger")
    assert ask(till, "GET", f"/payments/proofs/{proof.id}", headers=cookie(till, stranger)).status_code == 404
    assert ask(till, "GET", f"/payments/proofs/{proof.id}").status_code == 401

    page = {"file": ("x.pdf", b"<html>", "application/pdf")}
    huge = {"file": ("x.pdf", b"%PDF-" + b"0" * (11 * 1024 * 1024), "application/pdf")}
    for files, problem in ((page, "proof_type"), (huge, "file_too_large")):
        refused = ask(till, "POST", where, files=files, headers=mine)
        back_to_the_order = f"/top-up?order={order.id}&problem={problem}"
        assert (refused.status_code, refused.headers["location"]) == (303, back_to_the_order)
    assert len(till.cashier.proofs.of_order(order.id)) == 1


def test_a_house_without_keys_sells_by_transfer_only(tmp_path: Path, sqlite_url: str, stripe_: SandboxStripe) -> None:
    with open_till(tmp_path / "home", sqlite_url, None) as till:
        assert till.cashier.takes_cards is False
        till.stripe = stripe_
        assert till.deliver(['{"object": "event"}'], till.signed("x")) == [503]
        form_ = form(till)
        answer = ask(till, "POST", "/payments/checkout", data=form_, headers=cookie(till, till.user_id))
        assert answer.headers["location"] == "/top-up?problem=cards_off"
        assert till.run(till.cashier.apply_due()) == (0, 0)
        assert till.cashier.manual.request(till.choice()).state is State.PENDING


def test_the_demos_packages_and_terms(tmp_path: Path, sqlite_url: str, stripe_: SandboxStripe) -> None:
    with open_till(tmp_path / "home", sqlite_url, stripe_, fresh=False) as till:
        for _ in range(2):
            seed_payments(till.cashier, actor="demo")
        assert [str(package.kind) for package in till.cashier.packages.on_sale()] == [
            "individual",
            "team",
            "high_volume",
            "enterprise",
        ]
        assert till.cashier.currencies() == ["EUR", "JPY", "USD"]
        assert len(till.cashier.terms.history()) == 1
