"""What the processes of a run would each make for themselves is made by the first one that asks."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import run_folder


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The run's file of that name; nobody changes it. Who comes while it is being made waits for it."""
    folder = run_folder(factory)
    path, unfinished = folder / name, folder / f"{name}.unfinished"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a process that dies lets go of it
        if not path.exists():
            unfinished.unlink(missing_ok=True)
            make(unfinished)
            unfinished.rename(path)
    return path
