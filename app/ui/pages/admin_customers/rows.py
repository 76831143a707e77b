"""Customers, lots, ledger lines and requests as text: pure functions."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypedDict

from app.accounts.keys import KeyInfo
from app.accounts.people import MemberInfo
from app.accounts.tables import AuditEvent
from app.generation.customers import Customer
from app.generation.statement import Line
from app.generation.views import Seen
from app.kernel.errors import InvalidInput
from app.kernel.money import MAX_MICROS, Money, exact
from app.kernel.text import t
from app.ledger.reads import LotView
from app.ui import present

TONES = {"good": "good", "thin": "thin", "loss": "loss", "unpriced": "neutral"}
LONGEST_AMOUNT = 24
MOST_DECIMALS = 6


class CustomerRow(TypedDict):
    id: str
    href: str
    name: str
    owner: str
    available: str
    held: str
    spent: str
    margin: str
    tone: str
    active: str
    suspended: bool


class LotRow(TypedDict):
    id: str
    label: str
    kind: str
    remaining: str
    granted: str
    expires: str


class LedgerRow(TypedDict):
    time: str
    full_time: str
    entry: str
    detail: str
    moved: str
    balance: str
    href: str
    quiet: bool


class RequestRow(TypedDict):
    id: str
    href: str
    time: str
    state: str
    model: str
    credits: str
    cost: str


class PersonRow(TypedDict):
    id: str
    name: str
    email: str
    role: str
    disabled: bool
    invited: bool  # they have not chosen a password yet
    act: str  # what the button beside them does
    words: str  # what that means


NOBODY: PersonRow = {
    "id": "",
    "name": "",
    "email": "",
    "role": "",
    "disabled": False,
    "invited": False,
    "act": "",
    "words": "",
}


class KeyRow(TypedDict):
    name: str
    hint: str
    used: str


class NoteRow(TypedDict):
    time: str
    who: str
    what: str


def customer_row(one: Customer, at: datetime) -> CustomerRow:
    """A line of the table."""
    return {
        "id": one.workspace.id,
        "href": f"/admin/customers/{one.workspace.id}",
        "name": one.workspace.name,
        "owner": one.owner.email if one.owner else present.NOTHING,
        "available": present.credits(one.available),
        "held": present.credits(one.held) if one.held else present.NOTHING,
        "spent": present.credits(one.spent) if one.spent else present.NOTHING,
        "margin": present.percent(one.earned.margin),
        "tone": TONES[present.margin_status(one.earned.margin)],
        "active": t("admin_customers.ago", age=present.age(one.last_active_at, at))
        if one.last_active_at
        else t("admin_customers.never"),
        "suspended": one.workspace.is_suspended,
    }


def lot_row(lot: LotView) -> LotRow:
    """A lot, in the order of use."""
    return {
        "id": lot.id,
        "label": lot.label,
        "kind": t(f"admin_customers.kind.{lot.kind}"),
        "remaining": present.credits(lot.remaining),
        "granted": present.credits(lot.granted),
        "expires": present.date(lot.expires_at) if lot.expires_at else t("admin_customers.lots.never"),
    }


def ledger_row(line: Line, at: datetime) -> LedgerRow:
    """A line of the ledger, in the customer's words; holds and releases move nothing and are quiet."""
    moved = line.row
    moves_nothing = moved.kind in ("hold", "release")
    return {
        "time": present.moment(moved.at, at),
        "full_time": present.full_moment(moved.at),
        "entry": t(f"balance.entry.{line.entry}"),
        "detail": line.detail or moved.generation_id or "",
        "moved": present.credits(moved.held) if moves_nothing else present.signed(moved.moved),
        "balance": present.credits(line.balance) if line.balance is not None else "",
        "href": f"/logs/{moved.generation_id}" if moved.generation_id else "",
        "quiet": moves_nothing,
    }


