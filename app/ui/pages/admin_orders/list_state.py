"""The list of orders and the operators' queues."""

import asyncio
from dataclasses import dataclass, replace
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.billing import owed_back
from app.billing.owed_back import Owed
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.payments import desk, enquiries
from app.payments.desk import Decision, Line, Wanted
from app.payments.enquiries import Enquiry
from app.payments.orders import MANUAL
from app.payments.unmatched import Case
from app.services import Services
from app.ui import present
from app.ui.components import toast_done, var
from app.ui.guard import PageState, who
from app.ui.pages.admin_orders.people import names_of
from app.ui.pages.admin_orders.rows import (
    ALL,
    GROUPS,
    CaseRow,
    EnquiryRow,
    OrderRow,
    OwedRow,
    case_row,
    enquiry_row,
    order_row,
    owed_row,
)
from app.ui.paging import Paged
from app.ui.roles import Role
from app.ui.tabs import asked_tab, name_tab, show_tab

PAGE = 25
LONGEST_INPUT = 600
VIEWS = ("orders", "decide", "send", "unmatched", "enquiries")
METHODS = {"card": "stripe", "transfer": MANUAL}
NO_CASE: CaseRow = {
    "id": "", "reason": "", "advice": "", "detail": "", "customer": "", "customer_href": "", "amount": "", "age": "",
    "order": "", "order_href": "", "is_open": False, "done": "",
}  # fmt: skip
NO_ENQUIRY: EnquiryRow = {
    "id": "", "name": "", "email": "", "mailto": "", "company": "", "who": "", "message": "", "note": "", "state": "",
    "state_words": "", "tone": "", "time": "", "customer_href": "", "order_href": "", "agree_href": "",
}  # fmt: skip


class Tab(TypedDict):
    value: str
    label: str
    price: str  # how many wait there


@dataclass(frozen=True, slots=True)
class _Found:
    lines: list[Line]
    waiting: list[Decision]
    owed: list[Owed]
    cases: list[Case]
    asked: list[Enquiry]
    open_cases: int
    open_enquiries: int
    names: dict[str, str]
    references: dict[str, str]
    customers: dict[str, str]


