"""A process that issues invoices for the orders it is told, until it is done or killed at a named point."""

import importlib
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

from app.kernel import faults
from app.kernel.db import Database
from tests.invoicing.support import Office


def main(url: str, workspace: str, orders: list[str], fault: str, pipe: Connection) -> None:
    os.environ["FAREBOX_FAULT"] = fault
    importlib.reload(faults)
    db = Database(url)
    office = Office(db)
    for order in orders:
        pipe.send_bytes(office.issue(workspace, order).number.encode())
    db.dispose()


def run(url: str, workspace: str, orders: list[str], fault: str = "") -> tuple[int, list[str]]:
    """One process over the orders: its exit code (minus the signal that ended it) and the numbers it answered."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=main, args=(url, workspace, orders, fault, sending))
    process.start()
    sending.close()
    answered = []
    while True:
        try:
            answered.append(receiving.recv_bytes().decode())
        except EOFError:
            break
    process.join(60)
    code = process.exitcode
    process.close()
    receiving.close()
    assert code in {0, -signal.SIGKILL}, code
    return code, answered
