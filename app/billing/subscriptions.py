"""Subscriptions as rows: agreed, found, changed, line by line. In the caller's transaction.

Prices are pinned when a subscription begins. A change happens under a lock on the subscription's row, and `version`
counts the changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from app.billing import period_events, tables
from app.billing.commitment import Commitment
from app.billing.lifecycle import State
from app.billing.periods import Anchoring, Cycle, Unit, cycle
from app.billing.pinned import ONCE, commitment_of
from app.kernel import versions
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.ids import new_id
from app.metering.aggregate import Span
from app.plans import reductions

SUBSCRIPTION, LINE, PAUSE = tables.subscription, tables.subscription_line, tables.subscription_pause
ADDON = tables.subscription_addon
#: The payment behaviour of who is served only once they have paid.
INCOMPLETE_FIRST: Final = "default_incomplete"


@dataclass(frozen=True, slots=True)
class Line:
    """One price of a new subscription, pinned."""

    price: Mapping[str, Any]
    quantity: str = "1"
    name: str = ""
    commitment: Mapping[str, Any] | None = None
    coupons: tuple[Mapping[str, Any], ...] = ()
    meta: Mapping[str, str] | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Everything about a new subscription. `agreed` keeps what the wire calls commitment, coupons, tax rates, terms."""

    id: str | None = None  # None: a new one
    customer_id: str
    workspace_id: str
    plan_id: str
    plan_name: str
    currency: str
    unit: Unit
    count: int = 1
    anchoring: Anchoring = Anchoring.ANNIVERSARY
    anchor: datetime | None = None
    start_at: datetime
    end_at: datetime | None = None
    trial_days: int = 0
    is_draft: bool = False
    awaits_payment: bool = False
    lookup_key: str | None = None
    lines: tuple[Line, ...] = ()
    agreed: Mapping[str, Any]
    meta: Mapping[str, str]


def create(connection: Connection, wanted: Agreement, *, actor: str, now: datetime) -> str:
    """Write a new subscription; answers its id. With a trial its first period is the trial."""
    if wanted.end_at is not None and wanted.end_at <= wanted.start_at:
        raise InvalidInput("A subscription ends after it starts.", param="end_date")
    turns = cycle(wanted.unit, wanted.count, wanted.anchoring, wanted.start_at, wanted.anchor)
    anchor, span, trial = turns.anchor, turns.containing(wanted.start_at), None
    if wanted.trial_days:
        trial = wanted.start_at + timedelta(days=wanted.trial_days)
        span = Span(wanted.start_at, trial)
        if wanted.anchoring is Anchoring.ANNIVERSARY:
            anchor = trial
    subscription_id = wanted.id or new_id("subs")
    connection.execute(
        insert(SUBSCRIPTION).values(
            id=subscription_id,
            customer_id=wanted.customer_id,
            workspace_id=wanted.workspace_id,
            plan_id=wanted.plan_id,
            state=_first_state(wanted),
            currency=wanted.currency,
            billing_period=wanted.unit,
            billing_period_count=wanted.count,
            billing_cycle=wanted.anchoring,
            anchor=anchor,
            start_at=wanted.start_at,
            end_at=wanted.end_at,
            period_start=span.start,
            period_end=span.end,
            trial_start=wanted.start_at if trial else None,
            trial_end=trial,
            cancel_at=wanted.end_at,
            lookup_key=wanted.lookup_key,
            carried=0,
            agreed=dict(wanted.agreed),
            meta=dict(wanted.meta),
            version=1,
            created_at=now,
            created_by=actor,
            updated_at=now,
        )
    )
    add_lines(connection, subscription_id, wanted.plan_id, wanted.plan_name, wanted.lines, wanted.start_at, now)
    reductions.redeem_all(connection, [each["coupon_id"] for each in wanted.agreed.get("coupons") or ()], now=now)
    versions.bump(connection, versions.ENTITLEMENTS)
    kind = "subscription.draft.created" if wanted.is_draft else "subscription.created"
    period_events.subscription(connection, kind, find(connection, subscription_id))
    return subscription_id


