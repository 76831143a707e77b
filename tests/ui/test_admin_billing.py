"""Billing keys: issued for what is chosen, shown once, revoked."""

import json

import pytest

from app.ui.pages.admin_billing_keys.rows import in_words, scopes_of
from app.ui.pages.admin_billing_keys.state import BillingKeysState
from tests.support.house import House
from tests.ui.screens import Screen, operator

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(home: House) -> Screen:
    return Screen(home, operator())


async def issue(screen: Screen, page: BillingKeysState, name: str, may: str = "all", **chosen: str) -> None:
    await screen.act(page.open_create(True))
    await screen.act(page.write_name(name))
    await screen.act(page.choose_may(may))
    for area, way in chosen.items():
        await screen.act(page.choose_area(area, way))
    await screen.act(page.create_key())


async def test_a_billing_key_is_shown_once_and_works(desk: Screen, home: House) -> None:
    page = await desk.open(BillingKeysState, "/admin/billing-keys")
    await issue(desk, page, "crm")
    secret = page.secret
    found = home.services.billing_keys.look_up(secret)
    assert found is not None
    assert (found.name, found.scopes) == ("crm", ("*:write",))
    assert secret in page.example
    await desk.act(page.create_key())  # pressed twice
    row = page.rows[0]
    assert (row["name"], row["hint"], row["may"]) == ("crm", f"fbb_…{secret[-4:]}", "Everything")
    await desk.act(page.open_create(False))
    assert secret not in json.dumps(page.dict(), default=str)


async def test_a_key_for_areas(desk: Screen, home: House) -> None:
    page = await desk.open(BillingKeysState, "/admin/billing-keys")
    await issue(desk, page, "ingest", "chosen", events="write", customers="read", nowhere="write")
    found = home.services.billing_keys.look_up(page.secret)
    assert found is not None
    assert found.scopes == ("customers:read", "events:write")
    assert page.rows[0]["may"] == "Customers (look), Usage events"


@pytest.mark.parametrize(
    ("name", "may", "said"),
    [
        pytest.param("", "all", "A key's name", id="no name"),
        pytest.param("x", "chosen", "Choose at least one area.", id="no area"),
    ],
)
async def test_a_key_that_cannot_be(desk: Screen, name: str, may: str, said: str) -> None:
    page = await desk.open(BillingKeysState, "/admin/billing-keys")
    await issue(desk, page, name, may)
    assert page.error.startswith(said)
    assert page.secret == ""


async def test_a_revoked_billing_key_stops_working(desk: Screen, home: House) -> None:
    page = await desk.open(BillingKeysState, "/admin/billing-keys")
    await issue(desk, page, "short-lived")
    secret = page.secret
    await desk.act(page.open_revoke("bkey_nobody"))
    assert page.revoking == ""
    await desk.act(page.open_revoke(page.rows[0]["id"]))
    await desk.act(page.revoke_key())
    assert home.services.billing_keys.look_up(secret) is None
    assert "short-lived" not in [row["name"] for row in page.rows]
    await desk.act(page.choose_revoked(True))
    assert ("short-lived", "Revoked") in [(row["name"], row["word"]) for row in page.rows]


def test_scopes_in_words_and_back() -> None:
    assert in_words(scopes_of("read", {})) == "Look at everything"
    assert in_words(["*:read", "events:write"]) == "Everything (look), Usage events"
    assert scopes_of("chosen", {"events": "none"}) == ()
