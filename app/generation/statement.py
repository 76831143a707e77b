"""A workspace's statement in words: what the balance page lists and what its CSV holds, from one filter.

The books say what moved; the generation beside a movement says what for. Page and file go through `lines`, so the file
is exactly what is on the screen.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, func, select

from app.catalogue.tables import Model
from app.generation import rows
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput
from app.kernel.money import CREDIT, Money, plain
from app.kernel.sheet import csv_row
from app.kernel.text import t
from app.ledger import history, reads, tables
from app.ledger.journal import (
    ADJUSTMENT,
    BONUS,
    CAPTURE,
    EARLY_CAPTURE,
    EXPIRY,
    FINAL,
    GIVE_BACK,
    GRANT,
    REVERSAL,
    SET_ASIDE,
    TAKE_BACK,
    TOP_UP,
    WRITE_OFF,
)
from app.ledger.reads import RELEASE, Cursor, StatementRow
from app.pricing import wording
from app.pricing.quote import Quote

MODEL = metadata.tables[str(Model.__tablename__)]

ALL, CHARGES, CREDITS, RETURNS = "all", "charges", "credits", "returns"
#: What each choice of the filter shows; None is everything.
KINDS: Mapping[str, Collection[str] | None] = {
    ALL: None,
    CHARGES: (CAPTURE, EARLY_CAPTURE),
    CREDITS: (TOP_UP, BONUS, GRANT, ADJUSTMENT, EXPIRY, SET_ASIDE, GIVE_BACK, TAKE_BACK, WRITE_OFF),
    RETURNS: (RELEASE, FINAL, REVERSAL),
}
CSV_BATCH = 500


@dataclass(frozen=True, slots=True)
class Show:
    """Which lines: a choice of `KINDS`, and a month ("2026-11", in UTC) or all time."""

    what: str = ALL
    month: str | None = None

    def __post_init__(self) -> None:
        if self.what not in KINDS:
            raise InvalidInput(f"show is one of {', '.join(KINDS)}, not {self.what!r}.", param="show")
        if self.month is not None:
            month_bounds(self.month)

    @property
    def kinds(self) -> Collection[str] | None:
        return KINDS[self.what]


class Line(NamedTuple):
    """One line: what it is, what for, and the figures of the books. `entry` is a key of [balance.entry]."""

    row: StatementRow
    entry: str
    detail: str
    modality: str  # of the generation; empty where there is none
    balance: Money | None

    @property
    def reference(self) -> str:
        """The id that leads to the whole story."""
        return self.row.generation_id or self.row.journal_id or ""


def lines(
    connection: Connection, workspace_id: str, show: Show, *, after: Cursor | None = None, limit: int = 25
) -> list[Line]:
    """Newest first; `after` continues behind the last line of an earlier page."""
    since, until = month_bounds(show.month) if show.month else (None, None)
    found = reads.statement(
        connection, workspace_id, since=since, until=until, kinds=show.kinds, after=after, limit=limit
    )
    ids = {row.generation_id for row in found if row.generation_id}
    told = generations_of(connection, ids)
    balances = _balances(connection, workspace_id, found) if show.what == ALL else {}
    return [_line(row, told.get(row.generation_id or ""), balances) for row in found]


def months(connection: Connection, workspace_id: str, now: datetime) -> list[str]:
    """Every month since the first entry, the present one first: "2026-11"."""
    wallet = reads.wallet_of(connection, workspace_id)
    first = connection.execute(
        select(func.min(tables.journal.c.created_at)).where(tables.journal.c.wallet_id == wallet.id)
    ).scalar()
    present = now.astimezone(UTC)
    year, month = present.year, present.month
    start = (first or present).astimezone(UTC)
    found = []
    while (year, month) >= (start.year, start.month):
        found.append(f"{year:04d}-{month:02d}")
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The first moment of a month and of the next one; `InvalidInput` for anything but "2026-11"."""
    year, _, number = month.partition("-")
    if not (len(year) == 4 and len(number) == 2 and (year + number).isascii() and (year + number).isdigit()):
        raise InvalidInput("month is written like 2026-11.", param="month")
    at = int(number)
    if not (1 <= at <= 12 and 2000 <= int(year) < 9999):
        raise InvalidInput("month is written like 2026-11.", param="month")
    following = (int(year) + 1, 1) if at == 12 else (int(year), at + 1)
    return datetime(int(year), at, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC)


def csv_text(db: Database, workspace_id: str, show: Show) -> Iterator[str]:
    """The lines as CSV, a part at a time; text that a spreadsheet would run as a formula is defused."""
    yield csv_row([t(f"balance.csv.{name}") for name in CSV_COLUMNS])
    after: Cursor | None = None
    while True:
        with db.read() as connection:
            batch = lines(connection, workspace_id, show, after=after, limit=CSV_BATCH)
        if batch:
            yield "".join(csv_row(_csv_cells(line)) for line in batch)
        if len(batch) < CSV_BATCH:
            return
        after = batch[-1].row.cursor


