"""The invariants of money that goes back (`invariants.sql`): refunds and disputes beside the ledger, the credit notes
and the orders. They run with those of the ledger: in tests that move money, in `python -m app audit`, every night.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from app.kernel.clock import now as present
from app.kernel.db import Database
from app.ledger.audit import GRACE, SHOWN, Breach, read_invariants

FILE: Final = Path(__file__).with_name("invariants.sql")
INVARIANTS: Final = read_invariants(FILE.read_text(encoding="utf-8"))


def run_audit(db: Database, at: datetime | None = None) -> list[Breach]:
    """Every broken invariant with its first rows; an empty list is a clean audit."""
    with db.read() as connection:
        return broken(connection, (at or present()) - GRACE)


def broken(connection: Connection, before: datetime) -> list[Breach]:
    """The same within a transaction; what is younger than `before` may still be on its way."""
    found = []
    for invariant in INVARIANTS:
        rows = connection.execute(invariant.statement(before)).mappings().fetchmany(SHOWN)
        if rows:
            found.append(Breach(invariant.name, invariant.sentence, tuple(dict(row) for row in rows)))
    return found
