"""The mirror's page as an operator handles it: what it shows, and that each button does what it says."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app import services as building
from app.kernel.db import Database
from app.mirror.amounts import Pair
from app.mirror.service import Account, Mirror
from app.ui.pages.admin_mirror.rows import pair_row
from app.ui.pages.admin_mirror.state import MirrorState
from tests.mirror.conftest import NOBODY
from tests.mirror.test_trouble import House
from tests.ui.screens import Screen, operator

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def mirrored(sqlite_url):
    made = House(Database(sqlite_url))
    yield made
    made.db.dispose()


@pytest.fixture
def screen(shared_house, mirrored, monkeypatch):
    """An operator's tab, before a house whose mirror is a remote in memory."""
    monkeypatch.setattr(building, "_current", replace(shared_house.services, mirror=mirrored.mirror))
    return Screen(shared_house, operator())


def visit(screen):
    return asyncio.run(screen.open(MirrorState, "/admin/mirror"))


def do(screen, work):
    return asyncio.run(screen.act(work))


def test_a_house_without_one_says_so(shared_house, pages_ask):
    assert visit(Screen(shared_house, operator())).is_on is False


def test_what_was_refused_is_seen_and_sent_again(screen, mirrored):
    mirrored.customer("anna")
    mirrored.remote.bad = {"e1"}
    mirrored.use("anna", "e1", "e2")
    mirrored.settle()
    state = visit(screen)
    (row,) = state.refused
    assert (row["word"], row["our_id"], row["error"], row["when"]) == (
        "Event", "e1", "400: e1 is wrong", "Waits for you"
    )  # fmt: skip
    assert (state.head["refused"], state.head["things"], state.head["backlog"]) == (
        "1", "1 event, 1 customer, 0 subscriptions sent", "0"
    )  # fmt: skip
    mirrored.remote.bad = set()
    do(screen, MirrorState.send_again.fn(state, "event", "e1"))
    mirrored.settle()
    do(screen, MirrorState.look.fn(state))
    assert (state.refused, mirrored.remote.events) == ([], ["e2", "e1"])


def test_a_remote_that_is_down_is_said_with_its_reason(screen, mirrored):
    mirrored.customer("anna")
    mirrored.remote.down = True
    mirrored.settle()
    state = visit(screen)
    assert (state.head["state"], state.error) == ("Not reachable", "503: too much to do")


def test_earlier_usage_is_sent_after_asking(screen, mirrored):
    state = visit(screen)
    do(screen, MirrorState.ask.fn(state, "backfill"))
    do(screen, MirrorState.write_since.fn(state, "soon"))
    do(screen, MirrorState.backfill.fn(state))
    assert (state.asking, state.problem) == ("backfill", "Enter a day such as 2026-11-01.")
    do(screen, MirrorState.write_since.fn(state, "2026-11-01"))
    do(screen, MirrorState.backfill.fn(state))
    assert state.asking == ""
    assert "Earlier usage from 1 Nov 2026" in {feed["name"] for feed in state.feeds}
    do(screen, MirrorState.ask.fn(state, "backfill"))
    do(screen, MirrorState.backfill.fn(state))
    assert state.problem == "Earlier usage is being sent already."


def test_another_address_begins_anew_after_asking(screen, mirrored, monkeypatch):
    mirrored.customer("anna")
    mirrored.settle()
    moved = Mirror(mirrored.db, mirrored.now, Account(NOBODY.replace("9/", "10/"), "sk_1"))
    monkeypatch.setattr(building, "_current", replace(building.current(), mirror=moved))
    state = visit(screen)
    assert (state.is_elsewhere, state.head["things"]) == (True, "0 events, 1 customer, 0 subscriptions sent")
    do(screen, MirrorState.begin_anew.fn(state))
    assert (state.is_elsewhere, state.head["things"]) == (False, "0 events, 0 customers, 0 subscriptions sent")


@pytest.mark.parametrize(
    ("ours", "theirs", "currency", "said"),
    [
        pytest.param("2.5", "2.50", "USD", ("$2.50", "$2.50", "The same", "good"), id="the same"),
        pytest.param("2.5", "3", "USD", ("$2.50", "$3.00", "+$0.50", "thin"), id="more there"),
        pytest.param("3", "2.5", "USD", ("$3.00", "$2.50", "−$0.50", "thin"), id="less there"),
        pytest.param(None, "3", "USD", ("–", "$3.00", "Not comparable", "neutral"), id="nothing here"),
        pytest.param("3", "3", "EUR", ("$3.00", "€3.00", "Not comparable", "neutral"), id="another currency"),
    ],
)
def test_both_sides_and_their_difference(ours, theirs, currency, said):
    amounts = [None if each is None else Decimal(each) for each in (ours, theirs)]
    pair = Pair("period", "subs_1", "anna", AT, AT, "USD", *amounts, currency, None, None, None, AT)
    row = pair_row(pair, AT)
    assert (row["ours"], row["theirs"], row["difference"], row["tone"]) == said
