"""`/v1/statement` and the account's download: of the key's or the session's own workspace, as pages and as a file."""

import csv
import io
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.accounts.service import Accounts
from app.api import downloads, errors
from app.api.auth import Auth
from app.api.gateway import statement
from app.api.gateway.common import Gateway
from app.generation.account_statement import AccountStatements
from app.kernel import clock
from app.kernel.db import Database
from tests.api.conftest import HOME, World
from tests.ledger.support import Shop


@pytest.fixture
def billing(world: World, database: Database, accounts: Accounts) -> World:
    """The world with the statement in it."""
    app, auth, statements = FastAPI(), Auth(accounts, HOME), AccountStatements(database)
    gateway = Gateway(cast(Any, None), cast(Any, None), cast(Any, None), auth.require_key)
    errors.install(app, top_up_url=f"{HOME}/balance")
    app.include_router(statement.router(gateway, statements, clock.now))
    app.include_router(downloads.router(auth, database, statements, clock.now))
    world.app = app
    return world


@pytest.fixture
def ada(billing: World) -> TestClient:
    return billing.with_key(billing.ada_workspace, billing.ada)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_pages_of_json_hold_every_movement(billing: World, shop: Shop, ada: TestClient) -> None:
    for number in range(5):
        shop.grant(billing.ada_workspace.id, number + 1, label=f"Gift {number}")
    shop.grant(billing.bob_workspace.id, 7)

    first = ada.get("/v1/statement", params={"limit": 3}).json()
    second = ada.get("/v1/statement", params={"limit": 3, "after": first["last_id"]}).json()

    assert (first["object"], first["unit"], first["opening_balance"], first["closing_balance"]) == (
        "statement",
        "credit",
        0,
        15,
    )
    assert (first["has_more"], second["has_more"]) == (True, False)
    lines = first["data"] + second["data"]
    assert [(line["credits_delta"], line["balance_after"]) for line in lines] == [
        (1, 1),
        (2, 3),
        (3, 6),
        (4, 10),
        (5, 15),
    ]
    assert lines[0]["description"] == "Gift 0"
    assert lines[0]["kind"] == "grant"


@pytest.mark.parametrize(
    ("query", "headers"),
    [pytest.param("?format=csv", {}, id="by name"), pytest.param("", {"Accept": "text/csv"}, id="by Accept")],
)
def test_the_same_as_a_file(billing: World, shop: Shop, ada: TestClient, query: str, headers: dict[str, str]) -> None:
    shop.grant(billing.ada_workspace.id, 500, label="=1+1")
    answer = ada.get(f"/v1/statement{query}", headers=headers)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="statement-')
    assert [row["description"] for row in rows(answer.text)] == ["", "'=1+1", ""]
    assert rows(answer.text)[-1]["balance_after"] == "500"


def test_the_download_of_a_session_is_for_a_spreadsheet(billing: World, shop: Shop) -> None:
    shop.grant(billing.ada_workspace.id, 500)
    answer = billing.signed_in(billing.ada).get("/download/account.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert len(rows(answer.content.decode("utf-8-sig"))) == 3
    assert billing.client().get("/download/account.csv").status_code == 401
    assert billing.signed_in(billing.root).get("/download/account.csv").status_code == 403


def test_a_key_is_needed(billing: World) -> None:
    assert billing.client().get("/v1/statement").status_code == 401


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("?from=2026-11-02&to=2026-11-01", 400, id="backwards"),
        pytest.param("?month=2026-13", 400, id="no month"),
        pytest.param("?from=yesterday", 400, id="no day"),
        pytest.param("?format=xml", 400, id="another format"),
        pytest.param("?limit=0", 400, id="no lines"),
        pytest.param("?limit=1001", 400, id="too many lines"),
        pytest.param("?after=jrn_unknown", 404, id="no such entry"),
    ],
)
def test_what_makes_no_sense_is_refused(ada: TestClient, query: str, status: int) -> None:
    assert ada.get(f"/v1/statement{query}").status_code == status
