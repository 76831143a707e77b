"""What was charged for invoices against what the provider says."""

from datetime import timedelta

from app.reconcile.findings import Code
from tests.reconcile.support import behind_its_back, healed_codes, open_codes, reconcile
from tests.support.billed import agreed, assert_clean, bill, collect, credit, intents, issued
from tests.support.till import Till


def test_a_charge_that_nobody_told_of_is_found_and_counted(till: Till) -> None:
    agreed(till)
    made = issued(till)
    till.stripe.ctl("fail", fault="500-after-accept", match="POST /v1/payment_intents")
    collect(till)
    till.time.ahead += timedelta(minutes=20)
    run = reconcile(till)
    assert (bill(till, made).payment_state, open_codes(run)) == ("SUCCEEDED", [])
    assert healed_codes(run) == {Code.WEBHOOK_MISSED}
    credit(till, made)
    collect(till)
    till.time.ahead += timedelta(minutes=20)
    assert open_codes(reconcile(till)) == []
    assert_clean(till)


def test_what_differs_is_told(one_till: Till) -> None:
    till = one_till
    agreed(till)
    made = issued(till)
    collect(till)
    [intent] = intents(till)
    behind_its_back(till, "UPDATE billing_payment SET amount = 5", "UPDATE billing_invoice SET paid = 5")
    assert Code.PAYMENT_DIFFERS in open_codes(reconcile(till))
    behind_its_back(till, "UPDATE billing_payment SET amount = 11900", "UPDATE billing_invoice SET paid = 11900")
    behind_its_back(till, "UPDATE billing_charge SET intent_id = 'pi_gone'")
    codes = open_codes(reconcile(till))
    assert {Code.PAYMENT_NOT_AT_PROVIDER, Code.INVOICES_BROKEN} <= set(codes)
    behind_its_back(till, "UPDATE billing_charge SET intent_id = :id", id=intent.id)
    till.client.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    till.time.ahead += timedelta(minutes=20)
    assert Code.REFUND_NOT_BOOKED in open_codes(reconcile(till))
    assert "invoice_refund_unasked" in till.cases()
    assert bill(till, made).refunded == 0


def test_a_charge_without_an_end_is_told(one_till: Till) -> None:
    till = one_till
    agreed(till)
    issued(till)
    till.stripe.ctl("fail", fault="500", match="POST /v1/payment_intents")
    collect(till)
    till.time.ahead += timedelta(hours=2)
    assert Code.CHARGE_STUCK in open_codes(reconcile(till))
