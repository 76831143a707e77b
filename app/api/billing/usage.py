"""How much was used: by event, by meter, and broken down; and which customers and prices an event belongs to."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import orjson
from fastapi import APIRouter, Response
from fastapi.encoders import jsonable_encoder
from sqlalchemy import Connection, select

from app.api.billing import show, wire
from app.api.billing.common import Billing
from app.api.billing.unserved import expands
from app.billing import unrated, usage_cost
from app.billing.usage_cost import Cost
from app.kernel.db import Database
from app.kernel.given import Given
from app.metering import meter_book
from app.metering.aggregate import Aggregation, Span
from app.metering.analytics import CUSTOMER, SOURCE, Asked, Counted, Total, count, is_addable
from app.metering.apart import canonical
from app.metering.cells import Wanted
from app.metering.meters import Meter
from app.metering.reading import Seen
from app.metering.windows import SIZES
from app.plans import customers, features
from app.plans import tables as plans

LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
USUAL_SPAN: Final = timedelta(days=30)
MOST_GROUPS: Final = 5
PROPERTY: Final = "properties."

Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """What names in a request mean here."""

    db: Database

    def of(self, connection: Connection, given: Given) -> Collection[str] | None:
        """The names under which a customer's usage is kept; None when no customer is named. A name that no customer
        has may still have usage: events are kept whoever they are of."""
        if given.maybe("external_customer_id"):
            name = given.text("external_customer_id")
            found = customers.find_external(connection, name)
            return {name} if found is None else {name, found.workspace_id}
        if given.maybe("customer_id"):
            found = customers.get(connection, given.text("customer_id"))
            return {found.external_id, found.workspace_id}
        return None

    def filters(self, given: Given, name: str) -> dict[str, list[str]]:
        """`{property: [values]}`, as filters compare them."""
        asked = given.maybe_object(name)
        if asked is None:
            return {}
        return {key: [canonical(value) for value in asked.entries(key, most=200)] for key in asked.raw}

    def unrated(self, connection: Connection, events: Sequence[Seen]) -> set[str]:
        """Those that no price pays for."""
        book = unrated.Book.read(connection)
        return {each.event_id for each in events if not book.rates(each.customer, each.name, each.properties, each.at)}

    def traced(self, connection: Connection, seen: Seen) -> Wire:
        """Which meters read an event and which prices pay for it, as the debug tracker of a lookup shows it."""
        book = unrated.Book.read(connection)
        meters = [meter for meter in meter_book.every(connection) if meter.reads(seen.name, seen.properties)]
        prices = book.prices_for(seen.customer, seen.name, seen.properties, seen.at)
        customer = customers.find(connection, seen.customer)
        tracker = {
            "customer_lookup": {"status": "found" if customer is not None else "not_found"},
            "meter_matching": {
                "status": "found" if meters else "not_found",
                "matched_meters": [{"meter_id": meter.id, "event_name": seen.name} for meter in meters],
            },
            "price_lookup": {
                "status": "found" if prices else "not_found",
                "matched_prices": [
                    {"meter_id": each.meter_id, "price_id": each.id, "status": "found"} for each in prices
                ],
            },
        }
        is_unrated = not book.rates(seen.customer, seen.name, seen.properties, seen.at)
        if is_unrated:
            missing = "price_lookup" if meters else "meter_lookup"
            tracker["failure_point"] = {"failure_point_type": missing}
        return {"unrated": is_unrated, "debug_tracker": tracker, "processed_events": []}


def usage_routes(api: APIRouter, billing: Billing, Key: Any, names: Names, Body: Any) -> None:
    """The questions that are answered with sums. What is not in them yet is added up first: whoever asks about
    everybody would otherwise read those events one by one."""
    db, clock, catch_up = billing.db, billing.clock, billing.services.ingest.catch_up

    @api.post("/usage")
    def usage(_key: Key, body: Body) -> Wire:
        catch_up()
        with db.read() as connection:
            meter = _meter_of_request(body)
            asked = _asked(connection, names, body, clock(), "filters")
            return _answered(meter, asked, count(connection, [meter], asked)[meter.id], body.text("event_name"))

    @api.post("/usage/meter")
    def by_meter(_key: Key, body: Body) -> Wire:
        catch_up()
        with db.read() as connection:
            row = meter_book.get(connection, body.text("meter_id"))
            meter = meter_book.meter_of(row)
            asked = _asked(connection, names, body, clock(), "filters")
            return _answered(meter, asked, count(connection, [meter], asked)[meter.id], meter.event_name)

    @api.post("/analytics", response_model=Wire)
    def analytics(_key: Key, body: Body) -> Response:
        catch_up()
        with db.read() as connection:
            said = _analysed(connection, names, body, clock())
        # Half a megabyte of it is nothing that the framework need look through first.
        return Response(orjson.dumps(said, default=jsonable_encoder), media_type="application/json")


def span_of(given: Given, now: datetime) -> Span:
    """The time that is asked for: usually the last days."""
    end = min(given.maybe_moment("end_time") or now, LATEST)  # "for ever" is often written as the year 9999
    start = given.maybe_moment("start_time") or end - USUAL_SPAN
    if start >= end:
        raise given.wrong("start_time", "must be before end_time.")
    return Span(start, end)


def _asked(
    connection: Connection, names: Names, given: Given, now: datetime, filters: str, by: Sequence[str] = ()
) -> Asked:
    window, bucket = given.maybe_choice("window_size", SIZES), given.maybe_choice("bucket_size", SIZES)
    if window and bucket and window != bucket:
        raise given.wrong("bucket_size", "is another name for window_size: give one of them.")
    window = window or bucket
    only = names.filters(given, filters)
    sources = list(given.texts("sources"))
    if sources:
        only[SOURCE] = sources
    wanted = Wanted(
        span_of(given, now), names.of(connection, given), window,
        by_customer=CUSTOMER in by, by_source=SOURCE in by or bool(sources),
    )  # fmt: skip
    return Asked(wanted, by, only)


def _meter_of_request(given: Given) -> Meter:
    how = Aggregation(given.choice("aggregation_type", tuple(Aggregation)))
    name = given.maybe("property_name") or ""
    if how is not Aggregation.COUNT and not name:
        raise given.wrong("property_name", f"is missing: {how} needs to know what to read.")
    multiplier = given.maybe_decimal("multiplier", above=Decimal(0))
    if multiplier not in (None, 1) and how is not Aggregation.SUM_WITH_MULTIPLIER:
        raise given.wrong("multiplier", f"is for {Aggregation.SUM_WITH_MULTIPLIER}.")
    return Meter(
        "asked", name or "events", given.text("event_name"), how, (name,) if name else (),
        multiplier=Fraction(multiplier) if multiplier is not None else Fraction(1),
    )  # fmt: skip


def _answered(meter: Meter, asked: Asked, counted: Counted, event_name: str) -> Wire:
    """`value` and the points are JSON numbers: so the SDK has them."""
    total = counted.totals.get((), Total())
    points = counted.points.get((), {})
    return {
        "type": meter.aggregation.value,
        "event_name": event_name,
        "value": float(total.amount),
        "results": [
            {"window_size": wire.moment(start), "value": float(points[start].amount)} for start in sorted(points)
        ],
    }


def _analysed(connection: Connection, names: Names, given: Given, now: datetime) -> Wire:
    groups = given.texts("group_by", most=MOST_GROUPS)
    by = [_dimension(given, name) for name in groups if name not in ("feature_id", "meter_id")]
    asked = _asked(connection, names, given, now, "property_filters", by)
    by_meter = _features(connection, given.texts("feature_ids"))
    meters = [
        meter
        for meter in meter_book.every(connection)
        if (not given.raw.get("feature_ids") or meter.id in by_meter)
        and (asked.wanted.customers is not None or is_addable(meter))
    ]
    counted = count(connection, meters, asked)
    cost = None if by or asked.only else _cost(connection, given, asked.wanted.span)
    items = [
        item
        for meter in meters
        for item in _items(meter, by_meter.get(meter.id), asked, counted[meter.id], _priced(cost, meter))
    ]
    _expand(connection, given, items)
    said: Wire = {"items": items, "custom_analytics": []}
    if cost is not None:
        named = {item["meter_id"] for item in items}
        whole = sum((amount for meter_id, amount in cost.by_meter.items() if meter_id in named), Fraction(0))
        said |= {"total_cost": wire.decimal(whole), "currency": cost.currency.lower()}
    return said


def _expand(connection: Connection, given: Given, items: Sequence[Wire]) -> None:
    """What is wished for beside the figures."""
    wish = expands(given.raw)
    for item in items:
        if "meter" in wish:
            item["meter"] = show.meter(meter_book.get(connection, item["meter_id"]))
        if "feature" in wish and item["feature_id"] is not None:
            item["feature"] = show.feature(connection, features.shelf.get(connection, item["feature_id"]))


def _cost(connection: Connection, given: Given, span: Span) -> Cost | None:
    """Of one customer, and of all that they used: a tier cannot be divided among those who shared it."""
    found = customers.named(connection, given, required=False) if _is_customer(connection, given) else None
    return None if found is None else usage_cost.cost_of(connection, found.id, found.external_id, span)


def _is_customer(connection: Connection, given: Given) -> bool:
    name = given.maybe("external_customer_id")
    return given.has("customer_id") or bool(name and customers.find_external(connection, name))


def _priced(cost: Cost | None, meter: Meter) -> Wire:
    if cost is None:
        return {}
    return {"total_cost": wire.decimal(cost.by_meter.get(meter.id, Fraction(0))), "currency": cost.currency.lower()}


def _dimension(given: Given, name: str) -> str:
    if name == SOURCE:
        return SOURCE
    if name in ("external_customer_id", "customer_id"):
        return CUSTOMER
    if name.startswith(PROPERTY) and len(name) > len(PROPERTY):
        return name.removeprefix(PROPERTY)
    raise given.wrong("group_by", "names source, feature_id, external_customer_id or properties.<name>.")


def _features(connection: Connection, ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Features by the meter they count with."""
    c = plans.feature.c
    query = select(c.id, c.name, c.meter_id).where(c.meter_id.is_not(None), c.status == plans.PUBLISHED).order_by(c.id)
    if wanted := sorted(set(ids)):
        query = query.where(c.id.in_(wanted))
    return {row["meter_id"]: dict(row) for row in connection.execute(query).mappings()}


