"""Many at once, in one process and in two: never more is admitted than the balance holds, never anything twice."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from app.kernel.db import Database
from app.kernel.errors import InsufficientCredits
from app.kernel.ids import new_id
from app.ledger.wallet import Ledger
from tests.ledger.support import DEADLINE, Shop, credits, run

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import asyncio, sys
from app.kernel.db import Database
from app.kernel.errors import InsufficientCredits
from app.kernel.ids import new_id
from app.ledger.wallet import Ledger
from tests.ledger.support import DEADLINE, credits

async def main(url, workspace, asks, shared):
    ledger = Ledger(Database(url))
    ledger.start()
    print("ready", flush=True)
    sys.stdin.readline()

    async def ask(generation):
        try:
            held = await ledger.hold(workspace, generation, credits(1), deadline_at=DEADLINE)
        except InsufficientCredits:
            return "refused"
        settled = await ledger.settle(generation, credits(1))
        return "again" if settled.already else "charged"

    own = [new_id("gen") for _ in range(int(asks))]
    results = await asyncio.gather(*(ask(generation) for generation in own + shared.split(",")))
    print(" ".join(results), flush=True)
    ledger.stop()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(("balance", "asked"), [(1, 50), (13, 50), (50, 50)])
def test_parallel_holds_admit_exactly_what_the_balance_holds(shop: Shop, balance: int, asked: int) -> None:
    workspace = shop.workspace(balance)

    async def ask() -> bool:
        op = shop.hold_op(workspace, 1)
        try:
            await shop.ledger.hold(workspace, op.generation_id, op.amount, deadline_at=DEADLINE, also=op.also)
        except InsufficientCredits:
            return False
        return True

    async def all_at_once() -> list[bool]:
        return await asyncio.gather(*(ask() for _ in range(asked)))

    assert sum(run(all_at_once())) == balance
    assert shop.figures(workspace) == (balance, balance, 0)


def test_one_generation_asked_for_by_everybody_is_held_and_charged_once(shop: Shop) -> None:
    workspace = shop.workspace(100)
    hold = shop.hold_op(workspace, 10)
    settle, release = shop.settle_op(hold.generation_id, 7), shop.release_op(hold.generation_id)

    async def everything() -> None:
        lane = shop.ledger._lane
        await asyncio.gather(*(lane.submit_async(hold) for _ in range(20)))
        asked = [lane.submit_async(op) for op in [settle, release] * 20]
        await asyncio.gather(*asked)

    run(everything())
    assert shop.figures(workspace) == (93, 0, 0)
    assert shop.count("journal WHERE generation_id IS NOT NULL") == 1


def test_a_payment_told_by_everybody_is_credited_once_and_refunded_once(shop: Shop, database: Database) -> None:
    """Two ledgers over one database, as two processes have them; every payment and refund is told ten times to each."""
    workspace, promised = shop.workspace(), []
    other = Ledger(database)
    other.start()

    async def tell(ledger: Ledger, number: int) -> bool:
        ref, amount = f"pi_{number}", credits(10)
        bought = await ledger.top_up(
            workspace, amount, ref=ref, label="x", actor="test", within=lambda _, done: promised.append(done.lot_id)
        )
        aside = {"lot_id": bought.lot_id, "amount": credits(4), "reason": "refund", "actor": "test", "partial": True}
        await ledger.set_aside(workspace, ref=ref, **aside)
        await ledger.take_back(ref, shortfall=credits(0), actor="test")
        return not bought.already

    async def everybody() -> list[bool]:
        told = [(ledger, number) for number in range(10) for _ in range(10) for ledger in (shop.ledger, other)]
        return await asyncio.gather(*(tell(*each) for each in told))

    assert sum(run(everybody())) == 10
    other.stop()
    assert len(set(promised)) == 10
    assert shop.figures(workspace) == (10 * 6, 0, 0)
    assert shop.count("journal WHERE kind IN ('top_up', 'set_aside', 'take_back')") == 30


@pytest.mark.faults
def test_two_processes_admit_exactly_what_the_balance_holds(database: Database, database_url: str) -> None:
    """Each asks for 40 of its own and for the same 20 as the other; 60 credits are there."""
    ledger = Ledger(database)
    ledger.start()
    shop = Shop(ledger, database)
    workspace = shop.workspace(60)
    shared = ",".join(new_id("gen") for _ in range(20))
    command = [sys.executable, "-c", HOLDER, database_url, workspace, "40", shared]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        answers += process.communicate(timeout=60)[0].split()
        assert process.returncode == 0
    ledger.stop()
    assert len(answers) == 120
    assert answers.count("charged") == 60
    assert shop.figures(workspace) == (0, 0, 0)
    assert shop.count("hold WHERE state = 1") == 60
    with database.read() as connection:
        twice = text(
            "SELECT generation_id FROM journal WHERE kind = 'capture' GROUP BY generation_id HAVING count(*) > 1"
        )
        assert connection.execute(twice).all() == []
    assert ledger.balance(workspace).available == credits(0)
