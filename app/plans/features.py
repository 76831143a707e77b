"""Features: what a plan can promise. A metered one is counted by a meter, which may be made along with it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select

from app.kernel.errors import Rejected
from app.kernel.given import Given, written
from app.kernel.versions import ENTITLEMENTS
from app.metering import meter_book
from app.plans import tables
from app.plans.search import Condition, Page, chosen
from app.plans.search import search as page_of
from app.plans.shelf import Record, Shelf
from app.plans.tables import DELETED

METERED: Final = "metered"
TYPES: Final = (METERED, "boolean", "static", "config")
TOLD: Final = ("description", "unit_singular", "unit_plural")

shelf: Final = Shelf(tables.feature, "feat", "feature", "lookup_key", ENTITLEMENTS, "feature")
groups: Final = Shelf(tables.group, "group", "group", "lookup_key")


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A new feature, and its meter when one is described in it."""
    kind = given.choice("type", TYPES)
    values = _told(connection, given) | {
        "name": given.text("name"),
        "lookup_key": given.maybe("lookup_key") or None,
        "type": kind,
        "meter_id": _meter(connection, given, now) if kind == METERED else _no_meter(given),
    }
    return shelf.add(connection, values, actor=actor, now=now)


def get(connection: Connection, feature_id: str) -> Record:
    return shelf.get(connection, feature_id)


def change(connection: Connection, feature_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Its words and its group; and its meter's filters."""
    found = get(connection, feature_id)
    values = _told(connection, given)
    if given.has("name"):
        values["name"] = given.text("name")
    if given.has("filters"):
        if found["meter_id"] is None:
            raise given.wrong("filters", "are a meter's: this feature has none.")
        meter_book.change(connection, found["meter_id"], Given({"filters": given.raw["filters"]}), now=now)
    return shelf.change(connection, feature_id, values, actor=actor, now=now)


def clone(connection: Connection, feature_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Another feature like this one, on the same meter."""
    old = get(connection, feature_id)
    kept = {name: value for name, value in old.items() if name not in ("id", "created_at", "updated_at")}
    kept |= {"name": given.maybe("name") or f"{old['name']} (copy)", "lookup_key": given.maybe("lookup_key") or None}
    kept |= _told(connection, given)
    return shelf.add(connection, kept, actor=actor, now=now)


def delete(connection: Connection, feature_id: str, *, actor: str, now: datetime) -> None:
    """Take it off; `Rejected` "feature_in_use" while a plan promises it."""
    get(connection, feature_id)
    promised = select(tables.entitlement.c.id).where(
        tables.entitlement.c.feature_id == feature_id, tables.entitlement.c.status != DELETED
    )
    if connection.execute(promised).first() is not None:
        raise Rejected("Entitlements refer to this feature: delete them first.", code="feature_in_use")
    shelf.remove(connection, feature_id, actor=actor, now=now)


def search(connection: Connection, given: Given) -> Page:
    """Features by id, lookup key, meter, or a part of the name."""
    c = tables.feature.c
    wanted: list[Condition] = [
        *chosen(c.id, given, "feature_ids"),
        *chosen(c.lookup_key, given, "lookup_key"),
        *chosen(c.lookup_key, given, "lookup_keys"),
        *chosen(c.meter_id, given, "meter_ids"),
    ]
    if given.maybe("name_contains"):
        wanted.append(func.lower(c.name).contains(given.text("name_contains").lower(), autoescape=True))
    return page_of(connection, tables.feature, given, *wanted)


def _told(connection: Connection, given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {name: given.maybe(name, longest=2_000) for name in TOLD if given.has(name)}
    if given.maybe("group_id"):
        found["group_id"] = groups.get(connection, given.text("group_id"))["id"]
    if given.has("metadata"):
        found["metadata"] = given.labels()
    if (unit := given.maybe_object("reporting_unit")) is not None:
        found["reporting_unit"] = {
            "unit_singular": unit.maybe("unit_singular"),
            "unit_plural": unit.maybe("unit_plural"),
            "conversion_rate": written(unit.decimal("conversion_rate")) if unit.has("conversion_rate") else None,
        }
    if given.has("alert_settings"):
        raise given.wrong("alert_settings", "are for wallets: nothing watches a feature.")
    return found


def _meter(connection: Connection, given: Given, now: datetime) -> str:
    if given.maybe("meter_id"):
        return str(meter_book.usable(connection, given, "meter_id")["id"])
    if not given.has("meter"):
        raise given.wrong("meter", "is missing: a metered feature needs meter or meter_id.")
    return str(meter_book.create(connection, given.object("meter"), now=now)["id"])


def _no_meter(given: Given) -> str | None:
    if given.has("meter") or given.maybe("meter_id"):
        raise given.wrong("meter", "is for metered features.")
    return None
