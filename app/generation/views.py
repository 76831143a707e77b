"""Generations as people and programs look at them: one with its outputs and trace, or a page of many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, or_, select

from app.accounts.tables import Workspace
from app.catalogue.tables import Model
from app.files.tables import StoredFile
from app.generation import rows
from app.generation.lifecycle import State
from app.kernel.db import metadata
from app.kernel.errors import NotFound
from app.kernel.ids import is_id

FILE = metadata.tables[str(StoredFile.__tablename__)]
MODEL = metadata.tables[str(Model.__tablename__)]
WORKSPACE = metadata.tables[str(Workspace.__tablename__)]
PAGE = 50
MAX_PAGE = 200
#: The parameters that hold what a request is about.
TEXTS = ("prompt", "text", "input")

#: The words customers see for our states.
STATUS = {
    State.HELD: "queued",
    State.SUBMITTING: "queued",
    State.CALLING: "running",
    State.QUEUED: "queued",
    State.RUNNING: "running",
    State.STORING: "running",
    State.UNKNOWN: "unknown",
    State.SETTLED: "completed",
    State.RELEASED: "failed",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A generation with what belongs to it. `attempt` is the last one; `cost_micros` is for operators only."""

    row: RowMapping
    alias: str
    title: str
    workspace_name: str
    attempt: RowMapping | None
    files: tuple[RowMapping, ...]

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def status(self) -> str:
        """queued, running, unknown, completed, failed or canceled."""
        if self.row["error_code"] == "canceled":
            return "canceled"
        if self.row["state"] == State.SETTLED and self.row["error_code"] is not None:
            return "failed"
        return STATUS[State(self.row["state"])]

    @property
    def kept_files(self) -> tuple[RowMapping, ...]:
        """Those whose content is still here; the others have an `expired_at`."""
        return tuple(file for file in self.files if file["expired_at"] is None)

    @property
    def finished(self) -> bool:
        return self.row["finished_at"] is not None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which generations: everything given must hold. `before` is the id the page starts after (newest first)."""

    workspace_id: str | None = None
    model: str | None = None
    status: str | None = None
    modality: str | None = None
    api_key_id: str | None = None
    origin: str | None = None
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    with_files: bool = False
    open_only: bool = False
    before: str | None = None
    oldest_first: bool = False  # `before` is then still the id the page starts after
    without_deleted: bool = False
    limit: int = PAGE


def find(connection: Connection, generation_id: str, workspace_id: str | None = None) -> Seen:
    """One generation; with a workspace given, only one of its own. Raises NotFound either way alike."""
    statement = _listing().where(rows.GENERATION.c.id == generation_id)
    if workspace_id is not None:
        statement = statement.where(rows.GENERATION.c.workspace_id == workspace_id)
    found = _complete(connection, statement) if is_id(generation_id, "gen") else []
    if not found:
        raise NotFound(f"There is no generation {generation_id}.", code="generation_not_found")
    return found[0]


def page(connection: Connection, wanted: Filter) -> list[Seen]:
    """Newest first unless it says otherwise, at most `wanted.limit`."""
    ids = rows.GENERATION.c.id
    statement = _listing().where(*_conditions(wanted)).order_by(ids if wanted.oldest_first else ids.desc())
    return _complete(connection, statement.limit(min(wanted.limit, MAX_PAGE)))


def trace(connection: Connection, generation_id: str, *, operator: bool) -> list[RowMapping]:
    """What happened, oldest first; a customer does not see the operator's lines."""
    table = rows.EVENT
    statement = select(table).where(table.c.generation_id == generation_id).order_by(table.c.id)
    if not operator:
        statement = statement.where(table.c.operator_only.is_(False))
    return list(connection.execute(statement).mappings())


