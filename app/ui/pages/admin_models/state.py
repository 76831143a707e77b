"""Handlers of the table of models: reading, searching, filtering."""

import asyncio
from typing import ClassVar

import reflex as rx

from app.catalogue.operations import MODALITIES
from app.kernel import clock
from app.kernel.errors import FareboxError
from app.ui import present
from app.ui.guard import PageState
from app.ui.pages.admin_models.lines import VIEWS, ModelLine, haystack, read_lines, shows
from app.ui.pages.model_editor.offering import LISTENERS
from app.ui.roles import Role

LONGEST = 200
#: What a select stands at for every modality (Radix takes no empty value).
ANY = "any"


class AdminModelsState(PageState):
    """`lines` are those the search and the filters leave of `_every`."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    problem: str = ""
    search: str = ""
    view: str = "all"
    modality: str = ANY
    lines: list[ModelLine] = []
    counts: dict[str, str] = dict.fromkeys(VIEWS, "0")
    has_any: bool = False
    _every: list[ModelLine] = []

    @rx.event
    async def load(self):
        """Every model as it is now."""
        try:
            self._every = await asyncio.to_thread(read_lines, clock.now())
        except FareboxError as refused:
            self.problem, self.ready = refused.message, True
            return
        self.problem, self.has_any = "", bool(self._every)
        self._filter()
        self.ready = True

    def _filter(self) -> None:
        self.counts = {view: present.count(sum(shows(view, line) for line in self._every)) for view in VIEWS}
        words = self.search.casefold().split()
        self.lines = [
            line
            for line in self._every
            if shows(self.view, line)
            and self.modality in (ANY, line["modality"])
            and all(word in haystack(line) for word in words)
        ]

    @rx.event
    def look_for(self, text: str):
        self.search = str(text)[:LONGEST]
        self._filter()

    @rx.event
    def choose_view(self, view: str):
        if view in VIEWS:
            self.view = view
            self._filter()

    @rx.event
    def choose_modality(self, modality: str):
        if modality == ANY or modality in MODALITIES:
            self.modality = modality
            self._filter()


LISTENERS["/admin/models"] = AdminModelsState.load
