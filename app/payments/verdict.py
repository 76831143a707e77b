"""Is this payment the payment of that order? PURE, and the only place that answers.

An order is credited if and only if the provider itself says "paid", and the amount, the currency, the mode, the
customer, the provider and the order's id on the payment all are the order's. What a webhook claims is never asked
here: `Proof` is filled from the object fetched from the provider.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.kernel.fiat import Fiat, psp_minor


class Progress(StrEnum):
    """How far the provider says a payment has come."""

    OPEN = "open"  # nothing was paid yet, it still can be
    PROCESSING = "processing"  # promised, not here: a bank debit
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the provider says about one payment, in our words. `amount` is in the provider's own minor units."""

    provider: str
    progress: Progress
    amount: int
    currency: str  # capitals
    livemode: bool
    customer_id: str | None
    order_id: str | None  # as written on the session and on the payment
    workspace_id: str | None
    install: str | None  # which Farebox made it
    session_id: str | None = None
    payment_id: str | None = None
    charge_id: str | None = None
    method: str | None = None  # card, sepa_debit, …
    card: str | None = None  # "visa 4242"
    card_country: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The part of an order that a payment must agree with."""

    order_id: str
    workspace_id: str
    provider: str
    gross: Fiat
    livemode: bool
    customer_id: str | None


class Verdict(StrEnum):
    CREDIT = "credit"
    WAIT = "wait"
    PROCESSING = "processing"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    MISMATCH = "mismatch"  # paid, but not what was ordered
    FOREIGN = "foreign"  # not a payment of this order at all: it must not touch the order


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    problems: tuple[str, ...] = ()


def judge(order: Expected, proof: Proof) -> Judgement:
    """What this payment does to this order."""
    foreign = _foreign(order, proof)
    if foreign:
        return Judgement(Verdict.FOREIGN, foreign)
    if proof.progress is not Progress.PAID:
        return Judgement(_UNPAID[proof.progress])
    problems = _differences(order, proof)
    return Judgement(Verdict.MISMATCH, problems) if problems else Judgement(Verdict.CREDIT)


_UNPAID = {
    Progress.OPEN: Verdict.WAIT,
    Progress.PROCESSING: Verdict.PROCESSING,
    Progress.FAILED: Verdict.FAILED,
    Progress.CANCELED: Verdict.CANCELED,
    Progress.EXPIRED: Verdict.EXPIRED,
}


def _foreign(order: Expected, proof: Proof) -> tuple[str, ...]:
    return _compare(
        ("provider", proof.provider, order.provider),
        ("order", proof.order_id, order.order_id),
        ("live mode", proof.livemode, order.livemode),
    )


def _differences(order: Expected, proof: Proof) -> tuple[str, ...]:
    return _compare(
        ("currency", proof.currency, order.gross.currency),
        ("amount", proof.amount, psp_minor(order.gross)),
        ("customer", proof.customer_id, order.customer_id),
        ("workspace", proof.workspace_id, order.workspace_id),
        ("payment id", bool(proof.payment_id), True),
    )


def _compare(*pairs: tuple[str, object, object]) -> tuple[str, ...]:
    return tuple(f"{name}: {given!r} instead of {wanted!r}" for name, given, wanted in pairs if given != wanted)
