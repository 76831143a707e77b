"""What something would come to, found by doing it and taking it back: the figures are those of the act itself."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from app.kernel.db import Database

T = TypeVar("T")


def tried(db: Database, work: Callable[[Connection], T]) -> T:
    """Do it in a transaction that is rolled back; its refusals are raised as they would be."""
    with db.write() as connection:
        within = connection.begin_nested()
        try:
            return work(connection)
        finally:
            within.rollback()
