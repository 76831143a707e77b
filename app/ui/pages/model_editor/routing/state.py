"""Handlers of the Routing & cost tab: the routes as they are, and which of them serve."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import reflex as rx

from app import services
from app.catalogue.overview import ModelPage
from app.kernel.errors import FareboxError
from app.ui.pages.model_editor.arguments import actor, clipped
from app.ui.pages.model_editor.reading import read_editor
from app.ui.pages.model_editor.routing.rows import RouteRow, policy_words, route_row, schema_of
from app.ui.pages.model_editor.rows import OptionRow
from app.ui.pages.model_editor.state import EditorState

LONGEST_NAME = 200


class RoutesState(EditorState):
    """`opened` is the route whose costs are shown."""

    routes: list[RouteRow] = []
    providers: list[OptionRow] = []
    opened: str = ""
    policy: str = ""

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
        schema = schema_of(self._schema())
        self.routes = [route_row(route, kinds.get(route.form.provider_id, ""), schema) for route in page.routes]
        self.policy = policy_words(page.policy)
        known = [route["route_id"] for route in self.routes]
        if self.opened not in known:
            self.opened = known[0] if known else ""

    @rx.event
    def open_costs(self, route_id: str):
        self.opened = "" if self.opened == route_id else clipped(route_id, LONGEST_NAME)

    @rx.event
    async def switch_route(self, route_id: str, on: bool):
        """A route on or off."""
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

    async def _read_again(self) -> None:
        loaded = await asyncio.to_thread(read_editor, self.model_id)
        self._show_routes(loaded.page, loaded.kinds)


#: For handlers that are given arguments: the type checker takes `RoutesState.handler` for a namespace.
on: Any = RoutesState
