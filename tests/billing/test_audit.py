"""Every invariant of billing is broken once, and seen."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import text

from app.billing import invoices, postpaid
from app.billing.audit import INVARIANTS, run_audit
from app.billing.postpaid import Agreed
from app.kernel.db import Database
from app.kernel.money import Money
from app.plans import customers
from tests.billing.world import World, at
from tests.support.lawless import lawless

FINAL = "(SELECT MIN(id) FROM billing_invoice WHERE state = 'FINALIZED')"
PAID = (
    "INSERT INTO billing_payment (id, invoice_id, key, method, state, currency, amount, reference, meta, created_at,"
    f" created_by, updated_at) VALUES ('pay_x', {FINAL}, 'x', 'CARD', 'SUCCEEDED', 'USD', 5, 'pi_x', '{{}}',"
    " '2026-05-01', 'x', '2026-05-01')"
)
BREAKAGES = {
    "billed_lines_add_up": f"UPDATE billing_invoice_line SET amount = amount + 1 WHERE invoice_id = {FINAL}",
    "billed_on_a_document": f"UPDATE billing_invoice SET number = 'EX-0' WHERE id = {FINAL}",
    "documents_of_periods": f"UPDATE billing_invoice SET document_id = NULL WHERE id = {FINAL}",
    "drafts_have_no_number": "UPDATE billing_invoice SET number = 'EX-0' WHERE state = 'DRAFT'",
    "paid_is_payments": f"UPDATE billing_invoice SET paid = 5 WHERE id = {FINAL}",
    "credited_is_notes": f"UPDATE billing_invoice SET adjusted = 5 WHERE id = {FINAL}",
    "refunded_at_most": f"UPDATE billing_invoice SET refunded = 5 WHERE id = {FINAL}",
    "charges_are_payments": f"{PAID}; INSERT INTO billing_charge (payment_id, invoice_id, way, provider, livemode,"
    " customer_id, state, intent_id, looks, asked_at, updated_at) SELECT id, invoice_id, 'card', 'stripe', false,"
    " 'cus', 'done', 'pi_other', 0, created_at, created_at FROM billing_payment",
    "refunds_of_notes": f"{PAID}; INSERT INTO billing_refund (id, note_id, payment_id, way, state, currency, amount,"
    " looks, created_at, updated_at) SELECT 'brf_x', 'cn_x', id, 'transfer', 'asked', 'USD', 6, 0, created_at,"
    " created_at FROM billing_payment",
    "periods_billed_once": "UPDATE billing_invoice_line SET period_start = (SELECT MIN(period_start) FROM"
    " billing_invoice_line), subscription_line_id = (SELECT MIN(subscription_line_id) FROM billing_invoice_line)",
    "credits_left_the_ledger": f"UPDATE billing_invoice SET credits = 5 WHERE id = {FINAL}",
    "journals_have_invoices": "INSERT INTO journal (id, kind, ref, actor, created_at) VALUES"
    " ('jrn_x', 'debit', 'wallet_x/invoice/inv_none', 'x', '2026-05-01')",
    "owed_is_settled_once": "INSERT INTO journal (id, kind, ref, actor, created_at) VALUES"
    " ('jrn_x', 'owed_paid', 'x', 'x', '2026-05-01')",
    "owed_is_billed_once": f"UPDATE billing_invoice SET credit_micros = 5 WHERE id = {FINAL}",
    "lines_have_events": "UPDATE billing_invoice_line SET events = events + 1 WHERE kind = 'USAGE'",
}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """A month billed. That the statements run on PostgreSQL too is seen where months are played through."""
    database = Database(sqlite_url)
    world = World(database)
    plan = world.plan("pro", {"type": "FIXED", "amount": "20"}, {"amount": "0.1"})
    world.subscribe(world.customer("studio"), plan)
    world.event("studio", "image.generated", "2026-04-10", image_count=10)
    with database.write() as connection:
        owing = customers.by_external_id(connection, "studio").workspace_id
        terms = Agreed("USD", Decimal("0.01"))
        postpaid.switch_on(connection, owing, Money.from_exact(10), terms, actor="test", now=world.now)
    for moment in ("2026-05-01T01:00", "2026-05-01T04:00", "2026-06-01T00:10"):
        world.now = at(moment)
        world.turn()
    assert {row.state for row in world.invoices(_only(world))} == {invoices.FINALIZED, invoices.DRAFT}
    assert run_audit(database, world.now) == []
    yield world
    database.dispose()


def _only(world: World) -> str:
    with world.db.read() as connection:
        return str(connection.execute(text("SELECT id FROM subscription")).scalar_one())


def test_there_is_a_breakage_for_each() -> None:
    assert [invariant.name for invariant in INVARIANTS] == list(BREAKAGES)


@pytest.mark.parametrize("name", BREAKAGES)
def test_it_is_seen(world: World, name: str) -> None:
    with lawless(world.db) as connection:
        for statement in BREAKAGES[name].split(";"):
            connection.execute(text(statement))
        if name == "owed_is_settled_once":
            workspace = connection.execute(text("SELECT workspace_id FROM postpaid")).scalar_one()
            connection.execute(
                text(
                    "INSERT INTO entry (journal_id, position, account, unit, amount) VALUES"
                    " ('jrn_x', 0, :account, 'credit', -5)"
                ),
                {"account": f"ws:{workspace}:receivable"},
            )
    assert name in {breach.name for breach in run_audit(world.db, world.now)}
