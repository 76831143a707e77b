"""Whether a payment is the payment of an order: all of it must agree, and only "paid" is paid."""

from dataclasses import replace

import pytest

from app.kernel.fiat import Fiat
from app.payments.verdict import Expected, Progress, Proof, Verdict, judge

ORDER = Expected("ord_1", "ws_1", "stripe", Fiat(1_190, "EUR"), livemode=False, customer_id="cus_1")
PAID = Proof("stripe", Progress.PAID, 1_190, "EUR", False, "cus_1", "ord_1", "ws_1", "me", payment_id="pi_1")


def test_a_payment_that_agrees_is_credited() -> None:
    assert judge(ORDER, PAID).verdict is Verdict.CREDIT


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"amount": 1_189}, Verdict.MISMATCH),
        ({"amount": 1_191}, Verdict.MISMATCH),
        ({"amount": -1_190}, Verdict.MISMATCH),
        ({"currency": "USD"}, Verdict.MISMATCH),
        ({"currency": "JPY"}, Verdict.MISMATCH),
        ({"customer_id": "cus_2"}, Verdict.MISMATCH),
        ({"customer_id": None}, Verdict.MISMATCH),
        ({"workspace_id": "ws_2"}, Verdict.MISMATCH),
        ({"payment_id": None}, Verdict.MISMATCH),
        ({"provider": "manual"}, Verdict.FOREIGN),
        ({"order_id": "ord_2"}, Verdict.FOREIGN),
        ({"order_id": None}, Verdict.FOREIGN),
        ({"livemode": True}, Verdict.FOREIGN),
    ],
    ids=str,
)
def test_case_10_to_13_whatever_differs_is_not_credited(changes: dict, verdict: Verdict) -> None:
    judged = judge(ORDER, replace(PAID, **changes))
    assert (judged.verdict, bool(judged.problems)) == (verdict, True)


@pytest.mark.parametrize(
    ("progress", "verdict"),
    [
        (Progress.OPEN, Verdict.WAIT),
        (Progress.PROCESSING, Verdict.PROCESSING),
        (Progress.FAILED, Verdict.FAILED),
        (Progress.CANCELED, Verdict.CANCELED),
        (Progress.EXPIRED, Verdict.EXPIRED),
    ],
)
def test_what_is_not_paid_is_not_credited(progress: Progress, verdict: Verdict) -> None:
    assert judge(ORDER, replace(PAID, progress=progress)).verdict is verdict


@pytest.mark.parametrize(
    ("gross", "amount"),
    [(Fiat(1_500, "JPY"), 1_500), (Fiat(1_500, "ISK"), 150_000), (Fiat(1_230, "BHD"), 1_230)],
    ids=["no decimals", "two for Stripe only", "three"],
)
def test_amounts_are_compared_as_the_provider_counts(gross: Fiat, amount: int) -> None:
    order = replace(ORDER, gross=gross)
    proof = replace(PAID, amount=amount, currency=gross.currency)
    assert judge(order, proof).verdict is Verdict.CREDIT
    assert judge(order, replace(proof, amount=amount + 10)).verdict is Verdict.MISMATCH


def test_an_order_without_a_customer_is_paid_by_no_customers_payment() -> None:
    assert judge(replace(ORDER, customer_id=None), PAID).verdict is Verdict.MISMATCH
