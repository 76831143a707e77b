"""Processes forked from a server that has everything imported already: a kill test starts many of them, and a server of
our own is there at once.

There is one such server in a run, and it imports what it was told to before the first fork, so it is told about all of
them at once.
"""

import importlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing import forkserver as server
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from app.kernel import faults
from tests.support.thrift import be_thrifty, seek_garbage_seldom

ROOT = Path(__file__).parents[2]
STDOUT, STDERR = 1, 2
KILLED = ("billing", "generation", "inline", "invoice", "ledger", "metering", "payment", "returns")
PRELOAD = [
    "app.api.assemble",
    "app.cli",
    "app.sandbox.__main__",
    "tests.support.api_server",
    *(f"tests.faults.{name}_process" for name in KILLED),
]


class Streams:
    """What a new process says is heard where its maker is heard, so that pytest shows it with its test."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _take_over, (DupFd(STDOUT), DupFd(STDERR))


def _take_over(out: Any, err: Any) -> Streams:
    for passed, place in ((out, STDOUT), (err, STDERR)):
        os.dup2(fd := passed.detach(), place)
        os.close(fd)
    return Streams()


class Forked(ForkServerProcess):
    """A process forked from the server."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._streams = Streams()


class Forking(ForkServerContext):
    """What makes the processes and their pipes."""

    Process = Forked  # type: ignore[assignment]


def forking() -> Forking:
    context = Forking()
    context.set_forkserver_preload(PRELOAD)
    return context


def start_for_all() -> None:
    """Now: the processes that are forked from this one use it as well. It ends with the last of them."""
    forking()
    server.ensure_running()
    os.register_at_fork(after_in_child=_use_what_is_there)


def _use_what_is_there() -> None:
    server._forkserver.ensure_running = lambda: None  # it would look after a child that is not this process's own


def die_at(fault: str) -> None:
    """In the new process: be killed at this named point, or nowhere."""
    seek_garbage_seldom()
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


def told_by(work: Callable[..., None], *given: Any) -> tuple[int, list[str]]:
    """One process that does this, with a pipe as its last argument: its exit code (minus the signal that ended it) and
    what it had said by then."""
    context = forking()
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(*given, sending))
    process.start()
    sending.close()
    said = []
    while True:
        try:
            said.append(receiving.recv_bytes().decode())
        except EOFError:
            break
    receiving.close()
    return seen_off(process), said


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
    seek_garbage_seldom()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(env)
    sys.exit(main(list(arguments)))
