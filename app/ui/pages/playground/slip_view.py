"""The price at the foot of the form: the slip with its reason, and the button that bears it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    fare_slip,
    icon,
    icon_button,
    link_button,
    notice,
    row,
    skeleton,
    slip_line,
    slip_reason,
    slip_total,
    var,
)
from app.ui.pages.playground.form_state import FormState
from app.ui.pages.playground.slip import SlipLine
from app.ui.pages.playground.widgets import PoliteText
from app.ui.pages.playground.work_state import WorkState

FORM = var(FormState)
WORK = var(WorkState)

#: A second press within this time is the same press.
PRESS_MS = 500


def run_dock() -> rx.Component:
    """Slip, Run, and what is paid for. On a phone the slip is one line that opens upwards."""
    return rx.fragment(
        _brief(),
        rx.el.div(
            _slip(), class_name="fb-play-slip", custom_attrs={"data-open": rx.cond(FORM.slip_open, "true", "false")}
        ),
        _run(),
        rx.el.p(
            icon("shield-check", 14),
            rx.el.span(rx.cond(FORM.slip["promise"] != "", FORM.slip["promise"], t("playground.promise.before"))),
            class_name="fb-play-promise",
        ),
        PoliteText.create(text=FORM.slip["spoken"]),
    )


def _brief() -> rx.Component:
    """The slip in one line, on a phone; where the balance is too small the way out stands in it, without opening."""
    return rx.el.div(
        rx.el.button(
            rx.el.span(rx.cond(_has_trouble(), FORM.slip["message"], FORM.slip["brief"]), class_name="fb-cut flex-1"),
            rx.el.span(FORM.slip["brief_after"], class_name="fb-num fb-nowrap"),
            icon("chevron-up", 15),
            type="button",
            class_name="fb-play-brief",
            on_click=FORM.toggle_slip,
            custom_attrs={
                "data-status": FORM.slip["status"],
                "aria-expanded": rx.cond(FORM.slip_open, "true", "false"),
                "data-testid": "slip-brief",
            },
        ),
        rx.cond((FORM.slip["status"] == "short") & ~FORM.slip_open, _get_credits("brief-credits")),
        class_name="fb-play-brief-row",
    )


def _get_credits(test_id: str) -> rx.Component:
    return link_button(
        t("playground.short.top_up"),
        href="/top-up",
        kind="solid",
        size="small",
        custom_attrs={"data-testid": test_id},
    )


def notice_line() -> rx.Component:
    """Why a run was refused: a limit, the provider, a change of the model."""
    return rx.cond(
        FORM.notice != "",
        row(
            rx.el.div(notice(FORM.notice, tone=FORM.notice_tone), class_name="flex-1 min-w-0"),
            icon_button("x", t("common.close"), on_click=FORM.close_notice),
            class_name="fb-play-notice",
            custom_attrs={"data-testid": "notice"},
        ),
    )


def _slip() -> rx.Component:
    return fare_slip(
        rx.match(
            FORM.slip["status"],
            ("quoting", rx.el.div(skeleton("55%"), skeleton("70%"), class_name="flex flex-col gap-2")),
            ("cannot", _words()),
            ("short", rx.fragment(_lines(), _words())),
            ("stale", rx.fragment(_lines(), _words())),
            _lines(),
        ),
        status=FORM.slip["status"],
        below=[_below()],
        custom_attrs={"data-testid": "slip"},
    )


def _has_trouble() -> Any:
    status = FORM.slip["status"]
    return (status == "cannot") | (status == "short") | (status == "stale")


def _lines() -> rx.Component:
    return rx.fragment(
        rx.foreach(FORM.slip["lines"].to(list[SlipLine]), lambda line: slip_line(line["text"], line["figure"])),
        slip_reason(FORM.slip["reason"], _why()),
    )


def _words() -> rx.Component:
    return rx.el.div(
        icon("triangle-alert", 14),
        rx.el.div(
            rx.el.p(FORM.slip["message"], class_name="fb-strong"),
            rx.cond(FORM.slip["advice"] != "", rx.el.p(FORM.slip["advice"], class_name="fb-small")),
            class_name="flex-1 min-w-0",
        ),
        rx.cond(FORM.slip["status"] == "short", _get_credits("get-credits")),
        class_name="fb-play-slip-words",
        custom_attrs={"data-testid": "slip-words"},
    )


def _why() -> rx.Component:
    return rx.popover.root(
        rx.popover.trigger(
            rx.el.button(
                t("playground.slip.why"),
                type="button",
                class_name="fb-link fb-play-why",
                custom_attrs={"data-testid": "why"},
            )
        ),
        rx.popover.content(
            rx.el.h3(t("playground.slip.why"), class_name="fb-strong"),
            rx.el.p(FORM.slip["version"], class_name="fb-small fb-num"),
            rx.el.ol(rx.foreach(FORM.slip["steps"].to(list[str]), rx.el.li), class_name="fb-play-steps fb-num"),
            side="top",
            align="end",
            width="340px",
            class_name="fb-popover fb-play-why-panel",
        ),
    )


def _below() -> rx.Component:
    slip = FORM.slip
    return rx.fragment(
        rx.cond(
            slip["total"] != "",
            rx.el.div(
                slip_total(t("playground.slip.price"), slip["total"]),
                custom_attrs={"data-testid": "price", "data-price": slip["total"]},
            ),
            slip_total(t("playground.slip.price"), "–", quoting=slip["status"] == "quoting"),
        ),
        rx.cond(slip["at_most"] != "", slip_line(t("playground.slip.at_most"), slip["at_most"], quiet=True)),
        rx.cond(slip["after"] != "", slip_line(slip["after_label"], slip["after"], quiet=True)),
    )


def _run() -> rx.Component:
    slip, busy = FORM.slip, FORM.busy
    return button(
        rx.cond(
            busy,
            t("playground.run.starting"),
            rx.cond(slip["button"] != "", slip["button"], t("playground.run.plain")),
        ),
        kind="solid",
        size="primary",
        key="mod+enter",
        show_key=True,
        busy=busy,
        disabled=~slip["can_run"].to(bool),
        on_click=WORK.run(FORM.slip["ticket"]).throttle(PRESS_MS),
        id="run",
        custom_attrs={"data-testid": "run"},
    )
