"""A customer follows their credits: a request, its trace, the balance it came from, the key that may spend it.

Each test has a customer of its own.
"""

import csv
import io
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Error as PageError
from playwright.sync_api import Locator, Page, TimeoutError, expect
from sqlalchemy import select

from app.kernel.db import Database
from app.notify.tables import mail
from app.settings import load
from tests.support.newcomer import Newcomer
from tests.support.server import Running
from tests.support.shots import enter

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 60_000

#: Boxes of the page that scroll sideways, tables and code aside.
TOO_WIDE = """
[document.documentElement, ...document.querySelectorAll('.fb-page')]
  .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + ' ' + e.scrollWidth)
"""
#: Every word to the server takes this long. Typing goes on meanwhile.
SLOW_LINE = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) { setTimeout(() => send.call(this, data), 250); };
"""


def as_program(who: Newcomer) -> httpx.Client:
    return httpx.Client(base_url=f"{who.url}/v1", headers=who.headers)


def generate(who: Newcomer, prompt: str, model: str = "flux-schnell", **given: object) -> str:
    """Ask for a generation as a program does; its id."""
    with as_program(who) as api:
        answer = api.post("/generations", json={"model": model, "input": {"prompt": prompt, **given}})
        answer.raise_for_status()
        return str(answer.json()["id"])


def finished(who: Newcomer, *generation_ids: str) -> None:
    """Wait until every one of them has ended, well or not."""
    with as_program(who) as api:
        for generation_id in generation_ids:
            _until(lambda one=generation_id: api.get(f"/generations/{one}").json()["completed_at"] is not None)


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.1)


def link_mailed_to(farebox: Running, address: str) -> str:
    """The link of the mail to this address, as soon as it is written."""
    found: list[str] = []
    database = Database(load(farebox.env).database_url)

    def written() -> bool:
        with database.read() as connection:
            found.extend(connection.execute(select(mail.c.text).where(mail.c.address == address)).scalars())
        return bool(found)

    try:
        _until(written)
    finally:
        database.dispose()
    return re.findall(r"http\S+/choose-password\S+", found[0])[0]


def fits(page: Page) -> None:
    """On a phone and on a desk, nothing runs off the screen."""
    for size in (PHONE, DESK):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        with suppress(TimeoutError):  # a chart follows its window a moment later
            page.wait_for_function(f"({TOO_WIDE}).length === 0")
        assert page.evaluate(TOO_WIDE) == [], (page.url, size)


def seen(page: Page, selector: str) -> Locator:
    """The one of a page's two forms, for a desk and for a phone, that is shown."""
    return page.locator(selector).locator("visible=true")


@pytest.fixture
def customer(visitor: Callable[..., Page], someone: Newcomer) -> Page:
    return someone.enter(visitor(**DESK))


def test_a_request_is_followed_live_from_the_log_to_its_last_posting(farebox, someone, customer, visitor) -> None:
    page = customer
    prompt = "A red tram on a viaduct"
    page.goto(f"{farebox.url}/logs")
    expect(page.get_by_role("heading", name="Logs", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("No requests yet|Every model")).first).to_be_visible()

    generation_id = generate(someone, prompt, num_images=2)  # the open page hears of it
    expect(page.get_by_role("row").filter(has_text=prompt)).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/logs/{generation_id}")
    expect(page.get_by_test_id("headline")).to_have_text("20 credits for 2 images", timeout=PATIENCE_MS)
    expect(page.get_by_test_id("why")).to_have_text("You asked for 2 images. Each costs 10.")
    expect(page.get_by_test_id("charged")).to_have_text("20")
    expect(page.get_by_test_id("output")).to_have_count(2)
    expect(page.get_by_test_id("posting")).to_have_count(1)
    expect(page.get_by_test_id("posting")).to_contain_text("−20.000000 cr")
    expect(page.get_by_test_id("upstream")).to_have_count(0)
    fits(page)
    page.keyboard.press("c")
    assert page.evaluate("navigator.clipboard.readText()") == generation_id
    page.get_by_role("button", name="JSON").locator("visible=true").click()
    expect(page.get_by_role("dialog")).to_contain_text('"status": "completed"')

    operator: Page = visitor(**DESK)
    enter(operator, farebox.url, "operator")
    operator.goto(f"{farebox.url}/logs/{generation_id}")
    expect(operator.get_by_test_id("upstream")).to_contain_text("Margin")
    expect(operator.get_by_test_id("posting")).to_have_count(4)
    fits(operator)
    operator.get_by_role("radio", name="As the customer sees it").locator("visible=true").click()
    expect(operator.get_by_test_id("upstream")).to_have_count(0)
    expect(operator.get_by_test_id("posting")).to_have_count(1)

    page.goto(f"{farebox.url}/logs/gen_00000000000000000000000000")
    expect(page.get_by_text("There is no such request")).to_be_visible()


