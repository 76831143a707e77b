"""Refunds and disputes of an order in words and figures: pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypedDict

from app.kernel.errors import FareboxError
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.kernel.text import t
from app.payments.dispute_rows import DisputeView
from app.payments.dispute_rules import State as Dispute
from app.payments.orders import MANUAL
from app.payments.refund_plan import Preview
from app.payments.refund_rows import PROVIDER, RefundView
from app.payments.refund_rules import Refundable
from app.payments.return_notes import Note
from app.ui import present

REFUND_TONES: Final[Mapping[str, str]] = {
    "asked": "accent", "seen": "accent", "pending": "accent", "succeeded": "good", "failed": "loss",
    "canceled": "neutral", "restored": "thin",
}  # fmt: skip
DISPUTE_TONES: Final[Mapping[Dispute, str]] = {
    Dispute.FLAGGED: "thin",
    Dispute.OPEN: "loss",
    Dispute.LOST: "neutral",
    Dispute.RELEASED: "good",
    Dispute.RESTORED: "good",
}
#: Refusals that have words of their own; any other speaks for itself.
REFUSALS: Final = (
    "order_not_paid", "order_disputed", "already_refunded", "credits_used", "credits_expired", "refund_too_late",
    "refund_too_high", "order_busy", "wrong_state",
)  # fmt: skip


class ReturnRow(TypedDict):
    """One refund or dispute. `can_end`: an operator has to say that the money was sent, or that it is not."""

    id: str
    title: str
    detail: str
    said: str
    state: str
    tone: str
    amount: str
    time: str
    full_time: str
    notes: list[dict[str, str]]  # number and href of each
    can_end: bool


class PreviewRow(TypedDict):
    """What a refund would do, before it is asked for."""

    amount: str
    credits: str
    bonus: str
    net: str
    tax: str
    road: str
    left: str


NO_PREVIEW: Final[PreviewRow] = {
    "amount": "", "credits": "", "bonus": "", "net": "", "tax": "", "road": "", "left": "",
}  # fmt: skip


def offer_words(can: Refundable) -> str:
    """How much can go back now, or why nothing can."""
    if can.refusal is not None:
        return t(f"admin_orders.refusal.{can.refusal}")
    words = "admin_orders.returns.all" if can.amount == can.unreturned else "admin_orders.returns.part"
    return t(words, amount=present.fiat(can.amount), whole=present.fiat(can.unreturned))


def refused_words(refused: FareboxError) -> str:
    """Why a refund was refused, in the words of the page where it has them."""
    code = refused.stable_code
    return t(f"admin_orders.refusal.{code}") if code in REFUSALS else refused.message


def preview_row(found: Preview) -> PreviewRow:
    return {
        "amount": present.fiat(found.amount),
        "credits": present.credits(found.credits),
        "bonus": present.credits(found.bonus) if found.bonus else "",
        "net": present.fiat(found.net),
        "tax": present.fiat(found.tax),
        "road": t(f"admin_orders.returns.road.{'transfer' if found.by_transfer else 'card'}"),
        "left": t(f"admin_orders.returns.left.{'nothing' if found.whole else 'part'}"),
    }


def refund_row(one: RefundView, names: Mapping[str, str], at: datetime) -> ReturnRow:
    """A refund: whose, how much, and what went with it."""
    by = t("admin_orders.returns.by_provider") if one.origin == PROVIDER else names.get(one.created_by, one.created_by)
    parts = [by, _credits("admin_orders.returns.credits", one.credits), one.external_id or ""]
    said = one.note
    if one.failure_code:
        said = f" {present.DOT} ".join(part for part in (one.note, one.failure_code.replace("_", " ")) if part)
    return {
        "id": one.id,
        "title": t("admin_orders.returns.refund"),
        "detail": _joined(*parts, _credits("admin_orders.returns.debt", one.shortfall)),
        "said": said,
        "state": t(f"admin_orders.refund_state.{one.state}"),
        "tone": REFUND_TONES.get(one.state, "neutral"),
        "amount": present.fiat(one.amount),
        "time": present.moment(one.created_at, at),
        "full_time": present.full_moment(one.created_at),
        "notes": _links(one.credit_notes),
        "can_end": one.provider == MANUAL and one.is_open,
    }


def dispute_row(one: DisputeView, at: datetime) -> ReturnRow:
    """A dispute: why, until when it must be answered, and what rests or is gone for it."""
    credits = "" if one.state is Dispute.FLAGGED else _credits("admin_orders.returns.credits", one.credits)
    due = t("admin_orders.returns.due", day=present.date(one.due_by)) if one.is_open and one.due_by else ""
    reason = one.reason.replace("_", " ")
    return {
        "id": one.id,
        "title": t("admin_orders.returns.dispute"),
        "detail": _joined(reason, credits, _credits("admin_orders.returns.debt", one.shortfall), one.external_id),
        "said": due,
        "state": t(f"admin_orders.dispute_state.{one.state}"),
        "tone": DISPUTE_TONES.get(one.state, "neutral"),
        "amount": present.fiat(one.amount),
        "time": present.moment(one.created_at, at),
        "full_time": present.full_moment(one.created_at),
        "notes": _links(one.credit_notes),
        "can_end": False,
    }


def plain(amount: Fiat) -> str:
    """As it is typed: `11.90`."""
    return str(amount.amount)


def _credits(words: str, credits: Money) -> str:
    return t(words, credits=present.credits(credits)) if credits else ""


def _links(notes: Sequence[Note]) -> list[dict[str, str]]:
    return [{"number": note.number, "href": f"/download/invoices/{note.id}.pdf"} for note in notes]


def _joined(*parts: str) -> str:
    return f" {present.DOT} ".join(part for part in parts if part)
