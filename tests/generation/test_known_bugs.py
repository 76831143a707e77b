"""Charges that went wrong in other gateways, by the row of our list: each cannot happen here."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.generation import callback, rows
from app.generation.advance import _give_up, advance
from app.generation.inline.hold import begin
from app.generation.start import Ask
from app.generation.text import plan_chat
from app.generation.usage import reported_usage, tokens_of
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.providers.port import Callback
from tests.support.house import House

PROMPT = "A red tram on a viaduct"


@pytest.fixture(autouse=True)
async def tidy(shared_house: House) -> AsyncIterator[None]:
    yield
    await shared_house.services.desk.providers.close()


pytestmark = pytest.mark.anyio


def held(home: House) -> Money:
    return home.services.ledger.balance(home.workspace_id).held


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("flux-schnell", {"prompt": PROMPT}),
        ("veo3-fast", {"prompt": PROMPT}),
        ("elevenlabs-turbo-2.5", {"text": PROMPT}),
    ],
    ids=["image", "video", "sound"],
)
async def test_bug_a2_a4_whoever_is_rich_is_held_for_like_anybody(
    shared_house: House, model: str, given: dict[str, Any]
) -> None:
    """No customer is trusted to pay later, and no kind of model runs without a hold."""
    rich = await asyncio.to_thread(_newcomer, shared_house)
    started = await rich.start(model, **given)
    assert held(rich).micros == rich.seen(started.generation_id).row["hold_micros"] > 0


@pytest.mark.one_engine
async def test_bug_a2_a4_a_chat_is_held_for_as_well(shared_house: House) -> None:
    rich = await asyncio.to_thread(_newcomer, shared_house)
    desk, body = rich.services.desk, {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 40}
    ask = Ask(rich.workspace_id, "gpt-4o-mini", body, origin="chat", request_id=new_id("req"))
    plan = plan_chat(desk.offers.find("gpt-4o-mini"), body, 200)
    await begin(desk, ask, plan)
    assert held(rich) == plan.hold > Money.zero()


def _newcomer(home: House) -> House:
    return home.newcomer(1_000_000)


async def test_bug_b8_a_job_that_took_too_long_costs_nothing_also_when_it_is_heard_of_later(
    customer: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given up, given back, and then the provider calls: what it made is ours to pay, not the customer's."""
    desk = customer.services.desk
    started = await customer.start("flux-schnell", prompt=f"{PROMPT} [[fault:drop-after-accept,webhook-none]]")
    await advance(desk, started.generation_id)
    generation = await desk.read(rows.generation, started.generation_id)
    attempt = (await desk.read(rows.attempts, started.generation_id))[-1]
    await _give_up(desk, generation, attempt, desk.offers.of_version(generation["version_id"]))
    ended = customer.seen(started.generation_id)
    assert (ended.status, ended.row["charged_micros"], customer.available) == ("failed", 0, Money(10_000_000_000))

    await _call_back(customer, attempt, monkeypatch, times=3)
    await customer.carry(started.generation_id)

    again = customer.seen(started.generation_id)
    assert (again.status, again.row["charged_micros"], customer.available) == ("failed", 0, Money(10_000_000_000))
    customer.assert_books_balance()


async def test_bug_b9_a_callback_that_comes_eleven_times_and_too_early_charges_once(
    customer: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = customer.services.desk
    started = await customer.start("flux-schnell", prompt=f"{PROMPT} [[fault:webhook-none]]")
    await customer.step_until(started.generation_id, "queued")
    attempt = (await desk.read(rows.attempts, started.generation_id))[-1]
    await _call_back(customer, attempt, monkeypatch, times=5)
    seen, _ = await asyncio.gather(
        customer.carry(started.generation_id), _call_back(customer, attempt, monkeypatch, times=3)
    )
    await _call_back(customer, attempt, monkeypatch, times=3)
    assert seen.status == "completed"
    assert Money(10_000_000_000) - customer.available == Money(seen.row["charged_micros"])
    assert len(customer.seen(seen.id).files) == len(seen.files) == 1
    customer.assert_books_balance()


async def _call_back(home: House, attempt: Any, monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """A genuine callback about this attempt's job, that often."""
    desk = home.services.desk
    address = httpx.URL(desk.callback_url(attempt["provider_id"], attempt["id"]))
    upstream = attempt["upstream_id"] or new_id("req")

    async def genuine(*_: Any) -> Callback:
        return Callback(upstream)

    provider = await desk.providers.get(attempt["provider_id"])
    monkeypatch.setattr(type(provider), "read_callback", genuine)
    for _ in range(times):
        signature = address.path.rpartition("/")[2]
        await callback.receive(desk, attempt["provider_id"], attempt["id"], signature, {}, b"{}")


async def test_bug_c8_every_class_of_tokens_is_counted() -> None:
    """Text and pictures, in and out, and what was cached: none is forgotten and none counted twice."""
    told = {
        "input_tokens": Decimal(100),
        "image_input_tokens": Decimal(20),
        "cached_input_tokens": Decimal(7),
        "output_tokens": Decimal(3),
        "image_output_tokens": Decimal(4_000),
    }
    usage = reported_usage(told)
    assert {name: getattr(usage, name) for name in told} == told
    assert tokens_of(usage) == 4_130
