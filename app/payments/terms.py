"""The operator's terms: what a customer accepts before paying, the refund policy, the wording on invoices.

A version is written once and never changed; an order keeps the version that was accepted for it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, select

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.ids import new_id
from app.payments import tables
from app.payments.publishing import next_version

LONGEST_TEXT = 100_000
LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True)
class TermsVersion:
    id: str
    number: int
    terms: str
    refund_policy: str
    invoice_wording: str
    author: str
    note: str
    published_at: datetime

    @property
    def name(self) -> str:
        """How invoices and logs name it."""
        return f"v{self.number} ({self.published_at:%Y-%m-%d})"


class Terms:
    """Publishes and reads versions of the terms."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def current(self) -> TermsVersion | None:
        """What applies now; None before the first was published, and then nothing can be bought."""
        with self._db.read() as connection:
            return latest(connection)

    def find(self, version_id: str) -> TermsVersion:
        with self._db.read() as connection:
            return find(connection, version_id)

    def history(self) -> list[TermsVersion]:
        """Every version, the newest first."""
        query = select(tables.terms_version).order_by(tables.terms_version.c.number.desc())
        with self._db.read() as connection:
            return [_version(row) for row in connection.execute(query)]

    def publish(
        self, *, terms: str, refund_policy: str, invoice_wording: str, note: str = "", actor: str
    ) -> TermsVersion:
        """Make this the version that applies from now on. The same text again changes nothing."""
        wanted = (
            _text(terms, "terms", required=True),
            _text(refund_policy, "refund_policy", required=True),
            _text(invoice_wording, "invoice_wording"),
        )
        with next_version(self._db) as connection:
            before = latest(connection)
            if before and (before.terms, before.refund_policy, before.invoice_wording) == wanted:
                return before
            made = TermsVersion(
                new_id("trm"), _next_number(connection), *wanted, actor, note.strip()[:LONGEST_NOTE], self._clock()
            )
            names = ("id", "number", "terms", "refund_policy", "invoice_wording", "author", "note", "published_at")
            connection.execute(insert(tables.terms_version).values({name: getattr(made, name) for name in names}))
        return made


def latest(connection: Connection) -> TermsVersion | None:
    query = select(tables.terms_version).order_by(tables.terms_version.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _version(row)


def find(connection: Connection, version_id: str) -> TermsVersion:
    """That version of the terms, or `NotFound`."""
    query = select(tables.terms_version).where(tables.terms_version.c.id == version_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no version {version_id[:64]} of the terms.", code="terms_not_found")
    return _version(row)


def accepted(connection: Connection, version_id: str | None) -> TermsVersion:
    """The terms that apply, if these were the ones accepted.

    `InvalidInput` "terms_not_accepted" when none were, `Conflict` "terms_changed" when they changed meanwhile.
    """
    now = latest(connection)
    if now is None:
        raise Conflict("The operator has not published terms yet, so nothing can be sold.", code="no_terms")
    if not version_id:
        raise InvalidInput(
            "Please accept the terms and the refund policy first.", param="terms", code="terms_not_accepted"
        )
    if version_id != now.id:
        raise Conflict("The terms have changed meanwhile: please read and accept them again.", code="terms_changed")
    return now


def _next_number(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(tables.terms_version.c.number), 0))).scalar_one()) + 1


def _text(text: str, param: str, *, required: bool = False) -> str:
    tidy = text.replace("\r\n", "\n").strip()
    if required and not tidy:
        raise InvalidInput("This text cannot be empty.", param=param)
    if len(tidy) > LONGEST_TEXT or "\0" in tidy:
        raise InvalidInput(f"At most {LONGEST_TEXT} characters of text.", param=param)
    return tidy


def _version(row: Row[tuple[object, ...]]) -> TermsVersion:
    return TermsVersion(
        row.id,
        row.number,
        row.terms,
        row.refund_policy,
        row.invoice_wording,
        row.author,
        row.note,
        row.published_at,
    )
