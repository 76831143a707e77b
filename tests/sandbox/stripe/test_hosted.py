"""The hosted page as a browser without scripts meets it, and as a form that anybody can post."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.sandbox.callers import until
from tests.sandbox.stripe.orders import look, saved_card, session
from tests.support.browser import is_local
from tests.support.effort import sweep

TYPED = {
    "email": "ada@example.com",
    "number": "4242424242424242",
    "expiry": "12/34",
    "cvc": "123",
    "name": "Ada",
    "country": "DE",
    "postal_code": "10115",
}
WIDTHS = {"desktop": 1280, "phone": 390}


def post(sandbox, url: str, act: str = "card", **typed: str) -> httpx.Response:
    return sandbox.http.post(url, data={**TYPED, "act": act, **typed})


def test_it_shows_what_is_sold_and_for_how_much(client, sandbox):
    made = session(client)
    page = sandbox.http.get(made.url)
    assert page.status_code == 200
    for shown in ("20,000 credits", "€23.80", "ord_1", "Sandbox", 'href="http://localhost/back"'):
        assert shown in page.text
    assert "script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_what_a_merchant_writes_is_shown_and_never_run(client, sandbox):
    params = {
        "price_data": {"currency": "eur", "unit_amount": 500, "product_data": {"name": "<b>x</b>"}},
        "quantity": 1,
    }
    made = session(client, line_items=[params])
    assert "&lt;b&gt;x&lt;/b&gt;" in sandbox.http.get(made.url).text


def test_paying_leads_back_with_the_sessions_id(client, sandbox):
    made = session(client)
    answer = post(sandbox, made.url)
    assert (answer.status_code, answer.headers["location"]) == (303, f"http://localhost/done?cs={made.id}")
    assert look(client, made.id).payment_status == "paid"


def test_pressing_twice_pays_once(client, sandbox):
    made = session(client)
    assert post(sandbox, made.url).headers["location"] == post(sandbox, made.url).headers["location"]
    assert len(client.v1.charges.list().data) == 1


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        pytest.param({"number": "4111111111111111"}, "card number is incorrect", id="no test card"),
        pytest.param({"number": "4000000000000002"}, "Your card was declined.", id="declined"),
        pytest.param({"number": "4000000000009995"}, "insufficient funds", id="no money"),
        pytest.param({"expiry": "13/34"}, "month and year", id="no such month"),
        pytest.param({"expiry": "01/20"}, "has expired", id="expired"),
        pytest.param({"cvc": ""}, "security code", id="no code"),
        pytest.param({"email": "ada"}, "email", id="no address"),
        pytest.param({"act": "debit", "iban": "DE00"}, "none of the sandbox", id="no test account"),
        pytest.param({"saved": "pm_somebody_elses"}, "saved card is gone", id="another's card"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(client, sandbox, typed, says):
    made = session(client)
    page = post(sandbox, made.url, **{"act": "card", **typed})
    assert page.status_code == 402
    assert says in re.search(r'role="alert">(.*?)</p>', page.text).group(1).replace("&#39;", "'")
    assert 'value="Ada"' in page.text
    assert look(client, made.id).status == "open"


def test_the_bank_asks_and_is_answered_once(client, sandbox):
    made = session(client)
    asks = post(sandbox, made.url, number="4000002760003184").headers["location"]
    assert "€23.80" in sandbox.http.get(asks).text

    back = sandbox.http.post(asks, data={"act": "fail"}, follow_redirects=True)
    assert str(back.url).startswith(made.url)
    assert "unable to authenticate" in back.text
    assert sandbox.http.get(asks).status_code == 404

    asks = post(sandbox, made.url, number="4000002760003184").headers["location"]
    done = sandbox.http.post(asks, data={"act": "pass"})
    assert done.headers["location"] == f"http://localhost/done?cs={made.id}"
    assert sandbox.http.post(asks, data={"act": "pass"}).status_code == 404


def test_an_intent_without_a_session_leads_back_to_the_merchant(client, sandbox, customer):
    asking = client.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "eur",
            "customer": customer.id,
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "http://localhost/back?a=1",
        }
    )
    done = sandbox.http.post(asking.next_action.redirect_to_url.url, data={"act": "pass"})
    assert done.headers["location"].startswith(f"http://localhost/back?a=1&payment_intent={asking.id}&")
    assert done.headers["location"].endswith("redirect_status=succeeded")


def test_an_expired_session_shows_no_form(client, sandbox):
    made = session(client, expires_at=int(time.time()) + 31 * 60)
    client.v1.checkout.sessions.expire(made.id)
    page = sandbox.http.get(made.url)
    assert page.status_code == 410
    assert "has expired" in page.text
    assert post(sandbox, made.url).status_code == 410
    assert not client.v1.charges.list().data


def test_an_address_of_no_order_is_404(sandbox):
    assert sandbox.http.get(f"{sandbox.url}/c/pay/cs_test_nobody").status_code == 404
    assert sandbox.http.post(f"{sandbox.url}/c/pay/cs_test_nobody", data=TYPED).status_code == 404
    assert sandbox.http.get(f"{sandbox.url}/receipts/ch_nobody").status_code == 404


def test_a_receipt_can_be_opened(client, sandbox):
    made = session(client)
    post(sandbox, made.url)
    charge = look(client, made.id, "payment_intent.latest_charge").payment_intent.latest_charge
    assert "€23.80, succeeded" in sandbox.http.get(charge.receipt_url).text


@pytest.mark.browser
@pytest.mark.parametrize("theme", sweep(["light", "dark"], "light"))
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_a_browser_without_scripts_can_do_everything(browser: Browser, client, sandbox, customer, width, theme):
    saved_card(client, customer.id)
    made = session(client, customer.id, success_url=f"{sandbox.url}/c/pay/thanks?cs={{CHECKOUT_SESSION_ID}}")
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=theme, java_script_enabled=False
    )
    foreign: list[str] = []
    context.on("request", lambda request: None if is_local(request.url) else foreign.append(request.url))
    page = context.new_page()
    try:
        page.goto(made.url)
        expect(page.get_by_role("heading", name="€23.80")).to_be_visible()
        assert page.locator("main").bounding_box()["width"] <= width, "nothing is wider than the window"

        page.get_by_text("Try another card").click()
        page.get_by_role("button", name="Insufficient funds").click()
        expect(page.get_by_role("alert")).to_have_text("Your card has insufficient funds.")

        page.get_by_text("Bank debit (SEPA)").click()
        expect(page.get_by_role("button", name="Order a debit of €23.80")).to_be_visible()
        page.locator("summary", has_text="Card").first.click()

        page.get_by_label("Card number").fill("4000 0027 6000 3184")
        page.get_by_role("button", name="Pay €23.80").click()
        page.get_by_role("button", name="That is not me").click()
        expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")

        page.get_by_label("Visa ending in 4242").check()
        page.get_by_role("button", name="Pay €23.80").press("Enter")
        page.wait_for_url(f"**/thanks?cs={made.id}")
    finally:
        context.close()
    assert until(lambda: look(client, made.id).payment_status) == "paid"
    assert not foreign
