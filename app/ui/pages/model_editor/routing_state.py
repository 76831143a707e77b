"""Handlers of the Routing & cost tab: ways of serving the model, and what each costs from when on."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypedDict

import reflex as rx

from app import services
from app.catalogue.costs import CostForm
from app.catalogue.drafts import json_of
from app.catalogue.judging import Placed
from app.catalogue.overview import CostSeen, ModelPage, RouteSeen
from app.catalogue.param_schema import parse_schema
from app.catalogue.routes import BILLABLE_UNITS, RouteForm
from app.kernel import clock
from app.kernel.errors import FareboxError, InvalidInput, RuleRefused
from app.kernel.text import t
from app.pricing.editor_text import line_of, pretty, read_json
from app.pricing.parameters import ParamSchema
from app.pricing.rule import parse_rule
from app.ui import present
from app.ui.components import toast_done
from app.ui.pages.model_editor.cost_words import cost_words
from app.ui.pages.model_editor.picture import problem_rows
from app.ui.pages.model_editor.rows import OptionRow, ProblemRow
from app.ui.pages.model_editor.state import EditorState, actor, clipped, read_editor

LONGEST_NAME = 200
LONGEST_NUMBER = 6
ANY_UNITS = "none"


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


class RoutingState(EditorState):
    """`routes` as they are; two dialogs, one for a route and one for a cost."""

    routes: list[RouteRow] = []
    providers: list[OptionRow] = []
    opened: str = ""  # the route whose costs are shown
    # the route dialog
    route_open: bool = False
    route_id: str = ""  # empty for a new one
    route_provider: str = ""
    route_upstream: str = ""
    route_priority: str = "0"
    route_enabled: bool = True
    route_units: str = ANY_UNITS
    route_rest: str = "{}"
    route_mapping: list[MappingRow] = []
    route_problem: str = ""
    # the cost dialog
    cost_open: bool = False
    cost_route: str = ""
    cost_route_name: str = ""
    cost_text: str = ""
    cost_problems: list[ProblemRow] = []
    cost_said: str = ""
    cost_from: str = ""
    cost_source: str = ""
    cost_observed: str = ""
    cost_verified: bool = False
    cost_problem: str = ""

    @rx.event
    async def load_routes(self):
        """Every route with its costs."""
        if not self.model_id or self.missing:
            return
        loaded = await asyncio.to_thread(read_editor, self.model_id)
        self._show_routes(loaded.page, loaded.kinds)
        cards = await asyncio.to_thread(services.current().editing.providers)
        self.providers = [OptionRow(value=card.provider_id, label=card.name) for card in cards]

    def _show_routes(self, page: ModelPage, kinds: Mapping[str, str]) -> None:
        schema = _schema_of(self._schema())
        self.routes = [
            route_row(route, at, kinds.get(route.form.provider_id, ""), schema) for at, route in enumerate(page.routes)
        ]
        known = [route["route_id"] for route in self.routes]
        if self.opened not in known:
            self.opened = known[0] if known else ""

    @rx.event
    def open_costs(self, route_id: str):
        self.opened = "" if self.opened == route_id else clipped(route_id, LONGEST_NAME)

    # ---- a route ----

    @rx.event
    async def edit_route(self, route_id: str):
        """The dialog for one route, or for a new one (empty id)."""
        page = await asyncio.to_thread(services.current().editing.read, self.model_id)
        found = next((one for one in page.routes if one.route_id == route_id), None)
        form = found.form if found else RouteForm(self.providers[0]["value"] if self.providers else "", "")
        self.route_id = found.route_id if found else ""
        self.route_provider, self.route_upstream = form.provider_id, form.upstream_model
        self.route_priority = str(form.priority if found else len(page.routes))
        self.route_enabled = form.enabled
        settings = dict(form.settings)
        self.route_units = str(settings.pop("billable_units", ANY_UNITS))
        self.route_rest = pretty(settings)
        names = _schema_of(self._schema()).names
        self.route_mapping = mapping_rows(names, form.mapping)
        self.route_problem, self.route_open = "", True

    @rx.event
    def set_route_open(self, is_open: bool):
        self.route_open = is_open is True

    @rx.event
    def set_route(self, name: str, text: str):
        """A field of the dialog."""
        if name in ("provider", "upstream", "priority", "units", "rest"):
            setattr(self, f"route_{name}", clipped(text, LONGEST_NAME if name != "rest" else 20_000))

    @rx.event
    def set_route_enabled(self, on: bool):
        self.route_enabled = on is True

    @rx.event
    def set_mapping(self, name: str, sent_as: str):
        """What a parameter is called upstream; empty for the same name."""
        called, wanted = clipped(name, LONGEST_NAME), clipped(sent_as, LONGEST_NAME).strip()
        self.route_mapping = [
            MappingRow(name=one["name"], sent_as=wanted, left_out=one["left_out"]) if one["name"] == called else one
            for one in self.route_mapping
        ]

    @rx.event
    def leave_out(self, name: str, on: bool):
        """A parameter that is ours alone."""
        called, is_ours = clipped(name, LONGEST_NAME), on is True
        self.route_mapping = [
            MappingRow(name=one["name"], sent_as=one["sent_as"], left_out=is_ours) if one["name"] == called else one
            for one in self.route_mapping
        ]

    @rx.event
    async def save_route(self):
        """Write the route down; it takes effect at once."""
        try:
            form = self._route_form()
            await asyncio.to_thread(self._write_route, form, actor())
        except FareboxError as refused:
            self.route_problem = refused.message
            return None
        self.route_open = False
        await self._reload(keep_draft=True)
        await self._read_again()
        return toast_done(t("model_editor.routing.saved"))

    def _write_route(self, form: RouteForm, author: str) -> None:
        editing = services.current().editing
        if self.route_id:
            editing.edit_route(self.route_id, form, author)
        else:
            editing.add_route(self.model_id, form, author)

    def _route_form(self) -> RouteForm:
        priority = self.route_priority.strip()
        if not priority.isdigit() or len(priority) > LONGEST_NUMBER:
            raise InvalidInput(t("model_editor.routing.priority_wrong"))
        try:
            settings = json_of(read_json(self.route_rest.strip() or "{}"), "settings")
        except RuleRefused as refused:
            raise InvalidInput(t("model_editor.routing.settings_wrong", why=refused.message)) from refused
        if self.route_units in BILLABLE_UNITS:
            settings["billable_units"] = self.route_units
        sent: dict[str, str | None] = {}
        for one in self.route_mapping:
            if one["left_out"]:
                sent[one["name"]] = None
            elif one["sent_as"] and one["sent_as"] != one["name"]:
                sent[one["name"]] = one["sent_as"]
        return RouteForm(
            self.route_provider, self.route_upstream.strip(), int(priority), self.route_enabled, sent, settings
        )

    @rx.event
    async def switch_route(self, route_id: str, on: bool):
        """A route on or off; the first that is on serves."""
        try:
            await asyncio.to_thread(self._switch, clipped(route_id, LONGEST_NAME), on is True, actor())
        except FareboxError as refused:
            return rx.toast(refused.message)
        await self._reload(keep_draft=True)
        await self._read_again()
        return None

    def _switch(self, route_id: str, on: bool, author: str) -> None:
        editing = services.current().editing
        found = next((one for one in editing.read(self.model_id).routes if one.route_id == route_id), None)
        if found is not None:
            editing.edit_route(route_id, replace(found.form, enabled=on), author)

    # ---- a cost ----

    @rx.event
    async def new_cost(self, route_id: str):
        """The dialog for a new cost, begun from the present one."""
        page = await asyncio.to_thread(services.current().editing.read, self.model_id)
        found = next((one for one in page.routes if one.route_id == route_id), None)
        if found is None:
            return
        now = clock.now()
        self.cost_route, self.cost_route_name = found.route_id, found.provider_name
        live = found.live_cost
        self.cost_text = pretty(live.rule) if live else pretty(_first_cost(self._rule()))
        self.cost_from = self.cost_observed = f"{now:%Y-%m-%d}"
        self.cost_source, self.cost_verified, self.cost_problem = "", False, ""
        self._judge_cost()
        self.cost_open = True

    @rx.event
    def set_cost_open(self, is_open: bool):
        self.cost_open = is_open is True

    @rx.event
    def type_cost(self, text: str):
        self.cost_text, self.cost_problem = clipped(text), ""
        self._judge_cost()

    @rx.event
    def set_cost(self, name: str, text: str):
        if name in ("from", "source", "observed"):
            setattr(self, f"cost_{name}", clipped(text, 500))

    @rx.event
    def set_cost_verified(self, on: bool):
        self.cost_verified = on is True

    @rx.event
    async def save_cost(self):
        """Append the cost; nothing that was written down before is changed."""
        self._judge_cost()
        if self.cost_problems:
            self.cost_problem = self.cost_problems[0]["message"]
            return None
        try:
            form = CostForm(
                rule=json_of(read_json(self.cost_text), "rule"),
                source=self.cost_source,
                effective_from=_begin(self.cost_from),
                observed_at=_day(self.cost_observed) if self.cost_observed else None,
                verified=self.cost_verified,
            )
            await asyncio.to_thread(services.current().editing.add_cost, self.cost_route, form, actor())
        except FareboxError as refused:
            self.cost_problem = refused.message
            return None
        self.cost_open = False
        await self._reload(keep_draft=True)
        await self._read_again()
        return toast_done(t("model_editor.routing.cost_saved"))

    def _judge_cost(self) -> None:
        schema = _schema_of(self._schema())
        found, said = judged_cost(self.cost_text, schema)
        self.cost_problems, self.cost_said = problem_rows(found), said

    async def _read_again(self) -> None:
        loaded = await asyncio.to_thread(read_editor, self.model_id)
        self._show_routes(loaded.page, loaded.kinds)


def judged_cost(text: str, schema: ParamSchema) -> tuple[list[Placed], str]:
    """What is wrong with a cost as typed, and what it says in words where nothing is."""
    try:
        raw = read_json(text)
    except RuleRefused as refused:
        found = refused.details.get("problems") or [{"path": "", "message": refused.message}]
        line = int(refused.details.get("line", 1))
        return [Placed("pricing_rule", found[0]["path"], found[0]["message"], line)], ""
    try:
        parse_rule(raw, schema)
    except RuleRefused as refused:
        return [
            Placed("pricing_rule", one["path"], one["message"], line_of(text, one["path"]))
            for one in refused.details.get("problems", ())
        ], ""
    return [], cost_words(raw, schema)


def route_row(route: RouteSeen, at: int, kind: str, schema: ParamSchema) -> RouteRow:
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
        place=t("model_editor.routing.place", number=at + 1),
        enabled=route.form.enabled,
        usable=route.usable,
        mapping=", ".join(renamed),
        settings=json.dumps(dict(route.form.settings), ensure_ascii=False) if route.form.settings else "",
        cost=cost_words(live.rule, schema) if live else "",
        verified=live.verified if live else False,
        costs=[_cost_row(one, schema) for one in route.costs],
    )


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


def _schema_of(raw: Mapping[str, Any] | None) -> ParamSchema:
    try:
        return parse_schema(raw) if raw is not None else ParamSchema()
    except InvalidInput:
        return ParamSchema()


def _first_cost(rule: Mapping[str, Any] | None) -> dict[str, Any]:
    unit = (rule or {}).get("unit", "request")
    keys = list((rule or {}).get("price") or {"perRequest": 0})
    return {"type": "formula", "unit": unit, "price": dict.fromkeys(keys, 0)}


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput(t("model_editor.routing.date_wrong")) from None


def _begin(text: str) -> datetime:
    """Midnight UTC of a day; today means from now on."""
    day, now = _day(text), clock.now()
    return now if day.date() == now.date() else day
