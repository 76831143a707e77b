"""Where things lie, and the fingerprint that says whether they changed.

Everything in `app/run` uses the standard library alone: it starts before any dependency is installed, and it must
decide in a few milliseconds that there is nothing to do.
"""

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
WEB = ROOT / ".web"
SETTLED_NANOSECONDS = 2_000_000_000


def venv_program(name: str) -> str:
    """The path of a program of our virtual environment."""
    return str(VENV / "bin" / name)


def fingerprint(parts: Iterable[Path], *words: str, without: Iterable[Path] = ()) -> str:
    """A digest over the names and bytes of these files and folders, and over the given words."""
    digest = hashlib.sha256("\0".join(words).encode())
    left_out = frozenset(map(str, without))
    beyond = len(str(ROOT)) + 1
    for file in sorted(found for part in parts for found in _files(str(part), left_out)):
        digest.update(f"\0{file[beyond:]}\0".encode())
        digest.update(_contents(file))
    return digest.hexdigest()


def _files(part: str, left_out: frozenset[str]) -> Iterator[str]:
    """Every file in this folder, or the file itself. Plain strings: a start looks at a thousand of them, twice."""
    if part in left_out:
        return
    if not os.path.isdir(part):  # noqa: PTH112
        if os.path.isfile(part):  # noqa: PTH113
            yield part
        return
    with os.scandir(part) as entries:
        for entry in entries:
            if entry.path in left_out or entry.name == "__pycache__":
                continue
            if entry.is_dir():
                yield from _files(entry.path, left_out)
            elif entry.is_file():
                yield entry.path


_known: dict[tuple[str, int, int], bytes] = {}


def _contents(file: str) -> bytes:
    """The digest of what is in a file, read once while neither its size nor its time changes.

    A file just written may be written again within the same tick of its clock, so that one is always read.
    """
    status = os.stat(file)  # noqa: PTH116
    key = (file, status.st_mtime_ns, status.st_size)
    if key in _known:
        return _known[key]
    with open(file, "rb") as opened:  # noqa: PTH123
        digest = hashlib.sha256(opened.read()).digest()
    if time.time_ns() - status.st_mtime_ns > SETTLED_NANOSECONDS:
        _known[key] = digest
    return digest
