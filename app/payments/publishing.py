"""Writing the next version of something: two operators may do that at the same moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from app.kernel.db import Database
from app.kernel.errors import Conflict


@contextmanager
def next_version(db: Database) -> Iterator[Connection]:
    """A write transaction that gives a version its number. `Conflict` "published_meanwhile" for the slower of two."""
    try:
        with db.write() as connection:
            yield connection
    except IntegrityError:
        said = "Somebody else published a version at the same moment. Look at theirs, then publish yours again."
        raise Conflict(said, code="published_meanwhile") from None
