"""Many rows by one statement mean the same on both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.generation import rows
from app.generation.lifecycle import State
from app.kernel.db import Database

MOMENT = datetime(2026, 11, 22, 1, 2, 3, 4567, tzinfo=UTC)
#: What somebody writes into a prompt, and what databases trip over.
AWKWARD = [
    pytest.param({"prompt": "a\x00b"}, id="a zero"),
    pytest.param({"prompt": "\ud800"}, id="half a pair"),
    pytest.param({"prompt": 'quote " \\ \\u0000 \n'}, id="escapes"),
    pytest.param({"n": [1, 2.5, None, True], "deep": {"er": "ü"}}, id="everything else"),
]


def event(number: int, detail: object) -> dict[str, object]:
    return {
        "id": f"evt_{number}",
        "generation_id": "gen_1",
        "kind": "told",
        "detail": detail,
        "operator_only": False,
        "created_at": MOMENT,
    }


@pytest.mark.parametrize("detail", AWKWARD)
def test_json_comes_back_as_it_was_given(database: Database, detail: object) -> None:
    generation = {
        "id": "gen_1", "request_id": "req_1", "workspace_id": "ws_1", "user_id": None, "api_key_id": None,
        "origin": "api", "model_id": "mod_1", "version_id": "ver_1", "modality": "image", "state": State.CALLING,
        "params": detail, "estimate": {}, "hold_micros": 5, "created_at": MOMENT, "updated_at": MOMENT,
        "next_check_at": None, "webhook_url": None,
    }  # fmt: skip
    ended = {
        "b_id": "gen_1", "b_now": MOMENT, "b_next": None, "b_final": detail, "b_charged": 4, "b_cost": None,
        "b_code": None, "b_message": None,
    }  # fmt: skip
    with database.write() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET session_replication_role = replica")  # whose it is does not matter here
        else:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        rows.BEGIN_GENERATION.run(connection, [generation])
        assert rows.TELL.run(connection, [event(1, detail), event(2, {})]) == 2
        assert rows.ANSWER.run(connection, [ended, {**ended, "b_id": "gen_2"}]) == 1
        found = connection.execute(select(rows.GENERATION)).mappings().one()
        assert (found["params"], found["final"], found["state"]) == (detail, detail, State.SETTLED)
        assert (found["finished_at"], found["percent"], found["next_check_at"]) == (MOMENT, 100, None)
        told = connection.execute(select(rows.EVENT.c.detail).order_by(rows.EVENT.c.id)).scalars().all()
        assert list(told) == [detail, {}]
        connection.rollback()
