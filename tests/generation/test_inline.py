"""Synchronous calls and streams against the emulator: what is held, bought and charged, whatever goes wrong."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.generation import flow as flows
from app.generation import rows, spend
from app.generation.flow import Flow, open_flow
from app.generation.inline.hold import Job, begin
from app.generation.inline.run import run_inline
from app.generation.inline.settle import Outcome
from app.generation.meter import Meter
from app.generation.plan import Plan
from app.generation.start import Ask
from app.generation.text import plan_chat
from app.generation.tokens import count
from app.kernel.clock import now
from app.kernel.errors import InsufficientCredits, ProviderBusy, ProviderUnclear
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.ledger.tables import entry
from tests.support.house import House

pytestmark = pytest.mark.anyio
CHAT = "gpt-4o-mini"
PRICE = {"input": Decimal("0.00025"), "output": Decimal("0.001")}


@pytest.fixture(autouse=True)
async def tidy(shared_house: House) -> AsyncIterator[None]:
    """Connections belong to a test's own loop."""
    yield
    await shared_house.services.desk.providers.close()


def body_of(text: str, **more: Any) -> dict[str, Any]:
    return {"model": CHAT, "messages": [{"role": "user", "content": text}], "max_tokens": 40, **more}


def planned(home: House, body: dict[str, Any]) -> tuple[Ask, Plan]:
    size = len(json.dumps(body))
    ask = Ask(home.workspace_id, CHAT, body, origin="chat", request_id=new_id("req"))
    return ask, plan_chat(home.services.desk.offers.find(CHAT), body, size)


async def call(home: House, text: str, **more: Any) -> Outcome:
    outcome = await run_inline(home.services.desk, *planned(home, body_of(text, **more)))
    assert isinstance(outcome, Outcome)
    return outcome


async def begin_flow(home: House, text: str) -> Flow:
    flow = await open_flow(home.services.desk, *planned(home, body_of(text)))
    assert isinstance(flow, Flow)
    return flow


def jobs_of(home: House, *outcomes: Outcome) -> list[dict[str, Any]]:
    """What the emulator says of the attempts of these generations."""
    with home.services.db.read() as connection:
        ids = {row["id"] for one in outcomes for row in rows.attempts(connection, one.generation_id)}
    return [job for job in home.book()["jobs"] if job["attempt"] in ids]


def spent(home: House) -> Money:
    return Money(10_000_000_000) - home.available


def counted(outcome: Outcome) -> Money:
    usage = outcome.usage
    assert usage.input_tokens is not None
    assert usage.output_tokens is not None
    return Money.from_exact(usage.input_tokens * PRICE["input"] + usage.output_tokens * PRICE["output"])


async def test_a_call_is_held_bought_once_and_charged_by_its_usage(customer: House) -> None:
    outcome = await call(customer, "Good morning")

    seen, (job,) = customer.seen(outcome.generation_id), jobs_of(customer, outcome)
    assert seen.status == "completed"
    assert outcome.charged == counted(outcome) == spent(customer)
    assert seen.row["cost_micros"] == job["cost_micros"]
    assert seen.row["hold_micros"] >= outcome.charged.micros
    assert job["input"]["max_tokens"] == 40
    assert "Good morning" not in str(seen.row["params"])
    customer.assert_books_balance()


@pytest.mark.one_engine
async def test_bug_c4_without_a_limit_the_models_own_is_held_for_and_sent(customer: House) -> None:
    ask, plan = planned(customer, {"model": CHAT, "messages": [{"role": "user", "content": "Hello [[fault:length]]"}]})

    outcome = await run_inline(customer.services.desk, ask, plan)

    assert isinstance(outcome, Outcome)
    assert plan.hold >= Money.from_exact(16_384 * PRICE["output"])
    assert jobs_of(customer, outcome)[0]["input"]["max_tokens"] == 16_384


