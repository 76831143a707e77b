"""What the operator's day looks like in words and figures: pure functions from what was read to what is shown."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, TypedDict

from app.catalogue.losses import Loss
from app.catalogue.overview import ModelRow
from app.generation.connection_check import Checked
from app.generation.earnings import Earned
from app.generation.provider_health import Bucket, Health, ProviderHealth
from app.generation.today import ModelDay, Today
from app.generation.undecided import Undecided
from app.kernel.money import Money
from app.kernel.text import t
from app.reconcile.runs import Run
from app.ui import present
from app.ui.components import Series, stacked_bars

if TYPE_CHECKING:
    import plotly.graph_objects as go

NAMED_MODELS = 3
NAMED_PROVIDERS = 2
CENTS_BELOW = 10_000_000  # the axis shows cents while no hour sold for ten dollars


class Kpi(TypedDict):
    figure: str
    caption: str
    delta: str
    tone: str


class HourRow(TypedDict):
    hour: str
    revenue: str
    cost: str
    margin: str
    yesterday: str


class Bar(TypedDict):
    tone: str
    words: str


class HealthRow(TypedDict):
    provider_id: str
    kind: str
    name: str
    detail: str
    bars: list[Bar]
    summary: str
    success: str
    seconds: str
    health: str


class DecisionRow(TypedDict):
    key: str
    icon: str
    tone: str
    title: str
    detail: str
    age: str
    verb: str
    href: str


class ModelRowShown(TypedDict):
    href: str
    alias: str
    jobs: str
    revenue: str
    cost: str
    margin: str
    tone: str


NO_KPI: Kpi = {"figure": "", "caption": "", "delta": "", "tone": "neutral"}
TONES = {"good": "good", "thin": "thin", "loss": "loss", "unpriced": "neutral"}
LETTERS = {
    "loss": "trending-down",
    "unknown": "circle-help",
    "unverified": "badge-dollar-sign",
    "key": "key-round",
    "transfer": "landmark",
    "unmatched": "unlink",
    "dispute": "gavel",
    "enquiry": "inbox",
    "books": "scale",
}


# ---- figures ----


def kpis(day: Today) -> dict[str, Kpi]:
    """The five figures by name: revenue, cost, margin, jobs, failed."""
    return {
        "revenue": {
            "figure": present.currency(day.now.revenue),
            "caption": t("admin_today.kpi.by_now", time=_clock(day.at), amount=present.currency(day.before.revenue)),
            "delta": _change(day.before.revenue, day.now.revenue),
            "tone": _direction(day.before.revenue.micros, day.now.revenue.micros),
        },
        "cost": {
            "figure": present.currency(day.now.cost),
            "caption": _shares(day) or t("admin_today.kpi.no_cost"),
            "delta": _change(day.before.cost, day.now.cost),
            "tone": "quiet",
        },
        "margin": _margin_kpi(day),
        "jobs": {
            "figure": present.count(day.jobs.begun),
            "caption": t(
                "admin_today.kpi.open", running=present.count(day.running), waiting=present.count(day.waiting)
            ),
            "delta": _change(Fraction(day.jobs_before.begun), Fraction(day.jobs.begun)),
            "tone": _direction(day.jobs_before.begun, day.jobs.begun),
        },
        "failed": _failed_kpi(day),
    }


def _margin_kpi(day: Today) -> Kpi:
    now, before = day.now.margin, day.before.margin
    delta, tone = "", "quiet"
    if now is not None and before is not None:
        delta = present.points(before, now)
        tone = "thin" if now < before else "good" if now > before else "quiet"
    kept = present.currency(day.now.kept)
    return {
        "figure": present.percent(now),
        "caption": t("admin_today.kpi.kept", amount=kept) if day.now.revenue else t("admin_today.kpi.no_revenue"),
        "delta": delta,
        "tone": tone,
    }


def _failed_kpi(day: Today) -> Kpi:
    share = present.percent(Fraction(day.jobs.failed, day.jobs.begun)) if day.jobs.begun else ""
    return {
        "figure": present.count(day.jobs.failed),
        "caption": t("admin_today.kpi.released") if day.jobs.failed else t("admin_today.kpi.none_failed"),
        "delta": share,
        "tone": "quiet",
    }


def _shares(day: Today) -> str:
    whole = sum(amount.micros for _, amount in day.cost_by_provider)
    if not whole:
        return ""
    named = day.cost_by_provider[:NAMED_PROVIDERS]
    return ", ".join(f"{name} {present.percent(Fraction(amount.micros, whole), 0)}" for name, amount in named)


def _change(before: Money | Fraction, now: Money | Fraction) -> str:
    said = present.change(before, now, 1)
    return "" if said == present.NOTHING else said


def _direction(before: int, now: int) -> str:
    return "good" if now > before > 0 else "thin" if now < before else "quiet"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M}"


# ---- by hour ----


def hour_figure(day: Today) -> "go.Figure":
    """Cost below, margin above, so that a bar is the hour's revenue; yesterday is the dashed line."""
    labels = [f"{hour:02d}:00" for hour in range(len(day.hours))]
    # A loss has no margin to stand on the cost: the bar is then as high as the revenue, and the table tells.
    cost = [min(one.cost.micros, max(one.revenue.micros, 0)) / 1e6 if one.revenue else 0 for one in day.hours]
    kept = [max(0, one.kept.micros) / 1e6 for one in day.hours]
    before = [one.revenue.micros / 1e6 for one in day.yesterday]
    figure = stacked_bars(
        labels,
        [
            Series(t("admin_today.chart.cost"), cost, [present.currency(one.cost) for one in day.hours], past=True),
            Series(t("admin_today.chart.margin"), kept, [present.currency(one.kept) for one in day.hours]),
        ],
        dashed=Series(
            t("admin_today.chart.yesterday"), before, [present.currency(one.revenue) for one in day.yesterday]
        ),
        prefix="$",
    )
    if max((one.revenue.micros for one in (*day.hours, *day.yesterday)), default=0) < CENTS_BELOW:
        figure.update_layout(margin_l=52)
        figure.update_yaxes(tickformat=",.2f")  # "$0.50" rather than "$500m"
    return figure


