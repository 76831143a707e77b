"""Which providers may serve a workspace, whether it may name one, and how much of each it may use in a month.

A quota is counted where the money is: in what was charged and what is held, of requests whose last attempt went there.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, exists, func, insert, select, update
from sqlmodel import Session

from app.catalogue.records import record
from app.catalogue.tables import ProviderRow
from app.generation import rows
from app.generation.gate import Check
from app.generation.tables import ProviderRule
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput, LimitReached
from app.kernel.money import MAX_MICROS, Money, plain

RULE = metadata.tables[str(ProviderRule.__tablename__)]
PROVIDER = metadata.tables[str(ProviderRow.__tablename__)]
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """`allowed` None is every provider; `quotas` are micro-credits a calendar month (UTC) by provider id."""

    allowed: frozenset[str] | None = None
    may_force: bool = True
    quotas: Mapping[str, int] = field(default_factory=dict)


EVERYTHING = Rule()


class ProviderRules:
    """The rules of every workspace that has one, as this process knows them for a second."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._known: Mapping[str, Rule] = {}
        self._read_at: datetime | None = None

    def of(self, workspace_id: str) -> Rule:
        """The workspace's rule, or the one that permits everything."""
        now = self._clock()
        if self._read_at is None or abs((now - self._read_at).total_seconds()) >= FRESH_SECONDS:
            with self._db.read() as connection:
                self._known = {row["workspace_id"]: _rule(row) for row in connection.execute(select(RULE)).mappings()}
            self._read_at = now
        return self._known.get(workspace_id, EVERYTHING)

    def spent(self, workspace_id: str, amount_micros: int) -> frozenset[str]:
        """The providers into whose quota a request of that size does not fit any more."""
        quotas = self.of(workspace_id).quotas
        if not quotas:
            return frozenset()
        with self._db.read() as connection:
            used = used_this_month(connection, workspace_id, quotas, self._clock())
        return frozenset(one for one, quota in quotas.items() if used.get(one, 0) + amount_micros > quota)

    def checks(self, workspace_id: str, provider_id: str, amount_micros: int) -> tuple[Check, ...]:
        """The quota once more, to be looked at under the wallet's lock."""
        quota = self.of(workspace_id).quotas.get(provider_id)
        if quota is None:
            return ()

        def check(connection: Connection) -> None:
            # Two requests that are routed here at the same moment count one after the other.
            connection.execute(select(RULE.c.workspace_id).where(RULE.c.workspace_id == workspace_id).with_for_update())
            used = used_this_month(connection, workspace_id, [provider_id], self._clock())
            if used.get(provider_id, 0) + amount_micros > quota:
                raise quota_reached(provider_id, quota, self._clock())

        return (check,)

    def save(self, workspace_id: str, rule: Rule, actor: str) -> None:
        """Replace a workspace's rule; an audit line says what changed. InvalidInput for an unknown provider."""
        now = self._clock()
        with self._db.writing() as session:
            _check(session, rule)
            _store(session, workspace_id, rule, actor, now)
        self.forget()

    def now(self) -> datetime:
        return self._clock()

    def forget(self) -> None:
        """Read before the next answer."""
        self._read_at = None


def quota_reached(provider_id: str, quota: int, now: datetime) -> LimitReached:
    """The refusal of a request that does not fit."""
    wait = int((_next_month(now) - now).total_seconds()) + 1
    return LimitReached(
        f"This workspace may use {plain(Money(quota).amount)} credits a month of {provider_id}, and they are used. "
        "It opens again on the first of next month (UTC).",
        code="provider_quota",
        retry_after_seconds=wait,
    )


def used_this_month(
    connection: Connection, workspace_id: str, providers: Collection[str], now: datetime
) -> dict[str, int]:
    """Micro-credits charged or held since the first of the month, by the provider of each request's last attempt."""
    generation, attempt = rows.GENERATION, rows.ATTEMPT
    later = rows.ATTEMPT.alias("later")
    is_last = ~exists().where(later.c.generation_id == attempt.c.generation_id, later.c.number > attempt.c.number)
    amount = func.coalesce(generation.c.charged_micros, generation.c.hold_micros)
    query = (
        select(attempt.c.provider_id, func.sum(amount))
        .join(generation, generation.c.id == attempt.c.generation_id)
        .where(
            generation.c.workspace_id == workspace_id,
            generation.c.created_at >= _this_month(now),
            attempt.c.provider_id.in_(list(providers)),
            is_last,
        )
        .group_by(attempt.c.provider_id)
    )
    return {provider_id: int(micros) for provider_id, micros in connection.execute(query).tuples()}


def _this_month(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next_month(now: datetime) -> datetime:
    first = _this_month(now)
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def _rule(row: RowMapping) -> Rule:
    allowed = row["allowed"]
    quotas = {str(name): int(micros) for name, micros in (row["quotas"] or {}).items()}
    return Rule(None if allowed is None else frozenset(allowed), bool(row["may_force"]), quotas)


def _check(session: Session, rule: Rule) -> None:
    known = set(session.connection().execute(select(PROVIDER.c.id)).scalars())
    for provider_id in sorted({*(rule.allowed or ()), *rule.quotas} - known):
        raise InvalidInput(f"There is no provider {provider_id}.", param="allowed")
    if rule.allowed is not None and not rule.allowed:
        raise InvalidInput("Allow at least one provider, or all of them.", param="allowed")
    for provider_id, micros in rule.quotas.items():
        if not 0 <= micros <= MAX_MICROS:
            raise InvalidInput("A quota is a number of credits a month.", param=f"quotas.{provider_id}")


def _store(session: Session, workspace_id: str, rule: Rule, actor: str, now: datetime) -> None:
    connection = session.connection()
    if rule == EVERYTHING:
        connection.execute(delete(RULE).where(RULE.c.workspace_id == workspace_id))
    else:
        values = {
            "allowed": None if rule.allowed is None else sorted(rule.allowed),
            "may_force": rule.may_force,
            "quotas": dict(rule.quotas),
            "updated_by": actor,
            "updated_at": now,
        }
        changed = connection.execute(update(RULE).where(RULE.c.workspace_id == workspace_id).values(**values))
        if not changed.rowcount:
            connection.execute(insert(RULE).values(workspace_id=workspace_id, **values))
    record(session, actor, "workspace.providers", workspace_id, _in_words(rule), now)


def _in_words(rule: Rule) -> str:
    allowed = "every provider" if rule.allowed is None else ", ".join(sorted(rule.allowed))
    forced = "may name one" if rule.may_force else "may not name one"
    quotas = "; ".join(f"{name} {plain(Money(micros).amount)} credits a month" for name, micros in rule.quotas.items())
    return "; ".join(part for part in (allowed, forced, quotas) if part)
