"""The operator's day: figures that agree with the books, health from attempts, and what needs a decision."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app import services as building
from app.catalogue.losses import Loss
from app.generation import rows
from app.generation.connection_check import Checked
from app.generation.customers import customers
from app.generation.earnings import Earned
from app.generation.provider_health import BUCKETS, Bucket, Health, ProviderHealth, provider_health
from app.generation.today import HOURS, Jobs, ModelDay, Today, today
from app.generation.undecided import Undecided, undecided
from app.kernel.money import USD, Money
from app.ledger.audit import Breach
from app.ui.guard import acting_as
from app.ui.pages.admin_today import facts
from app.ui.pages.admin_today.books import Books
from app.ui.pages.admin_today.state import TodayState, _books_words
from tests.support.house import House, house, settings_for
from tests.ui.people import OPERATOR
from tests.ui.tabs import event_name, new_tab

AT = datetime(2026, 11, 21, 15, 4, tzinfo=UTC)
VALUE = Decimal("0.001")
NOTHING = (Earned(),) * HOURS


def usd(dollars: str) -> Money:
    return Money.from_exact(Decimal(dollars), USD)


def a_day(**changes: Any) -> Today:
    hours = [Earned()] * HOURS
    hours[14] = Earned(usd("412.86"), usd("236.38"))
    given: dict[str, Any] = {
        "at": AT,
        "now": hours[14],
        "before": Earned(usd("377.30"), usd("212.60")),
        "jobs": Jobs(8_421, 61),
        "jobs_before": Jobs(7_937, 50),
        "running": 14,
        "waiting": 3,
        "hours": tuple(hours),
        "yesterday": NOTHING,
        "cost_by_provider": (("fal", usd("144.19")), ("kie", usd("92.19"))),
        "models": (ModelDay("mdl_1", "flux-schnell", 4, Earned(usd("1.00"), usd("1.04"))),),
    }
    return Today(**{**given, **changes})


def a_provider(**changes: Any) -> ProviderHealth:
    good = (Bucket(10, 0),) * BUCKETS
    given: dict[str, Any] = {"provider_id": "fal", "kind": "fal", "name": "fal", "is_on": True, "has_key": True}
    return ProviderHealth(**{**given, "models": 3, "buckets": good, "seconds": Fraction(31, 10), **changes})


# ---- words and figures, pure ----


def test_the_figures_stand_beside_yesterday_s() -> None:
    shown = facts.kpis(a_day())
    assert (shown["revenue"]["figure"], shown["revenue"]["delta"]) == ("$412.86", "+9.4%")
    assert shown["revenue"]["caption"] == "by 15:04, yesterday $377.30"
    assert (shown["cost"]["figure"], shown["cost"]["caption"]) == ("$236.38", "fal 61%, kie 39%")
    assert (shown["margin"]["figure"], shown["margin"]["delta"]) == ("42.7%", "\N{MINUS SIGN}0.9 pt")
    assert shown["jobs"]["caption"] == "14 running, 3 queued"
    assert (shown["failed"]["figure"], shown["failed"]["delta"]) == ("61", "0.7%")


def test_a_new_installation_has_no_figures_to_compare() -> None:
    empty = a_day(
        now=Earned(), before=Earned(), jobs=Jobs(), jobs_before=Jobs(), hours=NOTHING, cost_by_provider=(), models=()
    )
    shown = facts.kpis(empty)
    assert empty.is_quiet
    assert {kpi["delta"] for kpi in shown.values()} == {""}
    assert (shown["margin"]["figure"], shown["revenue"]["figure"]) == ("–", "$0.00")
    assert facts.hour_rows(empty) == []


def test_the_chart_says_the_same_in_a_sentence_and_a_table() -> None:
    day = a_day()
    assert facts.hour_summary(day) == (
        "$412.86 charged today, $176.48 of it kept; the best hour began at 14:00 UTC with $412.86."
    )
    assert [row["hour"] for row in facts.hour_rows(day)] == ["14:00"]
    assert [trace.name for trace in facts.hour_figure(day).data] == ["Upstream cost", "Margin", "Yesterday"]


@pytest.mark.parametrize(
    ("changes", "health"),
    [
        pytest.param({}, Health.HEALTHY, id="everything delivered"),
        pytest.param({"buckets": (Bucket(9, 1),) * BUCKETS}, Health.DEGRADED, id="one in ten failed"),
        pytest.param({"buckets": (Bucket(),) * BUCKETS}, Health.IDLE, id="no traffic"),
        pytest.param({"is_on": False}, Health.PAUSED, id="switched off"),
        pytest.param({"has_key": False}, Health.PAUSED, id="without a key"),
    ],
)
def test_a_provider_s_health(changes: dict[str, Any], health: Health) -> None:
    assert a_provider(**changes).health is health


def test_a_provider_without_a_key_and_one_that_refuses_it_need_a_decision() -> None:
    wrong = {"fal": Checked(False, "fal refuses the key.", AT - timedelta(minutes=2))}
    assert [row["title"] for row in facts.provider_rows([a_provider()], wrong, AT)] == ["fal refuses the connection"]
    assert [row["title"] for row in facts.provider_rows([a_provider(has_key=False)], {}, AT)] == ["fal has no key"]
    assert facts.provider_rows([a_provider()], {"fal": Checked(True, "Fine.", AT)}, AT) == []
    assert facts.provider_rows([a_provider(is_on=False, has_key=False)], {}, AT) == []


def test_decisions_lead_to_the_page_where_they_are_taken() -> None:
    loss = facts.loss_rows([Loss("mdl_1", "flux-schnell", 8, 1, "ultra, square_hd, jpeg", Fraction(-42, 1000))])[0]
    assert (loss["title"], loss["href"]) == ("flux-schnell v8 sells one combination at a loss", "/admin/models/mdl_1")
    assert loss["detail"].endswith("\N{MINUS SIGN}4.2%")
    open_one = Undecided("gen_1", "veo3-fast", "kie.ai", AT - timedelta(minutes=38), None)
    booked = Undecided("gen_2", "veo3-fast", "kie.ai", AT - timedelta(days=1), usd("0.30"))
    assert [row["href"] for row in facts.unknown_rows([open_one, booked], AT)] == ["/logs/gen_1", "/logs/gen_2"]
    assert [row["age"] for row in facts.unknown_rows([open_one, booked], AT)] == ["38 min", "1 d"]


def test_a_breach_of_the_books_is_named() -> None:
    broken = Books((Breach("journal_balances", "Every journal sums to zero.", ({"id": 1},)),), 1, 1, 2, AT)
    title, detail = _books_words(broken, "2 min")
    assert title == "The books do not balance"
    assert "Every journal sums to zero" in detail


# ---- read from a database that worked ----


@pytest.fixture
def home(seeded_url: str, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    """On both databases: the reads group by time in SQL."""
    before = building._current
    with house(settings_for(tmp_path / "home", seeded_url, sandbox_url)) as built:
        building.install(built.services)
        yield built
    building._current = before


def test_the_day_agrees_with_the_books(home: House) -> None:
    asyncio.run(home.run("flux-schnell", prompt="A ferry", num_images=2))
    asyncio.run(home.run("flux-schnell", prompt="A ferry"))
    at = home.services.desk.clock()
    with home.services.db.read() as connection:
        day = today(connection, at, VALUE)
        health = {one.provider_id: one for one in provider_health(connection, at)}
        customer = customers(connection, home.services.accounts.people.workspaces(), at, VALUE)[0]
        nobody = undecided(connection, at)
    charged = Money.from_exact(10_000) - home.available
    assert day.now.revenue == Money.from_exact(charged.amount * VALUE, USD)
    assert [(one.alias, one.jobs, one.earned) for one in day.models] == [("flux-schnell", 2, day.now)]
    assert day.jobs == Jobs(2, 0)
    assert sum(one.revenue.micros for one in day.hours) == day.now.revenue.micros
    assert day.yesterday == NOTHING
    assert (day.running, day.waiting) == (0, 0)
    assert health["fal"].buckets[-1] == Bucket(2, 0) or sum(one.good for one in health["fal"].buckets) == 2
    assert health["fal"].health is Health.HEALTHY
    assert health["kie"].health is Health.IDLE
    assert (customer.spent, customer.earned, customer.available) == (charged, day.now, home.available)
    assert customer.owner is not None
    assert customer.owner.name == "Mara"
    assert nobody == []


def test_a_request_of_unknown_outcome_needs_a_decision(home: House) -> None:
    started = asyncio.run(home.start("flux-schnell", prompt="A ferry"))
    asyncio.run(home.step_until(started.generation_id, "queued"))
    at = home.services.desk.clock()
    with home.services.db.write() as connection:
        connection.execute(update(rows.GENERATION).values(state="unknown"))
        connection.execute(update(rows.ATTEMPT).values(state="unknown"))
    with home.services.db.read() as connection:
        found = undecided(connection, at)
    assert [(one.generation_id, one.provider, one.expense) for one in found] == [(started.generation_id, "fal", None)]


def test_a_new_installation_opens_with_an_empty_day(own_house: House) -> None:
    with acting_as(OPERATOR):
        state = new_tab("operator", "/admin").tree.get_substate(TodayState.get_full_name().split("."))
        asyncio.run(TodayState.load.fn(state))
    assert state.ready
    assert state.quiet
    assert state.models == []
    assert {row["health"] for row in state.providers} == {"idle"}


@pytest.mark.anyio
@pytest.mark.parametrize("session", ["", "owner", "member", "homeless"])
@pytest.mark.parametrize("handler", [TodayState.load, TodayState.look_closer], ids=["load", "look closer"])
async def test_nobody_else_can_call_them(session: str, handler: Any) -> None:
    assert await new_tab(session).send(event_name(handler)) is not None