class OrdersState(Paged, PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("case", "enquiry", "words", "problem")

    ready: bool = False
    error: str = ""
    view: str = "orders"
    tabs: list[Tab] = []
    rows: list[OrderRow] = []
    owed: list[OwedRow] = []
    cases: list[CaseRow] = []
    asked: list[EnquiryRow] = []
    search: str = ""
    group: str = ALL
    method: str = ALL
    done_too: bool = False  # of the queues: also what was dealt with
    filtered: bool = False
    case: CaseRow = NO_CASE  # the one whose dialog is open
    enquiry: EnquiryRow = NO_ENQUIRY
    words: str = ""
    problem: str = ""

    @rx.event
    async def load(self):
        """A visit; `?tab=` opens one of the queues."""
        self.view = asked_tab(self, VIEWS)
        self._starts = []
        await self._show()
        return show_tab()

    @rx.event
    async def choose_view(self, view: str):
        """Every order, or one of the queues."""
        if view not in VIEWS:
            return None
        self.view, self._starts = view, []
        await self._show()
        return name_tab(view)

    @rx.event
    async def look_for(self, text: str):
        """Part of a reference, an invoice's number, a customer's name, or an id."""
        self.search, self._starts = str(text)[: desk.LONGEST_SEARCH], []
        await self._show()

    @rx.event
    async def choose_group(self, group: str):
        """Open, paid, over, or all."""
        if group in (ALL, *GROUPS):
            self.group, self._starts = group, []
            await self._show()

    @rx.event
    async def choose_method(self, method: str):
        """By card, by transfer, or both."""
        if method in (ALL, *METHODS):
            self.method, self._starts = method, []
            await self._show()

    @rx.event
    async def show_done(self, chosen: bool):
        """The queues with what was dealt with, or without."""
        self.done_too = chosen is True
        await self._show()

    @rx.event
    async def clear(self):
        """All filters off."""
        self.search, self.group, self.method, self._starts = "", ALL, ALL, []
        await self._show()

    # ---- money that belongs to no order ----

    @rx.event
    def open_case(self, case_id: str):
        """Say what was done about a case."""
        self.case = next((row for row in self.cases if row["id"] == case_id), NO_CASE)
        self.words = self.problem = ""

    @rx.event
    def case_opened(self, is_open: bool):
        if not is_open:
            self.case = NO_CASE

    @rx.event
    def write(self, text: str):
        self.words, self.problem = str(text)[:LONGEST_INPUT], ""

    @rx.event
    async def resolve(self):
        """Close a case: nothing moves, what was done is kept."""
        if not self.case["id"]:
            return None
        unmatched, case_id, actor = services.current().cashier.unmatched, self.case["id"], who().user_id
        try:
            await asyncio.to_thread(lambda: unmatched.resolve(case_id, self.words, actor=actor))
        except FareboxError as refused:
            self.problem = refused.message
            return None
        self.case = NO_CASE
        await self._show()
        return toast_done(t("admin_orders.case.resolved"))

    # ---- enquiries ----

    @rx.event
    def open_enquiry(self, enquiry_id: str):
        self.enquiry = next((row for row in self.asked if row["id"] == enquiry_id), NO_ENQUIRY)
        self.words, self.problem = self.enquiry["note"], ""

    @rx.event
    def enquiry_opened(self, is_open: bool):
        if not is_open:
            self.enquiry = NO_ENQUIRY

    @rx.event
    async def handle(self, state: str):
        """Answered, closed, or open again."""
        if not self.enquiry["id"] or state not in enquiries.State.__members__.values():
            return None
        desk_of, enquiry_id, actor = services.current().cashier.enquiries, self.enquiry["id"], who().user_id
        before, name = self.enquiry["state"], self.enquiry["name"]
        try:
            await asyncio.to_thread(
                lambda: desk_of.handle(enquiry_id, enquiries.State(state), note=self.words, actor=actor)
            )
        except FareboxError as refused:
            self.problem = refused.message
            return None
        self.enquiry = NO_ENQUIRY
        await self._show()
        undo = var(OrdersState.put_back)(enquiry_id, before)
        return toast_done(t(f"admin_orders.enquiry.now_{state}", name=name), undo=undo)

    @rx.event
    async def put_back(self, enquiry_id: str, state: str):
        """Undo of `handle`."""
        if state not in enquiries.State.__members__.values():
            return
        asked, actor = services.current().cashier.enquiries, who().user_id
        try:
            await asyncio.to_thread(
                lambda: asked.handle(str(enquiry_id)[:64], enquiries.State(state), note="", actor=actor)
            )
        except FareboxError:
            return  # gone meanwhile: the list shows what there is
        await self._show()

    # ---- inside ----

    async def _show(self) -> None:
        house = services.current()
        at = house.desk.clock()
        wanted = Wanted(
            states=GROUPS.get(self.group),
            provider=METHODS.get(self.method),
            search=self.search,
            before=self._after(),
            limit=PAGE + 1,
        )
        found = await asyncio.to_thread(_read, house, wanted, self.view == "decide", self.done_too)
        self.tabs = [
            _tab("orders", 0),
            _tab("decide", len(found.waiting)),
            _tab("send", len(found.owed)),
            _tab("unmatched", found.open_cases),
            _tab("enquiries", found.open_enquiries),
        ]
        self.rows, self.has_next = [order_row(line, at) for line in found.lines[:PAGE]], len(found.lines) > PAGE
        self.owed = [owed_row(one, at) for one in found.owed]
        self.cases = [case_row(case, at, found.references, found.names, found.customers) for case in found.cases]
        self.asked = [enquiry_row(one, at) for one in found.asked]
        self.filtered = bool(self.search.strip()) or self.group != ALL or self.method != ALL
        self.has_previous = bool(self._starts)
        self.shown = t("admin_orders.range", **self._range(PAGE)) if self.rows else ""
        self.ready = True


def _tab(view: str, waiting: int) -> Tab:
    return {"value": view, "label": t(f"admin_orders.view.{view}"), "price": present.count(waiting) if waiting else ""}


def _read(house: Services, wanted: Wanted, only_waiting: bool, done_too: bool) -> _Found:
    cashier = house.cashier
    with house.db.read() as connection:
        waiting = desk.decisions(connection)
        ids = [one.order_id for one in waiting] if only_waiting else None
        lines = desk.find(connection, replace(wanted, ids=ids))
        owed = owed_back.owed(connection)
    cases = cashier.unmatched.all() if done_too else cashier.unmatched.open_cases()
    states = None if done_too else [enquiries.State.OPEN]
    with house.db.read() as connection:
        references = desk.references(connection, [case.order_id for case in cases if case.order_id])
        customers = desk.customers(connection, [case.workspace_id for case in cases if case.workspace_id])
    return _Found(
        lines=lines,
        waiting=waiting,
        owed=owed,
        cases=cases,
        asked=cashier.enquiries.all(states),
        open_cases=cashier.unmatched.count_open(),
        open_enquiries=cashier.enquiries.count_open(),
        names=names_of(house, [case.resolved_by for case in cases]),
        references=references,
        customers=customers,
    )
