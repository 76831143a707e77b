"""The gallery's state: filters, the cards that fit, and the one that is open."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.catalogue.offers import Offer
from app.generation import views
from app.generation.gallery import models_used
from app.generation.preview import preview
from app.generation.views import Filter, Seen
from app.kernel.errors import FareboxError, NotFound
from app.kernel.ids import is_id
from app.kernel.money import Money
from app.kernel.text import t
from app.pricing.parameters import ParamSchema
from app.ui import present, wiring
from app.ui.guard import PageState, workspace_id
from app.ui.pages.playground import seen as shown
from app.ui.pages.playground.labels import setting_label, value_label
from app.ui.pages.playground.look import least_of
from app.ui.pages.playground.seen import NO_RESULT, ResultRow
from app.ui.pages.playground.starters import STARTERS, model_for, params_for
from app.ui.roles import Role

PAGE = 24
MODALITIES = ("image", "video", "audio")
PERIODS: dict[str, timedelta | None] = {
    "any": None,
    "today": timedelta(0),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
#: A select's items cannot be empty.
EVERY = "every-one"
LONGEST_SEARCH = 200


class CardRow(TypedDict):
    """One output."""

    id: str
    generation: str
    kind: str
    thumb: str
    title: str
    detail: str
    credits: str
    when: str
    label: str


class SettingRow(TypedDict):
    name: str
    value: str


class DetailRow(TypedDict):
    """What the open card says beside its picture."""

    words: str
    settings: list[SettingRow]
    request: str
    file: str
    first: int
    model_title: str
    short_generation: str
    short_request: str
    short_file: str


class StarterRow(TypedDict):
    title: str
    picture: str
    price: str
    href: str


NO_DETAIL = DetailRow(
    words="",
    settings=[],
    request="",
    file="",
    first=0,
    model_title="",
    short_generation="",
    short_request="",
    short_file="",
)


@dataclass(frozen=True, slots=True)
class Page:
    """What one look found."""

    now: datetime
    found: Sequence[tuple[Seen, ParamSchema]]
    has_more: bool
    models: Sequence[tuple[str, str]]


class GalleryState(PageState):
    """Filters are of this tab; what they filter is the workspace's."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    trouble: str = ""
    modality: str = EVERY
    model: str = EVERY
    period: str = "any"
    search: str = ""
    models: list[dict[str, str]] = []
    cards: list[CardRow] = []
    has_more: bool = False
    is_empty: bool = False
    busy: bool = False
    first_image: str = ""
    starters: list[StarterRow] = []
    is_open: bool = False
    result: ResultRow = NO_RESULT
    detail: DetailRow = NO_DETAIL
    has_previous: bool = False
    has_next: bool = False

    _loaded: int = PAGE

    @rx.event
    async def load(self):
        """On every visit."""
        wiring.follow(self, workspace_id(), GalleryState.refresh)
        self.is_open = False
        await self._look()

    @rx.event
    async def refresh(self):
        """Something happened in the workspace: new results come in at the top."""
        if self.ready and not self.trouble:
            await self._look()

    @rx.event
    async def set_modality(self, modality: str):
        if modality in (*MODALITIES, EVERY):
            self.modality = modality
            await self._start_over()

    @rx.event
    async def set_model(self, alias: str):
        if alias == EVERY or any(row["value"] == alias for row in self.models):
            self.model = alias
            await self._start_over()

    @rx.event
    async def set_period(self, period: str):
        if period in PERIODS:
            self.period = period
            await self._start_over()

    @rx.event
    async def set_search(self, text: str):
        self.search = str(text)[:LONGEST_SEARCH]
        await self._start_over()

    @rx.event
    async def clear(self):
        """Every filter off."""
        self.modality = self.model = EVERY
        self.period, self.search = "any", ""
        await self._start_over()

    @rx.event
    async def more(self):
        """The next page, under what is there."""
        if self.busy or not self.has_more:
            return
        self.busy = True
        yield
        self._loaded += PAGE
        await self._look()
        self.busy = False

    @rx.event
    async def open_card(self, file_id: str):
        """Show one output with everything about it."""
        if is_id(str(file_id), "file"):
            await self._open(str(file_id))

    @rx.event
    def set_open(self, is_open: bool):
        self.is_open = is_open is True

    @rx.event
    async def step(self, by: int):
        """The card before or after the one that is open."""
        at = self._place()
        if by in (-1, 1) and at is not None and 0 <= at + by < len(self.cards):
            await self._open(self.cards[at + by]["id"])

    # ---- inside ----

    async def _start_over(self) -> None:
        self._loaded = PAGE
        await self._look()

    async def _look(self) -> None:
        wanted = self._filter()
        try:
            page = await asyncio.to_thread(_page, wanted, self._loaded)
        except FareboxError as refused:
            self.trouble, self.ready = refused.message, True
            return
        self.trouble = ""
        self.cards = [card for seen, schema in page.found for card in card_rows(seen, schema, page.now)]
        self.models = [
            {"value": EVERY, "label": t("gallery.filter.every_model")},
            *({"value": alias, "label": title} for alias, title in page.models),
        ]
        self.has_more = page.has_more
        self.is_empty = not page.models
        if self.is_empty:
            await self._invite()
        self.ready = True

    async def _invite(self) -> None:
        available = await asyncio.to_thread(services.current().ledger.balance, workspace_id())
        self.first_image, self.starters = await asyncio.to_thread(invitation, available.available, workspace_id())

    def _filter(self) -> Filter:
        return Filter(
            workspace_id=workspace_id(),
            modality=None if self.modality == EVERY else self.modality,
            model=None if self.model == EVERY else self.model,
            search=self.search.strip() or None,
            since=since(self.period, services.current().desk.clock()),
            with_files=True,
        )

    async def _open(self, file_id: str) -> None:
        try:
            seen, schema, now = await asyncio.to_thread(_of_file, file_id, workspace_id())
        except NotFound as gone:
            self.trouble = gone.message
            return
        self.result = shown.result_row(seen, schema, now)
        self.detail = detail_row(seen, schema, file_id)
        self.is_open = True
        at = self._place()
        self.has_previous = at is not None and at > 0
        self.has_next = at is not None and at < len(self.cards) - 1

    def _place(self) -> int | None:
        file_id = self.detail["file"]
        return next((index for index, card in enumerate(self.cards) if card["id"] == file_id), None)