def _first_state(wanted: Agreement) -> State:
    if wanted.is_draft:
        return State.DRAFT
    if wanted.trial_days:
        return State.TRIALING
    return State.INCOMPLETE if wanted.awaits_payment else State.ACTIVE


def add_lines(
    connection: Connection,
    subscription_id: str,
    plan_id: str,
    plan_name: str,
    lines: Sequence[Line],
    start_at: datetime,
    now: datetime,
    *,
    end_at: datetime | None = None,
    association: str | None = None,
) -> list[str]:
    """Pin prices on a subscription from `start_at` on, those of an addon under its `association`."""
    taken = connection.execute(select(LINE.c.position).where(LINE.c.subscription_id == subscription_id)).scalars().all()
    first = max(taken, default=-1) + 1
    rows = [
        {
            "id": new_id("subs_line"),
            "subscription_id": subscription_id,
            "position": first + place,
            "price_id": str(line.price["id"]),
            "price": dict(line.price),
            "meter_id": line.price.get("meter_id"),
            "kind": line.price["type"],
            "quantity": line.quantity,
            "name": line.name or str(line.price.get("display_name") or plan_name),
            "plan_id": plan_id,
            "plan_name": plan_name,
            "start_at": line.start_at or start_at,
            "end_at": line.end_at or end_at,
            "association_id": association,
            "commitment": dict(line.commitment) if line.commitment else None,
            "coupons": [dict(coupon) for coupon in line.coupons],
            "meta": dict(line.meta or {}),
            "created_at": now,
            "updated_at": now,
        }
        for place, line in enumerate(lines)
    ]
    if rows:
        connection.execute(insert(LINE), rows)
    return [str(row["id"]) for row in rows]


def find(connection: Connection, subscription_id: str, *, lock: bool = False) -> Row[Any]:
    """The subscription, or `NotFound`; with `lock` nobody else changes it until the transaction ends."""
    query = select(SUBSCRIPTION).where(SUBSCRIPTION.c.id == subscription_id)
    found = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound(f"There is no subscription {subscription_id[:100]}.", code="subscription_not_found")
    return found


def lines_of(connection: Connection, subscription_id: str, span: Span | None = None) -> list[Row[Any]]:
    """Its lines in their order; with a `span` only those that have a part in it."""
    query = select(LINE).where(LINE.c.subscription_id == subscription_id).order_by(LINE.c.position)
    if span is not None:
        query = query.where(LINE.c.start_at < span.end, (LINE.c.end_at.is_(None)) | (LINE.c.end_at > span.start))
    return list(connection.execute(query))


def pauses_of(connection: Connection, subscription_id: str) -> list[Row[Any]]:
    query = select(PAUSE).where(PAUSE.c.subscription_id == subscription_id).order_by(PAUSE.c.begun_at, PAUSE.c.id)
    return list(connection.execute(query))


def cycle_of(row: Row[Any]) -> Cycle:
    """How its periods follow one another."""
    return Cycle(Unit(row.billing_period), row.billing_period_count, row.anchor, row.start_at)


def period_of(row: Row[Any]) -> Span:
    return Span(row.period_start, row.period_end)


def whole_of(row: Row[Any]) -> Span:
    """The whole period that the present one is a part of, without what pauses added to it."""
    kept = row.agreed.get("whole") or {}
    if kept.get("of") == row.period_start.isoformat():
        return Span(datetime.fromisoformat(kept["start"]), datetime.fromisoformat(kept["end"]))
    return cycle_of(row).whole(period_of(row))


def is_trial(row: Row[Any], span: Span) -> bool:
    """Whether a period is the trial."""
    return row.trial_end is not None and span.end <= row.trial_end


def commitment(row: Row[Any]) -> Commitment | None:
    """What the whole subscription is committed to."""
    return commitment_of(row.agreed)[0]


def change(connection: Connection, row: Row[Any], now: datetime, **values: Any) -> Row[Any]:
    """Change what was read under the lock; `Conflict` when somebody else was first."""
    done = connection.execute(
        update(SUBSCRIPTION)
        .where(SUBSCRIPTION.c.id == row.id, SUBSCRIPTION.c.version == row.version)
        .values(**values, version=row.version + 1, updated_at=now)
    )
    if done.rowcount != 1:
        raise Conflict("The subscription was changed at the same moment. Look again.", code="version_conflict")
    if values.keys() & {"state", "plan_id"}:
        versions.bump(connection, versions.ENTITLEMENTS)
    changed = find(connection, row.id)
    period_events.changed(connection, row, changed)
    return changed


