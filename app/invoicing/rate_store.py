"""The operator's own tax rates and exchange rates: dated rows, revoked rather than edited."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from app.invoicing import tables
from app.invoicing.rates import RateBook, Row
from app.invoicing.tax_snapshot import Fx
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.fiat import CURRENCIES
from app.kernel.money import exact, plain

_OVERRIDE, _FX = tables.tax_rate_override, tables.fx_rate
FX_MAX_AGE: Final = timedelta(days=40)  # a monthly table of a central bank may be used until the next is out
LONGEST_SOURCE: Final = 40
MOST_FX: Final = Decimal(10**9)
_PERCENT_DECIMALS: Final = 4


class RateStore:
    """What an operator entered over the published rates."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def add(
        self,
        jurisdiction: str,
        type_: str,
        rate: str,
        since: date,
        *,
        author: str,
        until: date | None = None,
        note: str = "",
    ) -> int:
        """A rate in percent ("19", "8.875") for a place ("DE", "US-CA") from a day on; the id of the row."""
        checked = _percent(rate)
        place = jurisdiction.strip().upper()
        if not place or not type_.strip():
            raise InvalidInput("Name the place and the tax, such as US-CA and Sales tax.", param="jurisdiction")
        if until is not None and until <= since:
            raise InvalidInput("The rate must end after it begins.", param="until")
        row = {"jurisdiction": place, "type": type_.strip(), "rate": plain(checked), "since": since, "until": until}
        with self._db.write() as connection:
            inserted = insert(_OVERRIDE).values(**row, note=note, author=author, created_at=self._clock())
            return int(connection.execute(inserted.returning(_OVERRIDE.c.id)).scalar_one())

    def revoke(self, override_id: int, *, author: str) -> None:
        """No longer use a row; what was decided with it stays as it was."""
        with self._db.write() as connection:
            done = connection.execute(
                update(_OVERRIDE)
                .where(_OVERRIDE.c.id == override_id, _OVERRIDE.c.revoked_at.is_(None))
                .values(revoked_at=self._clock(), revoked_by=author)
            )
            if done.rowcount != 1:
                raise NotFound("This rate is not in use any more.")

    def overrides(self) -> list[Mapping[str, Any]]:
        """Every row, newest first, the revoked ones too."""
        with self._db.read() as connection:
            return [
                dict(row) for row in connection.execute(select(_OVERRIDE).order_by(_OVERRIDE.c.id.desc())).mappings()
            ]

    def set_fx(self, base: str, quote: str, on: date, rate: str, *, source: str, author: str) -> None:
        """One `base` is `rate` `quote` on a day, by `source`. A day's rate is entered once."""
        if not {base, quote} <= CURRENCIES or base == quote:
            raise InvalidInput("Name two different currencies by their codes, such as EUR and USD.", param="base")
        figure = _figure(rate, "rate")
        if not 1 / MOST_FX <= figure <= MOST_FX:
            raise InvalidInput(f"An exchange rate is above zero, and up to {MOST_FX:,}.", param="rate")
        named = " ".join(source.split())
        if not named or len(named) > LONGEST_SOURCE or not named.isprintable():
            raise InvalidInput("Say whose rate this is, such as ECB: it is printed on invoices.", param="source")
        with self._db.write() as connection:
            known = connection.execute(_fx_of(base, quote).where(_FX.c.on_day == on)).first()
            if known is not None:
                raise InvalidInput(f"The rate of {on} is known: {known.rate} ({known.source}).", param="on")
            values = {"base": base, "quote": quote, "on_day": on, "rate": plain(figure), "source": named}
            connection.execute(insert(_FX).values(**values, author=author, created_at=self._clock()))

    def fx_rates(self, limit: int = 50) -> list[Mapping[str, Any]]:
        """What was entered, the newest day first."""
        newest = select(_FX).order_by(_FX.c.on_day.desc(), _FX.c.base, _FX.c.quote).limit(limit)
        with self._db.read() as connection:
            return [dict(row) for row in connection.execute(newest).mappings()]


def rate_book(connection: Connection) -> RateBook:
    """The rates in force, in the caller's transaction."""
    rows = connection.execute(select(_OVERRIDE).where(_OVERRIDE.c.revoked_at.is_(None)).order_by(_OVERRIDE.c.id))
    return RateBook(tuple(Row(row.jurisdiction, row.type, Decimal(row.rate), row.since, row.until) for row in rows))


def fx_on(connection: Connection, base: str, quote: str, on: date) -> Fx | None:
    """The newest rate of a day or not long before; None when there is none to use."""
    newest = _fx_of(base, quote).where(_FX.c.on_day <= on, _FX.c.on_day >= on - FX_MAX_AGE)
    row = connection.execute(newest.order_by(_FX.c.on_day.desc()).limit(1)).first()
    return Fx(quote, Decimal(row.rate), row.source, row.on_day.isoformat()) if row else None


def _fx_of(base: str, quote: str) -> Any:
    return select(_FX).where(_FX.c.base == base, _FX.c.quote == quote)


def _percent(rate: str) -> Decimal:
    figure = _figure(rate, "rate")
    if not 0 <= figure <= 100 or round(figure, _PERCENT_DECIMALS) != figure:
        raise InvalidInput("A tax rate is between 0 and 100 percent, with up to four decimals.", param="rate")
    return figure


def _figure(text: str, param: str) -> Decimal:
    try:
        return exact(text)
    except ValueError as error:
        raise InvalidInput(f"{text} is not a number such as 8.875.", param=param) from error
