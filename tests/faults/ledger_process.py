"""A process that works on a ledger until it is done or FAREBOX_FAULT kills it: `python -m tests.faults.ledger_process`.

Reads a plan from standard input, one client per line: a workspace and the steps for each of its generations, such as
`ws_… gen_…:hold,settle gen_…:hold,release`. Prints each step after it was answered.
"""

import asyncio
import sys

from app.kernel.db import Database
from app.ledger.wallet import Ledger
from tests.ledger.support import DEADLINE, Shop, cost, credits

HELD, CHARGED = 10, 7


async def client(shop: Shop, workspace: str, tasks: list[str]) -> None:
    for task in tasks:
        generation, steps = task.split(":")
        for step in steps.split(","):
            await take(shop, workspace, generation, step)
            sys.stdout.write(f"{generation}:{step}\n")
            sys.stdout.flush()


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


async def main(url: str) -> None:
    db = Database(url)
    ledger = Ledger(db)
    shop = Shop.existing(ledger, db)
    ledger.start()
    lines = [line.split() for line in sys.stdin.read().splitlines()]
    try:
        await asyncio.gather(*(client(shop, workspace, tasks) for workspace, *tasks in lines))
    finally:
        ledger.stop()
        db.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
