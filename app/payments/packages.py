"""Credit packages: what is sold, for how much, by version.

A version is written once. An order pins the version it was made from, so a new price never touches an open order. The
price is net; the final amount, with the buyer's tax, is worked out for whoever looks at it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.fiat import CURRENCIES, Fiat, psp_minor
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.payments import tables
from app.payments.publishing import next_version
from app.payments.rate import Rate

LONGEST_TITLE = 80
LONGEST_SUMMARY = 300
LONGEST_NOTE = 200
MOST_DAYS = 3_660


class Kind(StrEnum):
    INDIVIDUAL = "individual"
    TEAM = "team"
    HIGH_VOLUME = "high_volume"
    ENTERPRISE = "enterprise"  # an enquiry, settled by hand


@dataclass(frozen=True, slots=True)
class Content:
    """What one version says. An enterprise package has neither credits nor prices: it is an enquiry."""

    title: str
    summary: str = ""
    credits: Money = field(default_factory=Money.zero)
    bonus: Money = field(default_factory=Money.zero)
    prices: Mapping[str, Fiat] = field(default_factory=dict)
    expires_days: int | None = None
    bonus_expires_days: int | None = None


@dataclass(frozen=True, slots=True)
class Package:
    """A package with one of its versions, ordinarily the one on sale."""

    id: str
    kind: Kind
    sort: int
    version_id: str
    number: int
    content: Content
    is_live: bool
    is_archived: bool
    author: str
    note: str
    published_at: datetime

    @property
    def is_enquiry(self) -> bool:
        return self.kind is Kind.ENTERPRISE

    def price(self, currency: str) -> Fiat:
        """The net price; `InvalidInput` when the package is not sold in that currency."""
        found = self.content.prices.get(currency)
        if found is None:
            raise InvalidInput(f"{self.content.title} is not sold in {currency[:8]}.", param="currency")
        return found

    def rate(self, currency: str) -> Rate:
        """What a free amount buys on the terms of this package, bonus apart."""
        return Rate(self.price(currency), self.content.credits)


class Packages:
    """Publishes, orders, archives and reads packages."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def on_sale(self) -> list[Package]:
        """What customers may choose from, in order."""
        return [package for package in self.all() if not package.is_archived]

    def all(self) -> list[Package]:
        """Every package in its present version, archived ones too."""
        with self._db.read() as connection:
            return listed(connection)

    def history(self, package_id: str) -> list[Package]:
        """Every version of a package, the newest first."""
        query = _select().where(_id() == package_id).order_by(tables.credit_package_version.c.number.desc())
        with self._db.read() as connection:
            return [_package(row) for row in connection.execute(query)]

    def find(self, package_id: str) -> Package:
        """The present version; `NotFound` "package_not_found"."""
        with self._db.read() as connection:
            return _one(connection.execute(_select().where(_id() == package_id, _live())).one_or_none(), package_id)

    def publish(
        self, content: Content, *, kind: Kind, package_id: str | None = None, note: str = "", actor: str
    ) -> Package:
        """Put a new version on sale: of a new package, or of `package_id`. The same content again changes nothing."""
        tidy = checked(content, kind)
        with next_version(self._db) as connection:
            if package_id is None:
                package_id = _new_package(connection, kind, self._clock())
            else:
                before = of_package(connection, package_id)
                if before.kind is not kind:
                    raise Conflict("A package keeps its kind: make another one.", code="package_kind")
                if before.content == tidy and not before.is_archived:
                    return before
            version_id = _new_version(connection, package_id, tidy, actor, note, self._clock())
            connection.execute(
                update(tables.credit_package).where(_id() == package_id).values(live_version_id=version_id)
            )
            return of_package(connection, package_id)

    def archive(self, package_id: str, *, archived: bool = True) -> None:
        """Take a package off sale, or put it back. Open orders of it can still be paid."""
        with self._db.write() as connection:
            of_package(connection, package_id)
            connection.execute(
                update(tables.credit_package)
                .where(_id() == package_id)
                .values(archived_at=self._clock() if archived else None)
            )

    def reorder(self, package_ids: list[str]) -> None:
        """Show them in this order."""
        with self._db.write() as connection:
            for position, package_id in enumerate(package_ids):
                connection.execute(update(tables.credit_package).where(_id() == package_id).values(sort=position))


def listed(connection: Connection) -> list[Package]:
    """Every package in its present version, in order, within the caller's transaction."""
    rows = connection.execute(_select().where(_live()).order_by(tables.credit_package.c.sort, _id()))
    return [_package(row) for row in rows]


def of_package(connection: Connection, package_id: str) -> Package:
    """The present version, within the caller's transaction."""
    return _one(connection.execute(_select().where(_id() == package_id, _live())).one_or_none(), package_id)


def of_version(connection: Connection, version_id: str) -> Package:
    """A version by its id, on sale or not."""
    query = _select().where(tables.credit_package_version.c.id == version_id)
    return _one(connection.execute(query).one_or_none(), version_id)


