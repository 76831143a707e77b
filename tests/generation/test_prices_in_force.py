"""What a published price does to real generations: when it is charged, what a failure costs, what is never exceeded."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.catalogue.tables import Model
from app.generation.views import Seen
from app.kernel.errors import LimitReached
from app.kernel.money import MICRO
from tests.support.house import House

pytestmark = pytest.mark.one_engine

PROMPT = "A red tram on a viaduct"
FAILS = f"{PROMPT} [[fault:completed-with-error]]"
PER_IMAGE: dict[str, Any] = {"type": "formula", "unit": "image", "price": {"perImage": 20}}


def publish(house: House, alias: str, rule: dict[str, Any]) -> None:
    """Put `rule` in force."""
    editing, offer = house.services.editing, house.services.offers.find(alias)
    draft = replace(editing.read_draft(offer.model_id), pricing_rule=rule)
    editing.publish(offer.model_id, draft, "For a test", "tester")


def run(house: House, model: str, **given: Any) -> Seen:
    return asyncio.run(house.run(model, **given))


def spent(house: House, seen_before: int) -> int:
    return seen_before - house.available.micros


@pytest.mark.parametrize(
    ("rule", "prompt", "charged"),
    [
        pytest.param({"billingMode": "charge_on_submit"}, PROMPT, 20, id="charged at the start, delivered"),
        pytest.param({"billingMode": "charge_on_submit"}, FAILS, 0, id="charged at the start, failed: refunded"),
        pytest.param(
            {"billingMode": "charge_on_submit", "refundOnFailure": False}, FAILS, 20, id="no refund on failure"
        ),
        pytest.param({"billingMode": "charge_on_complete"}, FAILS, 0, id="charged at the end, failed"),
    ],
)
def test_when_a_price_is_charged(home: House, rule: dict[str, Any], prompt: str, charged: int) -> None:
    publish(home, "flux-schnell", PER_IMAGE | rule)
    before = home.available.micros

    seen = run(home, "flux-schnell", prompt=prompt)

    assert spent(home, before) == charged * MICRO
    assert seen.row["charged_micros"] == charged * MICRO
    assert seen.status == ("completed" if prompt == PROMPT else "failed")
    home.assert_books_balance()


@pytest.mark.parametrize(
    ("overage", "charged"),
    [pytest.param("cap", 500, id="never more than shown"), pytest.param("extend", 504, id="what was delivered")],
)
def test_a_longer_clip_than_asked(home: House, overage: str, charged: int) -> None:
    rule = {"type": "formula", "unit": "second", "price": {"perSecond": 100}, "overage": overage}
    publish(home, "kling-2.5-turbo-pro", rule)

    given: dict[str, Any] = {"prompt": f"{PROMPT} [[fault:long-output=5.04]]", "duration": "5"}
    offer = home.services.offers.find("kling-2.5-turbo-pro")
    if "image_url" in offer.schema.names:
        given["image_url"] = "https://example.com/tram.png"
    seen = run(home, "kling-2.5-turbo-pro", **given)

    assert seen.status == "completed", seen.row["error_message"]
    assert seen.row["charged_micros"] == charged * MICRO
    home.assert_books_balance()


def test_a_running_request_keeps_the_price_it_was_held_at(home: House) -> None:
    publish(home, "flux-schnell", PER_IMAGE)

    async def scenario() -> Seen:
        started = await home.start("flux-schnell", prompt=PROMPT)
        await asyncio.to_thread(publish, home, "flux-schnell", PER_IMAGE | {"price": {"perImage": 50}})
        return await home.carry(started.generation_id)

    assert asyncio.run(scenario()).row["charged_micros"] == 20 * MICRO
    assert run(home, "flux-schnell", prompt=PROMPT).row["charged_micros"] == 50 * MICRO


@pytest.mark.parametrize(
    ("limits", "code", "admitted"),
    [
        pytest.param({"requests_per_minute": 3}, "rate_limited", 3, id="requests a minute"),
        pytest.param({"concurrent_jobs": 2}, "too_many_jobs", 2, id="jobs at a time"),
        pytest.param({"credits_per_day_micros": 45 * MICRO}, "daily_limit", 2, id="credits a day"),
    ],
)
def test_limits_hold_under_parallel_requests(home: House, limits: dict[str, int], code: str, admitted: int) -> None:
    publish(home, "flux-schnell", PER_IMAGE)
    set_limits(home, "flux-schnell", limits)

    async def scenario() -> list[Any]:
        asked = [home.start("flux-schnell", prompt=PROMPT) for _ in range(8)]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(scenario())

    refused = [answer for answer in answers if isinstance(answer, LimitReached)]
    assert len(answers) - len(refused) == admitted
    assert {refusal.stable_code for refusal in refused} == {code}
    home.assert_books_balance()


def set_limits(house: House, alias: str, limits: dict[str, int]) -> None:
    offer = house.services.offers.find(alias)
    with house.services.db.writing() as session:
        model = session.get_one(Model, offer.model_id)
        for name, value in limits.items():
            setattr(model, name, value)
        model.updated_at = house.services.desk.clock()
        session.add(model)
    house.services.offers.forget()
