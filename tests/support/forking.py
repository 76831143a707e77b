"""Processes forked from a server that has everything imported already: a kill test starts many of them, and a server of
our own is there at once.

There is one such server in a test process, and it imports what it was told to before the first fork, so it is told
about all of them at once.
"""

import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess

from app.kernel import faults
from tests.support.thrift import be_thrifty

ROOT = Path(__file__).parents[2]
KILLED = ("billing", "generation", "inline", "invoice", "ledger", "metering", "payment", "returns")
PRELOAD = [
    "app.api.assemble",
    "app.cli",
    "app.sandbox.__main__",
    "tests.support.api_server",
    *(f"tests.faults.{name}_process" for name in KILLED),
]


def forking() -> ForkServerContext:
    """What makes the processes and their pipes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


def die_at(fault: str) -> None:
    """In the new process: be killed at this named point, or nowhere."""
    be_thrifty()  # what a kill leaves behind does not depend on when the disk had it
    os.environ["FAREBOX_FAULT"] = fault
    importlib.reload(faults)


def seen_off(process: BaseProcess) -> int:
    """Wait for the end: the exit code, minus the signal that ended it. Anything but those two is a failure."""
    process.join(60)
    code = process.exitcode
    process.close()
    assert code in {0, -signal.SIGKILL}, code
    return int(code)


def command(arguments: tuple[str, ...], env: Mapping[str, str]) -> CompletedProcess[str]:
    """`python -m app …` with this environment and no other, without the seconds it takes to import all of it."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = forking().Process(target=_command, args=(arguments, dict(env), out, err), daemon=True)
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        assert code is not None
        return CompletedProcess(["app", *arguments], code, out.read_text(), err.read_text())


def _command(arguments: tuple[str, ...], env: dict[str, str], out: Path, err: Path) -> None:
    from app.cli import main

    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream.fileno())
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(env)
    sys.exit(main(list(arguments)))