def for_sale(connection: Connection, version_id: str) -> Package:
    """The version a customer chose, if it is still what is sold.

    `Conflict` "package_changed" when a newer one is on sale or the package was taken off.
    """
    package = of_version(connection, version_id)
    if not package.is_live or package.is_archived:
        raise Conflict("This package has changed: please look at the present offer.", code="package_changed")
    if package.is_enquiry:
        raise Conflict("This package is agreed upon by enquiry.", code="package_by_enquiry")
    return package


def checked(content: Content, kind: Kind) -> Content:
    """The content tidied up, or `InvalidInput` naming the field."""
    title = _words(content.title, "title", LONGEST_TITLE)
    summary = _words(content.summary, "summary", LONGEST_SUMMARY, required=False)
    for param in ("expires_days", "bonus_expires_days"):
        days = getattr(content, param)
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise InvalidInput(f"Credits last between 1 and {MOST_DAYS} days, or for ever.", param=param)
    if kind is Kind.ENTERPRISE:
        if content.credits or content.bonus or content.prices:
            raise InvalidInput("An enterprise package is an enquiry: it has no price.", param="prices")
        return Content(title, summary, expires_days=content.expires_days)
    if content.credits.micros <= 0 or content.bonus.micros < 0:
        raise InvalidInput("Say how many credits are sold, above zero.", param="credits")
    if not content.prices:
        raise InvalidInput("Set a price in at least one currency.", param="prices")
    for currency, price in content.prices.items():
        _check_price(currency, price)
    return Content(
        title,
        summary,
        content.credits,
        content.bonus,
        dict(sorted(content.prices.items())),
        content.expires_days,
        content.bonus_expires_days,
    )


def _check_price(currency: str, price: Fiat) -> None:
    if currency != price.currency or currency not in CURRENCIES:
        raise InvalidInput(f"{currency[:8]} is not a currency we know.", param="prices")
    if price.minor <= 0:
        raise InvalidInput(f"The price in {currency} must be above zero.", param="prices")
    try:
        psp_minor(price)
    except ValueError as error:
        raise InvalidInput(str(error), param="prices") from None


def _words(text: str, param: str, most: int, *, required: bool = True) -> str:
    tidy = " ".join(text.split())
    if required and not tidy:
        raise InvalidInput("This cannot be empty.", param=param)
    if len(tidy) > most or not tidy.isprintable():
        raise InvalidInput(f"At most {most} visible characters.", param=param)
    return tidy


def _id() -> Any:
    return tables.credit_package.c.id


def _live() -> Any:
    return tables.credit_package.c.live_version_id == tables.credit_package_version.c.id


def _select() -> Any:
    package, version = tables.credit_package.c, tables.credit_package_version.c
    columns = [column for column in tables.credit_package_version.c if column.name not in {"id", "package_id"}]
    return select(
        package.id,
        package.kind,
        package.sort,
        package.live_version_id,
        package.archived_at,
        version.id.label("version_id"),
        *columns,
    ).join(tables.credit_package_version, version.package_id == package.id)


def _one(row: Row[Any] | None, wanted: str) -> Package:
    if row is None:
        raise NotFound(f"There is no package {wanted[:64]}.", code="package_not_found")
    return _package(row)


def _package(row: Row[Any]) -> Package:
    content = Content(
        row.title,
        row.summary,
        Money(row.credits_micros),
        Money(row.bonus_micros),
        {currency: Fiat(minor, currency) for currency, minor in sorted(row.prices.items())},
        row.expires_days,
        row.bonus_expires_days,
    )
    return Package(
        id=row.id,
        kind=Kind(row.kind),
        sort=row.sort,
        version_id=row.version_id,
        number=row.number,
        content=content,
        is_live=row.live_version_id == row.version_id,
        is_archived=row.archived_at is not None,
        author=row.author,
        note=row.note,
        published_at=row.published_at,
    )


def _new_package(connection: Connection, kind: Kind, now: datetime) -> str:
    package_id = new_id("pkg")
    last = connection.execute(select(func.coalesce(func.max(tables.credit_package.c.sort), -1))).scalar_one()
    connection.execute(
        insert(tables.credit_package).values(id=package_id, kind=str(kind), sort=int(last) + 1, created_at=now)
    )
    return package_id


def _new_version(
    connection: Connection, package_id: str, content: Content, actor: str, note: str, now: datetime
) -> str:
    versions = tables.credit_package_version
    before = select(func.coalesce(func.max(versions.c.number), 0)).where(versions.c.package_id == package_id)
    version_id = new_id("pkv")
    connection.execute(
        insert(versions).values(
            id=version_id,
            package_id=package_id,
            number=int(connection.execute(before).scalar_one()) + 1,
            title=content.title,
            summary=content.summary,
            credits_micros=content.credits.micros,
            bonus_micros=content.bonus.micros,
            prices={currency: price.minor for currency, price in content.prices.items()},
            expires_days=content.expires_days,
            bonus_expires_days=content.bonus_expires_days,
            author=actor,
            note=note.strip()[:LONGEST_NOTE],
            published_at=now,
        )
    )
    return version_id
