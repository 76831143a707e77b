"""Credits that come with a plan: in each period once, as long as they are good."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.billing import credit_grants, subscriptions, wallets
from app.billing.credit_grants import CreditGrants
from app.billing.ending_credits import EndingCredits
from app.kernel.db import Database
from app.kernel.given import Given
from app.ledger import reads
from app.ledger.audit import run_audit
from app.ledger.wallet import Ledger
from tests.billing.world import World, at


class Giving:
    """A world with one plan and one subscription from 1 April, and the clock of both."""

    def __init__(self, world: World) -> None:
        self.world, self.plan = world, world.plan("pro")
        self.customer = world.customer("acme")
        self.subscription = world.subscribe(self.customer, self.plan)
        self.grants = CreditGrants(world.db, world.clock)

    def grant(self, **said: Any) -> str:
        asked = {"name": "Monthly", "scope": "PLAN", "plan_id": self.plan, "credits": "100", "cadence": "RECURRING",
                 "period": "MONTHLY"}  # fmt: skip
        with self.world.db.write() as connection:
            made = credit_grants.create(connection, Given(asked | said), actor="test", now=self.world.now)
        return str(made["id"])

    def on(self, day: str) -> str:
        """What is in the wallet on that day, once the chores have run (twice, which changes nothing)."""
        self.world.now = at(day)
        ledger = Ledger(self.world.db, self.world.clock)
        ledger.start()
        try:
            for _ in range(2):
                asyncio.run(ledger.expire_lots())
                self.grants.apply()
        finally:
            ledger.stop()
        return self.left()

    def left(self) -> str:
        with self.world.db.read() as connection:
            found = wallets.shelf.of(connection, "customer_id", [self.customer])
            balances = [reads.balance(connection, str(row["workspace_id"]), str(row["unit"])).balance for row in found]
        return ", ".join(f"{one.amount.normalize():f}" for one in balances)


@pytest.fixture
def giving(sqlite_url: str) -> Iterator[Giving]:
    database = Database(sqlite_url)
    yield Giving(World(database))
    assert run_audit(database) == []
    database.dispose()


def test_once_in_each_period_and_what_is_left_rolls_over(giving: Giving) -> None:
    giving.grant()
    assert [giving.on(day) for day in ("2026-04-01", "2026-04-30", "2026-05-01", "2026-05-02")] == [
        "100", "100", "200", "200",
    ]  # fmt: skip


def test_periods_nobody_was_there_for_are_made_up_for(giving: Giving) -> None:
    giving.grant()
    giving.on("2026-04-02")
    assert giving.on("2026-07-15") == "400"


@pytest.mark.parametrize(
    ("said", "days"),
    [
        pytest.param(
            {"expiration_type": "BILLING_CYCLE"}, {"2026-04-02": "100", "2026-05-02": "100"}, id="ends with the period"
        ),
        pytest.param(
            {"expiration_type": "DURATION", "expiration_duration": 45, "expiration_duration_unit": "DAY"},
            {"2026-04-02": "100", "2026-05-02": "200", "2026-05-20": "100"},
            id="ends after so many days",
        ),
        pytest.param(
            {"rollover_limit": "30"}, {"2026-04-02": "100", "2026-05-02": "130", "2026-06-02": "130"},
            id="carries no more than so much",
        ),
        pytest.param(
            {"metadata": {"rollover_limit": "30"}}, {"2026-04-02": "100", "2026-05-02": "130"}, id="said in the notes"
        ),
        pytest.param(
            {"cadence": "ONETIME", "period": None}, {"2026-04-02": "100", "2026-05-02": "100"}, id="once and for all"
        ),
        pytest.param(
            {"end_date": "2026-05-01T00:00:00Z"}, {"2026-04-02": "100", "2026-05-02": "100"}, id="no more after its end"
        ),
        pytest.param(
            {"start_date": "2026-04-10T00:00:00Z"}, {"2026-04-09": "", "2026-04-10": "100", "2026-05-10": "200"},
            id="not before its start",
        ),
    ],
)  # fmt: skip
def test_how_long_they_last(giving: Giving, said: dict[str, Any], days: dict[str, str]) -> None:
    giving.grant(**said)
    assert {day: giving.on(day) for day in days} == days


def test_what_is_paused_is_given_nothing(giving: Giving) -> None:
    giving.grant()
    giving.on("2026-04-02")
    with giving.world.db.write() as connection:
        row = subscriptions.find(connection, giving.subscription, lock=True)
        subscriptions.change(connection, row, giving.world.now, state="paused")
    assert giving.on("2026-05-02") == "100"


def test_what_is_to_come_is_told(giving: Giving) -> None:
    giving.grant()
    giving.on("2026-04-02")
    with giving.world.db.read() as connection:
        rows = [subscriptions.find(connection, giving.subscription)]
        [next_one] = credit_grants.upcoming(connection, rows, giving.world.now)
    assert (next_one["period_start"], next_one["credits"]) == (at("2026-05-01"), "100")
    assert next_one["period_start"] - at("2026-04-01") == timedelta(days=30)


def test_what_has_ended_is_not_carried_over_though_it_is_not_booked_yet(giving: Giving) -> None:
    """The grants' chore may come before the one that ends credits."""
    giving.grant(expiration_type="BILLING_CYCLE", rollover_limit="20")
    giving.on("2026-04-02")
    giving.world.now = at("2026-05-01")
    giving.grants.apply()
    assert giving.on("2026-05-01") == "100"


@pytest.mark.parametrize(
    ("grant", "credits_used"),
    [
        pytest.param({"expiration_type": "BILLING_CYCLE"}, [3000, 3000], id="with the period"),
        pytest.param({"expiration_type": "BILLING_CYCLE", "cadence": "ONETIME", "period": None}, [3000, 0], id="once"),
        pytest.param(
            {"expiration_type": "DURATION", "expiration_duration": 10, "cadence": "ONETIME", "period": None},
            [3000, 0],
            id="within the period",
        ),
        pytest.param(
            {"expiration_type": "DURATION", "expiration_duration": 3, "cadence": "ONETIME", "period": None},
            [0, 0],
            id="before anything is used",
        ),
    ],
)
def test_credits_pay_for_the_period_with_which_they_end(
    giving: Giving, grant: dict[str, Any], credits_used: list[int]
) -> None:
    """Its invoice waits two hours for what comes late."""
    world = giving.world
    plan = world.plan("metered", {"amount": "1", "display_name": "Images"})
    made = world.subscribe(giving.customer, plan)
    giving.grant(plan_id=plan, **grant)
    for month in ("04", "05"):
        world.event("acme", "image.generated", f"2026-{month}-05", image_count=30)
    ledger = Ledger(world.db, world.clock)
    ending = EndingCredits(ledger, world.clock)
    ledger.start()
    for moment in (
        "04-01T01:00",
        "04-20",
        "05-01",
        "05-01T00:10",
        "05-01T02:30",
        "05-02",
        "06-01T00:10",
        "06-01T02:30",
    ):
        world.now = at(f"2026-{moment}")
        asyncio.run(ending.run())
        giving.grants.apply()
        world.turn()
        asyncio.run(ending.run())
    ledger.stop()
    assert [row.credits for row in world.invoices(made)] == credits_used
    assert giving.left() == ("100" if grant.get("cadence") is None else "0")
