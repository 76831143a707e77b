"""What the page of a subscription shows, read at once: its terms, its prices, its invoices, and the next one."""

from dataclasses import dataclass
from typing import Any, TypedDict

from sqlalchemy import Connection, Row, select

from app.accounts.tables import User
from app.billing import addons, drafts, invoices, subscriptions
from app.billing.drafts import Built
from app.billing.lifecycle import State
from app.billing.payment_terms import net_days
from app.kernel.db import metadata
from app.kernel.errors import FareboxError
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.metering import meter_book
from app.plans import customers
from app.plans import tables as plans
from app.services import Services
from app.ui import present
from app.ui.pages.admin_subscriptions import asking
from app.ui.pages.admin_subscriptions.rows import TONES, note, period_words, state_word
from app.ui.pages.billed.rows import span

MOST_INVOICES = 50
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
    addons: list[Row[Any]]
    takes_addons: bool  # there is one that could be added
    preview: Built | None
    refused: str


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
        terms=t("admin_subscriptions.terms_days", days=net_days(row.agreed, at)),
        coupons=", ".join(whole.coupons),
        cycle=t(f"admin_subscriptions.cycle.{row.billing_cycle}"),
        key=row.lookup_key or "",
    )


def _days(row: Row[Any]) -> str:
    """`9 Nov – 9 Dec`."""
    return f"{present.short_date(row.period_start)} {present.NOTHING} {present.short_date(row.period_end)}"


def may(whole: Whole) -> dict[str, bool]:
    """What can be done about it now."""
    row = whole.row
    state, waits_to_end = State(row.state), row.cancel_at is not None and row.cancel_at != row.end_at
    return {
        "cancel": state in _ALIVE and not waits_to_end,
        "keep": state in _ALIVE and waits_to_end,
        "pause": state == State.ACTIVE,
        "resume": state == State.PAUSED,
        "change": state in (State.ACTIVE, State.TRIALING) and not row.next_plan,
        "keep_plan": state in _ALIVE and bool(row.next_plan),
        "add_addon": state in _ALIVE and whole.takes_addons,
        "drop_addon": False,
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
            list(billed), meters, names, coupons, addons.of_subscription(connection, row.id),
            bool(asking.addons_on_offer(connection, row, house.desk.clock())), preview, refused,
        )  # fmt: skip


def _names(connection: Connection, actors: set[str]) -> dict[str, str]:
    user = metadata.tables[str(User.__tablename__)].c
    return dict(connection.execute(select(user.id, user.name).where(user.id.in_(sorted(actors)))).tuples().all())


def _preview(connection: Connection, row: Row[Any], house: Services) -> tuple[Built | None, str]:
    """What it would be billed if its period ended now; nothing for one that is over or has not begun."""
    if row.state not in (State.ACTIVE, State.TRIALING, State.PAUSED):
        return None, ""
    try:
        return drafts.preview(connection, row.id, now=house.desk.clock())[1], ""
    except FareboxError as refused:
        return None, refused.message
