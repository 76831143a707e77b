"""What a key or a workspace may use: requests and tokens a minute, jobs at a time, credits a day and a month, and which
models. A key's are its owners' to choose, a workspace's the operator's. Nothing chosen is no limit.

They are asked for with every request, so they are remembered for two seconds: an edit here is in force at once, one
made by another process within that time.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select
from sqlmodel import Session

from app.accounts.audit import record
from app.accounts.cache import ShortCache
from app.accounts.tables import AllowanceRow, ApiKey, Workspace
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.money import MICRO, Money, plain

REMEMBERED_FOR = timedelta(seconds=2)
MOST_COUNT: Final = 1_000_000_000
MOST_MICROS: Final = 10**12 * MICRO
MOST_MODELS: Final = 500
ALERT_PERCENTS: Final = (50, 80)
ALLOWANCE = metadata.tables[str(AllowanceRow.__tablename__)]


@dataclass(frozen=True, slots=True)
class Allowance:
    """None is no limit. Amounts in micro-credits; days and months are UTC's. `allowed_models` are ids.

    `alert_percent` of a budget is where its owners get a mail; they get another when it is used up.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_jobs: int | None = None
    credits_per_day_micros: int | None = None
    credits_per_month_micros: int | None = None
    allowed_models: frozenset[str] | None = None
    alert_percent: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing is limited."""
        return self == _OPEN or replace(self, alert_percent=None) == _OPEN

    def allows(self, model_id: str) -> bool:
        return self.allowed_models is None or model_id in self.allowed_models


_OPEN = Allowance()
COLUMNS = tuple(field.name for field in fields(Allowance))


@dataclass(frozen=True, slots=True)
class Allowances:
    """Those of one request: its key's (nothing where a person pressed Run) and its workspace's."""

    key: Allowance = _OPEN
    workspace: Allowance = _OPEN


class AllowanceBook:
    """Share one per process; any thread may ask."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._cache: ShortCache[Allowance] = ShortCache(clock, REMEMBERED_FOR)

    def peek(self, workspace_id: str, key_id: str | None) -> Allowances | None:
        """What is remembered; None says nothing about it. Never touches the database."""
        workspace = self._cache.get(workspace_id)
        key = _OPEN if key_id is None else self._cache.get(key_id)
        return None if workspace is None or key is None else Allowances(key, workspace)

    def of(self, workspace_id: str, key_id: str | None = None) -> Allowances:
        """In force now."""
        known = self.peek(workspace_id, key_id)
        if known is not None:
            return known
        with self._db.read() as connection:
            return self.read(connection, workspace_id, key_id)

    def read(self, connection: Connection, workspace_id: str, key_id: str | None = None) -> Allowances:
        """The same in a transaction of the caller's."""
        epoch = self._cache.epoch
        subjects = [workspace_id] if key_id is None else [workspace_id, key_id]
        rows = connection.execute(select(ALLOWANCE).where(ALLOWANCE.c.subject.in_(subjects))).mappings()
        found = {row["subject"]: _allowance(row) for row in rows}
        for subject in subjects:
            self._cache.put(subject, found.get(subject, _OPEN), epoch)
        return Allowances(found.get(key_id or "", _OPEN), found.get(workspace_id, _OPEN))

    def of_keys(self, workspace_id: str) -> dict[str, Allowance]:
        """Of every key of the workspace that has one, by the key's id."""
        query = select(ALLOWANCE).where(ALLOWANCE.c.workspace_id == workspace_id, ALLOWANCE.c.subject != workspace_id)
        with self._db.read() as connection:
            return {row["subject"]: _allowance(row) for row in connection.execute(query).mappings()}

    def set_for_key(self, workspace_id: str, key_id: str, allowance: Allowance, *, actor: str) -> None:
        """Limit a key; `NotFound` when it is not this workspace's, `InvalidInput` naming the field."""
        checked(allowance)
        with self._db.writing() as session:
            key = session.get(ApiKey, key_id)
            if key is None or key.workspace_id != workspace_id:
                raise NotFound(f"There is no key {key_id}.", code="key_not_found")
            self._save(session, key_id, workspace_id, allowance, "key.limited", actor)
        self._cache.clear()

    def set_for_workspace(self, workspace_id: str, allowance: Allowance, *, actor: str) -> None:
        """Limit a workspace as a whole: the operator's. `NotFound`, `InvalidInput` as above."""
        checked(allowance)
        with self._db.writing() as session:
            if session.get(Workspace, workspace_id) is None:
                raise NotFound(f"There is no workspace {workspace_id}.", code="workspace_not_found")
            self._save(session, workspace_id, workspace_id, allowance, "workspace.limited", actor)
        self._cache.clear()

    def _save(
        self, session: Session, subject: str, workspace_id: str, allowance: Allowance, action: str, actor: str
    ) -> None:
        row = session.get(AllowanceRow, subject)
        before = _OPEN if row is None else _allowance(row.model_dump())
        if before == allowance:
            return
        now = self._clock()
        if row is None:
            row = AllowanceRow(subject=subject, workspace_id=workspace_id, updated_at=now)
        for name, value in asdict(allowance).items():
            setattr(row, name, sorted(value) if isinstance(value, frozenset) else value)
        row.updated_at = now
        session.add(row)
        record(session, actor, action, subject, changes(before, allowance), at=now)


def checked(allowance: Allowance) -> None:
    """Raise `InvalidInput` naming the first field that cannot be."""
    counts = ("requests_per_minute", "tokens_per_minute", "concurrent_jobs")
    for name in COLUMNS[:5]:
        value = getattr(allowance, name)
        if value is not None and not 0 < value <= (MOST_COUNT if name in counts else MOST_MICROS):
            raise InvalidInput("A limit is above zero; leave it empty for no limit.", param=name)
    models = allowance.allowed_models
    if models is not None and not 0 < len(models) <= MOST_MODELS:
        raise InvalidInput("Choose at least one model, or allow every model.", param="allowed_models")
    if allowance.alert_percent is not None and allowance.alert_percent not in ALERT_PERCENTS:
        raise InvalidInput("A mail is sent at 50 or 80 percent of the budget.", param="alert_percent")


def changes(before: Allowance, after: Allowance) -> str:
    """What differs, as the audit log keeps it: `requests_per_minute 60 → none`."""
    return ", ".join(
        f"{name} {_said(name, getattr(before, name))} → {_said(name, getattr(after, name))}"
        for name in COLUMNS
        if getattr(before, name) != getattr(after, name)
    )


def _said(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name.endswith("_micros"):
        return plain(Money(value).amount)
    return f"{len(value)} models" if isinstance(value, frozenset) else str(value)


def _allowance(row: RowMapping | Mapping[str, Any]) -> Allowance:
    chosen = {name: row[name] for name in COLUMNS}
    if chosen["allowed_models"] is not None:
        chosen["allowed_models"] = frozenset(chosen["allowed_models"])
    return Allowance(**chosen)
