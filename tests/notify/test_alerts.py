"""Alerts are told once, and again only after things were well in between. On both databases."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from app.kernel.ids import new_id
from app.kernel.money import MICRO, Money
from app.ledger.wallet import Ledger
from app.notify.alerts import Alerts
from tests.notify.conftest import Office, Watch

USUAL = Money(100 * MICRO)


class Shop:
    """A workspace with a ledger, and the alerts about it."""

    def __init__(self, database: Database, watch: Watch, office: Office) -> None:
        self.watch, self.office, self.workspace_id = watch, office, office.workspace_id
        self.alerts = Alerts(database, watch, USUAL)
        self.ledger = Ledger(database, watch)

    def give(self, credits: int, *, days: int | None = None, label: str = "Gift") -> None:
        expires_at = self.watch.now + timedelta(days=days) if days else None
        given = self.ledger.grant(
            self.workspace_id,
            Money(credits * MICRO),
            kind="promo",
            label=label,
            ref=new_id("evt"),
            actor="test",
            expires_at=expires_at,
        )
        asyncio.run(given)

    def use(self, credits: int) -> None:
        taken = self.ledger.adjust(
            self.workspace_id, Money(-credits * MICRO), ref=new_id("evt"), actor="test", reason="used"
        )
        asyncio.run(taken)

    def look(self) -> list[str]:
        """Let both chores run; the subjects of the mails they lead to."""
        known = {row.id for row in self.office.mails.page()}
        asyncio.run(self.alerts.balances())
        asyncio.run(self.alerts.expiries())
        self.office.write()
        return [row.subject for row in self.office.mails.page() if row.id not in known]


@pytest.fixture
def shop(database: Database, watch: Watch, quiet_office: Office) -> Iterator[Shop]:
    shop = Shop(database, watch, quiet_office)
    shop.ledger.start()
    yield shop
    shop.ledger.stop()


# --- a low balance


@pytest.mark.one_engine
def test_a_new_workspace_is_not_told_that_it_has_nothing(shop: Shop) -> None:
    assert shop.look() == []


def test_falling_below_is_told_once(shop: Shop) -> None:
    shop.give(1000)
    assert shop.look() == []
    shop.use(901)
    assert shop.look() == ["99 credits left at Farebox"]
    shop.use(50)
    shop.watch.forward(days=2)
    assert shop.look() == []


@pytest.mark.one_engine
def test_it_is_armed_again_a_tenth_above(shop: Shop) -> None:
    shop.give(1000)
    shop.look()
    shop.use(901)
    shop.look()
    shop.watch.forward(days=1)

    shop.give(10)  # 109: not yet
    shop.look()
    shop.use(20)
    assert shop.look() == []

    shop.give(21)  # 110: well again
    shop.look()
    shop.use(60)
    assert shop.look() == ["50 credits left at Farebox"]


@pytest.mark.one_engine
def test_a_day_has_one_such_mail_at_most(shop: Shop) -> None:
    told = []
    for _ in range(3):
        shop.give(1000)
        shop.look()
        shop.use(shop.ledger.balance(shop.workspace_id).available.micros // MICRO - 5)
        told += shop.look()
    assert told == ["5 credits left at Farebox"]


def test_what_is_held_is_not_available(shop: Shop) -> None:
    shop.give(1000)
    shop.look()
    deadline = shop.watch.now + timedelta(hours=1)
    asyncio.run(shop.ledger.hold(shop.workspace_id, new_id("gen"), Money(950 * MICRO), deadline_at=deadline))
    assert shop.look() == ["50 credits left at Farebox"]


@pytest.mark.one_engine
def test_a_workspace_chooses_its_threshold(shop: Shop) -> None:
    shop.give(1000)
    shop.alerts.save(shop.workspace_id, Money(2000 * MICRO))
    chosen = shop.alerts.of(shop.workspace_id)
    assert (chosen.threshold, chosen.is_own, chosen.enabled) == (Money(2000 * MICRO), True, True)
    assert shop.look() == ["1,000 credits left at Farebox"]
    shop.alerts.save(shop.workspace_id, None)
    assert shop.alerts.of(shop.workspace_id).threshold == USUAL


@pytest.mark.one_engine
def test_an_alert_can_be_switched_off(shop: Shop) -> None:
    shop.alerts.save(shop.workspace_id, None, enabled=False)
    shop.give(1000)
    shop.look()
    shop.use(999)
    assert shop.look() == []


@pytest.mark.one_engine
def test_a_threshold_is_above_zero(shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="above zero"):
        shop.alerts.save(shop.workspace_id, Money(0))


@pytest.mark.one_engine
def test_a_suspended_workspace_hears_nothing(shop: Shop) -> None:
    shop.give(1000, days=20)
    shop.look()
    shop.office.accounts.people.suspend(shop.workspace_id)
    shop.use(999)
    shop.watch.forward(days=15)
    assert shop.look() == []


# --- credits that expire


def test_a_lot_is_warned_of_thirty_days_seven_days_and_a_day_before(shop: Shop) -> None:
    shop.give(500, days=60)
    told = {}
    for day in range(60):
        if subjects := shop.look():
            told[day] = subjects
        shop.watch.forward(days=1)
    assert list(told) == [30, 53, 59]
    assert {subject for subjects in told.values() for subject in subjects} == {
        "Expiring on 20 January 2051: 500 credits"
    }


@pytest.mark.one_engine
def test_lots_that_end_together_are_one_mail(shop: Shop) -> None:
    shop.give(200, days=40, label="Welcome credits")
    shop.give(300, days=40, label="Individual package")
    shop.watch.forward(days=34)
    assert shop.look() == ["Expiring on 31 December 2050: 500 credits"]
    (row,) = shop.office.mails.page()
    text = shop.office.mails.find(row.id).text
    assert "Welcome credits     200 credits" in text
    assert "Individual package  300 credits" in text


@pytest.mark.one_engine
def test_after_a_long_pause_only_the_nearest_warning_is_given(shop: Shop) -> None:
    shop.give(500, days=60)
    shop.watch.forward(days=59, hours=1)
    assert len(shop.look()) == 1
    assert shop.look() == []


@pytest.mark.one_engine
def test_a_gift_for_a_week_is_not_warned_of_at_once(shop: Shop) -> None:
    shop.give(500, days=7)
    assert shop.look() == []
    shop.watch.forward(days=6)
    assert len(shop.look()) == 1


@pytest.mark.one_engine
def test_what_is_used_up_or_never_ends_is_not_warned_of(shop: Shop) -> None:
    shop.give(500, days=60)
    shop.give(500)
    shop.use(500)
    shop.watch.forward(days=55)
    assert shop.look() == []
