"""One subscription: its prices, its next invoice, what became of it, and what is done about it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

import reflex as rx
from sqlalchemy import Connection

from app import services
from app.billing import invoices, subscriptions
from app.billing.trying import tried
from app.kernel.errors import FareboxError, NotFound
from app.kernel.ids import is_id, new_id
from app.kernel.text import t
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_subscriptions import asking
from app.ui.pages.admin_subscriptions.asking import LATER, NOW, Outcome
from app.ui.pages.admin_subscriptions.detail_read import NO_FACTS, Facts, facts_of, may, read
from app.ui.pages.admin_subscriptions.rows import (
    AddonRow,
    ChangeRow,
    Choice,
    LineRow,
    MomentRow,
    addon_row,
    balance_words,
    change_rows,
    history_rows,
    line_row,
    period_words,
)
from app.ui.pages.billed.rows import InvoiceRow, SumRow, draft_lines, draft_sums, invoice_row
from app.ui.pages.billed.rows import LineRow as BilledRow
from app.ui.roles import Role

LONGEST = 300
#: What is done about a subscription; each asks first.
ACTS = ("cancel", "keep", "pause", "resume", "change", "keep_plan", "add_addon", "drop_addon", "issue")
#: Done now, or with the period.
TIMED = ("cancel", "change", "add_addon", "drop_addon")
#: About one of the rows on the page: begun with its id.
_OF_A_ROW = ("issue", "drop_addon")


class SubscriptionState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = (
        "doing",
        "busy",
        "when",
        "reason",
        "prorate",
        "once",
        "changes",
        "net",
        "error",
    )

    ready: bool = False
    missing: bool = False
    facts: Facts = NO_FACTS
    may: dict[str, bool] = dict.fromkeys(ACTS, False)
    lines: list[LineRow] = []
    addons: list[AddonRow] = []
    billed: list[InvoiceRow] = []
    history: list[MomentRow] = []
    next_lines: list[BilledRow] = []
    next_sums: list[SumRow] = []
    next_total: str = ""
    next_words: str = ""
    next_refused: str = ""

    doing: str = ""  # which of `ACTS` is asked about
    stamp: str = ""
    busy: bool = False
    when: str = LATER
    reason: str = ""
    prorate: bool = True
    invoice: bool = True
    plan: str = ""
    plans: list[Choice] = []
    addon: str = ""
    addons_on_offer: list[Choice] = []
    once: bool = False
    rhythm: str = ""
    rhythms: list[Choice] = []
    changes: list[ChangeRow] = []
    net_name: str = ""
    net: str = ""
    means: str = ""
    error: str = ""
    _subject: str = ""  # the draft that is to be issued, the addon that is to be dropped

    @rx.event
    async def load(self):
        """A visit: the subscription the address names."""
        self.ready = self.missing = False
        await self._show()

    # ---- the dialogs ----

    @rx.event
    async def begin(self, doing: str):
        """Ask before something is done."""
        if doing not in ACTS or doing in _OF_A_ROW or not self.may[doing]:
            return
        self._open(str(doing))
        if doing == "add_addon":
            found = await asyncio.to_thread(_addons, services.current(), self.facts["id"])
            self.addons_on_offer = [Choice(value=key, label=name) for key, name in found]
            self.addon = self.addons_on_offer[0]["value"] if len(self.addons_on_offer) == 1 else ""
            self.once = False
        if doing == "change":
            house = services.current()
            self.plans = [Choice(value=key, label=name) for key, name in await asyncio.to_thread(_plans, house)]
            self.plan, self.rhythm, self.rhythms = "", "", []
        await self._weigh()

    @rx.event
    def begin_issue(self, invoice_id: str):
        """Ask before a draft gets its number."""
        if any(row["id"] == invoice_id and row["is_draft"] for row in self.billed):
            self._open("issue")
            self._subject = str(invoice_id)
            self.means = t("admin_subscriptions.issue.means")

    @rx.event
    async def begin_drop(self, association_id: str):
        """Ask before an addon is dropped."""
        if any(row["id"] == association_id and row["may_drop"] for row in self.addons):
            self._open("drop_addon")
            self._subject = str(association_id)
            await self._weigh()

    @rx.event
    def opened(self, is_open: bool):
        if not is_open:
            self.doing = ""

    @rx.event
    async def choose_when(self, when: str):
        """Now, or with the period."""
        if when in (NOW, LATER):
            self.when = str(when)
            await self._weigh()

    @rx.event
    async def choose_prorate(self, on: bool):
        self.prorate = on is True
        await self._weigh()

    @rx.event
    async def choose_invoice(self, on: bool):
        self.invoice = on is True
        await self._weigh()

    @rx.event
    async def choose_addon(self, addon: str):
        if any(each["value"] == addon for each in self.addons_on_offer):
            self.addon = str(addon)
            await self._weigh()

    @rx.event
    async def choose_once(self, on: bool):
        """For the period in which it begins, and no longer."""
        self.once = on is True
        await self._weigh()

    @rx.event
    async def choose_plan(self, plan: str):
        """Where it goes, in the rhythms that plan has prices for in its currency."""
        if not any(each["value"] == plan for each in self.plans):
            return
        self.plan = str(plan)
        found = await asyncio.to_thread(_rhythms, services.current(), self.plan, self.facts["currency"])
        self.rhythms = [Choice(value=f"{unit}|{count}", label=period_words(unit, count)) for unit, count in found]
        self.rhythm = self.rhythms[0]["value"] if self.rhythms else ""
        await self._weigh()

    @rx.event
    async def choose_rhythm(self, rhythm: str):
        if any(each["value"] == rhythm for each in self.rhythms):
            self.rhythm = str(rhythm)
            await self._weigh()

    @rx.event
    def write_reason(self, text: str):
        self.reason = str(text)[:LONGEST]

    @rx.event
    async def act(self):
        """Do what the open dialog is about, once: a second click finds it closed."""
        doing = self.doing
        if doing not in ACTS or self.busy:
            return None
        house, work = services.current(), self._work(doing)
        if work is None:
            self.error = t(f"admin_subscriptions.missing.{'addon' if doing == 'add_addon' else 'plan'}")
            return None
        self.busy = True
        try:
            await asyncio.to_thread(_do, house, work, f"subscription.{doing}", who().user_id)
        except FareboxError as refused:
            self.error = refused.message
            return None
        finally:
            self.busy = False
        self.doing = ""
        if house.desk.entitled is not None:
            house.desk.entitled.forget()
        house.news.publish(self.facts["customer_href"].rpartition("/")[2])
        await self._show()
        return toast_done(t(f"admin_subscriptions.done.{doing}"))

    # ---- inside ----

    def _open(self, doing: str) -> None:
        self.doing, self.stamp, self.busy = doing, new_id("req"), False
        self.when = LATER if doing in ("cancel", "drop_addon") else NOW
        self.reason, self.prorate, self.invoice = "", True, True
        self._forget()

    def _forget(self) -> None:
        self.changes, self.net, self.net_name, self.means, self.error = [], "", "", "", ""

    def _work(self, doing: str) -> Callable[[Connection], Outcome] | None:
        """The dialog as something to do in a transaction; None while it does not say enough."""
        key, by, now = self.facts["id"], who().user_id, services.current().desk.clock()
        when, reason, prorate, invoice = self.when, " ".join(self.reason.split()), self.prorate, self.invoice
        subject = self._subject
        match doing:
            case "cancel":
                return lambda c: asking.cancel(
                    c, key, when=when, reason=reason, prorate=prorate, invoice=invoice, actor=by, now=now
                )
            case "pause":
                return lambda c: asking.pause(c, key, reason=reason, actor=by, now=now)
            case "resume":
                return lambda c: asking.resume(c, key, actor=by, now=now)
            case "keep":
                return lambda c: asking.keep(c, key, now=now)
            case "keep_plan":
                return lambda c: asking.keep_plan(c, key, now=now)
            case "issue":
                return lambda c: asking.issue(c, key, subject, now=now)
            case "drop_addon":
                return lambda c: asking.drop_addon(
                    c, key, subject, when=when, prorate=prorate, reason=reason, actor=by, now=now
                )
        return self._addition(key, by, now) if doing == "add_addon" else self._move(key, by, now)

    def _addition(self, key: str, by: str, now: datetime) -> Callable[[Connection], Outcome] | None:
        """The addon that is chosen, taken."""
        addon, when, once, prorate = self.addon, self.when, self.once, self.prorate
        if not addon:
            return None
        return lambda c: asking.add_addon(c, key, addon, when=when, once=once, prorate=prorate, actor=by, now=now)

    def _move(self, key: str, by: str, now: datetime) -> Callable[[Connection], Outcome] | None:
        """To the plan and the rhythm that are chosen."""
        if not (self.plan and self.rhythm):
            return None
        when, prorate = self.when, self.prorate
        unit, count = self.rhythm.split("|")
        wish = {"target_plan_id": self.plan, "billing_period": unit, "billing_period_count": int(count)}
        return lambda c: asking.change_plan(c, key, wish, when=when, prorate=prorate, actor=by, now=now)

    async def _weigh(self) -> None:
        """What it would come to: done, and taken back."""
        self._forget()
        work = self._work(self.doing)
        if work is None:
            return
        try:
            outcome = await asyncio.to_thread(tried, services.current().db, work)
        except FareboxError as refused:
            self.error = refused.message
            return
        self.changes = change_rows(outcome.lines, outcome.row.currency)
        if outcome.lines:
            self.net_name, self.net = balance_words(outcome.lines, outcome.row.currency)
        self.means = self._told(outcome)

    def _told(self, outcome: Outcome) -> str:
        """What is about to happen, in a sentence."""
        row = outcome.row
        end, doing = present.date(row.period_end), self.doing
        later = self.when == LATER and doing in TIMED
        if doing == "keep":
            return t("admin_subscriptions.keep.means", day=end)
        if doing in ("cancel", "change", "add_addon") and not later and outcome.invoice is not None:
            total = present.fiat(invoices.remaining(outcome.invoice))
            return t(f"admin_subscriptions.{doing}.means_invoice", total=total)
        return t(f"admin_subscriptions.{doing}.means_{'later' if later else 'now'}", day=end)

    async def _show(self) -> None:
        house = services.current()
        wanted = str(self.router.url.path).rstrip("/").rpartition("/")[2]
        try:
            if not is_id(wanted, "subs"):
                raise NotFound("No such subscription.")
            whole = await asyncio.to_thread(read, house, wanted)
        except NotFound:
            self.facts, self.may = NO_FACTS, dict.fromkeys(ACTS, False)
            self.missing = self.ready = True
            return
        at, row = house.desk.clock(), whole.row
        self.facts = facts_of(whole, at)
        self.may = may(whole)
        shown = [line_row(line, whole.meters, at) for line in whole.lines]
        self.lines = sorted(shown, key=lambda line: line["is_over"])
        self.addons = [addon_row(kept, at) for kept in reversed(whole.addons)]
        self.billed = [invoice_row(each, at, for_operator=True) for each in whole.billed]
        self.history = history_rows(row, whole.lines, whole.pauses, whole.billed, whole.addons, whole.names, at)
        self.next_refused = whole.refused
        self.next_lines, self.next_sums, self.next_total, self.next_words = [], [], "", ""
        if whole.preview is not None:
            self.next_lines, self.next_sums = draft_lines(whole.preview.draft), draft_sums(whole.preview)
            self.next_total = present.fiat(whole.preview.draft.total)
            self.next_words = t("admin_subscriptions.next.words", day=present.date(row.cancel_at or row.period_end))
        self.ready, self.missing = True, False


def _do(house: Services, work: Callable[[Connection], Outcome], action: str, actor: str) -> Outcome:
    with house.db.write() as connection:
        done = work(connection)
        asking.noted(connection, done, action, actor, house.desk.clock())
        return done


def _plans(house: Services) -> list[tuple[str, str]]:
    with house.db.read() as connection:
        return asking.plans_on_offer(connection)


def _addons(house: Services, subscription_id: str) -> list[tuple[str, str]]:
    with house.db.read() as connection:
        row = subscriptions.find(connection, subscription_id)
        return asking.addons_on_offer(connection, row, house.desk.clock())


def _rhythms(house: Services, plan_id: str, currency: str) -> list[tuple[str, int]]:
    with house.db.read() as connection:
        found = asking.rhythms_of(connection, plan_id, house.desk.clock())
    return [(unit, count) for known, unit, count in found if known == currency]
