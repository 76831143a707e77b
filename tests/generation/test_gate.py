"""The gate: what a key, a model and a workspace may have under way and spend. Named after the failures of others."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.accounts.allowances import Allowance
from app.generation import spend
from app.generation.price import price
from app.generation.start import Ask, start
from app.kernel.errors import InvalidInput, LimitReached, NotAllowed
from app.kernel.ids import new_id
from tests.support.house import House

pytestmark = pytest.mark.one_engine

PROMPT = "A red tram on a viaduct"


@pytest.fixture
def key(customer: House) -> str:
    """A key of this test's own workspace."""
    people = customer.services.accounts.people.members(customer.workspace_id)
    return customer.services.accounts.keys.create(customer.workspace_id, "web", actor=people[0].user_id).info.id


def limit_key(house: House, key_id: str, **limits: Any) -> None:
    house.services.accounts.allowances.set_for_key(
        house.workspace_id, key_id, Allowance(**limits), actor="usr_of_the_test"
    )


def ask(house: House, key_id: str | None = None, **given: Any) -> Ask:
    body = {"prompt": PROMPT, **given}
    request_id = new_id("req")
    return Ask(house.workspace_id, "flux-schnell", body, origin="api", request_id=request_id, api_key_id=key_id)


def price_of(house: House) -> int:
    return price(house.services.desk, "flux-schnell", {"prompt": PROMPT}, house.workspace_id).quote.maximum.micros


def at_once(house: House, count: int, key_id: str | None) -> list[Any]:
    async def scenario() -> list[Any]:
        asked = [start(house.services.desk, ask(house, key_id)) for _ in range(count)]
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(scenario())


def refusals(answers: list[Any]) -> list[LimitReached]:
    unexpected = [
        answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, LimitReached)
    ]
    assert not unexpected
    return [answer for answer in answers if isinstance(answer, LimitReached)]


def run(house: House, key_id: str | None = None) -> int:
    """One image; what it was charged."""

    async def scenario() -> int:
        started = await start(house.services.desk, ask(house, key_id))
        return int((await house.carry(started.generation_id)).row["charged_micros"])

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("scope", "limit", "code"),
    [
        pytest.param("key", "credits_per_day_micros", "daily_limit", id="a key's day"),
        pytest.param("key", "credits_per_month_micros", "monthly_limit", id="a key's month"),
        pytest.param("key", "concurrent_jobs", "too_many_jobs", id="a key's jobs"),
        pytest.param("key", "requests_per_minute", "rate_limited", id="a key's minute"),
        pytest.param("workspace", "credits_per_day_micros", "daily_limit", id="a workspace's day"),
        pytest.param("workspace", "concurrent_jobs", "too_many_jobs", id="a workspace's jobs"),
    ],
)
def test_bug_a3_first_requests_in_parallel_cannot_pass_together(
    customer: House, key: str, scope: str, limit: str, code: str
) -> None:
    """Nothing was ever spent, no row exists yet, and twelve arrive at once where three fit."""
    three = {limit: 3 * price_of(customer) if limit.endswith("micros") else 3}
    if scope == "key":
        limit_key(customer, key, **three)
    else:
        book = customer.services.accounts.allowances
        book.set_for_workspace(customer.workspace_id, Allowance(**three), actor="usr_of_the_test")

    refused = refusals(at_once(customer, 12, key))

    assert len(refused) == 9
    assert {refusal.stable_code for refusal in refused} == {code}
    assert {refusal.details["scope"] for refusal in refused} == {scope}


def test_bug_a3_a_budget_set_by_another_process_is_found_by_the_first_request(customer: House, key: str) -> None:
    """What is remembered of limits is never what a new row is judged by for long: here nothing is remembered."""
    limit_key(customer, key, credits_per_day_micros=price_of(customer))
    customer.services.accounts.allowances._cache.clear()  # as in a process that was just started

    assert len(refusals(at_once(customer, 4, key))) == 3


