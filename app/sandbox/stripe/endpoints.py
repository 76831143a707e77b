"""Where webhooks go, and the events that went there."""

import secrets
from typing import Any

from app.sandbox.stripe import listing
from app.sandbox.stripe.errors import Refused, bad_parameter, missing
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import API_VERSION, World, merged, new_id

EVENTS_LIVE_SECONDS = 30 * 86_400


def new_secret() -> str:
    return f"whsec_{secrets.token_hex(16)}"


def create(world: World, given: dict[str, Any]) -> Thing:
    """A new endpoint; only this answer tells its secret."""
    if given.get("api_version", API_VERSION) != API_VERSION:
        raise bad_parameter(f"The sandbox speaks only {API_VERSION}.", "api_version")
    endpoint = _added(world, given["url"], new_secret(), given["enabled_events"], given)
    return {**endpoint, "secret": secrets_of(world, endpoint["id"])[0]}


def retrieve(world: World, given: dict[str, Any], endpoint: str) -> Thing:
    return world.get("webhook_endpoint", endpoint)


def update(world: World, given: dict[str, Any], endpoint: str) -> Thing:
    before = world.get("webhook_endpoint", endpoint)
    _check(str(given.get("url", before["url"])))
    changes: Thing = {name: given[name] for name in ("url", "enabled_events", "description") if name in given}
    if "disabled" in given:
        changes["status"] = "disabled" if given["disabled"] else "enabled"
    if "metadata" in given:
        changes["metadata"] = merged(before["metadata"], given["metadata"])
    return world.change(before, **changes)


def delete(world: World, given: dict[str, Any], endpoint: str) -> Thing:
    world.get("webhook_endpoint", endpoint)
    world.store.run("DELETE FROM thing WHERE id = ?", endpoint)
    return {"id": endpoint, "object": "webhook_endpoint", "deleted": True}


def all_of(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(world, "webhook_endpoint", "/v1/webhook_endpoints", given)


def configured(world: World, url: str, secret: str) -> Thing:
    """The endpoint the launcher asks for: made once, afterwards only brought to this address and secret."""
    wanted = world.store.setting("configured_endpoint")
    found = world.store.find(wanted, "webhook_endpoint") if wanted else None
    if found is None:
        found = _added(world, url, secret, ["*"], {"description": "Made by the launcher"})
        world.store.set("configured_endpoint", found["id"])
    world.store.hide(found["id"], secrets=[secret])
    return world.change(found, url=url, status="enabled")


def secrets_of(world: World, endpoint: str) -> list[str]:
    """The secrets that sign now, the newest first: two while one is being replaced."""
    return list(world.store.hidden(endpoint).get("secrets", []))


def rolled(world: World, endpoint: str, *, keep_old: bool) -> str:
    """A new secret; the old one goes on signing beside it if asked."""
    fresh = new_secret()
    world.store.hide(endpoint, secrets=[fresh, *(secrets_of(world, endpoint)[:1] if keep_old else [])])
    return fresh


def event(world: World, given: dict[str, Any], event: str) -> Thing:
    found = with_pending(world, world.get("event", event))
    if found["created"] < world.now() - EVENTS_LIVE_SECONDS:
        raise missing("event", event)
    return found


def events(world: World, given: dict[str, Any]) -> Thing:
    """The last 30 days; by type, time, and whether every endpoint has taken them."""
    where: list[listing.Condition] = [("created", ">=", world.now() - EVENTS_LIVE_SECONDS)]
    where += _types(given)
    if "delivery_success" in given:
        where.append(("undelivered", "=", int(not given["delivery_success"])))
    found = listing.page(world, "event", "/v1/events", given, where)
    return {**found, "data": [with_pending(world, each) for each in found["data"]]}


def with_pending(world: World, event: Thing) -> Thing:
    """The event with the number of endpoints that have not taken it."""
    row = world.store.run("SELECT count(*) FROM delivery WHERE event = ? AND state <> 'done'", event["id"])[0]
    return {**event, "pending_webhooks": row[0]}


def _types(given: dict[str, Any]) -> list[listing.Condition]:
    if "type" in given and "types" in given:
        raise bad_parameter("You may only specify one of these parameters: type, types.", "type")
    wanted = [given["type"]] if "type" in given else given.get("types", [])
    if len(wanted) > 20:
        raise bad_parameter("You may specify up to 20 types.", "types")
    if not wanted:
        return []
    if any(each.endswith("*") for each in wanted):
        # `charge.*` is all that begins so; Stripe takes it in `type`.
        if len(wanted) > 1:
            raise bad_parameter("Only `type` may be a pattern.", "types")
        return [("type", "GLOB", wanted[0])]
    return [("type", "IN", wanted)]


def _added(world: World, url: str, secret: str, enabled_events: list[str], given: dict[str, Any]) -> Thing:
    _check(url)
    return world.add(
        {
            "id": new_id("we"),
            "object": "webhook_endpoint",
            "api_version": API_VERSION,
            "application": None,
            "created": world.now(),
            "description": given.get("description"),
            "enabled_events": enabled_events,
            "livemode": False,
            "metadata": merged({}, given.get("metadata")),
            "status": "enabled",
            "url": url,
        },
        {"secrets": [secret]},
    )


def _check(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise Refused(
            "Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param="url"
        )
