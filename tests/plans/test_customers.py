"""Billing customers: each is one workspace, and no other's usage is theirs."""

import pytest

from app.kernel.clock import now
from app.kernel.db import Database
from app.kernel.errors import Conflict
from app.kernel.given import Given
from app.plans import customers


def test_nobody_is_called_by_the_id_of_another_workspace(sqlite_url: str) -> None:
    """Its usage is reported under that id: it would be billed to whoever took it."""
    db = Database(sqlite_url)
    with db.write() as connection:
        first = customers.create(connection, Given({"external_id": "anna", "name": "Anna"}), actor="test", now=now())
    taken = Given({"external_id": first.workspace_id, "name": "Bert"})
    with db.write() as connection, pytest.raises(Conflict, match="is a workspace here"):
        customers.create(connection, taken, actor="test", now=now())
    db.dispose()
