"""Routes, their costs and their names upstream as rows of text. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from app.catalogue.overview import CostSeen, RouteSeen
from app.catalogue.param_schema import parse_schema
from app.catalogue.route_policy import RoutingPolicy
from app.kernel import clock
from app.kernel.errors import InvalidInput
from app.kernel.text import t
from app.pricing.editor_text import pretty
from app.pricing.parameters import ParamSchema
from app.ui import present
from app.ui.pages.model_editor.routing.cost_words import cost_words


class CostRow(TypedDict):
    since: str
    words: str
    rule: str
    source: str
    observed: str
    author: str
    verified: bool
    is_live: bool
    is_future: bool


class RouteRow(TypedDict):
    route_id: str
    kind: str
    provider: str
    upstream: str
    place: str
    enabled: bool
    usable: bool
    mapping: str
    settings: str
    cost: str
    verified: bool
    costs: list[CostRow]


class MappingRow(TypedDict):
    name: str
    sent_as: str
    left_out: bool


def route_row(route: RouteSeen, kind: str, schema: ParamSchema) -> RouteRow:
    """One route as text."""
    live = route.live_cost
    renamed = [
        t("model_editor.routing.left_out", name=ours) if theirs is None else f"{ours} {present.ARROW} {theirs}"
        for ours, theirs in route.form.mapping.items()
    ]
    return RouteRow(
        route_id=route.route_id,
        kind=kind,
        provider=route.provider_name,
        upstream=route.form.upstream_model,
        place=t("model_editor.routing.place", priority=route.form.priority, weight=route.form.weight),
        enabled=route.form.enabled,
        usable=route.usable,
        mapping=", ".join(renamed),
        settings=json.dumps(dict(route.form.settings), ensure_ascii=False) if route.form.settings else "",
        cost=cost_words(live.rule, schema) if live else "",
        verified=live.verified if live else False,
        costs=[_cost_row(one, schema) for one in route.costs],
    )


def policy_words(policy: RoutingPolicy) -> str:
    """How the model chooses among its routes, in a sentence."""
    said = t(f"admin_routing.policy.{policy.kind}_words")
    if policy.min_margin is None:
        return said
    return f"{said} {t('admin_routing.policy.guard_words', margin=present.percent(policy.min_margin))}"


def mapping_rows(names: Sequence[str], mapping: Mapping[str, str | None]) -> list[MappingRow]:
    """A row for each parameter, and for names that are mapped though the model no longer has them."""
    every = [*names, *(name for name in mapping if name not in names)]
    return [
        MappingRow(name=name, sent_as=mapping.get(name) or "", left_out=name in mapping and mapping[name] is None)
        for name in every
    ]


def _cost_row(one: CostSeen, schema: ParamSchema) -> CostRow:
    return CostRow(
        since=present.date(one.effective_from),
        words=cost_words(one.rule, schema),
        rule=pretty(one.rule),
        source=one.source,
        observed=present.date(one.observed_at) if one.observed_at else "",
        author=one.author,
        verified=one.verified,
        is_live=one.is_live,
        is_future=one.effective_from > clock.now(),
    )


def schema_of(raw: Mapping[str, Any] | None) -> ParamSchema:
    try:
        return parse_schema(raw) if raw is not None else ParamSchema()
    except InvalidInput:
        return ParamSchema()
