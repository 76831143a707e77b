"""`/admin/mirror` drawn: how it stands, what was refused, both sides' amounts, and how far usage was told."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    chip,
    column,
    copyable,
    data_table,
    decision,
    definition,
    dialog,
    empty_state,
    field,
    kpi,
    kpi_strip,
    notice,
    panel,
    row,
    text_input,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_mirror.state import MirrorState
from app.ui.roles import Role

STATE = var(MirrorState)


@page("/admin/mirror", title=t("admin_mirror.title"), role=Role.OPERATOR, on_load=MirrorState.load)
def admin_mirror() -> rx.Component:
    return shell(
        rx.cond(MirrorState.ready & ~STATE.is_on, _off(), _on()),
        _backfill(),
        _plan(),
        _anew(),
        here="mirror",
        title=t("admin_mirror.title"),
        area=Role.OPERATOR,
        actions=[
            rx.cond(MirrorState.is_on, button(t("admin_mirror.refresh"), icon_name="refresh-cw", on_click=STATE.look))
        ],
    )


def _off() -> rx.Component:
    return empty_state("flip-horizontal", t("admin_mirror.off.title"), t("admin_mirror.off.sentence"))


def _on() -> rx.Component:
    return column(
        rx.cond(
            MirrorState.is_elsewhere,
            notice(
                t("admin_mirror.elsewhere"),
                button(t("admin_mirror.anew.open"), on_click=STATE.ask("anew")),
                title=t("admin_mirror.elsewhere_title"),
            ),
        ),
        rx.cond(
            MirrorState.error != "",
            notice(
                MirrorState.error,
                rx.el.span(t("admin_mirror.retry_at"), " ", MirrorState.retry, class_name="fb-small"),
                title=t("admin_mirror.down_title"),
            ),
        ),
        rx.cond((MirrorState.asking == "") & (MirrorState.problem != ""), notice(MirrorState.problem)),
        _figures(),
        _refused(),
        _amounts(),
        _usage(),
        _where(),
        class_name="gap-[14px]",
    )


def _figures() -> rx.Component:
    one = MirrorState.head
    return kpi_strip(
        kpi(t("admin_mirror.kpi.remote"), one["state"], one["since"], caption_tone=one["tone"]),
        kpi(t("admin_mirror.kpi.backlog"), one["backlog"], one["things"]),
        kpi(t("admin_mirror.kpi.refused"), one["refused"], t("admin_mirror.kpi.refused_caption")),
        kpi(t("admin_mirror.kpi.differences"), one["differences"], one["compared"]),
        ready=MirrorState.ready,
        label=t("admin_mirror.title"),
    )


def _refused() -> rx.Component:
    return panel(
        t("admin_mirror.refused.title"),
        data_table(
            [
                Column(t("admin_mirror.refused.what"), lambda one: one["word"], width="8rem"),
                Column(t("admin_mirror.refused.id"), lambda one: copyable(one["our_id"], one["short"])),
                Column(t("admin_mirror.refused.why"), _why, grow=True, wide_only=True),
                Column(t("admin_mirror.refused.tries"), lambda one: one["tries"], numeric=True, wide_only=True),
                Column(t("admin_mirror.refused.state"), lambda one: chip(one["when"], tone=one["tone"])),
                Column("", _act),
            ],
            MirrorState.refused,
            label=t("admin_mirror.refused.title"),
            phone=lambda one: rx.el.div(
                two_line(one["word"], one["short"], one["when"], one["tries"]),
                rx.el.p(one["error"], class_name="fb-small fb-anywhere px-[14px] pb-2"),
                rx.el.div(_act(one), class_name="px-[14px] pb-3"),
            ),
            loading=~STATE.ready,
            empty=empty_state(
                "check", t("admin_mirror.refused.none"), t("admin_mirror.refused.none_words"), compact=True
            ),
        ),
        actions=[
            rx.cond(
                var(MirrorState.refused).length() > 0,
                button(t("admin_mirror.refused.all"), size="small", on_click=STATE.send_all_again),
            )
        ],
        flush=True,
    )


def _why(one: Any) -> rx.Component:
    return rx.el.span(one["error"], class_name="fb-text-2 fb-anywhere fb-block py-1")


def _act(one: Any) -> rx.Component:
    return row(
        rx.cond(
            one["is_plan"],
            button(t("admin_mirror.plan.open"), size="small", on_click=STATE.ask_plan(one["our_id"])),
        ),
        button(
            t("admin_mirror.refused.again"),
            size="small",
            on_click=STATE.send_again(one["kind"], one["our_id"]),
            custom_attrs={"data-testid": "send-again"},
        ),
    )


def _amounts() -> rx.Component:
    return panel(
        t("admin_mirror.amounts.title"),
        data_table(
            [
                Column(t("admin_mirror.amounts.customer"), lambda one: one["customer"], grow=True),
                Column(t("admin_mirror.amounts.what"), lambda one: one["what"], wide_only=True),
                Column(t("admin_mirror.amounts.ours"), lambda one: one["ours"], numeric=True),
                Column(t("admin_mirror.amounts.theirs"), lambda one: one["theirs"], numeric=True),
                Column(t("admin_mirror.amounts.difference"), lambda one: chip(one["difference"], tone=one["tone"])),
                Column(t("admin_mirror.amounts.checked"), lambda one: one["checked"], numeric=True, wide_only=True),
            ],
            MirrorState.pairs,
            label=t("admin_mirror.amounts.title"),
            phone=lambda one: two_line(one["customer"], one["what"], one["theirs"], one["difference"]),
            loading=~STATE.ready,
            empty=empty_state(
                "scale", t("admin_mirror.amounts.none"), t("admin_mirror.amounts.none_words"), compact=True
            ),
        ),
        detail=t("admin_mirror.amounts.detail"),
        actions=[button(t("admin_mirror.amounts.compare"), size="small", on_click=STATE.compare)],
        flush=True,
    )


def _usage() -> rx.Component:
    return panel(
        t("admin_mirror.usage.title"),
        data_table(
            [
                Column(t("admin_mirror.usage.which"), lambda one: one["name"], grow=True),
                Column(t("admin_mirror.usage.begun"), lambda one: one["begun"], wide_only=True),
                Column(t("admin_mirror.usage.sent"), lambda one: one["sent"], numeric=True),
                Column(t("admin_mirror.usage.waiting"), lambda one: one["waiting"], numeric=True),
                Column(t("admin_mirror.usage.refused"), lambda one: one["refused"], numeric=True, wide_only=True),
                Column(t("admin_mirror.usage.state"), lambda one: chip(one["state"], tone=one["tone"])),
            ],
            MirrorState.feeds,
            label=t("admin_mirror.usage.title"),
            phone=lambda one: two_line(one["name"], one["begun"], one["sent"], one["state"]),
            loading=~STATE.ready,
            empty=empty_state(
                "history", t("admin_mirror.usage.none"), t("admin_mirror.usage.none_words"), compact=True
            ),
        ),
        actions=[
            button(
                t("admin_mirror.backfill.open"),
                size="small",
                on_click=STATE.ask("backfill"),
                custom_attrs={"data-testid": "backfill"},
            )
        ],
        flush=True,
    )


def _where() -> rx.Component:
    return panel(
        t("admin_mirror.where.title"),
        column(
            definition(t("admin_mirror.where.remote"), copyable(MirrorState.url)),
            definition(t("admin_mirror.where.hooks"), copyable(MirrorState.hook_url)),
            rx.cond(
                MirrorState.takes_hooks,
                None,
                rx.el.p(t("admin_mirror.where.no_secret"), class_name="fb-small"),
            ),
        ),
    )


# ---- dialogs ----


def _backfill() -> rx.Component:
    return _dialog(
        "backfill",
        field(
            t("admin_mirror.backfill.since"),
            text_input(id="mirror-since", type="date", on_change=STATE.write_since),
            hint=t("admin_mirror.backfill.hint"),
            error=MirrorState.problem,
            for_id="mirror-since",
        ),
        STATE.backfill,
    )


def _plan() -> rx.Component:
    return _dialog(
        "plan",
        field(
            t("admin_mirror.plan.there"),
            text_input(id="mirror-plan", on_change=STATE.write_plan, mono=True, auto_complete="off"),
            hint=t("admin_mirror.plan.hint"),
            error=MirrorState.problem,
            for_id="mirror-plan",
        ),
        STATE.pair,
    )


def _anew() -> rx.Component:
    return _dialog("anew", notice(t("admin_mirror.anew.warning"), tone="thin"), STATE.begin_anew)


def _dialog(what: str, body: rx.Component, on_click: Any) -> rx.Component:
    act = t(f"admin_mirror.{what}.act")
    return dialog(
        body,
        title=act,
        detail=t(f"admin_mirror.{what}.detail"),
        footer=decision(act, on_click, test_id=f"mirror-{what}"),
        is_open=MirrorState.asking == what,
        on_open_change=STATE.asked,
    )
