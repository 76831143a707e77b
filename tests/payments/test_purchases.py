"""What a customer reads about a purchase: the line of the account statement, and the mail with the invoice."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.generation.account_statement import AccountStatements, Period
from app.jobs.courier import Courier
from app.kernel import outbox
from app.kernel.money import Money
from tests.support.returns import bought, charge_of, refund
from tests.support.till import Till
from tests.support.topups import hear


def test_the_statement_names_money_order_and_invoice(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    paid = till.settle(order)
    today = Period(till.time() - timedelta(days=1), till.time() + timedelta(days=1))

    text = "".join(till.services.statements.csv(till.workspace_id, today))
    _, bought, bonus, closing = csv.DictReader(io.StringIO(text))

    assert (bought["kind"], bought["credits_delta"], bought["balance_after"]) == ("top_up", "10000", "10000")
    assert (bought["money_amount"], bought["currency"]) == ("11.90", "EUR")
    assert (bought["order_id"], bought["invoice_no"]) == (order.id, paid.invoice_number)
    assert (bonus["kind"], bonus["credits_delta"], bonus["money_amount"]) == ("bonus", "500", "")
    assert (bonus["order_id"], bonus["invoice_no"]) == (order.id, paid.invoice_number)
    assert closing["balance_after"] == "10500"


@pytest.mark.one_engine
def test_the_invoice_goes_out_by_mail_with_its_pdf(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    paid = till.settle(order)
    notify = till.services.notify

    till.run(Courier(till.services.db, {outbox.MAIL: notify.write}, till.time).run())

    assert notify.mails.broken_promises() == []
    mail, *others = [row for row in notify.mails.page() if row.template == "invoice"]
    assert {row.subject for row in (mail, *others)} == {f"Invoice {paid.invoice_number} over €11.90"}
    assert len({row.address for row in (mail, *others)}) == 2  # the owner, and the address for bills
    (named,) = notify.mails.find(mail.id).attachments
    file = till.run(notify.file(named))
    assert (file.filename, file.mime, file.content[:5]) == (f"{paid.invoice_number}.pdf", "application/pdf", b"%PDF-")


def test_the_statement_names_refunds_disputes_and_what_came_back(one_till: Till) -> None:
    till = one_till
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till)
    view = refund(till, order, 595)
    till.stripe.ctl(f"refunds/{view.external_id}", status="succeeded")
    hear(till)
    till.stripe.ctl(f"refunds/{view.external_id}", status="failed")
    hear(till)
    lost = till.stripe.ctl("disputes", charge=charge_of(till, bought(till)))
    till.stripe.ctl(f"disputes/{lost['id']}", status="lost")
    hear(till)

    today = Period(till.time() - timedelta(days=1), till.time() + timedelta(days=1))
    lines = list(csv.DictReader(io.StringIO("".join(till.services.statements.csv(till.workspace_id, today)))))[1:-1]
    money = [(line["kind"], line["money_amount"]) for line in lines if line["money_amount"]]

    came_back = [("take_back", "-5.95"), ("top_up", "5.95")]
    assert money == [("top_up", "11.90"), *came_back, ("top_up", "11.90"), ("take_back", "-11.90")]
    assert [line for line in lines if not line["order_id"]] == []
    assert len({line["invoice_no"] for line in lines if line["money_amount"]}) == len(money)
    assert sum(Decimal(line["credits_delta"]) for line in lines) == till.credits


def test_a_page_of_the_statement_adds_up_whatever_comes_in_meanwhile(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given(credits: int) -> None:
        words = {"kind": "promo", "label": "Gift", "ref": f"gift:{credits}", "actor": "op"}
        till.run(till.services.ledger.grant(till.workspace_id, Money.from_exact(credits), **words))

    given(5)
    reading = AccountStatements._movements

    def late(*args: Any) -> Any:
        given(7)
        return reading(*args)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(AccountStatements, "_movements", late)
        today = Period(till.time() - timedelta(days=1), till.time() + timedelta(days=1))
        page = till.services.statements.page(till.workspace_id, today)
    assert (len(page.movements), page.movements[-1].balance_after) == (1, page.closing)
    assert till.services.statements.page(till.workspace_id, today).closing == Money.from_exact(12)
