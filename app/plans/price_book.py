"""Prices as they are kept: made, found, ended. What a price costs never changes: it ends, and a successor begins."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select, update

from app.kernel.errors import Conflict, InvalidInput, NotFound, Rejected
from app.kernel.given import Given
from app.plans import tables
from app.plans.price_reader import WINDOWS, read_charge, read_price
from app.plans.search import Condition, Page, chosen
from app.plans.search import search as page_of
from app.plans.shelf import Record, Shelf
from app.plans.tables import DELETED

MOST_AT_ONCE: Final = 100
#: What a price may hang on, and where that is kept. A subscription's own prices are checked by who makes them.
ENTITIES: Final = {
    "PLAN": Shelf(tables.plan, "plan", "plan"),
    "ADDON": Shelf(tables.addon, "addon", "addon"),
    "COSTSHEET": Shelf(tables.cost_sheet, "cost", "cost sheet"),
    "SUBSCRIPTION": None,
}
#: Given on an update, these make a successor; anything else changes the price itself.
COSTS: Final = (
    "amount", "billing_model", "tier_mode", "tiers", "transform_quantity", "price_unit_amount", "price_unit_tiers",
    "bucket_size",
)  # fmt: skip
TOLD: Final = ("display_name", "description", "group_id", "lookup_key")

_shelf = Shelf(tables.price, "price", "price")
_price = tables.price


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A new price on a plan, an addon, a cost sheet or a subscription."""
    if given.raw.get("entity_type") == "PRICE":
        raise given.wrong("entity_type", "PRICE is not served: give a subscription's override_line_items.")
    kind = given.choice("entity_type", tuple(ENTITIES))
    entity_id = given.text("entity_id")
    shelf = ENTITIES[kind]
    if shelf is not None and shelf.find(connection, entity_id) is None:
        raise InvalidInput(
            f"There is no {shelf.noun} {entity_id[:100]}.", param=given.at("entity_id"),
            code=f"{shelf.noun.replace(' ', '_')}_not_found",
        )  # fmt: skip
    row = read_price(connection, given, now)
    _free_lookup_key(connection, row["lookup_key"], kind, entity_id, given)
    _known_group(connection, given)
    sequence = _next_sequence(connection, kind, entity_id)
    row |= {"entity_type": kind, "entity_id": entity_id, "parent_price_id": None, "sequence": sequence}
    return _shelf.add(connection, row, actor=actor, now=now)


def create_many(connection: Connection, given: Given, *, actor: str, now: datetime) -> list[Record]:
    """1 to 100 prices, all or none."""
    return [
        create(connection, each, actor=actor, now=now) for each in given.objects("items", least=1, most=MOST_AT_ONCE)
    ]


def get(connection: Connection, price_id: str) -> Record:
    return _shelf.get(connection, price_id)


def by_lookup_key(connection: Connection, lookup_key: str, now: datetime) -> Record:
    """The price of this name that holds now, else the newest. `NotFound`."""
    query = select(_price).where(_price.c.lookup_key == lookup_key, _price.c.status != DELETED)
    rows = [dict(row) for row in connection.execute(query.order_by(_price.c.id.desc())).mappings()]
    if not rows:
        raise NotFound(f"There is no price {lookup_key[:100]}.", code="price_not_found")
    return next((row for row in rows if _holds(row, now)), rows[0])


