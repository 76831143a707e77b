"""Credits that are taxed when they are used: a month's use becomes an invoice, settled by what was paid beforehand.

What a lot is worth is what its receipt says was paid, tax included. An invoice states the worth of everything used up
to the end of its month less what earlier ones stated, so a correction in one month mends itself in the next, and the
invoices over a lot that is used up add up to its receipt to the cent. Credits whose money went back after they were
used were paid for by nothing: they are stated no longer, until other credits pay the debt.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, or_, select

from app.invoicing import profiles, seller, tables
from app.invoicing.compose import DraftLine
from app.invoicing.document import Paid
from app.invoicing.issue import InvoiceDraft, issue_invoice
from app.invoicing.parties import Seller
from app.invoicing.taxes import decided
from app.invoicing.writing import Issued
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.kernel.text import t
from app.ledger import tables as ledger
from app.ledger.journal import CAPTURE, EARLY_CAPTURE, FINAL, REVERSAL, TOP_UP

SOURCE: Final = "usage"
_INVOICE = tables.invoice
#: What uses credits up; a top-up does so when a part of it pays a debt for credits used before.
_USES: Final = (CAPTURE, EARLY_CAPTURE, FINAL, TOP_UP)


@dataclass(frozen=True, slots=True)
class Prepaid:
    """A lot that was bought on a receipt: `granted` credits for `gross`."""

    lot_id: str
    granted: Money
    gross: Fiat
    bought_on: date
    is_test: bool


class Month(NamedTuple):
    """A calendar month of the seller."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def following(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def last(self) -> date:
        return self.following.first - timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02d}"


def invoice_usage(connection: Connection, workspace_id: str, prepaid: Sequence[Prepaid], now: datetime) -> list[Issued]:
    """Issue what is missing for every complete month since the first receipt, in the caller's transaction.

    Asking again issues nothing. Raises `ProfileNeeded`, `SellerNeeded` or `NoTaxRate`.
    """
    sells = seller.current(connection)
    kinds: dict[tuple[str, bool], list[Prepaid]] = defaultdict(list)
    for lot in prepaid:
        kinds[lot.gross.currency, lot.is_test].append(lot)
    issued = []
    for (currency, is_test), lots in kinds.items():
        for month in _missing(connection, workspace_id, currency, lots, _today(sells, now), is_test):
            worth, used = _used(connection, lots, _midnight(sells, month.following.first))
            stated = _stated(connection, workspace_id, currency, is_test)
            if (worth - stated).minor > 0:
                issued.append(_issue(connection, workspace_id, sells, month, worth - stated, used, now, is_test))
    return issued


def _missing(
    connection: Connection, workspace_id: str, currency: str, lots: Iterable[Prepaid], today: date, is_test: bool
) -> Iterator[Month]:
    """The complete months after the newest usage invoice, or from the first receipt on."""
    newest = connection.execute(
        select(func.max(_INVOICE.c.source_id)).where(
            _INVOICE.c.workspace_id == workspace_id,
            _INVOICE.c.source_kind == SOURCE,
            _INVOICE.c.currency == currency,
            _INVOICE.c.is_test.is_(is_test),
        )
    ).scalar()
    if newest:
        year, number = newest.rpartition(":")[2].split("-")
        month = Month(int(year), int(number)).following
    else:
        month = Month.of(min(lot.bought_on for lot in lots))
    while month.following.first <= today:
        yield month
        month = month.following


def _key(workspace_id: str, currency: str, is_test: bool) -> str:
    return f"{workspace_id}:{currency}:{'test:' if is_test else ''}"


def _used(connection: Connection, lots: Sequence[Prepaid], until: datetime) -> tuple[Fiat, Money]:
    """What was used of these lots before `until`: its worth, and how many credits."""
    journal, use = ledger.journal, ledger.lot_use
    undone = journal.alias("undone")
    consumed = (
        select(use.c.lot_id, func.sum(use.c.amount))
        .join(journal, journal.c.id == use.c.journal_id)
        .join(undone, undone.c.id == journal.c.reverses_id, isouter=True)
        .where(use.c.lot_id.in_([lot.lot_id for lot in lots]), journal.c.created_at < until)
        .where(or_(journal.c.kind.in_(_USES), (journal.c.kind == REVERSAL) & undone.c.kind.in_(_USES)))
        .group_by(use.c.lot_id)
    )
    amounts = dict(connection.execute(consumed).tuples().all())
    owed = _owed_again(connection, lots, until)
    worth, credits_ = Fiat.zero(lots[0].gross.currency), Money.zero(lots[0].granted.unit)
    for lot in lots:
        used = int(amounts.get(lot.lot_id, 0)) - owed.get(lot.lot_id, 0)
        worth += Fiat(_share(lot.gross.minor, used, lot.granted.micros), lot.gross.currency)
        credits_ += Money(used, lot.granted.unit)
    return worth, credits_


def _owed_again(connection: Connection, lots: Sequence[Prepaid], until: datetime) -> dict[str, int]:
    """What was used of these lots and not paid for after all: their money went back, and it is debt. The credits that
    pay that debt are the ones it was used of."""
    aside = ledger.set_aside.c
    back = (
        select(aside.lot_id, func.sum(aside.shortfall))
        .where(aside.lot_id.in_([lot.lot_id for lot in lots]))
        .where(aside.state == ledger.TAKEN_BACK, aside.closed_at < until)
        .group_by(aside.lot_id)
    )
    return {lot_id: int(shortfall) for lot_id, shortfall in connection.execute(back)}


def _share(whole: int, part: int, of: int) -> int:
    return (2 * whole * part + of) // (2 * of)


def _stated(connection: Connection, workspace_id: str, currency: str, is_test: bool) -> Fiat:
    stated = select(func.coalesce(func.sum(_INVOICE.c.gross), 0)).where(
        _INVOICE.c.workspace_id == workspace_id,
        _INVOICE.c.source_kind == SOURCE,
        _INVOICE.c.currency == currency,
        _INVOICE.c.is_test.is_(is_test),
    )
    return Fiat(int(connection.execute(stated).scalar_one()), currency)


def _issue(
    connection: Connection,
    workspace_id: str,
    sells: Seller,
    month: Month,
    gross: Fiat,
    used: Money,
    now: datetime,
    is_test: bool,
) -> Issued:
    profile = profiles.require(connection, workspace_id)
    tax = decided(connection, sells, profile, gross, now, on=month.last, inclusive=True)
    line = DraftLine(
        t("invoicing.usage.line", month=f"{month.first:%B %Y}"),
        tax.total_net,
        Decimal(1),
        detail=t("invoicing.usage.so_far", credits=f"{used.amount.normalize():f}"),
    )
    draft = InvoiceDraft(
        workspace_id=workspace_id,
        tax=tax,
        lines=(line,),
        issued_at=now,
        supplied_at=_midnight(sells, month.last),
        period=(month.first, month.last),
        source_kind=SOURCE,
        source_id=f"{_key(workspace_id, gross.currency, is_test)}{month}",
        paid=Paid(month.last, t("invoicing.usage.paid")),
        is_test=is_test,
    )
    return issue_invoice(connection, draft)


def _today(sells: Seller, now: datetime) -> date:
    return now.astimezone(seller.zone(sells)).date()


def _midnight(sells: Seller, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=seller.zone(sells))