def since(period: str, now: datetime) -> datetime | None:
    """Where a period begins; today begins at 00:00 UTC."""
    span = PERIODS[period]
    if span is None:
        return None
    return now - span if span else now.replace(hour=0, minute=0, second=0, microsecond=0)


def card_rows(seen: Seen, schema: ParamSchema, now: datetime) -> list[CardRow]:
    """A card for each output of a generation."""
    title, total = shown.title_of(seen), len(seen.files)
    credits = present.credit_words(Money(int(seen.row["charged_micros"] or 0)))
    found = []
    for number, file in enumerate(seen.files, 1):
        if file["expired_at"] is not None or file["kind"] == "text":
            continue
        output = shown.output_row(file)
        part = t("gallery.part", number=number, total=total) if total > 1 else output["size"]
        found.append(
            CardRow(
                id=output["id"],
                generation=seen.id,
                kind=output["kind"],
                thumb=output["thumb"],
                title=title,
                detail=f" {present.DOT} ".join(one for one in (seen.alias, part) if one),
                credits=credits,
                when=present.moment(seen.row["created_at"], now),
                label=t("gallery.card", title=title, model=seen.title, credits=credits),
            )
        )
    return found


def detail_row(seen: Seen, schema: ParamSchema, file_id: str) -> DetailRow:
    """The settings of a generation in the schema's words and order; texts apart."""
    params = seen.row["params"]
    words = next((params[name] for name in shown.WORDS if isinstance(params.get(name), str)), "")
    settings = []
    for name, value in params.items():
        if name in shown.WORDS or value is None:
            continue
        parameter = schema.get(name)
        title = (parameter.title if parameter else "") or value_label(name)
        settings.append(SettingRow(name=title, value=setting_label(parameter, value, schema)))
    ids = [file["id"] for file in seen.kept_files]
    return DetailRow(
        words=words,
        settings=settings,
        request=seen.row["request_id"],
        file=file_id,
        first=ids.index(file_id) if file_id in ids else 0,
        model_title=seen.title,
        short_generation=present.short_id(seen.id),
        short_request=present.short_id(seen.row["request_id"]),
        short_file=present.short_id(file_id),
    )


def invitation(available: Money, workspace: str) -> tuple[str, list[StarterRow]]:
    """What a first image costs, and the starters with their prices: for somebody who has made nothing."""
    house = services.current()
    offers = house.offers.list()
    images = [least for one in offers if one.modality == "image" and (least := least_of(one)) is not None]
    sentence = ""
    if images:
        cost = present.credit_words(Money(min(images)))
        sentence = t("gallery.empty.first_image", cost=cost, available=present.credits(available))
    rows = [_starter_row(index, offers, workspace) for index in range(len(STARTERS))]
    return sentence, [row for row in rows if row is not None]


def _starter_row(index: int, offers: list[Offer], workspace: str) -> StarterRow | None:
    one = STARTERS[index]
    offer = model_for(one, offers)
    if offer is None:
        return None
    try:
        found = preview(services.current().desk, offer.alias, params_for(one, offer), workspace)
    except FareboxError:
        return None
    if found.quote is None:
        return None
    count = shown.asked(offer.schema, found.params)
    words = [present.plural(count, t("playground.count.image"), t("playground.count.images"))]
    words += [value_label(value) for value in one.params.values() if value == found.params.get("resolution")]
    price = t("gallery.starter.price", amount=present.credit_words(found.quote.total), detail=", ".join(words))
    return StarterRow(title=one.title, picture=one.picture, price=price, href=one.href)


def _page(wanted: Filter, count: int) -> Page:
    """The newest `count` generations that fit, with the schemas they were asked under."""
    house = services.current()
    with house.db.read() as connection:
        found: list[Seen] = []
        before: str | None = None
        while len(found) <= count:
            more = min(views.MAX_PAGE, count + 1 - len(found))
            part = views.page(connection, _continued(wanted, before, more))
            found += part
            if len(part) < more:
                break
            before = part[-1].id
        models = models_used(connection, wanted.workspace_id or "")
    schemas = [house.offers.of_version(seen.row["version_id"]).schema for seen in found[:count]]
    return Page(house.desk.clock(), list(zip(found[:count], schemas, strict=True)), len(found) > count, models)


def _continued(wanted: Filter, before: str | None, limit: int) -> Filter:
    return Filter(
        workspace_id=wanted.workspace_id,
        modality=wanted.modality,
        model=wanted.model,
        search=wanted.search,
        since=wanted.since,
        with_files=True,
        before=before,
        limit=limit,
    )


def _of_file(file_id: str, workspace: str) -> tuple[Seen, ParamSchema, datetime]:
    house = services.current()
    with house.db.read() as connection:
        generation_id = views.find_any(connection, file_id, workspace)
        if generation_id is None:
            raise NotFound(t("playground.notice.no_generation"))
        seen = views.find(connection, generation_id, workspace)
    return seen, house.offers.of_version(seen.row["version_id"]).schema, house.desk.clock()