def _items(
    meter: Meter, feature: Mapping[str, Any] | None, asked: Asked, counted: Counted, priced: Wire
) -> Iterator[Wire]:
    """What a meter read, group by group: there may be thousands, so what they share is put together once."""
    head: Wire = {
        "meter_id": meter.id,
        "feature_id": None if feature is None else feature["id"],
        "name": meter.name if feature is None else feature["name"],
        "event_name": meter.event_name,
        "aggregation_type": meter.aggregation.value,
    }
    if asked.wanted.window is not None:
        head["window_size"] = asked.wanted.window
    beside = {SOURCE: "source", CUSTOMER: "external_customer_id"}
    outer = [(place, beside[name]) for place, name in enumerate(asked.by) if name in beside]
    inner = [(place, name) for place, name in enumerate(asked.by) if name not in beside]
    for group in sorted(counted.totals):
        total = counted.totals[group]
        yield {
            **head,
            "total_usage": wire.decimal(total.amount),
            "event_count": total.events,
            "properties": {name: group[place] for place, name in inner},
            "points": _points(counted.points.get(group, {})),
            **{field: group[place] for place, field in outer},
            **priced,
        }


def _points(points: Mapping[datetime, Total]) -> list[Wire]:
    return [
        {
            "timestamp": wire.moment(start),
            "usage": wire.decimal(points[start].amount),
            "event_count": points[start].events,
        }
        for start in sorted(points)
    ]