@pytest.mark.one_engine
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_bug_d3_an_explicit_zero_is_not_missing(customer: House, streamed: bool) -> None:
    if streamed:
        flow = await begin_flow(customer, "[[fault:zero-usage]] Hello")
        assert [chunk async for chunk in flow]
        outcome = await flow.outcome()
    else:
        outcome = await call(customer, "[[fault:zero-usage]] Hello")

    assert (outcome.charged, outcome.estimated) == (Money.zero(), False)
    assert customer.seen(outcome.generation_id).status == "completed"


@pytest.mark.one_engine
async def test_bug_d4_usage_is_read_from_an_answer_that_ended_for_its_length(customer: House) -> None:
    flow = await begin_flow(customer, "[[fault:length=8]] Hello")

    assert [chunk async for chunk in flow]
    outcome = await flow.outcome()

    assert (outcome.usage.output_tokens, outcome.estimated) == (8, False)
    assert outcome.charged == counted(outcome) == spent(customer)


@pytest.mark.parametrize(
    ("fault", "estimated"),
    [
        pytest.param("", False, id="d1-usage-told"),
        pytest.param("[[fault:missing-usage]]", True, id="d2-usage-missing"),
    ],
)
async def test_bug_d1_d2_whoever_leaves_pays_for_what_was_made(customer: House, fault: str, estimated: bool) -> None:
    flow = await begin_flow(customer, f"{fault} Tell me a long story about the harbour")
    async for _ in flow:
        break
    flow.leave()

    outcome = await flow.outcome()

    assert outcome.estimated is estimated
    assert outcome.usage.input_tokens
    assert 20 < outcome.usage.output_tokens <= 60  # what was made, and not the three words that were read
    assert outcome.charged == counted(outcome) == spent(customer)
    assert customer.seen(outcome.generation_id).status == "completed"
    customer.assert_books_balance()


@pytest.mark.one_engine
async def test_bug_d6_leaving_before_the_first_word_changes_nothing(customer: House) -> None:
    """The policy: what is asked for is bought, and what is bought is paid for."""
    flow = await begin_flow(customer, "Hello")
    flow.leave()

    outcome = await flow.outcome()

    assert outcome.charged == counted(outcome) == spent(customer)
    assert outcome.usage.output_tokens
    assert not outcome.estimated


@pytest.mark.one_engine
async def test_a_provider_that_goes_on_for_ever_is_not_drained_for_ever(
    customer: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "DRAIN_SECONDS", 0.0)
    flow = await begin_flow(customer, "[[fault:stall=600]] Hello")
    async for _ in flow:
        break
    flow.leave()

    outcome = await flow.outcome()

    assert outcome.estimated
    assert outcome.cut
    assert Money.zero() < outcome.charged == spent(customer)


@pytest.mark.one_engine
async def test_bug_d5_a_stream_that_breaks_is_charged_for_what_came(customer: House) -> None:
    flow = await begin_flow(customer, "[[fault:cut=5]] Hello")
    chunks = [chunk async for chunk in flow]

    outcome = await flow.outcome()

    seen = customer.seen(outcome.generation_id)
    arrived = Meter()
    for chunk in chunks:
        arrived.add(chunk)
    assert outcome.usage.output_tokens == count(arrived.text) > 0
    assert outcome.estimated
    assert Money.zero() < outcome.charged == counted(outcome) == spent(customer)
    assert (seen.status, seen.row["error_code"]) == ("failed", "answer_cut")
    customer.assert_books_balance()


async def test_bug_b6_a_lost_answer_is_bought_once_and_its_hold_ends_at_the_deadline(customer: House) -> None:
    desk = customer.services.desk
    ask, plan = planned(customer, body_of("[[fault:drop-after-accept]] Hello"))

    with pytest.raises(ProviderUnclear):
        await run_inline(desk, ask, plan)
    held = customer.services.ledger.balance(customer.workspace_id).held
    with desk.db.read() as connection:
        found = connection.execute(rows.GENERATION.select().where(rows.GENERATION.c.request_id == ask.request_id))
        generation_id = found.mappings().one()["id"]
        stands = spend.standing(connection, customer.workspace_id, None, plan.offer.model_id, desk.clock())
    seen = await customer.carry(generation_id)

    assert held == plan.hold
    assert (stands.model.running, stands.model.held_micros) == (0, held.micros)  # nobody waits for it to make room
    assert len([job for job in customer.book()["jobs"] if job["attempt"] == seen.attempt["id"]]) == 1  # type: ignore[index]
    assert (seen.status, seen.row["error_code"]) == ("failed", "outcome_unknown")
    assert spent(customer) == Money.zero()
    with desk.db.read() as connection:
        booked = connection.execute(entry.select().where(entry.c.account == "expense:unknown_upstream")).all()
    assert booked
    customer.assert_books_balance()