def test_the_log_is_narrowed_by_words_ids_and_choices(farebox: Running, someone, customer: Page) -> None:
    page = customer
    good = generate(someone, "A lighthouse, plain")
    bad = generate(someone, "A lighthouse, refused [[fault:401]]")
    finished(someone, good, bad)
    page.goto(f"{farebox.url}/logs")
    rows = page.locator(".fb-log tbody tr")
    search = page.get_by_placeholder("Prompt or any id")
    search.fill("lighthouse")
    expect(rows).to_have_count(2)
    fits(page)
    page.get_by_test_id("filter-status").locator("visible=true").get_by_role("combobox").click()
    page.get_by_role("option", name="Failed").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("refused")
    page.get_by_role("button", name="Clear").click()
    expect(search).to_have_value("")
    expect(rows.filter(has_text="plain")).to_be_visible()
    search.fill(good)
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("plain")


def test_the_balance_draws_what_was_spent_and_hands_out_exactly_what_is_filtered(farebox, someone, customer) -> None:
    page = customer
    prompt = "A paper boat"
    asked = [
        generate(someone, prompt),
        generate(someone, prompt, "flux-1.1-pro"),
        generate(someone, f"{prompt} [[fault:401]]"),
    ]
    finished(someone, *asked)
    page.goto(f"{farebox.url}/balance")
    expect(page.get_by_text(re.compile(r"[1-9]\d* credits in 30 days")).first).to_be_visible()
    bar = page.locator(".fb-chart svg.main-svg .barlayer path").last
    expect(bar).to_be_visible()
    drawn = bar.bounding_box()
    assert drawn is not None
    assert drawn["height"] > 20, "the bar is only a line"
    fits(page)
    page.get_by_text("Show as a table").click()
    expect(page.locator(".fb-day-table tbody tr").first).to_contain_text("60")

    page.get_by_role("radio", name="Charges").click()
    rows = page.locator(".fb-ledger tbody tr")
    expect(rows.filter(has_text="Hold")).to_have_count(0)
    expect(rows.filter(has_text="flux-1.1-pro")).to_contain_text("−60")
    with page.expect_download() as started:
        page.get_by_test_id("csv").click()
    written = list(csv.DictReader(io.StringIO(Path(started.value.path()).read_text(encoding="utf-8-sig"))))
    assert {row["entry"] for row in written} == {"Charge"}
    shown = rows.all_inner_texts()
    assert len(shown) == len(written)
    for line, row in zip(shown, written, strict=True):
        assert row["detail"] in line
        assert row["credits"].replace("-", "−") in line

    page.get_by_role("radio", name="Returns").click()
    expect(rows.filter(has_text="Charge")).to_have_count(0)
    expect(rows.filter(has_text="Released").first).to_contain_text("10 back")


def test_a_key_is_made_shown_once_used_and_revoked(farebox: Running, customer: Page) -> None:
    page = customer
    page.goto(f"{farebox.url}/keys")
    expect(page.get_by_role("row").filter(has_text="Demo key")).to_be_visible()
    fits(page)
    page.keyboard.press("n")
    page.get_by_role("textbox", name="Name").fill("web-prod")
    page.get_by_role("textbox", name="Name").press("Enter")
    secret = page.get_by_test_id("new-secret").inner_text()
    page.get_by_role("button", name="Copy key").click()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{farebox.url}/v1/balance", headers=headers).status_code == 200
    fits(page)
    page.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_test_id("new-secret")).to_have_count(0)
    assert secret not in page.content()
    page.reload()
    expect(page.get_by_role("row").filter(has_text="web-prod")).to_contain_text(f"fbx_…{secret[-4:]}")
    assert secret not in page.content()

    seen(page, "[aria-label='Rename web-prod']").click()
    page.get_by_role("textbox", name="Name").fill("web-staging")
    page.get_by_role("button", name="Save name").click()
    line = page.get_by_role("row").filter(has_text="web-staging")
    expect(line).to_be_visible()

    line.get_by_role("button", name="Revoke web-staging").click()
    page.get_by_role("button", name="Keep key").click()
    expect(line).to_be_visible()
    line.get_by_role("button", name="Revoke web-staging").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(line).to_have_count(0)
    expect(page.get_by_text("web-staging is revoked.")).to_be_visible()
    page.get_by_text("Show revoked").click()
    expect(line).to_contain_text("Revoked")
    _until(lambda: httpx.get(f"{farebox.url}/v1/balance", headers=headers).status_code == 401)


