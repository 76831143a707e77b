"""Handlers of the dialog for one route: provider, order, names upstream, settings."""

import asyncio
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.catalogue.drafts import json_of
from app.catalogue.routes import BILLABLE_UNITS, RouteForm
from app.kernel.errors import FareboxError, InvalidInput, RuleRefused
from app.kernel.text import t
from app.pricing.editor_text import pretty, read_json
from app.ui.components import toast_done
from app.ui.pages.model_editor.arguments import actor, clipped
from app.ui.pages.model_editor.routing.rows import MappingRow, mapping_rows, schema_of
from app.ui.pages.model_editor.routing.state import LONGEST_NAME, RoutesState
from app.ui.visits import EVERYTHING

LONGEST_NUMBER = 6
ANY_UNITS = "none"


class RouteState(RoutesState):
    """One route as it is being written; `route_id` is empty for a new one."""

    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    # the route dialog
    route_open: bool = False
    route_id: str = ""  # empty for a new one
    route_provider: str = ""
    route_upstream: str = ""
    route_priority: str = "0"
    route_weight: str = "100"
    route_enabled: bool = True
    route_units: str = ANY_UNITS
    route_rest: str = "{}"
    route_mapping: list[MappingRow] = []
    route_problem: str = ""

    @rx.event
    async def edit_route(self, route_id: str):
        """The dialog for one route, or for a new one (empty id)."""
        page = await asyncio.to_thread(services.current().editing.read, self.model_id)
        found = next((one for one in page.routes if one.route_id == route_id), None)
        form = found.form if found else RouteForm(self.providers[0]["value"] if self.providers else "", "")
        self.route_id = found.route_id if found else ""
        self.route_provider, self.route_upstream = form.provider_id, form.upstream_model
        self.route_priority = str(form.priority if found else len(page.routes))
        self.route_weight = str(form.weight)
        self.route_enabled = form.enabled
        settings = dict(form.settings)
        self.route_units = str(settings.pop("billable_units", ANY_UNITS))
        self.route_rest = pretty(settings)
        names = schema_of(self._schema()).names
        self.route_mapping = mapping_rows(names, form.mapping)
        self.route_problem, self.route_open = "", True

    @rx.event
    def set_route_open(self, is_open: bool):
        self.route_open = is_open is True

    @rx.event
    def set_route(self, name: str, text: str):
        """A field of the dialog."""
        if name in ("provider", "upstream", "priority", "weight", "units", "rest"):
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
        priority, weight = _whole(self.route_priority), _whole(self.route_weight)
        if priority is None:
            raise InvalidInput(t("model_editor.routing.priority_wrong"))
        if weight is None:
            raise InvalidInput(t("model_editor.routing.weight_wrong"))
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
        upstream = self.route_upstream.strip()
        return RouteForm(self.route_provider, upstream, priority, self.route_enabled, sent, settings, weight)


def _whole(text: str) -> int | None:
    """A whole number as it was typed, None for anything else."""
    text = text.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and len(digits) <= LONGEST_NUMBER else None


#: For handlers that are given arguments: the type checker takes `RouteState.handler` for a namespace.
on: Any = RouteState
