"""Two hands on one generation, or two requests with one key: whoever comes second changes nothing that was bought."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.generation import rows, views
from app.generation.advance import advance
from app.generation.desk import Desk
from app.generation.follow import ask_cancel
from app.generation.settle import give_back
from app.generation.start import Started
from app.generation.submit import accept
from app.generation.views import Seen
from app.kernel.clock import now
from app.kernel.money import Money
from app.ledger.wallet import Ledger
from app.providers.port import UpstreamRef
from tests.generation.test_prices_in_force import publish
from tests.support.effort import times
from tests.support.house import House

PROMPT = "A red tram on a viaduct"


def test_a_cancel_does_not_lose_a_job_that_was_bought_at_the_same_moment(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker has read "held, cancel asked"; before it releases, another one claims the attempt and buys."""
    desk = home.services.desk
    release = Ledger.release

    async def scenario() -> dict[str, Any]:
        generation_id = (await home.start("veo3.1", prompt=f"{PROMPT} [[fault:slow]]", duration="4s")).generation_id
        held = await desk.read(rows.generation, generation_id)

        async def overtaken(ledger: Ledger, *args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(Ledger, "release", release)
            monkeypatch.setattr("app.generation.advance.rows.generation", lambda *_: held)
            await advance(desk, generation_id)
            monkeypatch.undo()
            return await release(ledger, *args, **kwargs)

        assert await ask_cancel(desk, generation_id)
        monkeypatch.setattr(Ledger, "release", overtaken)
        await advance(desk, generation_id)
        seen = await home.carry(generation_id)
        return {"seen": seen, "attempt": seen.attempt}

    ended = asyncio.run(scenario())

    (job,) = [job for job in home.book()["jobs"] if job["attempt"] == ended["attempt"]["id"]]
    assert ended["attempt"]["upstream_id"] == job["id"]
    assert ended["seen"].status == "canceled"
    home.assert_books_balance()


def test_a_release_that_says_nothing_was_sent_leaves_a_sent_attempt_alone(home: House) -> None:
    desk = home.services.desk

    async def scenario() -> str:
        generation_id = (await home.start("veo3.1", prompt=f"{PROMPT} [[fault:slow]]", duration="4s")).generation_id
        generation = await desk.read(rows.generation, generation_id)
        attempt = (await desk.read(rows.attempts, generation_id))[-1]
        await home.step_until(generation_id, "running")
        offer = desk.offers.of_version(generation["version_id"])
        await give_back(desk, generation, attempt, offer, "canceled", "canceled", "Canceled.", close=rows.CLOSE_UNSENT)
        return str(home.seen(generation_id).row["state"])

    assert asyncio.run(scenario()) == "running"
    home.assert_books_balance()


def test_one_key_twice_at_once_with_credits_for_one_gets_one_answer(home: House) -> None:
    async def scenario() -> set[str]:
        hold = (await home.start("veo3.1", prompt=PROMPT)).generation_id
        price = home.seen(hold).row["hold_micros"]
        while home.available.micros >= 2 * price:
            await home.start("veo3.1", prompt=PROMPT)
        asked: list[Started] = await asyncio.gather(
            *(home.start("veo3.1", prompt=PROMPT, idempotency_key="order-7") for _ in range(4))
        )
        return {started.generation_id for started in asked}

    assert len(asyncio.run(scenario())) == 1


def test_a_cancel_that_was_accepted_is_never_charged(home: House) -> None:
    desk = home.services.desk

    async def scenario() -> None:
        for _ in range(times(4, 8)):
            generation_id = (await home.start("flux-schnell", prompt=PROMPT)).generation_id
            await home.step_until(generation_id, "queued")
            while home.book()["jobs"][-1]["finished_at"] is None:  # then the next look will see it
                await asyncio.sleep(0.02)
            _, accepted = await asyncio.gather(advance(desk, generation_id), ask_cancel(desk, generation_id))
            seen = await home.carry(generation_id)
            assert (seen.status == "canceled", seen.row["charged_micros"] == 0) == (accepted, accepted)

    asyncio.run(scenario())
    home.assert_books_balance()


async def _given_up(home: House, rule: dict[str, Any]) -> tuple[Desk, str]:
    """A request that is charged on submit and whose answer was lost, after its deadline: the credits are back."""
    publish(home, "flux-schnell", {"type": "formula", "unit": "image", "price": {"perImage": 20}, **rule})
    desk = home.services.desk
    generation_id = (await home.start("flux-schnell", prompt=f"{PROMPT} [[fault:drop-after-accept]]")).generation_id
    await home.step_until(generation_id, "unknown")
    later = replace(desk, clock=lambda: now() + timedelta(hours=3))
    await advance(later, generation_id)
    assert home.seen(generation_id).row["error_code"] == "outcome_unknown"
    return later, generation_id


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"billingMode": "charge_on_submit"}, id="refunded on failure"),
        pytest.param({"billingMode": "charge_on_submit", "refundOnFailure": False}, id="not refunded on failure"),
    ],
)
def test_a_callback_after_the_hold_was_released_charges_nothing(home: House, rule: dict[str, Any]) -> None:
    """It tells which job it was, for the operator to compare with the provider's bill. It is no acceptance any more."""
    before = home.available

    async def scenario() -> tuple[list[bool], Seen]:
        desk, generation_id = await _given_up(home, rule)
        generation = await desk.read(rows.generation, generation_id)
        attempt = (await desk.read(rows.attempts, generation_id))[-1]
        offer = desk.offers.of_version(generation["version_id"])
        ref = UpstreamRef("late-job", attempt["upstream_model"])
        accepted = [await accept(desk, generation, attempt, ref, offer) for _ in range(2)]
        await advance(desk, generation_id)
        return accepted, home.seen(generation_id)

    accepted, seen = asyncio.run(scenario())

    assert accepted == [False, False]
    assert (seen.row["state"], seen.row["charged_micros"]) == ("released", 0)
    assert seen.attempt
    assert (seen.attempt["state"], seen.attempt["upstream_id"]) == ("unknown", "late-job")
    with home.services.db.read() as connection:
        kinds = [line["kind"] for line in views.trace(connection, seen.id, operator=True)]
    assert kinds.count("found_late") == 1
    assert "accepted" not in kinds
    assert home.available == before
    home.assert_books_balance()


