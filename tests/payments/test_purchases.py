"""What a customer reads about a purchase: the line of the account statement, and the mail with the invoice."""

import csv
import io
from datetime import timedelta

from app.generation.account_statement import Period
from app.jobs.courier import Courier
from app.kernel import outbox
from tests.support.till import Till


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
    assert closing["balance_after"] == "10500"


def test_the_invoice_goes_out_by_mail_with_its_pdf(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    paid = till.settle(order)
    notify = till.services.notify

    till.run(Courier(till.services.db, {outbox.MAIL: notify.write}, till.time).run())

    assert notify.mails.broken_promises() == []
    (mail,) = [row for row in notify.mails.page() if row.template == "invoice"]
    assert mail.subject == f"Invoice {paid.invoice_number} over €11.90"
    (named,) = notify.mails.find(mail.id).attachments
    file = till.run(notify.file(named))
    assert (file.filename, file.mime, file.content[:5]) == (f"{paid.invoice_number}.pdf", "application/pdf", b"%PDF-")
