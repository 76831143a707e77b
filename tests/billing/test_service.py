"""The chores of billing: what is wrong with one subscription, wallet or step delays no other."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from app.billing import credit_grants, drafts, line_changes, postpaid, service, subscriptions, wallets
from app.billing.credit_grants import CreditGrants
from app.billing.service import BillingCloser
from app.billing.wallet_alerts import WalletAlerts
from app.billing.wallet_words import Outstanding
from app.billing.wallets import House
from app.kernel.db import Database
from app.kernel.errors import AmountTooLarge
from app.kernel.given import Given
from app.kernel.money import Money
from app.ledger.wallet import Ledger
from app.payments.unmatched import Unmatched
from app.plans import customers
from tests.billing.world import World, at

BASE = {"type": "FIXED", "amount": "20", "display_name": "Base"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def spoil(world: World, subscription_id: str) -> None:
    """A price that nothing can be worked out from."""
    table = subscriptions.LINE
    with world.db.write() as connection:
        mine = update(table).where(table.c.subscription_id == subscription_id)
        connection.execute(mine.values(price={"id": "price_x", "type": "FIXED", "amount": "much"}))


def test_a_subscription_that_cannot_be_worked_out_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 1)
    plan = world.plan("pro", BASE)
    broken, sound = [world.subscribe(world.customer(name), plan) for name in ("a", "b")]
    world.now = at("2026-04-02")
    world.turn()
    table = subscriptions.SUBSCRIPTION
    with world.db.write() as connection:  # the first in line
        mine = update(table).where(table.c.id == broken)
        connection.execute(mine.values(period_end=at("2026-04-20")))
    spoil(world, broken)
    world.now = at("2026-05-02")
    world.turn()
    assert [row.state for row in world.invoices(sound)] == ["FINALIZED", "DRAFT"]
    assert world.subscription(broken).period_end == at("2026-04-20")


def test_what_no_invoice_can_hold_stops_nobody_and_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 1)
    dear = world.plan("dear", {"type": "USAGE", "meter_id": "meter_images", "amount": "1000000000000"})
    absurd = world.subscribe(world.customer("a"), dear)
    sound = world.subscribe(world.customer("b"), world.plan("pro", BASE))
    world.event("a", "image.generated", "2026-04-05", image_count="99999999")
    world.now = at("2026-05-02")
    for _ in range(2):
        world.turn()
    assert [row.state for row in world.invoices(sound)] == ["FINALIZED", "DRAFT"]
    [case] = Unmatched(world.db, world.clock).open_cases()
    assert (case.reason, case.external_id) == ("invoice_too_large", f"{absurd}:2026-04-01")
    assert case.detail == {"code": "amount_too_large", "comes_to": "9999999900000000000000"}
    with world.db.write() as connection:
        with pytest.raises(AmountTooLarge):
            drafts.preview(connection, absurd, now=world.now)
        (line,) = subscriptions.lines_of(connection, absurd)
        line_changes.end(connection, line.id, at=at("2026-04-01"), now=world.now)
    world.turn()
    assert world.subscription(absurd).period_start == at("2026-05-01")


def test_a_draft_that_cannot_be_worked_out_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 1)
    plan = world.plan("pro", BASE)
    broken = world.subscribe(world.customer("a"), plan)
    world.now = at("2026-04-01T00:10")
    sound = world.subscribe(world.customer("b"), plan)
    spoil(world, broken)
    world.now = at("2026-04-02")
    world.turn()
    assert [world.invoices(one)[0].state for one in (broken, sound)] == ["DRAFT", "FINALIZED"]


def test_a_step_that_fails_stops_no_other_and_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> int:
        raise OverflowError("too large")

    made = world.subscribe(world.customer("a"), world.plan("pro", BASE))
    monkeypatch.setattr(service, "close_due", fail)
    world.now = at("2026-04-02")
    with pytest.raises(ExceptionGroup) as failed:
        asyncio.run(BillingCloser(world.db, world.clock, Ledger(world.db, world.clock)).run())
    assert [str(each) for each in failed.value.exceptions] == ["too large"]
    assert [row.state for row in world.invoices(made)] == ["FINALIZED"]


def test_a_workspace_that_cannot_be_dunned_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dun(_connection: Any, workspace_id: str, **_: Any) -> tuple[str, str]:
        if workspace_id == bad:
            raise ValueError(workspace_id)
        return "", ""

    bad, good = [postpays(world, name) for name in ("a", "b")]
    monkeypatch.setattr(postpaid, "dun", dun)
    assert service.dun_all(world.db, world.now) == {good: ""}


def postpays(world: World, name: str) -> str:
    world.customer(name)
    with world.db.write() as connection:
        workspace: str = customers.by_external_id(connection, name).workspace_id
        agreed = postpaid.Agreed("EUR", Decimal("0.01"), 14)
        postpaid.switch_on(connection, workspace, Money.from_exact(100), agreed, actor="test", now=world.now)
    return workspace


def test_a_grant_that_cannot_be_given_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = world.plan("pro")
    bad, good = [world.subscribe(world.customer(name), plan) for name in ("a", "b")]
    asked = {"name": "Once", "scope": "PLAN", "plan_id": plan, "credits": "100", "cadence": "ONETIME"}
    with world.db.write() as connection:
        credit_grants.create(connection, Given(asked), actor="test", now=world.now)
    real = credit_grants.grants_of

    def grants_of(connection: Any, row: Any) -> Any:
        if row.id == bad:
            raise TypeError("naive and aware")
        return real(connection, row)

    monkeypatch.setattr(credit_grants, "grants_of", grants_of)
    assert CreditGrants(world.db, world.clock).apply() == 1
    assert world.subscription(good).state == "active"


def test_a_wallet_that_cannot_be_looked_at_stops_no_other(world: World) -> None:
    settings = {"alert_enabled": True, "critical": {"threshold": "50", "condition": "below"}}
    for name, kept in (("a", {"alert_enabled": True, "critical": {}}), ("b", settings)):
        wallet = world.wallet(world.customer(name), 10)
        table = wallets.shelf.table
        with world.db.write() as connection:
            connection.execute(update(table).where(table.c.id == wallet).values(alert_settings=kept))
    alerts = WalletAlerts(world.db, world.clock, House(Decimal(1)), lambda *_: Outstanding())
    assert alerts.look() == 1
