"""What a price list is made of besides prices: plans, addons, groups, price units, cost sheets."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, select

from app.kernel.errors import Rejected
from app.kernel.given import Given, written
from app.kernel.versions import ENTITLEMENTS
from app.plans import price_book, tables
from app.plans.customers import currency
from app.plans.search import Condition, Page, chosen
from app.plans.search import search as page_of
from app.plans.shelf import Record, Shelf
from app.plans.tables import DELETED

LONGEST: Final = 2_000

plans: Final = Shelf(tables.plan, "plan", "plan", "lookup_key")
addons: Final = Shelf(tables.addon, "addon", "addon", "lookup_key")
groups: Final = Shelf(tables.group, "group", "group", "lookup_key")
price_units: Final = Shelf(tables.price_unit, "price_unit", "price unit", "code")
cost_sheets: Final = Shelf(tables.cost_sheet, "cost", "cost sheet", "lookup_key")
_entitlements: Final = Shelf(tables.entitlement, "ent", "entitlement", mark=ENTITLEMENTS)

# --- plans


def create_plan(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    values = _plan(given) | {"name": given.text("name")}
    return plans.add(connection, values, actor=actor, now=now)


def change_plan(connection: Connection, plan_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    return plans.change(connection, plan_id, _plan(given), actor=actor, now=now)


def clone_plan(connection: Connection, plan_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Another plan with the prices that hold now and the same entitlements."""
    old = plans.get(connection, plan_id)
    values = {name: old[name] for name in ("description", "display_order", "metadata")} | _plan(given)
    values |= {"name": given.maybe("name") or f"{old['name']} (copy)", "lookup_key": given.maybe("lookup_key") or None}
    made = plans.add(connection, values, actor=actor, now=now)
    price_book.copy(connection, plan_id, made["id"], actor=actor, now=now)
    for row in entitlements_of(connection, "PLAN", [plan_id]):
        kept = {name: value for name, value in row.items() if name not in ("id", "created_at", "updated_at")}
        _entitlements.add(connection, kept | {"entity_id": made["id"]}, actor=actor, now=now)
    return made


def entitlements_of(connection: Connection, kind: str, ids: Iterable[str]) -> list[Record]:
    """What these plans (or addons, …) promise."""
    c = tables.entitlement.c
    return list(_entitlements.all(connection, (c.entity_type == kind) & c.entity_id.in_(sorted(set(ids)))))


def _plan(given: Given) -> dict[str, Any]:
    found = _told(given)
    if given.has("display_order"):
        found["display_order"] = given.integer("display_order", least=-(2**31), most=2**31 - 1)
    return found


# --- addons


def create_addon(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    values = _told(given) | {"name": given.text("name"), "lookup_key": given.text("lookup_key")}
    return addons.add(connection, values, actor=actor, now=now)


def change_addon(connection: Connection, addon_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    values = {name: value for name, value in _told(given).items() if name != "lookup_key"}
    return addons.change(connection, addon_id, values, actor=actor, now=now)


# --- groups


def create_group(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    values = {
        "name": given.text("name"),
        "lookup_key": given.text("lookup_key"),
        "entity_type": given.choice("entity_type", ("price", "feature")),
        "metadata": given.labels(),
    }
    return groups.add(connection, values, actor=actor, now=now)


def in_group(connection: Connection, group: Record) -> list[str]:
    """The ids of the prices or features in a group."""
    table = tables.price if group["entity_type"] == "price" else tables.feature
    query = select(table.c.id).where(table.c.group_id == group["id"], table.c.status != DELETED)
    return list(connection.execute(query.order_by(table.c.id)).scalars())


# --- price units


def create_price_unit(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A unit such as a credit: so much of its base currency. Its code has any length."""
    values = {
        "code": given.text("code"),
        "name": given.text("name"),
        "symbol": given.text("symbol"),
        "base_currency": currency(given, "base_currency"),
        "conversion_rate": written(given.decimal("conversion_rate", above=Decimal(0))),
        "metadata": given.labels(),
    }
    return price_units.add(connection, values, actor=actor, now=now)


def change_price_unit(connection: Connection, unit_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Its name and metadata; what it is worth stays."""
    return price_units.change(connection, unit_id, _told(given, "name"), actor=actor, now=now)


def delete_price_unit(connection: Connection, unit_id: str, *, actor: str, now: datetime) -> None:
    """`Rejected` "price_unit_in_use" while an unended price uses it."""
    price_units.get(connection, unit_id)
    c = tables.price.c
    used = select(c.id).where(c.price_unit_id == unit_id, c.end_date.is_(None), c.status != DELETED)
    if connection.execute(used).first() is not None:
        raise Rejected("Prices use this unit: end them first.", code="price_unit_in_use")
    price_units.remove(connection, unit_id, actor=actor, now=now)


# --- cost sheets


def create_cost_sheet(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    return cost_sheets.add(connection, _told(given) | {"name": given.text("name")}, actor=actor, now=now)


def change_cost_sheet(connection: Connection, sheet_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    return cost_sheets.change(connection, sheet_id, _told(given), actor=actor, now=now)


def active_cost_sheet(connection: Connection) -> Record | None:
    """The newest one."""
    found = cost_sheets.all(connection)
    return found[-1] if found else None


# --- together


def search(connection: Connection, shelf: Shelf, given: Given, **fields: str) -> Page:
    """Things of a shelf; `fields` says which of what is given narrows which column (`plan_ids="id"`)."""
    wanted: list[Condition] = []
    for name, column in fields.items():
        wanted += chosen(shelf.table.c[column], given, name)
    return page_of(connection, shelf.table, given, *wanted)


def _told(given: Given, *only: str) -> dict[str, Any]:
    """The words of a thing that are given: a blank lookup key is none."""
    found: dict[str, Any] = {}
    for name in only or ("name", "lookup_key", "description"):
        if given.has(name):
            found[name] = given.text(name) if name == "name" else given.maybe(name, longest=LONGEST)
    if "lookup_key" in found:
        found["lookup_key"] = given.maybe("lookup_key") or None
    if given.has("metadata"):
        found["metadata"] = given.labels()
    return found
