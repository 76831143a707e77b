"""Handlers of the dialog for a new cost: appended, never changed."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.catalogue.costs import CostForm
from app.catalogue.drafts import json_of
from app.catalogue.judging import Placed
from app.kernel import clock
from app.kernel.errors import FareboxError, InvalidInput, RuleRefused
from app.kernel.text import t
from app.pricing.editor_text import line_of, pretty, read_json
from app.pricing.parameters import ParamSchema
from app.pricing.rule import parse_rule
from app.ui.components import toast_done
from app.ui.pages.model_editor.arguments import actor, clipped
from app.ui.pages.model_editor.problem_rows import problem_rows
from app.ui.pages.model_editor.routing.cost_words import cost_words
from app.ui.pages.model_editor.routing.rows import schema_of
from app.ui.pages.model_editor.routing.state import RoutesState
from app.ui.pages.model_editor.rows import ProblemRow
from app.ui.visits import EVERYTHING


class CostState(RoutesState):
    """A cost as it is being written, begun from the present one."""

    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

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
        schema = schema_of(self._schema())
        found, said = judged_cost(self.cost_text, schema)
        self.cost_problems, self.cost_said = problem_rows(found), said


#: For handlers that are given arguments: the type checker takes `CostState.handler` for a namespace.
on: Any = CostState


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
