"""The list of models with its filter, and the one that is open."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.catalogue.offers import Offer
from app.catalogue.operations import MODALITIES
from app.catalogue.price_words import PriceWords, price_words
from app.kernel.text import t
from app.services import Services
from app.ui import wiring
from app.ui.guard import PageState
from app.ui.pages.models.prices import PriceGrid, price_grids
from app.ui.pages.models.rows import (
    ALL,
    NO_FACTS,
    Facts,
    ModelRow,
    ParamRow,
    WhenRow,
    facts,
    model_row,
    param_rows,
    when_rows,
)
from app.ui.roles import Role

LONGEST_TEXT = 100


class Tab(TypedDict):
    value: str
    label: str
    price: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """What was read: the models that fit the filter, the kinds there are, and the model that is open."""

    listed: list[tuple[Offer, str]]
    kinds: list[str]
    opened: Offer | None
    words: PriceWords | None
    grids: list[PriceGrid]


class ModelsState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    rows: list[ModelRow] = []
    tabs: list[Tab] = []
    modality: str = ALL
    search: str = ""
    counted: str = ""
    has_any: bool = False
    is_open: bool = False  # whether the address names a model: a phone then shows it alone
    facts: Facts = NO_FACTS
    tiers: list[WhenRow] = []
    adjustments: list[WhenRow] = []
    notes: list[str] = []
    grids: list[PriceGrid] = []
    params: list[ParamRow] = []

    @rx.event
    async def load(self):
        """A visit, or another model chosen: the address says which."""
        wanted = self.router.url.query_parameters.get("model", "")[:LONGEST_TEXT]
        self.is_open = bool(wanted)
        await self._show(wanted)
        self.ready = True

    @rx.event
    async def choose_modality(self, chosen: str):
        """Models of one kind, or all."""
        if chosen in (ALL, *MODALITIES):
            self.modality = chosen
            await self._show(self.facts["alias"])

    @rx.event
    async def look_for(self, text: str):
        """Models whose name or description has these words."""
        self.search = str(text)[:LONGEST_TEXT]
        await self._show(self.facts["alias"])

    @rx.event
    async def clear(self):
        """All models again."""
        self.modality, self.search = ALL, ""
        await self._show(self.facts["alias"])

    async def _show(self, wanted: str) -> None:
        parts = services.current()
        modality = None if self.modality == ALL else self.modality
        shelf = await asyncio.to_thread(read, parts, modality, self.search, wanted)
        self.has_any = bool(shelf.kinds)
        self.tabs = [Tab(value=kind, label=t(f"models.tab.{kind}"), price="") for kind in (ALL, *shelf.kinds)]
        self._open(shelf, parts)
        self.rows = [model_row(offer, headline, self.facts["alias"]) for offer, headline in shelf.listed]
        count = len(self.rows)
        self.counted = t("models.one") if count == 1 else t("models.count", count=count)

    def _open(self, shelf: Shelf, parts: Services) -> None:
        offer, words = shelf.opened, shelf.words
        if offer is None or words is None:
            self.facts, self.is_open = NO_FACTS, False
            self.tiers, self.adjustments, self.notes, self.grids, self.params = [], [], [], [], []
            return
        self.facts = facts(offer, words, wiring.current().api_model(offer), parts.settings.public_url)
        self.tiers, self.adjustments = when_rows(words.tiers), when_rows(words.adjustments)
        self.notes = list(words.notes)
        self.grids, self.params = shelf.grids, param_rows(offer)


def read(parts: Services, modality: str | None, search: str, wanted: str) -> Shelf:
    """The shelf; an unknown or withdrawn model opens the first one instead."""
    every = parts.offers.list()
    listed = [(offer, price_words(offer).headline) for offer in parts.offers.list(modality, search)]
    opened = next((offer for offer in every if wanted in (offer.alias, offer.model_id)), every[0] if every else None)
    kinds = [kind for kind in MODALITIES if any(offer.modality == kind for offer in every)]
    if opened is None:
        return Shelf(listed, kinds, None, None, [])
    return Shelf(listed, kinds, opened, price_words(opened), price_grids(opened))
