"""Entitlements: what a plan, an addon or a subscription promises of a feature, and what several promises come to."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from app.kernel.errors import Conflict, NotFound
from app.kernel.given import Given
from app.kernel.versions import ENTITLEMENTS
from app.plans import tables
from app.plans.allowed import LIMIT, read_limit
from app.plans.features import METERED, TYPES
from app.plans.features import shelf as features
from app.plans.search import Condition, Page, chosen
from app.plans.search import search as page_of
from app.plans.shelf import Record, Shelf

RESETS: Final = ("MONTHLY", "ANNUAL", "WEEKLY", "DAILY", "QUARTERLY", "HALF_YEARLY", "NEVER")
MODES: Final = ("additive",)
MOST_AT_ONCE: Final = 100
MOST_USAGE: Final = 2**53
ENTITIES: Final[Mapping[str, Shelf | None]] = {
    "PLAN": Shelf(tables.plan, "plan", "plan"),
    "ADDON": Shelf(tables.addon, "addon", "addon"),
    "SUBSCRIPTION": None,  # of a floor above: `billing.own_entitlements` looks it up
}

shelf: Final = Shelf(tables.entitlement, "ent", "entitlement", mark=ENTITLEMENTS, told="entitlement")


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A new promise; `Conflict` "already_exists" when there is one for the same feature."""
    kind, entity_id = _entity(connection, given)
    feature = features.find(connection, given.text("feature_id"))
    if feature is None:
        raise NotFound(
            f"There is no feature {given.text('feature_id')[:100]}.", param=given.at("feature_id"),
            code="feature_not_found",
        )  # fmt: skip
    if given.choice("feature_type", TYPES, feature["type"]) != feature["type"]:
        raise given.wrong("feature_type", f"must be {feature['type']}, which this feature is.")
    parent = _replaced(connection, kind, feature, given)
    _only_one(connection, kind, entity_id, feature, given)
    values = {
        "entity_type": kind, "entity_id": entity_id, "feature_id": feature["id"], "feature_type": feature["type"],
        "is_enabled": True, "is_soft_limit": False, "parent_entitlement_id": parent,
    } | _read(given, feature["type"])  # fmt: skip
    _complete(given, values, feature)
    return shelf.add(connection, values, actor=actor, now=now)


