"""Processes forked from a server that has everything imported already: a kill test starts many of them, and a server of
our own is there at once.

There is one such server in a test process, and it imports what it was told to before the first fork, so it is told
about all of them at once.
"""

import importlib
import multiprocessing
import os
import signal
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess

from app.kernel import faults
from tests.support.thrift import be_thrifty

KILLED = ("billing", "generation", "inline", "invoice", "ledger", "metering", "payment", "returns")
PRELOAD = [
    "app.api.assemble",
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
