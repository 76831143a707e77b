"""Where the bytes of stored files lie: a folder of our own here, a bucket in `bucket.py`. The rows are the store's.

A key is `ab/cd/file_….png`. What lies under it never changes, so a copy on this machine is as good as the original.
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

    def put(self, given: Path, key: str) -> None:
        """Lay the file down so that it survives a crash; the given path is gone afterwards."""

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

    def check(self) -> None:
        probe = self.incoming()
        probe.write_bytes(b"")
        probe.unlink()

    def incoming(self) -> Path:
        return fresh(self.root / INCOMING)

    def put(self, given: Path, key: str) -> None:
        """Complete and on the platter, or not there at all."""
        target = self._inside(key)
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
