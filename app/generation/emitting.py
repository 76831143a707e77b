"""Our own generations as usage events, one each: `{generation}_final`.

The statement that settles a generation promises its event (`guards.py`). `emit` keeps the promise: the event and the
end of the promise are one transaction, and the id makes a second try harmless. What is said is made from rows that do
not change any more, so it is the same whenever it is said.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select

from app.catalogue.operations import operation_of
from app.catalogue.tables import Model
from app.files.tables import StoredFile
from app.generation import rows
from app.generation.tables import UsageDue
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.money import USD, Money, plain
from app.metering.apart import LEDGER, SETTLED_BY
from app.metering.events import Event, read_event
from app.metering.ingest import Ingest
from app.plans.tables import DELETED, customer

DUE = metadata.tables[str(UsageDue.__tablename__)]
MODEL = metadata.tables[str(Model.__tablename__)]
FILE = metadata.tables[str(StoredFile.__tablename__)]

BATCH: Final = 500
SOURCE: Final = "farebox"
#: Event names by modality, as the documented bodies spell them.
NAMES: Final = {
    "image": "image_generated",
    "video": "video_generated",
    "world": "world_generated",
    "audio": "audio_generated",
    "text": "text_generated",
    "embedding": "embedding_generated",
}
#: Parameters that prices tell apart. Anything else of a request is its own business, and may be private.
DIMENSIONS: Final = (
    "quality", "resolution", "size", "image_size", "aspect_ratio", "mode", "generate_audio", "fps", "style",
    "input_type", "input_mode",
)  # fmt: skip
TOKENS: Final = ("input_tokens", "cached_input_tokens", "output_tokens", "tokens", "video_tokens")
LONGEST_DIMENSION: Final = 64

_DONE = delete(DUE).where(DUE.c.generation_id == bindparam("b_id"))
_GENERATION = rows.GENERATION.c


@dataclass(frozen=True, slots=True)
class Emitting:
    """The chore that tells the usage of our own generations."""

    db: Database
    ingest: Ingest
    clock: Clock

    async def run(self) -> int:
        """Tell everything that is due; answers how many."""
        return await asyncio.to_thread(self.emit)

    def emit(self) -> int:
        """The same, in this thread."""
        told = 0
        while batch := self._due():
            ids = [{"b_id": event.generation_id} for event in batch]
            self.ingest.accept(batch, also=lambda connection, done=ids: connection.execute(_DONE, done))  # type: ignore[misc]
            faults.point("metering.after_emit")
            told += len(batch)
        return told

    def _due(self) -> list[Event]:
        with self.db.read() as connection:
            ids = list(connection.execute(select(DUE.c.generation_id).limit(BATCH)).scalars())
            return list(events_of(connection, ids, self.clock())) if ids else []


def event_id(generation_id: str) -> str:
    return f"{generation_id}_final"


def events_of(connection: Connection, generation_ids: Sequence[str], now: datetime) -> Iterable[Event]:
    """The events of settled generations, in the order of the ids given."""
    found = {row["id"]: row for row in connection.execute(_settled(generation_ids)).mappings()}
    files: dict[str, list[RowMapping]] = {}
    for file in connection.execute(
        select(FILE.c.generation_id, FILE.c.kind, FILE.c.width, FILE.c.height, FILE.c.duration_micros).where(
            FILE.c.generation_id.in_(generation_ids)
        )
    ).mappings():
        files.setdefault(str(file["generation_id"]), []).append(file)
    for generation_id in generation_ids:
        row = found[generation_id]
        yield _event(row, files.get(generation_id, ()), now)


def _settled(generation_ids: Sequence[str]) -> Any:
    """A customer's usage is kept under the name their integrator gave them, which never changes."""
    attempt = rows.ATTEMPT
    last = (
        select(func.max(attempt.c.number)).where(attempt.c.generation_id == _GENERATION.id).correlate(rows.GENERATION)
    ).scalar_subquery()
    return (
        select(
            rows.GENERATION,
            MODEL.c.alias,
            MODEL.c.operation,
            attempt.c.provider_id,
            attempt.c.upstream_model,
            attempt.c.usage,
            attempt.c.resolved,
            func.coalesce(customer.c.external_id, _GENERATION.workspace_id).label("customer"),
        )
        .join(MODEL, MODEL.c.id == _GENERATION.model_id)
        .outerjoin(attempt, (attempt.c.generation_id == _GENERATION.id) & (attempt.c.number == last))
        .outerjoin(customer, (customer.c.workspace_id == _GENERATION.workspace_id) & (customer.c.status != DELETED))
        .where(_GENERATION.id.in_(generation_ids))
    )


