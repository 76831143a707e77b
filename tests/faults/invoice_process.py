"""A process that issues invoices for the orders it is told, until it is done or killed at a named point."""

from multiprocessing.connection import Connection

from app.kernel.db import Database
from tests.invoicing.support import Office
from tests.support.forking import die_at, told_by


def main(url: str, workspace: str, orders: list[str], fault: str, pipe: Connection) -> None:
    die_at(fault)
    db = Database(url)
    office = Office(db)
    for order in orders:
        pipe.send_bytes(office.issue(workspace, order).number.encode())
    db.dispose()


def run(url: str, workspace: str, orders: list[str], fault: str = "") -> tuple[int, list[str]]:
    """One process over the orders: its exit code (minus the signal that ended it) and the numbers it answered."""
    return told_by(main, url, workspace, orders, fault)
