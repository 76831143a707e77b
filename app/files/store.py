"""Files kept: inputs that were uploaded and outputs that were made. Bytes on a shelf, one row each, never a public
folder.

A file is complete on its shelf before its row exists, so a row always has its bytes. The row of what is answered at
once is written with its charge (`lay_down`). A crash in between leaves bytes
without a row; `sweep` removes those. A file that has been kept long enough, or that its owner deleted, loses its bytes
and keeps its row: what it was, and its hash, stay known.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from app.files import keeping
from app.files import preview as previews
from app.files.bucket import Address, Bucket
from app.files.keeping import AGE, DELETED, MB, Keeping, Keepings
from app.files.probe import Measured, Unreadable, probe
from app.files.shelf import Folder, Shelf, Unreachable
from app.files.tables import StoredFile
from app.kernel import clock as clocks
from app.kernel.bulk import Insert
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput, NotFound, ProviderBusy
from app.kernel.ids import is_id, new_id

__all__ = ["Expired", "Files", "Measured", "StorageBusy", "StoredFile", "TooLarge", "Unreadable"]

FILE = metadata.tables[str(StoredFile.__tablename__)]
#: The most an upload of each kind may weigh.
UPLOAD_LIMIT_BYTES = {"image": 32 * MB, "video": 256 * MB, "audio": 64 * MB}
ORPHAN_AGE = timedelta(days=1)
AT_ONCE = 500

#: Writes the row of a file that was laid down; beside an operation of the books it needs `row.model_dump()`.
INSERT_FILE = Insert(FILE)

log = logging.getLogger(__name__)


class TooLarge(InvalidInput):
    """An upload that weighs more than its kind may."""

    code = "file_too_large"


class QuotaReached(TooLarge):
    """The workspace's uploads would take more room than they may."""

    code = "upload_quota_reached"


class Expired(NotFound):
    """There was such a file; its content has been deleted."""

    code = "file_expired"


class StorageBusy(ProviderBusy):
    """The bucket does not answer; nothing is lost."""

    code = "storage_busy"


