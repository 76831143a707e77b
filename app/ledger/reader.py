"""What pages, the API and jobs ask the books: plain methods, each with a consistent view of its own."""

from collections.abc import Collection
from datetime import datetime, timedelta

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.money import CREDIT
from app.ledger import asides, endings, reads


class Reader:
    """The reading half of the ledger's door."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def balance(self, workspace_id: str, unit: str = CREDIT) -> reads.Balance:
        with self._db.read() as connection:
            return reads.balance(connection, workspace_id, unit)

    def freezes(self, workspace_id: str, unit: str = CREDIT) -> list[asides.FreezeView]:
        """Why the balance is frozen; nothing when it is not."""
        with self._db.read() as connection:
            return asides.freezes(connection, workspace_id, unit)

    def set_aside_of(self, ref: str) -> asides.AsideView | None:
        """What was set aside under this name, ever."""
        with self._db.read() as connection:
            return asides.set_aside(connection, ref)

    def lot(self, lot_id: str) -> reads.LotView:
        """One lot, used up or not."""
        with self._db.read() as connection:
            return reads.lot(connection, lot_id)

    def expiring(
        self, within: timedelta, *, limit: int = 500, after: tuple[datetime, str] | None = None
    ) -> list[endings.Ending]:
        """Lots that hold something and end within that time, the first to end first; `after` goes on behind one."""
        now = self._clock()
        with self._db.read() as connection:
            return endings.ending(connection, now, now + within, limit=limit, after=after)

    def lots(self, workspace_id: str, unit: str = CREDIT) -> list[reads.LotView]:
        with self._db.read() as connection:
            return reads.lots(connection, workspace_id, self._clock(), unit)

    def statement(
        self,
        workspace_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Collection[str] | None = None,
        after: reads.Cursor | None = None,
        limit: int = 50,
    ) -> list[reads.StatementRow]:
        with self._db.read() as connection:
            return reads.statement(
                connection, workspace_id, since=since, until=until, kinds=kinds, after=after, limit=limit
            )

    def journals_of(self, generation_id: str) -> list[reads.JournalView]:
        with self._db.read() as connection:
            return reads.journals_of(connection, generation_id)

    def journal(self, journal_id: str) -> reads.JournalView:
        with self._db.read() as connection:
            return reads.journal(connection, journal_id)

    def hold_of(self, generation_id: str) -> reads.HoldView | None:
        with self._db.read() as connection:
            return reads.hold_of(connection, generation_id)

    def overdue(self) -> list[str]:
        """Generations whose hold is open past its deadline."""
        with self._db.read() as connection:
            return reads.overdue(connection, self._clock())
