"""A process that closes what is due and finalises it, until it is done or killed at a named point."""

from datetime import datetime

from app.billing.service import close_due, close_months, finalize_due
from app.kernel.db import Database
from tests.support.forking import die_at, forking, seen_off


def main(url: str, moments: list[datetime], fault: str) -> None:
    die_at(fault)
    db = Database(url)
    for moment in moments:
        close_due(db, moment)
        finalize_due(db, moment)
        close_months(db, moment)
    db.dispose()


def run(url: str, moments: list[datetime], fault: str = "") -> int:
    """One process over these moments; its exit code, minus the signal that ended it."""
    process = forking().Process(target=main, args=(url, moments, fault))
    process.start()
    return seen_off(process)
