"""An operator at the comparison of the books: what remains, its next step, a run asked for, an event once more."""

from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from app.accounts.identity import Who
from app.payments.unmatched import Reason, report
from app.reconcile.findings import Code, Difference
from app.reconcile.runs import Depth
from app.ui.guard import acting_as
from app.ui.pages.admin_reconcile.rows import difference_row
from app.ui.pages.admin_reconcile.state import ReconcileState
from app.ui.pages.admin_today.facts import reconcile_rows
from tests.support.till import Till
from tests.ui.tabs import Background, new_tab


@pytest.fixture
def operator(shop: Till) -> Iterator[Who]:
    who = Who(shop.operator(), "Op", "op@farebox.example", True, None, None, None)
    with acting_as(who):
        yield who


def do(shop: Till, work: Any) -> None:
    shop._runner.run(work, context=copy_context())


def page_of(shop: Till, query: str = "") -> Any:
    tab = new_tab("operator", f"/admin/reconcile{query}")
    state = tab.tree.get_substate(ReconcileState.get_full_name().split("."))
    do(shop, ReconcileState.load.fn(state))
    return state


def lost_money(shop: Till) -> None:
    with shop.services.db.write() as connection:
        report(connection, Reason.NO_ORDER, provider="stripe", external_id="pi_lost", livemode=False, now=shop.time())


def test_before_the_first_run_it_says_so(shop: Till, operator: Who) -> None:
    state = page_of(shop)
    assert (state.head, state.rows, state.differences, state.tone) == ("Nothing was compared yet", [], [], "neutral")


def test_a_run_is_asked_for_and_shows_what_it_found(shop: Till, operator: Who) -> None:
    state = page_of(shop)
    do(shop, ReconcileState.run_now.fn(Background(state)))
    assert (state.head, state.tone, state.running) == ("Everything agrees", "good", False)
    assert [(row["by"], row["depth"], row["state"]) for row in state.rows] == [("Op", "Everything", "clean")]
    lost_money(shop)
    do(shop, ReconcileState.run_now.fn(Background(state)))
    assert (state.head, state.tone) == ("One difference remains", "loss")
    [shown] = state.differences
    assert (shown["title"], shown["subject"], shown["href"]) == (
        "Money fits no order",
        "pi_lost",
        "/admin/orders?tab=unmatched",
    )
    assert shown["next"]


def test_an_earlier_run_is_shown_by_its_address(shop: Till, operator: Who) -> None:
    first = shop.run(shop.services.reconcile.run(Depth.QUICK))
    lost_money(shop)
    shop.run(shop.services.reconcile.run(Depth.FULL, actor="cli"))
    latest = page_of(shop)
    assert ([row["by"] for row in latest.rows], latest.is_latest) == (["Command line", "Farebox"], True)
    earlier = page_of(shop, f"?run={first.id}")
    assert (earlier.head, earlier.is_latest, earlier.differences) == ("Everything agrees", False, [])
    assert page_of(shop, "?run=rec_nonsense").is_latest
    do(shop, ReconcileState.show_found.fn(latest, True))
    assert [row["by"] for row in latest.rows] == ["Command line"]


def test_an_event_may_be_applied_again_only_where_that_can_help(shop: Till, operator: Who) -> None:
    assert difference_row(Difference(Code.WEBHOOK_PARKED, "evt_1"), {})["replay"] == "evt_1"
    assert difference_row(Difference(Code.CREDITS_DIFFER, "ord_1"), {})["replay"] == ""
    state = page_of(shop)
    do(shop, ReconcileState.replay.fn(state, "evt_nobody_knows"))
    assert state.problem == "There is no event evt_nobody_knows."


@pytest.mark.parametrize(("code", "href"), [(Code.CREDITS_DIFFER, "/admin/orders/ord_1"), (Code.ROW_UNREADABLE, "")])
def test_an_order_is_opened_from_its_difference_where_it_can_be_read(code: Code, href: str) -> None:
    assert difference_row(Difference(code, "ord_1", {}, "ord_1"), {"ord_1": "FB-7KQ2M9XW"})["href"] == href


def test_what_remains_is_one_line_among_the_decisions(shop: Till) -> None:
    assert reconcile_rows(None, shop.time()) == []
    assert reconcile_rows(shop.run(shop.services.reconcile.run()), shop.time()) == []
    lost_money(shop)
    [alone] = reconcile_rows(shop.run(shop.services.reconcile.run()), shop.time())
    assert (alone["title"], alone["detail"], alone["href"]) == ("Money fits no order", "pi_lost", "/admin/reconcile")