def test_somebody_is_invited_chooses_a_password_changes_it_and_is_removed(
    farebox: Running, someone: Newcomer, customer: Page, visitor: Callable[..., Page]
) -> None:
    page, url = customer, farebox.url
    email = someone.email.replace("@", "-ben@")
    page.goto(f"{url}/team")
    expect(page.get_by_role("row").filter(has_text="you")).to_contain_text("Owner")
    page.keyboard.press("n")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Name").fill("Ben")
    page.get_by_label("Name").press("Enter")
    line = page.get_by_role("row").filter(has_text=email)
    expect(line).to_contain_text("Invited")
    fits(page)

    link = link_mailed_to(farebox, email)
    ben: Page = visitor(**PHONE)
    ben.goto(link)
    expect(ben.locator("#password")).to_be_focused()
    expect(ben.get_by_test_id("password-card")).to_contain_text(email)
    ben.locator("#password").fill("correct horse battery")
    ben.keyboard.press("Enter")
    ben.wait_for_url("**/playground")
    ben.goto(f"{url}/password")
    ben.get_by_label("Present password").fill("not the present one")
    ben.get_by_label("New password").fill("another horse battery")
    ben.keyboard.press("Enter")
    expect(ben.get_by_role("alert")).to_contain_text("Nothing was changed")
    ben.get_by_label("Present password").fill("correct horse battery")
    ben.get_by_label("New password").fill("another horse battery")
    ben.keyboard.press("Enter")
    ben.get_by_role("link", name="Go on").click()
    ben.wait_for_url("**/playground")

    line.get_by_role("button", name="Remove Ben").click()
    page.get_by_test_id("confirm-remove").click()
    expect(line).to_have_count(0)
    with suppress(PageError):  # the open page may be on its way to the sign-in page already
        ben.goto(f"{url}/balance")
    expect(ben).to_have_url(re.compile("/login"))
    ben.goto(link)
    expect(ben.get_by_role("alert")).to_contain_text("has been used or has ended")
    ben.goto(f"{url}/login")
    ben.get_by_label("E-mail").fill(email)
    ben.locator("#password").fill("another horse battery")
    ben.keyboard.press("Enter")
    expect(ben.get_by_test_id("no-workspace")).to_contain_text("invite you")


def test_the_catalogue_is_searched_opened_and_tried(farebox: Running, customer: Page) -> None:
    page = customer
    page.goto(f"{farebox.url}/models")
    lines = page.get_by_test_id("model-line")
    expect(lines.first).to_be_visible()
    fits(page)
    page.get_by_role("radio", name="Video").click()
    page.keyboard.press("/")
    page.keyboard.type("veo 3.1")
    expect(lines).to_have_count(1)
    lines.first.click()
    page.wait_for_url(re.compile(r"model=veo3\.1"))
    expect(page.get_by_test_id("model-title")).to_have_text("Veo 3.1")
    expect(page.get_by_test_id("price")).to_have_text("from 280 credits per second")
    expect(page.get_by_test_id("price-table")).to_contain_text("Sound: On")
    fits(page)
    page.get_by_text("The answer").click()
    assert json.loads(page.get_by_test_id("api-answer").inner_text())["id"] == "veo3.1"
    page.get_by_role("link", name="Open in playground").click()
    page.wait_for_url(re.compile(r"/playground\?model=veo3\.1"))


def test_on_a_slow_line_no_letter_is_lost(farebox: Running, customer: Page) -> None:
    page = customer
    page.add_init_script(SLOW_LINE)
    page.goto(f"{farebox.url}/models")
    lines = page.get_by_test_id("model-line")
    expect(lines.first).to_be_visible()
    search = page.get_by_placeholder("Find a model")
    search.focus()
    for part in ("no such", " kind of ", "model"):
        page.keyboard.type(part, delay=60)
        page.wait_for_timeout(300)  # long enough to be sent; its answer comes while the next part is typed
    expect(search).to_have_value("no such kind of model")
    expect(page.get_by_text("No such model").first).to_be_visible()
    expect(search).to_have_value("no such kind of model")
    page.get_by_role("button", name="Show all models").click()
    expect(lines.first).to_be_visible()
    expect(search).to_have_value("")

    page.goto(f"{farebox.url}/keys")
    expect(page.get_by_role("row").filter(has_text="Demo key")).to_be_visible()
    page.keyboard.press("n")
    page.get_by_role("textbox", name="Name").focus()
    page.keyboard.type("typed-on-a-train", delay=60)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Here is “typed-on-a-train”")).to_be_visible()


def test_links_to_what_is_no_page_of_the_app_reach_it(farebox: Running, page: Page) -> None:
    page.goto(farebox.url)
    page.get_by_role("link", name="API").first.click()
    page.wait_for_url("**/v1/docs")
    expect(page).to_have_title(re.compile("Swagger"))
