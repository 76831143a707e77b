"""kill -9 at every named point of money in and money back, on both databases.

Whatever the moment: the credits and what was promised with them are there together or not at all, the books balance,
and asking again ends as if nothing had happened.
"""

import signal

import pytest

from app.kernel.db import Database
from app.kernel.ids import new_id
from app.ledger.wallet import Ledger
from tests.faults.ledger_process import BOUGHT, CHARGED, run
from tests.ledger.support import Shop
from tests.support.effort import sweep

pytestmark = pytest.mark.faults

BOUGHT_AND_REFUNDED = "top_up,hold,settle,set_aside,take_back,top_up_again"
BOUGHT_AND_KEPT = "top_up,set_aside,give_back"
ENDED = "top_up_ended,expire"
#: What stands in the balance at the end: two bonuses; a bonus; nothing.
LEFT = {BOUGHT_AND_REFUNDED: BOUGHT - CHARGED + 2, BOUGHT_AND_KEPT: BOUGHT + 1, ENDED: 0}
MOMENTS = ("after_books", "after_within", "before_commit")
KILLS = [
    *((f"{step}.{moment}", BOUGHT_AND_REFUNDED) for step in ("top_up", "set_aside", "take_back") for moment in MOMENTS),
    *((f"give_back.{moment}", BOUGHT_AND_KEPT) for moment in MOMENTS),
    *((f"top_up.{moment}:2", BOUGHT_AND_REFUNDED) for moment in MOMENTS),
    *(
        (f"{point}:{number}", BOUGHT_AND_REFUNDED)
        for point in ("books.half_written", "lane.after_commit")
        for number in (1, 4, 5, 6)
    ),
    ("expire.before_commit", ENDED),
    ("books.half_written:2", ENDED),
    ("lane.after_commit:2", ENDED),
]


def assert_whole(shop: Shop) -> None:
    """Each movement of money has its promise, each promise its movement, and the books balance."""
    moved = "kind || ' ' || ref FROM journal WHERE kind IN ('top_up', 'set_aside', 'give_back', 'take_back')"
    assert shop.count(f"(SELECT {moved} EXCEPT SELECT key FROM outbox) moved WHERE 1 = 1") == _unpromised(shop)
    assert shop.count(f"(SELECT key FROM outbox EXCEPT SELECT {moved}) promised") == 0
    shop.assert_books_balance()


def _unpromised(shop: Shop) -> int:
    """A lot that is born ended is bought without a promise."""
    return shop.count("lot WHERE expires_at IS NOT NULL")


#: Half of the books written; in them, and not yet committed; with what was promised, for each way money goes.
ALWAYS = (
    ("top_up.after_within", BOUGHT_AND_REFUNDED),
    ("take_back.after_books", BOUGHT_AND_REFUNDED),
    ("give_back.before_commit", BOUGHT_AND_KEPT),
    ("books.half_written:4", BOUGHT_AND_REFUNDED),
    ("expire.before_commit", ENDED),
)


@pytest.mark.parametrize(
    ("fault", "steps"), sweep(KILLS, *ALWAYS), ids=[f"{fault}, {steps.split(',')[-1]}" for fault, steps in KILLS]
)
def test_killed_at_a_point_and_asked_again(database: Database, database_url: str, fault: str, steps: str) -> None:
    ledger = Ledger(database)
    ledger.start()
    shop = Shop(ledger, database)
    workspace, generation = shop.workspace(), new_id("gen")
    plan = f"{workspace} {generation}:{steps}\n"

    ended, answered = run(database_url, plan, fault)
    assert ended == -signal.SIGKILL, "the point was never reached"
    assert_whole(shop)

    ended, again = run(database_url, plan)
    assert (ended, len(again)) == (0, steps.count(",") + 1)
    assert answered == again[: len(answered)]
    assert shop.figures(workspace) == (LEFT[steps], 0, 0)
    balance = ledger.balance(workspace)
    assert (balance.debt.micros, balance.set_aside.micros, balance.frozen) == (0, 0, False)
    once = {step.removesuffix("_again").removesuffix("_ended") for step in steps.split(",")} & {
        "set_aside",
        "give_back",
        "take_back",
    }
    for kind in once:
        assert shop.count(f"journal WHERE kind = '{kind}'") == 1
    assert shop.count("journal WHERE kind = 'top_up'") == steps.count("top_up")
    assert shop.count("journal WHERE kind = 'expiry'") == steps.count("expire")
    assert_whole(shop)
    ledger.stop()
