"""The main road end to end, over real HTTP to the sandbox: what is held, what is bought, what is charged."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from app.generation import views
from app.generation.advance import advance
from app.generation.follow import ask_cancel
from app.generation.views import Seen
from app.kernel.errors import (
    IdempotencyConflict,
    InsufficientCredits,
    InvalidInput,
    NotFound,
    PriceAboveMax,
    PriceChanged,
    UnknownParameter,
)
from app.kernel.money import Money
from tests.support.house import House

PROMPT = "A red tram on a viaduct"


def jobs_of(house: House, seen: Seen) -> list[dict[str, Any]]:
    """The jobs the sandbox accepted for this generation's attempts."""
    upstream = {seen.attempt["upstream_id"]} if seen.attempt else set()
    return [job for job in house.book()["jobs"] if job["id"] in upstream]


def run(house: House, model: str, **given: Any) -> Seen:
    return asyncio.run(house.run(model, **given))


@pytest.mark.parametrize(
    ("model", "given", "kind"),
    [
        pytest.param("flux-schnell", {"num_images": 2}, "image", id="images on fal", marks=pytest.mark.one_engine),
        pytest.param("flux-1.1-pro", {}, "image", id="an image on Replicate"),
        pytest.param("veo3.1", {"duration": "4s"}, "video", id="a video on fal"),
        pytest.param("veo3-fast", {}, "video", id="a video on kie", marks=pytest.mark.one_engine),
    ],
)
def test_what_was_held_is_what_is_charged(home: House, model: str, given: dict[str, Any], kind: str) -> None:
    before = home.available

    seen = run(home, model, prompt=PROMPT, **given)

    assert seen.status == "completed", seen.row["error_message"]
    assert seen.row["charged_micros"] == seen.row["estimate"]["total_micros"]
    assert home.available == before - Money(seen.row["charged_micros"])
    assert {file["kind"] for file in seen.files} == {kind}
    (job,) = jobs_of(home, seen)
    assert job["cost_micros"] == seen.row["cost_micros"]
    home.assert_books_balance()


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("model", "given", "kind", "credits"),
    [
        pytest.param("gpt-image-1.5", {"prompt": PROMPT, "quality": "auto"}, "image", 210, id="auto came back high"),
        pytest.param("tts-1", {"input": "x" * 100, "voice": "nova"}, "audio", Decimal("2.4"), id="speech"),
    ],
)
def test_what_comes_with_the_answer_runs_like_any_job(
    home: House, model: str, given: dict[str, Any], kind: str, credits: Decimal
) -> None:
    seen = run(home, model, **given)

    assert seen.status == "completed", seen.row["error_message"]
    assert Money(seen.row["charged_micros"]).amount == credits
    assert {file["kind"] for file in seen.files} == {kind}
    assert seen.attempt
    assert [job["model"] for job in home.book()["jobs"] if job["attempt"] == seen.attempt["id"]] == [model]
    home.assert_books_balance()


