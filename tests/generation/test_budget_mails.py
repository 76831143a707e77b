"""Mails about budgets: at the mark, when used up, once a period, and never before."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.accounts.allowances import Allowance
from app.generation.request_log import Refused
from app.generation.spend import SPEND
from app.kernel.ids import new_id
from app.kernel.money import MICRO
from app.kernel.tables import outbox
from app.notify.budgets import Budgets
from tests.support.house import House

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BUDGET = 1_000 * MICRO


@pytest.fixture
def key(customer: House) -> str:
    owner = customer.services.accounts.people.members(customer.workspace_id)[0].user_id
    return customer.services.accounts.keys.create(customer.workspace_id, "web", actor=owner).info.id


def spend(house: House, key_id: str, credits: float, day: str = "2026-11-21") -> None:
    row = {"workspace_id": house.workspace_id, "day": day, "api_key_id": key_id, "model_id": new_id("mdl")}
    with house.services.db.write() as connection:
        connection.execute(insert(SPEND).values(**row, requests=1, charged_micros=int(credits * MICRO)))


def limit(house: House, key_id: str, **limits: Any) -> None:
    book = house.services.accounts.allowances
    book.set_for_key(house.workspace_id, key_id, Allowance(alert_percent=80, **limits), actor="usr_x")


def told(house: House, key_id: str, at: datetime = NOON) -> list[str]:
    """The mails about this key after a turn of the chore."""
    asyncio.run(Budgets(house.services.db, lambda: at).run())
    query = select(outbox.c.key).where(outbox.c.key.startswith(f"budget:{key_id}")).order_by(outbox.c.id)
    with house.services.db.read() as connection:
        return [row.removeprefix(f"budget:{key_id}:") for row in connection.execute(query).scalars()]


def test_bug_e4_no_alarm_while_little_is_spent(customer: House, key: str) -> None:
    limit(customer, key, credits_per_month_micros=BUDGET)
    spend(customer, key, 27)  # 2.7 %
    assert told(customer, key) == []
    spend(customer, key, 772)  # 79.9 %
    assert told(customer, key) == []


def test_at_the_mark_and_when_it_is_used_up_once_each(customer: House, key: str) -> None:
    limit(customer, key, credits_per_month_micros=BUDGET)
    spend(customer, key, 800)
    assert told(customer, key) == told(customer, key) == ["2026-11:80"]
    spend(customer, key, 200)
    assert told(customer, key) == told(customer, key) == ["2026-11:80", "2026-11:100"]
    assert told(customer, key, NOON + timedelta(days=20)) == ["2026-11:80", "2026-11:100"]  # a new month: nothing spent


def test_a_day_and_a_month_are_told_apart(customer: House, key: str) -> None:
    limit(customer, key, credits_per_day_micros=BUDGET, credits_per_month_micros=10 * BUDGET)
    spend(customer, key, 5_000, day="2026-11-20")
    spend(customer, key, 1_000)
    assert told(customer, key) == ["2026-11-21:100"]  # straight to the last word
    spend(customer, key, 950, day="2026-11-22")
    assert told(customer, key, NOON + timedelta(days=1)) == ["2026-11-21:100", "2026-11-22:80"]


def test_a_request_that_was_refused_for_it_says_that_it_is_used_up(customer: House, key: str) -> None:
    limit(customer, key, credits_per_month_micros=BUDGET)
    spend(customer, key, 970)
    log = customer.services.request_log
    log.note_refused(
        Refused(new_id("req"), customer.workspace_id, key, "/v1/images", "m", 429, "monthly_limit", "No.", 1, NOON)
    )
    log.flush()
    assert told(customer, key) == ["2026-11:100"]


def test_nobody_is_told_who_did_not_ask(customer: House, key: str) -> None:
    book = customer.services.accounts.allowances
    book.set_for_key(customer.workspace_id, key, Allowance(credits_per_day_micros=BUDGET), actor="usr_x")
    spend(customer, key, 5_000)
    assert told(customer, key) == []
