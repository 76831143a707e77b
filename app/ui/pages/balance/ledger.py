"""A line of the statement as a row of the table: pure."""

from datetime import UTC, datetime
from typing import TypedDict

from app.generation.statement import KINDS, Line
from app.kernel.ids import is_id
from app.kernel.text import t
from app.ledger.reads import HOLD, RELEASE
from app.ui import present

ALL_TIME = "all"
ICONS = {
    "hold": "hold",
    "release": "back",
    "returned": "back",
    "reversed": "back",
    "settled": "back",
    "grant": "grant",
    "adjustment": "adjustment",
    "top_up": "grant",
    "bonus": "grant",
    "expiry": "adjustment",
    "set_aside": "hold",
    "give_back": "back",
    "take_back": "adjustment",
    "write_off": "adjustment",
    "owed_paid": "adjustment",
    "owed_written_off": "adjustment",
}


class LedgerRow(TypedDict):
    time: str
    whole_time: str
    icon: str  # hold, back, grant, adjustment, or the modality of what was charged
    entry: str
    detail: str
    reference: str
    short: str
    href: str
    credits: str
    tone: str
    balance: str
    quiet: str  # "true" where nothing moved


class Option(TypedDict):
    value: str
    label: str


def ledger_row(line: Line, now: datetime) -> LedgerRow:
    """One line. Holds and releases move nothing: they are grey."""
    row = line.row
    quiet = row.kind in (HOLD, RELEASE) or not row.moved
    return LedgerRow(
        time=present.moment(row.at, now),
        whole_time=present.full_moment(row.at),
        icon=ICONS.get(line.entry, line.modality),
        entry=t(f"balance.entry.{line.entry}"),
        detail=line.detail,
        reference=line.reference,
        short=present.short_id(line.reference, 6, 4),
        href=f"/logs/{line.reference}" if is_id(line.reference, "gen") else "",
        credits=moved(line),
        tone="good" if row.moved.micros > 0 else "quiet" if quiet else "neutral",
        balance=present.credits(line.balance) if line.balance is not None else "",
        quiet="true" if quiet else "",
    )


def moved(line: Line) -> str:
    """`−32`, `+10,000`, `96 held`, `160 back`."""
    row = line.row
    if row.kind == HOLD:
        return t("balance.amount.held", amount=present.credits(row.held))
    if row.kind == RELEASE:
        return t("balance.amount.back", amount=present.credits(-row.held))
    return present.signed(row.moved)


def show_options() -> list[tuple[str, str]]:
    return [(what, t(f"balance.show.{what}")) for what in KINDS]


def month_options(months: list[str]) -> list[Option]:
    """All time, then each month: `Nov 2026`."""
    named = [Option(value=month, label=_month(month)) for month in months]
    return [Option(value=ALL_TIME, label=t("balance.ledger.all_time")), *named]


def _month(month: str) -> str:
    year, _, number = month.partition("-")
    return present.date(datetime(int(year), int(number), 1, tzinfo=UTC)).partition(" ")[2]
