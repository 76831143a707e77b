"""An order as a row, and an order looked at: pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypedDict, cast

from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.money import Money
from app.kernel.text import t
from app.payments.dispute_rows import DisputeView
from app.payments.dispute_rules import State as Dispute
from app.payments.lifecycle import State
from app.payments.manual import Transfer
from app.payments.orders import MANUAL
from app.payments.proofs import MOST_FILES, ProofFile
from app.payments.refund_rows import RefundView
from app.payments.views import OrderView, PaymentView
from app.ui import present
from app.ui.pages.top_up.offer import CARD, TRANSFER, BankLine, bank_lines, bonus_until, credits_until, tax_label

TONES: Final[Mapping[State, str]] = {
    State.DRAFT: "thin",
    State.PENDING: "thin",
    State.PROCESSING: "accent",
    State.UNKNOWN: "thin",
    State.PAID: "good",
    State.PARTIALLY_REFUNDED: "neutral",
    State.REFUNDED: "neutral",
    State.DISPUTED: "thin",
    State.EXPIRED: "neutral",
    State.FAILED: "loss",
    State.CANCELED: "neutral",
    State.REJECTED: "loss",
    State.MISMATCH: "thin",
}
#: States in which a payment by transfer has words of its own.
_BY_TRANSFER: Final = frozenset({State.PENDING, State.PROCESSING})


class OrderRow(TypedDict):
    id: str
    href: str
    reference: str
    title: str
    credits: str
    when: str
    whole_when: str
    method: str
    amount: str
    word: str
    tone: str
    invoice: str
    invoice_href: str
    may_pay: str  # "true" while there is a page to pay on
    may_cancel: str


class StepRow(TypedDict):
    icon: str
    name: str
    detail: str
    at: str
    whole_at: str
    tone: str


class BackRow(TypedDict):
    """Money of the order that went back, or rests while a bank decides."""

    title: str
    detail: str
    amount: str
    word: str
    tone: str
    when: str
    whole_when: str
    notes: list[dict[str, str]]  # number and href of each


class ProofRow(TypedDict):
    name: str
    detail: str
    href: str


class OrderFacts(TypedDict):
    id: str
    reference: str
    headline: str
    sub: str
    word: str
    tone: str
    by_card: str
    waiting: str  # "true" while money may still come in the ordinary way
    returned: str  # "true" when the buyer has just come from the page to pay on
    may_pay: str
    may_cancel: str
    credited: str
    message: str
    advice: str
    package: str
    credits: str
    bonus: str
    net: str
    tax_label: str
    tax: str
    total: str
    total_label: str
    received: str
    missing: str
    missing_plain: str
    until: str
    may_upload: str
    upload_action: str
    invoice: str
    invoice_href: str
    terms: str


NO_ORDER: Final = OrderFacts(**dict.fromkeys(OrderFacts.__annotations__, ""))  # type: ignore[typeddict-item]


def order_row(order: OrderView, now: datetime) -> OrderRow:
    """One line of the history."""
    method = TRANSFER if order.provider == MANUAL else CARD
    return OrderRow(
        id=order.id,
        href=f"/top-up?order={order.id}",
        reference=order.reference,
        title=order.title,
        credits=present.credits(order.credits + order.bonus),
        when=present.moment(order.created_at, now),
        whole_when=present.full_moment(order.created_at),
        method=t(f"top_up.method.{method}"),
        amount=present.fiat(order.gross),
        word=state_word(order),
        tone=TONES[order.state],
        invoice=order.invoice_number or "",
        invoice_href=f"/download/invoices/{order.invoice_id}.pdf" if order.invoice_id else "",
        may_pay=_flag(may_pay(order)),
        may_cancel=_flag(may_cancel(order)),
    )


def state_word(order: OrderView) -> str:
    """`Awaiting transfer`, `Processing`, `Paid`."""
    if order.provider == MANUAL and order.state in _BY_TRANSFER:
        return t(f"top_up.state.transfer_{order.state}")
    return t(f"top_up.state.{order.state}")


def may_pay(order: OrderView) -> bool:
    """Whether the provider's page can be opened for it (again)."""
    return order.provider != MANUAL and order.state in (State.DRAFT, State.PENDING)


