"""`/events`: usage as it is sent, looked up and added up."""

import asyncio
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from app.api.billing import claims, wire
from app.api.billing.common import Billing, Body, OptionalBody, Query, read_json
from app.api.billing.usage import Names, usage_routes
from app.files.keeping import MB
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.metering import reading
from app.metering.batch import read_events
from app.metering.events import Event
from app.metering.ingest import Accepted
from app.metering.reading import Search, Seen
from app.plans.keys import BillingKey

MOST_EVENTS: Final = 1_000
MOST_RAW: Final = 10_000
MOST_BYTES: Final = 32 * MB
LARGEST_PAGE: Final = 1_000

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/events", tags=["events"])
    Key = Annotated[BillingKey, billing.key("events")]
    names = Names(billing.db)
    _taking_routes(api, billing, Key)
    _looking_routes(api, billing, Key, names)
    usage_routes(api, billing, Key, names, Body)
    return api


def _taking_routes(api: APIRouter, billing: Billing, Key: Any) -> None:
    """Events as they are sent: one, a thousand, ten thousand."""
    db, clock, ingest = billing.db, billing.clock, billing.services.ingest

    def take_in(given: list[Any], place: str) -> tuple[list[Event], Accepted]:
        claims.check(db, given, place)
        events = read_events(given, clock(), partial(new_id, "event"), place)
        return events, ingest.accept(events)

    @api.post("", status_code=202)
    async def one(_key: Key, request: Request) -> dict[str, str]:
        given = await read_json(request)
        (event,), accepted = await asyncio.to_thread(take_in, [given], "")
        said = {"message": "Event accepted for processing", "event_id": event.event_id}
        if accepted.conflicts:
            return said | {"message": "This event_id is known with another content; the first one counts.", **_conflict}
        return said | {"status": "repeated" if accepted.repeated else "new"}

    @api.post("/bulk", status_code=202)
    async def bulk(_key: Key, request: Request) -> dict[str, str]:
        given = await read_json(request, MOST_BYTES)
        return await many(_listed(given, MOST_EVENTS))

    @api.post("/raw/bulk", status_code=202)
    async def raw(_key: Key, request: Request) -> dict[str, str]:
        """Events as a list, or as `{"events": […]}`; ten thousand at once."""
        given = await read_json(request, MOST_BYTES)
        return await many(given if isinstance(given, list) else _listed(given, MOST_RAW), MOST_RAW)

    async def many(given: list[Any], most: int = MOST_EVENTS) -> dict[str, str]:
        if not 1 <= len(given) <= most:
            raise InvalidInput(f"events must have between 1 and {most} entries.", param="events")
        _, accepted = await asyncio.to_thread(take_in, given, "events")
        said = {
            "message": "Events accepted for processing",
            "accepted": str(accepted.new),
            "repeated": str(accepted.repeated),
            "conflicts": str(len(accepted.conflicts)),
        }
        return said | ({"conflicting_event_ids": ",".join(accepted.conflicts[:100])} if accepted.conflicts else {})


def _looking_routes(api: APIRouter, billing: Billing, Key: Any, names: Names) -> None:
    """Events as they were kept."""
    db = billing.db

    @api.get("/lookup")
    def lookup(_key: Key, query: Query) -> Wire:
        with db.read() as connection:
            found = reading.find(connection, query.text("id"))
            wanted = names.of(connection, query)
            if found is None or (wanted is not None and found.customer not in wanted):
                raise NotFound("There is no such event of this customer.", code="event_not_found")
            return {"event": shown(found), "status": "processed", **names.traced(connection, found)}

    @api.post("/query")
    def query(_key: Key, body: OptionalBody) -> Wire:
        event_id = body.maybe("event_id") or None
        with db.read() as connection:
            wanted = _search(connection, body, names)
            if event_id is not None:
                one = reading.find(connection, event_id)
                fits = one is not None and (wanted.customers is None or one.customer in wanted.customers)
                events, more, last = ([one] if one is not None and fits else []), False, None
            else:
                found = reading.search(connection, wanted)
                events, more, last = list(found.events), found.has_more, found.last_key
            unrated = names.unrated(connection, events)
        said = {
            "events": [shown(each) | {"unrated": each.event_id in unrated} for each in events],
            "has_more": more,
            "offset": wanted.offset,
            "iter_first_key": events[0].key if events else None,
            "iter_last_key": last if more else (events[-1].key if events else None),
        }
        return said | ({"total_count": len(events)} if not more and wanted.after is None and not wanted.offset else {})


def _search(connection: Connection, body: Given, names: Names) -> Search:
    size = body.integer("page_size", least=1, most=LARGEST_PAGE) if body.has("page_size") else 50
    return Search(
        customers=names.of(connection, body),
        name=body.maybe("event_name") or None,
        source=body.maybe("source") or None,
        start=body.maybe_moment("start_time"),
        end=body.maybe_moment("end_time"),
        properties=names.filters(body, "property_filters"),
        size=size,
        after=body.maybe("iter_last_key") or None,
        before=body.maybe("iter_first_key") or None,
        offset=body.maybe_integer("offset", most=10_000) or 0,
    )


_conflict: Final = {"status": "conflict"}


def _listed(given: object, most: int) -> list[Any]:
    found = given.get("events") if isinstance(given, dict) else None
    if not isinstance(found, list):
        raise InvalidInput(f"events must be a list of 1 to {most} events.", param="events")
    return found


def shown(seen: Seen) -> Wire:
    """An event on the wire; a figure stays the number or the text it was sent as."""
    return {
        "id": seen.event_id,
        "event_name": seen.name,
        "external_customer_id": seen.customer,
        "properties": dict(seen.properties),
        "source": seen.source,
        "timestamp": wire.moment(seen.at),
        "ingested_at": wire.moment(seen.received_at),
    }
