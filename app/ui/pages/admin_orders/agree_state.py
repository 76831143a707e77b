"""Writing an order for what was agreed with a customer: who, what, for how much, and what the transfer will be."""

import asyncio
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.errors import FareboxError, InvalidInput, NotFound
from app.kernel.fiat import CURRENCIES
from app.kernel.ids import is_id, new_id
from app.kernel.money import Money, round_to
from app.kernel.text import t
from app.payments.enquiries import Enquiry
from app.payments.enquiries import State as EnquiryState
from app.payments.manual import Agreement
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_customers.rows import credits_of
from app.ui.pages.admin_orders.rows import fiat_of
from app.ui.pages.balance.figures import PRICE_STEP
from app.ui.pages.top_up.offer import tax_label
from app.ui.roles import Role

FIELDS = ("title", "credits", "bonus", "price", "expires_days", "bonus_expires_days")
LONGEST = 80
MOST_DAYS = 3_660
SHOWN = 6
#: Why no final amount can be named or no order written, in words of this page.
PROBLEMS = (
    "billing_profile_needed",
    "seller_needed",
    "no_tax_rate",
    "tax_unavailable",
    "tax_address_unknown",
    "idempotency_conflict",
)


class Found(TypedDict):
    id: str
    name: str


class Option(TypedDict):
    value: str
    label: str


class Slip(TypedDict):
    """What the customer will be asked for."""

    net: str
    tax: str
    tax_label: str
    total: str
    credits: str
    bonus: str
    unit: str


NO_SLIP: Slip = {"net": "", "tax": "", "tax_label": "", "total": "", "credits": "", "bonus": "", "unit": ""}
NOBODY: Found = {"id": "", "name": ""}


@dataclass(frozen=True, slots=True)
class _Begun:
    customer: Found
    enquiry: Enquiry | None
    currencies: list[str]


class AgreeState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    customer: Found = NOBODY
    search: str = ""
    found: list[Found] = []
    asked: str = ""  # what the enquiry says
    asked_by: str = ""
    currencies: list[Option] = []
    currency: str = ""
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, "customer", ""), "")
    slip: Slip = NO_SLIP
    problem: str = ""
    act: str = ""
    busy: bool = False
    stamp: str = ""
    _enquiry_id: str = ""
    _key: str = ""

    @rx.event
    async def load(self):
        """A visit, from an enquiry or from a customer's page, or with nobody chosen yet."""
        query = self.router.url.query_parameters
        wanted = query.get("customer", ""), query.get("enquiry", "")
        begun = await asyncio.to_thread(_begin, services.current(), *wanted)
        enquiry = begun.enquiry
        self.customer, self.found, self.search = begun.customer, [], ""
        self._enquiry_id = enquiry.id if enquiry else ""
        self.asked = enquiry.message if enquiry else ""
        self.asked_by = f"{enquiry.name}, {enquiry.email}" if enquiry else ""
        self.currencies = [{"value": one, "label": one} for one in begun.currencies]
        self.currency = begun.currencies[0]
        self.values = {**dict.fromkeys(FIELDS, ""), "title": t("agree.title_first"), "expires_days": "365"}
        self.errors = dict.fromkeys((*FIELDS, "customer", ""), "")
        self.busy, self._key, self.stamp = False, new_id("key"), new_id("req")
        await self._weigh()
        self.ready = True

    @rx.event
    async def look_for(self, text: str):
        """A customer by a part of their name, a member's e-mail, or an id."""
        self.search = str(text)[:LONGEST]
        people = services.current().accounts.people
        sought = self.search.strip()
        known = await asyncio.to_thread(lambda: people.workspaces(sought, limit=SHOWN)) if sought else []
        self.found = [{"id": one.id, "name": one.name} for one in known]

    @rx.event
    async def choose(self, workspace_id: str):
        """One of those that were found."""
        self.customer = next((one for one in self.found if one["id"] == workspace_id), self.customer)
        self.found, self.search, self.errors["customer"] = [], "", ""
        await self._weigh()

    @rx.event
    async def choose_another(self):
        self.customer = NOBODY
        await self._weigh()

    @rx.event
    async def choose_currency(self, currency: str):
        if any(one["value"] == currency for one in self.currencies):
            self.currency = currency
            await self._weigh()

    @rx.event
    async def write(self, name: str, text: str):
        if name in FIELDS:
            self.values[name], self.errors[name] = str(text)[: LONGEST + 1], ""
            await self._weigh()

    @rx.event
    async def confirm(self):
        """Write the order; the customer gets it by mail with the bank details."""
        if self.busy:
            return
        self.errors = dict.fromkeys((*FIELDS, "customer", ""), "")
        self.busy = True
        yield
        try:
            agreement = self._agreement()
            order = await agree(services.current(), agreement, self._enquiry_id, actor=who().user_id, key=self._key)
        except FareboxError as refused:
            code = refused.stable_code
            said = t(f"agree.problem.{code}") if code in PROBLEMS else refused.message
            self.errors[refused.param if refused.param in self.errors else ""] = said
            return
        finally:
            self.busy = False
        services.current().news.publish(order.workspace_id)
        yield toast_done(t("agree.done", reference=order.reference, customer=self.customer["name"]))
        yield rx.redirect(f"/admin/orders/{order.id}")

    def _agreement(self) -> Agreement:
        """What the form says; `InvalidInput` names the field that is wrong."""
        if not self.customer["id"]:
            raise InvalidInput(t("agree.wrong.customer"), param="customer")
        return Agreement(
            workspace_id=self.customer["id"],
            title=self.values["title"],
            credits=_credits(self.values["credits"], "credits"),
            net=fiat_of(self.values["price"], self.currency, "price"),
            bonus=_credits(self.values["bonus"], "bonus") if self.values["bonus"].strip() else Money(0),
            expires_days=_days(self.values["expires_days"], "expires_days"),
            bonus_expires_days=_days(self.values["bonus_expires_days"], "bonus_expires_days"),
        )

    async def _weigh(self) -> None:
        """The amounts as the customer will be asked for them, as far as the form says."""
        self.slip, self.problem, self.act = NO_SLIP, "", t("agree.act_first")
        try:
            agreement = self._agreement()
            tax = await services.current().cashier.quote_amount(agreement.workspace_id, agreement.net)
        except FareboxError as refused:
            if refused.stable_code in PROBLEMS:
                self.problem = t(f"agree.problem.{refused.stable_code}")
            return
        self.slip, self.act = _slip(agreement, tax), t("agree.act", amount=present.fiat(tax.total_gross))


