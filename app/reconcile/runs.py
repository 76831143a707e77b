"""The runs as they are kept: begun, ended, read, and forgotten in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, Select, String, cast, delete, func, insert, select, update

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.reconcile.findings import ALWAYS_ASKED, Difference
from app.reconcile.tables import reconcile_run

RUNNING, DONE, FAILED = "running", "done", "failed"
CLEAN_KEPT: Final = timedelta(days=7)
KEPT: Final = timedelta(days=400)

_run = reconcile_run.c


class Depth(StrEnum):
    QUICK = "quick"  # what was missed, and the last days of our books
    FULL = "full"  # the provider's lists, and all of our books


@dataclass(frozen=True, slots=True)
class Run:
    id: str
    depth: Depth
    actor: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    compared: Mapping[str, int]
    differences: Sequence[Difference]
    error: str | None

    @property
    def open(self) -> list[Difference]:
        """What remains."""
        return [one for one in self.differences if not one.healed]

    @property
    def healed(self) -> list[Difference]:
        return [one for one in self.differences if one.healed]

    @property
    def is_clean(self) -> bool:
        return self.state == DONE and not self.open


class Runs:
    """The table of runs."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def begin(self, depth: Depth, actor: str) -> str:
        run_id = new_id("rec")
        row = {
            "id": run_id,
            "kind": str(depth),
            "actor": actor,
            "state": RUNNING,
            "started_at": self._clock(),
            "compared": {},
            "differences": [],
            "open": 0,
            "healed": 0,
        }
        with self._db.write() as connection:
            connection.execute(insert(reconcile_run).values(row))
        return run_id

    def end(
        self, run_id: str, differences: Sequence[Difference], compared: Mapping[str, int], watermark: datetime | None
    ) -> Run:
        healed = sum(one.healed for one in differences)
        values = {
            "state": DONE,
            "finished_at": self._clock(),
            "watermark": watermark,
            "compared": dict(compared),
            "differences": [one.to_json() for one in differences],
            "open": len(differences) - healed,
            "healed": healed,
        }
        with self._db.write() as connection:
            connection.execute(update(reconcile_run).where(_run.id == run_id).values(values))
        return self.find(run_id)

    def fail(self, run_id: str, error: str) -> None:
        values = {"state": FAILED, "finished_at": self._clock(), "error": error[:500]}
        with self._db.write() as connection:
            connection.execute(update(reconcile_run).where(_run.id == run_id).values(values))

    def find(self, run_id: str) -> Run:
        run = self.peek(run_id)
        if run is None:
            raise NotFound(f"There is no reconcile run {run_id[:64]}.", code="run_not_found")
        return run

    def peek(self, run_id: str) -> Run | None:
        with self._db.read() as connection:
            row = connection.execute(select(reconcile_run).where(_run.id == run_id)).one_or_none()
        return None if row is None else _of(row)

    def latest(self, limit: int = 50, *, finished: bool = False, found: bool = False) -> list[Run]:
        """The newest first; only those that ended well, or only those that found something the one before had not."""
        query = select(reconcile_run).order_by(_run.started_at.desc(), _run.id.desc()).limit(limit)
        query = query.where(_run.state == DONE) if finished else query
        query = query.where(_run.id.in_(_telling())) if found else query
        with self._db.read() as connection:
            return [_of(row) for row in connection.execute(query)]

    def standing(self) -> Run | None:
        """The newest that ended well, with what remains of the newest full one: the quick ones after it look at the
        last days only, so that they do not find it says nothing."""
        ended = (
            select(reconcile_run).where(_run.state == DONE).order_by(_run.started_at.desc(), _run.id.desc()).limit(1)
        )
        with self._db.read() as connection:
            found = [connection.execute(query).first() for query in (ended, ended.where(_run.kind == Depth.FULL))]
        newest, full = (None if row is None else _of(row) for row in found)
        if newest is None or full is None or newest.id == full.id:
            return newest
        known = {one.key for one in newest.open}
        still = [one for one in full.open if one.key not in known and one.code not in ALWAYS_ASKED]
        return replace(newest, differences=[*newest.open, *still, *newest.healed])

    def watermark(self) -> datetime | None:
        """Up to which moment all of the provider's events were seen."""
        query = select(_run.watermark).where(_run.watermark.is_not(None)).order_by(_run.watermark.desc()).limit(1)
        with self._db.read() as connection:
            return connection.execute(query).scalar()

    def forget(self) -> int:
        """Drop old runs, and sooner those that healed nothing and found nothing, or only what full ones tell too. The
        newest watermark stays."""
        now, newest = self._clock(), self.watermark()
        dull = (_run.healed == 0) & ((_run.open == 0) | (_run.kind == Depth.QUICK))
        old = (_run.started_at < now - KEPT) | ((_run.started_at < now - CLEAN_KEPT) & dull)
        unless_newest = _run.watermark.is_(None) | (_run.watermark != newest)
        with self._db.write() as connection:
            return connection.execute(delete(reconcile_run).where(old, unless_newest)).rowcount


def _telling() -> Select[Any]:
    """Runs that healed something, failed, or left other differences than the one of their kind before."""
    said = cast(_run.differences, String)
    before = func.lag(said).over(partition_by=_run.kind, order_by=(_run.started_at, _run.id))
    kept = select(_run.id, _run.open, _run.healed, _run.state, said.label("said"), before.label("before")).subquery().c
    news = (kept.open > 0) & (kept.before.is_(None) | (kept.before != kept.said))
    return select(kept.id).where(news | (kept.healed > 0) | (kept.state == FAILED))


def _of(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        depth=Depth(row.kind),
        actor=row.actor,
        state=row.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        compared=row.compared,
        differences=[Difference.from_json(one) for one in row.differences],
        error=row.error,
    )
