"""A process that works on a ledger until it is done or is killed at a named point.

It is forked from a server that has everything imported already, because a kill test starts many of them. The plan has
one client per line: a workspace and the steps for each of its generations, such as
`ws_… gen_…:hold,settle gen_…:hold,release`. Each step is written to the pipe after it was answered.
"""

import asyncio
import importlib
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

from app.kernel import faults
from app.kernel.db import Database
from app.ledger.wallet import Ledger
from tests.ledger.support import DEADLINE, Shop, cost, credits

HELD, CHARGED = 10, 7


async def client(shop: Shop, workspace: str, tasks: list[str], pipe: Connection) -> None:
    for task in tasks:
        generation, steps = task.split(":")
        for step in steps.split(","):
            await take(shop, workspace, generation, step)
            pipe.send_bytes(f"{generation}:{step}".encode())


async def take(shop: Shop, workspace: str, generation: str, step: str) -> None:
    ledger = shop.ledger
    if step == "hold":
        also = shop.born(workspace, generation, HELD)
        await ledger.hold(workspace, generation, credits(HELD), deadline_at=DEADLINE, also=also)
    elif step == "capture_early":
        await ledger.capture_early(generation)
    elif step == "settle":
        paid = cost(3_000)
        await ledger.settle(
            generation,
            credits(CHARGED),
            cost=paid.amount,
            provider_id=paid.provider_id,
            also=lambda done: shop.finished(generation, done, paid),
        )
    elif step == "release":
        await ledger.release(generation, reason="failed", also=lambda done: shop.finished(generation, done, None))
    elif step == "grant":
        await ledger.grant(workspace, credits(5), kind="promo", label="x", ref=generation, actor="test")
    else:
        raise ValueError(step)


async def work(url: str, plan: str, pipe: Connection) -> None:
    db = Database(url)
    ledger = Ledger(db)
    shop = Shop.existing(ledger, db)
    ledger.start()
    lines = [line.split() for line in plan.splitlines()]
    try:
        await asyncio.gather(*(client(shop, workspace, tasks, pipe) for workspace, *tasks in lines))
    finally:
        ledger.stop()
        db.dispose()


def main(url: str, plan: str, fault: str, pipe: Connection) -> None:
    os.environ["FAREBOX_FAULT"] = fault
    importlib.reload(faults)
    asyncio.run(work(url, plan, pipe))


def run(url: str, plan: str, fault: str = "") -> tuple[int, list[str]]:
    """One process over the plan: its exit code (minus the signal that ended it) and the steps answered before."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=main, args=(url, plan, fault, sending))
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
