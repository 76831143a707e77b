"""What the database itself refuses, whoever asks."""

from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.kernel.clock import now
from app.kernel.db import Database
from app.kernel.guards import present as present_guards
from app.kernel.migrate import upgrade
from app.ledger.guards import APPEND_ONLY
from app.ledger.operations import FreezeOp, GiveBackOp, SetAsideOp, ThawOp
from app.ledger.seal import Seals
from tests.ledger.support import Shop, cost, credits

ROWS = {
    "model_version": "UPDATE model_version SET note = 'x'",
    "journal": "UPDATE journal SET actor = 'x'",
    "entry": "UPDATE entry SET amount = 1",
    "lot_use": "UPDATE lot_use SET amount = 1",
    "seal": "UPDATE seal SET journals = 0",
    "cost_profile": "UPDATE cost_profile SET author = 'x'",
    "audit_event": "UPDATE audit_event SET detail = 'x'",
    "generation_event": "UPDATE generation_event SET kind = 'x'",
}
FILL = {
    "cost_profile": "INSERT INTO cost_profile"
    " (id, route_id, rule, effective_from, source, verified, author, created_at)"
    " SELECT 'cst_1', id, '{}', '2026-01-01', 'x', false, 'x', '2026-01-01' FROM route",
    "audit_event": "INSERT INTO audit_event (id, action, subject, detail, created_at)"
    " VALUES ('evt_1', 'x', 'x', '', '2026-01-01')",
    "generation_event": "INSERT INTO generation_event (id, generation_id, kind, detail, operator_only, created_at)"
    " SELECT 'evt_2', id, 'x', '{}', false, '2026-01-01' FROM generation",
}


@pytest.fixture
def settled(shop: Shop) -> Shop:
    """A shop in which every guarded table has a row."""
    generation = shop.hold(shop.workspace(100), 30)
    shop.settle(generation, 20, cost=cost(3_000))
    for statement in FILL.values():
        shop.execute(statement)
    Seals(shop.db, lambda: now() + timedelta(days=2)).seal_days()
    return shop


def test_every_guard_is_there(database: Database) -> None:
    rooms = [import_module(".".join(file.with_suffix("").parts)) for file in Path("app").glob("*/guards.py")]
    declared = [room.GUARDS for room in rooms if hasattr(room, "GUARDS")]
    expected = set().union(*(guards.names("sqlite" if database.is_sqlite else "postgresql") for guards in declared))
    assert {"hold_no_delete", "set_aside_closes_once", "wallet_freeze_lifts_once"} <= expected
    with database.read() as connection:
        assert present_guards(connection) == expected
        catalogue = (
            "sqlite_master WHERE type = 'trigger'" if database.is_sqlite else "pg_trigger WHERE NOT tgisinternal"
        )
        name = "name" if database.is_sqlite else "tgname"
        assert set(connection.execute(text(f"SELECT {name} FROM {catalogue}")).scalars()) == expected


def test_guards_are_put_back_at_the_next_start(database: Database) -> None:
    on = "" if database.is_sqlite else " ON entry"
    name = "entry_no_update" if database.is_sqlite else "entry_append_only"
    with database.write() as connection:
        connection.execute(text(f"DROP TRIGGER {name}{on}"))
        assert name not in present_guards(connection)
    upgrade(database)
    with database.write() as connection:
        assert name in present_guards(connection)


def test_every_append_only_table_is_tried() -> None:
    assert set(ROWS) == set(APPEND_ONLY)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_is_not_rewritten(settled: Shop, table: str) -> None:
    assert settled.count(table) > 0
    for statement in (ROWS[table], f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="append-only"):
            settled.execute(statement)


@pytest.mark.parametrize("table", [*APPEND_ONLY, "hold", "set_aside", "wallet_freeze"])
def test_history_is_not_truncated(settled: Shop, table: str, postgres_only: None) -> None:
    with pytest.raises(DBAPIError, match=r"append-only|only closes|only lifted"):
        settled.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("state = 0, captured = 0", id="open it again"),
        pytest.param("state = 2", id="release what was captured"),
        pytest.param("captured = captured + 1", id="change the charge"),
        pytest.param("amount = amount + 1", id="change the amount"),
    ],
)
def test_a_closed_hold_stays_as_it_is(settled: Shop, change: str) -> None:
    with pytest.raises(DBAPIError, match="a hold only closes"):
        settled.execute(f"UPDATE hold SET {change}")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("state = 3", id="into no known state"),
        pytest.param("captured = 1", id="captured while open"),
        pytest.param("state = 1, amount = 1", id="another amount on the way"),
        pytest.param("state = 1, deadline_at = created_at", id="another deadline on the way"),
    ],
)
def test_an_open_hold_only_closes(shop: Shop, change: str) -> None:
    shop.hold(shop.workspace(100), 30)
    with pytest.raises(DBAPIError, match="a hold only closes"):
        shop.execute(f"UPDATE hold SET {change}")


