"""The frame in a real browser: keys, palette, sidebar, drawer, signing in and out, and every page at both widths."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from app.kernel.text import t
from app.ui.nav import CUSTOMER, OPERATOR
from tests.support.server import Running
from tests.support.shots import enter as sign_in

PHONE, DESK = 390, 1280
HOME = {"customer": "/playground", "operator": "/admin"}
SHEET = "getComputedStyle(document.querySelector('.fb-sheet')).backgroundColor"


def enter(page: Page, farebox: Running, role: str) -> None:
    """Through the demo's door, onto the role's own page."""
    sign_in(page, farebox.url, role)
    page.goto(farebox.url + HOME[role])
    expect(page.locator(".fb-shell")).to_be_visible()
    expect(page.locator(".fb-avatar").first).not_to_be_empty()


@pytest.fixture
def as_customer(visitor: Callable[..., Page], farebox: Running) -> Page:
    page = visitor()
    enter(page, farebox, "customer")
    return page


def test_signing_in_goes_where_one_wanted_to_go_and_out_again(page, farebox, watch):
    watch.expect("401")
    page.goto(f"{farebox.url}/balance?x=1")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Fbalance%3Fx%3D1"))
    page.get_by_label("E-mail").fill(farebox.logins.customer.email)
    page.locator("#password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    expect(page.get_by_label("E-mail")).to_have_value(farebox.logins.customer.email)
    page.locator("#password").fill(farebox.logins.customer.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{farebox.url}/balance?x=1")
    expect(page.get_by_role("heading", name="Balance", exact=True)).to_be_visible()
    page.locator(".fb-user").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.goto(f"{farebox.url}/balance")
    expect(page).to_have_url(re.compile("/login"))


def test_the_password_can_be_looked_at(page, farebox):
    page.goto(f"{farebox.url}/login")
    expect(page.get_by_test_id("demo-customer")).to_be_visible()
    page.locator("#password").fill("secret")
    page.get_by_role("button", name="Show the password").click()
    expect(page.locator("#password")).to_have_attribute("type", "text")


def test_keys_go_to_pages_and_rest_while_one_types(as_customer, farebox):
    page = as_customer
    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page.get_by_role("heading", name="Balance", exact=True)).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.locator(".fb-palette-input")).to_be_focused()
    page.keyboard.type("gl")
    expect(page).to_have_url(f"{farebox.url}/balance")
    page.keyboard.type("zzz no such thing")
    expect(page.locator(".fb-palette")).to_contain_text("Nothing here is called")
    page.keyboard.press("Escape")
    expect(page.locator(".fb-palette")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.locator(".fb-find").click()  # the palette finds a page by its name
    page.keyboard.type("api keys")
    expect(page.locator(".fb-found")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{farebox.url}/keys")
    expect(page.locator(".fb-palette")).to_have_count(0)


def test_a_folded_sidebar_and_a_chosen_theme_stay(as_customer):
    page = as_customer
    assert _width(page) == 208
    light = page.evaluate(SHEET)
    page.get_by_role("button", name="Light or dark").first.click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.keyboard.press("[")
    page.reload()
    expect(page.locator(".fb-shell")).to_be_visible()
    assert _width(page) == 52
    assert page.get_by_role("link", name="Gallery").first.get_attribute("title") == "Gallery"
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    assert page.evaluate(SHEET) != light


def _width(page: Page) -> float:
    box = page.locator(".fb-sidebar").bounding_box()
    return box["width"] if box else 0


def test_a_phone_has_a_bottom_bar_and_a_drawer(visitor, farebox):
    page = visitor(width=PHONE, height=844)
    enter(page, farebox, "customer")
    bar = page.locator(".fb-bottom-bar")
    assert [text.strip() for text in bar.locator(".fb-bar-item").all_inner_texts()] == [
        "Playground", "Gallery", "Balance", "Logs", "More",
    ]  # fmt: skip
    bar.get_by_role("button", name="More").click()
    drawer = page.locator(".fb-drawer")
    expect(drawer).to_be_visible()
    drawer.get_by_role("link", name="API keys").click()
    expect(page).to_have_url(f"{farebox.url}/keys")
    expect(page.locator(".fb-drawer")).to_have_count(0)


def test_an_operator_does_not_get_into_a_customer_s_pages_and_the_other_way_round(visitor, farebox):
    operator, customer = visitor(), visitor()
    sign_in(operator, farebox.url, "operator")
    operator.goto(f"{farebox.url}/gallery")
    expect(operator).to_have_url(f"{farebox.url}/admin")
    sign_in(customer, farebox.url, "customer")
    customer.goto(f"{farebox.url}/admin/providers")
    expect(customer).to_have_url(f"{farebox.url}/playground")


def test_a_page_that_does_not_exist_says_so(page, farebox, watch):
    watch.expect("404")
    page.goto(f"{farebox.url}/no/such/page")
    expect(page.get_by_role("heading", name="There is no page here")).to_be_visible()


@pytest.mark.parametrize(("role", "entries"), [("customer", CUSTOMER), ("operator", OPERATOR)])
def test_every_page_fits_a_phone_and_a_desk_and_names_its_controls(visitor, farebox, role, entries):
    page = visitor(width=DESK, height=844)
    enter(page, farebox, role)
    for entry in entries:
        page.set_viewport_size({"width": DESK, "height": 844})
        page.locator(f'.fb-sidebar .fb-nav-row[href="{entry.href}"]').click()  # quicker than loading every page anew
        expect(page).to_have_url(farebox.url + entry.href)
        expect(page.get_by_role("heading", level=1)).to_have_text(t(f"shell.nav.{entry.key}"))
        expect(page.locator(".fb-page .fb-skeleton")).to_have_count(0)
        for width in (DESK, PHONE):
            page.set_viewport_size({"width": width, "height": 844})
            with suppress(TimeoutError):  # a chart follows its window a moment later
                page.wait_for_function(f"({TOO_WIDE}).length === 0")
            assert page.evaluate(TOO_WIDE) == [], (entry.href, width)
            assert page.evaluate(NAMELESS) == [], (entry.href, width)


#: Boxes of the page that scroll sideways, tables and code aside.
TOO_WIDE = """
[document.documentElement, ...document.querySelectorAll('.fb-page')]
  .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + ' ' + e.scrollWidth)
"""
NAMELESS = """
[...document.querySelectorAll('button, a[href], input:not([type=hidden]), textarea')]
  .filter((e) => e.getClientRects().length && !e.closest('[aria-hidden=true]'))
  .filter((e) => !(e.innerText || '').trim() && !e.ariaLabel && !e.title && !e.labels?.length)
  .map((e) => e.outerHTML.slice(0, 120))
"""
