"""Usage that no event tells yet: of generations under way, as if all that was asked for were delivered, and of those
that are settled and whose event is still to be written. Whoever counts up to a limit counts it as well."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from app.generation import rows
from app.generation.emitting import DUE, MODEL, NAMES, events_of, said_of
from app.kernel.money import plain
from app.pricing.usage import Usage

#: Under this name an estimate keeps what a quota counts of it.
EXPECTED: Final = "expected"
_GENERATION = rows.GENERATION


def expected_of(usage: Usage) -> dict[str, Any]:
    """What a request will probably come to, as its estimate keeps it."""
    known = [output.seconds for output in usage.outputs if output.seconds is not None]
    seconds = {"seconds": plain(sum(known, Decimal(0)))} if known else {}
    return {EXPECTED: {"outputs": len(usage.outputs), **seconds}}


def untold(connection: Connection, workspace_id: str, now: datetime) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and properties of each."""
    mine = _GENERATION.c.workspace_id == workspace_id
    due = select(DUE.c.generation_id).join(_GENERATION, _GENERATION.c.id == DUE.c.generation_id).where(mine)
    if ids := list(connection.execute(due).scalars()):
        for event in events_of(connection, ids, now):
            yield event.name, orjson.loads(event.properties)
    running = (
        select(_GENERATION, MODEL.c.alias, MODEL.c.operation)
        .join(MODEL, MODEL.c.id == _GENERATION.c.model_id)
        .where(mine, _GENERATION.c.finished_at.is_(None))
    )
    for row in connection.execute(running).mappings():
        yield NAMES.get(row["modality"], "generated"), _asked_for(dict(row))


def _asked_for(row: Mapping[str, Any]) -> dict[str, Any]:
    expected, modality = (row["estimate"] or {}).get(EXPECTED) or {}, row["modality"]
    outputs = expected.get("outputs", 1)
    found = said_of(row) | {"status": "delivered", "output_count": outputs}
    if modality in ("image", "video", "world"):
        found[f"{modality}_count"] = outputs
    if "seconds" in expected:
        found[f"{modality}_seconds"] = expected["seconds"]
    return found
