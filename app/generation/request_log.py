"""Requests beside the generations: those that were refused, and what was asked and answered where a key keeps it.

Writing them must cost a request nothing and a flood of them little: they are handed over in memory, written by one
thread twice a second, at most `MOST_WAITING` at a time; refusals of one key for one reason share a row once there are
`MOST_ALIKE` in a minute. Both kinds go by themselves after the days the settings say. Nothing else depends on them.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, insert, literal, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.generation.rows import GENERATION
from app.generation.tables import RefusedRequest, RequestPayload
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import NotFound

REFUSED = metadata.tables[str(RefusedRequest.__tablename__)]
PAYLOAD = metadata.tables[str(RequestPayload.__tablename__)]
EVERY_SECONDS: Final = 0.5
MOST_WAITING: Final = 2_000
MOST_ALIKE: Final = 20
LONGEST: Final = 300
FORGET_AT_ONCE: Final = 5_000  # rows a transaction

log = logging.getLogger(__name__)

#: A generation tells more about itself than a refusal does: one request is one line of the log.
_INSERT_REFUSED = insert(REFUSED).from_select(
    [column.name for column in REFUSED.columns],
    select(*(bindparam(f"b_{column.name}", type_=column.type) for column in REFUSED.columns)).where(
        ~exists(select(literal(1)).where(GENERATION.c.request_id == bindparam("b_id")))
    ),
)
_REPEAT = (
    update(REFUSED).where(REFUSED.c.id == bindparam("b_id")).values(repeats=REFUSED.c.repeats + bindparam("b_more"))
)
_INSERT_PAYLOAD = insert(PAYLOAD)


@dataclass(frozen=True, slots=True)
class Refused:
    """An API request that never became a generation."""

    id: str
    workspace_id: str
    api_key_id: str | None
    path: str
    model: str | None
    status: int
    code: str
    message: str
    took_ms: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Payload:
    """What was asked and answered, redacted (`redact.py`)."""

    id: str
    workspace_id: str
    api_key_id: str
    path: str
    status: int
    request: str
    response: str
    created_at: datetime


class RequestLog:
    """Share one per process; `note` from anywhere."""

    def __init__(self, db: Database, clock: Clock, *, refused_days: int = 30, payload_days: int = 7) -> None:
        self._db, self._clock = db, clock
        self._refused_for, self._payloads_for = timedelta(days=refused_days), timedelta(days=payload_days)
        self._lock = threading.Lock()
        self._refused: list[Refused] = []
        self._repeats: dict[str, int] = {}
        self._payloads: list[Payload] = []
        self._alike: dict[tuple[str | None, str | None, str], tuple[int, str]] = {}
        self._minute: datetime | None = None
        self._missed = 0
        self._wake, self._ended = threading.Event(), threading.Event()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def note_refused(self, refused: Refused) -> None:
        """Take it down; it is written within the second."""
        with self._lock:
            minute = refused.created_at.replace(second=0, microsecond=0)
            if minute != self._minute:
                self._minute, self._alike = minute, {}
            kind = (refused.api_key_id, refused.model, refused.code)
            count, last = self._alike.get(kind, (0, ""))
            if count >= MOST_ALIKE:
                self._repeats[last] = self._repeats.get(last, 0) + 1
            elif self._has_room():
                self._alike[kind] = (count + 1, refused.id)
                self._refused.append(refused)
        self._start()

    def note_payload(self, payload: Payload) -> None:
        """Take it down; it is written within the second."""
        with self._lock:
            if self._has_room():
                self._payloads.append(payload)
        self._start()

    def flush(self) -> None:
        """Write what waits, now."""
        with self._writing:
            with self._lock:
                refused, self._refused = self._refused, []
                repeats, self._repeats = self._repeats, {}
                payloads, self._payloads = self._payloads, []
                missed, self._missed = self._missed, 0
            if missed:
                log.warning("%d requests are missing in the log: too many were refused at once", missed)
            if refused or repeats or payloads:
                self._write(refused, repeats, payloads)

    def close(self) -> None:
        """Write what waits and stop."""
        self._ended.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()

    async def forget(self) -> None:
        """The chore: what is older than it is kept for goes."""
        await asyncio.to_thread(self._forget)

    def _has_room(self) -> bool:
        if len(self._refused) + len(self._payloads) < MOST_WAITING:
            return True
        self._missed += 1
        return False

    def _start(self) -> None:
        if self._thread is None and not self._ended.is_set():
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
                    self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.wait()
            self._ended.wait(EVERY_SECONDS)  # what comes meanwhile is written together
            self._wake.clear()
            try:
                self.flush()
            except SQLAlchemyError:
                log.exception("requests could not be written to the log")

    def _write(self, refused: Sequence[Refused], repeats: dict[str, int], payloads: Sequence[Payload]) -> None:
        with self._db.write() as connection:
            if refused:
                connection.execute(_INSERT_REFUSED, [_row(one) for one in refused])
            if repeats:
                connection.execute(_REPEAT, [{"b_id": key, "b_more": more} for key, more in repeats.items()])
            if payloads:
                connection.execute(_INSERT_PAYLOAD, [asdict(one) for one in payloads])

    def _forget(self) -> None:
        now = self._clock()
        for table, kept_for in ((REFUSED, self._refused_for), (PAYLOAD, self._payloads_for)):
            old = select(table.c.id).where(table.c.created_at < now - kept_for).limit(FORGET_AT_ONCE)
            gone = FORGET_AT_ONCE
            while gone == FORGET_AT_ONCE:
                with self._db.write() as connection:
                    gone = connection.execute(delete(table).where(table.c.id.in_(old))).rowcount

    # --- payloads

    def payload(self, workspace_id: str, request_id: str) -> Payload | None:
        """What was kept of a request of this workspace."""
        query = select(PAYLOAD).where(PAYLOAD.c.id == request_id, PAYLOAD.c.workspace_id == workspace_id)
        with self._db.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Payload(**row)

    def delete_payload(self, workspace_id: str, request_id: str) -> None:
        """Delete what was kept; `NotFound` where there is nothing."""
        self.flush()
        mine = (PAYLOAD.c.id == request_id) & (PAYLOAD.c.workspace_id == workspace_id)
        with self._db.write() as connection:
            if not connection.execute(delete(PAYLOAD).where(mine)).rowcount:
                raise NotFound(f"Nothing is kept of {request_id}.", code="payload_not_found")


def _row(refused: Refused) -> dict[str, Any]:
    told = asdict(refused) | {"message": refused.message[:LONGEST], "repeats": 1}
    return {f"b_{name}": value for name, value in told.items()}