class Files:
    """Everything stored, by id: under `root`, or in a bucket (`url`) with `root` for its copies."""

    def __init__(
        self,
        db: Database,
        root: Path,
        clock: Clock = clocks.now,
        *,
        url: str | None = None,
        keep: Keeping | None = None,
    ) -> None:
        self._db = db
        self.root = root.resolve()
        self._clock = clock
        self.shelf = shelf_of(url, self.root)
        self.keepings = Keepings(db, keep or Keeping(), clock)

    def probe(self, path: Path | str) -> Measured:
        """What the file holds, by its content; `Unreadable` when it is nothing we keep."""
        return probe(Path(path))

    def check(self) -> None:
        """Raises when nothing can be kept at the moment."""
        self.shelf.check()

    def incoming(self) -> Path:
        """A fresh path to write to before `keep`, where moving is cheap."""
        return self.shelf.incoming()

    async def keep(
        self,
        path: Path | str,
        *,
        workspace_id: str,
        generation_id: str | None = None,
        position: int | None = None,
    ) -> StoredFile:
        """`keep_now`, off the event loop."""
        return await asyncio.to_thread(
            self.keep_now, path, workspace_id=workspace_id, generation_id=generation_id, position=position
        )

    def keep_now(
        self,
        path: Path | str,
        *,
        workspace_id: str,
        generation_id: str | None = None,
        position: int | None = None,
        limits: dict[str, int] | None = None,
    ) -> StoredFile:
        """Move a finished file in and write its row. The given path is gone afterwards, kept or not.

        An output is kept once for its generation and position (from 0): again is answered with the first.
        `limits` are bytes by kind. `Unreadable` when it is not a picture, video or sound.
        """
        given = Path(path)
        try:
            if generation_id is not None and (known := self._output(generation_id, position)) is not None:
                return known
            measured = probe(given)
            _refuse_heavy(given, measured, limits)
            return self._admit(given, measured, workspace_id, generation_id, position)
        finally:
            given.unlink(missing_ok=True)

    def lay_down(self, given: Path | bytes, *, workspace_id: str, generation_id: str, position: int) -> StoredFile:
        """Keep an output that is made only once, but for its row: the caller writes it (`INSERT_FILE`) in the
        transaction that pays for it. Without the row nobody finds the bytes, and `sweep` removes them.

        A path that is given is gone afterwards. `Unreadable` when it is not a picture, video or sound.
        """
        try:
            row = self._row(given, probe(given), workspace_id, generation_id, position)
            self.shelf.put(given, row.path)
            return row
        finally:
            if isinstance(given, Path):
                given.unlink(missing_ok=True)

    def keep_text(self, text: str, *, workspace_id: str, generation_id: str, position: int) -> StoredFile:
        """What a generation wrote, as an output like any other. Only what was made here comes this way: nothing that
        arrives as a file is kept as text."""
        if (known := self._output(generation_id, position)) is not None:
            return known
        path = self.incoming()
        try:
            path.write_text(text, encoding="utf-8")
            return self._admit(path, Measured("text", "text/plain", "txt"), workspace_id, generation_id, position)
        finally:
            path.unlink(missing_ok=True)

    def keep_upload(self, path: Path | str, *, workspace_id: str) -> StoredFile:
        """An input somebody sent: `keep_now` within the limits of uploads.

        `QuotaReached` when the workspace has no room for it, `StorageBusy` when it cannot be kept at the moment.
        """
        try:
            return self.keep_now(path, workspace_id=workspace_id, limits=UPLOAD_LIMIT_BYTES)
        except Unreachable as error:
            raise _busy(error) from error

    def open(self, file_id: str) -> tuple[StoredFile, Path]:
        """The row and a path with its bytes; `NotFound` when there is no such file, `Expired` when there was."""
        row = self.find(file_id)
        if row.expired_at is not None:
            raise _expired(row)
        try:
            return row, self.shelf.get(row.path)
        except PermissionError:
            raise NotFound("The file lies outside of the files directory.", code="file_not_found") from None
        except FileNotFoundError:
            log.error("the bytes of %s are missing", file_id)
            raise NotFound(f"The content of {file_id} is no longer here.", code="file_gone") from None
        except Unreachable as error:
            raise _busy(error) from error

    def find(self, file_id: str) -> StoredFile:
        """The row alone."""
        with self._db.reading() as session:
            row = session.get(StoredFile, file_id) if is_id(file_id, "file") else None
        if row is None:
            raise NotFound(f"There is no file {file_id}.", code="file_not_found")
        return row

    def preview(self, file_id: str) -> Path:
        """A WebP of at most 512 pixels: the image made small, or the video's first frame. `NotFound` for sound."""
        row, path = self.open(file_id)
        if row.kind not in ("image", "video"):
            raise NotFound(f"{file_id} has no preview.", code="no_preview")
        try:
            return previews.preview(path)
        except Unreadable as error:
            raise NotFound(f"{file_id} has no preview: {error.message}", code="no_preview") from error

    def of_generation(self, generation_id: str) -> list[StoredFile]:
        """The outputs of a generation, in order."""
        query = select(StoredFile).where(StoredFile.generation_id == generation_id).order_by(col(StoredFile.position))
        with self._db.reading() as session:
            return list(session.exec(query))

    def uploads(self, workspace_id: str, *, before: str | None = None, limit: int = 50) -> list[StoredFile]:
        """The workspace's uploads that are still here, newest first."""
        query = select(StoredFile).where(
            StoredFile.workspace_id == workspace_id,
            col(StoredFile.generation_id).is_(None),
            col(StoredFile.expired_at).is_(None),
        )
        if before is not None:
            query = query.where(col(StoredFile.id) < before)
        with self._db.reading() as session:
            return list(session.exec(query.order_by(col(StoredFile.id).desc()).limit(limit)))

    def delete(self, file_id: str) -> None:
        """Remove the row and then the bytes, as if it had never been; deleting what is not there is fine."""
        with self._db.writing() as session:
            row = session.get(StoredFile, file_id)
            if row is None:
                return
            session.connection().execute(delete(StoredFile).where(col(StoredFile.id) == file_id))
        self._remove(row.path)

    def expire(self, file_id: str, why: str = DELETED) -> StoredFile:
        """Delete the content and keep the row; twice is fine. `NotFound` when there is no such file."""
        row = self.find(file_id)
        if row.expired_at is None:
            row.expired_at, row.expired_why = self._clock(), why
            mine = update(StoredFile).where(col(StoredFile.id) == file_id, col(StoredFile.expired_at).is_(None))
            with self._db.write() as connection:  # first, so that bytes which outlive a crash are swept
                connection.execute(mine.values(expired_at=row.expired_at, expired_why=why))
        self._remove(row.path)
        return row

    def expire_due(self) -> int:
        """Delete the content of what has been kept long enough; how many files."""
        count = 0
        while due := self.keepings.due():
            for file_id in due:
                self.expire(file_id, AGE)
            count += len(due)
        return count

    def sweep(self, older_than: timedelta = ORPHAN_AGE) -> int:
        """Remove bytes that no row speaks of, or no longer, and that are too old to be on their way in; how many."""
        removed = 0
        for keys in _batched(self.shelf.old(older_than), AT_ONCE):
            known = self._kept({_id_of(key) for key in keys})
            for key in keys:
                if _id_of(key) not in known:
                    self.shelf.remove(key)
                    removed += 1
        self.shelf.tidy()
        return removed

    def _row(
        self,
        given: Path | bytes,
        measured: Measured,
        workspace_id: str,
        generation_id: str | None,
        position: int | None,
    ) -> StoredFile:
        file_id = new_id("file")
        sha256 = _digest(given)
        return StoredFile(
            id=file_id,
            workspace_id=workspace_id,
            generation_id=generation_id,
            position=position,
            kind=measured.kind,
            mime=measured.mime,
            size_bytes=len(given) if isinstance(given, bytes) else given.stat().st_size,
            width=measured.width,
            height=measured.height,
            duration_micros=None if measured.seconds is None else int(measured.seconds.scaleb(6)),
            sha256=sha256,
            path=f"{sha256[:2]}/{file_id}.{measured.extension}",
            created_at=self._clock(),
        )

    def _admit(
        self, given: Path, measured: Measured, workspace_id: str, generation_id: str | None, position: int | None
    ) -> StoredFile:
        row = self._row(given, measured, workspace_id, generation_id, position)
        if generation_id is None:
            with self._db.read() as connection:  # before the bytes travel; what counts is the look under the lock
                self._refuse_overfull(connection, row)
        self.shelf.put(given, row.path)
        try:
            if self._insert(row):
                return row
        except QuotaReached:
            self._remove(row.path)
            raise
        self._remove(row.path)  # somebody else kept this output meanwhile: theirs counts
        winner = self._output(row.generation_id or "", position)
        if winner is None:
            raise NotFound(f"Output {position} of {generation_id} was removed while it was being kept.")
        return winner

    def _insert(self, row: StoredFile) -> bool:
        dialect = sqlite if self._db.is_sqlite else postgresql
        statement = dialect.insert(StoredFile).values(row.model_dump())
        with self._db.write() as connection:
            if row.generation_id is None:
                keeping.lock(connection, row.workspace_id, row.created_at)
                self._refuse_overfull(connection, row)
            unless_known = statement.on_conflict_do_nothing(index_elements=["generation_id", "position"])
            return connection.execute(unless_known.returning(col(StoredFile.id))).first() is not None

    def _output(self, generation_id: str, position: int | None) -> StoredFile | None:
        query = select(StoredFile).where(StoredFile.generation_id == generation_id, StoredFile.position == position)
        with self._db.reading() as session:
            return session.exec(query).first()

    def _refuse_overfull(self, connection: Connection, row: StoredFile) -> None:
        most = keeping.quota_bytes(connection, row.workspace_id, self.keepings.house)
        if keeping.uploaded(connection, row.workspace_id) + row.size_bytes > most:
            raise QuotaReached(
                f"Your uploads may take {most // MB} MB, and there is no room for this one. "
                "Delete some: GET /uploads lists them, DELETE /files/{id} removes one."
            )

    def _remove(self, key: str) -> None:
        try:
            self.shelf.remove(key)
        except PermissionError:
            raise NotFound("The file lies outside of the files directory.", code="file_not_found") from None
        except Unreachable as error:
            log.warning("%s stays in the store until it is swept: %s", key, error)

    def _kept(self, file_ids: Iterable[str]) -> set[str]:
        query = select(StoredFile.id).where(
            col(StoredFile.id).in_(list(file_ids)), col(StoredFile.expired_at).is_(None)
        )
        with self._db.reading() as session:
            return set(session.exec(query))


def shelf_of(url: str | None, root: Path) -> Shelf:
    """The bucket at `url`, or the folder; `Broken` for an address that is none."""
    return Folder(root) if url is None else Bucket(Address.parse(url), root)


def _refuse_heavy(path: Path, measured: Measured, limits: dict[str, int] | None) -> None:
    limit = None if limits is None else limits[measured.kind]
    if limit is not None and path.stat().st_size > limit:
        raise TooLarge(f"The {measured.kind} is larger than {limit // MB} MB.")


def _digest(given: Path | bytes) -> str:
    if isinstance(given, bytes):
        return hashlib.sha256(given).hexdigest()
    with given.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _batched(items: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _id_of(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _expired(row: StoredFile) -> Expired:
    when = "" if row.expired_at is None else f" on {row.expired_at:%d %B %Y}"
    said = f"was deleted{when}" if row.expired_why == DELETED else f"was kept until{when.removeprefix(' on')}"
    return Expired(f"The content of {row.id} {said} and is gone.")


def _busy(error: Unreachable) -> StorageBusy:
    log.warning("the file store cannot be reached: %s", error)
    return StorageBusy("Our file storage does not answer at the moment. Try again shortly.", retry_after_seconds=5)
