"""The invariants of usage (`invariants.sql`): our own generations and their events, in both directions."""

from datetime import datetime
from pathlib import Path
from typing import Final

from app.kernel.clock import now as present
from app.kernel.db import Database
from app.ledger.audit import GRACE, SHOWN, Breach, read_invariants

FILE: Final = Path(__file__).with_name("invariants.sql")
INVARIANTS: Final = read_invariants(FILE.read_text(encoding="utf-8"))


def run_audit(db: Database, at: datetime | None = None) -> list[Breach]:
    """Every broken invariant with its first rows; an empty list is a clean audit."""
    before, found = (at or present()) - GRACE, []
    with db.read() as connection:
        for invariant in INVARIANTS:
            rows = connection.execute(invariant.statement(before)).mappings().fetchmany(SHOWN)
            if rows:
                found.append(Breach(invariant.name, invariant.sentence, tuple(dict(row) for row in rows)))
    return found
