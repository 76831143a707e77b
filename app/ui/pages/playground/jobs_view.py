"""Cards of what is being made, and of what ended without a result."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import icon_button, modality_icon, state_dot, text_link, var
from app.ui.pages.playground.widgets import JobClock, PoliteText, Pulse
from app.ui.pages.playground.work_state import WorkState

WORK = var(WorkState)

#: A look for news while something is open, for when a push was missed.
LOOK_MS = 4_000


def jobs(*, in_form: bool) -> rx.Component:
    """The stack of cards: over the result, and on a phone over the fields."""
    name = "fb-jobs fb-jobs-phone" if in_form else "fb-jobs"
    beat = rx.fragment() if in_form else _news()
    return rx.fragment(
        rx.el.div(
            rx.foreach(WORK.jobs, _card),
            rx.cond(
                WORK.more_jobs != "",
                text_link(WORK.more_jobs, href="/logs", class_name="fb-small"),
            ),
            class_name=name,
            custom_attrs={"data-any": rx.cond(WORK.jobs.length() > 0, "true", "false")},
        ),
        beat,
    )


def _news() -> rx.Component:
    return rx.fragment(
        rx.cond(WORK.has_open, Pulse.create(ms=LOOK_MS, on_beat=WORK.refresh)),
        PoliteText.create(text=WORK.spoken),
    )


def _card(job: Any) -> rx.Component:
    return rx.el.article(
        rx.el.span(
            modality_icon(job["modality"], 20), class_name="fb-job-picture", custom_attrs={"aria-hidden": "true"}
        ),
        rx.el.div(
            rx.el.div(
                state_dot(job["state"], job["word"]),
                rx.el.span(job["title"], class_name="fb-cut"),
                rx.cond(job["detail"] != "", rx.el.span("·")),
                rx.el.span(job["detail"], class_name="fb-cut"),
                class_name="fb-job-name",
            ),
            rx.cond(
                job["has_ended"].to(bool),
                rx.cond(job["note"] != "", rx.el.p(job["note"], class_name="fb-job-cause")),
                JobClock.create(
                    percent=job["percent"],
                    elapsed=job["elapsed"],
                    about=job["about"],
                    running=job["state"] == "running",
                    label=job["title"],
                    words={"about": t("playground.job.about", gone="{gone}", usual="{usual}")},  # filled in the browser
                ),
            ),
            rx.el.div(
                rx.el.span(job["money"], class_name="fb-num fb-nowrap"),
                rx.cond(job["place"] != "", rx.el.span("· ", job["place"], class_name="fb-cut")),
                rx.cond(~job["has_ended"].to(bool), rx.el.span("· ", job["note"], class_name="fb-cut fb-job-note")),
                class_name="fb-job-foot",
            ),
            class_name="fb-job-body",
        ),
        rx.cond(
            job["has_ended"].to(bool),
            icon_button("x", t("playground.job.put_away"), on_click=WORK.put_away(job["id"])),
            rx.cond(
                job["can_cancel"].to(bool),
                rx.el.button(
                    t("playground.job.cancel"),
                    type="button",
                    class_name="fb-job-cancel",
                    on_click=WORK.cancel(job["id"]),
                    custom_attrs={"data-testid": "cancel"},
                ),
            ),
        ),
        class_name="fb-job",
        custom_attrs={"data-state": job["state"], "data-testid": "job", "data-id": job["id"]},
    )
