"""How long what was asked of the provider is waited for, and how often it is looked at. PURE.

Charges, refunds and reports of tax have this in common: they are written down, asked for under a key made from what was
written, and looked at again until somebody knows what became of them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

BATCH: Final = 50
#: Nobody else looks at what was just asked for: longer than the client's own tries take.
BEING_ASKED: Final = timedelta(minutes=2)
#: Stripe keeps a key for a day at the least; with an older one it might do the same a second time.
KEY_LASTS: Final = timedelta(hours=23)
#: A request that was sent so long ago and left no trace never arrived.
ARRIVED_BY_THEN: Final = timedelta(minutes=10)
#: The clocks of two houses.
SKEW: Final = timedelta(hours=1)
NOT_OUR_DAY: Final = timedelta(hours=1)
#: How long to wait before the second, third, … look at a charge, and at a refund, whose end is not known.
CHARGE_LOOKS: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800))
REFUND_LOOKS: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600))
#: A bank takes days; the provider tells us, and we ask now and then.
BANK_LOOK: Final = timedelta(hours=6)


def until_next(looks: Sequence[timedelta], many: int) -> timedelta:
    """How long to wait after so many looks, one or more; the last wait repeats."""
    return looks[min(many, len(looks)) - 1]