def hour_rows(day: Today) -> list[HourRow]:
    """The chart as a table: hours in which something happened, today or yesterday."""
    return [
        {
            "hour": f"{hour:02d}:00",
            "revenue": present.currency(now.revenue),
            "cost": present.currency(now.cost),
            "margin": present.percent(now.margin),
            "yesterday": present.currency(before.revenue),
        }
        for hour, (now, before) in enumerate(zip(day.hours, day.yesterday, strict=True))
        if now != Earned() or before != Earned()
    ]


def hour_summary(day: Today) -> str:
    """The chart in one sentence."""
    best = max(range(len(day.hours)), key=lambda hour: day.hours[hour].revenue.micros)
    if not day.now.revenue:
        return t("admin_today.chart.quiet")
    return t(
        "admin_today.chart.summary",
        revenue=present.currency(day.now.revenue),
        kept=present.currency(day.now.kept),
        hour=f"{best:02d}:00",
        best=present.currency(day.hours[best].revenue),
    )


# ---- providers ----


def health_row(one: ProviderHealth, at: datetime) -> HealthRow:
    """A provider's strip."""
    seconds = present.duration(one.seconds) if one.seconds is not None else present.NOTHING
    return {
        "provider_id": one.provider_id,
        "kind": one.kind,
        "name": one.name,
        "detail": _health_detail(one),
        "bars": [_bar(bucket, len(one.buckets) - index, at) for index, bucket in enumerate(one.buckets)],
        "summary": t("admin_today.health.summary", name=one.name, success=present.percent(one.success), p50=seconds),
        "success": present.percent(one.success),
        "seconds": seconds,
        "health": one.health.value,
    }


def _health_detail(one: ProviderHealth) -> str:
    if one.health is Health.PAUSED:
        return t("admin_today.health.no_key") if not one.has_key else t("admin_today.health.off")
    return present.plural(one.models, t("admin_today.health.model"), t("admin_today.health.models"))