def test_a_hold_is_not_deleted(settled: Shop) -> None:
    with pytest.raises(DBAPIError, match="a hold only closes"):
        settled.execute("DELETE FROM hold")


@pytest.fixture
def decided(shop: Shop) -> Shop:
    """A set-aside and a freeze that are over."""
    workspace = shop.workspace()
    bought = shop.top_up(workspace, 100)
    shop.perform(SetAsideOp(workspace, "re_1", bought.lot_id, credits(40), "refund", "ann"))
    shop.perform(GiveBackOp("re_1", "ann"))
    shop.perform(FreezeOp(workspace, "dispute", "du_1", "ann"))
    shop.perform(ThawOp(workspace, "dispute", "du_1", "ann"))
    return shop


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param("UPDATE set_aside SET state = 2", "a set-aside only closes", id="take back what was given back"),
        pytest.param("UPDATE set_aside SET state = 0", "a set-aside only closes", id="decide it again"),
        pytest.param("UPDATE set_aside SET shortfall = 1", "a set-aside only closes", id="change the shortfall"),
        pytest.param("DELETE FROM set_aside", "a set-aside only closes", id="forget a set-aside"),
        pytest.param("UPDATE wallet_freeze SET lifted_at = NULL", "a freeze is only lifted", id="freeze it again"),
        pytest.param("UPDATE wallet_freeze SET reason = 'x'", "a freeze is only lifted", id="another reason"),
        pytest.param("DELETE FROM wallet_freeze", "a freeze is only lifted", id="forget a freeze"),
    ],
)
def test_what_was_decided_stays(decided: Shop, change: str, refusal: str) -> None:
    with pytest.raises(DBAPIError, match=refusal):
        decided.execute(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("amount = 1", id="another amount"),
        pytest.param("state = 1, lot_id = 'x'", id="another lot on the way"),
        pytest.param("state = 3", id="into no known state"),
    ],
)
def test_an_open_set_aside_only_closes(shop: Shop, change: str) -> None:
    workspace = shop.workspace()
    lot_id = shop.top_up(workspace, 100).lot_id
    shop.perform(SetAsideOp(workspace, "re_1", lot_id, credits(40), "refund", "ann"))
    with pytest.raises(DBAPIError, match="a set-aside only closes"):
        shop.execute(f"UPDATE set_aside SET {change}")


def test_an_unbalanced_journal_does_not_commit(shop: Shop, postgres_only: None) -> None:
    shop.workspace(100)
    statement = (
        "INSERT INTO entry (journal_id, position, account, unit, amount) SELECT id, 9, 'x', 'credit', 1 FROM journal"
    )
    with pytest.raises(DBAPIError, match="does not balance"):
        shop.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE wallet SET balance = -1", id="balance below zero"),
        pytest.param("UPDATE wallet SET held = -1", id="held below zero"),
        pytest.param("UPDATE wallet SET owed = -1", id="owed below zero"),
        pytest.param("UPDATE wallet SET debt = -1", id="debt below zero"),
        pytest.param("UPDATE lot SET remaining = granted + 1", id="more left than granted"),
        pytest.param("UPDATE lot SET remaining = -1", id="less than nothing left"),
        pytest.param(
            "INSERT INTO entry (journal_id, position, account, unit, amount) SELECT id, 9, 'x', 'x', 0 FROM journal",
            id="an entry of nothing",
        ),
        pytest.param(
            "INSERT INTO journal (id, kind, ref, actor, created_at)"
            " SELECT 'jrn_x', kind, ref, 'x', created_at FROM journal",
            id="the same fact twice",
        ),
    ],
)
def test_impossible_rows_are_refused(shop: Shop, statement: str) -> None:
    shop.workspace(100)
    with pytest.raises(IntegrityError):
        shop.execute(statement)
