"""How every route and provider does: live outcomes and active probes, shared by all processes, cached in each.

What goes well writes nothing. A failure, and a success where there is something to heal, is merged into one small row
in the database, a few times a second at most; every process reads those rows once a second. What this process has seen
itself counts at once, before anybody else has heard of it.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import Connection, RowMapping, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from app.catalogue.offers import RouteOffer
from app.catalogue.records import record
from app.generation.breaker import PROBE_LASTS, Breaker, Vital, after_bad, after_check, after_fatal, after_good
from app.generation.tables import RouteHealth
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata

HEALTH = metadata.tables[str(RouteHealth.__tablename__)]

#: How old the shared rows may be that this process decides by.
FRESH = timedelta(seconds=1)
#: A subject's row is not written more often than this, unless its breaker moves.
WRITE_EVERY = timedelta(milliseconds=250)
MAX_REASON = 300
#: Failures of an accepted job that are the provider's own: no parameter and no content filter is to blame.
OWN_FAILURES = frozenset(
    {
        "generation_failed",
        "generation_timeout",
        "internal_server_error",
        "internal_error",
        "downstream_service_error",
        "request_timeout",
        "startup_timeout",
        "result_expired",
        "provider_job_unknown",
        "nothing_delivered",
        "aborted",
        "failed",
    }
)

TAKE_PROBE = (
    update(HEALTH)
    .where(
        HEALTH.c.subject == bindparam("b_subject"),
        HEALTH.c.state == "open",
        or_(HEALTH.c.retry_at.is_(None), HEALTH.c.retry_at <= bindparam("b_now")),
        or_(HEALTH.c.probe_until.is_(None), HEALTH.c.probe_until <= bindparam("b_now")),
    )
    .values(probe_until=bindparam("b_until"), updated_at=bindparam("b_now"))
)
log = logging.getLogger(__name__)


class Subject(Protocol):
    """A route, as whoever asks has it."""

    @property
    def route_id(self) -> str: ...

    @property
    def provider_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that happened, or several of the same kind in a row."""

    kind: str  # good | bad | fatal | check
    count: int = 1
    reason: str = ""

    def after(self, vital: Vital, now: datetime) -> Vital:
        match self.kind:
            case "good":
                return after_good(vital, now, self.count)
            case "bad":
                return after_bad(vital, now, self.reason, self.count)
            case "fatal":
                return after_fatal(vital, now, self.reason)
            case _:
                return after_check(vital, now, self.reason or None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one route stands: the worse of itself and its provider. `because` is the failure that says so."""

    breaker: Breaker = Breaker.CLOSED
    probe_free: bool = False
    milliseconds: int | None = None
    because: str = ""
    retry_at: datetime | None = None


@dataclass(slots=True)
class _Known:
    """A row as last read together with what this process has to add to it.

    `quiet` counts the successes of the present window that nobody needs to hear of until there is a failure.
    """

    now: Vital
    milliseconds: int | None = None
    quiet: int = 0
    pending: list[Outcome] = field(default_factory=list)
    written_at: datetime | None = None


class Health:
    """Share one per process. Reading is cheap and never fails; noting never fails a request."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, _Known] = {}
        self._fresh_until: datetime | None = None

    # ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def of(self, routes: Iterable[Subject]) -> Mapping[str, Standing]:
        """How these routes stand at this moment, by route id."""
        now = self._clock()
        self._refresh(now)
        with self._lock:
            return {route.route_id: self._standing(route, now) for route in routes}

    def forget(self) -> None:
        """Look at the database before the next answer."""
        self._fresh_until = None

    async def may_try(self, route: RouteOffer) -> bool:
        """Whether a request may go there now: always while well, one at a time while half-open, never while open.

        True for a half-open one means that this request is the probe: say `good` or `bad` when it is over.
        """
        now = self._clock()
        if self.of([route])[route.route_id].breaker is Breaker.CLOSED:
            return True
        with self._lock:
            unwell = [one for one in _subjects(route) if one in self._known and self._known[one].now.is_open]
            open_ones = [one for one in unwell if not self._known[one].now.probe_is_free(now)]
        if open_ones:
            return False
        taken = await asyncio.to_thread(self._take_probes, unwell, now)
        self.forget()
        return taken

    # ── Noting ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def good(self, route: RouteOffer) -> None:
        """The provider did what it was asked on this route."""
        await self._note(_subjects(route), Outcome("good"))

    async def bad(self, route: RouteOffer, reason: str) -> None:
        """It was busy, unreachable, silent or failed, and the customer's input was not to blame."""
        await self._note((route.route_id,), Outcome("bad", reason=reason[:MAX_REASON]))

    async def accepted(self, route: RouteOffer) -> None:
        """It took the request. That closes a breaker; otherwise only a delivery counts as a success."""
        with self._lock:
            unwell = tuple(one for one in _subjects(route) if one in self._known and self._known[one].now.is_open)
        if unwell:
            await self._note(unwell, Outcome("good"))

    async def failed(self, route: RouteOffer, code: str, reason: str) -> None:
        """It took the request and could not make it. What may be the input's fault says nothing."""
        if code in OWN_FAILURES or code.startswith("runner_"):
            await self.bad(route, reason)

    async def route_down(self, route: RouteOffer, reason: str) -> None:
        """The provider does not know this model: no request can succeed on this route."""
        await self._note((route.route_id,), Outcome("fatal", reason=reason[:MAX_REASON]))

    async def provider_down(self, provider_id: str, reason: str) -> None:
        """Our key or our balance there is refused: no route of that provider can work."""
        await self._note((provider_id,), Outcome("fatal", reason=reason[:MAX_REASON]))

    async def checked(self, provider_id: str, trouble: str | None) -> None:
        """What an active probe found: None when all is well."""
        reason = (trouble or "")[:MAX_REASON]
        await asyncio.to_thread(self._record_check, provider_id, reason)

    async def timed(self, milliseconds: Mapping[str, int]) -> None:
        """How long each route takes, for *fastest*. Writes only what changed by a tenth."""
        await asyncio.to_thread(self._record_times, milliseconds)

    async def try_now(self, subjects: Iterable[str], actor: str) -> None:
        """An operator says that it is mended: the next request may try it."""
        await asyncio.to_thread(self._open_up, tuple(subjects), actor)

    async def _note(self, subjects: tuple[str, ...], outcome: Outcome) -> None:
        now = self._clock()
        with self._lock:
            due = [subject for subject in subjects if self._add(subject, outcome, now)]
        if due:
            try:
                await asyncio.to_thread(self._write, due, now)
            except SQLAlchemyError:
                log.exception("the health of %s could not be written; it is written with the next outcome", due)

    def _add(self, subject: str, outcome: Outcome, now: datetime) -> bool:
        """Count it here; True when the others should hear of it now."""
        known = self._known.get(subject)
        if known is None:
            known = self._known[subject] = _Known(Vital(now))
        before = known.now
        known.now = outcome.after(before, now)
        is_new_window = before.window_at != known.now.window_at
        if outcome.kind == "good" and before.is_well:
            known.quiet = outcome.count if is_new_window else known.quiet + outcome.count
            return False
        if known.quiet and not is_new_window:
            known.pending = _joined(known.pending, Outcome("good", known.quiet))
        known.quiet = 0
        known.pending = _joined(known.pending, outcome)
        moved = before.is_open != known.now.is_open or before.retry_at != known.now.retry_at
        return moved or known.written_at is None or now - known.written_at >= WRITE_EVERY

    # ── The shared rows ─────────────────────────────────────────────────────────────────────────────────────────────

    def _refresh(self, now: datetime) -> None:
        if self._fresh_until is not None and now < self._fresh_until:
            return
        with self._db.read() as connection:
            rows = connection.execute(select(HEALTH)).mappings().all()
        with self._lock:
            for row in rows:
                self._learn(row["subject"], _vital(row), row["milliseconds"], now)
            self._fresh_until = now + FRESH

    def _learn(self, subject: str, vital: Vital, milliseconds: int | None, now: datetime) -> None:
        known = self._known.setdefault(subject, _Known(vital))
        known.now, known.milliseconds = vital, milliseconds
        for outcome in (Outcome("good", known.quiet), *known.pending):
            known.now = outcome.after(known.now, now) if outcome.count else known.now

    def _standing(self, route: Subject, now: datetime) -> Standing:
        mine, provider = self._known.get(route.route_id), self._known.get(route.provider_id)
        unwell = [known.now for known in (mine, provider) if known is not None and known.now.is_open]
        milliseconds = mine.milliseconds if mine else None
        if not unwell:
            return Standing(milliseconds=milliseconds)
        worst = max(unwell, key=lambda vital: vital.retry_at or now)
        is_free = all(vital.probe_is_free(now) for vital in unwell)
        return Standing(worst.breaker(now), is_free, milliseconds, worst.reason, worst.retry_at)

    def _take_probes(self, subjects: list[str], now: datetime) -> bool:
        """All of them or none."""
        with self._db.write() as connection:
            for subject in subjects:
                wanted = {"b_subject": subject, "b_now": now, "b_until": now + PROBE_LASTS}
                if connection.execute(TAKE_PROBE, wanted).rowcount != 1:
                    connection.rollback()
                    return False
        return True

    def _write(self, subjects: list[str], now: datetime) -> None:
        """Merge what this process has seen into the shared rows."""
        with self._lock:
            taken = {subject: self._known[subject].pending for subject in subjects}
            for subject in subjects:
                self._known[subject].pending, self._known[subject].written_at = [], now
        try:
            with self._db.write() as connection:
                merged = {
                    subject: merge(connection, subject, outcomes, now) for subject, outcomes in sorted(taken.items())
                }
        except SQLAlchemyError:
            with self._lock:
                for subject, outcomes in taken.items():
                    self._known[subject].pending = [*outcomes, *self._known[subject].pending]
            raise
        with self._lock:
            for subject, vital in merged.items():
                self._learn(subject, vital, self._known[subject].milliseconds, now)

    def _record_check(self, provider_id: str, trouble: str) -> None:
        now = self._clock()
        with self._db.write() as connection:
            merge(connection, provider_id, [Outcome("check", reason=trouble)], now)
            said = {"probed_at": now, "probe_said": trouble}
            connection.execute(update(HEALTH).where(HEALTH.c.subject == provider_id).values(**said))
        self.forget()

    def _open_up(self, subjects: tuple[str, ...], actor: str) -> None:
        now = self._clock()
        with self._db.writing() as session:
            waiting = update(HEALTH).where(HEALTH.c.subject.in_(subjects), HEALTH.c.state == "open")
            ended = session.connection().execute(waiting.values(retry_at=now, probe_until=None, updated_at=now))
            if ended.rowcount:
                record(session, actor, "route.try_now", subjects[0], "the breaker's wait was ended", now)
        self.forget()

    def _record_times(self, milliseconds: Mapping[str, int]) -> None:
        now = self._clock()
        self._refresh(now)
        with self._lock:
            known = {subject: one.milliseconds for subject, one in self._known.items()}
        changed = {
            route_id: took
            for route_id, took in milliseconds.items()
            if (before := known.get(route_id)) is None or abs(took - before) * 10 > before
        }
        if not changed:
            return
        with self._db.write() as connection:
            for route_id, took in sorted(changed.items()):
                merge(connection, route_id, (), now)
                connection.execute(update(HEALTH).where(HEALTH.c.subject == route_id).values(milliseconds=took))
        self.forget()


def merge(connection: Connection, subject: str, outcomes: Iterable[Outcome], now: datetime) -> Vital:
    """Add these outcomes to the shared row, and answer what it says then."""
    row = _locked(connection, subject, now)
    vital = before = _vital(row)
    for outcome in outcomes:
        vital = outcome.after(vital, now)
    if vital != before:
        connection.execute(update(HEALTH).where(HEALTH.c.subject == subject).values(**_columns(vital, now)))
    return vital


def _locked(connection: Connection, subject: str, now: datetime) -> RowMapping:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    fresh = _columns(Vital(now), now) | {"subject": subject, "probe_said": ""}
    connection.execute(insert(HEALTH).values(fresh).on_conflict_do_nothing(index_elements=["subject"]))
    found = select(HEALTH).where(HEALTH.c.subject == subject).with_for_update()
    return connection.execute(found).mappings().one()


def _columns(vital: Vital, now: datetime) -> dict[str, Any]:
    return {
        "state": "open" if vital.is_open else "closed",
        "good": vital.good,
        "bad": vital.bad,
        "streak": vital.streak,
        "openings": vital.openings,
        "window_at": vital.window_at,
        "opened_at": vital.opened_at,
        "retry_at": vital.retry_at,
        "probe_until": vital.probe_until,
        "reason": vital.reason,
        "updated_at": now,
    }


def _vital(row: RowMapping) -> Vital:
    return Vital(
        window_at=row["window_at"],
        is_open=row["state"] == "open",
        good=row["good"],
        bad=row["bad"],
        streak=row["streak"],
        openings=row["openings"],
        opened_at=row["opened_at"],
        retry_at=row["retry_at"],
        probe_until=row["probe_until"],
        reason=row["reason"],
    )


def _subjects(route: RouteOffer) -> tuple[str, ...]:
    return route.route_id, route.provider_id


def _joined(pending: list[Outcome], outcome: Outcome) -> list[Outcome]:
    """In order, with equal neighbours counted together."""
    if pending and (pending[-1].kind, pending[-1].reason) == (outcome.kind, outcome.reason):
        return [*pending[:-1], replace(pending[-1], count=pending[-1].count + outcome.count)]
    return [*pending, outcome]
