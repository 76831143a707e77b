"""What the usage pages show, as text. PURE but for the words."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypedDict

from app.billing.unrated import Unrated
from app.billing.usage_report import Report, Share, exact
from app.kernel.text import t
from app.ui import present
from app.ui.components import Series, stacked_bars

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: So many values have bars of their own; the rest is drawn together.
DRAWN: Final = 4
SHOWN: Final = 200
LONGEST_BODY: Final = 160


class ShareRow(TypedDict):
    value: str
    amount: str
    events: str
    percent: str


class UnratedRow(TypedDict):
    customer: str
    event: str
    detail: str
    events: str


class ConflictRow(TypedDict):
    time: str
    event_id: str
    customer: str
    body: str


def share_rows(found: Report) -> list[ShareRow]:
    whole = found.amount
    return [
        {
            "value": share.value or t("usage.unsaid"),
            "amount": quantity(share.amount),
            "events": f"{share.events:,}",
            "percent": f"{float(share.amount / whole * 100):.1f} %" if whole else "",
        }
        for share in found.shares[:SHOWN]
    ]


def figure(found: Report, name: str) -> "go.Figure":
    """Bars by day: the largest values apart, the rest together. By customer there is one bar a day."""
    labels = [present.day(day) for day in found.days]
    return stacked_bars(labels, [_series(found, title, shares) for title, shares in drawn(found, name)])


def drawn(found: Report, name: str) -> list[tuple[str, Sequence[Share]]]:
    """What is drawn, by its name: `name` where the days are not told apart by value."""
    if name:
        return [(name, found.shares[:1])]
    parts: list[tuple[str, Sequence[Share]]] = [
        (share.value or t("usage.unsaid"), [share]) for share in found.shares[:DRAWN]
    ]
    rest = found.shares[DRAWN:]
    return [*parts, (t("usage.others"), rest)] if rest else parts


def _series(found: Report, title: str, shares: Sequence[Share]) -> Series:
    amounts = [sum((share.days.get(day, Fraction(0)) for share in shares), Fraction(0)) for day in found.days]
    return Series(title, [float(each) for each in amounts], [quantity(each) for each in amounts])


def summary(found: Report) -> str:
    return t("usage.summary", meter=found.meter.name, amount=quantity(found.amount), events=f"{found.events:,}")


def quantity(amount: Fraction) -> str:
    """With thousands apart."""
    whole, _, rest = exact(amount).partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "")


def unrated_rows(found: Sequence[Unrated]) -> list[UnratedRow]:
    return [
        {
            "customer": each.customer,
            "event": each.kind.name,
            "detail": ", ".join(f"{name} {value}" for name, value in sorted(each.kind.properties.items())),
            "events": f"{each.events:,}",
        }
        for each in found
    ]


def conflict_rows(found: Sequence[tuple[datetime, str, str, str]]) -> list[ConflictRow]:
    return [
        {"time": present.full_moment(at), "event_id": event_id, "customer": customer, "body": body[:LONGEST_BODY]}
        for at, event_id, customer, body in found
    ]


def options(values: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """The rows of a select."""
    return [{"value": value, "label": label} for value, label in values]
