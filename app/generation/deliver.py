"""Fetch what was made, keep it, measure it, and go on to settle. Files are kept before the customer is charged."""

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping

from app.catalogue.offers import Offer
from app.files.store import Unreadable
from app.generation import rows
from app.generation.desk import Desk
from app.generation.follow import SHOW_PROGRESS
from app.generation.measure import Arrived, Delivered
from app.generation.settle import settle
from app.kernel import faults
from app.kernel.errors import ProviderBusy, ProviderRefused
from app.pricing.expect import expected_usage
from app.providers.port import Provider, RemoteFile

FILE_LIMIT_BYTES = 512 * 1024 * 1024
GIVE_UP_AFTER = timedelta(minutes=30)  # providers keep results for an hour at most
RETRY_SECONDS = 15.0
log = logging.getLogger(__name__)


async def deliver(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer) -> None:
    """Store every file of the result; settle once each is either kept or proven lost."""
    provider = await desk.providers.get(attempt["provider_id"])
    files = [RemoteFile(**file) for file in attempt["usage"]["files"]]
    patient = desk.clock() < generation["updated_at"] + GIVE_UP_AFTER
    arrived = [await _fetch(desk, provider, generation, position, file, patient) for position, file in enumerate(files)]
    if any(item is None for item in arrived):
        await _later(desk, generation)
        return
    faults.point("settle.after_files")
    units = attempt["billable_units"]
    delivered = Delivered(
        outputs=tuple(item for item in arrived if item is not None),
        expected_count=len(expected_usage(offer.schema, generation["params"]).outputs),
        units=next(r for r in offer.routes if r.route_id == attempt["route_id"]).settings.get("billable_units"),
        billable_units=None if units is None else Decimal(units),
        reported={name: Decimal(value) for name, value in attempt["usage"]["reported"].items()},
    )
    await settle(desk, generation, attempt, offer, delivered)
    faults.point("settle.after_commit")


async def _fetch(
    desk: Desk, provider: Provider, generation: RowMapping, position: int, file: RemoteFile, patient: bool
) -> Arrived | None:
    """One file, kept. None means: not yet, try again; an Arrived without file id means: it will never come."""
    lost = Arrived(None, file.width, file.height)
    try:
        download = await provider.download(file, FILE_LIMIT_BYTES)
    except ProviderBusy as busy:
        return None if patient else await _lost(desk, generation, position, busy.message, lost)
    except ProviderRefused as refused:
        return await _lost(desk, generation, position, refused.message, lost)
    try:
        kept = await desk.files.keep(
            download.path,
            workspace_id=generation["workspace_id"],
            generation_id=generation["id"],
            position=position,
        )
    except OSError as full:
        log.error("an output of %s cannot be kept, it is tried again: %s", generation["id"], full)
        return None if patient else await _lost(desk, generation, position, "our storage refused it", lost)
    except Unreadable as unreadable:
        return await _lost(desk, generation, position, unreadable.message, lost)
    seconds = None if kept.duration_micros is None else Decimal(kept.duration_micros).scaleb(-6)
    return Arrived(kept.id, kept.width, kept.height, seconds)


async def _lost(desk: Desk, generation: RowMapping, position: int, why: str, lost: Arrived) -> Arrived:
    now = desk.clock()
    detail = {"position": position + 1, "why": why}
    await desk.write(rows.record, generation["id"], "file_lost", now, detail)
    return lost


async def _later(desk: Desk, generation: RowMapping) -> None:
    now = desk.clock()
    shown: dict[str, Any] = {
        "b_id": generation["id"],
        "b_percent": generation["percent"],
        "b_position": None,
        "b_next": now + timedelta(seconds=RETRY_SECONDS),
        "b_now": generation["updated_at"],  # patience is counted from the moment the result was ready
    }

    def run(connection: Connection) -> None:
        connection.execute(SHOW_PROGRESS, shown)

    await desk.write(run)
