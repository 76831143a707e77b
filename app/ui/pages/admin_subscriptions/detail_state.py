"""One subscription: its prices, its next invoice, what became of it, and what is done about it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypedDict

import reflex as rx
from sqlalchemy import Connection, Row, select

from app import services
from app.accounts.tables import User
from app.billing import closing, invoices, subscriptions
from app.billing.drafts import Built
from app.billing.lifecycle import State
from app.billing.trying import tried
from app.kernel.db import metadata
from app.kernel.errors import FareboxError, NotFound
from app.kernel.fiat import Fiat
from app.kernel.ids import is_id, new_id
from app.kernel.text import t
from app.metering import meter_book
from app.plans import customers
from app.plans import tables as plans
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_subscriptions import asking
from app.ui.pages.admin_subscriptions.asking import LATER, NOW, Outcome
from app.ui.pages.admin_subscriptions.rows import (
    TONES,
    ChangeRow,
    Choice,
    LineRow,
    MomentRow,
    balance_words,
    change_rows,
    history_rows,
    line_row,
    note,
    period_words,
    state_word,
)
from app.ui.pages.billed.rows import InvoiceRow, SumRow, draft_lines, draft_sums, invoice_row, span
from app.ui.pages.billed.rows import LineRow as BilledRow
from app.ui.roles import Role

MOST_INVOICES = 50
LONGEST = 300
#: What is done about a subscription; each asks first.
ACTS = ("cancel", "keep", "pause", "resume", "change", "keep_plan", "issue")
_ALIVE = (State.ACTIVE, State.TRIALING, State.INCOMPLETE, State.PAUSED, State.DRAFT)


class Facts(TypedDict):
    id: str
    customer: str
    customer_href: str
    plan: str
    plan_href: str
    state: str
    tone: str
    note: str
    period: str
    days_left: str
    rhythm: str
    started: str
    trial: str
    currency: str
    carried: str
    terms: str
    coupons: str
    cycle: str
    key: str


NO_FACTS: Facts = Facts(**dict.fromkeys(Facts.__annotations__, ""))  # type: ignore[typeddict-item]


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything the page shows, read at once."""

    row: Row[Any]
    customer: str
    workspace_id: str
    plan: str
    lines: list[Row[Any]]
    pauses: list[Row[Any]]
    billed: list[Row[Any]]
    meters: dict[str, str]
    names: dict[str, str]
    coupons: list[str]
    preview: Built | None
    refused: str


class SubscriptionState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    missing: bool = False
    facts: Facts = NO_FACTS
    may: dict[str, bool] = dict.fromkeys(ACTS, False)
    lines: list[LineRow] = []
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
    rhythm: str = ""
    rhythms: list[Choice] = []
    changes: list[ChangeRow] = []
    net_name: str = ""
    net: str = ""
    means: str = ""
    error: str = ""
    _subject: str = ""  # of the draft that is to be issued

    @rx.event
    async def load(self):
        """A visit: the subscription the address names."""
        self.ready = self.missing = False
        self.doing = ""
        await self._show()

    # ---- the dialogs ----

    @rx.event
    async def begin(self, doing: str):
        """Ask before something is done."""
        if doing not in ACTS or doing == "issue" or not self.may[doing]:
            return
        self._open(str(doing))
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
            self.error = t("admin_subscriptions.missing.plan")
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
        self.when, self.reason, self.prorate, self.invoice = LATER if doing == "cancel" else NOW, "", True, True
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
                return lambda c: asking.resume(c, key, now=now)
            case "keep":
                return lambda c: asking.keep(c, key, now=now)
            case "keep_plan":
                return lambda c: asking.keep_plan(c, key, now=now)
            case "issue":
                return lambda c: asking.issue(c, key, subject, now=now)
        if not (self.plan and self.rhythm):
            return None
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
        later = self.when == LATER and doing in ("cancel", "change")
        if doing == "keep":
            return t("admin_subscriptions.keep.means", day=end)
        if doing in ("cancel", "change") and not later and outcome.invoice is not None:
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
        self.may = may(row)
        shown = [line_row(line, whole.meters, at) for line in whole.lines]
        self.lines = sorted(shown, key=lambda line: line["is_over"])
        self.billed = [invoice_row(each, at, for_operator=True) for each in whole.billed]
        self.history = history_rows(row, whole.lines, whole.pauses, whole.billed, whole.names, at)
        self.next_refused = whole.refused
        self.next_lines, self.next_sums, self.next_total, self.next_words = [], [], "", ""
        if whole.preview is not None:
            self.next_lines, self.next_sums = draft_lines(whole.preview.draft), draft_sums(whole.preview)
            self.next_total = present.fiat(whole.preview.draft.total)
            self.next_words = t("admin_subscriptions.next.words", day=present.date(row.cancel_at or row.period_end))
        self.ready, self.missing = True, False