@pytest.mark.one_engine
async def test_a_busy_provider_is_passed_by_and_nothing_is_bought_there(customer: House) -> None:
    _fault(customer, "openai", "refuse-429")

    outcome = await call(customer, "Hello")

    with customer.services.db.read() as connection:
        attempts = rows.attempts(connection, outcome.generation_id)
    assert [(one["provider_id"], one["state"]) for one in attempts] == [("openai", "refused"), ("mirror", "delivered")]
    assert [job["provider"] for job in jobs_of(customer, outcome)] == ["mirror"]
    assert outcome.route.provider_id == "mirror"


@pytest.mark.one_engine
async def test_no_provider_at_all_costs_nothing(customer: House) -> None:
    for provider in ("openai", "mirror"):
        _fault(customer, provider, "refuse-503")

    with pytest.raises(ProviderBusy) as busy:
        await call(customer, "Hello")

    assert busy.value.details["retry_after_seconds"] == 1
    assert spent(customer) == Money.zero()


async def test_bug_a1_of_64_at_once_the_balance_admits_exactly_10(shared_house: House) -> None:
    """One process, in which nothing is given back meanwhile."""
    home = await asyncio.to_thread(shared_house.newcomer)
    _, plan = planned(home, body_of("Hello"))
    await home.services.ledger.grant(
        home.workspace_id, Money(plan.hold.micros * 10), kind="promo", label="Ten", ref=home.workspace_id, actor="test"
    )

    made = await asyncio.gather(
        *(begin(home.services.desk, *planned(home, body_of("Hello"))) for _ in range(64)), return_exceptions=True
    )

    assert sum(isinstance(one, Job) for one in made) == 10
    assert sum(isinstance(one, InsufficientCredits) for one in made) == 54
    assert home.available == Money.zero()


def _fault(home: House, provider: str, fault: str) -> None:
    given = {"provider": provider, "fault": fault, "times": 1}
    assert httpx.post(f"{home.sandbox_url}/faults", json=given).is_success


async def test_what_ends_many_at_once_is_one_statement_for_all_of_them(shared_house: House) -> None:
    """One that cannot be run for several rows sends every batch of the ledger the slow way, one by one."""
    ending = (*rows.MOVES.values(), rows.SETTLE, rows.FAIL, rows.FORFEIT, rows.UPDATE_ATTEMPT)
    ending += (rows.CLOSE_UNSENT, rows.CLOSE_UNFOUND)
    nobody = dict.fromkeys(rows.GIVEN) | {"b_id": "gen_none", "b_state": "failed", "b_charged": 0, "b_now": now()}
    with shared_house.services.db.write() as connection:
        for statement in ending:
            given = {name: nobody[name] for name in statement.compile().params if name.startswith("b_")}
            done = connection.execute(statement, [given, given], execution_options={"preserve_rowcount": True})
            assert done.rowcount == 0
        for many in (rows.ANSWER, rows.ANSWER_ATTEMPT):
            assert many.run(connection, [nobody, nobody]) == 0


@pytest.mark.one_engine
async def test_whoever_looks_on_is_told_when_a_call_is_charged_and_when_it_is_given_back(customer: House) -> None:
    told: list[str] = []
    customer.services.news.listen(told.append)
    await call(customer, "Three harbours")
    assert customer.workspace_id in told
    told.clear()
    for provider in ("openai", "mirror"):
        _fault(customer, provider, "refuse-503")
    with pytest.raises(ProviderBusy):
        await call(customer, "Hello")
    assert customer.workspace_id in told
