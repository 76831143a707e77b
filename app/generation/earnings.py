"""What generations earned and what they cost us, read from the books, so that every page agrees with the ledger.

Revenue is the list value of the credits charged; what was delivered but not charged is none. Cost is what providers
bill, jobs of unknown outcome at their expected price included.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, Select, case, func, literal_column, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.generation import rows
from app.kernel.ids import earliest_id
from app.kernel.money import MICRO, USD, Money
from app.ledger import accounts, tables

JOURNAL, ENTRY = tables.journal.c, tables.entry.c


class Earned(NamedTuple):
    """Both in USD."""

    revenue: Money = Money.zero(USD)
    cost: Money = Money.zero(USD)

    @property
    def kept(self) -> Money:
        return self.revenue - self.cost

    @property
    def margin(self) -> Fraction | None:
        """The share of the revenue we keep; None without revenue."""
        return Fraction(self.kept.micros, self.revenue.micros) if self.revenue else None

    def plus(self, other: "Earned") -> "Earned":
        return Earned(self.revenue + other.revenue, self.cost + other.cost)


def earned(revenue_micros: object, cost_micros: object, credit_value: Decimal) -> Earned:
    """From the sums of `REVENUE` (micro-credits) and `COST` (micro-USD); `credit_value` is USD per credit."""
    credits = Fraction(_whole(revenue_micros), MICRO)
    return Earned(Money.from_exact(credits * Fraction(credit_value), USD), Money(_whole(cost_micros), USD))


def _whole(sum_of_integers: object) -> int:
    return int(sum_of_integers or 0)  # type: ignore[call-overload,no-any-return]


#: Account conditions and the sums over them; select from `moved`.
IS_COST: ColumnElement[bool] = or_(
    ENTRY.account.startswith(accounts.PROVIDER_EXPENSE, autoescape=True),
    ENTRY.account == accounts.EXPENSE_UNKNOWN_UPSTREAM,
)
IS_REVENUE: ColumnElement[bool] = ENTRY.account.in_((accounts.REVENUE_USAGE, accounts.EXPENSE_ABSORBED_OVERAGE))
REVENUE: ColumnElement[Any] = func.sum(case((IS_REVENUE, -ENTRY.amount), else_=0)).label("revenue")
COST: ColumnElement[Any] = func.sum(case((IS_COST, ENTRY.amount), else_=0)).label("cost")


def moved(columns: Sequence[Any], since: datetime, until: datetime) -> Select[Any]:
    """`columns` with REVENUE and COST of every journal of a generation in `[since, until)`; group and filter it.

    Journals are found by their id, which sorts by time, so that a day costs the same in a large ledger.
    """
    return (
        select(*columns, REVENUE, COST)
        .select_from(tables.journal)
        .join(tables.entry, ENTRY.journal_id == JOURNAL.id)
        .join(rows.GENERATION, rows.GENERATION.c.id == JOURNAL.generation_id)
        .where(
            JOURNAL.id >= earliest_id("jrn", since),
            JOURNAL.created_at >= since,
            JOURNAL.created_at < until,
            or_(IS_REVENUE, IS_COST),
        )
    )


class _Slot(FunctionElement[int]):
    inherit_cache = True
    type = Integer()


@compiles(_Slot, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    moment, size = element.clauses
    return f"CAST(strftime('%s', {compiler.process(moment, **kw)}) AS INTEGER) / {compiler.process(size, **kw)}"


@compiles(_Slot, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    moment, size = element.clauses
    seconds = f"extract(epoch FROM {compiler.process(moment, **kw)})"
    return f"CAST(floor({seconds} / {compiler.process(size, **kw)}) AS INTEGER)"


def slot(moment: ColumnElement[Any], seconds: int) -> ColumnElement[int]:
    """Which stretch of `seconds` since 1970 a moment lies in: for grouping by hour or half hour, in UTC."""
    return _Slot(moment, literal_column(str(seconds)))


def slot_of(moment: datetime, seconds: int) -> int:
    """The same of a moment in hand."""
    return int(moment.timestamp()) // seconds
