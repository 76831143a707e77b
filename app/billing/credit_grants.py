"""Credits that come with a plan or a subscription: once, or again in every period, each period once.

What is left of them rolls over as long as it has not expired: `NEVER` for good, `DURATION` for so long, `BILLING_CYCLE`
not at all. With a `rollover_limit` a period adds only what brings the rest to that limit plus the period's credits.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.billing import subscriptions, tables, wallet_moves, wallets
from app.billing.lifecycle import State
from app.billing.periods import Anchoring, Unit, cycle, moved
from app.billing.wallet_tables import credit_grant, grant_application
from app.billing.wallets import ACTIVE, PRE_PAID, Record
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.kernel.money import CREDIT, MICRO, plain
from app.ledger import tables as ledger
from app.metering.aggregate import Span
from app.plans import catalog
from app.plans.shelf import Shelf

ONETIME, RECURRING = "ONETIME", "RECURRING"
NEVER, DURATION, BILLING_CYCLE = "NEVER", "DURATION", "BILLING_CYCLE"
PLAN, SUBSCRIPTION = "PLAN", "SUBSCRIPTION"
PERIODS: Final = {name: Unit(name) for name in ("DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "HALF_YEARLY", "ANNUAL")}
DURATIONS: Final = {"DAY": Unit.DAILY, "WEEK": Unit.WEEKLY, "MONTH": Unit.MONTHLY, "YEAR": Unit.ANNUAL}
LIVE: Final = (State.ACTIVE, State.TRIALING)
#: Periods that were missed and still count are made up for, so many at a time.
MOST_MISSED: Final = 24

shelf = Shelf(credit_grant, "cg", "credit grant")
log = logging.getLogger("farebox.grants")
_subscription, _application = tables.subscription, grant_application.c


class Turn(NamedTuple):
    """One period of one grant: when it begins, when the next one does, when its credits end."""

    start: datetime
    end: datetime | None
    expires_at: datetime | None


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A new grant on a plan or on one subscription."""
    scope = given.choice("scope", (PLAN, SUBSCRIPTION))
    for name in ("addon_id", "subscription_id" if scope == PLAN else "plan_id"):
        if given.maybe(name):
            raise given.wrong(name, f"is not for grants of a {scope.lower()}.")
    plan_id = str(catalog.plans.get(connection, given.text("plan_id"))["id"]) if scope == PLAN else None
    subscription_id = (
        subscriptions.find(connection, given.text("subscription_id")).id if scope == SUBSCRIPTION else None
    )
    cadence = given.choice("cadence", (ONETIME, RECURRING))
    expiry = given.choice("expiration_type", (NEVER, DURATION, BILLING_CYCLE), NEVER)
    given.maybe_choice("expiration_duration_unit", tuple(DURATIONS))  # alone it says nothing
    for name, kind, needed in (
        ("period", cadence, RECURRING),
        ("period_count", cadence, RECURRING),
        ("expiration_duration", expiry, DURATION),
    ):
        if kind != needed and given.raw.get(name) not in (None, "", 0):
            raise given.wrong(name, f"is for {needed} grants: this one is {kind}.")
    limit = given.maybe_decimal("rollover_limit") if given.has("rollover_limit") else _labelled(given)
    start, end = given.maybe_moment("start_date"), given.maybe_moment("end_date")
    if start and end and end <= start:
        raise given.wrong("end_date", "must be after start_date.")
    values = {
        "name": given.text("name"),
        "scope": scope,
        "plan_id": plan_id,
        "subscription_id": subscription_id,
        "credits": plain(given.decimal("credits", above=Decimal(0))),
        "cadence": cadence,
        "period": given.choice("period", tuple(PERIODS)) if cadence == RECURRING else None,
        "period_count": (given.maybe_integer("period_count", least=1, most=120) or 1) if cadence == RECURRING else None,
        "expiration_type": expiry,
        "expiration_duration": given.integer("expiration_duration", least=1, most=3_650)
        if expiry == DURATION
        else None,
        "expiration_duration_unit": (
            given.choice("expiration_duration_unit", tuple(DURATIONS), "DAY") if expiry == DURATION else None
        ),
        "rollover_limit": None if limit is None else plain(limit),
        "priority": given.maybe_integer("priority", most=1_000_000),
        "conversion_rate": _figure(given, "conversion_rate"),
        "topup_conversion_rate": _figure(given, "topup_conversion_rate"),
        "start_date": start,
        "end_date": end,
        "metadata": given.labels(),
    }
    return shelf.add(connection, values, actor=actor, now=now)