def _event(row: RowMapping, files: Sequence[RowMapping], now: datetime) -> Event:
    given = {
        "event_id": event_id(row["id"]),
        "event_name": NAMES.get(row["modality"], "generated"),
        "external_customer_id": row["customer"],
        "timestamp": row["finished_at"].isoformat(),
        "source": SOURCE,
        "properties": properties_of(dict(row), [dict(file) for file in files]),
    }
    return read_event(given, now, "", generation_id=row["id"])


def properties_of(row: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What an event says of a settled generation; figures are decimal text, so that none is rounded on the way."""
    said: dict[str, Any] = {
        **said_of(row),
        "provider": row["provider_id"],
        "upstream_model": row["upstream_model"],
        "status": "failed" if row["error_code"] and row["modality"] not in ("text", "embedding") else "delivered",
        **_outputs(row, files),
        **_tokens(row),
        "credits": plain(Money(int(row["charged_micros"] or 0)).amount),
    }
    if row["cost_micros"] is not None:
        said["cost_usd"] = plain(Money(int(row["cost_micros"]), USD).amount)
    return {name: value for name, value in said.items() if value is not None}


def said_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a generation before it is made."""
    return {
        "model": row["alias"],
        "operation": operation_of(row["modality"], row["operation"]),
        "modality": row["modality"],
        "origin": row["origin"],
        SETTLED_BY: LEDGER,
        **_dimensions(row),
    }


def _dimensions(row: Mapping[str, Any]) -> dict[str, Any]:
    given = {**(row["params"] or {}), **(row.get("resolved") or {})}
    found = {name: given[name] for name in DIMENSIONS if _is_dimension(given.get(name))}
    if "size" not in found and "image_size" in found:
        found["size"] = found["image_size"]
    return found


def _is_dimension(value: Any) -> bool:
    return isinstance(value, bool | int) or (isinstance(value, str) and 0 < len(value) <= LONGEST_DIMENSION)


def _outputs(row: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    modality = row["modality"]
    if row["error_code"] == "nothing_delivered" or (not files and modality in ("image", "video", "world", "audio")):
        return {"output_count": 0}
    said: dict[str, Any] = {"output_count": len(files) or 1}
    if modality in ("image", "video", "world"):
        said[f"{modality}_count"] = len(files)
    if modality in ("video", "audio"):
        reported = _reported(row).get("seconds")
        known = [file["duration_micros"] for file in files if file["duration_micros"] is not None]
        if len(files) == 1 and reported is not None:
            said[f"{modality}_seconds"] = reported
        elif known:
            said[f"{modality}_seconds"] = plain(Decimal(sum(known)).scaleb(-6))
    return said


def _tokens(row: Mapping[str, Any]) -> dict[str, str]:
    """As the provider told them; what it did not tell, as it was charged."""
    reported = dict(_reported(row))
    for ours in ("input_tokens", "output_tokens"):
        images = reported.get(f"image_{ours}")
        if images is not None:
            reported[ours] = plain(Decimal(reported.get(ours, "0")) + Decimal(images))
    charged = {line["metric"]: line["quantity"] for line in (row["final"] or {}).get("lines", ())}
    return {name: text for name in TOKENS if (text := reported.get(name, charged.get(name))) is not None}


def _reported(row: Mapping[str, Any]) -> Mapping[str, str]:
    reported: Mapping[str, str] = (row["usage"] or {}).get("reported") or {}
    return reported
