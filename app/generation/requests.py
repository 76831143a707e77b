"""A workspace's requests as its log tells of them: generations, and what was refused before it became one.

Both kinds carry ids that sort by time, so a page is the newest of two sorted lists and the next page begins after the
last id shown, whichever kind it is of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, select

from app.accounts.tables import ApiKey
from app.generation import rows, views
from app.generation.request_log import REFUSED
from app.generation.views import Filter, Seen
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.ids import earliest_id, is_id
from app.kernel.money import Money
from app.kernel.sheet import csv_row

KEY = metadata.tables[str(ApiKey.__tablename__)]
REJECTED: Final = "rejected"
PAGE, MAX_PAGE = 50, 200
#: How far the clock that made an id may be from the one that dated its row.
SLACK: Final = timedelta(days=1)
CSV_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One request: a generation, or a refusal's row."""

    seen: Seen | None
    refused: RowMapping | None

    @property
    def id(self) -> str:
        """What names it in the log: a generation's id, a refused request's own."""
        return self.seen.id if self.seen is not None else str(self._refusal["id"])

    @property
    def row(self) -> RowMapping:
        return self.seen.row if self.seen is not None else self._refusal

    @property
    def request_id(self) -> str:
        return str(self.row["request_id"]) if self.seen is not None else self.id

    @property
    def status(self) -> str:
        """queued, running, unknown, completed, failed, canceled or rejected."""
        return self.seen.status if self.seen is not None else REJECTED

    @property
    def model(self) -> str | None:
        return self.seen.alias if self.seen is not None else self._refusal["model"]

    @property
    def error(self) -> tuple[str, str] | None:
        """Code and sentence, where there is no result."""
        if self.seen is None:
            return str(self._refusal["code"]), str(self._refusal["message"])
        code, message = self.row["error_code"], self.row["error_message"]
        return (code, message or "It failed.") if code else None

    @property
    def took_ms(self) -> int | None:
        """From being asked to the end; None while it goes on."""
        if self.seen is None:
            return int(self._refusal["took_ms"])
        ended = self.row["finished_at"]
        return None if ended is None else int((ended - self.row["created_at"]).total_seconds() * 1000)

    @property
    def _refusal(self) -> RowMapping:
        if self.refused is None:
            raise ValueError("a line is a generation or a refusal")
        return self.refused


def page(connection: Connection, wanted: Filter) -> list[Line]:
    """Newest first, at most `wanted.limit`. A `before` is the id of either kind."""
    after = None if wanted.before is None else wanted.before.partition("_")[2]
    if wanted.until is not None:  # ids sort by time: nothing newer is walked over to find what is old
        oldest = earliest_id("req", wanted.until + SLACK).partition("_")[2]
        after = oldest if after is None else min(after, oldest)
    generations: list[Line] = []
    if wanted.status != REJECTED:
        before = None if after is None else f"gen_{after}"
        generations = [Line(seen, None) for seen in views.page(connection, replace(wanted, before=before))]
    refusals = [Line(None, row) for row in _refused(connection, wanted, after)]
    return list(merge(generations, refusals, key=_time, reverse=True))[: wanted.limit]


def find(connection: Connection, workspace_id: str | None, any_id: str) -> Line:
    """The request of that id, a generation's or its own, within the workspace (None: anybody's). Raises NotFound."""
    if is_id(any_id, "gen"):
        return Line(views.find(connection, any_id, workspace_id), None)
    if is_id(any_id, "req"):
        table = rows.GENERATION
        query = select(table.c.id).where(table.c.request_id == any_id, *_within(table, workspace_id))
        generation_id = connection.execute(query.order_by(table.c.id).limit(1)).scalar()
        if generation_id is not None:
            return Line(views.find(connection, generation_id, workspace_id), None)
        refusal = select(REFUSED).where(REFUSED.c.id == any_id, *_within(REFUSED, workspace_id))
        row = connection.execute(refusal).mappings().first()
        if row is not None:
            return Line(None, row)
    raise NotFound(f"There is no request {any_id}.", code="request_not_found")


def _within(table: Table, workspace_id: str | None) -> list[ColumnElement[bool]]:
    return [] if workspace_id is None else [table.c.workspace_id == workspace_id]


def _refused(connection: Connection, wanted: Filter, after: str | None) -> list[RowMapping]:
    """Those that fit the filter; one that asks for what only a generation has finds none."""
    only_generations = wanted.search or wanted.modality or wanted.with_files or wanted.open_only or wanted.origin
    if only_generations or (wanted.status is not None and wanted.status != REJECTED):
        return []
    exact = {"workspace_id": wanted.workspace_id, "model": wanted.model, "api_key_id": wanted.api_key_id}
    conditions = [REFUSED.c[name] == value for name, value in exact.items() if value]
    if wanted.since:
        conditions.append(REFUSED.c.created_at >= wanted.since)
    if wanted.until:
        conditions.append(REFUSED.c.created_at < wanted.until)
    if after:
        conditions.append(REFUSED.c.id < f"req_{after}")
    query = select(REFUSED).where(*conditions).order_by(REFUSED.c.id.desc())
    return list(connection.execute(query.limit(min(wanted.limit, MAX_PAGE))).mappings())


def _time(line: Line) -> str:
    return line.id.partition("_")[2]


def moment_of(text: str, param: str) -> datetime:
    """A moment as programs write it: ISO 8601, or Unix seconds. `InvalidInput` naming `param`."""
    try:
        if text.isascii() and text.isdigit() and len(text) <= 11:
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{param} is a moment such as 2026-11-21T14:00:00Z.", param=param) from None


# --- the log as a file

COLUMNS: Final = (
    "time", "request_id", "generation_id", "status", "model", "key", "credits", "credits_estimated", "duration_ms",
    "error_code", "error_message",
)  # fmt: skip


def csv_text(db: Database, wanted: Filter) -> Iterator[str]:
    """Every request that fits, newest first, written as it is read: a page a transaction, whatever their number."""
    yield csv_row(COLUMNS)
    names: Mapping[str, str] | None = None
    wanted = replace(wanted, limit=MAX_PAGE)
    while True:
        with db.read() as connection:
            if names is None:
                names = _key_names(connection, wanted.workspace_id)
            found = page(connection, wanted)
        if found:
            yield "".join(_csv_line(line, names) for line in found)
        if len(found) < wanted.limit:
            return
        wanted = replace(wanted, before=found[-1].id)


def _csv_line(line: Line, names: Mapping[str, str]) -> str:
    row, code = line.row, line.error
    charged = row["charged_micros"] if line.seen is not None else 0
    estimated = Money(int(row["estimate"]["total_micros"])).amount.normalize() if line.seen is not None else None
    key_id = row["api_key_id"]
    return csv_row(
        (
            _iso(row["created_at"]),
            line.request_id,
            line.id if line.seen is not None else None,
            line.status,
            line.model,
            names.get(key_id, key_id) if key_id else "playground",
            None if charged is None else Money(int(charged)).amount.normalize(),
            estimated,
            line.took_ms,
            code[0] if code else None,
            code[1] if code else None,
        )
    )


def _key_names(connection: Connection, workspace_id: str | None) -> dict[str, str]:
    found: Any = select(KEY.c.id, KEY.c.name).where(KEY.c.workspace_id == workspace_id)
    return {row[0]: row[1] for row in connection.execute(found)}


def _iso(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
