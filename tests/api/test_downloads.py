"""The statement as a file: of the workspace whose session asks, and of no other."""

import csv
import io
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.accounts.service import Accounts
from app.api import downloads, errors
from app.api.auth import Auth
from app.generation.account_statement import AccountStatements
from app.kernel import clock
from app.kernel.db import Database
from app.metering.events import read_event
from app.metering.ingest import Ingest
from tests.api.conftest import HOME, World
from tests.ledger.support import Shop


@pytest.fixture
def statements(world: World, database: Database, accounts: Accounts) -> World:
    """The world with the downloads in it."""
    app = FastAPI()
    errors.install(app, top_up_url=f"{HOME}/balance")
    app.include_router(downloads.router(Auth(accounts, HOME), database, AccountStatements(database), clock.now))
    world.app = app
    return world


def rows(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/download/statement.csv{query}")
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_it_holds_the_sessions_own_workspace(statements: World, shop: Shop) -> None:
    shop.grant(statements.ada_workspace.id, 500, label="Welcome")
    shop.grant(statements.bob_workspace.id, 7, label="Bob's")

    assert [(row["entry"], row["detail"], row["credits"]) for row in rows(statements.signed_in(statements.ada))] == [
        ("Grant", "Welcome", "500")
    ]
    assert [row["detail"] for row in rows(statements.signed_in(statements.bob))] == ["Bob's"]


def test_it_is_a_file_nobody_keeps_a_copy_of(statements: World) -> None:
    answer = statements.signed_in(statements.ada).get("/download/statement.csv?show=charges&month=2026-11")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="statement-2026-11-charges.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("query", ["?show=everything", "?month=11-2026", "?month=2026-11%0d%0aX-Evil:1", "?show="])
def test_a_filter_that_is_none_is_refused(statements: World, query: str) -> None:
    answer = statements.signed_in(statements.ada).get(f"/download/statement.csv{query}")
    assert answer.status_code == 400


def test_strangers_and_operators_without_a_workspace_get_nothing(statements: World) -> None:
    assert statements.client().get("/download/statement.csv").status_code == 401
    assert statements.signed_in(statements.root).get("/download/statement.csv").status_code == 403


def test_many_lines_come_in_one_file(statements: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.generation.statement.CSV_BATCH", 3)
    for number in range(7):
        shop.grant(statements.ada_workspace.id, number + 1, label=f"Gift {number}")
    assert [row["credits"] for row in rows(statements.signed_in(statements.ada))] == ["7", "6", "5", "4", "3", "2", "1"]


def test_usage_is_ones_own_and_everybodys_is_for_operators(statements: World, database: Database) -> None:
    ada = statements.ada_workspace.id
    for number, workspace in enumerate((ada, ada, statements.bob_workspace.id)):
        given = {
            "event_name": "image_generated", "external_customer_id": workspace, "event_id": f"csv-{number}",
            "timestamp": "2026-03-02T10:00:00Z", "properties": {"model": "m", "image_count": 3},
        }  # fmt: skip
        Ingest(database, clock.now).accept([read_event(given, clock.now(), "")])
    client = statements.signed_in(statements.ada)
    asked = "?month=2026-03&meter=meter_img_count&by=model"
    answer = client.get(f"/download/usage.csv{asked}")
    assert answer.content.decode("utf-8-sig").splitlines() == ["day,model,image_count", "2026-03-02,m,6"]
    assert client.get(f"/download/all-usage.csv{asked}").status_code == 403
    assert client.get("/download/usage.csv?month=never").status_code == 400
