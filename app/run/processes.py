"""Starting processes so that none is ever left behind.

Every process runs under `tether.py` in its own process group. Ctrl-C in the terminal therefore reaches only us, and we
end the others in order; if we are killed outright, the tethers notice and end them too.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.run.paths import ROOT
from app.run.progress import Failed, Stopped

TETHER = ROOT / "app" / "run" / "tether.py"
STOP_SECONDS = 10.0
TAIL_LINES = 25


@dataclass(frozen=True, slots=True)
class Started:
    """A tethered process and the file its output goes to."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self.process.poll()

    def let_go(self) -> None:
        """Close the tether's pipe: it reads the end and asks its whole group to end."""
        if self.process.stdin:
            self.process.stdin.close()

    def see_off(self, deadline: float) -> None:
        """Wait for the end, and kill what is left of the group at the deadline (on the monotonic clock)."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tail(self) -> str:
        """The last lines it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


class Processes:
    """Everything this run started."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._started: list[Started] = []

    def start(self, name: str, command: list[str], env: Mapping[str, str], *, folder: Path = ROOT) -> Started:
        """Start `command` in the project's folder or another; its output goes to `<logs>/<name>.log`."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(TETHER), *command],
                cwd=folder,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = Started(name, process, log)
        self._started.append(started)
        return started

    def finish(self, name: str, command: list[str], env: Mapping[str, str], look: Callable[[str], None]) -> None:
        """Run `command` to its end, handing what it prints to `look`; `Failed` with its last lines if it fails."""
        started = self.start(name, command, env)
        with started.log.open(encoding="utf-8", errors="replace") as output:
            while started.code is None:
                look(output.read())
                pause(0.05)
        self.stop_one(started)
        if started.code:
            raise Failed(f"{name} failed (exit code {started.code}):\n{started.tail()}\n    … all of it: {started.log}")

    def first_to_end(self) -> Started | None:
        """One that has ended, if any has."""
        return next((started for started in self._started if started.code is not None), None)

    def stop(self) -> None:
        """End them all, and whatever they started; returns when they are gone."""
        for started in self._started:
            started.let_go()
        deadline = time.monotonic() + STOP_SECONDS
        for started in self._started:
            started.see_off(deadline)
        self._started.clear()

    def stop_one(self, started: Started) -> None:
        """End one and whatever it started."""
        self._started.remove(started)
        started.let_go()
        started.see_off(time.monotonic() + STOP_SECONDS)


@contextmanager
def processes(logs: Path) -> Iterator[Processes]:
    """A block whose processes all end with it; Ctrl-C, SIGTERM and the end of `make` end the block as `Stopped`."""
    global _make
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    _make = _Make() if os.environ.get("MAKELEVEL") else None
    ours = Processes(logs)
    try:
        yield ours
    finally:
        _make = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the ending
        ours.stop()


def _stop(number: int, _frame: object) -> None:
    raise Stopped(signal.Signals(number).name)


def pause(seconds: float) -> None:
    """Sleep, but notice when `make` above the block of `processes` is ending."""
    time.sleep(seconds)
    if _make and _make.gave_up():
        raise Stopped("the process that started this one has ended")


class _Make:
    """Watches `make`: it may die without telling us, and a SIGINT sent to it alone is not passed on.

    GNU make answers such a SIGINT by waiting for its recipe for ever; all that shows is that it no longer catches the
    signal. Without make above us (a background job, a service) nothing is watched.
    """

    def __init__(self) -> None:
        self._id = os.getppid()
        self._caught = self._catches_interrupt()

    def gave_up(self) -> bool:
        return os.getppid() != self._id or (self._caught and not self._catches_interrupt())

    def _catches_interrupt(self) -> bool:
        with suppress(OSError):
            for line in Path(f"/proc/{self._id}/status").read_text(encoding="ascii", errors="replace").splitlines():
                if line.startswith("SigCgt:"):
                    return bool(int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1)
        return False


#: While a block of `processes` runs under make. Whoever starts processes without one (a test) watches nobody.
_make: _Make | None = None
