"""What a process does for the health of routes when no request does: asks providers, and times deliveries.

A probe proves address and key through `Provider.check` and buys nothing. A provider in trouble is asked often, one that
was just used not at all, the others now and then.
"""

import asyncio
import logging
from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import Connection, RowMapping, func, select

from app.generation import rows
from app.generation.desk import Desk
from app.generation.health import HEALTH
from app.generation.provider_health import MODEL, PROVIDER, ROUTE
from app.kernel.errors import FareboxError
from app.kernel.ids import earliest_id

#: How long a provider that is well is left alone after a delivery or a probe.
RESTED = timedelta(minutes=5)
PROBE_SECONDS = 20.0
#: Deliveries that a route's time is taken from.
TIMED = timedelta(hours=6)
SAMPLE = 2_000
log = logging.getLogger(__name__)


async def tend(desk: Desk) -> int:
    """One turn of the chore. Answers how many providers were asked."""
    now = desk.clock()
    await desk.router.health.timed(await desk.read(_milliseconds, now))
    due = await desk.read(_due, now)
    await asyncio.gather(*(_probe(desk, provider_id) for provider_id in due))
    return len(due)


async def _probe(desk: Desk, provider_id: str) -> None:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await (await desk.providers.get(provider_id)).check()
        trouble = None
    except TimeoutError:
        trouble = f"{provider_id} did not answer within {PROBE_SECONDS:.0f} s."
    except FareboxError as error:
        trouble = error.message
    if trouble is not None:
        log.warning("the probe of %s found: %s", provider_id, trouble)
    await desk.router.health.checked(provider_id, trouble)


def _due(connection: Connection, now: datetime) -> list[str]:
    """Providers that serve something and are in trouble, or of which nothing was heard for a while."""
    served = (
        select(PROVIDER.c.id)
        .join(ROUTE, ROUTE.c.provider_id == PROVIDER.c.id)
        .join(MODEL, MODEL.c.id == ROUTE.c.model_id)
        .where(PROVIDER.c.enabled, PROVIDER.c.api_key_sealed.is_not(None), ROUTE.c.enabled, MODEL.c.enabled)
        .distinct()
        .order_by(PROVIDER.c.id)
    )
    health = {row["subject"]: row for row in connection.execute(select(HEALTH)).mappings()}
    a = rows.ATTEMPT.c
    used = select(a.provider_id, func.max(a.updated_at)).where(
        a.id >= earliest_id("att", now - 2 * RESTED), a.state == "delivered", a.updated_at >= now - RESTED
    )
    lately = {provider_id for provider_id, _ in connection.execute(used.group_by(a.provider_id)).tuples()}
    return [one for one in connection.execute(served).scalars() if _is_due(health.get(one), one in lately, now)]


def _is_due(known: RowMapping | None, was_used: bool, now: datetime) -> bool:
    if known is None:
        return not was_used
    if known["state"] == "open" or known["probe_said"]:
        return True
    asked = known["probed_at"]
    return not was_used and (asked is None or now - asked >= RESTED)


def _milliseconds(connection: Connection, now: datetime) -> dict[str, int]:
    """The median time from submission to delivery, by route."""
    a = rows.ATTEMPT.c
    latest = (
        select(a.route_id, a.sent_at, a.updated_at)
        .where(
            a.id >= earliest_id("att", now - TIMED),
            a.state == "delivered",
            a.sent_at.is_not(None),
        )
        .order_by(a.id.desc())
        .limit(SAMPLE)
    )
    took: dict[str, list[int]] = defaultdict(list)
    for route_id, sent, ended in connection.execute(latest).tuples():
        took[route_id].append((ended - sent) // timedelta(milliseconds=1))
    return {route_id: round(median(times)) for route_id, times in took.items()}
