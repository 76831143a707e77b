"""Numbers without gaps: a series per entity, kind and year, counted in the transaction that uses the number.

Rolled back with the invoice, a number is given to the next one. Sequences of the database (gaps) and "the highest plus
one" (duplicates) are both wrong here.
"""

from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import Connection, Date, bindparam, case, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.invoicing import tables

_SERIES, _ENTITY = tables.invoice_series, tables.legal_entity
LETTER: Final = {"invoice": "", "credit_note": "C", "receipt": "R"}
DIGITS: Final = 6
_TODAY = bindparam("today", type_=Date())
_COUNT = (
    update(_SERIES)
    .where(*(_SERIES.c[name] == bindparam(f"in_{name}") for name in ("entity_id", "kind", "year", "is_test")))
    .values(
        next=_SERIES.c.next + 1,
        last_issued_on=case((_SERIES.c.last_issued_on > _TODAY, _SERIES.c.last_issued_on), else_=_TODAY),
    )
    .returning(_SERIES.c.prefix, _SERIES.c.next - 1, _SERIES.c.last_issued_on)
)


class Number(NamedTuple):
    """`text` is what is printed; `issued_on` never runs backwards within a series."""

    text: str
    year: int
    sequence: int
    issued_on: date


def take_number(connection: Connection, entity_id: str, kind: str, today: date, *, is_test: bool) -> Number:
    """The next number of the series that `today` belongs to. Others who issue in it wait until the caller commits."""
    key = {"entity_id": entity_id, "kind": kind, "year": today.year, "is_test": is_test}
    taken = _count(connection, key, today)
    if taken is None:
        # The entity's prefix of this moment: a changed one begins with the next series that opens. One at a time opens
        # it: key and prefix are both unique, and PostgreSQL forgives a conflict only on the index it is told of.
        own = select(_ENTITY.c.series_prefix).where(_ENTITY.c.id == entity_id).with_for_update(key_share=True)
        prefix = connection.execute(own).scalar_one()
        _open_series(connection, key, series_prefix(prefix, kind, today.year, is_test=is_test), today)
        taken = _count(connection, key, today)
    if taken is None:
        raise RuntimeError(f"the series {key} could not be opened")
    prefix, sequence, issued_on = taken
    return Number(f"{prefix}{sequence:0{DIGITS}d}", today.year, sequence, issued_on)


def series_prefix(prefix: str, kind: str, year: int, *, is_test: bool) -> str:
    """`LG-2026-`, `LGC-2026-` for credit notes, `TEST-LG-2026-` for money that is none."""
    return f"{'TEST-' if is_test else ''}{prefix}{LETTER[kind]}-{year}-"


def _count(connection: Connection, key: dict[str, object], today: date) -> tuple[str, int, date] | None:
    row = connection.execute(_COUNT, {"today": today, **{f"in_{name}": value for name, value in key.items()}}).first()
    return (row[0], int(row[1]), row[2]) if row else None


def _open_series(connection: Connection, key: dict[str, object], prefix: str, today: date) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    opened = dialect.insert(_SERIES).values(**key, prefix=prefix, next=1, last_issued_on=today)
    connection.execute(opened.on_conflict_do_nothing(index_elements=[_SERIES.c[name] for name in key]))


def issued_so_far(connection: Connection) -> dict[str, int]:
    """How many numbers each series has given, by prefix."""
    return {prefix: following - 1 for prefix, following in connection.execute(select(_SERIES.c.prefix, _SERIES.c.next))}
