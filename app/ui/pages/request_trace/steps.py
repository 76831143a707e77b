"""The seven steps on their rail."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    chip,
    copyable,
    icon,
    modality_icon,
    param_chip,
    plain_link,
    provider_tile,
    row,
    text_link,
    trace,
    trace_step,
    var,
)
from app.ui.pages.request_trace.state import OPERATOR, TraceState

FACTS = var(TraceState.facts)


def steps() -> rx.Component:
    return trace(_request(), _estimate(), _hold(), _attempts(), _usage(), _close(), _postings())


def _request() -> rx.Component:
    return trace_step(
        "log-in",
        t("trace.step.request"),
        rx.el.div(
            rx.foreach(
                TraceState.params,
                lambda item: rx.cond(
                    item["note"] != "",
                    param_chip(item["name"], _value(item), item["note"]),
                    param_chip(item["name"], _value(item)),
                ),
            ),
            class_name="flex flex-wrap gap-1.5",
        ),
        at=FACTS["requested_at"],
    )


def _value(item: Any) -> rx.Component:
    return rx.el.span(item["value"], title=item["whole"])


def _estimate() -> rx.Component:
    is_operator = TraceState.may_switch & (TraceState.seen_as == OPERATOR)
    version = rx.cond(
        is_operator,
        text_link(FACTS["version"], href=f"/admin/models/{FACTS['model_id']}"),
        rx.el.span(FACTS["version"], class_name="fb-medium"),
    )
    return trace_step(
        "scale",
        t("trace.step.estimate"),
        rx.el.p(version, FACTS["published"], " ", FACTS["estimate_words"]),
        at=FACTS["requested_at"],
        money=chip(FACTS["estimate_sum"]),
    )


def _hold() -> rx.Component:
    return trace_step(
        "lock",
        t("trace.step.hold"),
        rx.el.p(FACTS["held_words"]),
        at=FACTS["held_at"],
        money=row(
            chip(f"{FACTS['held']} {t('common.credits')}"),
            rx.cond(FACTS["early"] != "", chip(FACTS["early"])),
        ),
    )


def _attempts() -> rx.Component:
    return trace_step(
        "send",
        rx.cond(FACTS["cost"] != "", t("trace.step.attempts"), t("trace.step.attempt")),
        rx.el.ul(rx.foreach(TraceState.attempts, _attempt), class_name="fb-boxed"),
        at=rx.cond(FACTS["sent_at"] != "", FACTS["sent_at"], t("trace.step.waiting")),
    )


def _attempt(item: Any) -> rx.Component:
    return rx.el.li(
        rx.cond(item["number"] != "", rx.el.span(item["number"], class_name="fb-text-2 fb-num")),
        provider_tile(item["kind"], size="small"),
        rx.el.span(item["provider"], class_name="fb-strong fb-text-1 fb-nowrap"),
        chip(item["state"], tone=item["tone"]),
        rx.el.span(item["words"], class_name="fb-attempt-words", title=item["words"]),
        rx.cond(
            item["upstream_id"] != "",
            rx.el.span(copyable(item["upstream_id"], item["upstream_short"], boxed=True), class_name="fb-attempt-id"),
        ),
        rx.el.span(item["took"], class_name="fb-num fb-nowrap"),
        rx.cond(
            item["why"] != "",
            rx.el.span(
                item["why"], title=item["decision"], class_name="fb-attempt-why", custom_attrs={"data-testid": "why"}
            ),
        ),
        class_name="fb-boxed-row fb-attempt",
    )


def _usage() -> rx.Component:
    counts = row(
        _count(t("trace.detail.asked"), FACTS["asked"]),
        _count(t("trace.detail.delivered"), FACTS["delivered"]),
        rx.cond(FACTS["missing"] != "", _count(t("trace.detail.missing"), FACTS["missing"])),
        rx.el.span(FACTS["billed"], class_name="ml-auto fb-num"),
        class_name="gap-4 flex-wrap",
    )
    return trace_step(
        "ruler",
        t("trace.step.usage"),
        rx.cond(FACTS["asked"] != "", counts),
        rx.el.ul(rx.foreach(TraceState.files, _file), class_name="fb-outputs"),
        rx.cond(
            FACTS["files_gone"] != "",
            rx.el.p(FACTS["files_gone"], class_name="fb-small", custom_attrs={"data-testid": "files-gone"}),
        ),
        at=rx.cond(FACTS["measured_at"] != "", FACTS["measured_at"], _unless_closed()),
    )


def _unless_closed() -> Any:
    return rx.cond(FACTS["closed"] != "", "", t("trace.step.waiting"))


def _count(label: str, figure: Any) -> rx.Component:
    return rx.el.span(label, " ", rx.el.span(figure, class_name="fb-strong fb-text-1 fb-num"))


def _file(item: Any) -> rx.Component:
    inside = rx.cond(
        item["thumb"] != "",
        rx.el.img(src=item["thumb"], alt="", loading="lazy"),
        modality_icon(item["kind"], 18),
    )
    mark = rx.cond(item["kind"] == "video", rx.el.span(icon("play", 12), class_name="fb-output-mark"))
    shown = plain_link(
        inside,
        mark,
        href=item["href"],
        target="_blank",
        rel="noopener",
        title=item["name"],
        class_name="fb-output",
        custom_attrs={"aria-label": item["name"], "data-testid": "output"},
    )
    gone = rx.el.span(
        icon("eye-off", 16), class_name="fb-output fb-output-gone", title=item["name"], role="img",
        custom_attrs={"aria-label": item["name"]},
    )  # fmt: skip
    return rx.el.li(rx.cond(item["href"] != "", shown, gone))


def _close() -> rx.Component:
    """Settle in jade, release in red or grey, or what is still to come."""
    chips = row(
        rx.cond(FACTS["charged_chip"] != "", chip(FACTS["charged_chip"], tone="good")),
        rx.cond(FACTS["returned_chip"] != "", chip(FACTS["returned_chip"])),
        rx.cond(FACTS["absorbed_chip"] != "", chip(FACTS["absorbed_chip"])),
    )
    return rx.match(
        FACTS["closed"],
        (
            "settled",
            trace_step(
                "check",
                t("trace.step.settle"),
                rx.el.p(FACTS["closed_words"]),
                at=FACTS["closed_at"],
                money=chips,
                tone="good",
            ),
        ),
        (
            "released",
            trace_step(
                rx.cond(FACTS["state"] == "failed", icon("x", 14), icon("undo-2", 14)),
                t("trace.step.release"),
                rx.el.p(FACTS["closed_words"]),
                at=FACTS["closed_at"],
                money=chips,
                tone=rx.cond(FACTS["state"] == "failed", "loss", "neutral"),
            ),
        ),
        trace_step("circle-dashed", t("trace.step.settle"), at=t("trace.step.waiting")),
    )


def _postings() -> rx.Component:
    legs = rx.cond(
        FACTS["postings_note"] != "",
        rx.el.p(FACTS["postings_note"]),
        rx.el.ul(rx.foreach(TraceState.postings, _posting), class_name="fb-boxed"),
    )
    return trace_step("book-open", t("trace.step.postings"), legs, at=rx.fragment())


def _posting(item: Any) -> rx.Component:
    return rx.fragment(
        rx.cond(
            (item["head"] != "") & (item["journal_id"] != ""),
            rx.el.li(
                rx.el.span(item["head"], class_name="fb-medium flex-1"),
                copyable(item["journal_id"], item["journal_short"]),
                class_name="fb-boxed-row fb-boxed-head",
            ),
        ),
        rx.el.li(
            rx.el.span(item["name"], class_name="fb-text-1 fb-cut", title=item["name"]),
            rx.el.span(item["amount"], class_name="fb-strong fb-text-1 fb-num fb-right"),
            rx.el.span(item["account"], class_name="fb-mono fb-cut fb-right", title=item["account"]),
            class_name="fb-boxed-row fb-posting",
            custom_attrs={"data-testid": "posting"},
        ),
    )
