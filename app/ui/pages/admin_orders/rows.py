"""Orders, cases and enquiries in words and figures: pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, TypedDict

from app.billing.owed_back import Owed
from app.invoicing.document import Kind
from app.invoicing.reads import Seen
from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.ids import is_id
from app.kernel.money import Money
from app.kernel.text import t
from app.payments.desk import Line
from app.payments.enquiries import Enquiry
from app.payments.lifecycle import CREDITED, LAPSED, UNPAID, State
from app.payments.manual import Receipt
from app.payments.orders import MANUAL
from app.payments.proofs import ProofFile
from app.payments.unmatched import BILLING, Case
from app.payments.views import EventView, OrderView, PaymentView
from app.ui import present

ALL: Final = "all"
LONGEST_FIGURE: Final = 24
GROUPS: Final[Mapping[str, frozenset[State]]] = {
    "open": UNPAID,
    "paid": CREDITED,
    "over": LAPSED | {State.REJECTED},
}
TONES: Final[Mapping[State, str]] = {
    State.PENDING: "neutral",
    State.PROCESSING: "accent",
    State.UNKNOWN: "thin",
    State.PAID: "good",
    State.PARTIALLY_REFUNDED: "thin",
    State.DISPUTED: "loss",
    State.FAILED: "loss",
    State.MISMATCH: "loss",
}


class OrderRow(TypedDict):
    id: str
    href: str
    reference: str
    customer: str
    title: str
    total: str
    method: str
    state: str
    tone: str
    progress: str  # of a transfer: what is still missing
    time: str
    full_time: str


class OwedRow(TypedDict):
    """Money that is to be sent by transfer."""

    id: str
    customer: str
    customer_href: str
    named: str
    href: str
    detail: str
    amount: str
    age: str
    means: str


NO_OWED: Final[OwedRow] = {
    "id": "", "customer": "", "customer_href": "", "named": "", "href": "", "detail": "", "amount": "", "age": "",
    "means": "",
}  # fmt: skip


class CaseRow(TypedDict):
    id: str
    reason: str
    advice: str
    detail: str
    customer: str
    customer_href: str
    amount: str
    age: str
    order: str
    order_href: str
    is_open: bool
    done: str


class EnquiryRow(TypedDict):
    id: str
    name: str
    email: str
    mailto: str
    company: str
    who: str
    message: str
    note: str
    state: str
    state_words: str
    tone: str
    time: str
    customer_href: str
    order_href: str
    agree_href: str


class MoneyRow(TypedDict):
    id: str
    title: str
    detail: str
    amount: str
    time: str
    can_take_out: bool


class EventRow(TypedDict):
    title: str
    detail: str
    who: str
    time: str
    full_time: str
    tone: str


class FileRow(TypedDict):
    href: str
    name: str
    detail: str


class DocumentRow(TypedDict):
    number: str
    kind: str
    total: str
    day: str
    href: str


class ApprovalRow(TypedDict):
    who: str
    note: str
    time: str


def tone_of(state: State) -> str:
    return TONES.get(state, "neutral")


def method_of(provider: str) -> str:
    """Card or transfer, as the list names it."""
    return t("admin_orders.method.transfer" if provider == MANUAL else "admin_orders.method.card")


def order_row(line: Line, at: datetime) -> OrderRow:
    """A line of the list."""
    order = line.order
    return {
        "id": order.id,
        "href": f"/admin/orders/{order.id}",
        "reference": order.reference,
        "customer": line.workspace_name,
        "title": order.title,
        "total": present.fiat(order.gross),
        "method": method_of(order.provider),
        "state": t(f"admin_orders.state.{order.state}"),
        "tone": tone_of(order.state),
        "progress": progress_of(order, line.received, line.approvals),
        "time": present.moment(order.created_at, at),
        "full_time": present.full_moment(order.created_at),
    }


def progress_of(order: OrderView, received: Fiat, approvals: int) -> str:
    """Where a transfer stands: nothing came, a part, or all of it and somebody may approve; or one of two has."""
    if order.provider != MANUAL or order.state not in UNPAID:
        return ""
    missing = order.gross - received
    if missing.minor <= 0:
        return t("admin_orders.progress.first" if approvals else "admin_orders.progress.ready")
    if not received:
        return t("admin_orders.progress.none")
    return t("admin_orders.progress.part", amount=present.fiat(missing))


def owed_row(one: Owed, at: datetime) -> OwedRow:
    """A transfer that is to be made."""
    failure = t("admin_orders.owed.came_back", why=one.failure.replace("_", " ")) if one.failure else ""
    note = t("admin_orders.owed.note", number=one.note_number) if one.note_number else ""
    return {
        "id": one.refund_id,
        "customer": one.customer,
        "customer_href": f"/admin/customers/{one.workspace_id}",
        "named": one.named,
        "href": f"/admin/orders/{one.place}" if one.is_of_order else f"/invoices/{one.place}",
        "detail": f" {present.DOT} ".join(part for part in (note, failure) if part)
        or t("admin_orders.owed.by_transfer"),
        "amount": present.fiat(one.amount),
        "age": present.age(one.since, at),
        "means": t("admin_orders.sent.words" if one.is_of_order else "admin_orders.owed.words"),
    }


def case_row(
    case: Case, at: datetime, references: Mapping[str, str], names: Mapping[str, str], customers: Mapping[str, str]
) -> CaseRow:
    """Money that needs a person, with what to do about it."""
    order = references.get(case.order_id or "", "")
    provider = {MANUAL: t("admin_orders.method.transfer"), BILLING: t("admin_orders.method.billing")}.get(
        case.provider, t("admin_orders.method.stripe")
    )
    told = (str(case.detail.get(name) or "") for name in ("invoice", "paid"))
    parts = [provider, present.short_id(case.external_id), *told]
    done = ""
    if not case.is_open and case.resolved_at is not None:
        who = names.get(case.resolved_by or "", case.resolved_by or "")
        done = t("admin_orders.case.done_by", who=who, what=case.resolution or "")
    return {
        "id": case.id,
        "reason": t(f"admin_orders.reason.{case.reason}"),
        "advice": t(f"admin_orders.advice.{case.reason}"),
        "detail": f" {present.DOT} ".join(part for part in parts if part),
        "customer": customers.get(case.workspace_id or "", ""),
        "customer_href": f"/admin/customers/{case.workspace_id}" if case.workspace_id else "",
        "amount": present.fiat(case.amount) if case.amount else present.NOTHING,
        "age": present.age(case.created_at, at),
        "order": order,
        "order_href": f"/admin/orders/{case.order_id}" if order else "",
        "is_open": case.is_open,
        "done": done,
    }


def enquiry_row(one: Enquiry, at: datetime) -> EnquiryRow:
    """What somebody asked for."""
    tones = {"open": "thin", "answered": "good"}
    return {
        "id": one.id,
        "name": one.name,
        "email": one.email,
        "mailto": f"mailto:{one.email}",
        "company": one.company,
        "who": f"{one.name} {present.DOT} {one.company}" if one.company else one.name,
        "message": one.message,
        "note": one.note,
        "state": str(one.state),
        "state_words": t(f"admin_orders.enquiry.{one.state}"),
        "tone": tones.get(str(one.state), "neutral"),
        "time": present.moment(one.created_at, at),
        "customer_href": f"/admin/customers/{one.workspace_id}" if one.workspace_id else "",
        "order_href": f"/admin/orders/{one.order_id}" if one.order_id else "",
        "agree_href": f"/admin/orders/new?enquiry={one.id}",
    }


def receipt_row(receipt: Receipt, taken_back: set[str], names: Mapping[str, str], *, open_: bool) -> MoneyRow:
    """Money the bank reported, or a receipt that was taken back."""
    wrong = receipt.amount.minor < 0
    return {
        "id": receipt.id,
        "title": t("admin_orders.money.taken_back") if wrong else receipt.bank_reference,
        "detail": t(
            "admin_orders.money.recorded",
            day=_day(receipt.value_date),
            who=names.get(receipt.recorded_by, receipt.recorded_by),
        ),
        "amount": present.fiat(receipt.amount),
        "time": present.full_moment(receipt.created_at),
        "can_take_out": open_ and not wrong and receipt.id not in taken_back,
    }


def payment_row(payment: PaymentView, at: datetime) -> MoneyRow:
    """Money a provider took."""
    return {
        "id": payment.id,
        "title": payment.card or t(f"admin_orders.method.{'transfer' if payment.provider == MANUAL else 'card'}"),
        "detail": f"{present.short_id(payment.external_id)} {present.DOT} {present.moment(payment.created_at, at)}",
        "amount": present.fiat(payment.amount),
        "time": present.full_moment(payment.created_at),
        "can_take_out": False,
    }


def event_row(event: EventView, names: Mapping[str, str], at: datetime) -> EventRow:
    """A line of what happened; a kind this page does not know is shown by its own name."""
    bad = event.kind in {"fail", "reject", "mismatch", "mismatch_seen", "attempt_failed", "dispute", "page_refused"}
    good = event.kind in {"pay", "win"}
    return {
        "title": KINDS.get(event.kind) or event.kind.replace("_", " ").capitalize(),
        "detail": _detail(event.detail),
        "who": names.get(event.actor, t("admin_orders.system")),
        "time": present.moment(event.created_at, at),
        "full_time": present.full_moment(event.created_at),
        "tone": "loss" if bad else "good" if good else "neutral",
    }


def file_row(proof: ProofFile, names: Mapping[str, str], at: datetime) -> FileRow:
    """A proof the customer sent; it is only ever downloaded."""
    parts = [
        present.file_size(proof.size_bytes),
        names.get(proof.uploaded_by, ""),
        present.moment(proof.created_at, at),
    ]
    return {
        "href": f"/payments/proofs/{proof.id}",
        "name": proof.name,
        "detail": f" {present.DOT} ".join(part for part in parts if part),
    }


def document_row(seen: Seen) -> DocumentRow:
    """The order's invoice, or a credit note to it."""
    return {
        "number": seen.number,
        "kind": t(f"admin_orders.document.{seen.kind}"),
        "total": present.fiat(-seen.gross if seen.kind is Kind.CREDIT_NOTE else seen.gross),
        "day": present.day(seen.issued_on),
        "href": f"/download/invoices/{seen.id}.pdf",
    }


