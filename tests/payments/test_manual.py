"""Orders paid by bank transfer: asked for, paid in parts, approved by the right people, once."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app.invoicing.seed import BUYER
from app.kernel.errors import (
    Conflict,
    FareboxError,
    IdempotencyConflict,
    InvalidInput,
    LimitReached,
    NotAllowed,
    NotFound,
)
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.lifecycle import State
from app.payments.manual import MOST_A_DAY, Agreement
from app.payments.views import OrderView
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till

DAY = date(2026, 11, 20)
GROSS = Fiat(1_190, "EUR")


def ordered(till: Till, **changes: object) -> OrderView:
    return till.cashier.manual.request(till.choice(**changes))


def received(till: Till, order: OrderView, minor: int = 1_190, reference: str = "BANK-1") -> None:
    amount = Fiat(minor, "EUR")
    till.cashier.manual.record(order.id, amount, bank_reference=reference, value_date=DAY, actor="clerk")


def approve(till: Till, order: OrderView, actor: str) -> OrderView:
    return till.run(till.cashier.manual.approve(order.id, actor=actor))


def test_an_order_is_paid_by_transfer(till: Till) -> None:
    order = ordered(till)
    assert (order.state, order.gross, order.url) == (State.PENDING, GROSS, None)
    transfer = till.cashier.manual.transfer(order.id, till.workspace_id)
    assert (transfer.amount, transfer.received, transfer.reference) == (GROSS, Fiat(0, "EUR"), order.reference)
    assert transfer.bank.iban
    assert till.mails() == ["order_received", "order_waiting"]

    received(till, order)
    assert till.credits == 0
    paid = approve(till, order, till.operator())
    assert (paid.state, till.credits) == (State.PAID, 10_500)
    assert paid.invoice_number
    assert till.mails()[2:] == ["invoice", "order_approved"]
    assert [event.kind for event in till.cashier.history(order.id)] == ["created", "received", "approved", "pay"]
    till.assert_books_balance()


def test_a_transfer_in_parts(till: Till) -> None:
    order = ordered(till)
    received(till, order, 1_000)
    assert till.cashier.manual.transfer(order.id).missing == Fiat(190, "EUR")
    assert till.mails().count("order_part_paid") == 1
    with pytest.raises(Conflict, match="still missing"):
        approve(till, order, till.operator())
    received(till, order, 190, "BANK-2")
    assert approve(till, order, till.operator()).state is State.PAID
    assert till.credits == 10_500


def test_a_transfer_is_recorded_once_and_can_be_taken_out(till: Till) -> None:
    order = ordered(till)
    received(till, order)
    with pytest.raises(Conflict, match="recorded before"):
        received(till, order)
    [receipt] = till.cashier.manual.receipts(order.id)
    till.cashier.manual.take_out(receipt.id, reason="another customer's", actor="clerk")
    with pytest.raises(Conflict):
        till.cashier.manual.take_out(receipt.id, reason="again", actor="clerk")
    assert till.cashier.manual.transfer(order.id).received == Fiat(0, "EUR")
    with pytest.raises(Conflict, match="still missing"):
        approve(till, order, till.operator())


@pytest.mark.one_engine
def test_too_much_is_reported_to_be_returned(till: Till) -> None:
    order = ordered(till)
    received(till, order, 1_200)
    [case] = till.cashier.unmatched.open_cases()
    assert (str(case.reason), case.amount) == ("overpaid", Fiat(10, "EUR"))
    assert approve(till, order, till.operator()).state is State.PAID
    assert till.credits == 10_500


def test_what_is_to_be_returned_is_one_case(till: Till) -> None:
    def cases() -> list[tuple[str, int]]:
        return [(str(case.reason), case.amount.minor) for case in till.cashier.unmatched.open_cases()]

    order, manual = ordered(till), till.cashier.manual
    for minor, reference in ((1_000, "BANK-1"), (500, "BANK-2"), (100, "BANK-3")):
        received(till, order, minor, reference)
    assert cases() == [("overpaid", 410)]
    first, second, third = manual.receipts(order.id)
    manual.take_out(third.id, reason="another customer's", actor="clerk")
    assert cases() == [("overpaid", 310)]
    [case] = till.cashier.unmatched.open_cases()
    till.cashier.unmatched.resolve(case.id, "Sent back.", actor="clerk")
    received(till, order, 40, "BANK-4")
    assert cases() == [("overpaid", 40)]
    manual.reject(order.id, reason="not now", actor="clerk")
    assert cases() == [("to_return", 1_230)]
    for receipt in (first, second):
        manual.take_out(receipt.id, reason="another customer's", actor="clerk")
    assert cases() == []


def test_case_32_approved_twice_credits_once(till: Till) -> None:
    order, first, second = ordered(till), till.operator(), till.operator()
    received(till, order)

    async def twice() -> list[object]:
        approvals = [till.cashier.manual.approve(order.id, actor=first) for _ in range(5)]
        return await asyncio.gather(*approvals, return_exceptions=True)

    assert not [answer for answer in till.run(twice()) if isinstance(answer, Exception)]
    assert approve(till, order, first).state is State.PAID  # the same press again
    with pytest.raises(Conflict, match="approved before"):
        approve(till, order, second)
    assert (till.credits, till.count("payment"), till.count("invoice")) == (10_500, 1, 1)
    till.assert_books_balance()


def test_case_32_two_processes_approve_at_once(
    till: Till, tmp_path: Path, database_url: str, stripe_: SandboxStripe
) -> None:
    order, first, second = ordered(till), till.operator(), till.operator()
    received(till, order)
    with open_till(tmp_path / "second", database_url, stripe_, fresh=False) as other:

        async def both() -> list[object]:
            return await asyncio.gather(
                till.cashier.manual.approve(order.id, actor=first),
                other.cashier.manual.approve(order.id, actor=second),
                return_exceptions=True,
            )

        answers = till.run(both())
    assert {type(answer) for answer in answers} <= {OrderView, Conflict}
    assert (till.state(order), till.credits, till.count("payment")) == (State.PAID, 10_500, 1)
    till.assert_books_balance()


@pytest.mark.one_engine
def test_case_32_whoever_ordered_does_not_approve(till: Till) -> None:
    order = ordered(till)
    received(till, order)
    with pytest.raises(NotAllowed):
        approve(till, order, till.user_id)
    insider = till.operator()
    with till.services.db.write() as connection:
        connection.execute(
            text("INSERT INTO member (workspace_id, user_id, role, created_at) VALUES (:w, :u, 'member', :at)"),
            {"w": till.workspace_id, "u": insider, "at": "2026-01-01 00:00:00"},
        )
    with pytest.raises(NotAllowed):
        approve(till, order, insider)
    assert till.credits == 0


def test_case_32_four_eyes_above_an_amount(till: Till) -> None:
    first, second = till.operator(), till.operator()
    till.cashier.policies.change(four_eyes_from={"EUR": 1_190}, actor=first)
    order = ordered(till)
    received(till, order)
    assert till.cashier.manual.needed_approvals(order.id) == 2
    assert approve(till, order, first).state is State.PROCESSING
    assert approve(till, order, first).state is State.PROCESSING
    assert till.credits == 0
    assert approve(till, order, second).state is State.PAID
    assert till.credits == 10_500
    assert [approval.approved_by for approval in till.cashier.manual.approvals(order.id)] == [first, second]

    till.cashier.policies.change(four_eyes_from={"EUR": 1_191}, actor=first)
    small = ordered(till)
    received(till, small, reference="BANK-2")
    assert approve(till, small, first).state is State.PAID


@pytest.mark.parametrize(
    "change", ["net_minor = 1", "credits_micros = 9", "currency = 'USD'", "gross_minor = 1", "workspace_id = 'ws_x'"]
)
def test_case_32_what_was_ordered_cannot_be_edited(till: Till, change: str) -> None:
    order = ordered(till)
    received(till, order)
    with pytest.raises(DatabaseError, match="never changes"), till.services.db.write() as connection:
        connection.execute(text(f"UPDATE payment_order SET {change}"))
    with pytest.raises(DatabaseError, match="never changes"), till.services.db.write() as connection:
        connection.execute(text("DELETE FROM payment_order"))


@pytest.mark.one_engine
def test_case_32_approved_is_not_rejected_and_rejected_not_approved(till: Till) -> None:
    order, actor = ordered(till), till.operator()
    received(till, order)
    approve(till, order, actor)
    with pytest.raises(Conflict):
        till.cashier.manual.reject(order.id, reason="late", actor=actor)
    assert (till.state(order), till.credits) == (State.PAID, 10_500)

    refused = ordered(till)
    received(till, refused, 500, "BANK-2")
    rejected = till.cashier.manual.reject(refused.id, reason="Not from your account", actor=actor)
    assert (rejected.state, rejected.failure_message) == (State.REJECTED, "Not from your account")
    assert till.cases() == ["to_return"]
    assert "order_rejected" in till.mails()
    for attempt in (
        lambda: approve(till, refused, actor),
        lambda: received(till, refused, 690, "BANK-3"),
        lambda: till.cashier.manual.reject(refused.id, reason="again", actor=actor),
    ):
        with pytest.raises(Conflict):
            attempt()
    assert till.credits == 10_500


@pytest.mark.one_engine
def test_a_transfer_after_the_order_ran_out_still_counts(till: Till) -> None:
    order = ordered(till)
    till.time.ahead += timedelta(days=40)
    till.apply()
    assert till.state(order) is State.EXPIRED
    received(till, order)
    assert approve(till, order, till.operator()).state is State.PAID
    assert till.credits == 10_500


@pytest.mark.one_engine
def test_an_order_that_was_paid_in_part_does_not_run_out(till: Till) -> None:
    order = ordered(till)
    received(till, order, 10)
    till.time.ahead += timedelta(days=40)
    till.apply()
    assert till.state(order) is State.PENDING


@pytest.mark.one_engine
def test_a_customer_cancels_before_any_money_came(till: Till) -> None:
    order = ordered(till)
    received(till, order, 10)
    with pytest.raises(Conflict, match="Money was received"):
        till.run(till.cashier.call_off(order.id, workspace_id=till.workspace_id, actor=till.user_id))
    other = ordered(till)
    canceled = till.run(till.cashier.call_off(other.id, workspace_id=till.workspace_id, actor=till.user_id))
    assert canceled.state is State.CANCELED


def test_the_same_key_orders_once(till: Till) -> None:
    assert ordered(till, key="mine").id == ordered(till, key="mine").id
    assert till.mails() == ["order_received", "order_waiting"]


@pytest.mark.one_engine
def test_what_was_agreed_upon_is_ordered_by_an_operator(till: Till) -> None:
    actor = till.operator()
    agreed = Agreement(till.workspace_id, "Yearly contract", Money.from_exact(5_000_000), Fiat(300_000, "EUR"))
    order = till.cashier.manual.agree(agreed, actor=actor, key="deal-1")
    assert till.cashier.manual.agree(agreed, actor=actor, key="deal-1").id == order.id
    assert (order.kind, order.gross) == ("custom", Fiat(357_000, "EUR"))
    received(till, order, 357_000)
    assert approve(till, order, actor).state is State.PAID
    assert till.credits == 5_000_000
    till.assert_books_balance()


@pytest.mark.parametrize(
    "other",
    [{"title": "Another"}, {"credits": Money.from_exact(6)}, {"net": Fiat(301, "EUR")}, {"expires_days": 30}],
    ids=lambda other: next(iter(other)),
)
def test_a_key_belongs_to_one_agreement(one_till: Till, other: dict) -> None:
    agreed = Agreement(one_till.workspace_id, "Contract", Money.from_exact(5), Fiat(300, "EUR"))
    order = one_till.cashier.manual.agree(agreed, actor="op", key="deal")
    with pytest.raises(IdempotencyConflict) as refused:
        one_till.cashier.manual.agree(replace(agreed, **other), actor="op", key="deal")
    assert (refused.value.stable_code, refused.value.param) == ("idempotency_conflict", "Idempotency-Key")
    untaxed = replace(BUYER, company="Kahn GmbH", city="Wien", country="AT", tax_id="ATU13585627")
    one_till.services.invoicing.profiles.save(one_till.workspace_id, untaxed, actor="op")
    assert one_till.cashier.manual.agree(agreed, actor="op", key="deal").id == order.id  # its tax is what it was
    assert one_till.count("payment_order") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": " "},
        {"credits": Money(0)},
        {"credits": Money(-1)},
        {"net": Fiat(0, "EUR")},
        {"net": Fiat(-5, "EUR")},
        {"bonus": Money(-1)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_agreement_that_makes_no_sense(one_till: Till, wrong: dict) -> None:
    agreed = Agreement(one_till.workspace_id, "Contract", Money.from_exact(5), Fiat(300, "EUR"))
    with pytest.raises(InvalidInput):
        one_till.cashier.manual.agree(replace(agreed, **wrong), actor="op", key="deal")


def test_receipts_that_make_no_sense(one_till: Till) -> None:
    order = ordered(one_till)
    for amount, reference in ((Fiat(0, "EUR"), "A"), (Fiat(-1, "EUR"), "A"), (Fiat(1, "USD"), "A"), (GROSS, " ")):
        with pytest.raises(InvalidInput):
            one_till.cashier.manual.record(order.id, amount, bank_reference=reference, value_date=DAY, actor="x")
    with pytest.raises(NotFound):
        one_till.cashier.manual.record("ord_x", GROSS, bank_reference="A", value_date=DAY, actor="x")


def test_another_workspaces_order_is_not_there(one_till: Till) -> None:
    order = ordered(one_till)
    stranger, _ = one_till.customer()
    with pytest.raises(NotFound):
        one_till.cashier.manual.transfer(order.id, stranger)
    with pytest.raises(NotFound):
        one_till.run(one_till.cashier.call_off(order.id, workspace_id=stranger, actor="x"))


def test_transfers_can_be_switched_off(one_till: Till) -> None:
    one_till.cashier.policies.change(transfers=False, actor="op")
    with pytest.raises(FareboxError, match="not offered"):
        ordered(one_till)


def test_a_workspace_orders_so_often_a_day_and_no_more(one_till: Till) -> None:
    """Each order is told to every operator, and costs nobody anything."""
    till = one_till
    choices = [till.choice() for _ in range(MOST_A_DAY + 1)]
    for choice in choices[:-1]:
        till.cashier.manual.request(choice)
    with pytest.raises(LimitReached) as refused:
        till.cashier.manual.request(choices[-1])
    assert refused.value.stable_code == "too_many_orders"
    assert till.cashier.manual.request(choices[0]).id in {order.id for order in till.cashier.orders_of()}
    other, person = till.customer(name="Other")
    assert till.cashier.manual.request(till.choice(workspace_id=other, actor=person))
    till.time.ahead += timedelta(days=1)
    assert till.cashier.manual.request(choices[-1])


def test_orders_that_come_together_are_counted_all_the_same(till: Till) -> None:
    choices = [till.choice() for _ in range(MOST_A_DAY + 10)]

    async def all_at_once() -> list[object]:
        asked = [asyncio.to_thread(till.cashier.manual.request, choice) for choice in choices]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = till.run(all_at_once())
    assert {type(answer) for answer in answers} == {OrderView, LimitReached}
    assert till.count("payment_order") == MOST_A_DAY


# --- proofs

PDF = b"%PDF-1.7 hello"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def keep(till: Till, order: OrderView, name: str = "receipt.pdf", content: bytes = PDF) -> str:
    return till.cashier.proofs.keep(order.id, name, content, workspace_id=till.workspace_id, actor=till.user_id).id


@pytest.mark.parametrize(
    "content",
    [b"<html><script>alert(1)</script>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"", b"MZ\x90", b" %PDF-"],
    ids=["html", "svg", "nothing", "program", "almost a pdf"],
)
def test_case_33_only_documents_and_pictures_are_taken(one_till: Till, content: bytes) -> None:
    order = ordered(one_till)
    with pytest.raises(InvalidInput):
        keep(one_till, order, content=content)
    assert one_till.cashier.proofs.of_order(order.id) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("..\\..\\boot.ini", "boot.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "a Set-Cookie_ x.pdf"),
        ('"><script>.html', "___script_.pdf"),
        ("", "proof.pdf"),
        ("....", "proof.pdf"),
        ("Überweisung März.PDF", "Überweisung März.pdf"),
        ("x" * 500, "x" * 96 + ".pdf"),
    ],
    ids=["path", "windows path", "header", "markup", "nothing", "dots", "umlauts", "long"],
)
def test_case_33_the_name_is_made_harmless(one_till: Till, name: str, kept: str) -> None:
    order = ordered(one_till)
    proof, path = one_till.cashier.proofs.open(keep(one_till, order, name), workspace_id=None)
    assert proof.name == kept
    assert path.parent == one_till.services.settings.proofs_dir
    assert path.name == proof.id
    assert path.read_bytes() == PDF


def test_case_33_limits_and_who_may_see_it(one_till: Till) -> None:
    till = one_till
    order, stranger = ordered(till), till.customer()[0]
    proof_id = keep(till, order, "a.png", PNG)
    assert till.cashier.proofs.open(proof_id, workspace_id=till.workspace_id)
    for wanted, workspace in ((proof_id, stranger), ("prf_../../secret.key", None), ("", None)):
        with pytest.raises(NotFound):
            till.cashier.proofs.open(wanted, workspace_id=workspace)
    with pytest.raises(InvalidInput):
        keep(till, order, content=PDF + b"0" * (10 * 1024 * 1024))
    with pytest.raises(NotFound):
        till.cashier.proofs.keep(order.id, "x.pdf", PDF, workspace_id=stranger, actor="x")
    for _ in range(4):
        keep(till, order)
    with pytest.raises(Conflict):
        keep(till, order)
    assert len(list(till.services.settings.proofs_dir.iterdir())) == 5


def test_case_33_a_decided_order_takes_no_more_files(one_till: Till) -> None:
    order = ordered(one_till)
    one_till.cashier.manual.reject(order.id, reason="No transfer came", actor="clerk")
    with pytest.raises(Conflict):
        keep(one_till, order)
    assert one_till.cashier.proofs.of_order(order.id) == []
