"""Is taking cards set up rightly? What an operator should know before the first sale, in plain sentences."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from app.kernel.errors import FareboxError
from app.payments.stripe_client import API_VERSION, StripeDoor, read
from app.payments.stripe_keys import StripeKeys
from app.payments.stripe_listing import TYPES

HOOK = "/hooks/payments/stripe"
#: Without these events a payment is only noticed when its order is looked at, a card that was saved not at all.
NEEDED = tuple(name for name in TYPES if name != "payment_intent.processing")


class Verdict(NamedTuple):
    well: bool
    what: str


async def look(keys: StripeKeys, public_url: str) -> list[Verdict]:
    """Ask Stripe whether it knows our key and where it sends its events."""
    door = StripeDoor(keys, lambda: "doctor")
    try:
        answer = await read(door.client.v1.webhook_endpoints.list_async({"limit": 100}))
    except FareboxError as error:
        return [Verdict(False, f"Stripe cannot be asked: {error.message}")]
    finally:
        await door.close()
    found = [endpoint.to_dict() for endpoint in answer.data]
    return list(_judge(keys, public_url, found))


def _judge(keys: StripeKeys, public_url: str, endpoints: list[dict[str, Any]]) -> Iterator[Verdict]:
    mode = "live" if keys.livemode else "test"
    yield Verdict(True, f"Stripe answers, in {mode} mode.")
    if not keys.webhook_secrets:
        yield Verdict(False, "STRIPE_WEBHOOK_SECRET is unset: cards are not offered.")
    path = [endpoint for endpoint in endpoints if endpoint["url"].endswith(HOOK) and endpoint["status"] == "enabled"]
    ours = path if keys.is_loopback else [each for each in path if each["url"] == f"{public_url}{HOOK}"]
    if not ours:
        yield Verdict(False, f"Stripe has no enabled webhook endpoint for {public_url}{HOOK}.")
    for endpoint in ours:
        yield from _endpoint(endpoint)


def _endpoint(endpoint: dict[str, Any]) -> Iterator[Verdict]:
    version, wanted = endpoint["api_version"], set(endpoint["enabled_events"])
    if version != API_VERSION:
        yield Verdict(
            False, f"The webhook endpoint speaks API version {version or 'of the account'}, not {API_VERSION}."
        )
    missing = [] if "*" in wanted else [name for name in NEEDED if name not in wanted]
    if missing:
        yield Verdict(False, f"The webhook endpoint does not send {', '.join(missing)}.")
    if version == API_VERSION and not missing:
        yield Verdict(True, f"Stripe sends its events to {endpoint['url']}.")