def credits_words(credits: Money, bonus: Money) -> str:
    """`100,000 + 5,000 bonus`; nothing where there is no bonus."""
    if not bonus:
        return ""
    return t("admin_orders.with_bonus", credits=present.credits(credits), bonus=present.credits(bonus))


# ---- what is typed ----


def fiat_of(text: str, currency: str, param: str = "amount") -> Fiat:
    """An amount as a person types it, "1,190.00"; InvalidInput names `param`."""
    clean = text.strip().replace(",", "").replace("\N{NO-BREAK SPACE}", "")
    try:
        found = Fiat.parse(clean[:LONGEST_FIGURE], currency)
    except (ValueError, OverflowError):
        raise InvalidInput(t("admin_orders.wrong.amount", currency=currency), param=param) from None
    if found.minor <= 0 or len(clean) > LONGEST_FIGURE:
        raise InvalidInput(t("admin_orders.wrong.amount", currency=currency), param=param)
    return found


def day_of(text: str, latest: date) -> date:
    """A day of a bank statement; not one that is still to come."""
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(t("admin_orders.wrong.day"), param="day") from None
    if found > latest:
        raise InvalidInput(t("admin_orders.wrong.future"), param="day")
    return found


def is_order(text: str) -> bool:
    return is_id(text, "ord")


