"""Each invariant of money that goes back finds what breaks it, and nothing in honest books."""

from sqlalchemy import text

from app.payments.audit import INVARIANTS, broken
from tests.support.lawless import lawless
from tests.support.returns import bought, came_back, charge_of, refund
from tests.support.till import Till
from tests.support.topups import hear

NOTES = "DELETE FROM invoice_line WHERE invoice_id IN (SELECT id FROM invoice WHERE kind = 'credit_note')"
BREAKS = {
    "refunds_move_their_credits": ["UPDATE set_aside SET state = 1 WHERE ref IN (SELECT id FROM refund)"],
    "refunds_move_their_credits of every lot": ["DELETE FROM set_aside WHERE ref LIKE 'rfd%\\:lot%'"],
    "disputes_move_their_credits of every lot": ["UPDATE set_aside SET asked = asked + 1 WHERE ref LIKE 'dsp%\\:lot%'"],
    "refunds_have_credit_notes for every invoice": [NOTES, "DELETE FROM invoice WHERE source_id LIKE 'rfd%_2'"],
    "disputes_have_their_credit_notes for every invoice": [
        NOTES,
        "DELETE FROM invoice WHERE source_id LIKE 'dsp%_1_2'",
    ],
    "refunds_have_credit_notes": [NOTES, "DELETE FROM invoice WHERE source_kind = 'refund'"],
    "disputes_move_their_credits": ["UPDATE dispute SET shortfall_micros = 7 WHERE state = 'lost'"],
    "disputes_have_their_credit_notes": [NOTES, "DELETE FROM invoice WHERE source_kind = 'dispute'"],
    "credit_notes_have_a_cause": ["UPDATE refund SET state = 'failed', credit_note_id = NULL"],
    "orders_say_what_went_back": ["UPDATE payment_order SET state = 'paid'"],
    "never_more_back_than_paid": ["UPDATE refund SET amount_minor = 1191"],
    "set_asides_have_a_reason": [
        "UPDATE dispute SET state = 'released', updated_at = created_at WHERE state = 'open'",
        "UPDATE set_aside SET created_at = '2020-01-01 00:00:00'",
        "UPDATE dispute SET updated_at = '2020-01-01 00:00:00'",
    ],
}


def test_every_invariant_is_broken_here_once() -> None:
    assert {name.partition(" ")[0] for name in BREAKS} == {one.name for one in INVARIANTS}


def test_what_breaks_an_invariant_is_found(till: Till) -> None:
    refund(till, bought(till), 595)
    lost = till.stripe.ctl("disputes", charge=charge_of(till, bought(till)))
    till.stripe.ctl(f"disputes/{lost['id']}", status="lost")
    till.stripe.ctl("disputes", charge=charge_of(till, bought(till)))
    hear(till)
    refund(till, came_back(till))
    lost = till.stripe.ctl("disputes", charge=charge_of(till, came_back(till)))
    till.stripe.ctl(f"disputes/{lost['id']}", status="lost")
    hear(till)
    till.assert_books_balance()
    with lawless(till.services.db) as connection:
        for name, statements in BREAKS.items():
            connection.execute(text("SAVEPOINT honest"))
            for statement in statements:
                connection.execute(text(statement))
            found = {one.name for one in broken(connection, till.time())}
            connection.execute(text("ROLLBACK TO honest"))
            assert name.partition(" ")[0] in found, f"{name} was not found, but {sorted(found)}"
        assert broken(connection, till.time()) == []