def _bar(bucket: Bucket, slots_ago: int, at: datetime) -> Bar:
    ended = bucket.good + bucket.bad
    start = datetime.fromtimestamp((int(at.timestamp()) // 1800 - slots_ago + 1) * 1800, UTC)
    clock = f"{start:%H:%M}"
    if not ended:
        return {"tone": "none", "words": t("admin_today.health.nothing", time=clock)}
    tone = "good" if not bucket.bad else "loss" if bucket.bad * 2 >= ended else "thin"
    return {"tone": tone, "words": t("admin_today.health.bucket", time=clock, good=bucket.good, ended=ended)}


# ---- decisions ----


def unknown_rows(found: list[Undecided], at: datetime) -> list[DecisionRow]:
    """One row a request: it is opened, looked at, and settled with the provider's own bill."""
    return [
        {
            "key": one.generation_id,
            "icon": "unknown",
            "tone": "thin",
            "title": t("admin_today.decide.unknown.title", model=one.alias),
            "detail": t("admin_today.decide.unknown.open", provider=one.provider)
            if one.expense is None
            else t("admin_today.decide.unknown.booked", provider=one.provider, cost=present.cost(one.expense)),
            "age": present.age(one.since, at),
            "verb": t("admin_today.verb.resolve"),
            "href": f"/logs/{one.generation_id}",
        }
        for one in found
    ]


def loss_rows(found: list[Loss]) -> list[DecisionRow]:
    """Models that sell below cost."""
    return [
        {
            "key": one.model_id,
            "icon": "loss",
            "tone": "loss",
            "title": t("admin_today.decide.unpriced", model=one.alias) if one.problem else _loss_title(one),
            "detail": one.problem or f"{one.worst or t('admin_today.decide.every')}: {present.percent(one.margin)}",
            "age": "",
            "verb": t("admin_today.verb.review"),
            "href": f"/admin/models/{one.model_id}",
        }
        for one in found
    ]


def _loss_title(one: Loss) -> str:
    if one.count == 1:
        return t("admin_today.decide.loss.one", model=one.alias, version=one.version)
    return t("admin_today.decide.loss.many", model=one.alias, version=one.version, count=present.count(one.count))


def unverified_rows(models: list[ModelRow]) -> list[DecisionRow]:
    """One row for all models whose cost nobody has confirmed."""
    found = [one for one in models if one.enabled and not one.verified]
    if not found:
        return []
    names = ", ".join(one.alias for one in found[:NAMED_MODELS])
    more = len(found) - NAMED_MODELS
    alone = len(found) == 1
    return [
        {
            "key": "unverified",
            "icon": "unverified",
            "tone": "thin",
            "title": t("admin_today.decide.unverified.one", model=found[0].alias)
            if alone
            else t("admin_today.decide.unverified.many", count=present.count(len(found))),
            "detail": t("admin_today.decide.unverified.detail")
            if alone
            else t("admin_today.decide.unverified.more", names=names, count=more)
            if more > 0
            else names,
            "age": "",
            "verb": t("admin_today.verb.confirm"),
            "href": f"/admin/models/{found[0].model_id}" if alone else "/admin/models",
        }
    ]


def provider_rows(providers: list[ProviderHealth], checked: dict[str, Checked], at: datetime) -> list[DecisionRow]:
    """Providers that serve models but have no key, or refuse the one they have."""
    found: list[DecisionRow] = []
    for one in providers:
        answer = checked.get(one.provider_id)
        failing = answer is not None and not answer.works
        if (one.has_key and not failing) or not one.is_on:
            continue
        found.append(
            {
                "key": f"provider-{one.provider_id}",
                "icon": "key",
                "tone": "loss" if one.has_key else "thin",
                "title": t("admin_today.decide.failing", provider=one.name)
                if one.has_key
                else t("admin_today.decide.no_key", provider=one.name),
                "detail": answer.sentence
                if answer is not None and one.has_key
                else t("admin_today.decide.no_key_detail", count=present.count(one.models)),
                "age": present.age(answer.at, at) if answer is not None and one.has_key else "",
                "verb": t("admin_today.verb.open"),
                "href": "/admin/providers",
            }
        )
    return found


def reconcile_rows(run: Run | None, at: datetime) -> list[DecisionRow]:
    """One row for all differences of the newest comparison that remain."""
    if run is None or not run.open:
        return []
    first, many = run.open[0], len(run.open)
    alone = many == 1
    return [
        {
            "key": "reconcile",
            "icon": "books",
            "tone": "loss",
            "title": first.title if alone else t("admin_today.decide.reconcile", count=present.count(many)),
            "detail": first.subject if alone else f"{first.title}: {first.subject}",
            "age": present.age(run.started_at, at),
            "verb": t("admin_today.verb.review"),
            "href": "/admin/reconcile",
        }
    ]


# ---- models ----


def model_row(one: ModelDay) -> ModelRowShown:
    """A line of the top models."""
    return {
        "href": f"/admin/models/{one.model_id}",
        "alias": one.alias,
        "jobs": present.count(one.jobs),
        "revenue": present.currency(one.earned.revenue),
        "cost": present.currency(one.earned.cost),
        "margin": present.percent(one.earned.margin),
        "tone": TONES[present.margin_status(one.earned.margin)],
    }
