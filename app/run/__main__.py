"""`python3 -m app.run COMMAND`: what the Makefile calls. Runs on any Python from 3.11 with nothing installed."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - before a Python that cannot reads anything of ours
    sys.exit("Farebox needs Python 3.11 or newer, and this is " + sys.version.split()[0] + ".")

from app.run import frontend, launch, venv
from app.run.paths import ROOT
from app.run.processes import Processes, processes
from app.run.progress import Failed, Stopped, say


def main(arguments: list[str]) -> int:
    """Run one command; 0 when it was stopped by Ctrl-C, 1 with a sentence when it failed."""
    commands: dict[str, Callable[[], None]] = {
        "demo": launch.run,
        "dev": launch.dev,
        "env": lambda: _with_processes(venv.ensure),
        "test-env": lambda: _with_processes(lambda ours: venv.ensure(ours, venv.DEVELOPMENT)),
        "build": lambda: _with_processes(_build),
    }
    if len(arguments) != 1 or arguments[0] not in commands:
        say(f"usage: python3 -m app.run {{{'|'.join(commands)}}}")
        return 2
    try:
        commands[arguments[0]]()
    except Stopped:
        say("\nStopped.")
    except Failed as failure:
        say(f"\n{failure}")
        return 1
    return 0


def _build(ours: Processes) -> None:
    venv.ensure(ours)
    frontend.ensure(ours, frontend.environment(os.environ))


def _with_processes(work: Callable[[Processes], None]) -> None:
    with processes(_logs()) as ours:
        work(ours)


def _logs() -> Path:
    return ROOT / os.environ.get("FAREBOX_HOME", ".farebox") / "logs"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