def change(connection: Connection, grant_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Its name, its end and its notes."""
    values: dict[str, Any] = {}
    if given.has("name"):
        values["name"] = given.text("name")
    if given.has("end_date"):
        values["end_date"] = given.moment("end_date")
    if given.has("metadata"):
        values["metadata"] = given.labels()
    return shelf.change(connection, grant_id, values, actor=actor, now=now)


def delete(connection: Connection, grant_id: str, given: Given, *, actor: str, now: datetime) -> None:
    """It gives nothing more, now or from a day on; what it gave stays."""
    ends = given.maybe_moment("effective_date")
    if ends is not None and ends > now:
        shelf.change(connection, grant_id, {"end_date": ends}, actor=actor, now=now)
    else:
        shelf.remove(connection, grant_id, actor=actor, now=now)


def of_plan(connection: Connection, plan_id: str) -> Sequence[Record]:
    return shelf.of(connection, "plan_id", [plan_id])


def grants_of(connection: Connection, subscription: Row[Any]) -> Sequence[Record]:
    """What a subscription is given: by its plan and by itself."""
    c = credit_grant.c
    return shelf.all(connection, or_(c.plan_id == subscription.plan_id, c.subscription_id == subscription.id))


def upcoming(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> list[dict[str, Any]]:
    """The next period of each grant of these subscriptions that is not given yet, the soonest first."""
    found = []
    for row in rows:
        if row.state not in LIVE:
            continue
        for grant in grants_of(connection, row):
            known = _given_periods(connection, grant, row)
            turn = _next(grant, row, now, known)
            if turn is not None:
                found.append({**_told(grant, row, turn), "id": f"{grant['id']}:{turn.start:%Y%m%dT%H%M%S}"})
    return sorted(found, key=lambda one: (one["period_start"], one["credit_grant_id"]))


def apply_due(connection: Connection, subscription_id: str, clock: Clock) -> int:
    """Give a subscription what is due, once; how much was given anew. The subscription is locked meanwhile."""
    now, given = clock(), 0
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state not in LIVE:
        return 0
    for grant in grants_of(connection, row):
        known = _given_periods(connection, grant, row)
        for turn in _due(grant, row, now, known):
            given += int(_give(connection, grant, row, turn, not known, clock))
            known = known | {turn.start}
    return given


class CreditGrants:
    """The chore."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def run(self) -> int:
        """How many periods were given."""
        return await asyncio.to_thread(self.apply)

    def apply(self) -> int:
        """A subscription a transaction: what is wrong with one delays no other."""
        c = _subscription.c
        named = credit_grant.c
        with_grants = or_(
            c.plan_id.in_(select(named.plan_id).where(named.plan_id.is_not(None), named.status != "deleted")),
            c.id.in_(
                select(named.subscription_id).where(named.subscription_id.is_not(None), named.status != "deleted")
            ),
        )
        with self._db.read() as connection:
            query = select(c.id).where(c.state.in_(LIVE), with_grants).order_by(c.id)
            waiting = list(connection.execute(query).scalars())
        given = 0
        for subscription_id in waiting:
            try:
                given += self._apply_to(subscription_id)
            except Exception:
                log.exception("the credits of %s could not be given; it is tried again", subscription_id)
        return given

    def _apply_to(self, subscription_id: str) -> int:
        with self._db.read() as connection:
            if not self._is_due(connection, subscriptions.find(connection, subscription_id)):
                return 0
        with self._db.write() as connection:
            return apply_due(connection, subscription_id, self._clock)

    def _is_due(self, connection: Connection, row: Row[Any]) -> bool:
        now = self._clock()
        return any(
            _due(grant, row, now, _given_periods(connection, grant, row)) for grant in grants_of(connection, row)
        )


def _given_periods(connection: Connection, grant: Record, row: Row[Any]) -> frozenset[datetime]:
    query = select(_application.period_start).where(
        _application.credit_grant_id == grant["id"], _application.subscription_id == row.id
    )
    return frozenset(connection.execute(query).scalars())


def _due(grant: Record, row: Row[Any], now: datetime, known: frozenset[datetime]) -> list[Turn]:
    """The periods that have begun and were not given: at first the one that runs, later all since the last."""
    begins = _begins(grant, row)
    if begins > now:
        return []
    if grant["cadence"] == ONETIME:
        turn = _once(grant, row, begins)
        return [] if known or not _counts(grant, turn, now) else [turn]
    turns, span = _cycle(grant, begins), _cycle(grant, begins).containing(now)
    found: list[Turn] = []
    while span.start not in known and len(found) < MOST_MISSED:
        turn = _turn(grant, span)
        if _counts(grant, turn, now):
            found.append(turn)
        if not known or span.start <= begins:
            break
        span = turns.containing(span.start - timedelta(microseconds=1))
    return found[::-1]


def _next(grant: Record, row: Row[Any], now: datetime, known: frozenset[datetime]) -> Turn | None:
    begins = _begins(grant, row)
    if grant["cadence"] == ONETIME:
        turn = _once(grant, row, begins)
        return None if known else turn
    turns = _cycle(grant, begins)
    span = turns.containing(max(now, begins))
    while span.start in known or span.end <= now:
        span = turns.following(span)
    ended = grant["end_date"] is not None and span.start >= grant["end_date"]
    ended = ended or (row.cancel_at is not None and span.start >= row.cancel_at)
    return None if ended else _turn(grant, span)


def _begins(grant: Record, row: Row[Any]) -> datetime:
    start: datetime = row.start_at
    return max(start, grant["start_date"]) if grant["start_date"] else start


def _cycle(grant: Record, begins: datetime) -> Any:
    return cycle(PERIODS[str(grant["period"])], int(grant["period_count"]), Anchoring.ANNIVERSARY, begins)


def _once(grant: Record, row: Row[Any], begins: datetime) -> Turn:
    return Turn(begins, None, _ends(grant, begins, row.period_end))


def _turn(grant: Record, span: Span) -> Turn:
    return Turn(span.start, span.end, _ends(grant, span.start, span.end))


def _ends(grant: Record, start: datetime, period_end: datetime) -> datetime | None:
    if grant["expiration_type"] == BILLING_CYCLE:
        return period_end
    if grant["expiration_type"] == DURATION:
        return moved(start, DURATIONS[str(grant["expiration_duration_unit"])], int(grant["expiration_duration"]))
    return None


def _counts(grant: Record, turn: Turn, now: datetime) -> bool:
    """Whether its credits would still be good, and the grant had not ended when it began."""
    ended = grant["end_date"] is not None and turn.start >= grant["end_date"]
    return not ended and (turn.expires_at is None or turn.expires_at > now)


def _give(connection: Connection, grant: Record, row: Row[Any], turn: Turn, is_first: bool, clock: Clock) -> bool:
    """One period: the row that there is once, then the credits."""
    wallet = _wallet(connection, grant, row, clock())
    credits = _credits(connection, grant, row, turn)
    told = _told(grant, row, turn, is_first)
    names = ("credit_grant_id", "subscription_id", "period_start", "period_end", "application_reason")
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {
        **{name: told[name] for name in names},
        "id": new_id("cga"),
        "workspace_id": row.workspace_id,
        "wallet_id": wallet["id"],
        "credits": plain(Decimal(credits.numerator) / Decimal(credits.denominator)),
        "application_status": "applied" if credits > 0 else "skipped",
        "subscription_state": row.state,
        "applied_at": clock(),
    }
    statement = made(grant_application).values(values).on_conflict_do_nothing().returning(_application.id)
    application_id = connection.execute(statement).scalar()
    if application_id is None:
        return False
    if credits > 0:
        memo = {"transaction_reason": "SUBSCRIPTION_CREDIT_GRANT", "description": grant["name"],
                "reference_type": "EXTERNAL", "reference_id": grant["id"]}  # fmt: skip
        ref = f"{grant['id']}/{row.id}/{turn.start.isoformat()}"
        moved_ = wallet_moves.credit(
            connection, wallet, credits, ref=ref, memo=memo, actor="system", clock=clock, expires_at=turn.expires_at,
            priority=grant["priority"],
        )  # fmt: skip
        mine = update(grant_application).where(_application.id == application_id)
        connection.execute(mine.values(journal_id=moved_.journal_id))
    return True


def _credits(connection: Connection, grant: Record, row: Row[Any], turn: Turn) -> Fraction:
    """What a period adds: less where more is left of the grant than may be carried over. What has ended by then is not
    left, whether or not it is booked yet."""
    full = Fraction(Decimal(grant["credits"]))
    if grant["rollover_limit"] is None:
        return full
    query = (
        select(ledger.lot.c.remaining)
        .join(grant_application, _application.journal_id == ledger.lot.c.journal_id)
        .where(
            _application.credit_grant_id == grant["id"],
            _application.subscription_id == row.id,
            or_(ledger.lot.c.expires_at.is_(None), ledger.lot.c.expires_at > turn.start),
        )
    )
    left = Fraction(sum(int(one) for one in connection.execute(query).scalars()), MICRO)
    return max(Fraction(0), full - max(Fraction(0), left - Fraction(Decimal(grant["rollover_limit"]))))


def _wallet(connection: Connection, grant: Record, row: Row[Any], now: datetime) -> Record:
    """Where the credits go: the customer's first prepaid wallet in the subscription's currency, made if need be."""
    for wallet in wallets.shelf.of(connection, "customer_id", [row.customer_id]):
        is_theirs = wallet["currency"] == row.currency.upper() and wallet["unit"] != CREDIT
        if is_theirs and wallet["wallet_status"] == ACTIVE and wallet["wallet_type"] == PRE_PAID:
            return wallet
    asked = {"customer_id": row.customer_id, "currency": row.currency, "name": "Credits of the plan"}
    for name in ("conversion_rate", "topup_conversion_rate"):
        if grant[name] is not None:
            asked[name] = grant[name]
    return wallets.create(connection, Given(asked), actor="system", now=now)


def _told(grant: Record, row: Row[Any], turn: Turn, is_first: bool = True) -> dict[str, Any]:
    recurring = "first_time_recurring_credit_grant" if is_first else "recurring_credit_grant"
    return {
        "credit_grant_id": grant["id"],
        "subscription_id": row.id,
        "credits": grant["credits"],
        "period_start": turn.start,
        "period_end": turn.end,
        "application_status": "pending",
        "application_reason": "onetime_credit_grant" if grant["cadence"] == ONETIME else recurring,
    }


def _figure(given: Given, name: str) -> str | None:
    found = given.maybe_decimal(name, above=Decimal(0))
    return None if found is None else plain(found)


def _labelled(given: Given) -> Decimal | None:
    """The SDK drops fields it does not know, so the limit may ride in the metadata."""
    metadata: Mapping[str, Any] = given.labels()
    if "rollover_limit" not in metadata:
        return None
    try:
        return Given(metadata).decimal("rollover_limit")
    except InvalidInput:
        raise given.wrong("metadata", "holds a rollover_limit that is no figure.") from None