def may_cancel(order: OrderView) -> bool:
    return order.state in (State.DRAFT, State.PENDING)


def order_facts(
    order: OrderView, transfer: Transfer | None, terms: str, now: datetime, *, returned: bool = False
) -> OrderFacts:
    """Everything the page of one order says, its steps and files apart."""
    tax = TaxSnapshot.from_json(order.tax_snapshot)
    by_card = order.provider != MANUAL
    returned = returned and order.state in (State.DRAFT, State.PENDING)
    received = transfer.received if transfer and transfer.received else None
    left = transfer.missing if transfer and transfer.missing.minor > 0 else None
    facts = {
        **NO_ORDER,
        "id": order.id,
        "reference": order.reference,
        "headline": present.credit_words(order.credits + order.bonus),
        "sub": t(
            "top_up.order.sub",
            method=t(f"top_up.by.{CARD if by_card else TRANSFER}"),
            when=present.moment(order.created_at, now),
        ),
        "word": t("top_up.state.processing") if returned else state_word(order),
        "tone": "accent" if returned else TONES[order.state],
        "by_card": _flag(by_card),
        "waiting": _flag(order.is_waiting),
        "returned": _flag(returned),
        "may_pay": _flag(may_pay(order)),
        "may_cancel": _flag(may_cancel(order) and received is None),
        "credited": _flag(order.is_credited),
        "package": order.title,
        "credits": credits_until(order.credits, order.expires_days, order.paid_at or now),
        "bonus": bonus_until(order.bonus, order.bonus_expires_days, order.paid_at or now),
        "net": present.fiat(order.net),
        "tax_label": tax_label(tax),
        "tax": present.fiat(order.tax),
        "total": present.fiat(order.gross),
        "total_label": t(f"top_up.slip.{'paid' if order.is_credited else 'pay'}"),
        "received": present.fiat(received) if received else "",
        "missing": present.fiat(left) if left else "",
        "missing_plain": f"{left.amount:f}" if left else "",
        "until": present.date(order.expires_at) if order.expires_at and order.is_waiting else "",
        "may_upload": _flag(not by_card and order.is_waiting),
        "upload_action": f"/payments/orders/{order.id}/proof",
        "invoice": order.invoice_number or "",
        "invoice_href": f"/download/invoices/{order.invoice_id}.pdf" if order.invoice_id else "",
        "terms": terms,
    }
    said = cast(OrderFacts, facts)
    said["message"], said["advice"] = messages(order, said)
    return said


def messages(order: OrderView, facts: OrderFacts) -> tuple[str, str]:
    """What is going on, in a sentence, and what can be done, in another."""
    name = str(order.state)
    if facts["returned"]:
        name = "returned"
    elif order.provider == MANUAL and order.state in _BY_TRANSFER:
        name = f"transfer_{order.state}"
        if order.state is State.PENDING and facts["received"] and facts["missing"]:
            name = "transfer_part"
        elif order.state is State.PENDING and facts["received"]:
            name = "transfer_complete"
    words = {
        "credits": facts["headline"],
        "total": facts["total"],
        "received": facts["received"],
        "missing": facts["missing"],
        "reason": order.failure_message or "",
        "until": facts["until"],
    }
    return t(f"top_up.message.{name}", **words), t(f"top_up.advice.{name}", **words)


