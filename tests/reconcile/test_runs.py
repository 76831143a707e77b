"""Runs are kept, told about, and forgotten; the command prints one."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from app import services as building
from app.commands.reconcile import reconcile as command
from app.kernel.errors import Broken, InvalidInput, NotFound
from app.kernel.text import sentences
from app.reconcile.findings import Code, Difference
from app.reconcile.runs import Depth
from tests.reconcile.support import behind_its_back, open_codes, paid, reconcile
from tests.support.till import Till


def test_every_code_has_its_words_and_they_are_different() -> None:
    words = [tuple(getattr(Difference(code, "x"), name) for name in ("title", "said", "next_step")) for code in Code]
    assert all(all(each) for each in words)
    assert len({title for title, _, _ in words}) == len(Code)
    assert {key.split(".")[2] for key in sentences() if key.startswith("reconcile.code.")} == {str(one) for one in Code}


def test_a_run_is_kept_as_it_was_found(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    till.time.ahead += timedelta(minutes=20)
    run = reconcile(till)
    kept = till.services.reconcile.runs.find(run.id)
    assert kept == run
    assert (kept.depth, kept.actor, kept.state, len(kept.healed)) == (Depth.FULL, "system", "done", len(run.healed))
    assert [one.id for one in till.services.reconcile.runs.latest()] == [run.id]
    with pytest.raises(NotFound):
        till.services.reconcile.runs.find("rec_none")


def test_the_watermark_goes_on_from_run_to_run(till: Till) -> None:
    runs = till.services.reconcile.runs
    reconcile(till)
    first = runs.watermark()
    till.time.ahead += timedelta(minutes=10)
    reconcile(till, Depth.QUICK)
    assert first is not None
    assert runs.watermark() - first >= timedelta(minutes=10)


def test_a_run_that_breaks_is_kept_as_failed(one_till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise Broken("the disk is full")

    monkeypatch.setattr("app.reconcile.books.compare", breaks)
    with pytest.raises(Broken):
        reconcile(one_till)
    [run] = one_till.services.reconcile.runs.latest()
    assert (run.state, run.error, run.is_clean) == ("failed", "Broken: the disk is full", False)


@pytest.mark.one_engine
def test_operators_are_told_at_night_and_in_between_only_of_what_is_new(till: Till) -> None:
    paid(till)
    before = len(till.mails())
    reconcile(till, Depth.QUICK)
    assert till.mails()[before:] == []
    behind_its_back(till, "DELETE FROM payment")
    reconcile(till, Depth.QUICK)
    reconcile(till, Depth.QUICK)
    assert till.mails()[before:].count("reconcile_report") == 1
    reconcile(till, Depth.FULL)
    assert till.mails()[before:].count("reconcile_report") == 2
    till.run(till.services.reconcile.run(Depth.FULL, actor="op"))  # who asks sees the answer
    assert till.mails()[before:].count("reconcile_report") == 2


def test_what_a_full_run_found_stands_until_the_next_and_is_listed_once(till: Till) -> None:
    runs = till.services.reconcile.runs
    paid(till)
    behind_its_back(till, "UPDATE invoice_series SET next = next + 1")
    full = reconcile(till)
    quick = [reconcile(till, Depth.QUICK) for _ in range(3)]
    assert quick[-1].is_clean
    standing = runs.standing()
    assert standing is not None
    assert (standing.id, open_codes(standing)) == (quick[-1].id, [Code.NUMBER_GAP])
    behind_its_back(till, "DELETE FROM payment")
    repeated = [reconcile(till, Depth.QUICK) for _ in range(3)]
    assert [one.id for one in runs.latest(found=True)] == [repeated[0].id, full.id]
    behind_its_back(till, "UPDATE invoice_series SET next = next - 1")
    reconcile(till)
    after = runs.standing()
    assert after is not None
    assert Code.NUMBER_GAP not in open_codes(after)
    till.time.ahead += timedelta(days=8)
    runs.forget()
    assert [one.depth for one in runs.latest(found=True)] == [Depth.FULL, Depth.FULL]


@pytest.mark.one_engine
def test_old_runs_are_forgotten_and_the_watermark_is_not(till: Till) -> None:
    runs = till.services.reconcile.runs
    for _ in range(3):
        reconcile(till, Depth.QUICK)
    newest = runs.watermark()
    till.time.ahead += timedelta(days=8)
    assert runs.forget() == 2
    assert (len(runs.latest()), runs.watermark()) == (1, newest)


def test_two_runs_at_once_credit_once(till: Till) -> None:
    order = till.buy()
    till.pay(order)

    async def both() -> None:
        await asyncio.gather(*(till.services.reconcile.run() for _ in range(4)))

    till.run(both())
    assert till.credits == 10_500
    assert open_codes(reconcile(till)) == []
    till.assert_books_balance()


@pytest.mark.one_engine
def test_the_command_prints_and_answers_with_its_exit_code(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    order = paid(till)
    assert command(till.services, quick=False, days=3) == 0
    said = capsys.readouterr().out
    assert "Healed: 0. Differences that remain: 0." in said
    assert "payments 1" in said
    behind_its_back(till, "DELETE FROM payment")
    assert command(till.services, quick=True, days=3) == 1
    said = capsys.readouterr().out
    assert f"OPEN    order_without_payment  {order.id}" in said
    assert "Find the payment at Stripe" in said
    with pytest.raises(InvalidInput):
        command(till.services, quick=True, days=0)


def test_the_chores_are_there(one_till: Till) -> None:
    names = {chore.name: chore for chore in building._chores(one_till.services, one_till.time)}
    assert names["reconcile.quick"].every_seconds == 600
    assert names["reconcile.nightly"].daily_at is not None
    one_till.run(names["reconcile.nightly"].run())
    with one_till.services.db.read() as connection:
        assert connection.execute(text("SELECT kind FROM reconcile_run")).scalar() == "full"


def test_rows_that_cannot_be_read_are_told_and_the_run_goes_on(till: Till) -> None:
    payment, order, invoice, changed = (paid(till) for _ in range(4))
    made_up = "('unm_odd', 'stripe', 'pi_odd', 'mismatch', '{}', 'XXX', 5, false, 'open', '2026-01-01')"
    columns = "(id, provider, external_id, reason, detail, currency, amount_minor, livemode, state, created_at)"
    behind_its_back(
        till,
        "UPDATE payment SET currency = 'XXX' WHERE order_id = :payment",
        "UPDATE payment_order SET currency = 'eur' WHERE id = :order",
        "UPDATE invoice SET currency = '' WHERE order_id = :invoice",
        "UPDATE payment SET amount_minor = 1180 WHERE order_id = :changed",
        f"INSERT INTO unmatched_payment {columns} VALUES {made_up}",
        payment=payment.id,
        order=order.id,
        invoice=invoice.id,
        changed=changed.id,
    )
    for depth in Depth:
        run = reconcile(till, depth)
        told = {(one.facts["table"], one.order_id) for one in run.open if one.code is Code.ROW_UNREADABLE}
        assert told >= {("payment_order", each.id) for each in (payment, order, invoice)} | {
            ("unmatched_payment", None)
        }
        assert changed.id in {one.order_id for one in run.open if one.code is Code.PAYMENT_DIFFERS}
        assert (run.state, run.healed) == ("done", [])


def test_a_check_that_rows_keep_from_ending_is_told(one_till: Till) -> None:
    order = paid(one_till)
    broken = "UPDATE payment_order SET tax_calculation_id = 'x', tax_snapshot = '{' WHERE id = :id"
    behind_its_back(one_till, broken, "UPDATE invoice_series SET next = next + 1", id=order.id)
    run = reconcile(one_till)
    assert {Code.CHECK_UNFINISHED, Code.NUMBER_GAP} <= set(open_codes(run))
