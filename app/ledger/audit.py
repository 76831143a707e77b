"""The invariants of the books (`invariants.sql`), and the audit that runs them. Each is one
statement, so each sees one consistent view of a ledger at work.

They run after every test that moves money, in `python -m app audit` and on a schedule. What a broken one returns is
shown to the operator as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import TextClause, bindparam, text

from app.kernel.clock import now as present
from app.kernel.db import Database, UtcDateTime
from app.ledger import seal

FILE = Path(__file__).with_name("invariants.sql")
GRACE: Final = timedelta(hours=1)  # how long past its deadline a hold may stay open before it is a breach
SHOWN: Final = 20  # rows of a breach that are kept

_HEADING = re.compile(r"^-- (?P<name>[a-z_]+): (?P<sentence>.+)$", re.MULTILINE)
_MOMENT = ":before"


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` finds the rows that break what `sentence` says."""

    name: str
    sentence: str
    sql: str

    def statement(self, before: datetime) -> TextClause:
        # Account names hold colons, which SQLAlchemy would take for parameters.
        clause = text(self.sql.replace(":", r"\:").replace("\\" + _MOMENT, _MOMENT))
        return clause.bindparams(bindparam("before", before, UtcDateTime())) if _MOMENT in self.sql else clause


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken invariant and the first rows that break it."""

    name: str
    sentence: str
    rows: tuple[Mapping[str, Any], ...]

    def __str__(self) -> str:
        shown = [", ".join(f"{name} {value}" for name, value in row.items()) for row in self.rows]
        return "\n".join([f"{self.name}: broken. {self.sentence}", *(f"  {line}" for line in shown)])


def read_invariants(source: str) -> tuple[Invariant, ...]:
    """The headed statements of an SQL file, in its order."""
    headings = list(_HEADING.finditer(source))
    ends = [heading.start() for heading in headings[1:]] + [len(source)]
    return tuple(
        Invariant(heading["name"], heading["sentence"], source[heading.end() : end].strip().rstrip(";"))
        for heading, end in zip(headings, ends, strict=True)
    )


INVARIANTS: Final = read_invariants(FILE.read_text(encoding="utf-8"))


def run_audit(db: Database, at: datetime | None = None, grace: timedelta = GRACE) -> list[Breach]:
    """Every broken invariant with its first rows; an empty list is a clean audit."""
    before = (at or present()) - grace
    breaches = []
    with db.read() as connection:
        for invariant in INVARIANTS:
            rows = connection.execute(invariant.statement(before)).mappings().fetchmany(SHOWN)
            if rows:
                breaches.append(Breach(invariant.name, invariant.sentence, tuple(dict(row) for row in rows)))
    damaged = seal.check(db)
    if damaged:
        shown = tuple(one._asdict() for one in damaged[:SHOWN])
        breaches.append(Breach("seals_recompute", "What is sealed is as it was when it was sealed.", shown))
    return breaches
