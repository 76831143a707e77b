"""The usage pages: a workspace sees its own, the operator everybody's, with what no price pays for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.accounts.identity import Who
from app.metering.events import read_event
from app.ui.guard import acting_as
from app.ui.pages.usage.page import admin_usage, usage
from app.ui.pages.usage.state import FEW, AdminUsageState, UsageState
from tests.support.house import House
from tests.ui.screens import Screen, owner_of
from tests.ui.tabs import Background, new_tab

pytestmark = pytest.mark.anyio
MARCH = "2026-03"


def send(house: House, customer: str, number: int, *, event_name: str = "image_generated", **said: Any) -> None:
    given = {
        "event_name": event_name, "external_customer_id": customer, "event_id": f"{customer}-{number}",
        "timestamp": f"2026-03-{1 + number % 9:02d}T10:00:00Z", "properties": {"model": "m1", "image_count": 2, **said},
    }  # fmt: skip
    house.services.ingest.accept([read_event(given, datetime.now(UTC), "")])


async def shown(screen: Screen, **chosen: str) -> UsageState:
    state = await screen.open(UsageState, "/usage")
    for what, value in {"month": MARCH, "meter": "meter_img_count", **chosen}.items():
        await screen.act(state.choose(what, value))
    return state


async def test_a_workspace_sees_its_own_usage(home: House) -> None:
    own = home.workspace_id
    for number in range(4):
        send(home, own, number, model="m1" if number < 3 else "m2")
    send(home, "ws_somebody_else", 1)
    state = await shown(Screen(home, owner_of(home)))
    assert [(row["value"], row["amount"], row["events"], row["percent"]) for row in state.rows] == [
        ("m1", "6", "3", "75.0%"),
        ("m2", "2", "1", "25.0%"),
    ]
    assert [bar["name"] for bar in state.figure["data"]] == ["m1", "m2"]
    assert [option["value"] for option in state.models] == ["all", "m1", "m2"]
    narrowed = await shown(Screen(home, owner_of(home)), model="m2")
    assert [row["value"] for row in narrowed.rows] == ["m2"]
    assert narrowed.total == "2 from 1 event"
    assert narrowed.figure["layout"]["yaxis"]["tickformat"] == ",.3~r"  # two images: no "500m" on the axis
    assert state.figure["layout"]["yaxis"]["tickformat"] == "~s"


@pytest.mark.parametrize(
    ("what", "value"), [("month", "soon"), ("meter", "meter_nobody"), ("by", "customer"), ("rows", "x")]
)
async def test_a_choice_that_is_none_shows_why_or_nothing(home: House, what: str, value: str) -> None:
    state = await shown(Screen(home, owner_of(home)), **{what: value})
    assert state.error or state.rows == []


async def test_an_operator_sees_everybody_and_what_is_not_paid_for(home: House) -> None:
    send(home, "ws_paid", 1, settled_by="ledger")
    send(home, "ws_unpaid", 2)
    send(home, "ws_unpaid", 2, model="another")
    send(home, "ws_unpaid", 3, event_name="walked_past")  # whatever is for sale, no meter reads it
    for number in range(FEW):
        send(home, "ws_unpaid", 4 + number, event_name=f"walked_past_{number}")
    operator = Who("usr_op", "Op", "op@farebox.example", True, None, None, None)
    tab = new_tab("operator", "/admin/usage")
    state = tab.tree.get_substate(AdminUsageState.get_full_name().split("."))
    with acting_as(operator):
        await AdminUsageState.load.fn(state)
        for what, value in {"month": MARCH, "meter": "meter_img_count", "by": "customer"}.items():
            await AdminUsageState.choose.fn(state, what, value)
        everybody = {row["value"]: row["amount"] for row in state.rows}
        assert everybody.items() >= {"ws_paid": "2", "ws_unpaid": "2"}.items()
        await AdminUsageState.look_closer.fn(Background(state))
        assert (len(state.unrated), bool(state.more_unrated)) == (FEW, True)
        while state.more_unrated:
            AdminUsageState.show_more_unrated.fn(state)
        unpaid = [row for row in state.unrated if row["customer"] in ("ws_paid", "ws_unpaid")]
        assert ("ws_unpaid", "1", "walked_past") in {(row["customer"], row["events"], row["event"]) for row in unpaid}
        assert "ws_paid" not in {row["customer"] for row in unpaid}
        assert [(row["event_id"], state.conflict_count) for row in state.conflicts] == [("ws_unpaid-2", 1)]
        await AdminUsageState.find_customer.fn(state, "ws_paid")
        assert [row["value"] for row in state.rows] == ["ws_paid"]


def test_the_pages_are_drawn() -> None:
    assert "usage-csv" in str(usage())
    assert "usage-csv" in str(admin_usage())
