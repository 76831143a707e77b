"""Follow an accepted attempt: ask how it stands, write that down, and notice its end. Cancelling is following too."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, update

from app.catalogue.offers import Offer
from app.generation import rows
from app.generation.desk import Desk
from app.generation.fallback import route_of
from app.generation.lifecycle import Event, State
from app.generation.settle import give_back
from app.kernel.errors import ProviderBusy, ProviderRefused
from app.providers.port import Progress, Provider, UpstreamRef, UpstreamState

FASTEST_POLL_SECONDS = 0.4
SLOWEST_POLL_SECONDS = 10.0
CANCEL_PATIENCE = timedelta(seconds=6)
#: Once the result is made it is the customer's, and charged.
CANCELABLE = (State.HELD, State.SUBMITTING, State.UNKNOWN, State.QUEUED, State.RUNNING)

REMEMBER_RESULT = (
    update(rows.ATTEMPT)
    .where(rows.ATTEMPT.c.id == bindparam("b_id"))
    .values(usage=bindparam("b_usage"), resolved=bindparam("b_resolved"), billable_units=bindparam("b_units"))
)
SHOW_PROGRESS = (
    update(rows.GENERATION)
    .where(rows.GENERATION.c.id == bindparam("b_id"), rows.GENERATION.c.finished_at.is_(None))
    .values(
        percent=bindparam("b_percent"),
        queue_position=bindparam("b_position"),
        next_check_at=bindparam("b_next"),
        updated_at=bindparam("b_now"),
    )
)
ASK_CANCEL = (
    update(rows.GENERATION)
    .where(
        rows.GENERATION.c.id == bindparam("b_id"),
        rows.GENERATION.c.state.in_(CANCELABLE),
        rows.GENERATION.c.cancel_requested_at.is_(None),
    )
    .values(cancel_requested_at=bindparam("b_now"), next_check_at=bindparam("b_now"), updated_at=bindparam("b_now"))
)


def reference(attempt: RowMapping) -> UpstreamRef:
    """How to find the attempt's job again."""
    return UpstreamRef(
        upstream_id=attempt["upstream_id"],
        upstream_model=attempt["upstream_model"],
        status_url=attempt["status_url"],
        response_url=attempt["response_url"],
        cancel_url=attempt["cancel_url"],
    )


async def follow(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer) -> None:
    """Poll once and write down what was learned. A provider that does not answer changes nothing."""
    provider = await desk.providers.get(attempt["provider_id"])
    try:
        if generation["cancel_requested_at"] is not None:
            await _cancel(desk, generation, attempt, offer, provider)
            return
        progress = await provider.status(reference(attempt))
    except ProviderBusy:
        await desk.write(_show, generation["id"], _shown(generation, None, desk.clock()))
        return
    except ProviderRefused as gone:
        await desk.router.health.failed(route_of(offer, attempt), gone.stable_code, gone.message)
        # It was accepted and the provider no longer knows it: it may have been billed, and nobody can deliver it.
        said = "The provider lost this job. Nothing was charged."
        cost = attempt["expected_cost_micros"]
        await give_back(
            desk, generation, attempt, offer, "failed", gone.stable_code, said, cost_micros=cost, private=gone.message
        )
        return
    await _learn(desk, generation, attempt, offer, progress)


async def _learn(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer, progress: Progress) -> None:
    now = desk.clock()
    match progress.state:
        case UpstreamState.QUEUED | UpstreamState.RUNNING:
            started = progress.state is UpstreamState.RUNNING and generation["state"] == State.QUEUED
            await desk.write(_show, generation["id"], _shown(generation, progress, now), started)
        case UpstreamState.DONE:
            await desk.write(_delivered, generation["id"], attempt, progress, now)
            await desk.router.health.good(route_of(offer, attempt))
        case UpstreamState.FAILED | UpstreamState.CANCELED:
            code = progress.error_code or str(progress.state)
            await desk.router.health.failed(route_of(offer, attempt), code, progress.error_message or code)
            await give_back(
                desk,
                generation,
                attempt,
                offer,
                "failed" if progress.state is UpstreamState.FAILED else "canceled",
                code,
                progress.error_message or "The provider could not make this. Nothing was charged.",
                cost_micros=attempt["expected_cost_micros"] if progress.charged_anyway else None,
            )


def _shown(generation: RowMapping, progress: Progress | None, now: datetime) -> dict[str, Any]:
    wait = poll_wait((now - generation["created_at"]).total_seconds())
    return {
        "b_id": generation["id"],
        "b_percent": progress.percent if progress else generation["percent"],
        "b_position": progress.queue_position if progress else generation["queue_position"],
        "b_next": now + timedelta(seconds=wait),
        "b_now": now,
    }


def poll_wait(age_seconds: float) -> float:
    """Often at first, then about every tenth of the time already waited."""
    return max(FASTEST_POLL_SECONDS, min(age_seconds / 10, SLOWEST_POLL_SECONDS))


def _show(connection: Connection, generation_id: str, shown: dict[str, Any], started: bool = False) -> None:
    if started and rows.move(connection, Event.START, generation_id, shown["b_now"], shown["b_next"]):
        rows.record(connection, generation_id, "running", shown["b_now"])
    connection.execute(SHOW_PROGRESS, shown)


def _delivered(
    connection: Connection, generation_id: str, attempt: RowMapping, progress: Progress, now: datetime
) -> None:
    if not rows.move(connection, Event.DELIVER, generation_id, now, now):
        return
    units = progress.billable_units
    connection.execute(
        REMEMBER_RESULT,
        {
            "b_id": attempt["id"],
            "b_usage": {"files": [file.to_json() for file in progress.files], "reported": _reported(progress)},
            "b_resolved": dict(progress.resolved),
            "b_units": None if units is None else str(units),
        },
    )
    rows.record(connection, generation_id, "made", now, {"files": len(progress.files)})


def _reported(progress: Progress) -> dict[str, str]:
    return {name: str(Decimal(value)) for name, value in progress.reported.items()}


async def ask_cancel(desk: Desk, generation_id: str) -> bool:
    """The customer wants it stopped. The credits come back; what upstream bills anyway is ours. False when too late."""
    now = desk.clock()

    def run(connection: Connection) -> bool:
        asked = connection.execute(ASK_CANCEL, {"b_id": generation_id, "b_now": now}).rowcount == 1
        if asked:
            rows.record(connection, generation_id, "cancel_asked", now)
        return asked

    asked = await desk.write(run)
    if asked:
        desk.work.wake(generation_id)
    return asked


async def _cancel(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer, provider: Provider) -> None:
    """Ask the provider to stop, wait briefly to learn what it bills, then release."""
    await provider.cancel(reference(attempt))
    progress = await provider.status(reference(attempt))
    running = progress.state in (UpstreamState.QUEUED, UpstreamState.RUNNING)
    now = desk.clock()
    if running and now < generation["cancel_requested_at"] + CANCEL_PATIENCE:
        await desk.write(_show, generation["id"], _shown(generation, progress, now))
        return
    billed = running or progress.state is UpstreamState.DONE or progress.charged_anyway
    await give_back(
        desk,
        generation,
        attempt,
        offer,
        "canceled",
        "canceled",
        "Canceled. Nothing was charged.",
        cost_micros=attempt["expected_cost_micros"] if billed else None,
    )
