"""A run and its differences in words: pure functions from what was kept to what is shown."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from app.kernel.text import t
from app.reconcile.findings import Code, Difference
from app.reconcile.runs import DONE, RUNNING, Run
from app.ui import present

#: What an operator can ask for once more from here.
REPLAYED = frozenset({Code.WEBHOOK_PARKED, Code.WEBHOOK_LATE, Code.WEBHOOK_MISSED})
QUEUE = "/admin/orders?tab=unmatched"


class RunRow(TypedDict):
    id: str
    href: str
    time: str
    depth: str
    by: str
    compared: str
    healed: str
    open: str
    state: str
    tone: str
    took: str


class DifferenceRow(TypedDict):
    key: str
    code: str
    title: str
    subject: str
    short: str
    facts: str
    said: str
    next: str
    healed: bool
    href: str  # where it is dealt with, if that is a page
    verb: str
    replay: str  # the event that may be applied again


def run_row(run: Run, at: datetime, names: Mapping[str, str]) -> RunRow:
    """A line of the list of runs."""
    return {
        "id": run.id,
        "href": f"/admin/reconcile?run={run.id}",
        "time": present.moment(run.started_at, at),
        "depth": t(f"admin_reconcile.depth.{run.depth}"),
        "by": names.get(run.actor) or t("admin_reconcile.by.cli" if run.actor == "cli" else "admin_reconcile.by.chore"),
        "compared": compared(run),
        "healed": present.count(len(run.healed)) if run.healed else "",
        "open": present.count(len(run.open)) if run.open else "",
        "state": verdict(run),
        "tone": tone(run),
        "took": present.between(run.started_at, run.finished_at) if run.finished_at else "",
    }


def verdict(run: Run) -> str:
    """In two or three words."""
    if run.state == RUNNING:
        return t("admin_reconcile.state.running")
    if run.state != DONE:
        return t("admin_reconcile.state.failed")
    if run.open:
        return t("admin_reconcile.state.open", count=present.count(len(run.open)))
    return t("admin_reconcile.state.healed" if run.healed else "admin_reconcile.state.clean")


def tone(run: Run) -> str:
    if run.state == RUNNING:
        return "neutral"
    return "loss" if run.state != DONE or run.open else "good"


def compared(run: Run) -> str:
    """How much was looked at."""
    told = [f"{t(f'admin_reconcile.side.{name}')} {present.count(count)}" for name, count in run.compared.items()]
    return " · ".join(told)


def headline(run: Run) -> str:
    if run.state == RUNNING:
        return t("admin_reconcile.head.running")
    if run.state != DONE:
        return t("admin_reconcile.head.failed")
    if len(run.open) == 1:
        return t("admin_reconcile.head.one")
    return (
        t("admin_reconcile.head.many", count=present.count(len(run.open)))
        if run.open
        else t("admin_reconcile.head.clean")
    )


def difference_row(one: Difference, references: Mapping[str, str]) -> DifferenceRow:
    """A difference with its next step, and the way there."""
    in_queue = one.code is Code.MONEY_UNMATCHED
    is_shown = (
        one.order_id in references and one.code is not Code.ROW_UNREADABLE
    )  # no page can show what cannot be read
    order = one.order_id if is_shown else None
    href = QUEUE if in_queue else f"/admin/orders/{order}" if order else ""
    told = {**one.facts, "reason": t(f"admin_orders.reason.{one.facts['reason']}")} if in_queue else one.facts
    facts = [f"{name} {_fact(value)}" for name, value in replace(one, facts=told).lines]
    if order and not in_queue:
        facts.append(references[order])
    return {
        "key": f"{one.key}:{one.healed}",
        "code": str(one.code),
        "title": one.title,
        "subject": one.subject,
        "short": present.short_id(one.subject),
        "facts": " · ".join(facts),
        "said": one.said,
        "next": one.next_step,
        "healed": one.healed,
        "href": href,
        "verb": t("admin_reconcile.verb.queue" if in_queue else "admin_reconcile.verb.order") if href else "",
        "replay": one.subject if one.code in REPLAYED and not one.healed else "",
    }


def _fact(value: str) -> str:
    """Ids are cut for the screen; the whole ones are in the command's output."""
    return present.short_id(value) if "_" in value and " " not in value else value
