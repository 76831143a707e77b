"""What the mirror's page shows, as text."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict

from app.kernel.text import t
from app.mirror.amounts import INVOICE, Pair
from app.mirror.book import FAILED, PLAN, SENT
from app.mirror.standing import Feed, Standing
from app.ui import present


class RefusedRow(TypedDict):
    key: str
    kind: str
    word: str
    our_id: str
    short: str
    error: str
    tries: str
    when: str
    tone: str
    is_plan: bool


class FeedRow(TypedDict):
    key: str
    name: str
    state: str
    tone: str
    sent: str
    waiting: str
    refused: str
    begun: str


class PairRow(TypedDict):
    key: str
    customer: str
    what: str
    ours: str
    theirs: str
    difference: str
    tone: str
    checked: str


class Head(TypedDict):
    """The figures over the page."""

    state: str
    tone: str
    since: str
    backlog: str
    refused: str
    things: str
    differences: str
    compared: str


NO_HEAD: Head = {
    "state": "", "tone": "neutral", "since": "", "backlog": "", "refused": "", "things": "",
    "differences": "", "compared": "",
}  # fmt: skip


def head(standing: Standing, pairs: list[Pair], now: datetime) -> Head:
    """How it stands, in four figures and a caption for each."""
    is_well = standing.failures == 0
    reached = standing.reached_at
    differ = [pair for pair in pairs if pair.difference]
    sent = {kind: number for (kind, state), number in standing.counts.items() if state == SENT}
    sent["event"] = sum(feed.sent for feed in standing.feeds)
    said = ", ".join(
        present.plural(sent.get(kind, 0), t(f"admin_mirror.kind.{kind}"), t(f"admin_mirror.kinds.{kind}"))
        for kind in ("event", "customer", "subscription")
    )
    return {
        "state": t("admin_mirror.well" if is_well else "admin_mirror.down"),
        "tone": "good" if is_well else "loss",
        "since": t("admin_mirror.reached", age=present.age(reached, now)) if reached else t("admin_mirror.never"),
        "backlog": present.count(standing.backlog),
        "refused": present.count(standing.failed),
        "things": t("admin_mirror.told", things=said),
        "differences": present.count(len(differ)),
        "compared": t("admin_mirror.compared", amounts=present.count(len(pairs))),
    }


def refused_row(row: Any, now: datetime) -> RefusedRow:
    """One thing that was refused."""
    failed = row.state == FAILED
    return {
        "key": f"{row.kind}:{row.our_id}",
        "kind": row.kind,
        "word": t(f"admin_mirror.kind.{row.kind}").capitalize(),
        "our_id": row.our_id,
        "short": present.short_id(row.our_id),
        "error": row.error or "",
        "tries": present.plural(row.attempts, t("admin_mirror.try"), t("admin_mirror.tries")),
        "when": t("admin_mirror.waits_for_you") if failed else t("admin_mirror.next", age=_ahead(row.next_at, now)),
        "tone": "loss" if failed else "thin",
        "is_plan": row.kind == PLAN,
    }


def feed_row(feed: Feed, now: datetime) -> FeedRow:
    """One reading of the log."""
    kind = feed.name.partition(":")[0]
    name = t(f"admin_mirror.feed.{kind}", customer=feed.customer or "")
    if feed.since is not None:
        name = t("admin_mirror.feed.since", name=name, day=present.date(feed.since))
    tones = {"running": "accent", "held": "thin", "done": "good"}
    return {
        "key": feed.name,
        "name": name,
        "state": t(f"admin_mirror.feed_state.{feed.state}"),
        "tone": tones[feed.state],
        "sent": present.count(feed.sent),
        "waiting": present.count(feed.waiting),
        "refused": present.count(feed.refused),
        "begun": present.moment(feed.begun_at, now),
    }


def pair_row(pair: Pair, now: datetime) -> PairRow:
    """Both sides of one amount."""
    days = ""
    if pair.period_start is not None and pair.period_end is not None:
        days = f"{present.short_date(pair.period_start)} – {present.short_date(pair.period_end)}"
    what = t("admin_mirror.invoice" if pair.kind == INVOICE else "admin_mirror.period", days=days)
    return {
        "key": f"{pair.kind}:{pair.their_invoice or pair.subscription_id}:{days}",
        "customer": pair.customer or present.NOTHING,
        "what": what,
        "ours": _money(pair.ours, pair.currency),
        "theirs": _money(pair.theirs, pair.their_currency),
        "difference": _difference(pair),
        "tone": "good" if pair.difference == 0 else "thin" if pair.difference else "neutral",
        "checked": present.age(pair.checked_at, now),
    }


def _difference(pair: Pair) -> str:
    if pair.difference is None:
        return t("admin_mirror.not_comparable")
    if pair.difference == 0:
        return t("admin_mirror.same")
    sign = "+" if pair.difference > 0 else present.MINUS
    return f"{sign}{present.currency(abs(pair.difference), pair.currency)}"


def _money(amount: Decimal | None, currency: str) -> str:
    return present.NOTHING if amount is None else present.currency(amount, currency)


def _ahead(at: datetime, now: datetime) -> str:
    return present.duration(max(0, int((at - now).total_seconds())))
