"""Whether something changed since somebody looked: a figure that goes up in the transaction that changes it.

What a process remembers for a while it may keep as long as the figure stands; other processes learn of a change by it.
"""

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel.db import at_the_end
from app.kernel.tables import version_mark

#: What plans allow: entitlements, subscriptions, and what belongs to them.
ENTITLEMENTS = "entitlements"


def bump(connection: Connection, name: str) -> None:
    """It changed, if the caller's transaction commits. Everybody changes the same row, so it is the last to be locked:
    two who come by it on different ways never wait for each other in a circle."""
    at_the_end(connection, f"version:{name}", lambda last: _count(last, name))


def _count(connection: Connection, name: str) -> None:
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(made(version_mark).values(name=name, version=0).on_conflict_do_nothing())
    mine = update(version_mark).where(version_mark.c.name == name)
    connection.execute(mine.values(version=version_mark.c.version + 1))


def read(connection: Connection, name: str) -> int:
    """The figure as it stands; 0 before the first change."""
    return int(connection.execute(select(version_mark.c.version).where(version_mark.c.name == name)).scalar() or 0)
