"""Where the bytes of stored files lie: a folder of our own here, a bucket in `bucket.py`. The rows are the store's.

A key is `ab/file_….png`: few folders, so that one is hardly ever new (older files lie under `ab/cd/`). What lies
under it never changes, so a copy on this machine is as good as the original.
"""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from app.files import preview as previews

INCOMING = "incoming"


class Unreachable(OSError):
    """The bytes are safe where they are, but nobody can get at them at the moment."""


class Shelf(Protocol):
    """Paths given and answered are of this machine."""

    def check(self) -> None:
        """Raises when nothing can be kept at the moment."""

    def incoming(self) -> Path:
        """A fresh path to write to before `put`, where moving is cheap."""

    def put(self, given: Path | bytes, key: str) -> None:
        """Lay it down so that it survives a crash; a path that is given is gone afterwards. Where this is broken off, a
        part may stay under the key: who asks for it must know that it was laid down."""

    def get(self, key: str) -> Path:
        """A path with the content; `FileNotFoundError` when there is none, `PermissionError` for a key that leads out
        of the shelf."""

    def remove(self, key: str) -> None:
        """With everything that was made of it; removing what is not there is fine."""

    def old(self, age: timedelta) -> Iterator[str]:
        """Keys, also of what was never finished, that nobody has touched for that long."""

    def tidy(self) -> None:
        """Throw away copies that can be had again."""


class Folder:
    """A folder on this machine or on a disk that all machines share."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._rooted: set[Path] = set()  # folders whose own entries are on the platter

    def check(self) -> None:
        probe = self.incoming()
        probe.write_bytes(b"")
        probe.unlink()

    def incoming(self) -> Path:
        return fresh(self.root / INCOMING)

    def put(self, given: Path | bytes, key: str) -> None:
        """On the platter, its name and its folder too, when this returns."""
        target = self._inside(key)
        folder = target.parent
        if folder not in self._rooted or not folder.is_dir():
            self._rooted.discard(folder)
            folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lay(given, target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        _sync_folder(folder)
        if folder not in self._rooted:
            for above in dict.fromkeys((folder.parent, self.root)):
                _sync_folder(above)
            self._rooted.add(folder)

    def get(self, key: str) -> Path:
        path = self._inside(key)
        if not path.is_file():
            raise FileNotFoundError(key)
        return path

    def remove(self, key: str) -> None:
        remove_with_preview(self._inside(key))

    def old(self, age: timedelta) -> Iterator[str]:
        before = time.time() - age.total_seconds()
        for path in files_under(self.root):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    yield path.relative_to(self.root).as_posix()

    def tidy(self) -> None:
        """Nothing here is a copy."""

    def _lay(self, given: Path | bytes, target: Path) -> None:
        """The name comes first: what is written to the platter then takes it along."""
        if isinstance(given, bytes):
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(given)
                file.flush()
                os.fsync(file.fileno())
            return
        source = given
        if given.stat().st_dev != target.parent.stat().st_dev:
            source = self.incoming()
            shutil.copyfile(given, source)
        source.replace(target)
        target.chmod(0o600)
        with target.open("rb+") as file:
            os.fsync(file.fileno())

    def _inside(self, key: str) -> Path:
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root):
            raise PermissionError(key)
        return path


def fresh(folder: Path) -> Path:
    """A name nobody has in this folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / secrets.token_hex(16)


def files_under(root: Path) -> Iterator[Path]:
    """Every file below; one that goes while we look is passed over."""
    for path in root.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                yield path


def remove_with_preview(path: Path) -> None:
    path.unlink(missing_ok=True)
    previews.preview_path(path).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
