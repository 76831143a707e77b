"""Billing keys: issued for what is chosen, shown once, revoked. Plans: made, priced, and what they promise."""

import json

import pytest

from app.kernel.given import Given
from app.plans import features
from app.ui.pages.admin_billing_keys.rows import in_words, scopes_of
from app.ui.pages.admin_billing_keys.state import BillingKeysState
from app.ui.pages.admin_plans.state import PlansState
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


# --- plans


async def write(screen: Screen, page: PlansState, **values: str) -> None:
    for name, text in values.items():
        await screen.act(settled(page.write(name, text)))


async def settled(_done: None) -> None:
    """A handler that is no coroutine has acted already."""


async def plan(screen: Screen, name: str) -> PlansState:
    page = await screen.open(PlansState, "/admin/plans")
    page.new_plan()
    await write(screen, page, name=name, description="For studios")
    await screen.act(page.save())
    return page


async def test_a_plan_its_price_and_the_successor(desk: Screen, home: House) -> None:
    page = await plan(desk, "Studio")
    assert (page.doing, page.chosen["name"], page.description) == ("", "Studio", "For studios")
    page.new_price()
    page.choose("meter", "meter_video_seconds")
    await write(desk, page, amount="0.08", filters="model = veo\nresolution = 720p, 1080p", display_name="Veo")
    await desk.act(page.save())
    (price,) = page.prices
    assert (price["name"], price["cost"]) == ("Veo", "$0.08 per video_seconds")
    assert price["when"] == "model = veo and resolution is 720p or 1080p"
    page.change_price(price["id"])
    await write(desk, page, amount="0.1")
    await desk.act(page.save())
    assert [row["cost"] for row in page.prices] == ["$0.10 per video_seconds"]
    await desk.act(page.choose_ended(True))
    assert [(row["cost"], row["is_ended"]) for row in page.prices] == [
        ("$0.08 per video_seconds", True),
        ("$0.10 per video_seconds", False),
    ]


@pytest.mark.parametrize(
    ("way", "values", "cost"),
    [
        pytest.param("fee", {"amount": "1,000"}, "$1,000.00 monthly", id="fee"),
        pytest.param("package", {"amount": "2", "per": "1,000"}, "$2.00 per 1,000 image_count", id="package"),
    ],
)
async def test_prices_of_other_kinds(desk: Screen, way: str, values: dict[str, str], cost: str) -> None:
    page = await plan(desk, f"With a {way}")
    page.new_price()
    page.choose("way", way)
    page.choose("meter", "meter_img_count")
    await write(desk, page, **values)
    await desk.act(page.save())
    assert [row["cost"] for row in page.prices] == [cost]
    page.end_price(page.prices[0]["id"])
    await desk.act(page.save())
    assert page.prices == []


async def test_a_price_in_tiers_is_written_a_line_each_and_changed_as_it_was_written(desk: Screen) -> None:
    page = await plan(desk, "Tiered")
    page.new_price()
    page.choose("way", "tiers")
    page.choose("mode", "VOLUME")
    page.choose("mode", "whatever")
    page.choose("meter", "meter_img_count")
    await write(desk, page, tiers="100 = 0.10\n1,000 = 0.08 + 5\n= 0.05", filters="model = veo")
    await desk.act(page.save())
    (price,) = page.prices
    assert price["cost"] == "3 tiers (volume) in USD for image_count"
    assert price["when"] == "to 100: 0.10, to 1,000: 0.08 + 5, above: 0.05 · model = veo"
    page.change_price(price["id"])
    assert (page.is_tiered, page.values["tiers"]) == (True, "100 = 0.10\n1,000 = 0.08 + 5\n= 0.05")
    await write(desk, page, tiers="10 = 1")
    await desk.act(page.save())
    (changed,) = page.prices
    assert (changed["tiers"], changed["cost"]) == ("10 = 1", "1 tier (volume) in USD for image_count")


