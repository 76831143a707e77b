"""The routing page: the picture tells what is, an edit says first what it changes, the simulator decides for real."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import services as building
from app.catalogue.route_policy import PolicyKind
from app.generation import rows
from app.generation.breaker import STREAK
from app.generation.provider_rules import Rule
from app.kernel.db import metadata
from app.ui.pages.admin_routing.rows import CARD_HEIGHT, GAP, curve
from app.ui.pages.admin_routing.rule import RuleState
from app.ui.pages.admin_routing.state import RoutingState
from tests.scenarios.test_two_routes import MODEL, PROMPT, alias_with_two_routes
from tests.support.house import House
from tests.ui.screens import Screen, operator


@pytest.fixture
def home(sqlite_copy_url: str, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    before = building._current
    with alias_with_two_routes(sqlite_copy_url, sandbox_url, tmp_path / "home") as built:
        building.install(built.services)
        yield built
    building._current = before


@pytest.fixture
def sqlite_copy_url(seeded_sqlite: Path, tmp_path: Path) -> str:
    path = tmp_path / "routing.sqlite"
    path.write_bytes(seeded_sqlite.read_bytes())
    return f"sqlite:///{path}"


def opened(screen: Screen) -> RoutingState:
    return asyncio.run(screen.open(RoutingState, "/admin/routing", f"?model={MODEL}"))


def act(screen: Screen, work: Any) -> Any:
    return asyncio.run(screen.act(work))


def audit(house: House) -> list[tuple[str, str]]:
    table = metadata.tables["audit_event"]
    with house.services.db.read() as connection:
        return [(row.action, row.detail) for row in connection.execute(select(table).order_by(table.c.id))]


def test_the_picture_the_edit_and_the_simulator(home: House) -> None:
    health = home.services.desk.router.health
    asyncio.run(home.run(MODEL, prompt=PROMPT))
    screen = Screen(home, operator())

    state = opened(screen)

    assert (state.alias, state.policy, [card["provider"] for card in state.cards]) == (
        MODEL, "priority", ["fal", "Replicate"],
    )  # fmt: skip
    first, second = state.cards
    assert (first["share"], second["share"], first["state"], first["place"]) == ("100%", "0%", "Healthy", "serves now")
    assert first["cost"].startswith("$")
    assert [row["place"] for row in state.decisions] == ["1", "2"]
    assert "priority 0" in state.decisions[0]["why"]

    # Trouble shows in the list, in the picture and in the decision.
    route = home.services.offers.find(MODEL).routes[0]
    for _ in range(STREAK):
        asyncio.run(health.bad(route, "fal is busy and took nothing."))
    act(screen, state.refresh())
    assert (state.cards[0]["tone"], state.cards[0]["because"]) == ("loss", "fal is busy and took nothing.")
    assert next(row for row in state.aliases if row["alias"] == MODEL)["tone"] == "thin"
    assert [row["provider"] for row in state.decisions] == ["Replicate", "fal"]
    act(screen, state.try_now(route.route_id))
    assert state.cards[0]["state"] == "On trial"
    asyncio.run(health.accepted(route))

    # An edit: nothing happens before it is confirmed, and then all of it.
    act(screen, _done(state.set_rank(route.route_id, "priority", "7")))
    act(screen, _done(state.set_policy("weighted")))
    act(screen, _done(state.set_guard("5")))
    act(screen, state.ask_save())
    assert state.confirming
    assert state.change_list == ["Policy: Priority → Weighted", "Margin guard: none → 5.0%", "fal, priority: 0 → 7"]
    assert home.services.offers.find(MODEL).policy.kind is PolicyKind.PRIORITY
    act(screen, state.save())
    offer = home.services.offers.find(MODEL)
    assert (offer.policy.kind, offer.policy.min_margin_bp, offer.routes[1].priority) == (PolicyKind.WEIGHTED, 500, 7)
    assert [action for action, _ in audit(home)][-1] == "routing.edited"
    assert not state.dirty

    # The simulator takes the workspace's rule and a named provider into account, and buys nothing.
    home.services.desk.router.rules.save(home.workspace_id, Rule(frozenset({"replicate"})), "test")
    act(screen, state.set_sim("workspace", home.workspace_id))
    assert [(row["provider"], row["place"]) for row in state.decisions] == [("Replicate", "1"), ("fal", "")]
    ruling = asyncio.run(screen.tab.tree.get_state(RuleState))
    act(screen, ruling.edit_rule())
    assert [row["name"] for row in ruling.rule_rows if row["allowed"]] == ["Replicate"]
    act(screen, _done(ruling.set_quota("replicate", "2 k")))
    act(screen, ruling.save_rule())
    assert "a number of credits" in ruling.rule_problem
    act(screen, _done(ruling.set_quota("replicate", "2,000")))
    act(screen, ruling.save_rule())
    rules = home.services.desk.router.rules
    assert rules.of(home.workspace_id) == Rule(frozenset({"replicate"}), quotas={"replicate": 2_000_000_000})
    act(screen, state.set_sim("provider", "fal"))
    assert "may not use fal" in state.sim_refusal
    act(screen, state.set_sim("text", '{"prompt": 5'))
    assert state.sim_problem
    act(screen, state.set_sim("text", '{"prompt": "x", "num_image": 2}'))
    assert "num_image" in state.sim_problem
    with home.services.db.read() as connection:
        assert len(connection.execute(select(rows.ATTEMPT.c.id)).all()) == 1


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        pytest.param("guard", "twenty", "percentage", id="a guard that is no number"),
        pytest.param("guard", "1e99999999", "percentage", id="a guard beyond reason"),
        pytest.param("guard", "150", "−1000% and 99%", id="a guard nothing could keep"),
        pytest.param("weight", "2.5", "whole numbers", id="half a weight"),
        pytest.param("cheapest", "", "which margin", id="cheapest without a margin"),
    ],
)
def test_what_cannot_be_saved_says_so_beside_the_button(home: House, field: str, text: str, said: str) -> None:
    screen = Screen(home, operator())
    state = opened(screen)
    if field == "guard":
        act(screen, _done(state.set_guard(text)))
    elif field == "weight":
        act(screen, _done(state.set_rank(state.cards[0]["route_id"], "weight", text)))
    else:
        act(screen, _done(state.set_policy("cheapest")))
    act(screen, state.ask_save())
    assert said in state.problem
    assert not state.confirming


def test_an_unknown_model_or_route_in_an_event_changes_nothing(home: House) -> None:
    screen = Screen(home, operator())
    state = opened(screen)
    act(screen, state.choose("mdl_nothing"))
    assert state.cards
    assert act(screen, state.try_now("rte_nothing")) is None


def test_lines_run_level_from_the_alias_to_each_card() -> None:
    middle = (2 * CARD_HEIGHT + GAP) / 2
    assert curve(0, 2) == f"M0 {middle:g} C64 {middle:g} 64 {CARD_HEIGHT / 2:g} 128 {CARD_HEIGHT / 2:g}"


async def _done(_: Any) -> None:
    """A plain handler has already run."""