def facts_of(whole: Whole, at: Any) -> Facts:
    """The head of the page."""
    row = whole.row
    left = max((row.period_end - at).days, 0)
    is_over = row.state == State.CANCELLED
    return Facts(
        id=row.id,
        customer=whole.customer,
        customer_href=f"/admin/customers/{whole.workspace_id}",
        plan=whole.plan,
        plan_href=f"/admin/plans?plan={row.plan_id}",
        state=state_word(row.state),
        tone=TONES.get(row.state, "neutral"),
        note=note(row, at),
        period=present.NOTHING if is_over else _days(row),
        days_left="" if is_over else t("admin_subscriptions.days_left", count=present.count(left)),
        rhythm=period_words(row.billing_period, row.billing_period_count),
        started=present.date(row.start_at),
        trial=span(row.trial_start, row.trial_end) if row.trial_end else "",
        currency=row.currency,
        carried=present.fiat(Fiat(row.carried, row.currency)) if row.carried else "",
        terms=t("admin_subscriptions.terms_days", days=invoices.net_days(row.agreed, at)),
        coupons=", ".join(whole.coupons),
        cycle=t(f"admin_subscriptions.cycle.{row.billing_cycle}"),
        key=row.lookup_key or "",
    )


def _days(row: Row[Any]) -> str:
    """`9 Nov – 9 Dec`."""
    return f"{present.short_date(row.period_start)} {present.NOTHING} {present.short_date(row.period_end)}"


def may(row: Row[Any]) -> dict[str, bool]:
    """What can be done about it now."""
    state, waits_to_end = State(row.state), row.cancel_at is not None and row.cancel_at != row.end_at
    return {
        "cancel": state in _ALIVE and not waits_to_end,
        "keep": state in _ALIVE and waits_to_end,
        "pause": state == State.ACTIVE,
        "resume": state == State.PAUSED,
        "change": state in (State.ACTIVE, State.TRIALING) and not row.next_plan,
        "keep_plan": state in _ALIVE and bool(row.next_plan),
        "issue": False,
    }


def read(house: Services, subscription_id: str) -> Whole:
    """The subscription with all that hangs on it, and the invoice it would get."""
    invoice = invoices.INVOICE
    with house.db.read() as connection:
        row = subscriptions.find(connection, subscription_id)
        customer = customers.get(connection, row.customer_id)
        plan = connection.execute(select(plans.plan.c.name).where(plans.plan.c.id == row.plan_id)).scalar() or ""
        found = select(invoice).where(invoice.c.subscription_id == row.id)
        billed = connection.execute(
            found.order_by(invoice.c.created_at.desc(), invoice.c.id.desc()).limit(MOST_INVOICES)
        )
        pauses = subscriptions.pauses_of(connection, row.id)
        meters = {meter.id: meter.name for meter in meter_book.every(connection)}
        ids = sorted({str(each["coupon_id"]) for each in row.agreed.get("coupons") or ()})
        coupon = plans.coupon.c
        coupons = list(
            connection.execute(select(coupon.name).where(coupon.id.in_(ids)).order_by(coupon.name)).scalars()
        )
        preview, refused = _preview(connection, row, house)
        names = _names(connection, {row.created_by, *(pause.created_by for pause in pauses)})
        return Whole(
            row, customer.name, customer.workspace_id, plan, subscriptions.lines_of(connection, row.id), pauses,
            list(billed), meters, names, coupons, preview, refused,
        )  # fmt: skip


def _names(connection: Connection, actors: set[str]) -> dict[str, str]:
    user = metadata.tables[str(User.__tablename__)].c
    return dict(connection.execute(select(user.id, user.name).where(user.id.in_(sorted(actors)))).tuples().all())


def _preview(connection: Connection, row: Row[Any], house: Services) -> tuple[Built | None, str]:
    """What it would be billed if its period ended now; nothing for one that is over or has not begun."""
    if row.state not in (State.ACTIVE, State.TRIALING, State.PAUSED):
        return None, ""
    try:
        return closing.preview(connection, row.id, now=house.desk.clock())[1], ""
    except FareboxError as refused:
        return None, refused.message


def _do(house: Services, work: Callable[[Connection], Outcome], action: str, actor: str) -> Outcome:
    with house.db.write() as connection:
        done = work(connection)
        asking.noted(connection, done, action, actor, house.desk.clock())
        return done


def _plans(house: Services) -> list[tuple[str, str]]:
    with house.db.read() as connection:
        return asking.plans_on_offer(connection)


def _rhythms(house: Services, plan_id: str, currency: str) -> list[tuple[str, int]]:
    with house.db.read() as connection:
        found = asking.rhythms_of(connection, plan_id, house.desk.clock())
    return [(unit, count) for known, unit, count in found if known == currency]
