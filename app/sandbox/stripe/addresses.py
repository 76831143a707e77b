"""Postal addresses as Stripe shows them: every part, null where it was not given."""

from typing import Any

from app.sandbox.stripe.store import Thing

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def address(given: Any) -> Thing | None:
    return {name: (given.get(name) or None) for name in _ADDRESS} if given else None
