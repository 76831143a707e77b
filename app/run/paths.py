"""Where things lie, and the fingerprint that says whether they changed.

Everything in `app/run` uses the standard library alone: it starts before any dependency is installed, and it must
decide in a few milliseconds that there is nothing to do.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
WEB = ROOT / ".web"


def venv_program(name: str) -> str:
    """The path of a program of our virtual environment."""
    return str(VENV / "bin" / name)


def fingerprint(parts: Iterable[Path], *words: str, without: Iterable[Path] = ()) -> str:
    """A digest over the names and bytes of these files and folders, and over the given words."""
    digest = hashlib.sha256("\0".join(words).encode())
    left_out = tuple(without)
    for file in sorted(_files(parts)):
        if any(file.is_relative_to(folder) for folder in left_out):
            continue
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _files(parts: Iterable[Path]) -> Iterator[Path]:
    for part in parts:
        if part.is_dir():
            yield from (file for file in part.rglob("*") if file.parent.name != "__pycache__" and file.is_file())
        elif part.is_file():
            yield part
