"""What the chore does: asks providers without buying, and times what was delivered."""

import asyncio
from datetime import timedelta

import httpx

from app.generation.breaker import Breaker
from app.generation.probes import RESTED, tend
from app.ui.pages.admin_providers.form import form_of, values_of
from tests.generation.test_health import Hand
from tests.scenarios.test_two_routes import MODEL, PROMPT, pair
from tests.support.house import House

__all__ = ["pair"]


def test_a_quiet_provider_is_asked_now_and_then_one_in_trouble_often(pair: House) -> None:
    desk = pair.services.desk
    clock = Hand()
    clock.at = desk.clock()
    object.__setattr__(desk, "clock", clock)
    desk.router.health._clock = clock  # the whole desk by one hand-turned clock

    everybody = asyncio.run(tend(desk))
    assert everybody >= 3
    assert asyncio.run(tend(desk)) == 0
    clock.wait(RESTED.total_seconds())
    assert asyncio.run(tend(desk)) == everybody
    clock.wait(1)
    asyncio.run(desk.router.health.provider_down("fal", "the key was refused"))
    clock.wait(1)
    assert asyncio.run(tend(desk)) == 1
    assert not pair.book()["jobs"]
    route = pair.services.offers.find(MODEL).routes[0]
    assert desk.router.health.of([route])[route.route_id].breaker is Breaker.OPEN


def test_deliveries_are_timed_for_the_fastest_policy(pair: House) -> None:
    desk = pair.services.desk
    asyncio.run(pair.run(MODEL, prompt=PROMPT))
    asyncio.run(tend(desk))
    route = pair.services.offers.find(MODEL).routes[0]
    milliseconds = desk.router.health.of([route])[route.route_id].milliseconds
    assert milliseconds is not None
    assert timedelta(0) < timedelta(milliseconds=milliseconds) < timedelta(minutes=1)


def test_a_provider_that_refuses_the_key_is_noticed_before_a_customer_is(pair: House) -> None:
    """Two probes that fail open the breaker; the next request goes elsewhere at once."""
    desk, editing = pair.services.desk, pair.services.editing
    card = editing.provider("fal")
    bad = form_of({**values_of(card), "api_key": "a-bad-key"}, card, remove_key=False, remove_secret=False)
    editing.save_provider("fal", bad, "test")
    for _ in range(2):
        asyncio.run(tend(desk))
    seen = asyncio.run(pair.run(MODEL, prompt=PROMPT))
    assert (seen.status, seen.attempt["provider_id"]) == ("completed", "replicate")
    assert {job["provider"] for job in pair.book()["jobs"]} == {"replicate"}
    assert httpx.get(f"{pair.sandbox_url}/health").is_success
