"""Plans: listed, opened, made, renamed; their prices made, changed and ended; what they promise."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import reflex as rx
from sqlalchemy import Connection

from app import services
from app.kernel.errors import FareboxError
from app.kernel.given import Given
from app.kernel.ids import is_id, new_id
from app.kernel.text import t
from app.plans import catalog, entitlements, price_book, promises
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_plans import reads
from app.ui.pages.admin_plans.rows import (
    KINDS,
    MODES,
    OTHERWISE,
    PERIODS,
    PLAN_FIELDS,
    PRICE_FIELDS,
    ROLES,
    SUGGESTED,
    WAYS,
    Choice,
    GrantRow,
    PlanRow,
    PriceRow,
    PromiseRow,
    amount_of,
    price_body,
    tiers_of,
)
from app.ui.roles import Role

LONGEST = 2_000
PROMISE_FIELDS = ("limit", "value", "most")
#: What the domain calls a field, and where its refusal stands in the forms.
STANDS_AT = {
    "transform_quantity.divide_by": "per",
    "transform_quantity": "per",
    "filter_values": "filters",
    "usage_limit": "limit",
    "static_value": "value",
    **dict.fromkeys(ROLES, "most"),
}
FIELDS = (*PLAN_FIELDS, *PRICE_FIELDS, *PROMISE_FIELDS, "meter_id", "feature_id", "model", "")
NOBODY: PlanRow = {"id": "", "name": "", "key": "", "summary": ""}

Doing = Callable[[Connection, dict[str, Any]], object]


class PlansState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("doing", "editing", "subject", "values", "errors", "busy")

    ready: bool = False
    rows: list[PlanRow] = []
    chosen: PlanRow = NOBODY
    description: str = ""
    subscribers: str = ""  # how many are on it
    subscribers_href: str = ""
    subtitle: str = ""  # what programs call it, and what it is
    prices: list[PriceRow] = []
    promises: list[PromiseRow] = []
    grants: list[GrantRow] = []
    with_ended: bool = False
    meters: list[Choice] = []
    features: list[Choice] = []
    feature_types: dict[str, str] = {}

    doing: str = ""  # plan, price, change, end, promise, or nothing: which dialog is open
    editing: str = ""  # the id of what the dialog is about; "" for something new
    stamp: str = ""
    subject: str = ""
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys(FIELDS, "")
    way: str = WAYS[1]
    mode: str = MODES[0]
    is_tiered: bool = False  # the price that is to change
    period: str = PERIODS[0]
    meter: str = ""
    feature: str = ""
    kind: str = ""  # of the chosen feature
    promising: str = KINDS[0]
    models: list[Choice] = []
    model: str = ""
    role: str = ROLES[0]
    otherwise: str = OTHERWISE[0]
    soft: bool = False
    busy: bool = False

    @rx.event
    async def load(self):
        """A visit."""
        asked = self.router.url.query_parameters.get("plan", "")
        if is_id(asked, "plan"):
            self.chosen = {**NOBODY, "id": asked}
        await self._show()
        self.ready = True

    @rx.event
    async def open_plan(self, plan_id: str):
        """Show one plan in full."""
        found = next((row for row in self.rows if row["id"] == str(plan_id)), None)
        if found is not None:
            self.chosen = found
            await self._show()

    @rx.event
    async def choose_ended(self, chosen: bool):
        """Also list prices that have ended."""
        self.with_ended = bool(chosen)
        await self._show()

    # ---- dialogs ----

    @rx.event
    def new_plan(self):
        """The form of a new plan."""
        self._open("plan", "", "")

    @rx.event
    def edit_plan(self):
        """The form of the plan that is open."""
        if self.chosen["id"]:
            self._open("plan", self.chosen["id"], self.chosen["name"])
            self.values |= {
                "name": self.chosen["name"],
                "lookup_key": self.chosen["key"],
                "description": self.description,
            }

    @rx.event
    def new_price(self):
        """The form of a new price."""
        if self.chosen["id"]:
            self._open("price", "", self.chosen["name"])
            self.values["currency"] = "USD"

    @rx.event
    def change_price(self, price_id: str):
        """The form that gives a price a successor."""
        self._about(price_id, "change")

    @rx.event
    def end_price(self, price_id: str):
        """Ask before a price ends."""
        self._about(price_id, "end")

    @rx.event
    def new_promise(self):
        """The form of a new entitlement."""
        if self.chosen["id"]:
            self._open("promise", "", self.chosen["name"])

    @rx.event
    def opened(self, is_open: bool):
        """The dialog was closed."""
        if not is_open:
            self.doing = ""

    @rx.event
    def write(self, name: str, text: str):
        """What stands in a field."""
        if name in FIELDS:
            self.values[name] = str(text)[:LONGEST]
            self.errors[name] = ""

    @rx.event
    def choose(self, what: str, value: str):
        """How it is counted, per which period, by which meter, of which feature."""
        if what == "way" and value in WAYS:
            self.way = value
        elif what == "mode" and value in MODES:
            self.mode = value
        elif what == "period" and value in PERIODS:
            self.period = value
        elif what == "meter" and any(each["value"] == value for each in self.meters):
            self.meter, self.errors["meter_id"] = value, ""
        elif what == "promising" and value in KINDS:
            self.promising, self.errors = value, dict.fromkeys(FIELDS, "")
        elif what == "model" and any(each["value"] == value for each in self.models):
            self.model = value
        elif what == "role" and value in ROLES:
            self.role, self.errors["most"], self.values["most"] = value, "", ""
        elif what == "most" and value in SUGGESTED[self.role]:
            self.values["most"], self.errors["most"] = value, ""
        elif what == "only" and any(each["value"] == value for each in self.models):
            self._only(value)
        elif what == "otherwise" and value in OTHERWISE:
            self.otherwise = value
        elif what == "feature" and value in self.feature_types:
            self.feature, self.kind, self.errors["feature_id"] = value, self.feature_types[value], ""

    def _only(self, alias: str) -> None:
        """A line that narrows the price to a model; models chosen one after the other stand on one line."""
        lines = [line for line in self.values["filters"].splitlines() if line.strip()]
        named = next((line for line in lines if line.partition("=")[0].strip() == "model"), None)
        if named is None:
            lines.append(f"model = {alias}")
        elif alias not in (each.strip() for each in named.partition("=")[2].split(",")):
            lines[lines.index(named)] = f"{named}, {alias}"
        self.values["filters"], self.errors["filters"] = "\n".join(lines), ""

    @rx.event
    def choose_soft(self, soft: bool):
        """Whether the limit only warns."""
        self.soft = bool(soft)

    # ---- what is done ----

    @rx.event
    async def save(self):
        """Do what the open dialog is for."""
        if self.busy or not self.doing:
            return None
        self.busy = True
        try:
            made = await asyncio.to_thread(_do, services.current(), self._work(), who().user_id)
        except FareboxError as refused:
            param = "tiers" if (refused.param or "").startswith("tiers") else refused.param or ""
            where = STANDS_AT.get(param, param)
            self.errors[where if where in FIELDS else ""] = refused.message
            return None
        finally:
            self.busy = False
        done, self.doing = self.doing, ""
        if done == "plan" and not self.editing:
            self.chosen = {**NOBODY, "id": str(made)}
        await self._show()
        return toast_done(t(f"admin_plans.done.{done}"))

    @rx.event
    async def drop_promise(self, promise_id: str):
        """The plan promises this no longer."""
        if any(row["id"] == str(promise_id) for row in self.promises):
            work: Doing = lambda c, by: entitlements.shelf.remove(c, str(promise_id), **by)  # noqa: E731
            await asyncio.to_thread(_do, services.current(), work, who().user_id)
            await self._show()

    def _work(self) -> Doing:
        """The dialog as something to do in a transaction."""
        values, plan_id, editing = dict(self.values), self.chosen["id"], self.editing
        match self.doing:
            case "plan":
                body = Given({name: values[name] for name in PLAN_FIELDS})
                if editing:
                    return lambda c, by: catalog.change_plan(c, editing, body, **by)["id"]
                return lambda c, by: catalog.create_plan(c, body, **by)["id"]
            case "price":
                priced = Given(price_body(plan_id, self.way, self.meter, self.period, self.mode, values))
                return lambda c, by: price_book.create(c, priced, **by)
            case "change":
                named = {"amount": amount_of(values["amount"]) or "?"}
                cost = Given({"tiers": tiers_of(values["tiers"])} if self.is_tiered else named)
                return lambda c, by: price_book.change(c, editing, cost, **by)
            case "end":
                return lambda c, by: price_book.end(c, editing, Given({}), **by)
        return self._promise(plan_id, values)

    def _promise(self, plan_id: str, values: dict[str, str]) -> Doing:
        counted = {
            "usage_limit": amount_of(values["limit"]),
            "usage_reset_period": self.period,
            "is_soft_limit": self.soft,
        }
        model, meter, role, most, otherwise = self.model, self.meter, self.role, values["most"], self.otherwise
        match self.promising:
            case "model":
                return lambda c, by: promises.promise_model(c, plan_id, Given({"model": model}).text("model"), **by)
            case "limit":
                return lambda c, by: promises.promise_limit(c, plan_id, role, most, otherwise, **by)
            case "quota":
                return lambda c, by: promises.promise_quota(
                    c, plan_id, Given({"meter_id": meter}).text("meter_id"), counted, **by
                )
        promise: dict[str, Any] = {"plan_id": plan_id, "feature_id": self.feature, "is_soft_limit": self.soft}
        if self.kind == "metered":
            promise |= counted
        if self.kind == "static":
            promise["static_value"] = values["value"]
        return lambda c, by: entitlements.create(c, Given(promise), **by)

    def _open(self, doing: str, editing: str, subject: str) -> None:
        self.doing, self.editing, self.subject, self.stamp = doing, editing, subject, new_id("req")
        self.values, self.errors = dict.fromkeys(FIELDS, ""), dict.fromkeys(FIELDS, "")
        self.mode, self.is_tiered = MODES[0], False
        self.way, self.period, self.meter, self.feature, self.kind = WAYS[1], PERIODS[0], "", "", ""
        self.soft = self.busy = False
        self.promising, self.model, self.role, self.otherwise = KINDS[0], "", ROLES[0], OTHERWISE[0]

    def _about(self, price_id: str, doing: str) -> None:
        found = next((row for row in self.prices if row["id"] == str(price_id) and not row["is_ended"]), None)
        if found is not None and (doing == "end" or found["may_change"]):
            self._open(doing, found["id"], found["name"])
            self.is_tiered, self.values["tiers"] = bool(found["tiers"]), found["tiers"]

    async def _show(self) -> None:
        parts = services.current()
        self.rows = await asyncio.to_thread(reads.plans, parts.db)
        if self.chosen["id"] not in [row["id"] for row in self.rows]:
            self.chosen = self.rows[0] if self.rows else NOBODY
        self.meters, self.features, self.feature_types = await asyncio.to_thread(reads.choices, parts.db)
        offers = await asyncio.to_thread(parts.offers.list)
        self.models = [Choice(value=offer.alias, label=offer.title) for offer in offers]
        self.prices, self.promises, self.grants = [], [], []
        if not is_id(self.chosen["id"], "plan"):
            return
        found = await asyncio.to_thread(
            reads.opened, parts.db, self.chosen["id"], parts.desk.clock(), with_ended=self.with_ended
        )
        if found is not None:
            self.chosen, self.description = found.plan, found.description
            self.prices, self.promises, self.grants = found.prices, found.promises, found.grants
            self.subscribers = t("admin_plans.subscribers", count=present.count(found.subscribers))
            self.subscribers_href = f"/admin/subscriptions?plan={found.plan['id']}"
            self.subtitle = " · ".join(filter(None, (found.plan["key"], found.description)))


def _do(parts: Services, work: Doing, actor: str) -> object:
    with parts.db.write() as connection:
        return work(connection, {"actor": actor, "now": parts.desk.clock()})
