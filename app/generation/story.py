"""Everything known about one generation, read at one moment: what its trace tells, and what an operator may add."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, Table, select

from app.accounts.tables import ApiKey, User
from app.catalogue.tables import ModelVersion, ProviderRow
from app.generation import rows, views
from app.generation.views import Seen
from app.kernel.db import metadata
from app.kernel.money import Money
from app.ledger import history, reads
from app.ledger.history import LotUse
from app.ledger.reads import HoldView, JournalView


@dataclass(frozen=True, slots=True)
class AttemptStory:
    """One submission; its row holds what it cost and what the provider said, which only operators read."""

    row: RowMapping
    provider_kind: str
    provider_name: str


@dataclass(frozen=True, slots=True)
class Story:
    """`available_before` is what could be held before this hold, None where nobody can say."""

    seen: Seen
    version_number: int
    published_at: datetime
    author: str  # a person's name, empty where no person published it
    person: str  # who pressed Run, empty for a key
    key_name: str
    attempts: tuple[AttemptStory, ...]
    events: tuple[RowMapping, ...]
    hold: HoldView | None
    available_before: Money | None
    journals: tuple[JournalView, ...]
    lot_uses: tuple[LotUse, ...]

    def first(self, kind: str) -> RowMapping | None:
        """The first event of that kind."""
        return next((event for event in self.events if event["kind"] == kind), None)

    def at(self, kind: str) -> datetime | None:
        """When that first happened."""
        found = self.first(kind)
        return found["created_at"] if found else None


def story(connection: Connection, generation_id: str, workspace_id: str | None = None) -> Story:
    """The whole of it; with a workspace given, only one of its own. Raises NotFound either way alike."""
    seen = views.find(connection, generation_id, workspace_id)
    row = seen.row
    version = _one(connection, ModelVersion, row["version_id"])
    hold = reads.hold_of(connection, seen.id)
    return Story(
        seen=seen,
        version_number=version["number"],
        published_at=version["published_at"],
        author=_name(connection, version["author"]),
        person=_name(connection, row["user_id"]) if row["user_id"] else "",
        key_name=str(_one(connection, ApiKey, row["api_key_id"])["name"]) if row["api_key_id"] else "",
        attempts=tuple(_attempts(connection, seen.id)),
        events=tuple(views.trace(connection, seen.id, operator=True)),
        hold=hold,
        available_before=history.available_before(connection, row["workspace_id"], hold) if hold else None,
        journals=tuple(reads.journals_of(connection, seen.id)),
        lot_uses=tuple(history.lot_uses(connection, seen.id)),
    )


def _attempts(connection: Connection, generation_id: str) -> list[AttemptStory]:
    provider = _table(ProviderRow)
    known: Mapping[str, RowMapping] = {
        row["id"]: row for row in connection.execute(select(provider.c.id, provider.c.kind, provider.c.name)).mappings()
    }
    return [
        AttemptStory(row, str(known[row["provider_id"]]["kind"]), str(known[row["provider_id"]]["name"]))
        for row in rows.attempts(connection, generation_id)
    ]


def _name(connection: Connection, user_id: str) -> str:
    """A person's name; empty for what is no person, such as the seed."""
    user = _table(User)
    return str(connection.execute(select(user.c.name).where(user.c.id == user_id)).scalar() or "")


def _one(connection: Connection, kind: type, wanted: str) -> RowMapping:
    table = _table(kind)
    return connection.execute(select(table).where(table.c.id == wanted)).mappings().one()


def _table(kind: type) -> Table:
    return metadata.tables[str(kind.__tablename__)]  # type: ignore[attr-defined]