def test_a_callback_at_the_deadline_is_not_overtaken_by_giving_up(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker finds the deadline passed; before it releases, the callback brings the job and its charge."""
    release = Ledger.release
    publish(
        home,
        "flux-schnell",
        {"type": "formula", "unit": "image", "price": {"perImage": 20}, "billingMode": "charge_on_submit"},
    )
    before = home.available

    async def scenario() -> Seen:
        desk = home.services.desk
        prompt = f"{PROMPT} [[fault:drop-after-accept]]"
        generation_id = (await home.start("flux-schnell", prompt=prompt)).generation_id
        await home.step_until(generation_id, "unknown")
        generation = await desk.read(rows.generation, generation_id)
        attempt = (await desk.read(rows.attempts, generation_id))[-1]
        (job,) = [job for job in home.book()["jobs"] if job["attempt"] == attempt["id"]]
        ref = UpstreamRef(job["id"], attempt["upstream_model"])

        async def overtaken(ledger: Ledger, *args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(Ledger, "release", release)
            assert await accept(desk, generation, attempt, ref, desk.offers.of_version(generation["version_id"]))
            return await release(ledger, *args, **kwargs)

        monkeypatch.setattr(Ledger, "release", overtaken)
        await advance(replace(desk, clock=lambda: now() + timedelta(hours=3)), generation_id)
        return await home.carry(generation_id)

    seen = asyncio.run(scenario())

    assert (seen.status, seen.row["charged_micros"]) == ("completed", 20_000_000), seen.row["error_message"]
    assert home.available == before - Money(20_000_000)
    home.assert_books_balance()
