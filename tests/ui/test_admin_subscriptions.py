"""Subscriptions by hand: made with their first invoice in view, paused, moved, ended, and taken back."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from app.billing import tables
from app.kernel.errors import NotAllowed
from app.ui.find import find
from app.ui.pages.admin_subscriptions.create_state import CreateState
from app.ui.pages.admin_subscriptions.detail_state import SubscriptionState
from app.ui.pages.admin_subscriptions.list_state import SubscriptionsState
from app.ui.pages.billed.state import BilledState
from tests.support.house import House
from tests.ui import agreed
from tests.ui.screens import Screen, operator, owner_of, stranger

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(home: House) -> Screen:
    return Screen(home, operator())


@pytest.fixture
def plan(home: House) -> Callable[[str, str], str]:
    """Makes a plan of this test; answers its id."""
    return partial(agreed.plan, home)


async def begun(desk: Screen, plan_id: str) -> CreateState:
    """The dialog of a new subscription, with the customer and the plan chosen."""
    page: CreateState = await desk.tab.tree.get_state(CreateState)
    await desk.act(page.begin(desk.house.workspace_id))
    await desk.act(page.choose_plan(plan_id))
    return page


async def subscribed(desk: Screen, plan_id: str, **values: str) -> SubscriptionState:
    """The page of a new subscription."""
    page = await begun(desk, plan_id)
    for name, text in values.items():
        await desk.act(page.write(name, text))
    assert await desk.act(page.create()) is not None, page.errors
    return await desk.open(SubscriptionState, f"/admin/subscriptions/{latest(desk.house).id}")


def latest(house: House) -> Any:
    table = tables.subscription
    query = select(table).where(table.c.workspace_id == house.workspace_id).order_by(table.c.id.desc()).limit(1)
    with house.services.db.read() as connection:
        return connection.execute(query).one()


def how_many(house: House) -> int:
    table = tables.subscription
    query = select(func.count()).select_from(table).where(table.c.workspace_id == house.workspace_id)
    with house.services.db.read() as connection:
        return int(connection.execute(query).scalar_one())


async def did(desk: Screen, page: SubscriptionState, doing: str, **choices: Any) -> None:
    """Open a dialog, choose, and confirm it twice."""
    await desk.act(page.begin(doing))
    for name, value in choices.items():
        await desk.act(getattr(page, f"choose_{name}")(value))
    await desk.act(page.act())
    await desk.act(page.act())
    assert (page.doing, page.error) == ("", "")


async def test_a_subscription_is_made_once_and_its_first_invoice_is_seen_before(desk: Screen, plan) -> None:
    page = await begun(desk, plan("Studio", "20"))
    assert (page.total, [line["name"] for line in page.lines]) == ("$20.00", ["Base fee"])
    assert page.means.startswith("Paid ahead for")
    assert how_many(desk.house) == 0  # it was only tried
    await desk.act(page.write("trial", "14"))
    assert (page.total, page.lines) == ("$0.00", [])
    assert page.means.startswith("The trial of")
    await desk.act(page.write("trial", ""))
    assert await desk.act(page.create()) is not None
    assert await desk.act(page.create()) is None
    assert how_many(desk.house) == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({"coupon": "NOSUCH"}, "coupon", id="no such coupon"),
        pytest.param({"trial": "long"}, "trial", id="no number"),
        pytest.param({"start": "soon"}, "start", id="no day"),
    ],
)
async def test_what_is_wrong_stands_at_its_field(desk: Screen, plan, values: dict[str, str], field: str) -> None:
    page = await begun(desk, plan("Refused", "20"))
    for name, text in values.items():
        await desk.act(page.write(name, text))
    assert await desk.act(page.create()) is None
    assert [name for name, said in page.errors.items() if said] == [field]
    assert (page.open, how_many(desk.house)) == (True, 0)


async def test_without_a_customer_or_a_plan_nothing_is_made(desk: Screen, plan) -> None:
    page: CreateState = await desk.tab.tree.get_state(CreateState)
    await desk.act(page.begin(""))
    await desk.act(page.create())
    assert page.errors["customer"] == "Choose a customer."
    await desk.act(page.choose_customer("ws_nobody"))
    await desk.act(page.choose_plan("plan_nobody"))
    assert (page.customer["id"], page.plan) == ("", "")


async def test_a_pause_stops_requests_and_a_resumption_lets_them_go_on(desk: Screen, plan) -> None:
    page = await subscribed(desk, plan("Pausing", "20"))
    house = desk.house
    offer = house.services.offers.find("flux-schnell")
    entitled = house.services.desk.entitled
    assert entitled is not None
    await did(desk, page, "pause")
    assert (page.facts["state"], page.may["resume"], page.may["change"]) == ("Paused", True, False)
    with pytest.raises(NotAllowed, match="paused"):
        entitled.decide(house.workspace_id, offer, {})
    await did(desk, page, "resume")
    assert page.facts["state"] == "Active"
    assert entitled.decide(house.workspace_id, offer, {}) == ()
    assert [row["what"] for row in page.history] == ["Resumed", "Paused", "Subscribed"]


async def test_an_end_with_the_period_can_be_taken_back(desk: Screen, plan) -> None:
    page = await subscribed(desk, plan("Ending", "20"))
    await did(desk, page, "cancel")
    assert page.facts["note"].startswith("Ends on")
    assert (page.facts["state"], page.may["cancel"], page.may["keep"]) == ("Active", False, True)
    listed = await Screen(desk.house, operator()).open(SubscriptionsState, "/admin/subscriptions")
    await desk.act(listed.choose_state("ending"))
    assert page.facts["id"] in [row["id"] for row in listed.rows]
    await did(desk, page, "keep")
    assert (page.facts["note"], page.may["keep"]) == ("", False)
    assert latest(desk.house).cancel_at is None


async def test_an_end_at_once_says_before_what_it_says_after(desk: Screen, plan) -> None:
    page = await subscribed(desk, plan("Ended", "30"))
    await desk.act(page.begin("cancel"))
    await desk.act(page.choose_when("now"))
    said, net = page.means, page.net
    assert (page.net_name, net) == ("Credit", "$30.00")
    assert latest(desk.house).state == "active"  # it was only tried
    await desk.act(page.act())
    assert (page.facts["state"], any(page.may.values())) == ("Cancelled", False)
    assert said.startswith("It ends now")


async def test_another_plan_now_or_with_the_period(desk: Screen, plan) -> None:
    small, large = plan("Small", "20"), plan("Large", "50")
    page = await subscribed(desk, small)
    await did(desk, page, "change", plan=large, when="period_end")
    assert page.facts["note"].startswith("Moves to Large")
    await did(desk, page, "keep_plan")
    await desk.act(page.begin("change"))
    await desk.act(page.choose_plan(large))
    assert [(row["name"], row["amount"]) for row in page.changes] == [("Base fee", "−$20.00"), ("Base fee", "$50.00")]
    assert (page.net_name, page.net) == ("For the days left", "$30.00")
    await desk.act(page.act())
    assert page.facts["plan"].startswith("Large")
    assert page.history[0]["what"].startswith("Moved to Large")
    drafts = [row["total"] for row in page.billed if row["is_draft"]]
    assert sorted(drafts) == ["$20.00", "$30.00"]


async def test_an_addon_is_taken_and_dropped_with_the_figures_in_view(desk: Screen, plan) -> None:
    page = await subscribed(desk, plan("Seated", "20"))
    seats, yearly = agreed.addon(desk.house, "Seats", "30"), agreed.addon(desk.house, "Yearly", "300", "ANNUAL")
    page = await desk.open(SubscriptionState, f"/admin/subscriptions/{page.facts['id']}")
    assert (page.may["add_addon"], page.addons) == (True, [])
    await desk.act(page.begin("add_addon"))
    offered = [each["value"] for each in page.addons_on_offer]
    assert (seats in offered, yearly in offered) == (True, False)  # no price that fits: it would be given away
    page.addon = ""
    await desk.act(page.act())
    assert page.error == "Choose an addon."
    await desk.act(page.choose_addon(yearly))
    assert page.addon == ""
    await desk.act(page.choose_addon(seats))
    assert (page.net_name, page.net, [row["name"] for row in page.changes]) == (
        "For the days left",
        "$30.00",
        ["Seats"],
    )
    assert page.means.startswith("It begins now. An invoice over $30.00")
    await desk.act(page.act())
    await desk.act(page.act())  # a second click finds it closed
    [taken] = page.addons
    assert (taken["state"], taken["may_drop"], page.doing) == ("Active", True, "")
    assert sorted(row["total"] for row in page.billed if row["is_draft"]) == ["$20.00", "$30.00"]

    await desk.act(page.begin("drop_addon"))
    assert page.doing == ""  # it is begun with its row
    await desk.act(page.begin_drop("addon_assoc_nobody"))
    assert page.doing == ""
    await desk.act(page.begin_drop(taken["id"]))
    assert (page.when, page.means.startswith("It ends on"), page.changes) == ("period_end", True, [])
    await desk.act(page.choose_when("now"))
    assert (page.net_name, page.net) == ("Credit", "$30.00")
    page.write_reason("Not needed")
    await desk.act(page.act())
    [dropped] = page.addons
    assert (dropped["state"], dropped["may_drop"]) == ("Over", False)
    assert any(row["detail"] == "Not needed" for row in page.history)


async def test_the_same_plan_is_no_change(desk: Screen, plan) -> None:
    same = plan("Same", "20")
    page = await subscribed(desk, same)
    await desk.act(page.begin("change"))
    await desk.act(page.act())
    assert page.error == "Choose a plan."
    await desk.act(page.choose_plan(same))
    assert page.error.startswith("It is on this plan already")
    await desk.act(page.act())
    assert page.doing == "change"


async def test_a_draft_is_issued_and_its_lines_open_for_their_workspace_alone(desk: Screen, plan) -> None:
    agreed.seller(desk.house)
    page = await subscribed(desk, plan("Issued", "20"))
    (draft,) = page.billed
    page.begin_issue("inv_nothing")
    assert page.doing == ""
    page.begin_issue(draft["id"])
    await desk.act(page.act())
    (issued,) = page.billed
    assert (issued["state"], issued["left"], issued["is_draft"]) == ("To be paid", "$20.00", False)

    async def opened_by(screen: Screen) -> list[str]:
        billed: BilledState = await screen.tab.tree.get_state(BilledState)
        billed.opened(False)
        await screen.act(billed.open_invoice(draft["id"]))
        return [line["name"] for line in billed.lines] if billed.invoice["id"] else []

    assert await opened_by(Screen(desk.house, owner_of(desk.house))) == ["Base fee"]
    assert await opened_by(Screen(desk.house, stranger("ws_other"))) == []
    assert await opened_by(desk) == ["Base fee"]


async def test_what_cannot_be_done_is_not_begun(desk: Screen, plan) -> None:
    page = await subscribed(desk, plan("Guarded", "20"))
    for doing in ("resume", "keep", "keep_plan", "issue", "drop tables"):
        await desk.act(page.begin(doing))
        assert page.doing == ""
    assert await desk.act(page.act()) is None
    missing = await desk.open(SubscriptionState, "/admin/subscriptions/subs_nobody")
    assert (missing.missing, missing.facts["id"]) == (True, "")


async def test_the_list_is_searched_and_narrowed(desk: Screen, plan) -> None:
    chosen, other = plan("Listed", "20"), plan("Unlisted", "20")
    page = await subscribed(desk, chosen)
    listed = await desk.open(SubscriptionsState, "/admin/subscriptions", f"?plan={chosen}")
    assert [row["id"] for row in listed.rows] == [page.facts["id"]]
    row = listed.rows[0]
    assert (row["state"], row["price"]) == ("Active", "$20.00 monthly + usage")
    await desk.act(listed.choose_plan(other))
    assert (listed.rows, listed.filtered) == ([], True)
    await desk.act(listed.clear())
    await desk.act(listed.look_for(page.facts["id"].lower()))
    assert [row["id"] for row in listed.rows] == [page.facts["id"]]
    found = find(desk.house.services, desk.person, page.facts["id"])
    assert [one.href for one in found] == [row["href"]]
    assert find(desk.house.services, owner_of(desk.house), page.facts["id"]) == []
    await desk.act(listed.choose_state("no state"))
    assert listed.state == "all"
