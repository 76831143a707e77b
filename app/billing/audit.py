"""The invariants of billing: those of `invariants.sql`, and that what lines say was used is what the events say."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from app.billing import facts, invoices, subscriptions, usage_lines
from app.billing.allowances import Allowance
from app.billing.rating import USAGE
from app.kernel.clock import now as present
from app.kernel.db import Database
from app.ledger.audit import SHOWN, Breach, Invariant, read_invariants
from app.metering.aggregate import Span

FILE: Final = Path(__file__).with_name("invariants.sql")
IN_SQL: Final = read_invariants(FILE.read_text(encoding="utf-8"))
FROM_EVENTS: Final = Invariant(
    "lines_have_events", "A line of usage says no more events than there are in its period.", ""
)
INVARIANTS: Final = (*IN_SQL, FROM_EVENTS)
#: How far back lines are counted again against the events.
REACH: Final = timedelta(days=62)


def run_audit(db: Database, at: datetime | None = None, *, events: bool = True) -> list[Breach]:
    """Every broken invariant with its first rows; an empty list is a clean audit. `events=False` leaves out counting
    the events again: fit for a page that is opened often."""
    moment = at or present()
    found = []
    with db.read() as connection:
        for invariant in IN_SQL:
            rows = connection.execute(invariant.statement(moment)).mappings().fetchmany(SHOWN)
            if rows:
                found.append(Breach(invariant.name, invariant.sentence, tuple(dict(row) for row in rows)))
        missing = list(islice(_missing(connection, moment - REACH), SHOWN)) if events else []
    if missing:
        found.append(Breach(FROM_EVENTS.name, FROM_EVENTS.sentence, tuple(missing)))
    return found


def _missing(connection: Connection, since: datetime) -> Iterator[Mapping[str, Any]]:
    """Lines of finalised invoices that say more events than the meters find."""
    table = invoices.INVOICE
    query = select(table).where(
        table.c.state == invoices.FINALIZED, table.c.subscription_id.is_not(None), table.c.period_end > since
    )
    for row in connection.execute(query.order_by(table.c.id)).all():
        used = row.computed.get("used")
        if not used:
            continue
        subscription = subscriptions.find(connection, row.subscription_id)
        customer = facts.customer_of(connection, subscription.customer_id).external_id
        span = Span(*(datetime.fromisoformat(each) for each in used))
        none: list[Allowance] = []
        there = {
            line.item.line_id: line.used.events
            for line in usage_lines.of(connection, subscription, customer, span, none)
            if line.item is not None
        }
        for line in invoices.lines_of(connection, row.id):
            if line.kind == USAGE and not line.purpose and line.events > there.get(line.subscription_line_id, 0):
                yield {"invoice": row.number, "line": line.id, "said": line.events}
