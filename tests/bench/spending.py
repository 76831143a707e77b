"""What processes have spent so far: other work on a machine takes time, and not this. (Linux.)"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds of processor, and bytes that were written to files."""

    seconds: float
    bytes: int

    def since(self, before: "Spent") -> "Spent":
        return Spent(self.seconds - before.seconds, self.bytes - before.bytes)


def spent(processes: Iterable[int]) -> Spent:
    """By these processes; one that is gone has spent nothing."""
    each = [_spent(process) for process in processes]
    return Spent(sum(one.seconds for one in each), sum(one.bytes for one in each))


def family(process: int) -> list[int]:
    """A process and its children that are there now."""
    others = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [process, *(each for each in others if parent(each) == process)]


def members(group: int) -> list[int]:
    """The processes of a group that are there now."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(_fields(path)[2]) == group:
                found.append(int(path.name))
    return found


def parent(process: int) -> int:
    """0 where there is none."""
    try:
        return int(_fields(Path(f"/proc/{process}"))[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _spent(process: int) -> Spent:
    folder = Path(f"/proc/{process}")
    try:
        fields = _fields(folder)
        lines = (folder / "io").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return Spent(0, 0)
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Spent(seconds, next(int(line.split()[1]) for line in lines if line.startswith("write_bytes")))


def _fields(folder: Path) -> list[str]:
    return (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