def steps(
    order: OrderView, payments: Sequence[PaymentView], balance: str, now: datetime, *, returned: bool = False
) -> list[StepRow]:
    """Ordered, paid, credited, invoiced: what has happened in colour, what is to come in grey."""
    credited = order.is_credited
    paid_at = order.paid_at if credited else None
    arrived = present.credit_words(order.credits + order.bonus)
    return [
        _step("ordered", "shopping-cart", order.title, order.created_at, now, "good"),
        _step("paid", "credit-card", _payment(order, payments, returned), paid_at, now, _tone_of_payment(order)),
        _step("credited", "coins", t("top_up.step.arrived", credits=arrived) if credited else "", paid_at, now),
        _step("invoiced", "receipt-text", order.invoice_number or "", paid_at if order.invoice_id else None, now),
        *([_step("balance", "wallet", balance, None, now)] if credited and balance else []),
    ]


def _payment(order: OrderView, payments: Sequence[PaymentView], returned: bool) -> str:
    amount = present.fiat(order.gross)
    if order.is_credited:
        card = next((payment.card.title() for payment in payments if payment.card), "")
        return t("top_up.step.amount_by", amount=amount, method=card) if card else amount
    if returned and order.is_waiting:
        return t("top_up.step.confirming", amount=amount)
    return f"{amount}, {state_word(order).lower()}"


def _tone_of_payment(order: OrderView) -> str:
    if order.is_credited:
        return "good"
    return "neutral" if order.is_waiting else "loss"


def _step(name: str, icon: str, detail: str, at: datetime | None, now: datetime, tone: str = "") -> StepRow:
    done = at is not None
    return StepRow(
        icon=icon,
        name=t(f"top_up.step.{name}"),
        detail=detail,
        at=present.moment(at, now) if at else "",
        whole_at=present.full_moment(at) if at else "",
        tone=tone or ("good" if done else "neutral"),
    )


def back_rows(refunds: Sequence[RefundView], disputes: Sequence[DisputeView], now: datetime) -> list[BackRow]:
    """Refunds and disputes, the newest first; why and by whom is the operator's own affair."""
    found: list[tuple[datetime, BackRow]] = []
    for one in refunds:
        word = "way" if one.is_open else one.state
        tone = {"succeeded": "good", "way": "accent"}.get(word, "neutral")
        found.append((one.created_at, _back("refund", word, tone, one, one.credits, now)))
    for each in disputes:
        if each.state is Dispute.FLAGGED or each.state is Dispute.NEW:
            continue  # the bank asks the operator; nothing of the customer's has moved
        tone = {Dispute.OPEN: "thin", Dispute.LOST: "loss"}.get(each.state, "good")
        found.append((each.created_at, _back("dispute", str(each.state), tone, each, each.credits, now)))
    return [row for _, row in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _back(kind: str, word: str, tone: str, one: RefundView | DisputeView, credits: Money, now: datetime) -> BackRow:
    owed = t("top_up.back.debt", credits=present.credit_words(one.shortfall)) if one.shortfall else ""
    parts = [t("top_up.back.credits", credits=present.credit_words(credits)) if credits else "", owed]
    return BackRow(
        title=t(f"top_up.back.{kind}"),
        detail=", ".join(part for part in parts if part),
        amount=present.fiat(one.amount),
        word=t(f"top_up.{kind}_word.{word}"),
        tone=tone,
        when=present.moment(one.created_at, now),
        whole_when=present.full_moment(one.created_at),
        notes=[{"number": note.number, "href": f"/download/invoices/{note.id}.pdf"} for note in one.credit_notes],
    )


def proof_rows(files: Sequence[ProofFile], now: datetime) -> list[ProofRow]:
    """What was uploaded, to be looked at again."""
    return [
        ProofRow(
            name=file.name,
            detail=f"{present.file_size(file.size_bytes)}, {present.moment(file.created_at, now)}",
            href=f"/payments/proofs/{file.id}",
        )
        for file in files
    ]


def takes_more(files: Sequence[ProofFile]) -> bool:
    return len(files) < MOST_FILES


def transfer_lines(transfer: Transfer) -> list[BankLine]:
    """The bank details with the words to write on the transfer."""
    return bank_lines(transfer.bank, transfer.reference)


def _flag(holds: bool) -> str:
    return "true" if holds else ""
