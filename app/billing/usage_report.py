"""One month of usage as a page shows it: a meter by model (or another dimension) and day, and the same as a file."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Final

from sqlalchemy import Connection, func, select

from app.accounts.tables import Workspace
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.money import round_to
from app.kernel.sheet import csv_row
from app.metering import meter_book, tables
from app.metering.aggregate import Span
from app.metering.analytics import CUSTOMER, Asked, Counted, count, is_addable
from app.metering.cells import Wanted
from app.metering.meters import Meter
from app.plans import customers
from app.plans import tables as plans

WORKSPACE: Final = metadata.tables[str(Workspace.__tablename__)]
#: What usage can be broken down by: the properties of an event, and whose it is.
BY: Final = ("model", "provider", "operation", "resolution", "quality", "origin")
BY_OPERATOR: Final = (*BY, CUSTOMER, "settled_by")
FIRST_METER: Final = "meter_request_count"
MONTHS: Final = 12
PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class Ask:
    """`month` is "2026-11"; `names` are those of a customer, None for everybody; `model` narrows."""

    month: str
    meter_id: str = FIRST_METER
    by: str = "model"
    names: Collection[str] | None = None
    model: str = ""

    def span(self) -> Span:
        """The month; `InvalidInput` for what is none."""
        try:
            begun = datetime.strptime(self.month, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            raise InvalidInput("month is such as 2026-11.", param="month") from None
        return Span(begun, next_month(begun))


@dataclass(frozen=True, slots=True)
class Share:
    """One value of the dimension: "" where events do not say."""

    value: str
    amount: Fraction
    events: int
    days: dict[date, Fraction]


@dataclass(frozen=True, slots=True)
class Report:
    """The largest share first. `models` are what the month's usage can be narrowed to."""

    meter: Meter
    days: list[date]
    shares: list[Share]
    models: list[str] = field(default_factory=list)

    @property
    def amount(self) -> Fraction:
        return sum((share.amount for share in self.shares), Fraction(0))

    @property
    def events(self) -> int:
        return sum(share.events for share in self.shares)


def report(connection: Connection, ask: Ask) -> Report:
    """The report; `NotFound` for a meter that is not there or looks at events one by one."""
    meter = next((each for each in meters(connection) if each.id == ask.meter_id), None)
    if meter is None:
        raise NotFound("There is no such meter to report on.", code="meter_not_found")
    span, only = ask.span(), {"model": [ask.model]} if ask.model else {}
    by_customer = ask.by == CUSTOMER
    totals = _count(connection, meter, Asked(Wanted(span, ask.names, None, by_customer), (ask.by,), only))
    points = _count(connection, meter, Asked(Wanted(span, ask.names, "DAY"), () if by_customer else (ask.by,), only))
    models = _count(connection, meter, Asked(Wanted(span, ask.names), ("model",)))
    everybodys = _days(points, ()) if by_customer else {}
    shares = [
        Share(value, total.amount, total.events, everybodys if by_customer else _days(points, (value,)))
        for (value,), total in totals.totals.items()
    ]
    days = [span.start.date() + timedelta(days=number) for number in range((span.end - span.start).days)]
    shares.sort(key=lambda share: (-share.amount, share.value))
    return Report(meter, days, shares, sorted(value for (value,) in models.totals if value))


def csv_text(db: Database, ask: Ask) -> Iterator[str]:
    """Day by day and value by value, exact figures."""
    with db.read() as connection:
        found = report(connection, ask)
    yield csv_row(("day", ask.by, found.meter.name))
    for share in found.shares:
        if ask.by == CUSTOMER:
            yield csv_row((ask.month, share.value, exact(share.amount)))
            continue
        for day, amount in sorted(share.days.items()):
            yield csv_row((str(day), share.value, exact(amount)))


def meters(connection: Connection) -> list[Meter]:
    """What can be reported on, by name."""
    return sorted((each for each in meter_book.every(connection) if is_addable(each)), key=lambda each: each.name)


def any_names_of(connection: Connection, name: str) -> set[str]:
    """The names under which usage is kept of the customer whose workspace, id or external id this is."""
    known = customers.known(connection, name) or customers.find(connection, name)
    return {name} if known is None else {known.workspace_id, known.external_id}


def names_of(connection: Connection, values: Collection[str]) -> dict[str, str]:
    """What customers are called, by the external id or workspace that their usage is kept under."""
    customer, workspace = plans.customer.c, WORKSPACE.c
    found: dict[str, str] = {}
    for key, name, ids in ((workspace.id, workspace.name, values), (customer.external_id, customer.name, values)):
        found |= dict(connection.execute(select(key, name).where(key.in_(sorted(ids)))).tuples().all())
    return found


def conflicts(connection: Connection, limit: int = 50) -> tuple[int, list[tuple[datetime, str, str, str]]]:
    """Ids that came again with another content: how many, and the newest as (when, id, customer, what was sent)."""
    c = tables.conflict.c
    total = connection.execute(select(func.count()).select_from(tables.conflict)).scalar_one()
    rows = connection.execute(select(c.received_at, c.event_id, c.customer, c.body).order_by(c.id.desc()).limit(limit))
    return total, [(row.received_at, row.event_id, row.customer, row.body) for row in rows]


def months(now: datetime) -> list[str]:
    """The last twelve, newest first."""
    found, begun = [], now.astimezone(UTC).replace(day=1)
    for _ in range(MONTHS):
        found.append(f"{begun:%Y-%m}")
        begun = (begun - timedelta(days=1)).replace(day=1)
    return found


def next_month(begun: datetime) -> datetime:
    return (begun + timedelta(days=32)).replace(day=1)


def exact(amount: Fraction) -> str:
    """As text; what has no end is cut at six places."""
    scaled = int(round_to(amount * 10**PLACES))
    whole, rest = divmod(abs(scaled), 10**PLACES)
    said = f"{whole}.{rest:0{PLACES}}".rstrip("0").rstrip(".")
    return f"-{said}" if scaled < 0 else said


def _count(connection: Connection, meter: Meter, asked: Asked) -> Counted:
    return count(connection, [meter], asked)[meter.id]


def _days(counted: Counted, group: tuple[str, ...]) -> dict[date, Fraction]:
    return {start.date(): total.amount for start, total in counted.points.get(group, {}).items()}