def change(connection: Connection, price_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """What it is called changes in place. What it costs makes a successor that begins at `effective_from` (or now),
    where this one ends; the successor is answered."""
    old = get(connection, price_id)
    told: dict[str, Any] = {name: given.maybe(name) for name in TOLD if given.has(name)}
    if given.has("metadata"):
        told["metadata"] = given.labels()
    _known_group(connection, given)
    if "lookup_key" in told and told["lookup_key"] != old["lookup_key"]:
        _free_lookup_key(connection, told["lookup_key"], old["entity_type"], old["entity_id"], given)
    if not any(given.has(name) for name in COSTS):
        if given.has("effective_from"):
            raise given.wrong("effective_from", "is for what it costs: names change at once.")
        return _shelf.change(connection, price_id, told, actor=actor, now=now)
    at = given.maybe_moment("effective_from") or now
    _end(connection, old, at, actor=actor, now=now)
    kept = {name: value for name, value in old.items() if name not in ("id", "created_at", "updated_at")}
    kept |= read_charge(connection, given, old) | told
    if given.has("bucket_size"):
        if old["type"] != "USAGE":
            raise given.wrong("bucket_size", "is for usage prices.")
        kept["bucket_size"] = given.maybe_choice("bucket_size", WINDOWS)
    sequence = _next_sequence(connection, old["entity_type"], old["entity_id"])
    kept |= {"parent_price_id": price_id, "start_date": at, "end_date": old["end_date"], "sequence": sequence}
    return _shelf.add(connection, kept, actor=actor, now=now)


def end(connection: Connection, price_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """Let it end at `end_date`, or now. Usage until then is still charged by it."""
    old = get(connection, price_id)
    _end(connection, old, given.maybe_moment("end_date") or now, actor=actor, now=now)
    return get(connection, price_id)


def copy(connection: Connection, plan_id: str, to_plan: str, *, actor: str, now: datetime) -> None:
    """The prices of a plan that have not ended, on another one, from now on."""
    for row in rows_of(connection, "PLAN", [plan_id]):
        if row["end_date"] is not None and row["end_date"] <= now:
            continue
        kept = {name: value for name, value in row.items() if name not in ("id", "created_at", "updated_at")}
        kept |= {"entity_id": to_plan, "parent_price_id": None, "start_date": max(row["start_date"], now)}
        _shelf.add(connection, kept, actor=actor, now=now)


def rows_of(connection: Connection, kind: str, ids: Iterable[str]) -> Sequence[Record]:
    """As they are kept, the oldest first."""
    wanted = (_price.c.entity_type == kind) & _price.c.entity_id.in_(sorted(set(ids)))
    return _shelf.all(connection, wanted)


def search(connection: Connection, given: Given, now: datetime) -> Page:
    """Prices by id, entity, meter, plan or period; ended ones only with `allow_expired_prices`."""
    c = _price.c
    wanted: list[Condition] = [
        *chosen(c.id, given, "price_ids"),
        *chosen(c.entity_id, given, "entity_ids"),
        *chosen(c.entity_type, given, "entity_type"),
        *chosen(c.meter_id, given, "meter_ids"),
        *chosen(c.parent_price_id, given, "parent_price_id"),
        *chosen(c.billing_period, given, "billing_periods"),
        *chosen(c.lookup_key, given, "lookup_keys"),
    ]
    if given.has("plan_ids"):
        wanted += [c.entity_type == "PLAN", *chosen(c.entity_id, given, "plan_ids")]
    if given.has("subscription_id"):
        wanted += [c.entity_type == "SUBSCRIPTION", c.entity_id == given.text("subscription_id")]
    if (before := given.maybe_moment("start_date_lt")) is not None:
        wanted.append(c.start_date < before)
    if (after := given.maybe_moment("updated_after")) is not None:
        wanted.append(c.updated_at > after)
    if not given.flag("allow_expired_prices"):
        wanted.append(or_(c.end_date.is_(None), c.end_date > now))
    return page_of(connection, _price, given, *wanted)


def _end(connection: Connection, old: Record, at: datetime, *, actor: str, now: datetime) -> None:
    if at < old["start_date"]:
        raise InvalidInput("A price cannot end before it begins.", param="end_date")
    if old["end_date"] is not None and old["end_date"] <= at:
        raise Rejected(f"The price {old['id']} ended already.", code="price_ended")
    still = or_(_price.c.end_date.is_(None), _price.c.end_date > at)  # two who end it at once: one does
    gone = update(_price).where(_price.c.id == old["id"], still)
    if connection.execute(gone.values(end_date=at, updated_by=actor, updated_at=now)).rowcount != 1:
        raise Conflict(f"Somebody else has just ended the price {old['id']}.", code="price_ended")


def _holds(row: Record, at: datetime) -> bool:
    return bool(row["start_date"] <= at and (row["end_date"] is None or at < row["end_date"]))


def _free_lookup_key(connection: Connection, lookup_key: Any, kind: str, entity_id: str, given: Given) -> None:
    """Within a plan, an unended price has its name for itself; its successors inherit it."""
    if not lookup_key:
        return
    taken = select(_price.c.id).where(
        _price.c.lookup_key == lookup_key, _price.c.entity_type == kind, _price.c.entity_id == entity_id,
        _price.c.end_date.is_(None), _price.c.status != DELETED,
    )  # fmt: skip
    if connection.execute(taken).first() is not None:
        raise Conflict(
            f"Another price here has the lookup_key {lookup_key!r} already.", param=given.at("lookup_key"),
            code="already_exists",
        )  # fmt: skip


def _known_group(connection: Connection, given: Given) -> None:
    if given.maybe("group_id"):
        Shelf(tables.group, "group", "group").get(connection, given.text("group_id"))


def _next_sequence(connection: Connection, kind: str, entity_id: str) -> int:
    highest = select(func.max(_price.c.sequence)).where(_price.c.entity_type == kind, _price.c.entity_id == entity_id)
    return int(connection.execute(highest).scalar() or 0) + 1
