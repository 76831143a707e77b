"""What a subscription includes: so much of a meter, and when that begins anew."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, Self

from sqlalchemy import Connection, Row, func, or_, select

from app.billing import tables
from app.billing.periods import Unit, calendar_start, moved
from app.metering.aggregate import Span
from app.plans import tables as plans

RESETS: Final = {
    "DAILY": Unit.DAILY,
    "WEEKLY": Unit.WEEKLY,
    "MONTHLY": Unit.MONTHLY,
    "QUARTERLY": Unit.QUARTERLY,
    "HALF_YEARLY": Unit.HALF_YEARLY,
    "ANNUAL": Unit.ANNUAL,
}
NEVER: Final = "NEVER"
#: What a subscription may change of an entitlement.
CHANGEABLE: Final = ("usage_limit", "is_enabled", "static_value", "config_value")


@dataclass(frozen=True, slots=True)
class Allowance:
    """So much of a meter is included; it begins anew every `reset` (None: with the billing period), or with `since`
    never: what was used from then on counts."""

    meter_id: str
    limit: Fraction | None
    reset: Unit | None = None
    since: datetime | None = None

    def windows(self, span: Span) -> list[tuple[datetime, Span]]:
        """The parts of a period in each of which the allowance counts by itself, and when each began to: that of the
        first may lie before the period."""
        if self.reset is None:
            return [(span.start, span)]
        found, begun = [], calendar_start(self.reset, span.start)
        while begun < span.end:
            following = moved(begun, self.reset, 1)
            found.append((begun, Span(max(begun, span.start), min(following, span.end))))
            begun = following
        return found

    def to_json(self) -> dict[str, Any]:
        """As the invoice of a period keeps it, so that what comes late is measured by the same."""
        kept = {
            "meter_id": self.meter_id,
            "limit": None if self.limit is None else str(self.limit),
            "reset": self.reset,
        }
        return kept if self.since is None else {**kept, "since": self.since.isoformat()}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """The allowance that an invoice kept."""
        limit, reset, since = kept["limit"], kept["reset"], kept.get("since")
        return cls(
            kept["meter_id"],
            None if limit is None else Fraction(limit),
            Unit(reset) if reset else None,
            datetime.fromisoformat(since) if since else None,
        )


def included(
    connection: Connection, row: Row[Any], span: Span | None = None, plan_id: str | None = None
) -> list[Allowance]:
    """What the plan of a subscription and its addons include: limits of one meter add up, one without end wins, and
    they begin anew as most of them do. An addon counts in full for every period that it has a part in; without a `span`
    the present one is meant, and without a `plan_id` the present plan."""
    ent, feature = plans.entitlement, plans.feature
    many = addons_of(connection, row.id, span or Span(row.period_start, row.period_end))
    query = (
        select(
            ent.c.id,
            ent.c.entity_type,
            ent.c.entity_id,
            ent.c.usage_limit,
            ent.c.is_enabled,
            ent.c.static_value,
            ent.c.config_value,
            ent.c.usage_reset_period,
            ent.c.parent_entitlement_id,
            feature.c.meter_id,
        )
        .join(feature, feature.c.id == ent.c.feature_id)
        .where(
            or_(
                (ent.c.entity_type == "PLAN") & (ent.c.entity_id == (plan_id or row.plan_id)),
                (ent.c.entity_type == "SUBSCRIPTION") & (ent.c.entity_id == row.id),
                (ent.c.entity_type == "ADDON") & ent.c.entity_id.in_(sorted(many)),
            ),
            ent.c.status == plans.PUBLISHED,
            ent.c.feature_type == "metered",
            feature.c.meter_id.is_not(None),
        )
        .order_by(ent.c.id)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for each in in_force([dict(each) for each in connection.execute(query).mappings()], row):
        if each["is_enabled"]:
            found.setdefault(each["meter_id"], []).append(each)
    return [_together(meter_id, every, many, row) for meter_id, every in found.items()]


def in_force(rows: Iterable[Mapping[str, Any]], subscription: Row[Any]) -> list[dict[str, Any]]:
    """The entitlements of a subscription, its plan and its addons as they count for it: what it changed is changed,
    and one of its own counts instead of the one that it names as its parent."""
    known = [dict(row) for row in rows]
    replaced = {row["parent_entitlement_id"] for row in known if row["entity_type"] == "SUBSCRIPTION"}
    overrides = {each.get("entitlement_id"): each for each in subscription.agreed.get("override_entitlements") or ()}
    return [
        row | {name: said for name, said in overrides.get(row["id"], {}).items() if name in CHANGEABLE}
        for row in known
        if row["id"] not in replaced
    ]


def turn(reset: str | None, subscription: Row[Any], now: datetime) -> tuple[datetime, datetime | None]:
    """Since when the usage of an entitlement counts, and when it begins anew: with the billing period where it says
    nothing or the same, by the calendar (UTC) where it says another one, and for NEVER not again."""
    if reset == NEVER:
        return subscription.start_at, None
    unit = _reset(reset, subscription)
    if unit is None:
        return subscription.period_start, subscription.period_end
    begun = calendar_start(unit, now)
    return begun, moved(begun, unit, 1)


def addons_of(connection: Connection, subscription_id: str, span: Span) -> dict[str, int]:
    """The addons that a subscription has in this time, and how many of each."""
    kept = tables.subscription_addon.c
    query = (
        select(kept.addon_id, func.count())
        .where(
            kept.subscription_id == subscription_id,
            kept.start_at < span.end,
            or_(kept.end_at.is_(None), kept.end_at > span.start),
        )
        .group_by(kept.addon_id)
    )
    return {addon_id: int(many) for addon_id, many in connection.execute(query)}


def _together(meter_id: str, every: Sequence[Mapping[str, Any]], many: Mapping[str, int], row: Row[Any]) -> Allowance:
    """Entitlements of one meter: as most of them do, they begin anew (`plans.entitlements.aggregate` says the same)."""
    limit: Fraction | None = Fraction(0)
    for each in every:
        more = each["usage_limit"]
        limit = None if limit is None or more is None else limit + Fraction(more) * many.get(each["entity_id"], 1)
    resets = Counter(each["usage_reset_period"] for each in every if each["usage_reset_period"])
    reset = resets.most_common(1)[0][0] if resets else None
    return Allowance(meter_id, limit, _reset(reset, row), row.start_at if reset == NEVER else None)


def _reset(period: str | None, row: Row[Any]) -> Unit | None:
    """None where the allowance begins anew with the billing period anyway, or never."""
    reset = RESETS.get(period or "")
    return None if reset is None or (reset, 1) == (row.billing_period, row.billing_period_count) else reset
