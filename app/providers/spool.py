"""Results that came in the same exchange, kept on disk until they are collected: a job's answer must outlive a restart.

Each is a folder named by its id, complete before it has that name. What nobody collected for a day is removed.
"""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.providers.port import Download

KEPT_SECONDS = 24 * 3600.0
SCHEME = "spool:"
TOLD = "told.json"
ID = re.compile(r"[A-Za-z0-9_-]{1,120}")


class Spool:
    """`root` is private to this user; several processes of one host share it."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or Path(tempfile.gettempdir()) / f"farebox-spool-{os.getuid()}"

    def put(self, spool_id: str, told: Mapping[str, Any], contents: Sequence[bytes]) -> list[str]:
        """Keep the outputs and what was told about them; the addresses of the outputs."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self._root))
        for index, content in enumerate(contents):
            (folder / str(index)).write_bytes(content)
        (folder / TOLD).write_text(json.dumps(told), encoding="utf-8")
        target = self._folder(spool_id)
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
        return [f"{SCHEME}{spool_id}/{index}" for index in range(len(contents))]

    def told(self, spool_id: str) -> dict[str, Any] | None:
        """What was told about a result; None when it is not, or no longer, here."""
        try:
            told = json.loads((self._folder(spool_id) / TOLD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    def fetch(self, url: str, mime: str | None) -> Download | None:
        """A copy of an output in a temporary file; None when it is gone."""
        spool_id, _, name = url.removeprefix(SCHEME).partition("/")
        source = self._folder(spool_id) / name
        if not name.isdecimal() or not source.is_file():
            return None
        descriptor, path = tempfile.mkstemp(prefix="farebox-output-")
        os.close(descriptor)
        shutil.copyfile(source, path)
        return Download(path, mime, Path(path).stat().st_size)

    def _folder(self, spool_id: str) -> Path:
        if not ID.fullmatch(spool_id):
            raise ValueError("not the id of a kept result")
        return self._root / spool_id

    def _sweep(self) -> None:
        too_old = time.time() - KEPT_SECONDS
        for folder in self._root.iterdir():
            if folder.stat().st_mtime < too_old:
                shutil.rmtree(folder, ignore_errors=True)
