"""What the usage pages show, as text. PURE but for the words."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypedDict

from app.billing.unrated import Unrated
from app.billing.usage_report import Report, Share, exact
from app.kernel.text import sentences, t
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
    name: str  # what the value is called
    series: str  # of the bars it is drawn with
    width: str  # of its bar, against the largest
    amount: str
    events: str
    counted: str  # the same with its word
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


def share_rows(found: Report, names: Mapping[str, str] | None = None, *, one_series: bool = False) -> list[ShareRow]:
    """The shares as a table; `names` says what values are called. `one_series` where bars do not tell them apart."""
    whole, largest = found.amount, max((share.amount for share in found.shares), default=Fraction(0))
    return [
        {
            "value": share.value or t("usage.unsaid"),
            "name": (names or {}).get(share.value) or share.value or t("usage.unsaid"),
            "series": "1" if one_series else str(min(place, DRAWN) + 1),
            "width": f"{float(share.amount / largest * 100):.0f}" if largest else "0",
            "amount": quantity(share.amount),
            "events": f"{share.events:,}",
            "counted": present.plural(share.events, t("usage.one_event"), t("usage.many_events")),
            "percent": present.percent(share.amount / whole) if whole else "",
        }
        for place, share in enumerate(found.shares[:SHOWN])
    ]


def figure(found: Report, name: str) -> "go.Figure":
    """Bars by day: the largest values apart, the rest together. By customer there is one bar a day."""
    labels = [present.day(day).removesuffix(f" {day.year}") for day in found.days]
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
    return t(
        "usage.summary",
        meter=meter_name(found.meter.id, found.meter.name),
        amount=quantity(found.amount),
        events=_events(found),
    )


def total_words(found: Report) -> str:
    """`1,493 from 1,493 events`; nothing where there were none."""
    if not found.events:
        return ""
    return t("usage.total", amount=quantity(found.amount), events=_events(found))


def _events(found: Report) -> str:
    return present.plural(found.events, t("usage.one_event"), t("usage.many_events"))


def meter_name(meter_id: str, name: str) -> str:
    """What a reader calls one of the meters that are there from the start."""
    key = f"usage.meter.{meter_id.removeprefix('meter_')}"
    return t(key) if key in sentences() else name


def month_name(month: str) -> str:
    """`November 2026` of "2026-11"."""
    return f"{date.fromisoformat(f'{month}-01'):%B %Y}"


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
