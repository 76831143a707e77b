"""An operator changes a price by hand, and the customer sees the new one at once."""

import httpx
from playwright.sync_api import Page, expect

from tests.support.server import Running
from tests.support.shots import enter


def price_of(shared_farebox: Running, alias: str) -> str:
    """What the customer's API says the model costs."""
    key = shared_farebox.logins.customer.api_key
    answer = httpx.get(f"{shared_farebox.url}/v1/models/{alias}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    return answer.text


def test_a_price_is_changed_broken_mended_and_published(shared_farebox: Running, visitor, watch) -> None:
    page: Page = visitor(width=1440)
    enter(page, shared_farebox.url, "operator")
    page.goto(f"{shared_farebox.url}/admin/models")
    page.get_by_role("link", name="FLUX.1 schnell").click()
    base = page.get_by_test_id("base-perImage")
    expect(base).to_have_value("10")
    cells = page.get_by_test_id("matrix-cell")
    expect(cells.first).to_contain_text("12")
    assert '"perImage":10' in price_of(shared_farebox, "flux-schnell").replace(" ", "")

    base.fill("14")  # the visual editor …
    json = page.get_by_test_id("code-rule")
    expect(json).to_contain_text('"perImage": 14')  # … the JSON beside it …
    expect(cells.first).to_contain_text("16")  # … and the matrix
    expect(page.get_by_test_id("draft-state")).to_contain_text("Draft v2, saved")

    page.get_by_role("button", name="Add tier").click()
    tier = page.get_by_test_id("tier")
    tier.get_by_test_id("tier-price").fill("30")
    expect(json).to_contain_text('"perImage": 30')

    json.click()  # broken by hand: the card stands under its line
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(
        '{\n  "type": "formula",\n  "unit": "image",\n  "price": { "perImage": 15 },\n  "tiers": [\n'
        '    { "match": { "image_sise": "square_hd" }, "price": { "perImage": 30 } }\n  ]\n}'
    )
    card = page.locator(".fb-code-card")
    expect(card).to_contain_text("tiers[0].match.image_sise")
    expect(page.get_by_text("Until line 6 is fixed, the matrix ignores tier 1.")).to_be_visible()
    page.keyboard.press("Control+s")  # leads to the line instead of publishing
    expect(page.get_by_test_id("publish")).to_have_count(0)
    card.get_by_role("button", name="Use image_size").click()
    expect(card).to_have_count(0)
    expect(tier.get_by_test_id("condition")).to_contain_text("image_size")

    page.reload()  # the draft was saved as it was typed
    expect(page.get_by_test_id("base-perImage")).to_have_value("15")
    assert '"perImage":10' in price_of(shared_farebox, "flux-schnell").replace(" ", "")

    page.keyboard.press("Control+s")
    page.get_by_test_id("publish").click()
    expect(page.get_by_text("Say what changes and why")).to_be_visible()
    page.get_by_label("Note for the version list").fill("Follows the market")
    page.get_by_test_id("publish").click()
    expect(page.get_by_text("Version 2 is live. Undo restores version 1.")).to_be_visible()
    assert '"perImage":15' in price_of(shared_farebox, "flux-schnell").replace(" ", "")

    customer: Page = visitor()
    enter(customer, shared_farebox.url, "customer")
    customer.goto(f"{shared_farebox.url}/playground?model=flux-schnell")
    expect(customer.get_by_test_id("run")).to_contain_text("15 credits")

    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_test_id("draft-state")).to_contain_text("live v3")
    assert '"perImage":10' in price_of(shared_farebox, "flux-schnell").replace(" ", "")


def test_a_model_is_added_priced_and_offered_by_keyboard_and_mouse(shared_farebox: Running, visitor) -> None:
    page: Page = visitor(width=1440)
    enter(page, shared_farebox.url, "operator")
    page.goto(f"{shared_farebox.url}/admin/models")
    page.get_by_test_id("add-model").click()
    page.get_by_label("Upstream model id").fill("fal-ai/flux-krea")
    page.get_by_role("textbox", name="Title").fill("FLUX Krea")
    expect(page.get_by_label("Alias in the API")).to_have_value("flux-krea")
    page.get_by_test_id("create-model").click()
    page.wait_for_url("**/admin/models/mdl_*")
    page.get_by_test_id("base-perImage").fill("25")
    expect(page.get_by_test_id("matrix-cell").first).to_contain_text("25")
    cells = page.get_by_test_id("matrix-cell")
    cells.first.focus()
    page.keyboard.press("ArrowDown")
    expect(cells.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("calculator")).to_contain_text("100 credits")
    page.get_by_test_id("open-publish").click()
    page.get_by_label("Note for the version list").fill("First price")
    page.get_by_test_id("publish").click()
    expect(page.get_by_text("Version 1 is live.")).to_be_visible()
    assert '"perImage":25' in price_of(shared_farebox, "flux-krea").replace(" ", "")
