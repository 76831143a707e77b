"""From our words to those of the remote's SDK: customers, subscriptions, usage events. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from app.metering.apart import canonical

#: Under this name what we made at the remote says which of ours it is.
OUR_ID: Final = "farebox_id"
#: What an upstream provider charges us stays here: the remote shows events to whoever it calls a customer.
KEPT_HERE: Final = frozenset({"cost_usd"})
_CUSTOMER: Final = ("external_id", "name")
_OPTIONAL: Final = (
    "email", "address_line1", "address_line2", "address_city", "address_state", "address_postal_code",
    "address_country", "timezone", "tax_treatment",
)  # fmt: skip
#: States in which a subscription is somewhere else than here: before it begins there is nothing to mirror.
BEGUN: Final = frozenset({"active", "trialing", "paused", "cancelled"})
SERVED: Final = frozenset({"active", "trialing"})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands on one of the two sides; the plan by its id at the remote."""

    state: str
    plan: str | None


def customer(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a customer. Their external id is ours, so that nobody is made twice."""
    said: dict[str, Any] = {name: row[name] for name in _CUSTOMER}
    said |= {name: row[name] for name in _OPTIONAL if row[name]}
    return said | {"metadata": {**row["metadata"], OUR_ID: row["id"]}}


def event(
    event_id: str, name: str, customer: str, at: datetime, properties: Mapping[str, Any], source: str
) -> dict[str, Any]:
    """One usage event under the id it has here. Its properties are text there, as the SDK wants them."""
    said = {
        "event_id": event_id,
        "event_name": name,
        "external_customer_id": customer,
        "timestamp": at.isoformat(),
        "properties": {
            key: _text(value) for key, value in properties.items() if value is not None and key not in KEPT_HERE
        },
    }
    return said | ({"source": source} if source else {})


def _text(value: object) -> str:
    """A figure as it compares here: 8.0 is "8", true is "true"."""
    if isinstance(value, list | dict):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return canonical(value)


def subscription(row: Mapping[str, Any], external_id: str, plan: str) -> dict[str, Any]:
    """A subscription as it is made there. One that is older than the mirror begins with its present period: what was
    billed before was billed here. `lookup_key` is our id, by which it is found again."""
    trial = row["trial_end"] if row["state"] == "trialing" else None
    start_at: datetime = row["trial_start"] if trial else row["period_start"]
    said: dict[str, Any] = {
        "external_customer_id": external_id,
        "plan_id": plan,
        "currency": row["currency"].lower(),
        "billing_period": row["billing_period"],
        "billing_period_count": row["billing_period_count"],
        "billing_cycle": row["billing_cycle"],
        "start_date": start_at,
        "lookup_key": row["id"],
        "metadata": {OUR_ID: row["id"]},
    }
    if trial:
        said["trial_period_days"] = max(1, -(-(trial - start_at) // timedelta(days=1)))
    elif row["billing_cycle"] == "anniversary":
        said["billing_anchor"] = start_at
    return said


def steps(there: Standing, here: Standing) -> list[str]:
    """What is to be done there so that it stands as here: `pause`, `resume`, `change`, `cancel`, in this order.

    Trials end by themselves on both sides. One that ended there and not here is for the operator to look at.
    """
    if here.state == "cancelled":
        return [] if there.state == "cancelled" else ["cancel"]
    found = []
    if there.state == "paused" and here.state in SERVED:
        found.append("resume")
    if there.plan != here.plan:
        found.append("change")
    if here.state == "paused" and there.state != "paused":
        found.append("pause")
    return found


def amount(given: object) -> Decimal | None:
    """A figure of the remote's, which writes amounts as text in some places and as numbers in others."""
    if given is None or isinstance(given, bool):
        return None
    try:
        found = Decimal(repr(given) if isinstance(given, float) else str(given))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
