"""A process that works on a ledger until it is done or is killed at a named point.

It is forked from a server that has everything imported already, because a kill test starts many of them. The plan has
one client per line: a workspace and the steps for each of its generations, such as
`ws_… gen_…:hold,settle gen_…:hold,release`. Each step is written to the pipe after it was answered.
"""

import asyncio
from multiprocessing.connection import Connection

from sqlalchemy import select

from app.kernel import outbox
from app.kernel.db import Database
from app.ledger.companion import Within
from app.ledger.tables import journal, lot
from app.ledger.wallet import Ledger
from tests.ledger.support import DEADLINE, START, Shop, cost, credits
from tests.support.forking import die_at, told_by

HELD, CHARGED, BOUGHT = 10, 7, 20


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
    elif step in MONEY:
        await MONEY[step](shop, workspace, generation)
    else:
        raise ValueError(step)


# --- money in and back: the generation's id names the payment and its refund


def promise(key: str) -> Within:
    """What an order, an invoice and the outbox do: rows that commit with the credits."""
    return lambda connection, _done: outbox.put(connection, "test", {}, key=key) or None


async def top_up(shop: Shop, workspace: str, ref: str) -> None:
    await shop.ledger.top_up(
        workspace, credits(BOUGHT), ref=ref, label="x", actor="test", bonus=credits(1), within=promise(f"top_up {ref}")
    )


async def top_up_again(shop: Shop, workspace: str, ref: str) -> None:
    await top_up(shop, workspace, f"{ref} again")


async def top_up_ended(shop: Shop, workspace: str, ref: str) -> None:
    await shop.ledger.top_up(workspace, credits(BOUGHT), ref=ref, label="x", actor="test", expires_at=START)


async def set_aside(shop: Shop, workspace: str, ref: str) -> None:
    """All of what was bought, as far as it is still there."""
    query = select(lot.c.id).join(journal, journal.c.id == lot.c.journal_id)
    with shop.db.read() as connection:
        lot_id = connection.execute(query.where(journal.c.kind == "top_up", journal.c.ref == ref)).scalar_one()
    amount, within = credits(BOUGHT), promise(f"set_aside {ref}")
    await shop.ledger.set_aside(
        workspace, ref=ref, lot_id=lot_id, amount=amount, reason="refund", actor="test", partial=True, within=within
    )


async def give_back(shop: Shop, _workspace: str, ref: str) -> None:
    await shop.ledger.give_back(ref, actor="test", within=promise(f"give_back {ref}"))


async def take_back(shop: Shop, _workspace: str, ref: str) -> None:
    waiting = shop.ledger.set_aside_of(ref)
    assert waiting is not None
    short = waiting.asked - waiting.amount
    await shop.ledger.take_back(ref, shortfall=short, actor="test", within=promise(f"take_back {ref}"))


async def expire(shop: Shop, _workspace: str, _ref: str) -> None:
    await shop.ledger.expire_lots()


MONEY = {step.__name__: step for step in (top_up, top_up_again, top_up_ended, set_aside, give_back, take_back, expire)}


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
    die_at(fault)
    asyncio.run(work(url, plan, pipe))


def run(url: str, plan: str, fault: str = "") -> tuple[int, list[str]]:
    """One process over the plan: its exit code (minus the signal that ended it) and the steps answered before."""
    return told_by(main, url, plan, fault)
