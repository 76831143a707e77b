"""A plan changed in place, with a say in its periods and its addons: now, or when the period ends."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row

from app.billing import addons, agreeing, closing, prorating, schedules, subscriptions
from app.billing.items import fixed_worth
from app.billing.periods import Anchoring
from app.billing.prorating import NewPlan
from app.billing.rating import FIXED
from app.kernel.errors import Conflict
from app.kernel.given import Given
from app.metering.aggregate import Span

UNCHANGED, AT_EFFECT, AT_CONFIG = "unchanged", "anchor_at_effect", "anchor_at_config"
CARRY, DROP = "carry", "drop"
NOW, LATER = "immediate", "end_of_period"
#: Under this name a subscription keeps what was done under the keys of the last changes.
KEYS: Final = "change_keys"
MOST_KEYS: Final = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `drops` are the addons that go when the plan does."""

    to: NewPlan
    behaviour: str
    is_later: bool
    prorate: bool
    drops: tuple[str, ...]
    supersedes: bool
    key: str | None
    asked: str
    meta: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, in ids: kept under the key it was asked for with, so that asking again answers the same."""

    asked: str
    kind: str
    behaviour: str
    from_plan: str
    to_plan: str
    at: str
    is_later: bool
    ended: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    invoices: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()


def read(connection: Connection, given: Given, row: Row[Any], now: datetime) -> Wish:
    """The change as the wire asks for it, checked against the subscription."""
    config = given.maybe_object("billing_period_config") or Given({}, given.at("billing_period_config"))
    behaviour = given.choice("billing_period_behaviour", (UNCHANGED, AT_EFFECT, AT_CONFIG), UNCHANGED)
    if behaviour == UNCHANGED and any(config.has(name) for name in config.raw):
        raise given.wrong("billing_period_config", f"is for the billing_period_behaviour {AT_EFFECT} or {AT_CONFIG}.")
    is_later = given.choice("change_at", (NOW, LATER), NOW) == LATER
    same = {"billing_period": row.billing_period, "billing_period_count": row.billing_period_count}
    names = {"billing_period_unit": "billing_period", "billing_period_count": "billing_period_count"}
    wished = {name: config.raw[said] for said, name in names.items() if config.has(said)}
    target = Given({"target_plan_id": given.text("target_plan_id"), **same, **wished}, config.place)
    to = agreeing.read_change(connection, target, row, now)
    if config.maybe_choice("billing_cycle", tuple(Anchoring)) not in (None, row.billing_cycle):
        raise config.wrong("billing_cycle", f"stays {row.billing_cycle} when the plan changes.")
    anchor = agreeing.day(config, "billing_anchor")
    if (behaviour == AT_CONFIG) != (anchor is not None):
        raise config.wrong("billing_anchor", f"goes with the billing_period_behaviour {AT_CONFIG}.")
    has_own = behaviour == AT_CONFIG or (behaviour == AT_EFFECT and not to.is_other_rhythm(row))
    if has_own and row.billing_cycle == Anchoring.CALENDAR:
        raise given.wrong("billing_period_behaviour", f"must be {UNCHANGED}: its periods are the calendar's.")
    return Wish(
        replace(to, is_anew=behaviour != UNCHANGED, anchor=anchor),
        behaviour,
        is_later,
        given.choice("proration_behavior", agreeing.PRORATIONS) != "none",
        _drops(connection, given, row, now),
        _may_supersede(given),
        given.maybe("idempotency_key") or None,
        given.digest(),
        given.labels(),
    )


def _may_supersede(given: Given) -> bool:
    policies = given.maybe_object("on_conflict_policies") or Given({})
    return policies.choice("on_pending_schedule", ("reject", "supersede"), "reject") == "supersede"


def _drops(connection: Connection, given: Given, row: Row[Any], now: datetime) -> tuple[str, ...]:
    policies = given.maybe_object("entity_policies") or Given({})
    policy = policies.maybe_object("addons") or Given({})
    usual = policy.choice("default_behaviour", (CARRY, DROP), CARRY)
    overrides = policy.maybe_object("overrides") or Given({})
    mine = _addons(connection, row.id, now)
    if unknown := overrides.raw.keys() - set(mine):
        raise policy.wrong("overrides", f"names {min(unknown)[:100]}, which is no addon of this subscription.")
    return tuple(each for each in mine if overrides.choice(each, (CARRY, DROP), usual) == DROP)


def _addons(connection: Connection, subscription_id: str, now: datetime) -> list[str]:
    """Those that go on."""
    every = addons.of_subscription(connection, subscription_id)
    return [each.id for each in every if each.end_at is None or each.end_at > now]


def again(row: Row[Any], given: Given) -> Done | None:
    """What was done under the same key; `Conflict` where something else was asked for with it."""
    key = given.maybe("idempotency_key")
    kept = (row.agreed.get(KEYS) or {}).get(key) if key else None
    if kept is None:
        return None
    if kept["asked"] != given.digest():
        raise Conflict("This idempotency_key was used for another change.", code="version_conflict")
    said: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in kept.items()}
    return Done(**said)


def change(connection: Connection, subscription_id: str, wish: Wish, *, actor: str, now: datetime) -> Done:
    """Do it. `Conflict` where another change waits that may not be superseded."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    waiting = [each.id for each in schedules.of_subscription(row) if each.kind == schedules.PLAN_CHANGE]
    if waiting and not wish.supersedes:
        said = f"Another plan waits for the end of the period: cancel the schedule {waiting[0]}, or supersede it."
        raise Conflict(said, code="invalid_operation")
    done = Done(
        wish.asked, kind_of(connection, row, wish.to, now), wish.behaviour, row.plan_id, wish.to.plan_id,
        (row.period_end if wish.is_later else now).isoformat(), wish.is_later, superseded=tuple(waiting),
        dropped=wish.drops,
        carried=tuple(each for each in _addons(connection, row.id, now) if each not in wish.drops),
    )  # fmt: skip
    if wish.is_later:
        closing.plan_change_later(connection, row.id, replace(wish.to, drops=wish.drops), now=now)
    else:
        done = _at_once(connection, row, wish, done, actor, now)
    row = subscriptions.find(connection, row.id, lock=True)
    values: dict[str, Any] = {"meta": {**row.meta, **wish.meta}} if wish.meta else {}
    if wish.key:
        keys = [*(row.agreed.get(KEYS) or {}).items(), (wish.key, asdict(done))][-MOST_KEYS:]
        values["agreed"] = {**row.agreed, KEYS: dict(keys)}
    if values:
        subscriptions.change(connection, row, now, **values)
    return done


