"""A new subscription: whose, to which plan, in which rhythm; with the first invoice before anything is written."""

import asyncio
from typing import Any, ClassVar, TypedDict

import reflex as rx
from sqlalchemy import Connection

from app import services
from app.billing import invoices
from app.billing.invoices import lines_of
from app.billing.periods import Anchoring, Unit
from app.billing.trying import tried
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.ids import is_id, new_id
from app.kernel.text import t
from app.plans import customers
from app.services import Services
from app.ui import present
from app.ui.guard import PageState, who
from app.ui.pages.admin_subscriptions import asking
from app.ui.pages.admin_subscriptions.asking import Outcome
from app.ui.pages.admin_subscriptions.rows import Choice, period_words
from app.ui.pages.billed.rows import LineRow, SumRow, span, stored_lines, stored_sums
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

LONGEST = 200
MOST_FOUND = 6
FIELDS = ("start", "trial", "coupon")
#: What the engine calls a field, and where its refusal stands.
STANDS_AT = {
    "start_date": "start", "trial_period_days": "trial", "coupons": "coupon", "customer_id": "customer",
    "plan_id": "plan", "billing_period": "rhythm", "currency": "rhythm",
}  # fmt: skip
ERRORS = (*FIELDS, "customer", "plan", "rhythm", "")


class Person(TypedDict):
    id: str
    name: str
    email: str


NOBODY = Person(id="", name="", email="")