def find_any(connection: Connection, text: str, workspace_id: str | None = None) -> str | None:
    """The generation that any of its ids leads to: its own, the request's, an attempt's, upstream's or a file's."""
    table, attempt = rows.GENERATION, rows.ATTEMPT
    by_attempt = select(attempt.c.generation_id).where(or_(attempt.c.id == text, attempt.c.upstream_id == text))
    by_file = select(FILE.c.generation_id).where(FILE.c.id == text)
    statement = select(table.c.id).where(
        or_(table.c.id == text, table.c.request_id == text, table.c.id.in_(by_attempt), table.c.id.in_(by_file))
    )
    if workspace_id is not None:
        statement = statement.where(table.c.workspace_id == workspace_id)
    return connection.execute(statement.limit(1)).scalar()


def _listing() -> Select[Any]:
    generation = rows.GENERATION
    return (
        select(generation, MODEL.c.alias, MODEL.c.title, WORKSPACE.c.name.label("workspace_name"))
        .join(MODEL, MODEL.c.id == generation.c.model_id)
        .join(WORKSPACE, WORKSPACE.c.id == generation.c.workspace_id)
    )


def _conditions(wanted: Filter) -> list[Any]:
    table = rows.GENERATION
    exact: Mapping[str, Any] = {
        "workspace_id": wanted.workspace_id,
        "modality": wanted.modality,
        "api_key_id": wanted.api_key_id,
        "origin": wanted.origin,
    }
    found: list[Any] = [table.c[name] == value for name, value in exact.items() if value]
    if wanted.model:
        found.append(MODEL.c.alias == wanted.model)
    if wanted.status:
        found.append(_with_status(wanted.status))
    if wanted.since:
        found.append(table.c.created_at >= wanted.since)
    if wanted.until:
        found.append(table.c.created_at < wanted.until)
    if wanted.before:
        found.append(table.c.id > wanted.before if wanted.oldest_first else table.c.id < wanted.before)
    if wanted.without_deleted:
        found.append(table.c.deleted_at.is_(None))
    if wanted.open_only:
        found.append(table.c.finished_at.is_(None))
    if wanted.with_files:
        seen = table.c.modality.not_in(("text", "embedding"))
        found.append(and_(table.c.state == State.SETTLED, table.c.error_code.is_(None), seen))
    if wanted.search:
        asked = [table.c.params[name].as_string() for name in TEXTS]
        found.append(or_(*(text.icontains(wanted.search, autoescape=True) for text in asked)))
    return found


def _with_status(status: str) -> Any:
    table = rows.GENERATION
    states = [str(state) for state, word in STATUS.items() if word == status]
    if status == "canceled":
        return table.c.error_code == "canceled"
    if status == "failed":
        return and_(table.c.finished_at.is_not(None), table.c.error_code.is_not(None), table.c.error_code != "canceled")
    if status == "completed":
        return and_(table.c.state.in_(states), table.c.error_code.is_(None))
    return table.c.state.in_(states)


def _complete(connection: Connection, statement: Select[Any]) -> list[Seen]:
    found = list(connection.execute(statement).mappings())
    ids = [row["id"] for row in found]
    attempts = _last_by(connection, rows.ATTEMPT, rows.ATTEMPT.c.number, ids)
    files = _all_by(connection, ids)
    return [
        Seen(
            row=row,
            alias=row["alias"],
            title=row["title"],
            workspace_name=row["workspace_name"],
            attempt=attempts.get(row["id"]),
            files=tuple(files.get(row["id"], ())),
        )
        for row in found
    ]


def _last_by(connection: Connection, table: Any, order: Any, ids: Sequence[str]) -> dict[str, RowMapping]:
    statement = select(table).where(table.c.generation_id.in_(ids)).order_by(order)
    return {row["generation_id"]: row for row in connection.execute(statement).mappings()} if ids else {}


def _all_by(connection: Connection, ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    grouped: dict[str, list[RowMapping]] = {}
    if ids:
        statement = select(FILE).where(FILE.c.generation_id.in_(ids)).order_by(FILE.c.position)
        for row in connection.execute(statement).mappings():
            grouped.setdefault(row["generation_id"], []).append(row)
    return grouped
