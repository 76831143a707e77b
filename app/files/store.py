"""Files kept: inputs that were uploaded and outputs that were made. Bytes on disk, one row each, never a public folder.

A file is complete on disk before its row exists, so a row always has its bytes. A crash in between leaves bytes
without a row; `sweep` removes those.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from app.files import preview as previews
from app.files.probe import Measured, Unreadable, probe
from app.files.tables import StoredFile
from app.kernel import clock as clocks
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.ids import is_id, new_id

__all__ = ["Files", "Measured", "StoredFile", "TooLarge", "Unreadable"]

MB = 1024 * 1024
#: The most an upload of each kind may weigh.
UPLOAD_LIMIT_BYTES = {"image": 32 * MB, "video": 256 * MB, "audio": 64 * MB}
INCOMING = "incoming"
ORPHAN_AGE = timedelta(days=1)

log = logging.getLogger(__name__)


class TooLarge(InvalidInput):
    """An upload that weighs more than its kind may."""

    code = "file_too_large"


class Files:
    """Everything stored under `root`, by id."""

    def __init__(self, db: Database, root: Path, clock: Clock = clocks.now) -> None:
        self._db = db
        self.root = root.resolve()
        self._clock = clock

    def probe(self, path: Path | str) -> Measured:
        """What the file holds, by its content; `Unreadable` when it is nothing we keep."""
        return probe(Path(path))

    def check(self) -> None:
        """Raises when nothing can be kept at the moment."""
        probe = self.incoming()
        probe.write_bytes(b"")
        probe.unlink()

    def incoming(self) -> Path:
        """A fresh path on the files' own disk to write to before `keep`; the move is then only a rename."""
        folder = self.root / INCOMING
        folder.mkdir(parents=True, exist_ok=True)
        return folder / secrets.token_hex(16)

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

    def keep_upload(self, path: Path | str, *, workspace_id: str) -> StoredFile:
        """An input somebody sent: `keep_now` within the upload limits."""
        return self.keep_now(path, workspace_id=workspace_id, limits=UPLOAD_LIMIT_BYTES)

    def open(self, file_id: str) -> tuple[StoredFile, Path]:
        """The row and where its bytes are; `NotFound` when there is no such file."""
        row = self.find(file_id)
        path = self._inside(row.path)
        if not path.is_file():
            log.error("the bytes of %s are missing on disk", file_id)
            raise NotFound(f"The content of {file_id} is no longer here.", code="file_gone")
        return row, path

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

    def delete(self, file_id: str) -> None:
        """Remove the row and then the bytes; deleting what is not there is fine."""
        with self._db.writing() as session:
            row = session.get(StoredFile, file_id)
            if row is None:
                return
            session.connection().execute(delete(StoredFile).where(col(StoredFile.id) == file_id))
        path = self._inside(row.path)
        path.unlink(missing_ok=True)
        previews.preview_path(path).unlink(missing_ok=True)

    def sweep(self, older_than: timedelta = ORPHAN_AGE) -> int:
        """Remove bytes that no row speaks of and that are too old to be on their way in; how many files."""
        too_old = time.time() - older_than.total_seconds()
        removed = 0
        for path in self._on_disk():
            if path.stat().st_mtime < too_old and not self._is_known(path):
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _admit(
        self, given: Path, measured: Measured, workspace_id: str, generation_id: str | None, position: int | None
    ) -> StoredFile:
        file_id = new_id("file")
        sha256 = _digest(given)
        relative = f"{sha256[:2]}/{sha256[2:4]}/{file_id}.{measured.extension}"
        row = StoredFile(
            id=file_id,
            workspace_id=workspace_id,
            generation_id=generation_id,
            position=position,
            kind=measured.kind,
            mime=measured.mime,
            size_bytes=given.stat().st_size,
            width=measured.width,
            height=measured.height,
            duration_micros=None if measured.seconds is None else int(measured.seconds.scaleb(6)),
            sha256=sha256,
            path=relative,
            created_at=self._clock(),
        )
        target = self._inside(relative)
        self._move(given, target)
        if self._insert(row):
            return row
        target.unlink(missing_ok=True)  # somebody else kept this output meanwhile: theirs counts
        winner = self._output(row.generation_id or "", position)
        if winner is None:
            raise NotFound(f"Output {position} of {generation_id} was removed while it was being kept.")
        return winner

    def _insert(self, row: StoredFile) -> bool:
        insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        statement = insert(StoredFile).values(row.model_dump())
        with self._db.write() as connection:
            unless_known = statement.on_conflict_do_nothing(index_elements=["generation_id", "position"])
            return connection.execute(unless_known.returning(col(StoredFile.id))).first() is not None

    def _output(self, generation_id: str, position: int | None) -> StoredFile | None:
        query = select(StoredFile).where(StoredFile.generation_id == generation_id, StoredFile.position == position)
        with self._db.reading() as session:
            return session.exec(query).first()

    def _move(self, given: Path, target: Path) -> None:
        """Complete and on the platter, or not there at all."""
        target.parent.mkdir(parents=True, exist_ok=True)
        source = given
        if given.stat().st_dev != target.parent.stat().st_dev:
            source = self.incoming()
            shutil.copyfile(given, source)
        with source.open("rb+") as file:
            os.fsync(file.fileno())
        source.replace(target)
        target.chmod(0o600)
        for folder in (target.parent, target.parent.parent, self.root):
            _sync_folder(folder)

    def _inside(self, relative: str) -> Path:
        path = (self.root / relative).resolve()
        if not path.is_relative_to(self.root):
            raise NotFound("The file lies outside of the files directory.", code="file_not_found")
        return path

    def _on_disk(self) -> Iterator[Path]:
        for path in self.root.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    yield path

    def _is_known(self, path: Path) -> bool:
        file_id = path.name.partition(".")[0]
        with self._db.reading() as session:
            return session.get(StoredFile, file_id) is not None


def _refuse_heavy(path: Path, measured: Measured, limits: dict[str, int] | None) -> None:
    limit = None if limits is None else limits[measured.kind]
    if limit is not None and path.stat().st_size > limit:
        raise TooLarge(f"The {measured.kind} is larger than {limit // MB} MB.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