def request_row(seen: Seen, at: datetime) -> RequestRow:
    """A request, with what it was charged and what it cost us."""
    charged, cost = seen.row["charged_micros"], seen.row["cost_micros"]
    return {
        "id": seen.id,
        "href": f"/logs/{seen.id}",
        "time": present.moment(seen.row["created_at"], at),
        "state": present.dot_of(seen.row["state"], seen.row["error_code"]),
        "model": seen.alias,
        "credits": present.credits(Money(charged)) if charged is not None else present.NOTHING,
        "cost": present.cost(Money(cost, "USD")) if cost is not None else present.NOTHING,
    }


def person_row(member: MemberInfo) -> PersonRow:
    act = "enable" if member.is_disabled else "disable"
    return {
        "id": member.user_id,
        "name": member.name,
        "email": member.email,
        "role": t(f"admin_customers.role.{member.role}"),
        "disabled": member.is_disabled,
        "invited": member.is_invited and not member.is_disabled,
        "act": t(f"admin_customers.members.{act}", name=member.name),
        "words": t(f"admin_customers.{act}.words", name=member.name),
    }


def key_row(key: KeyInfo, at: datetime) -> KeyRow:
    used = key.last_used_at
    return {
        "name": key.name,
        "hint": f"…{key.hint}",
        "used": t("admin_customers.ago", age=present.age(used, at)) if used else t("admin_customers.keys.unused"),
    }


def note_row(note: AuditEvent, names: dict[str, str], at: datetime) -> NoteRow:
    """A line of the audit trail of this workspace."""
    known = {
        "workspace.created",
        "workspace.renamed",
        "workspace.suspended",
        "workspace.resumed",
        "workspace.limited",
        "workspace.files",
        "member.added",
        "member.invited",
        "member.role",
        "member.removed",
        "user.created",
        "user.disabled",
        "user.enabled",
        "user.renamed",
        "user.password_set",
        "credits.granted",
        "credits.taken_back",
        "billing.tax_id_confirmed",
        "billing.tax_id_rejected",
        "billing.exempted",
        "billing.exemption_ended",
        "postpaid.agreed",
        "postpaid.ended",
        "postpaid.price",
        "invoice.paid",
        "invoice.written_off",
        "subscription.created",
        "subscription.cancel",
        "subscription.keep",
        "subscription.pause",
        "subscription.resume",
        "subscription.change",
        "subscription.keep_plan",
        "subscription.issue",
    }
    words = t(f"admin_customers.note.{note.action.replace('.', '_')}") if note.action in known else note.action
    detail = note.detail if note.action not in {"member.added", "member.role"} else ""
    return {
        "time": present.moment(note.created_at, at),
        "who": names.get(note.actor_id or "", t("admin_customers.note.system")),
        "what": f"{words}: {detail}" if detail else words,
    }


# ---- what is typed ----


def credits_of(text: str) -> Money:
    """Credits as a person types them, "5,000" or "0.5"; InvalidInput names `amount`."""
    clean = text.strip().replace(",", "").replace("\N{NO-BREAK SPACE}", "")
    try:
        figure = exact(clean) if clean and len(clean) <= LONGEST_AMOUNT else Decimal(0)
    except ValueError:
        raise InvalidInput(t("admin_customers.wrong.amount"), param="amount") from None
    exponent = figure.as_tuple().exponent
    if figure <= 0 or figure * 10**6 > MAX_MICROS // 1000:
        raise InvalidInput(t("admin_customers.wrong.amount"), param="amount")
    if isinstance(exponent, int) and -exponent > MOST_DECIMALS:
        raise InvalidInput(t("admin_customers.wrong.decimals"), param="amount")
    return Money.from_exact(figure)


def amount_or_none(text: str) -> Money | None:
    """The same while it is being typed."""
    try:
        return credits_of(text)
    except InvalidInput:
        return None


def end_of(day: str) -> datetime | None:
    """The end of a day given as 2026-11-30, in UTC: credits work on the day itself. None for no day."""
    if not day.strip():
        return None
    try:
        start = datetime.strptime(day.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput(t("admin_customers.wrong.day"), param="expires_at") from None
    return start + timedelta(days=1)
