"""kill -9 at every named point of the ledger, on both databases.

Whatever the moment: what was answered is in the books, what was not is there whole or not at all, the books balance,
and asking again ends with everything charged exactly once.
"""

import signal

import pytest

from app.kernel.db import Database
from app.kernel.ids import new_id
from app.ledger.tables import CAPTURED, OPEN, RELEASED
from app.ledger.wallet import Ledger
from tests.faults.ledger_process import CHARGED, run
from tests.ledger.support import Shop
from tests.support.effort import sweep

pytestmark = pytest.mark.faults

STEPS_OF = {
    "hold.before_insert": "hold,settle",
    "hold.before_commit": "hold,settle",
    "settle.after_hold": "hold,settle",
    "settle.after_lots": "hold,settle",
    "settle.before_commit": "hold,settle",
    "lane.after_commit": "hold,settle",
    "lane.after_commit:2": "hold,settle",
    "release.after_hold": "hold,release",
    "release.after_lots": "hold,release",
    "release.before_commit": "hold,release",
    "lane.after_commit:3": "hold,settle,release",
    "capture_early.before_commit": "hold,capture_early,settle",
    "grant.before_commit": "grant,hold,settle",
}
CROWD = ["hold.before_commit:4", "settle.after_hold:3", "settle.after_lots:5", "settle.before_commit:2"]
CROWD += ["lane.after_commit:7", "release.before_commit:2", "lane.after_commit:10"]


def opened(database: Database) -> Shop:
    ledger = Ledger(database)
    ledger.start()
    return Shop(ledger, database)


def assert_answered_is_written(shop: Shop, answered: list[str]) -> None:
    """Every step that was answered before the kill is in the books."""
    for line in answered:
        generation, step = line.split(":")
        if step == "grant":
            assert shop.count(f"journal WHERE ref = '{generation}'") == 1
            continue
        held = shop.ledger.hold_of(generation)
        assert held is not None, line
        expected = {"hold": {OPEN, CAPTURED, RELEASED}, "release": {RELEASED, CAPTURED}}.get(step, {CAPTURED})
        assert held.state in expected, line


@pytest.mark.parametrize("fault", sweep(STEPS_OF, "settle.after_lots", "lane.after_commit", "release.before_commit"))
def test_bug_b1_killed_at_a_point_and_asked_again(database: Database, database_url: str, fault: str) -> None:
    shop = opened(database)
    workspace, generation = shop.workspace(100), new_id("gen")
    steps = STEPS_OF[fault]
    plan = f"{workspace} {generation}:{steps}\n"

    ended, answered = run(database_url, plan, fault)
    assert ended == -signal.SIGKILL, "the point was never reached"
    shop.assert_books_balance()
    assert_answered_is_written(shop, answered)

    ended, answered = run(database_url, plan)
    assert (ended, len(answered)) == (0, steps.count(",") + 1)
    charged = CHARGED if "settle" in steps else 0
    granted = 5 if "grant" in steps else 0
    assert shop.figures(workspace) == (100 + granted - charged, 0, 0)
    assert shop.count("journal WHERE kind IN ('capture', 'early_capture')") == (1 if charged else 0)
    shop.assert_books_balance()
    shop.ledger.stop()


@pytest.mark.parametrize("fault", sweep(CROWD, "lane.after_commit:7"))
def test_a_crowd_is_killed_and_asks_again(database: Database, database_url: str, fault: str) -> None:
    """Twelve clients over three wallets: most kills meet a batch of several operations."""
    shop = opened(database)
    workspaces = [shop.workspace(1_000) for _ in range(3)]
    tasks = {
        client: [(new_id("gen"), "hold,release" if (client + turn) % 4 == 0 else "hold,settle") for turn in range(6)]
        for client in range(12)
    }
    plan = "".join(
        f"{workspaces[client % 3]} {' '.join(f'{generation}:{steps}' for generation, steps in mine)}\n"
        for client, mine in tasks.items()
    )
    ended, answered = run(database_url, plan, fault)
    assert ended == -signal.SIGKILL, "the point was never reached"
    shop.assert_books_balance()
    assert_answered_is_written(shop, answered)

    ended, answered = run(database_url, plan)
    assert (ended, len(answered)) == (0, 12 * 6 * 2)
    settled = {
        number: sum(
            steps == "hold,settle" for client, mine in tasks.items() if client % 3 == number for _, steps in mine
        )
        for number in range(3)
    }
    for number, workspace in enumerate(workspaces):
        assert shop.figures(workspace) == (1_000 - CHARGED * settled[number], 0, 0)
    assert shop.count("journal WHERE kind = 'capture'") == sum(settled.values())
    shop.assert_books_balance()
    shop.ledger.stop()


@pytest.mark.parametrize(
    "point", sweep(["lane.after_commit", "settle.after_lots:2", "hold.before_commit:2"], "settle.after_lots:2")
)
def test_whoever_mends_is_killed_as_well(database: Database, database_url: str, point: str) -> None:
    """Each process gets a little further than the one before, whose work it finds done."""
    shop = opened(database)
    workspace = shop.workspace(100)
    generations = [new_id("gen") for _ in range(4)]
    plan = f"{workspace} {' '.join(f'{generation}:hold,settle' for generation in generations)}\n"
    kills = 0
    for _ in range(3):
        ended, answered = run(database_url, plan, point)
        kills += ended != 0
        assert_answered_is_written(shop, answered)
        shop.assert_books_balance()
    assert kills
    assert run(database_url, plan)[0] == 0
    assert shop.figures(workspace) == (100 - 4 * CHARGED, 0, 0)
    shop.assert_books_balance()
    shop.ledger.stop()
