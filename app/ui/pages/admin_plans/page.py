"""`/admin/plans` drawn: the plans at the left, the one that is open at the right."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, check, column, empty_state, icon_button, link_button, panel, row, skeleton, var
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_plans.dialogs import dialogs
from app.ui.pages.admin_plans.state import PlansState
from app.ui.roles import Role

STATE = var(PlansState)


@page("/admin/plans", title=t("admin_plans.title"), role=Role.OPERATOR, on_load=PlansState.load)
def admin_plans() -> rx.Component:
    return shell(
        rx.cond(
            PlansState.ready & (STATE.rows.length() == 0),
            _no_plan(),
            rx.el.div(_plans(), _open_plan(), class_name="fb-route-page"),
        ),
        *dialogs(),
        here="plans",
        title=t("admin_plans.title"),
        area=Role.OPERATOR,
        actions=[_new_plan(key="n")],
    )


def _new_plan(**props: Any) -> rx.Component:
    return button(t("admin_plans.new"), kind="solid", icon_name="plus", on_click=STATE.new_plan, **props)


def _plans() -> rx.Component:
    filled = rx.el.ul(rx.foreach(PlansState.rows, _plan), class_name="fb-route-list")
    return panel(
        t("admin_plans.title"),
        rx.cond(PlansState.ready, filled, _waiting()),
        flush=True,
    )


def _no_plan() -> rx.Component:
    return empty_state("layers", t("admin_plans.empty.title"), t("admin_plans.empty.sentence"), _new_plan())


def _plan(one: Any) -> rx.Component:
    is_open = PlansState.chosen["id"] == one["id"]
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                rx.el.span(one["name"], class_name="fb-medium fb-cut", title=one["name"]),
                rx.el.span(one["summary"], class_name="fb-small fb-cut"),
                class_name="fb-route-alias",
            ),
            type="button",
            class_name="fb-route-item",
            on_click=STATE.open_plan(one["id"]),
            custom_attrs={"aria-current": rx.cond(is_open, "true", "false"), "data-testid": "plan"},
        ),
        key=one["id"],
    )


def _open_plan() -> rx.Component:
    prices = rx.el.ul(rx.foreach(PlansState.prices, _price), class_name="fb-entries")
    promises = rx.el.ul(rx.foreach(PlansState.promises, _promise), class_name="fb-entries")
    shown = column(
        panel(
            PlansState.chosen["name"],
            rx.cond(
                STATE.prices.length() > 0, prices, rx.el.p(t("admin_plans.price.none"), class_name="fb-text-2 p-4")
            ),
            detail=PlansState.subtitle,
            class_name="fb-head-wraps",
            actions=[
                link_button(
                    PlansState.subscribers,
                    href=PlansState.subscribers_href,
                    kind="ghost",
                    size="small",
                    icon_name="repeat",
                    custom_attrs={"data-testid": "subscribers"},
                ),
                check(t("admin_plans.price.ended"), checked=PlansState.with_ended, on_change=STATE.choose_ended),
                button(t("admin_plans.edit"), size="small", on_click=STATE.edit_plan),
                button(
                    t("admin_plans.price.new"),
                    size="small",
                    icon_name="plus",
                    on_click=STATE.new_price,
                    custom_attrs={"data-testid": "new-price"},
                ),
            ],
            flush=True,
        ),
        panel(
            t("admin_plans.promise.title"),
            rx.cond(
                STATE.promises.length() > 0,
                promises,
                rx.el.p(t("admin_plans.promise.none"), class_name="fb-text-2 p-4"),
            ),
            actions=[
                button(
                    t("admin_plans.promise.new"),
                    size="small",
                    icon_name="plus",
                    on_click=STATE.new_promise,
                    custom_attrs={"data-testid": "new-promise"},
                )
            ],
            flush=True,
        ),
        rx.cond(
            STATE.grants.length() > 0,
            panel(
                t("admin_plans.grant.title"),
                rx.el.ul(rx.foreach(PlansState.grants, _grant), class_name="fb-entries"),
                detail=t("admin_plans.grant.detail"),
                flush=True,
                custom_attrs={"data-testid": "grants"},
            ),
        ),
        class_name="gap-[14px]",
    )
    return rx.cond(PlansState.chosen["id"] != "", shown)


def _price(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                rx.el.span(one["name"], class_name="fb-strong fb-cut", title=one["name"]),
                rx.cond(one["when"] != "", rx.el.span(one["when"], class_name="fb-small fb-cut", title=one["when"])),
                class_name="flex-1 gap-[2px] min-w-0",
            ),
            column(
                rx.el.b(one["cost"], class_name="fb-num"),
                rx.el.span(one["since"], class_name="fb-small fb-num"),
                class_name="items-end",
            ),
            rx.cond(
                ~one["is_ended"],
                row(
                    rx.cond(
                        one["may_change"],
                        icon_button("pencil", t("admin_plans.price.change"), on_click=STATE.change_price(one["id"])),
                    ),
                    icon_button("ban", t("admin_plans.price.end"), on_click=STATE.end_price(one["id"])),
                    class_name="gap-[2px]",
                ),
            ),
            class_name="fb-price-row",
        ),
        key=one["id"],
        custom_attrs={"data-quiet": rx.cond(one["is_ended"], "true", "false")},
    )


def _promise(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.span(one["feature"], class_name="fb-medium fb-cut flex-1", title=one["feature"]),
            rx.el.span(one["promise"], class_name="fb-num"),
            icon_button("x", t("admin_plans.promise.drop"), on_click=STATE.drop_promise(one["id"])),
            class_name="fb-entry",
        ),
        key=one["id"],
        custom_attrs={"data-quiet": rx.cond(one["is_off"], "true", "false")},
    )


def _grant(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.span(one["name"], class_name="fb-medium fb-cut flex-1", title=one["name"]),
            rx.el.span(
                rx.el.b(one["credits"], class_name="fb-num"),
                rx.el.span(one["when"], class_name="fb-small"),
                class_name="flex flex-col items-end",
            ),
            class_name="fb-entry",
        ),
        key=one["id"],
    )


def _waiting() -> rx.Component:
    return column(*[skeleton("100%", "34px") for _ in range(3)], class_name="gap-4 p-4")