async def agree(house: Services, agreement: Agreement, enquiry_id: str, *, actor: str, key: str):
    """The order, and the enquiry answered by it."""
    order = await house.cashier.agree(agreement, actor=actor, key=key)
    if enquiry_id:
        answered = {"note": "", "actor": actor, "order_id": order.id}
        await asyncio.to_thread(house.cashier.enquiries.handle, enquiry_id, EnquiryState.ANSWERED, **answered)
    return order


def _begin(house: Services, workspace_id: str, enquiry_id: str) -> _Begun:
    enquiry = None
    if is_id(enquiry_id, "enq"):
        try:
            enquiry = house.cashier.enquiries.find(enquiry_id)
        except NotFound:
            enquiry = None
    wanted = (enquiry.workspace_id if enquiry else None) or workspace_id
    customer = NOBODY
    if is_id(wanted, "ws"):
        try:
            customer = Found(id=wanted, name=house.accounts.people.workspace(wanted).name)
        except NotFound:
            customer = NOBODY
    seller = house.invoicing.sellers.current()
    sold = [*([seller.currency] if seller else []), *house.cashier.currencies()]
    return _Begun(customer, enquiry, [one for one in dict.fromkeys(sold) if one in CURRENCIES] or ["EUR"])


def _slip(agreement: Agreement, tax: TaxSnapshot) -> Slip:
    each = Fraction(agreement.net.amount) / Fraction(agreement.credits.amount)
    return {
        "net": present.fiat(tax.total_net),
        "tax": present.fiat(tax.total_tax),
        "tax_label": tax_label(tax),
        "total": present.fiat(tax.total_gross),
        "credits": present.credits(agreement.credits + agreement.bonus),
        "bonus": present.credits(agreement.bonus) if agreement.bonus else "",
        "unit": t("agree.unit", price=present.cost(round_to(each, PRICE_STEP), agreement.net.currency)),
    }


def _credits(text: str, param: str) -> Money:
    try:
        return credits_of(text)
    except InvalidInput as refused:
        raise InvalidInput(refused.message, param=param) from None


def _days(text: str, param: str) -> int | None:
    """Whole days; nothing typed means that they do not expire."""
    clean = text.strip()
    if not clean:
        return None
    if not (clean.isascii() and clean.isdigit() and 1 <= int(clean) <= MOST_DAYS):
        raise InvalidInput(t("agree.wrong.days", most=MOST_DAYS), param=param)
    return int(clean)
