"""The routing of a model as rows of text and lines of a picture. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import TypedDict

from app.catalogue.route_policy import PolicyKind, RoutingPolicy
from app.generation.breaker import Breaker
from app.generation.health import Standing
from app.generation.routing import Choice, Facts, Reason
from app.generation.routing_picture import ModelPicture, RoutePicture, Traffic
from app.generation.simulate import Simulated
from app.kernel.money import USD, Money
from app.kernel.text import t
from app.ui import present
from app.ui.route_words import why_words

#: The picture's measures in pixels; the style sheet gives a card the same height.
CARD_HEIGHT, GAP, REACH = 118, 12, 128
THIN_LINE, THICK_LINE = 1.5, 9.0
TONES = {Breaker.CLOSED: "good", Breaker.HALF_OPEN: "thin", Breaker.OPEN: "loss"}


class AliasRow(TypedDict):
    model_id: str
    alias: str
    routes: str
    policy: str
    sent: str
    tone: str  # good, thin, loss; outline for a model nobody is offered
    state: str


class CardRow(TypedDict):
    """One route in the picture; `priority` and `weight` are what stands in its fields."""

    route_id: str
    kind: str
    provider: str
    upstream: str
    state: str
    tone: str
    because: str
    place: str
    share: str
    part: str  # the share as a style's width
    sent: str
    took: str
    cost: str
    margin: str
    margin_tone: str
    priority: str
    weight: str
    is_open: bool
    d: str
    width: str


class DecisionRow(TypedDict):
    place: str
    kind: str
    provider: str
    upstream: str
    why: str
    cost: str
    margin: str
    margin_tone: str


def alias_row(model: ModelPicture, standing: Mapping[str, Standing]) -> AliasRow:
    """A line of the list: the alias and its worst news."""
    breakers = [standing[route.route_id].breaker for route in model.routes if route.usable]
    if not model.enabled:
        tone, state = "outline", t("admin_routing.not_offered")
    elif not breakers or all(one is Breaker.OPEN for one in breakers):
        tone, state = "loss", t("admin_routing.no_route")
    elif any(one is not Breaker.CLOSED for one in breakers):
        tone, state = "thin", t("admin_routing.some_unwell")
    else:
        tone, state = "good", ""
    return AliasRow(
        model_id=model.model_id,
        alias=model.alias,
        routes=present.plural(len(model.routes), t("admin_routing.route"), t("admin_routing.routes")),
        policy="" if state else t(f"admin_routing.policy.{model.policy.kind}"),
        sent=present.count(model.sent) if model.sent else "",
        tone=tone,
        state=state,
    )


def card_rows(
    model: ModelPicture, standing: Mapping[str, Standing], simulated: Simulated | None, now: datetime
) -> list[CardRow]:
    """The cards of the picture, top to bottom, each with the line that leads to it."""
    total = model.sent
    choice, facts = (simulated.choice, simulated.facts) if simulated else (None, None)
    return [
        _card(route, standing[route.route_id], (at, len(model.routes)), total, choice, facts, now)
        for at, route in enumerate(model.routes)
    ]


def _card(
    route: RoutePicture,
    standing: Standing,
    at: tuple[int, int],
    total: int,
    choice: Choice | None,
    facts: Facts | None,
    now: datetime,
) -> CardRow:
    share = Fraction(route.traffic.sent, total) if total else Fraction(0)
    state, tone = state_words(route, standing, now)
    reason = choice.why(route.route_id) if choice else None
    margin, cost = _money(route.route_id, choice, facts)
    return CardRow(
        route_id=route.route_id,
        kind=route.provider_kind,
        provider=route.provider_name,
        upstream=route.upstream_model,
        state=state,
        tone=tone,
        because=standing.because if standing.breaker is not Breaker.CLOSED else "",
        place=_place(reason),
        share=present.percent(share, 0) if total else "",
        part=f"{float(share) * 100:.1f}%",
        sent=_sent(route.traffic),
        took="" if standing.milliseconds is None else present.duration(Fraction(standing.milliseconds, 1000)),
        cost=cost,
        margin=present.percent(margin) if margin is not None else "",
        margin_tone=present.margin_status(margin),
        priority=str(route.priority),
        weight=str(route.weight),
        is_open=standing.breaker is Breaker.OPEN and route.usable,
        d=curve(*at),
        width=f"{THIN_LINE + (THICK_LINE - THIN_LINE) * float(share):.1f}",
    )


def _place(reason: Reason | None) -> str:
    """Where the example request would meet this route."""
    if reason is None or reason.place is None:
        return ""
    return t("admin_routing.place_first") if reason.place == 1 else t("admin_routing.place", number=reason.place)


def _sent(traffic: Traffic) -> str:
    if not traffic.sent:
        return t("admin_routing.nothing_sent")
    ended = traffic.good + traffic.bad
    sent = t("admin_routing.sent", count=present.count(traffic.sent))
    if not ended:
        return sent
    share = present.percent(Fraction(traffic.good, ended), 0)
    return f"{sent} · {t('admin_routing.went_well', share=share)}"


def curve(at: int, count: int) -> str:
    """The line from the alias to the card at that place: level at both ends."""
    start = height(count) / 2
    end = at * (CARD_HEIGHT + GAP) + CARD_HEIGHT / 2
    return f"M0 {start:g} C{REACH / 2:g} {start:g} {REACH / 2:g} {end:g} {REACH} {end:g}"


def height(count: int) -> int:
    """Of the whole picture."""
    return count * CARD_HEIGHT + max(count - 1, 0) * GAP


def state_words(route: RoutePicture, standing: Standing, now: datetime) -> tuple[str, str]:
    """How a route is, and the tone of saying so."""
    if not route.enabled:
        return t("admin_routing.state.route_off"), "outline"
    if not route.usable:
        return t("admin_routing.state.provider_off"), "thin"
    if standing.breaker is Breaker.OPEN and standing.retry_at is not None:
        wait = max(1, round((standing.retry_at - now).total_seconds()))
        return t("admin_routing.state.open", seconds=wait), "loss"
    return t(f"admin_routing.state.{standing.breaker}"), TONES[standing.breaker]


def decision_rows(simulated: Simulated, names: Mapping[str, tuple[str, str]]) -> list[DecisionRow]:
    """The routes in the order of asking, then those that are out; `names`: kind and name by provider."""
    choice, facts = simulated.choice, simulated.facts
    if choice is None or facts is None:
        return []
    upstream = {route.route_id: route.upstream_model for route in simulated.offer.routes}
    return [_decision(reason, upstream[reason.route_id], names, choice, facts) for reason in choice.reasons]


def _decision(
    reason: Reason, upstream: str, names: Mapping[str, tuple[str, str]], choice: Choice, facts: Facts
) -> DecisionRow:
    kind, name = names.get(reason.provider_id, ("", reason.provider_id))
    margin, cost = _money(reason.route_id, choice, facts)
    return DecisionRow(
        place="" if reason.place is None else str(reason.place),
        kind=kind,
        provider=name,
        upstream=upstream,
        why=why_words(reason),
        cost=cost,
        margin=present.percent(margin) if margin is not None else "",
        margin_tone=present.margin_status(margin),
    )


def _money(route_id: str, choice: Choice | None, facts: Facts | None) -> tuple[Fraction | None, str]:
    """Margin and cost of this request on that route."""
    known = facts.routes.get(route_id) if facts else None
    if facts is None or known is None or known.cost_micros is None:
        return None, ""
    margin = Fraction(facts.price_micros - known.cost_micros, facts.price_micros) if facts.price_micros else None
    return margin, present.cost(Money(known.cost_micros, USD))


def policy_options() -> list[tuple[str, str]]:
    """The four policies for a segmented control."""
    return [(str(kind), t(f"admin_routing.policy.{kind}")) for kind in PolicyKind]


def guard_text(policy: RoutingPolicy) -> str:
    """What stands in the margin field."""
    return "" if policy.min_margin_bp is None else present.number(Fraction(policy.min_margin_bp, 100))


def changes(model: ModelPicture, policy: RoutingPolicy, ranks: Mapping[str, tuple[int, int]]) -> Sequence[str]:
    """What saving would change, a sentence each; empty where nothing would."""
    found = []
    before = model.policy
    if policy.kind is not before.kind:
        found.append(
            t(
                "admin_routing.change.policy",
                change=f"{t(f'admin_routing.policy.{before.kind}')} {present.ARROW} "
                f"{t(f'admin_routing.policy.{policy.kind}')}",
            )
        )
    if policy.min_margin_bp != before.min_margin_bp:
        texts = [_guard_words(one) for one in (before, policy)]
        found.append(t("admin_routing.change.guard", change=f" {present.ARROW} ".join(texts)))
    for route in model.routes:
        priority, weight = ranks.get(route.route_id, (route.priority, route.weight))
        for name, then, now in (("priority", route.priority, priority), ("weight", route.weight, weight)):
            if then != now:
                change = f"{then} {present.ARROW} {now}"
                found.append(t(f"admin_routing.change.{name}", provider=route.provider_name, change=change))
    return found


def _guard_words(policy: RoutingPolicy) -> str:
    return t("admin_routing.no_guard") if policy.min_margin is None else present.percent(policy.min_margin)
