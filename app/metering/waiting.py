"""Sums that wait to be added up (PostgreSQL).

To add to a sum costs more than to write an event down, and writers who come at the same time would wait for each
other's sums. So what a transaction's events come to is written, in that transaction, to `usage_waiting`, and added to
the sums for very many events at once. Whoever reads sums reads both, in one statement (`with_waiting`): so it never
matters what was added up when. Adding up takes rows away and adds them in one transaction: they count once, whenever a
process dies.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Date, cast, func, select
from sqlalchemy.sql.expression import FromClause

from app.kernel import faults
from app.kernel.db import metadata
from app.metering import tables
from app.metering.adding import adding
from app.metering.copying import column
from app.metering.events import BILLIONTHS
from app.metering.sums import COUNT, Added, summed

#: A number of our own: one adds up at a time, and the others leave it to them.
LOCK: Final = 7_233_950_417

_CELL: Final = "customer, day, shape_id, figure, events, whole, billionths"
_COPY: Final = f"COPY usage_waiting ({_CELL}) FROM STDIN"
_MAY: Final = f"SELECT pg_try_advisory_xact_lock({LOCK})"
_IS_WAITING: Final = "SELECT EXISTS (SELECT FROM usage_waiting)"
_SUM: Final = "sum(events)::bigint, sum(whole)::bigint, sum(billionths)::bigint"
_MONTH: Final = "date_trunc('month', day)::date"
_BY_DAY: Final = f"SELECT day, shape_id, figure, {_SUM} FROM given GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"  # noqa: S608
_BY_MONTH: Final = f"""SELECT {_MONTH}, customer, shape_id, figure, {_SUM} FROM given
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""  # noqa: S608
#: In the order of their keys: writers of an older version, who add to the sums themselves, lock them in that order.
_ADD_UP: Final = f"""WITH taken AS (DELETE FROM usage_waiting RETURNING *),
given ({_CELL}) AS MATERIALIZED (
    SELECT customer, day, shape_id, figure, {_SUM} FROM taken GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
),
by_day AS ({adding("usage_daily", _BY_DAY)}),
by_month AS ({adding("usage_monthly", _BY_MONTH)}),
by_customer AS ({adding("usage_rollup", "SELECT * FROM given")})
SELECT coalesce(sum(events), 0)::bigint FROM given WHERE figure = '{COUNT}'"""  # noqa: S608


def put(connection: Connection, events: Iterable[Added]) -> None:
    """What these, just written, come to."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write("".join(_lines(events)))


def is_waiting(connection: Connection) -> bool:
    """Whether there is anything that is not in the sums themselves."""
    return bool(connection.exec_driver_sql(_IS_WAITING).scalar_one())


def add_up(connection: Connection) -> int:
    """Add to the sums what waits, unless somebody else is about it; how many events that were."""
    if not connection.exec_driver_sql(_MAY).scalar_one():
        return 0
    added = int(connection.exec_driver_sql(_ADD_UP).scalar_one())
    faults.point("metering.added_up")
    return added


def with_waiting(connection: Connection, table: Any) -> FromClause:
    """A table of sums together with what waits; a key may come several times. Where nothing ever waits (SQLite), the
    table."""
    return table if connection.dialect.name == "sqlite" else _both(table.name)


@lru_cache
def _both(name: str) -> FromClause:
    table, waiting = metadata.tables[name], tables.waiting.c
    month = cast(func.date_trunc("month", waiting.day), Date).label("month")
    waits = select(*(month if each.name == "month" else waiting[each.name] for each in table.c))
    return select(table).union_all(waits).subquery("sums")


def _lines(events: Iterable[Added]) -> Iterator[str]:
    """The rows, as COPY reads them."""
    for (customer, day, shape), cell in summed(Counter(events)).items():
        for figure, (count, billionths) in cell.items():
            whole, rest = divmod(billionths, BILLIONTHS)
            yield f"{column(customer)}\t{day}\t{shape}\t{column(figure)}\t{count}\t{whole}\t{rest}\n"