def _at_once(connection: Connection, row: Row[Any], wish: Wish, done: Done, actor: str, now: datetime) -> Done:
    made = list[Row[Any] | None]()
    for each in wish.drops:
        gone = addons.remove(
            connection, each, at=None, at_period_end=False, prorate=wish.prorate, reason="", actor=actor, now=now
        )
        made.append(gone.invoice)
    before = {line.id: line.end_at for line in subscriptions.lines_of(connection, row.id)}
    _, invoice, _ = closing.change_plan(connection, row.id, wish.to, prorate=wish.prorate, actor=actor, now=now)
    after = subscriptions.lines_of(connection, row.id)
    return replace(
        done,
        ended=tuple(line.id for line in after if line.id in before and before[line.id] != line.end_at),
        begun=tuple(line.id for line in after if line.id not in before),
        invoices=tuple(one.id for one in [*made, invoice] if one is not None),
    )


def kind_of(connection: Connection, row: Row[Any], to: NewPlan, now: datetime) -> str:
    """Dearer is an upgrade, cheaper a downgrade, by the plans' fixed prices of a period."""
    rest = Span(min(max(now, row.period_start), row.period_end), row.period_end)
    present = subscriptions.lines_of(connection, row.id, rest)
    old = fixed_worth([line for line in present if line.association_id is None])
    fixed = (prorating.worth(each.price, each.quantity) for each in to.lines if each.price["type"] == FIXED)
    new = sum(fixed, Fraction(0))
    return "upgrade" if new > old else "downgrade" if new < old else "lateral"
