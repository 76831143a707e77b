"""How much credit a customer can be given, and why: suggested from what they did, decided by an operator. PURE."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MONTHS = 3  # complete months that count
ROOM = Fraction(3, 2)  # above the usual month
LATE_HALVES = 2


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a workspace: credits used in its latest complete months (micros, oldest first), how many of its
    invoices were paid late and how many are overdue now, disputes, and for how many days it has been here."""

    months: Sequence[int]
    paid_late: int = 0
    overdue: int = 0
    disputes: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A limit in micro-credits, and every step that led to it: a key and its figures, worded where it is shown."""

    limit: int
    steps: tuple[tuple[str, int], ...]


def suggest(history: History) -> Suggestion:
    """One and a half usual months, less for who pays late, nothing for who is overdue, disputes or has just come."""
    months = list(history.months)[-MONTHS:]
    steps: list[tuple[str, int]] = []
    if history.overdue:
        return Suggestion(0, (("overdue", history.overdue),))
    if history.disputes:
        return Suggestion(0, (("disputes", history.disputes),))
    if len(months) < MONTHS:
        return Suggestion(0, (("too_new", history.days),))
    usual = sum(months) // len(months)
    steps.append(("usual_month", usual))
    limit = int(usual * ROOM)
    steps.append(("with_room", limit))
    if (least := min(months)) * 4 < usual:
        limit = min(limit, least * 2)
        steps.append(("uneven", limit))
    if history.paid_late:
        limit //= LATE_HALVES ** min(history.paid_late, 4)
        steps.append(("paid_late", limit))
    whole = limit // 1_000_000 * 1_000_000
    steps.append(("limit", whole))
    return Suggestion(whole, tuple(steps))