def paused_in(pauses: Sequence[Row[Any]], span: Span) -> timedelta:
    """For how long of this time the subscription was paused."""
    parts = (min(each.resumed_at or span.end, span.end) - max(each.begun_at, span.start) for each in pauses)
    return sum((part for part in parts if part > timedelta(0)), timedelta(0))


def served_in(pauses: Sequence[Row[Any]], span: Span) -> list[Span]:
    """This time without what of it the subscription was paused."""
    parts, start = list[Span](), span.start
    for each in pauses:
        parts.append(Span(start, min(each.begun_at, span.end)))
        start = max(start, min(each.resumed_at or span.end, span.end))
    return [part for part in [*parts, Span(start, span.end)] if part.start < part.end]


def end_line(connection: Connection, line_id: str, *, at: datetime, now: datetime) -> Row[Any]:
    """A line ends then; what was used before is billed. One that ends sooner goes on ending sooner."""
    row = find(connection, line_of(connection, line_id).subscription_id, lock=True)
    line = line_of(connection, line_id)
    end = max(at, line.start_at)
    if line.end_at is not None and line.end_at <= end:
        return line
    require_open(row, end, "effective_from")
    connection.execute(update(LINE).where(LINE.c.id == line_id).values(end_at=end, updated_at=now))
    return line_of(connection, line_id)


def require_open(row: Row[Any], at: datetime, param: str) -> None:
    """`InvalidInput` for a moment in a period that is over: what was billed of it stays as it is."""
    if max(at, row.start_at) < row.period_start:
        begun = row.period_start.isoformat()
        raise InvalidInput(f"{param} lies in a period that is billed: give {begun} or later.", param=param)


def require_changeable(row: Row[Any], line: Row[Any], now: datetime) -> None:
    """`Conflict` for what is paid once and has begun: its successor would be paid once more."""
    if line.price.get("billing_period") == ONCE and max(line.start_at, row.trial_end or row.start_at) <= now:
        raise Conflict(
            "What is paid once does not change once it has begun: add another price, or credit its invoice.",
            code="invalid_operation",
        )


def line_of(connection: Connection, line_id: str) -> Row[Any]:
    """One line of any subscription, or `NotFound`."""
    found = connection.execute(select(LINE).where(LINE.c.id == line_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no line {line_id[:100]}.", code="line_item_not_found")
    return found


def end_addons(connection: Connection, association_ids: Sequence[str], at: datetime) -> None:
    """These addons end then, and their lines; what ended before, ended then."""
    if not association_ids:
        return
    mine = ADDON.c.id.in_(association_ids) & ((ADDON.c.end_at.is_(None)) | (ADDON.c.end_at > at))
    connection.execute(update(ADDON).where(mine).values(end_at=at, cancelled_at=at, updated_at=at))
    lines = LINE.c.association_id.in_(association_ids) & ((LINE.c.end_at.is_(None)) | (LINE.c.end_at > at))
    connection.execute(update(LINE).where(lines).values(end_at=at, updated_at=at))
    versions.bump(connection, versions.ENTITLEMENTS)


def end_lines(
    connection: Connection, subscription_id: str, at: datetime, now: datetime, *, addons: bool = True
) -> None:
    """Every line that goes on ends then, and every addon; without `addons` only the plan's."""
    if addons:
        mine = (ADDON.c.subscription_id == subscription_id) & ((ADDON.c.end_at.is_(None)) | (ADDON.c.end_at > at))
        connection.execute(update(ADDON).where(mine).values(end_at=at, updated_at=now))
    still = (LINE.c.subscription_id == subscription_id) & ((LINE.c.end_at.is_(None)) | (LINE.c.end_at > at))
    still &= LINE.c.association_id.is_(None) if not addons else LINE.c.id.is_not(None)
    connection.execute(update(LINE).where(still).values(end_at=at, updated_at=now))