CSV_COLUMNS = ("time", "entry", "detail", "reference", "credits", "held", "balance")


def _csv_cells(line: Line) -> list[str | Decimal | None]:
    row = line.row
    return [
        row.at.astimezone(UTC).isoformat(timespec="seconds"),
        t(f"balance.entry.{line.entry}"),
        line.detail,
        line.reference,
        Decimal(plain(row.moved.amount)),
        Decimal(plain(row.held.amount)),
        None if line.balance is None else Decimal(plain(line.balance.amount)),
    ]


def generations_of(connection: Connection, ids: Collection[str]) -> dict[str, RowMapping]:
    """What a movement's words need to know about these generations, by id."""
    g = rows.GENERATION.c
    query = select(
        g.id,
        g.request_id,
        g.modality,
        g.estimate,
        g.final,
        g.hold_micros,
        g.charged_micros,
        g.error_message,
        MODEL.c.alias,
    ).join(MODEL, MODEL.c.id == g.model_id)
    return {row["id"]: row for row in connection.execute(query.where(g.id.in_(ids))).mappings()} if ids else {}


def _line(row: StatementRow, told: RowMapping | None, balances: Mapping[Cursor, Money]) -> Line:
    modality = str(told["modality"]) if told else ""
    detail = detail_of(row.kind, row.memo, told)
    return Line(row, entry_of(row.kind, row.moved), detail, modality, row.balance_after or balances.get(row.cursor))


def entry_of(kind: str, moved: Money) -> str:
    """What a customer calls this kind of journal that moved so much: a key of [balance.entry]."""
    match kind:
        case "capture" | "early_capture":
            return "charge"
        case "final":
            return "returned" if moved.micros > 0 else "settled"
        case "reversal":
            return "returned" if moved.micros >= 0 else "reversed"
        case _:
            return kind


def detail_of(kind: str, memo: Mapping[str, Any] | None, told: RowMapping | None) -> str:
    """What a movement was for: the model and its price, or the words it was booked with."""
    if told is None:
        return _occasion(memo or {})
    match kind:
        case "hold":
            return _joined(told["alias"], asked_for(Quote.from_json(told["estimate"])))
        case "early_capture":
            return _joined(told["alias"], priced_as(Quote.from_json(told["estimate"])), t("balance.detail.on_submit"))
        case "capture":
            return _joined(told["alias"], priced_as(_charged_as(told)), _returned(told))
        case "final":
            return _joined(told["alias"], asked_for(_charged_as(told)))
        case _:
            return _joined(told["alias"], _first_sentence(told["error_message"] or ""))


def _occasion(memo: Mapping[str, Any]) -> str:
    """What credits came or went for, and how much of them went into a debt or became one."""
    said = str(memo.get("label") or memo.get("reason") or "")
    if "for" in memo:
        said = t(f"balance.detail.for_{memo['for']}")
    parts = [t(f"balance.detail.{key}", amount=_figure(memo[key])) for key in ("debt_paid", "debt") if key in memo]
    return _joined(said, *parts)


def _charged_as(told: RowMapping) -> Quote:
    return Quote.from_json(told["final"] or told["estimate"])


def _returned(told: RowMapping) -> str:
    """`16 of 64 returned`, where less was charged than was held."""
    held, charged = int(told["hold_micros"]), int(told["charged_micros"] or 0)
    if charged >= held:
        return ""
    return t("balance.detail.returned", back=_figure(held - charged), held=_figure(held))


def priced_as(quote: Quote) -> str:
    """`2 images × 16`: the lines of a price."""
    return " + ".join(line.text for line in quote.lines if line.text and line.type != "minimum")


def asked_for(quote: Quote) -> str:
    """`2 images`, `8 seconds`: what a price is for, without its figures."""
    measured = [line for line in quote.lines if line.type == "usage" and line.metric != "output_count"]
    return " + ".join(wording.counted(Fraction(line.quantity), line.metric) for line in measured)


def _figure(micros: int) -> str:
    return wording.number(Money(micros, CREDIT).amount)


def _first_sentence(message: str) -> str:
    sentence = message.split(". ", maxsplit=1)[0].strip().rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _balances(connection: Connection, workspace_id: str, found: list[StatementRow]) -> dict[Cursor, Money]:
    """Holds and releases move nothing: the balance beside them is that of the movement before."""
    if not found:
        return {}
    known = found[-1].balance_after or history.balance_at(connection, workspace_id, found[-1].at)
    balances: dict[Cursor, Money] = {}
    for row in reversed(found):
        known = row.balance_after or known
        if known is not None:
            balances[row.cursor] = known
    return balances
