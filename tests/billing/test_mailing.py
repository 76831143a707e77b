"""Documents of the billing engine are mailed to the owners, each once, with the PDF."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.accounts.tables import Member, User
from app.billing import credit_notes, finalizing, invoices, payments
from app.kernel.db import Database
from app.kernel.given import Given
from app.kernel.tables import outbox
from app.plans import customers
from tests.billing.world import World, at

BASE: dict[str, Any] = {"type": "FIXED", "amount": "30", "display_name": "Base"}
IMAGES: dict[str, Any] = {"amount": "0.10", "display_name": "Images"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def owned(world: World, customer: str) -> str:
    """Give the workspace of a customer an owner."""
    with world.db.write() as connection:
        workspace = customers.get(connection, customer).workspace_id
        connection.execute(
            insert(User).values(
                id="user_1", email="mara@example.com", name="Mara", password_hash="", is_operator=False,
                created_at=world.now,
            )
        )  # fmt: skip
        connection.execute(
            insert(Member).values(workspace_id=workspace, user_id="user_1", role="owner", created_at=world.now)
        )
    return customer


def mails(world: World) -> list[dict[str, Any]]:
    with world.db.read() as connection:
        found = connection.execute(select(outbox.c.payload).where(outbox.c.topic == "mail").order_by(outbox.c.id))
        return list(found.scalars())


def test_an_invoice_and_what_corrects_it_are_mailed_once(world: World) -> None:
    made = world.subscribe(owned(world, world.customer("studio")), world.plan("pro", BASE))
    world.now = at("2026-04-02")
    world.turn()
    [invoice] = world.invoices(made)
    with world.db.write() as connection:
        invoices.finalize(connection, invoice.id, now=world.now)
    [mail] = mails(world)
    assert (mail["template"], mail["workspace_id"], mail["params"]["number"]) == (
        "invoice_issued", invoice.workspace_id, invoice.number,
    )  # fmt: skip
    assert mail["attachments"] == [{"kind": "invoice", "id": invoice.document_id, "name": f"{invoice.number}.pdf"}]
    with world.db.write() as connection:
        payments.mark(connection, invoice.id, "SUCCEEDED", None, actor="test", now=world.now)
        note = credit_notes.create(
            connection, Given({"invoice_id": invoice.id, "reason": "SERVICE_ISSUE"}), actor="test", now=world.now
        )
        done = credit_notes.finalize(connection, note.id, now=world.now)
        credit_notes.finalize(connection, note.id, now=world.now)
    assert [(each["template"], each["params"]["number"]) for each in mails(world)[1:]] == [("credit_note", done.number)]


def test_an_invoice_that_is_taken_back_is_mailed_too(world: World) -> None:
    made = world.subscribe(owned(world, world.customer("studio")), world.plan("pro", BASE))
    world.now = at("2026-04-02")
    world.turn()
    with world.db.write() as connection:
        finalizing.void(connection, world.invoices(made)[0].id, now=world.now)
    assert [each["template"] for each in mails(world)] == ["invoice_issued", "credit_note"]


def test_nobody_is_mailed_what_asks_for_nothing_or_belongs_to_nobody(world: World) -> None:
    free = world.plan("free", {**IMAGES, "amount": "0"})
    world.subscribe(owned(world, world.customer("studio")), free)
    world.subscribe(world.customer("other"), world.plan("pro", BASE))
    world.event("studio", "image.generated", "2026-04-05", image_count=80)
    for moment in ("2026-05-01T01:00", "2026-05-01T04:00"):
        world.now = at(moment)
        world.turn()
    assert mails(world) == []
