"""Two hands on one generation, or two requests with one key: whoever comes second changes nothing that was bought."""

import asyncio
from typing import Any

import pytest

from app.generation import rows
from app.generation.advance import advance
from app.generation.follow import ask_cancel
from app.generation.settle import give_back
from app.generation.start import Started
from app.ledger.wallet import Ledger
from tests.support.house import House

PROMPT = "A red tram on a viaduct"


def test_a_cancel_does_not_lose_a_job_that_was_bought_at_the_same_moment(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker has read "held, cancel asked"; before it releases, another one claims the attempt and buys."""
    desk = home.services.desk
    release = Ledger.release

    async def scenario() -> dict[str, Any]:
        generation_id = (await home.start("veo3.1", prompt=f"{PROMPT} [[fault:slow]]")).generation_id
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
        generation_id = (await home.start("veo3.1", prompt=f"{PROMPT} [[fault:slow]]")).generation_id
        generation = await desk.read(rows.generation, generation_id)
        attempt = (await desk.read(rows.attempts, generation_id))[-1]
        await home.step_until(generation_id, "running")
        offer = desk.offers.of_version(generation["version_id"])
        await give_back(desk, generation, attempt, offer, "canceled", "canceled", "Canceled.", unsent=True)
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
        for _ in range(8):
            generation_id = (await home.start("flux-schnell", prompt=PROMPT)).generation_id
            await home.step_until(generation_id, "queued")
            await asyncio.sleep(0.5)  # it is made by now, and the next look will see it
            _, accepted = await asyncio.gather(advance(desk, generation_id), ask_cancel(desk, generation_id))
            seen = await home.carry(generation_id)
            assert (seen.status == "canceled", seen.row["charged_micros"] == 0) == (accepted, accepted)

    asyncio.run(scenario())
    home.assert_books_balance()