class CreateState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    open: bool = False
    stamp: str = ""
    busy: bool = False
    customer: Person = NOBODY
    found: list[Person] = []
    plan: str = ""
    plans: list[Choice] = []
    rhythm: str = ""
    rhythms: list[Choice] = []
    cycle: str = str(Anchoring.ANNIVERSARY)
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys(ERRORS, "")
    lines: list[LineRow] = []
    sums: list[SumRow] = []
    total: str = ""
    means: str = ""  # what happens at first, in a sentence

    @rx.event
    async def begin(self, workspace_id: str):
        """Open the dialog; with a workspace it is for that one."""
        house = services.current()
        self.open, self.stamp, self.busy = True, new_id("req"), False
        self.customer, self.plan, self.rhythm, self.rhythms = NOBODY, "", "", []
        self.values, self.errors = dict.fromkeys(FIELDS, ""), dict.fromkeys(ERRORS, "")
        self.cycle = str(Anchoring.ANNIVERSARY)
        self._forget()
        offered = await asyncio.to_thread(_plans, house)
        self.plans = [Choice(value=plan_id, label=name) for plan_id, name in offered]
        self.found = await asyncio.to_thread(_people, house, "")
        if is_id(str(workspace_id), "ws"):
            await self._take(str(workspace_id))

    @rx.event
    def opened(self, is_open: bool):
        if not is_open:
            self.open = False

    @rx.event
    async def look_for(self, text: str):
        """Customers by a part of their name or an e-mail."""
        self.found = await asyncio.to_thread(_people, services.current(), str(text)[:LONGEST].replace("\0", ""))

    @rx.event
    async def choose_customer(self, workspace_id: str):
        """It is for this one; nothing chooses another."""
        await self._take(str(workspace_id))

    async def _take(self, workspace_id: str) -> None:
        self.customer, self.errors["customer"] = NOBODY, ""
        if is_id(workspace_id, "ws"):
            try:
                info = await asyncio.to_thread(services.current().accounts.people.workspace, workspace_id)
            except FareboxError as refused:
                self.errors["customer"] = refused.message
                return
            self.customer = Person(id=info.id, name=info.name, email="")
        await self._weigh()

    @rx.event
    async def choose_plan(self, plan: str):
        """Another plan, with the rhythms it has prices for."""
        if not any(each["value"] == plan for each in self.plans):
            return
        self.plan, self.errors["plan"] = str(plan), ""
        found = await asyncio.to_thread(_rhythms, services.current(), self.plan)
        self.rhythms = [
            Choice(value=f"{currency}|{period}|{count}", label=f"{period_words(period, count)} in {currency}")
            for currency, period, count in found
        ]
        self.rhythm = self.rhythms[0]["value"] if self.rhythms else ""
        await self._weigh()

    @rx.event
    async def choose_rhythm(self, rhythm: str):
        if any(each["value"] == rhythm for each in self.rhythms):
            self.rhythm = str(rhythm)
            await self._weigh()

    @rx.event
    async def choose_cycle(self, cycle: str):
        """Whether periods begin on the day it began, or with the calendar."""
        if cycle in tuple(Anchoring):
            self.cycle = str(cycle)
            await self._weigh()

    @rx.event
    async def write(self, name: str, text: str):
        if name in FIELDS:
            self.values[name], self.errors[name] = str(text)[:LONGEST], ""
            await self._weigh()

    @rx.event
    async def create(self):
        """Make it, once: a second click finds the dialog closed."""
        if not self.open or self.busy:
            return None
        self.busy = True
        try:
            made = await asyncio.to_thread(self._work(services.current(), who().user_id, for_real=True))
        except FareboxError as refused:
            self._refuse(refused)
            return None
        finally:
            self.busy = False
        self.open = False
        house = services.current()
        if house.desk.entitled is not None:
            house.desk.entitled.forget()
        house.news.publish(made.row.workspace_id)
        return rx.redirect(f"/admin/subscriptions/{made.row.id}")

    # ---- inside ----

    def _work(self, house: Services, actor: str, *, for_real: bool) -> Any:
        """The form as something to do in a thread; `InvalidInput` names what is missing."""
        for name, value in (("customer_id", self.customer["id"]), ("plan_id", self.plan)):
            if not value:
                raise InvalidInput(t(f"admin_subscriptions.missing.{STANDS_AT[name]}"), param=name)
        workspace, body, now = self.customer["id"], self._body(), house.desk.clock()

        def made(connection: Connection) -> Outcome:
            return asking.create(connection, workspace, body, actor, now)

        def shown(connection: Connection) -> tuple[Outcome, list[Any]]:
            outcome = made(connection)
            return outcome, lines_of(connection, outcome.invoice.id) if outcome.invoice is not None else []

        def real() -> Outcome:
            with house.db.write() as connection:
                outcome = made(connection)
                asking.noted(connection, outcome, "subscription.created", actor, now)
                return outcome

        return real if for_real else lambda: tried(house.db, shown)

    def _body(self) -> dict[str, Any]:
        currency, period, count = (self.rhythm or f"USD|{Unit.MONTHLY}|1").split("|")
        body: dict[str, Any] = {
            "plan_id": self.plan, "currency": currency, "billing_period": period, "billing_period_count": int(count),
            "billing_cycle": self.cycle,
        }  # fmt: skip
        if start := self.values["start"].strip():
            body["start_date"] = f"{start}T00:00:00Z"
        if trial := self.values["trial"].strip():
            if not (trial.isascii() and trial.isdigit()):
                raise InvalidInput(t("admin_subscriptions.wrong.trial"), param="trial_period_days")
            body["trial_period_days"] = int(trial)
        if coupon := self.values["coupon"].strip():
            body["coupons"] = [coupon]
        return body

    async def _weigh(self) -> None:
        """What would come of it, as far as it is known by now."""
        self._forget()
        if not (self.customer["id"] and self.plan):
            return
        try:
            work = self._work(services.current(), who().user_id, for_real=False)
            outcome, lines = await asyncio.to_thread(work)
        except FareboxError as refused:
            self._refuse(refused)
            return
        self.errors = dict.fromkeys(ERRORS, "")
        row, invoice = outcome.row, outcome.invoice
        self.total = present.fiat(Fiat.zero(row.currency))
        if invoice is not None:
            self.lines, self.sums = stored_lines(lines, row.currency), stored_sums(invoice)
            self.total = present.fiat(invoices.remaining(invoice))
        key = "trial" if row.trial_end else "ahead" if invoice is not None else "later"
        end = present.date(row.trial_end or row.period_end)
        self.means = t(f"admin_subscriptions.first.{key}", span=span(row.period_start, row.period_end), day=end)

    def _forget(self) -> None:
        self.lines, self.sums, self.total, self.means = [], [], "", ""

    def _refuse(self, refused: FareboxError) -> None:
        place = STANDS_AT.get((refused.param or "").partition(".")[0], "")
        if refused.stable_code == "coupon_not_found":
            place = "coupon"
        self.errors = {**dict.fromkeys(ERRORS, ""), place: refused.message}


def _plans(house: Services) -> list[tuple[str, str]]:
    with house.db.read() as connection:
        return asking.plans_on_offer(connection)


def _rhythms(house: Services, plan_id: str) -> list[tuple[str, str, int]]:
    with house.db.read() as connection:
        return asking.rhythms_of(connection, plan_id, house.desk.clock())


def _people(house: Services, text: str) -> list[Person]:
    found = house.accounts.people.workspaces(text, limit=MOST_FOUND)
    with house.db.read() as connection:
        known = {info.id: customers.known(connection, info.id) for info in found}
    emails = {key: one.email if one is not None else "" for key, one in known.items()}
    return [Person(id=info.id, name=info.name, email=emails[info.id]) for info in found]
