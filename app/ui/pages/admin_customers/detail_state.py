"""One customer: what they have and did, and what an operator does about it."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import reflex as rx
from sqlmodel import col, select

from app import services
from app.accounts.audit import recent
from app.accounts.keys import KeyInfo
from app.accounts.people import MemberInfo
from app.accounts.tables import AuditEvent, User
from app.generation import views
from app.generation.crediting import KINDS, Gift, grant, take_back
from app.generation.customers import Customer, customers
from app.generation.statement import Line, Show, lines
from app.generation.views import Filter, Seen
from app.kernel.errors import FareboxError, InsufficientCredits, NotFound
from app.kernel.ids import is_id, new_id
from app.kernel.money import Money
from app.kernel.text import t
from app.ledger.reads import Balance, LotView
from app.services import Services
from app.ui import present, wiring
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_customers.rows import (
    CustomerRow,
    KeyRow,
    LedgerRow,
    LotRow,
    NoteRow,
    PersonRow,
    RequestRow,
    amount_or_none,
    credits_of,
    customer_row,
    end_of,
    key_row,
    ledger_row,
    lot_row,
    note_row,
    person_row,
    request_row,
)
from app.ui.roles import Role

RECENT = 12
LOTS = 8  # shown at first, and twice as many with each press
LONGEST_INPUT = 300
GRANT, TAKE = "grant", "take"
FIELDS = ("amount", "label", "reason", "expires_at", "kind")
NO_ONE: CustomerRow = {
    "id": "",
    "href": "",
    "name": "",
    "owner": "",
    "available": "",
    "held": "",
    "spent": "",
    "margin": "",
    "tone": "neutral",
    "active": "",
    "suspended": False,
}


@dataclass(frozen=True, slots=True)
class _Whole:
    """Everything the page shows, read at once."""

    customer: Customer
    balance: Balance
    lots: list[LotView]
    ledger: list[Line]
    requests: list[Seen]
    members: list[MemberInfo]
    keys: list[KeyInfo]
    notes: list[AuditEvent]
    names: dict[str, str]


class CustomerState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = (
        "doing",
        "amount",
        "words",
        "expires",
        "errors",
        "after",
        "confirming",
        "why",
        "confirm_error",
    )

    ready: bool = False
    missing: bool = False
    customer: CustomerRow = NO_ONE
    balance: str = ""
    frozen: str = ""
    kept: str = ""
    lots: list[LotRow] = []  # as many as are asked for
    more_lots: str = ""
    ledger: list[LedgerRow] = []
    requests: list[RequestRow] = []
    members: list[PersonRow] = []
    keys: list[KeyRow] = []
    notes: list[NoteRow] = []
    # the dialog that moves credits: `doing` is "", grant or take
    doing: str = ""
    amount: str = ""
    words: str = ""
    kind: str = "promo"
    expires: str = ""
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    after: str = ""
    act: str = ""
    confirming: bool = False  # suspend or resume
    why: str = ""
    confirm_error: str = ""
    _available: int = 0
    _lots_shown: int = LOTS
    _ref: str = ""  # the occasion this dialog is about: however often it is confirmed, it counts once

    @rx.event
    async def load(self):
        """A visit: the workspace the address names."""
        self.ready = self.missing = False
        self._lots_shown = LOTS
        wanted = self._wanted()
        if await self._show():
            wiring.follow(self, wanted, CustomerState.refresh)
            await self._show()  # what happened between reading and following is told by nobody

    @rx.event
    async def refresh(self):
        """Pushed when something happened in this workspace."""
        if self.ready and not self.missing:
            await self._show()

    @rx.event
    async def show_more_lots(self):
        """Twice as many: a customer of years has hundreds."""
        self._lots_shown *= 2
        await self._show()

    # ---- credits ----

    @rx.event
    def begin(self, doing: str):
        """Open the dialog; it gets the name of its occasion now."""
        if doing not in (GRANT, TAKE) or not self.customer["id"]:
            return
        self.doing, self._ref = doing, f"{doing}:{new_id('req')}"
        self.amount = self.words = self.expires = ""
        self.kind = KINDS[0]
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        self._weigh()

    @rx.event
    def opened(self, is_open: bool):
        if not is_open:
            self.doing = ""

    @rx.event
    def write_amount(self, text: str):
        self.amount = str(text)[:LONGEST_INPUT]
        self.errors["amount"] = ""
        self._weigh()

    @rx.event
    def write_words(self, text: str):
        self.words = str(text)[:LONGEST_INPUT]
        self.errors["label"] = self.errors["reason"] = ""

    @rx.event
    def choose_kind(self, kind: str):
        if kind in KINDS:
            self.kind = kind

    @rx.event
    def choose_end(self, day: str):
        self.expires = str(day)[:LONGEST_INPUT]
        self.errors["expires_at"] = ""

    @rx.event
    async def move(self):
        """Grant or take back, once: the dialog's occasion makes the second of two clicks a repetition."""
        if self.doing not in (GRANT, TAKE):
            return None
        house, actor, workspace = services.current(), who().user_id, self._wanted()
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        try:
            amount = credits_of(self.amount)
            if self.doing == GRANT:
                gift = Gift(amount, self.kind, self.words, end_of(self.expires))
                await grant(house.desk, workspace, gift, ref=self._ref, actor=actor)
            else:
                await take_back(house.desk, workspace, amount, self.words, ref=self._ref, actor=actor)
        except FareboxError as refused:
            self._refuse(refused)
            return None
        if not self.doing:
            return None  # the other of two clicks has said so
        done = t(f"admin_customers.{self.doing}.done", amount=present.credit_words(amount), name=self.customer["name"])
        self.doing = ""
        house.news.publish(workspace)
        await self._show()
        return toast_done(done)

    # ---- suspend and resume ----

    @rx.event
    def confirm_opened(self, is_open: bool):
        self.confirming, self.why, self.confirm_error = is_open is True, "", ""

    @rx.event
    def write_why(self, text: str):
        self.why = str(text)[:LONGEST_INPUT]

    @rx.event
    async def set_suspended(self):
        """Suspend the workspace, or lift its suspension."""
        if not self.confirming or not self.customer["id"]:
            return None
        people, actor, workspace = services.current().accounts.people, who().user_id, self._wanted()
        suspend, why = not self.customer["suspended"], " ".join(self.why.split())
        self.confirming = False  # a second click finds nothing to confirm
        if suspend and not why:
            self.confirming, self.confirm_error = True, t("admin_customers.wrong.why")
            return None
        try:
            if suspend:
                await asyncio.to_thread(lambda: people.suspend(workspace, actor=actor, reason=why))
            else:
                await asyncio.to_thread(lambda: people.resume(workspace, actor=actor))
        except FareboxError as refused:
            self.confirming, self.confirm_error = True, refused.message
            return None
        await self._show()
        act = "suspend" if suspend else "resume"
        return toast_done(t(f"admin_customers.{act}.done", name=self.customer["name"]))

    # ---- inside ----

    def _wanted(self) -> str:
        return str(self.router.url.path).rstrip("/").rpartition("/")[2]

    def _refuse(self, refused: FareboxError) -> None:
        """Put a refusal under its field."""
        if refused.stable_code == InsufficientCredits.code:
            free = present.credit_words(Money(self._available))
            self.errors["amount"] = t("admin_customers.wrong.too_much", amount=free)
            return
        self.errors[refused.param if refused.param in FIELDS else ""] = refused.message

    def _weigh(self) -> None:
        """What the dialog says about the figure typed so far."""
        amount = amount_or_none(self.amount)
        sign = 1 if self.doing == GRANT else -1
        said = present.credit_words(amount) if amount else t("admin_customers.credits")
        self.act = t(f"admin_customers.{self.doing}.act", amount=said)
        before = Money(self._available)
        self.after = (
            present.credits(before)
            if amount is None or (self.doing == TAKE and amount > before)
            else present.transition(before, Money(self._available + sign * amount.micros))
        )

    async def _show(self) -> bool:
        house, wanted = services.current(), self._wanted()
        try:
            if not is_id(wanted, "ws"):
                raise NotFound("No such workspace.")
            whole = await asyncio.to_thread(_read, house, wanted)
        except NotFound:
            self.missing = self.ready = True
            return False
        at = house.desk.clock()
        self.customer = customer_row(whole.customer, at)
        self.balance = present.credits(whole.balance.balance)
        self.frozen = t("admin_customers.frozen") if whole.balance.frozen else ""
        self._available = whole.balance.available.micros
        self.kept = t("admin_customers.kpi.kept", amount=present.currency(whole.customer.earned.kept))
        filled = [lot for lot in whole.lots if lot.remaining]
        self.lots = [lot_row(lot) for lot in filled[: self._lots_shown]]
        left = len(filled) - len(self.lots)
        self.more_lots = t("balance.lots.more", count=present.count(left)) if left else ""
        self.ledger = [ledger_row(line, at) for line in whole.ledger]
        self.requests = [request_row(seen, at) for seen in whole.requests]
        self.members = [person_row(member) for member in whole.members]
        self.keys = [key_row(key, at) for key in whole.keys]
        self.notes = [note_row(note, whole.names, at) for note in whole.notes]
        self.ready, self.missing = True, False
        return True


def _read(house: Services, workspace_id: str) -> _Whole:
    people = house.accounts.people
    info, members = people.workspace(workspace_id), people.members(workspace_id)
    with house.db.read() as connection:
        found = customers(connection, [info], house.desk.clock(), house.editing.credit_value)[0]
        requests = views.page(connection, Filter(workspace_id=workspace_id, limit=RECENT))
        ledger = lines(connection, workspace_id, Show(), limit=RECENT)
    with house.db.reading() as session:
        notes = recent(session, subject=workspace_id, also=[member.user_id for member in members], limit=RECENT)
        actors = {note.actor_id for note in notes if note.actor_id}
        names = dict(session.exec(select(User.id, User.name).where(col(User.id).in_(actors))).all())
    return _Whole(
        customer=found,
        balance=house.ledger.balance(workspace_id),
        lots=house.ledger.lots(workspace_id),
        ledger=ledger,
        requests=requests,
        members=members,
        keys=house.accounts.keys.list(workspace_id),
        notes=notes,
        names=names,
    )