def test_bug_e1_the_budget_counts_exactly_what_was_charged(customer: House, key: str) -> None:
    charged = sum(run(customer, key) for _ in range(2))

    def used() -> spend.Used:
        with customer.services.db.read() as connection:
            return spend.spent_by(connection, customer.workspace_id, customer.services.desk.clock())[key]

    assert (used().day_micros, used().month_micros, used().held_micros) == (charged, charged, 0)
    limit_key(customer, key, credits_per_day_micros=charged + price_of(customer))
    assert len(refusals(at_once(customer, 2, key))) == 1  # what is held counts once, and only while it is held
    assert used().held_micros == price_of(customer)
    customer.assert_books_balance()


def test_bug_e3_a_key_without_limits_is_still_counted_for_its_workspace_and_model(customer: House, key: str) -> None:
    book = customer.services.accounts.allowances
    run(customer)  # from the playground
    book.set_for_workspace(
        customer.workspace_id, Allowance(credits_per_day_micros=2 * price_of(customer)), actor="usr_of_the_test"
    )

    assert len(refusals(at_once(customer, 3, key))) == 2


def test_bug_e4_a_budget_of_which_little_is_used_lets_in(customer: House, key: str) -> None:
    """2.7 % of it is spent: that is not 99 %."""
    charged = run(customer, key)
    limit_key(customer, key, credits_per_month_micros=charged * 37, alert_percent=80)

    assert refusals(at_once(customer, 5, key)) == []


def test_bug_e5_a_budget_holds_before_anything_was_settled_or_swept(customer: House, key: str) -> None:
    """110 requests of which none ever finishes: no chore ran, no event was handled."""
    limit_key(customer, key, credits_per_day_micros=4 * price_of(customer))

    assert len(refusals(at_once(customer, 110, key))) == 106


def test_a_finished_job_makes_room_and_a_released_one_gives_its_budget_back(customer: House, key: str) -> None:
    limit_key(customer, key, concurrent_jobs=1, credits_per_day_micros=price_of(customer))

    async def failing() -> None:
        wanted = ask(customer, key, prompt=f"{PROMPT} [[fault:completed-with-error]]")
        started = await start(customer.services.desk, wanted)
        assert (await customer.carry(started.generation_id)).row["charged_micros"] == 0

    asyncio.run(failing())
    run(customer, key)
    (refused,) = refusals(at_once(customer, 1, key))
    assert refused.stable_code == "daily_limit"
    assert refused.details["left"].micros == 0


def test_a_new_day_opens_the_day_and_not_the_month(customer: House, key: str) -> None:
    """Yesterday's charges are of this month; on the first of a month there is no yesterday to test."""
    now = customer.services.desk.clock()
    charged = run(customer, key)
    with customer.services.db.read() as connection:
        model_id = customer.services.offers.find("flux-schnell").model_id
        later = spend.standing(connection, customer.workspace_id, key, model_id, now + timedelta(days=1))
    same_month = (now + timedelta(days=1)).month == now.month

    assert later.key.day_micros == 0
    assert later.key.month_micros == (charged if same_month else 0)
    assert later.workspace == later.model == later.key


def test_only_allowed_models(customer: House, key: str) -> None:
    other = customer.services.offers.find("nano-banana-pro").model_id
    limit_key(customer, key, allowed_models=frozenset({other}))

    with pytest.raises(NotAllowed, match="may not use flux-schnell"):
        asyncio.run(start(customer.services.desk, ask(customer, key)))
    gate = customer.services.desk.gate
    offers = customer.services.offers.list()
    assert [offer.model_id for offer in offers if gate.may_use(customer.workspace_id, key)(offer)] == [other]


@pytest.mark.parametrize(
    ("limits", "param"),
    [
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"credits_per_month_micros": -1}, "credits_per_month_micros"),
        ({"concurrent_jobs": 10**10}, "concurrent_jobs"),
        ({"allowed_models": frozenset[str]()}, "allowed_models"),
        ({"alert_percent": 100}, "alert_percent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_limits_that_cannot_be(customer: House, key: str, limits: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        limit_key(customer, key, **limits)
    assert refused.value.param == param