# ---- inside ----

_WORDS = (
    "created", "open", "process", "lose", "pay", "fail", "expire", "cancel", "reject", "mismatch", "refund_part",
    "refund", "dispute", "win", "received", "receipt_taken_back", "approved", "proof_uploaded", "page_refused",
    "page_unclear", "second_payment", "balance_full", "mismatch_seen", "attempt_failed", "restore", "charge_later",
    "refund_asked",
    "refund_seen", "refunded", "refund_failed", "refund_came_back", "dispute_flagged", "dispute_opened",
    "dispute_released", "dispute_won", "dispute_lost",
)  # fmt: skip
KINDS: Final[Mapping[str, str]] = {kind: t(f"admin_orders.event.{kind}") for kind in _WORDS}


def _detail(detail: Mapping[str, object]) -> str:
    given = {name: value for name, value in detail.items() if value not in (None, "", []) and name != "payment_id"}
    shown = [_money(str(value)) if name in ("amount", "gross") else str(value) for name, value in given.items()]
    return f" {present.DOT} ".join(shown)


def _money(text: str) -> str:
    """An amount as the log keeps it, `113.05 EUR`."""
    figure, _, currency = text.partition(" ")
    try:
        return present.fiat(Fiat.parse(figure, currency))
    except ValueError:
        return text


def _day(text: str) -> str:
    try:
        return present.day(date.fromisoformat(text))
    except ValueError:
        return text
