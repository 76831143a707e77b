"""The invariants of the mirror (`invariants.sql`). A breach concerns what is told elsewhere and no credit."""

from datetime import datetime
from pathlib import Path
from typing import Final

from app.kernel.clock import now as present
from app.kernel.db import Database
from app.ledger.audit import SHOWN, Breach, read_invariants

FILE: Final = Path(__file__).with_name("invariants.sql")
INVARIANTS: Final = read_invariants(FILE.read_text(encoding="utf-8"))


def run_audit(db: Database, at: datetime | None = None) -> list[Breach]:
    """Every broken invariant with its first rows; an empty list is a clean audit."""
    moment, found = at or present(), []
    with db.read() as connection:
        for invariant in INVARIANTS:
            rows = connection.execute(invariant.statement(moment)).mappings().fetchmany(SHOWN)
            if rows:
                found.append(Breach(invariant.name, invariant.sentence, tuple(dict(row) for row in rows)))
    return found
