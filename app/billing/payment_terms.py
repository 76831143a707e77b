"""Payment terms: until when an invoice is to be paid."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from app.billing.periods import Unit, calendar_start, moved

NET: Final = {"15 NET": 15, "30 NET": 30, "45 NET": 45, "60 NET": 60, "75 NET": 75, "90 NET": 90}
#: Payment terms that end with a month: how many after the one it is issued in.
MONTH_ENDS: Final = {"END_OF_MONTH": 0, "END_OF_NEXT_MONTH": 1}
TERMS: Final = (*NET, *MONTH_ENDS)


def net_days(agreed: Mapping[str, Any], at: datetime) -> int:
    """The payment terms of a subscription as days from when its invoice is issued; 30 where nothing was agreed."""
    terms = str(agreed.get("payment_terms") or "")
    if terms not in MONTH_ENDS:
        return NET.get(terms, 30)
    month = calendar_start(Unit.MONTHLY, at)
    return (moved(month, Unit.MONTHLY, MONTH_ENDS[terms] + 1) - month).days - at.astimezone(UTC).day
