"""An alias with two routes while one of its providers fails, hangs or lies: nothing is bought twice, nobody overdraws,
and every request can be explained."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.catalogue.costs import CostForm
from app.catalogue.route_policy import RoutingPolicy
from app.catalogue.routes import Rank, RouteForm
from app.generation import rows
from app.generation.advance import advance
from app.generation.breaker import Breaker
from app.generation.follow import ask_cancel
from app.generation.provider_rules import Rule
from app.generation.story import story
from app.generation.views import Seen
from app.kernel.errors import Conflict, LimitReached, NotAllowed, NotFound
from app.kernel.money import Money
from tests.support.effort import times
from tests.support.house import House, house, settings_for

MODEL = "flux-schnell"
PROMPT = "A red tram on a viaduct"
ACTOR = "test"
LOAD = times(8, 120)
#: What stands between us and a provider that says one thing and does another.
LIES = {
    "fail-billed": "it says failed and bills",
    "webhook-duplicate": "it says done eleven times",
    "overcount": "it says ten times the usage",
}


@contextmanager
def alias_with_two_routes(url: str, sandbox_url: str, home: Path) -> Iterator[House]:
    """flux-schnell at fal and, in second place, at Replicate; a new book for the sandbox."""
    httpx.post(f"{sandbox_url}/book/reset")
    httpx.delete(f"{sandbox_url}/faults")
    with house(settings_for(home, url, sandbox_url), credits=100_000) as built:
        editing = built.services.editing
        model_id = built.services.offers.find(MODEL).model_id
        mapping = {"num_images": "num_outputs", "image_size": None, "num_inference_steps": None}
        second = editing.add_route(
            model_id, RouteForm("replicate", "black-forest-labs/flux-schnell", 1, mapping=mapping), ACTOR
        )
        now = built.services.desk.clock()
        rule = {"type": "formula", "unit": "image", "price": {"perImage": 0.003}}
        editing.add_cost(second, CostForm(rule, "their price list", now, now, verified=True), ACTOR)
        page = editing.read(model_id)
        unlimited = type(page.details.limits)()
        editing.edit_details(model_id, type(page.details)(MODEL, "FLUX", "image", limits=unlimited), ACTOR)
        try:
            yield built
        finally:
            httpx.delete(f"{sandbox_url}/faults")


@pytest.fixture
def pair(seeded_sqlite: Path, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    path = tmp_path / "pair.sqlite"
    shutil.copyfile(seeded_sqlite, path)
    with alias_with_two_routes(f"sqlite:///{path}", sandbox_url, tmp_path / "home") as built:
        yield built


@pytest.fixture
def pair_anywhere(seeded_url: str, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    with alias_with_two_routes(seeded_url, sandbox_url, tmp_path / "home") as built:
        yield built


def spoil(built: House, fault: str, count: int, arg: Any = None, provider: str = "fal") -> None:
    order = {"provider": provider, "fault": fault, "times": count} | ({} if arg is None else {"arg": arg})
    httpx.post(f"{built.sandbox_url}/faults", json=order).raise_for_status()


async def load(built: House, count: int) -> list[Seen]:
    """So many requests at once, each carried to its end."""
    started = await asyncio.gather(*(built.start(MODEL, prompt=f"{PROMPT}, {n}", seed=n) for n in range(count)))
    return list(await asyncio.gather(*(built.carry(one.generation_id) for one in started)))


def attempts_of(built: House, generation_id: str | None = None) -> list[dict[str, Any]]:
    query = select(rows.ATTEMPT).order_by(rows.ATTEMPT.c.generation_id, rows.ATTEMPT.c.number)
    if generation_id:
        query = query.where(rows.ATTEMPT.c.generation_id == generation_id)
    with built.services.db.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def assert_explained(built: House, ended: list[Seen]) -> None:
    """The emulator's book and our attempts tell the same story, and so do the ledger's books."""
    jobs = built.book()["jobs"]
    mine = attempts_of(built)
    by_attempt = Counter(job["attempt"] for job in jobs)
    assert set(by_attempt.values()) <= {1}, "an attempt bought two jobs"
    known = {one["id"]: one for one in mine}
    assert set(by_attempt) <= set(known), "a job that no attempt of ours knows"
    for job in jobs:
        upstream_id = known[job["attempt"]]["upstream_id"]
        assert upstream_id == job["id"] or known[job["attempt"]]["state"] == "unknown"
    for seen in ended:
        tries = [one for one in mine if one["generation_id"] == seen.id]
        bought = [one for one in tries if one["id"] in by_attempt]
        assert len(bought) <= 1, "one request bought two jobs"
        assert seen.finished
        assert seen.row["charged_micros"] <= seen.row["estimate"]["maximum_micros"]
        assert all(one["choice"]["reasons"] for one in tries), "nobody can say why this route"
        assert [one["number"] for one in tries] == list(range(1, len(tries) + 1))
        if seen.status != "completed":
            assert seen.row["charged_micros"] == 0
    built.assert_books_balance()
    assert built.services.ledger.balance(built.workspace_id).held == Money(0)


# ── Failing, hanging, lying ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_provider_that_fails_costs_nobody_anything(pair_anywhere: House) -> None:
    """Everything is served by the other one; the breaker spares most requests the detour."""
    spoil(pair_anywhere, "refuse-503", 10 * LOAD)
    before = pair_anywhere.available

    ended = asyncio.run(load(pair_anywhere, LOAD))

    assert {(seen.status, seen.attempt["provider_id"]) for seen in ended} == {("completed", "replicate")}
    assert_explained(pair_anywhere, ended)
    assert before - pair_anywhere.available == Money(sum(seen.row["charged_micros"] for seen in ended))
    offer = pair_anywhere.services.offers.find(MODEL)
    assert pair_anywhere.services.desk.router.health.of(offer.routes)[offer.routes[0].route_id].breaker is Breaker.OPEN
    later = asyncio.run(load(pair_anywhere, 4))
    assert [len(attempts_of(pair_anywhere, seen.id)) for seen in later] == [1, 1, 1, 1]
    assert {seen.attempt["choice"]["reasons"][-1]["code"] for seen in later} == {"last_resort"}


@pytest.mark.parametrize(
    ("fault", "arg"),
    [
        pytest.param("hang-before-accept", 1, id="silent, and nothing was accepted"),
        pytest.param("drop-after-accept", None, id="accepted, and the answer was lost"),
        pytest.param("500-after-accept", None, id="accepted, and answered 500"),
    ],
)
def test_a_provider_that_hangs_is_never_asked_again_nor_replaced(pair: House, fault: str, arg: int | None) -> None:
    """It may have been bought: no other route serves that request, and the next requests keep away."""
    spoil(pair, fault, 10 * LOAD, arg)

    ended = asyncio.run(load(pair, LOAD))

    assert_explained(pair, ended)
    for seen in ended:
        tries = attempts_of(pair, seen.id)
        assert [one["state"] for one in tries].count("unknown") <= 1
        assert len(tries) == 1
    later = asyncio.run(load(pair, 4))
    assert {(seen.status, seen.attempt["provider_id"]) for seen in later} == {("completed", "replicate")}


@pytest.mark.parametrize("lie", list(LIES), ids=list(LIES.values()))
def test_a_provider_that_lies_moves_no_credit_of_the_customer(pair: House, lie: str) -> None:
    spoil(pair, lie, 10 * LOAD)
    before = pair.available

    ended = asyncio.run(load(pair, LOAD))

    assert_explained(pair, ended)
    assert before - pair.available == Money(sum(seen.row["charged_micros"] for seen in ended))
    assert {len(attempts_of(pair, seen.id)) for seen in ended} == {1}, "an accepted job was sent elsewhere"
    told = [job for job in pair.book()["jobs"] if job["provider"] == "fal"]
    ours = sum(one["cost_micros"] or 0 for one in attempts_of(pair) if one["provider_id"] == "fal")
    billed = sum(job["cost_micros"] for job in told)
    if lie == "fail-billed":
        assert told
        assert (billed > 0, ours) == (True, 0), "the bill nobody told us of is what reconciling finds"
    else:
        times_told = 10 if lie == "overcount" else 1
        assert ours == times_told * billed, "our cost is what they say, until it is reconciled"
        assert {seen.row["charged_micros"] for seen in ended} == {10_000_000}, "the price is that of what arrived"


# ── One refusal at a time ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "elsewhere"),
    [
        pytest.param("401", True, id="our key"),
        pytest.param("402", True, id="our balance"),
        pytest.param("refuse-429", True, id="too many"),
    ],
)
def test_a_refusal_that_is_not_the_customers_goes_to_the_next_route(pair: House, fault: str, elsewhere: bool) -> None:
    spoil(pair, fault, 1)

    seen = asyncio.run(pair.run(MODEL, prompt=PROMPT))

    first, second = attempts_of(pair, seen.id)
    assert (first["state"], first["upstream_id"], second["state"]) == ("refused", None, "delivered")
    assert (first["provider_id"], second["provider_id"]) == ("fal", "replicate")
    assert second["choice"]["instead_of"] == "fal"
    with pair.services.db.read() as connection:
        told = [(event["kind"], event["operator_only"]) for event in story(connection, seen.id).events]
    assert ("refused", True) in told
    assert ("another_provider", False) in told
    assert_explained(pair, [seen])


def test_a_refused_input_goes_nowhere_else(pair: House) -> None:
    seen = asyncio.run(pair.run(MODEL, prompt=PROMPT + " [[fault:completed-with-error]]"))
    assert (seen.status, len(attempts_of(pair, seen.id))) == ("failed", 1)
    offer = pair.services.offers.find(MODEL)
    assert all(one.breaker is Breaker.CLOSED for one in pair.services.desk.router.health.of(offer.routes).values())


def test_bug_b5_a_settlement_never_uses_the_upstream_id_of_another_attempt(pair: House) -> None:
    """The first attempt is refused, the second one delivers: each has its own upstream id, and only one is settled."""
    spoil(pair, "refuse-429", 1)

    seen = asyncio.run(pair.run(MODEL, prompt=PROMPT, num_images=2))

    first, second = attempts_of(pair, seen.id)
    (job,) = [job for job in pair.book()["jobs"] if job["attempt"] in (first["id"], second["id"])]
    assert (first["upstream_id"], second["upstream_id"], job["attempt"]) == (None, job["id"], second["id"])
    assert (first["cost_micros"], second["cost_micros"]) == (None, job["cost_micros"])
    assert seen.row["cost_micros"] == job["cost_micros"]
    assert_explained(pair, [seen])


def test_bug_b5_a_cancel_between_two_attempts_charges_nothing_and_buys_nothing(pair: House) -> None:
    async def scenario() -> Seen:
        spoil(pair, "refuse-429", 1)
        generation_id = (await pair.start(MODEL, prompt=PROMPT)).generation_id
        await advance(pair.services.desk, generation_id)  # refused by fal; the attempt at Replicate is not sent yet
        assert [one["state"] for one in attempts_of(pair, generation_id)] == ["refused", "intent"]
        assert await ask_cancel(pair.services.desk, generation_id)
        return await pair.carry(generation_id)

    seen = asyncio.run(scenario())

    assert (seen.status, seen.row["charged_micros"]) == ("canceled", 0)
    assert not [job for job in pair.book()["jobs"] if job["attempt"] in {one["id"] for one in attempts_of(pair)}]
    assert_explained(pair, [seen])


def test_a_fallback_keeps_the_margin_and_the_price(pair: House) -> None:
    """Replicate becomes dearer than the price: refused by fal, the request ends rather than sell at a loss."""
    services = pair.services
    offer = services.offers.find(MODEL)
    now = services.desk.clock()
    dear = {"type": "formula", "unit": "image", "price": {"perImage": 1}}
    services.editing.add_cost(offer.routes[1].route_id, CostForm(dear, "a rise", now, now, verified=True), ACTOR)
    spoil(pair, "401", 1)

    seen = asyncio.run(pair.run(MODEL, prompt=PROMPT))

    assert (seen.status, seen.row["charged_micros"], len(attempts_of(pair, seen.id))) == ("failed", 0, 1)
    assert_explained(pair, [seen])


# ── Who may be served by whom ───────────────────────────────────────────────────────────────────────────────────────


def test_a_named_provider_serves_alone(pair: House) -> None:
    seen = asyncio.run(pair.run(f"replicate/{MODEL}", prompt=PROMPT))
    assert (seen.status, seen.attempt["provider_id"]) == ("completed", "replicate")

    spoil(pair, "401", 1, provider="replicate")
    failed = asyncio.run(pair.run(f"replicate/{MODEL}", prompt=PROMPT))
    assert (failed.status, len(attempts_of(pair, failed.id))) == ("failed", 1)

    with pytest.raises(NotFound, match="served by fal, replicate"):
        asyncio.run(pair.start(f"kie/{MODEL}", prompt=PROMPT))
    pair.services.desk.router.rules.save(pair.workspace_id, Rule(may_force=False), ACTOR)
    with pytest.raises(NotAllowed, match="does not choose providers"):
        asyncio.run(pair.start(f"fal/{MODEL}", prompt=PROMPT))


def test_an_allow_list_and_a_quota_hold(pair: House) -> None:
    rules, cost = pair.services.desk.router.rules, 10_000_000
    rules.save(pair.workspace_id, Rule(quotas={"fal": 2 * cost}), ACTOR)

    ended = asyncio.run(load(pair, 6))

    assert Counter(seen.attempt["provider_id"] for seen in ended)["fal"] <= 2
    assert {seen.status for seen in ended} == {"completed"}
    rules.save(pair.workspace_id, Rule(frozenset({"fal"}), quotas={"fal": 2 * cost}), ACTOR)
    with pytest.raises(LimitReached, match="20 credits a month"):
        asyncio.run(pair.start(MODEL, prompt=PROMPT))
    rules.save(pair.workspace_id, Rule(frozenset({"kie"})), ACTOR)
    with pytest.raises(NotAllowed, match="may not use"):
        asyncio.run(pair.start(MODEL, prompt=PROMPT))
    assert_explained(pair, ended)


def test_weights_and_policies_are_edited_in_one_act(pair: House) -> None:
    services = pair.services
    offer = services.offers.find(MODEL)
    first, second = (route.route_id for route in offer.routes)
    ranks = {first: Rank(0, 0), second: Rank(0, 100)}
    services.editing.edit_routing(offer.model_id, RoutingPolicy(), ranks, ACTOR)
    ended = asyncio.run(load(pair, 4))
    assert {seen.attempt["provider_id"] for seen in ended} == {"replicate"}
    guard = RoutingPolicy(min_margin_bp=9_900)
    services.editing.edit_routing(offer.model_id, guard, {}, ACTOR)
    with pytest.raises(Conflict, match="no provider at the moment"):
        asyncio.run(pair.start(MODEL, prompt=PROMPT))
