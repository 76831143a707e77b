"""Invoices as files: of the workspace whose session asks, and of no other."""

import csv
import io

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.accounts.service import Accounts
from app.api import documents, errors
from app.api.auth import Auth
from app.invoicing.service import Invoicing
from app.kernel.db import Database
from tests.api.conftest import HOME, World
from tests.invoicing.support import NOON, Office


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.fixture
def archive(world: World, database: Database, accounts: Accounts) -> World:
    """The world with the documents' routes in it."""
    app = FastAPI()
    errors.install(app, top_up_url=f"{HOME}/top-up")
    app.include_router(documents.router(Auth(accounts, HOME), Invoicing(database, lambda: NOON)))
    world.app = app
    return world


def rows(client: TestClient, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/download/invoices.csv{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_an_owner_has_the_pdf_as_a_file_nobody_keeps_a_copy_of(archive: World, office: Office) -> None:
    issued = office.issue(archive.ada_workspace.id, "ord_1")
    answer = archive.signed_in(archive.ada).get(f"/download/invoices/{issued.invoice_id}.pdf")
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="{issued.number}.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("format_", "ending", "begins"),
    [("facturx", "-factur-x.pdf", b"%PDF-"), ("cii", "-cii.xml", b"<?xml"), ("ubl", "-ubl.xml", b"<?xml")],
)
def test_an_owner_has_the_electronic_forms(
    archive: World, office: Office, format_: str, ending: str, begins: bytes
) -> None:
    issued = office.issue(archive.ada_workspace.id, "ord_1")
    answer = archive.signed_in(archive.ada).get(f"/download/invoices/{issued.invoice_id}/{format_}")
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(begins)
    assert answer.headers["content-disposition"] == f'attachment; filename="{issued.number}{ending}"'
    assert archive.signed_in(archive.bob).get(answer.url.path).status_code == 404


def test_an_owner_reads_it_on_a_page_that_runs_nothing(archive: World, office: Office) -> None:
    issued = office.issue(archive.ada_workspace.id, "ord_1")
    answer = archive.signed_in(archive.ada).get(f"/download/invoices/{issued.invoice_id}.html")
    assert answer.status_code == 200, answer.text
    assert issued.number in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert archive.signed_in(archive.bob).get(answer.url.path).status_code == 404


def test_a_form_there_is_not_is_not_found(archive: World, office: Office) -> None:
    issued = office.issue(archive.ada_workspace.id, "ord_1")
    answer = archive.signed_in(archive.ada).get(f"/download/invoices/{issued.invoice_id}/docx")
    assert answer.status_code == 404


def test_the_same_document_is_the_same_bytes_every_time(archive: World, office: Office) -> None:
    issued = office.issue(archive.ada_workspace.id, "ord_1")
    client = archive.signed_in(archive.ada)
    first = client.get(f"/download/invoices/{issued.invoice_id}.pdf").content
    assert client.get(f"/download/invoices/{issued.invoice_id}.pdf").content == first


def test_case_35_anothers_invoice_is_answered_like_one_that_never_was(archive: World, office: Office) -> None:
    issued = office.issue(archive.ada_workspace.id, "ord_1")
    bob = archive.signed_in(archive.bob)
    asked = [issued.invoice_id, "inv_00000000000000000000000000", issued.number, "1", "..%2f..%2fetc%2fpasswd"]
    for name in asked:
        answer = bob.get(f"/download/invoices/{name}.pdf")
        assert answer.status_code == 404, name
        assert "Lumen" not in answer.text
        assert issued.number not in answer.text.replace(name, "")
    assert archive.client().get(f"/download/invoices/{issued.invoice_id}.pdf").status_code == 401
    key = archive.with_key(archive.ada_workspace, archive.ada)
    assert key.get(f"/download/invoices/{issued.invoice_id}.pdf").status_code == 401, (
        "a session's page, not a program's"
    )


def test_an_operator_has_every_document(archive: World, office: Office) -> None:
    issued = office.issue(archive.ada_workspace.id, "ord_1")
    assert archive.signed_in(archive.root).get(f"/download/invoices/{issued.invoice_id}.pdf").status_code == 200


def test_the_list_is_the_sessions_own(archive: World, office: Office) -> None:
    mine = office.issue(archive.ada_workspace.id, "ord_1")
    note = office.credit(mine.invoice_id, "re_1", "19.00")
    office.issue(archive.bob_workspace.id, "ord_2")
    ada = archive.signed_in(archive.ada)
    assert [row["number"] for row in rows(ada)] == [note.number, mine.number]
    assert [row["number"] for row in rows(ada, "?kind=credit_note&year=2026")] == [note.number]
    assert rows(ada, "?year=2025") == []
    assert [row["number"] for row in rows(ada, f"?search={mine.number}")] == [mine.number]


@pytest.mark.parametrize(
    "query", ["?kind=order", "?year=MMXXVI", "?year=99999", "?year=0", "?year=²", f"?search={'x' * 101}", "?search=%00"]
)
def test_a_filter_that_is_none_is_refused(archive: World, query: str) -> None:
    assert archive.signed_in(archive.ada).get(f"/download/invoices.csv{query}").status_code == 400


def test_strangers_and_operators_without_a_workspace_get_no_list(archive: World) -> None:
    assert archive.client().get("/download/invoices.csv").status_code == 401
    assert archive.signed_in(archive.root).get("/download/invoices.csv").status_code == 403


def test_the_list_of_everybodys_documents_is_the_operators(archive: World, office: Office) -> None:
    office.issue(archive.ada_workspace.id, "ord_1")
    office.issue(archive.bob_workspace.id, "ord_2")
    listed = "/download/all-invoices.csv"
    answer = archive.signed_in(archive.root).get(listed)
    found = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["workspace_id"] for row in found} == {archive.ada_workspace.id, archive.bob_workspace.id}
    assert archive.signed_in(archive.ada).get(listed).status_code == 403
    assert archive.client().get(listed).status_code == 401
