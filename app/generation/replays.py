"""A call that is asked for again with the same key: the stored answer, or why there is none."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.generation import rows, views
from app.generation.desk import Desk
from app.generation.start import Ask, stored_key
from app.generation.views import Seen
from app.kernel.errors import Conflict


@dataclass(frozen=True, slots=True)
class Replayed:
    """The first answer, as it was given."""

    seen: Seen
    body: dict[str, Any]


async def replay(desk: Desk, ask: Ask) -> Replayed | None:
    """The answer this key was given, None when it is new.

    Raises IdempotencyConflict for another request; `Conflict` "idempotency_in_progress" while the first one runs,
    "idempotency_failed" when it failed, "idempotency_not_kept" when its answer was a stream, or too long.
    """
    generation_id = await stored_key(desk, ask)
    if generation_id is None:
        return None
    seen, kept = await desk.read(_kept, generation_id)
    if not seen.finished:
        raise Conflict(
            "The first request with this idempotency key is still running. It was bought once; ask again later.",
            code="idempotency_in_progress",
            generation_id=generation_id,
        )
    if kept is None and seen.row["charged_micros"]:
        raise Conflict(
            "The first request with this idempotency key was answered and charged once; its answer was a stream or too "
            f"long to be kept. Ask GET /v1/generations/{generation_id} about it, or use a new key to buy another.",
            code="idempotency_not_kept",
            generation_id=generation_id,
        )
    if kept is None:
        why = seen.row["error_message"] or "It failed. Nothing was charged."
        raise Conflict(
            f"The first request with this idempotency key failed: {why} Use a new key to try again.",
            code="idempotency_failed",
            generation_id=generation_id,
        )
    return Replayed(seen, kept)


def _kept(connection: Connection, generation_id: str) -> tuple[Seen, dict[str, Any] | None]:
    used = rows.attempts(connection, generation_id)[-1]["usage"]
    return views.find(connection, generation_id), (used or {}).get("answer")
