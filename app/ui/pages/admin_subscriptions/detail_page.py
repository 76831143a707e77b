"""`/admin/subscriptions/[subscription]` drawn: prices and invoices, the next invoice and the past beside."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    column,
    copyable,
    definition,
    empty_state,
    icon,
    icon_button,
    kpi,
    kpi_strip,
    link_button,
    notice,
    panel,
    row,
    skeleton,
    text_link,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_subscriptions.detail_state import SubscriptionState
from app.ui.pages.admin_subscriptions.dialogs import act_dialog
from app.ui.pages.billed.view import billed_dialog, billed_slip, invoice_table
from app.ui.roles import Role

STATE = var(SubscriptionState)
FACTS = STATE.facts


@page(
    "/admin/subscriptions/[subscription]",
    title=t("admin_subscriptions.one"),
    role=Role.OPERATOR,
    on_load=SubscriptionState.load,
)
def admin_subscription() -> rx.Component:
    nobody = empty_state(
        "repeat",
        t("admin_subscriptions.gone.title"),
        t("admin_subscriptions.gone.sentence"),
        link_button(t("admin_subscriptions.gone.action"), href="/admin/subscriptions"),
    )
    return shell(
        rx.cond(SubscriptionState.missing, nobody, _whole()),
        act_dialog(),
        billed_dialog(),
        here="subscriptions",
        title=rx.cond(FACTS["customer"] != "", FACTS["customer"], t("admin_subscriptions.one")),
        area=Role.OPERATOR,
        crumbs=[(t("admin_subscriptions.title"), "/admin/subscriptions")],
    )


def _whole() -> rx.Component:
    return column(
        row(
            chip(FACTS["state"], tone=FACTS["tone"], custom_attrs={"data-testid": "state"}),
            rx.cond(FACTS["id"] != "", copyable(FACTS["id"], primary=True)),
            rx.cond(
                FACTS["customer"] != "",
                text_link(FACTS["customer"], href=FACTS["customer_href"], class_name="fb-cut"),
            ),
            rx.el.span(class_name="flex-1"),
            _act("cancel", "circle-x", kind="ghost"),
            _act("pause", "pause"),
            _act("resume", "play", kind="solid"),
            _act("change", "arrow-right-left"),
            class_name="flex-wrap",
        ),
        _waits(),
        kpi_strip(
            kpi(t("admin_subscriptions.column.plan"), FACTS["plan"], FACTS["rhythm"]),
            kpi(t("admin_subscriptions.column.period"), FACTS["period"], FACTS["days_left"]),
            kpi(
                t("admin_subscriptions.next.title"),
                rx.cond(STATE.next_total != "", STATE.next_total, "–"),
                STATE.next_words,
            ),
            ready=STATE.ready,
            label=t("admin_subscriptions.one"),
        ),
        rx.el.div(
            column(_lines(), _addons(), _invoices(), class_name="gap-[14px]"),
            column(_next(), _history(), _about(), class_name="gap-[14px]"),
            class_name="fb-today",
        ),
        class_name="gap-[14px]",
    )


def _act(doing: str, icon_name: str, *, kind: Any = "outline", size: Any = "control") -> rx.Component:
    return rx.cond(
        STATE.may[doing],
        button(
            t(f"admin_subscriptions.act.{doing}"),
            kind=kind,
            size=size,
            icon_name=icon_name,
            on_click=STATE.begin(doing),
            custom_attrs={"data-testid": f"begin-{doing}"},
        ),
    )


def _waits() -> rx.Component:
    """What is about to happen, and the way back."""
    back = [
        rx.cond(
            STATE.may[doing],
            button(
                t(f"admin_subscriptions.act.{doing}"),
                size="small",
                icon_name="undo-2",
                on_click=STATE.begin(doing),
                custom_attrs={"data-testid": f"begin-{doing}"},
            ),
        )
        for doing in ("keep", "keep_plan")
    ]
    return rx.cond(
        (FACTS["note"] != "") & (STATE.may["keep"] | STATE.may["keep_plan"]), notice(FACTS["note"], *back, tone="thin")
    )


def _lines() -> rx.Component:
    filled = rx.el.ul(rx.foreach(STATE.lines, _line), class_name="fb-entries")
    nothing = rx.el.p(t("admin_subscriptions.line.none"), class_name="fb-text-2 p-[14px]")
    return panel(
        t("admin_subscriptions.line.title"),
        rx.cond(STATE.ready, rx.cond(STATE.lines.length() > 0, filled, nothing), _waiting()),
        detail=t("admin_subscriptions.line.pinned"),
        flush=True,
        custom_attrs={"data-testid": "lines"},
    )


def _line(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                rx.el.span(one["name"], class_name="fb-strong fb-cut", title=one["name"]),
                rx.el.span(one["plan"], class_name="fb-small fb-cut"),
                class_name="flex-1 gap-[2px] min-w-0",
            ),
            column(
                row(
                    rx.cond(one["quantity"] != "", rx.el.span(one["quantity"], " × ", class_name="fb-num fb-text-2")),
                    rx.el.b(one["cost"], class_name="fb-num"),
                    class_name="gap-1",
                ),
                rx.el.span(one["when"], class_name="fb-small fb-num"),
                class_name="items-end",
            ),
            class_name="fb-price-row",
        ),
        key=one["id"],
        custom_attrs={"data-quiet": rx.cond(one["is_over"], "true", "false")},
    )


def _addons() -> rx.Component:
    filled = rx.el.ul(rx.foreach(STATE.addons, _addon), class_name="fb-entries")
    nothing = rx.el.p(t("admin_subscriptions.addon.none"), class_name="fb-text-2 p-[14px]")
    shown = panel(
        t("admin_subscriptions.addon.title"),
        rx.cond(STATE.addons.length() > 0, filled, nothing),
        actions=[_act("add_addon", "plus", size="small")],
        flush=True,
        custom_attrs={"data-testid": "addons"},
    )
    return rx.cond(STATE.ready & (STATE.may["add_addon"] | (STATE.addons.length() > 0)), shown)


def _addon(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                rx.el.span(one["name"], class_name="fb-strong fb-cut", title=one["name"]),
                rx.el.span(one["when"], class_name="fb-small fb-num"),
                class_name="flex-1 gap-[2px] min-w-0",
            ),
            chip(one["state"], tone=one["tone"]),
            rx.cond(
                one["may_drop"],
                icon_button(
                    "circle-minus",
                    t("admin_subscriptions.act.drop_addon"),
                    on_click=STATE.begin_drop(one["id"]),
                    custom_attrs={"data-testid": "drop-addon"},
                ),
            ),
            class_name="fb-price-row",
        ),
        key=one["id"],
        custom_attrs={"data-quiet": rx.cond(one["is_over"], "true", "false")},
    )


def _invoices() -> rx.Component:
    return panel(
        t("admin_subscriptions.invoices.title"),
        invoice_table(
            STATE.billed,
            label=t("admin_subscriptions.invoices.title"),
            ready=STATE.ready,
            empty=rx.el.p(t("admin_subscriptions.invoices.none"), class_name="fb-text-2 p-[14px]"),
            on_issue=STATE.begin_issue,
        ),
        flush=True,
        custom_attrs={"data-testid": "invoices"},
    )


def _next() -> rx.Component:
    """The invoice of the running period, as it would be now."""
    shown = billed_slip(
        STATE.next_lines,
        STATE.next_sums,
        STATE.next_total,
        title=t("admin_subscriptions.next.total"),
        note=rx.cond(
            FACTS["carried"] != "",
            rx.el.p(t("admin_subscriptions.next.carried"), " ", FACTS["carried"], class_name="fb-small"),
        ),
    )
    nothing = rx.el.p(t("admin_subscriptions.next.none"), class_name="fb-text-2")
    return panel(
        t("admin_subscriptions.next.title"),
        rx.cond(
            STATE.ready,
            rx.cond(
                STATE.next_refused != "",
                notice(STATE.next_refused),
                rx.cond(STATE.next_total != "", shown, nothing),
            ),
            skeleton("100%", "120px"),
        ),
        detail=STATE.next_words,
        custom_attrs={"data-testid": "next-invoice"},
    )


def _history() -> rx.Component:
    return panel(
        t("admin_subscriptions.history.title"),
        rx.el.ul(rx.foreach(STATE.history, _moment), class_name="fb-entries"),
        flush=True,
        custom_attrs={"data-testid": "history"},
    )


def _moment(one: Any) -> rx.Component:
    shapes = (
        "plus",
        "hourglass",
        "pause",
        "play",
        "arrow-right-left",
        "receipt-text",
        "circle-check",
        "ban",
        "circle-x",
    )
    drawn = [(shape, icon(shape, 15, class_name="fb-text-2")) for shape in shapes]
    return rx.el.li(
        rx.match(one["icon"], *drawn, rx.fragment()),
        rx.el.span(
            rx.el.span(one["what"], class_name="fb-medium"),
            rx.cond(one["detail"] != "", rx.el.span(one["detail"], class_name="fb-small fb-num")),
            class_name="flex flex-col flex-1 min-w-0",
        ),
        rx.el.time(one["time"], title=one["whole_time"], class_name="fb-small fb-num"),
        class_name="fb-entry",
        key=one["key"],
    )


def _about() -> rx.Component:
    def where(name: str, label: str) -> rx.Component:
        return rx.cond(FACTS[name] != "", definition(label, rx.el.span(FACTS[name], class_name="fb-num")))

    return panel(
        t("admin_subscriptions.about.title"),
        definition(t("admin_subscriptions.column.plan"), text_link(FACTS["plan"], href=FACTS["plan_href"])),
        where("started", t("admin_subscriptions.column.started")),
        where("trial", t("admin_subscriptions.about.trial")),
        where("cycle", t("admin_subscriptions.cycle.label")),
        where("currency", t("admin_plans.form.currency")),
        where("terms", t("admin_subscriptions.about.terms")),
        where("coupons", t("admin_subscriptions.about.coupons")),
        where("key", t("admin_plans.form.lookup_key")),
    )


def _waiting() -> rx.Component:
    return column(*[skeleton("100%", "30px") for _ in range(3)], class_name="gap-3 p-[14px]")
