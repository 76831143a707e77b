"""A price as a subscription keeps it: the wire's own words in JSON, and back into what rates usage. PURE.

The words are pinned when the subscription begins: a price that changes later changes nothing agreed before.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from app.billing.commitment import Commitment
from app.billing.rating import ADVANCE, ARREAR, FIXED, USAGE, Item
from app.kernel.errors import InvalidInput
from app.metering.meters import Meter
from app.plans.prices import charge_of

CUSTOM = "CUSTOM"
ONCE = "ONETIME"
OWN = "SUBSCRIPTION"


def item_of(
    line_id: str,
    price: Mapping[str, Any],
    meter: Meter | None,
    *,
    quantity: str = "1",
    name: str = "",
    commitment: Mapping[str, Any] | None = None,
    plan_name: str = "",
) -> Item:
    """A pinned price as an item of a bill. Raises `InvalidInput` for a price that cannot be rated."""
    kind = str(price["type"])
    custom = price.get("price_unit_type") == CUSTOM
    agreed, windowed = commitment_of(commitment)
    return Item(
        line_id=line_id,
        price_id=str(price["id"]),
        kind=kind if kind in (USAGE, FIXED) else USAGE,
        charge=charge_of(price),
        name=name or str(price.get("display_name") or price["id"]),
        cadence=ADVANCE if price.get("invoice_cadence") == ADVANCE else ARREAR,
        unit_rate=Fraction(str(price.get("conversion_rate") or 1)) if custom else Fraction(1),
        unit=str(price.get("price_unit") or "") if custom else "",
        meter=_metered(price, meter) if kind == USAGE else None,
        filters={key: tuple(map(str, values)) for key, values in (price.get("filter_values") or {}).items()},
        quantity=exact(quantity, "quantity"),
        made_at=str(price.get("created_at") or ""),
        commitment=agreed,
        windowed=windowed,
        plan_name=plan_name,
        once=price.get("billing_period") == ONCE,
        is_own=price.get("entity_type") == OWN,
    )


def pin(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `billing_price` as JSON: what is pinned on a subscription's line."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def unpin(price: Mapping[str, Any]) -> dict[str, Any]:
    """The row again that `pin` wrote down."""
    moments = ("start_date", "end_date", "created_at", "updated_at")
    return {**price, **{name: datetime.fromisoformat(said) for name in moments if (said := price.get(name))}}


def _metered(price: Mapping[str, Any], meter: Meter | None) -> Meter | None:
    """A price may rate each bucket by itself though its meter has none."""
    bucket = price.get("bucket_size")
    return replace(meter, bucket_size=bucket) if meter is not None and bucket else meter


def is_ahead(price: Mapping[str, Any]) -> bool:
    """Whether a pinned price is paid before its period."""
    return bool(price["type"] == FIXED and price.get("invoice_cadence") == ADVANCE)


def commitment_of(given: Mapping[str, Any] | None) -> tuple[Commitment | None, bool]:
    """What a line is committed to, and whether each of its windows is measured by itself."""
    amount = (given or {}).get("commitment_amount")
    if given is None or amount in (None, ""):
        return None, False
    factor = given.get("overage_factor") or given.get("commitment_overage_factor") or 1
    true_up = given.get("enable_true_up") or given.get("commitment_true_up_enabled")
    windowed = given.get("is_window_commitment") or given.get("commitment_windowed")
    return (
        Commitment(exact(amount, "commitment_amount"), exact(factor, "overage_factor"), bool(true_up)),
        bool(windowed),
    )


def decimal(given: object, name: str) -> Decimal:
    """A figure of the wire: text, or a number as JSON has them."""
    try:
        found = Decimal(str(given).strip())
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(given, bool) or not found.is_finite():
        raise InvalidInput(f"{name} is a figure such as 0.10.", param=name)
    return found


def exact(given: object, name: str) -> Fraction:
    return Fraction(decimal(given, name))
