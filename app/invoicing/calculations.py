"""Answers of whoever works a tax out elsewhere, kept while they are good: a page that is opened again asks nobody."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from app.invoicing import tables
from app.invoicing.tax_elsewhere import Calculation, Question
from app.kernel.ids import new_id

_KEPT = tables.tax_calculation
#: Rates change, so an older answer is asked for anew.
FRESH: Final = timedelta(hours=24)
#: An order made on an answer is paid, and its sale reported, before the answer runs out.
MARGIN: Final = timedelta(hours=1)
#: Orders carry all they need of an answer: the row itself is only there to be found again.
FORGOTTEN: Final = timedelta(days=7)


def known(connection: Connection, account: str, asked: Question, now: datetime) -> Calculation | None:
    """The newest answer to this question that a sale can still be made on."""
    query = (
        select(_KEPT.c.answer)
        .where(
            _KEPT.c.question == asked.fingerprint,
            _KEPT.c.account == account,
            _KEPT.c.created_at > now - FRESH,
            _KEPT.c.expires_at > now + MARGIN,
        )
        .order_by(_KEPT.c.created_at.desc(), _KEPT.c.id.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar()
    return Calculation.from_json(found) if found else None


def keep(connection: Connection, account: str, answer: Calculation, now: datetime) -> None:
    """Write an answer down, and forget those that nobody can use any more."""
    connection.execute(delete(_KEPT).where(_KEPT.c.created_at < now - FORGOTTEN))
    row = {
        "id": new_id("tcl"),
        "account": account,
        "question": answer.question,
        "external_id": answer.id,
        "answer": answer.to_json(),
        "expires_at": datetime.fromisoformat(answer.expires_at),
        "created_at": now,
    }
    connection.execute(insert(_KEPT).values(row))