@pytest.mark.parametrize("tiers", ["", "100", "100 =", "a few = 1", "100 = much", "100 = 1\n50 = 1", "= 1\n= 2"])
async def test_tiers_that_are_none_are_refused_at_their_field(desk: Screen, tiers: str) -> None:
    page = await plan(desk, "Refused tiers")
    page.new_price()
    page.choose("way", "tiers")
    page.choose("meter", "meter_img_count")
    await write(desk, page, tiers=tiers)
    await desk.act(page.save())
    assert [name for name, said in page.errors.items() if said] == ["tiers"]
    assert "tiers.0" not in page.errors["tiers"]
    assert (page.doing, page.prices) == ("price", [])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({"amount": "much"}, "amount", id="no figure"),
        pytest.param({"amount": ""}, "amount", id="no amount"),
        pytest.param({"amount": "1", "currency": "DOLLARS"}, "currency", id="no currency"),
        pytest.param({"amount": "1", "filters": "veo"}, "filters", id="a filter that is none"),
    ],
)
async def test_what_is_wrong_stands_at_its_field(desk: Screen, values: dict[str, str], field: str) -> None:
    page = await plan(desk, "Refused")
    page.new_price()
    page.choose("meter", "meter_img_count")
    await write(desk, page, **values)
    await desk.act(page.save())
    assert [name for name, said in page.errors.items() if said] == [field]
    assert (page.doing, page.prices) == ("price", [])


async def test_models_and_limits_are_chosen_with_a_click(desk: Screen, home: House) -> None:
    page = await plan(desk, "Clicked")
    page.new_price()
    await write(desk, page, filters="resolution = 720p")
    for alias in ("flux-dev", "flux-schnell", "flux-dev", "no-such-model"):
        page.choose("only", alias)
    assert page.values["filters"] == "resolution = 720p\nmodel = flux-dev, flux-schnell"
    page.new_promise()
    page.choose("promising", "limit")
    page.choose("role", "resolution")
    page.choose("most", "1080p")
    page.choose("most", "whatever")
    assert page.values["most"] == "1080p"
    page.choose("role", "quality")
    assert page.values["most"] == ""
    page.choose("most", "high")
    await desk.act(page.save())
    assert [(row["feature"], row["promise"]) for row in page.promises] == [("Quality", "up to high, more is refused")]
    assert page.subscribers == "0 on it"
    again = await desk.open(PlansState, "/admin/plans", f"?plan={page.chosen['id']}")
    assert again.chosen["id"] == page.chosen["id"]


async def test_what_a_plan_promises(desk: Screen, home: House) -> None:
    with home.services.db.write() as connection:
        made = features.create(
            connection,
            Given({"name": "Images", "type": "metered", "meter_id": "meter_img_count"}),
            actor="test",
            now=home.services.desk.clock(),
        )
    page = await plan(desk, "Promising")
    page.new_promise()
    page.choose("promising", "feature")
    page.choose("feature", made["id"])
    await write(desk, page, limit="1,000")
    await desk.act(page.save())
    assert [(row["feature"], row["promise"]) for row in page.promises] == [("Images", "1,000 a month")]
    await desk.act(page.drop_promise(page.promises[0]["id"]))
    assert page.promises == []


@pytest.mark.parametrize(
    ("promising", "chosen", "values", "shown"),
    [
        pytest.param("model", {"model": "flux-schnell"}, {}, ("Model flux-schnell", "included"), id="model"),
        pytest.param(
            "limit", {"role": "resolution", "otherwise": "downgrade"}, {"most": "1080p"},
            ("Resolution", "up to 1080p, more is made less"), id="limit",
        ),
        pytest.param(
            "quota", {"meter": "meter_video_seconds", "period": "DAILY"}, {"limit": "60"},
            ("Quota of video_seconds", "60 a day"), id="quota",
        ),
    ],
)  # fmt: skip
async def test_promises_that_the_gateway_keeps(
    desk: Screen, promising: str, chosen: dict[str, str], values: dict[str, str], shown: tuple[str, str]
) -> None:
    page = await plan(desk, f"Keeps a {promising}")
    page.new_promise()
    page.choose("promising", promising)
    for what, value in chosen.items():
        page.choose(what, value)
    await write(desk, page, **values)
    await desk.act(page.save())
    assert [(row["feature"], row["promise"]) for row in page.promises] == [shown]


@pytest.mark.parametrize(
    ("promising", "values", "field"),
    [
        pytest.param("model", {}, "model", id="no model"),
        pytest.param("limit", {"most": "a lot"}, "most", id="a limit that cannot be compared"),
        pytest.param("quota", {}, "meter_id", id="no meter"),
    ],
)
async def test_a_promise_that_cannot_be(desk: Screen, promising: str, values: dict[str, str], field: str) -> None:
    page = await plan(desk, "Refuses")
    page.new_promise()
    page.choose("promising", promising)
    await write(desk, page, **values)
    await desk.act(page.save())
    assert [name for name, said in page.errors.items() if said] == [field]
    assert page.promises == []
