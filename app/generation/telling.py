"""The events of a generation, as rows that travel with its hold and with its end.

    await desk.listeners.fresh()                    before the operation
    *started(desk, …)                               among the companions of the hold
    *ended(desk, generation, events.…, now)         among the companions of settle or release

Nothing is written where nobody listens and the request brought no address of its own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from app.generation.desk import Desk
from app.kernel import events
from app.kernel.money import Money
from app.ledger.companion import Companion


def started(desk: Desk, generation: Mapping[str, Any], alias: str, estimate: Money, now: datetime) -> list[Companion]:
    """`generation` is the row about to be written. It says all there is to say, so nothing is looked up later."""
    if not desk.listeners.has(generation["workspace_id"]):
        return []
    data = {
        "object": "generation",
        "id": generation["id"],
        "request_id": generation["request_id"],
        "model": alias,
        "modality": generation["modality"],
        "status": "queued",
        "created_at": now,
        "credits_estimated": estimate,
        "credits_held": Money(int(generation["hold_micros"])),
    }
    key = f"{events.GENERATION_STARTED}:{generation['id']}"
    row = events.row(generation["workspace_id"], events.GENERATION_STARTED, data, key=key, now=now)
    return [Companion(events.INSERT, row)]


def ended(desk: Desk, generation: RowMapping | Mapping[str, Any], type_: str, now: datetime) -> list[Companion]:
    """`type_` is completed, failed or canceled. What is told is read when it is sent: it does not change any more."""
    url = generation["webhook_url"]
    if url is None and not desk.listeners.has(generation["workspace_id"]):
        return []
    data = {"object": "generation", "id": generation["id"]}
    key = f"generation.ended:{generation['id']}"
    return [Companion(events.INSERT, events.row(generation["workspace_id"], type_, data, key=key, url=url, now=now))]


def type_of_failure(code: str) -> str:
    """The event for a generation that ended without a result."""
    return events.GENERATION_CANCELED if code == "canceled" else events.GENERATION_FAILED