def change(connection: Connection, entitlement_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Take over what is given. A `usage_limit` that is given as null is without limit from then on."""
    old = shelf.get(connection, entitlement_id)
    values = _read(given, old["feature_type"])
    if "usage_limit" in given.raw and given.raw["usage_limit"] is None:
        values["usage_limit"] = None
    _complete(given, {**old, **values}, features.get(connection, old["feature_id"]))
    return shelf.change(connection, entitlement_id, values, actor=actor, now=now)


def search(connection: Connection, given: Given) -> Page:
    """Entitlements by what they hang on and by feature."""
    c = tables.entitlement.c
    wanted: list[Condition] = [
        *chosen(c.entity_id, given, "entity_ids"),
        *chosen(c.entity_type, given, "entity_type"),
        *chosen(c.feature_id, given, "feature_ids"),
        *chosen(c.feature_type, given, "feature_type"),
    ]
    if given.has("plan_ids"):
        wanted += [c.entity_type == "PLAN", *chosen(c.entity_id, given, "plan_ids")]
    if given.has("is_enabled"):
        wanted.append(c.is_enabled.is_(given.flag("is_enabled")))
    return page_of(connection, tables.entitlement, given, *wanted)


# --- several promises of one feature


@dataclass(frozen=True, slots=True)
class Source:
    """One promise that reaches a customer. `quantity` is how many of the plan or addon they have."""

    row: Record
    subscription_id: str
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Promise:
    """What all sources of a feature come to. `usage_limit` None is without limit; only metered ones have one."""

    feature_id: str
    feature_type: str
    is_enabled: bool
    usage_limit: int | None
    reset_period: str | None
    is_soft_limit: bool
    static_values: tuple[str, ...] = ()
    config_values: tuple[Mapping[str, Any], ...] = ()
    sources: tuple[Source, ...] = field(default=())


def aggregate(sources: Iterable[Source]) -> list[Promise]:
    """One promise for each feature: limits add up, one without limit wins, the period that most sources have counts
    (of as many, the first), and it is soft when any source is. Switched-off sources add nothing."""
    by_feature: dict[str, list[Source]] = {}
    for source in sources:
        by_feature.setdefault(source.row["feature_id"], []).append(source)
    return [_together(feature_id, found) for feature_id, found in by_feature.items()]


def _together(feature_id: str, found: Sequence[Source]) -> Promise:
    live = [source for source in found if source.row["is_enabled"]]
    limits = [None if each.row["usage_limit"] is None else each.row["usage_limit"] * each.quantity for each in live]
    resets = Counter(each.row["usage_reset_period"] for each in live if each.row["usage_reset_period"])
    kind = found[0].row["feature_type"]
    return Promise(
        feature_id=feature_id,
        feature_type=kind,
        is_enabled=bool(live),
        usage_limit=None if kind != METERED or None in limits else sum(each for each in limits if each is not None),
        reset_period=resets.most_common(1)[0][0] if resets else None,
        is_soft_limit=any(each.row["is_soft_limit"] for each in live),
        static_values=tuple(dict.fromkeys(each.row["static_value"] for each in live if each.row["static_value"])),
        config_values=tuple(each.row["config_value"] for each in live if each.row["config_value"]),
        sources=tuple(found),
    )


def _read(given: Given, feature_type: str) -> dict[str, Any]:
    found: dict[str, Any] = {name: given.flag(name) for name in ("is_enabled", "is_soft_limit") if given.has(name)}
    for name, allowed in (("usage_reset_period", RESETS), ("aggregation_mode", MODES)):
        if given.maybe(name):
            found[name] = given.choice(name, allowed)
    if given.has("usage_limit"):
        if feature_type != METERED:
            raise given.wrong("usage_limit", "is for metered features.")
        found["usage_limit"] = given.integer("usage_limit", most=MOST_USAGE)
    for name, kind in (("static_value", "static"), ("config_value", "config")):
        if given.raw.get(name) not in (None, "", {}) and feature_type != kind:
            raise given.wrong(name, f"is for {kind} features.")
    if found.get("is_soft_limit") and feature_type != METERED:
        raise given.wrong("is_soft_limit", f"is for {METERED} features.")
    if given.maybe("static_value"):
        found["static_value"] = given.text("static_value")
    if given.has("config_value"):
        found["config_value"] = dict(given.object("config_value").raw)
    return found


def _complete(given: Given, values: Mapping[str, Any], feature: Record) -> None:
    """What each kind of feature cannot do without, and a limit that requests can be measured by."""
    if values["feature_type"] == "static" and not values.get("static_value"):
        raise given.wrong("static_value", "is missing: that is what a static feature promises.")
    if values["feature_type"] == "config" and not values.get("config_value"):
        raise given.wrong("config_value", "is missing: that is what a config feature promises.")
    if (feature["lookup_key"] or "").startswith(LIMIT):
        read_limit(feature["lookup_key"], values.get("static_value"), values.get("config_value"), plan="")


def _entity(connection: Connection, given: Given) -> tuple[str, str]:
    if given.maybe("plan_id"):
        kind, entity_id, name = "PLAN", given.text("plan_id"), "plan_id"
    else:
        kind, entity_id, name = given.choice("entity_type", tuple(ENTITIES)), given.text("entity_id"), "entity_id"
    shelf_of = ENTITIES[kind]
    if shelf_of is not None and shelf_of.find(connection, entity_id) is None:
        raise NotFound(
            f"There is no {shelf_of.noun} {entity_id[:100]}.", param=given.at(name), code=f"{shelf_of.noun}_not_found"
        )
    return kind, entity_id


def _replaced(connection: Connection, kind: str, feature: Record, given: Given) -> str | None:
    """The plan's entitlement that one of a subscription counts instead of."""
    name = "parent_entitlement_id"
    if not given.maybe(name):
        return None
    if kind != "SUBSCRIPTION":
        raise given.wrong(name, "is for entitlements of a subscription: they count instead of their plan's.")
    parent = shelf.get(connection, given.text(name))
    if parent["entity_type"] == "SUBSCRIPTION" or parent["feature_id"] != feature["id"]:
        raise given.wrong(name, "must be an entitlement of a plan or an addon to the same feature.")
    return str(parent["id"])


def _only_one(connection: Connection, kind: str, entity_id: str, feature: Record, given: Given) -> None:
    c = tables.entitlement.c
    known = (c.entity_type == kind) & (c.entity_id == entity_id) & (c.feature_id == feature["id"])
    if shelf.all(connection, known):
        raise Conflict(
            f"There is an entitlement to {feature['name']} here already: change that one.",
            param=given.at("feature_id"), code="already_exists",
        )  # fmt: skip
