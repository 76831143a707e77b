"""Every invariant of the mirror is broken once, and seen."""

import pytest
from sqlalchemy import text

from app.mirror.audit import INVARIANTS, run_audit
from tests.mirror.test_trouble import House

ITEM = "INSERT INTO mirror_item (kind, our_id, remote_id, state, attempts, next_at, created_at) VALUES"
BREAKAGES = {
    "mirrored_is_ours": f"{ITEM} ('customer', 'cust_none', 'x', 'sent', 0, '2026-05-01', '2026-05-01')",
    "mirrored_once": "UPDATE mirror_item SET remote_id = 'one' WHERE kind = 'customer'",
    "told_is_there": "UPDATE mirror_feed SET after = 1000",
}


def test_every_invariant_is_broken_here():
    assert BREAKAGES.keys() == {invariant.name for invariant in INVARIANTS}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_breach_is_seen(database, name):
    house = House(database)
    house.customer("anna")
    house.customer("bert")
    house.use("anna", "e1")
    house.settle()
    assert run_audit(database) == []
    with database.write() as connection:
        connection.execute(text(BREAKAGES[name]))
    assert [breach.name for breach in run_audit(database)] == [name]