@pytest.mark.parametrize(("model", "field"), [("gpt-4o-mini", "prompt"), ("text-embedding-3-small", "input")])
def test_what_only_answers_at_once_is_no_job(customer: House, model: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        run(customer, model, **{field: PROMPT})
    assert refused.value.stable_code == "operation_elsewhere"


@pytest.mark.one_engine
def test_fewer_images_than_asked_are_charged_as_delivered(home: House) -> None:
    seen = run(home, "flux-schnell", prompt=f"{PROMPT} [[fault:fewer=1]]", num_images=4)

    assert len(seen.files) == 3
    assert seen.row["charged_micros"] * 4 == seen.row["estimate"]["total_micros"] * 3
    home.assert_books_balance()


@pytest.mark.one_engine
@pytest.mark.parametrize("fault", ["completed-with-error", "none", "401", "402", "corrupt-file"])
def test_bug_b3_a_failure_gives_everything_back(home: House, fault: str) -> None:
    before = home.available

    seen = run(home, "flux-schnell", prompt=f"{PROMPT} [[fault:{fault}]]")

    assert seen.status == "failed"
    assert seen.row["charged_micros"] == 0
    assert home.available == before
    home.assert_books_balance()


@pytest.mark.one_engine
@pytest.mark.parametrize("fault", ["refuse-429", "refuse-503"])
def test_a_proven_refusal_is_tried_again_and_bought_once(home: House, fault: str) -> None:
    seen = run(home, "flux-schnell", prompt=f"{PROMPT} [[fault:{fault}]]")

    assert seen.status in ("completed", "failed")
    assert len(jobs_of(home, seen)) == (1 if seen.status == "completed" else 0)
    home.assert_books_balance()


@pytest.mark.one_engine
def test_a_lost_answer_is_never_sent_again_and_is_found_in_the_providers_list(home: House) -> None:
    seen = run(home, "flux-1.1-pro", prompt=f"{home.workspace_id} [[fault:drop-after-accept]]")

    assert seen.status == "completed", seen.row["error_message"]
    assert len(jobs_of(home, seen)) == 1
    with home.services.db.read() as connection:
        assert "unknown" in [line["kind"] for line in views.trace(connection, seen.id, operator=True)]
    home.assert_books_balance()


@pytest.mark.one_engine
def test_a_canceled_generation_costs_the_customer_nothing(home: House) -> None:
    async def scenario() -> Seen:
        started = await home.start("veo3.1", prompt=f"{PROMPT} [[fault:slow]]", duration="4s")
        await home.step_until(started.generation_id, "running")
        assert await ask_cancel(home.services.desk, started.generation_id)
        return await home.carry(started.generation_id)

    before = home.available
    seen = asyncio.run(scenario())

    assert seen.status == "canceled"
    assert home.available == before
    home.assert_books_balance()


@pytest.mark.one_engine
def test_a_request_without_enough_credits_is_refused_before_anything_is_asked(home: House) -> None:
    jobs = home.book()["accepted"]

    with pytest.raises(InsufficientCredits) as refusal:
        asyncio.run(_spend_all(home))

    assert refusal.value.details["required"] > refusal.value.details["available"]
    assert home.book()["accepted"] == jobs


async def _spend_all(house: House) -> None:
    for _ in range(1_000):
        await house.start("veo3.1", prompt=PROMPT)


@pytest.mark.one_engine
def test_the_same_key_answers_the_same_generation(home: House) -> None:
    async def scenario() -> set[str]:
        asked = [home.start("flux-schnell", prompt=PROMPT, idempotency_key="order-7") for _ in range(8)]
        return {started.generation_id for started in await asyncio.gather(*asked)}

    assert len(asyncio.run(scenario())) == 1
    with pytest.raises(IdempotencyConflict):
        asyncio.run(home.start("flux-schnell", prompt="Another", idempotency_key="order-7"))


@pytest.mark.one_engine
def test_the_price_shown_is_the_price(home: House) -> None:
    offer = home.services.offers.find("flux-schnell")

    with pytest.raises(PriceChanged) as changed:
        asyncio.run(home.start("flux-schnell", prompt=PROMPT, shown=(offer.version_id, 1)))

    total = changed.value.details["quote"]["maximum_micros"]
    asyncio.run(home.start("flux-schnell", prompt=PROMPT, shown=(offer.version_id, total)))


@pytest.mark.one_engine
def test_a_maximum_is_kept(home: House) -> None:
    with pytest.raises(PriceAboveMax):
        asyncio.run(home.start("flux-schnell", prompt=PROMPT, num_images=4, max_credits=1))


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("model", "given", "refusal"),
    [
        pytest.param("flux-schnel", {"prompt": PROMPT}, NotFound, id="a misspelt model"),
        pytest.param("flux-schnell", {"prompt": PROMPT, "num_image": 2}, UnknownParameter, id="a misspelt parameter"),
    ],
)
def test_a_wrong_request_says_what_would_be_right(
    home: House, model: str, given: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal, match="Did you mean"):
        asyncio.run(home.start(model, **given))


@pytest.mark.one_engine
def test_a_bill_of_zero_is_a_cost_of_zero(home: House) -> None:
    seen = run(home, "flux-schnell", prompt=f"{home.workspace_id} [[fault:zero-usage]]")

    assert seen.status == "completed"
    assert seen.row["cost_micros"] == 0
    assert [job["cost_micros"] for job in jobs_of(home, seen)] == [0]
    home.assert_books_balance()


@pytest.mark.one_engine
def test_outputs_wait_for_room_on_the_disk(home: House) -> None:
    async def scenario() -> float | None:
        started = await home.start("flux-schnell", prompt=PROMPT)
        await home.step_until(started.generation_id, "storing")
        home.services.files.root.write_text("in the way")
        return (await advance(home.services.desk, started.generation_id)).wait_seconds

    wait = asyncio.run(scenario())

    assert wait is not None
    assert wait > 5  # neither lost nor hammered
