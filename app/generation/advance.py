"""Carry a generation one step further. The main road, top to bottom; safe to call at any time, by anyone, repeatedly.

The workflow engine calls it until it is finished, the sweeper calls it for whatever a crash left behind. Every step
re-reads the row, so nothing depends on who called last.
"""

from dataclasses import dataclass

from sqlalchemy import RowMapping

from app.catalogue.offers import Offer
from app.generation import rows
from app.generation.deliver import deliver
from app.generation.desk import HOLD_LIFETIME, Desk
from app.generation.follow import follow
from app.generation.lifecycle import FINISHED, State
from app.generation.settle import give_back
from app.generation.submit import look_for, notice_lost, submit


@dataclass(frozen=True, slots=True)
class Step:
    """Where the generation stands now, whose it is, and how long to wait before the next look (None: finished)."""

    state: str
    workspace_id: str
    wait_seconds: float | None


async def advance(desk: Desk, generation_id: str) -> Step:
    """Take whatever step is due and say when the next one is."""
    generation = await desk.read(rows.generation, generation_id)
    if State(generation["state"]) not in FINISHED:
        wait = (generation["next_check_at"] - desk.clock()).total_seconds() if generation["next_check_at"] else 0
        if wait <= 0 or State(generation["state"]) in (State.QUEUED, State.RUNNING):
            await _take(desk, generation_id, State(generation["state"]))
    return await _standing(desk, generation_id)


async def _take(desk: Desk, generation_id: str, state: State) -> None:
    generation = await desk.read(rows.generation, generation_id)
    attempt = (await desk.read(rows.attempts, generation_id))[-1]
    offer: Offer = desk.offers.of_version(generation["version_id"])
    if desk.clock() >= generation["created_at"] + HOLD_LIFETIME:
        await _give_up(desk, generation, attempt, offer)
        return
    match state:
        case State.HELD if generation["cancel_requested_at"] is not None:
            said = "Canceled. Nothing was charged."
            await give_back(desk, generation, attempt, offer, "canceled", "canceled", said, close=rows.CLOSE_UNSENT)
        case State.HELD:
            await submit(desk, generation, attempt, offer)
        case State.SUBMITTING | State.CALLING:
            await notice_lost(desk, generation, attempt)
        case State.UNKNOWN:
            await look_for(desk, generation, attempt, offer)
        case State.QUEUED | State.RUNNING:
            await follow(desk, generation, attempt, offer)
        case State.STORING:
            await deliver(desk, generation, attempt, offer)


async def _give_up(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer) -> None:
    """A day has passed: the customer has the hold back, and what the provider may have billed is booked as unknown."""
    said = "The provider did not finish this within a day. Nothing was charged."
    bought = attempt["sent_at"] is not None
    cost = attempt["expected_cost_micros"] if bought else None
    await give_back(
        desk, generation, attempt, offer, "unknown", "gave_up", said,
        cost_micros=cost, unknown=bought, close=rows.UPDATE_ATTEMPT if bought else rows.CLOSE_UNSENT,
    )  # fmt: skip


async def _standing(desk: Desk, generation_id: str) -> Step:
    generation = await desk.read(rows.generation, generation_id)
    if State(generation["state"]) in FINISHED:
        return Step(generation["state"], generation["workspace_id"], None)
    due = generation["next_check_at"] or desk.clock()
    return Step(generation["state"], generation["workspace_id"], max(0.0, (due - desk.clock()).total_seconds()))
