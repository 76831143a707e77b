"""`/admin/models`: every model with its price, its worst margin and whether customers may use it; and adding one."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, TypedDict

import reflex as rx

from app import services
from app.catalogue.details import MODALITIES, Details
from app.catalogue.drafts import Draft
from app.catalogue.listing import Listed, Listings
from app.catalogue.routes import RouteForm
from app.kernel import clock
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.text import t
from app.pricing.matrix import Status
from app.ui import present
from app.ui.components import (
    Column,
    button,
    chip,
    dialog,
    empty_state,
    field,
    filter_input,
    modality_icon,
    notice,
    provider_tile,
    row,
    segmented,
    select,
    two_line,
    var,
)
from app.ui.components.table import data_table
from app.ui.components.typed import typed_input
from app.ui.guard import PageState, who
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.model_editor.offering import LISTENERS, OfferState, offer_dialog
from app.ui.pages.model_editor.rows import OptionRow
from app.ui.pages.model_editor.rule_edits import figure_in, starting_rule
from app.ui.pages.model_editor.starters import PRICE_UNIT, starting_schema
from app.ui.roles import Role

VIEWS = ("all", "enabled", "off", "draft", "attention")
FIELDS = ("title", "alias", "provider", "upstream", "modality", "price")
LONGEST = 200
#: What a select stands at for every modality (Radix takes no empty value).
ANY = "any"


class ModelLine(TypedDict):
    model_id: str
    href: str
    alias: str
    title: str
    modality: str
    kinds: list[str]
    providers: str
    price: str
    margin: str
    tone: str
    worst: str
    version: str
    enabled: bool
    verified: bool
    draft: str
    needs: bool


_listings = Listings()


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
    # adding one
    adding: bool = False
    providers: list[OptionRow] = []
    form: dict[str, str] = dict.fromkeys(FIELDS, "")
    wrong: dict[str, str] = dict.fromkeys(FIELDS, "")
    refused: str = ""
    saving: bool = False
    _every: list[ModelLine] = []
    _typed_alias: bool = False

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
        self.counts = {view: present.count(sum(_shows(view, line) for line in self._every)) for view in VIEWS}
        words = self.search.casefold().split()
        self.lines = [
            line
            for line in self._every
            if _shows(self.view, line)
            and self.modality in (ANY, line["modality"])
            and all(word in _haystack(line) for word in words)
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

    # ---- adding ----

    @rx.event
    async def open_add(self):
        """An empty form; the first provider is chosen."""
        cards = await asyncio.to_thread(services.current().editing.providers)
        self.providers = [OptionRow(value=card.provider_id, label=card.name) for card in cards]
        first = self.providers[0]["value"] if self.providers else ""
        self.form = {**dict.fromkeys(FIELDS, ""), "provider": first, "modality": "image", "price": "10"}
        self.wrong, self.refused, self.saving, self._typed_alias = dict.fromkeys(FIELDS, ""), "", False, False
        self.adding = True

    @rx.event
    def set_adding(self, is_open: bool):
        self.adding = is_open is True

    @rx.event
    def set_value(self, name: str, text: str):
        """A field of the form; the alias follows the title until it is typed itself."""
        if name not in FIELDS:
            return
        form = {**self.form, name: str(text)[:LONGEST]}
        self._typed_alias = self._typed_alias or name == "alias"
        if name == "title" and not self._typed_alias:
            form["alias"] = alias_of(form["title"])
        self.form, self.wrong = form, {**self.wrong, name: ""}

    @rx.event
    async def add(self):
        """A disabled model with a route, starting parameters and a starting price, as a draft; then its editor."""
        self.saving, self.refused = True, ""
        yield
        try:
            model_id = await asyncio.to_thread(create, dict(self.form), who().user_id)
        except FareboxError as refused:
            self.saving = False
            name = {"provider_id": "provider", "upstream_model": "upstream"}.get(
                refused.param or "", refused.param or ""
            )
            if name in FIELDS:
                self.wrong = {**self.wrong, name: refused.message}
            else:
                self.refused = refused.message
            return
        self.adding, self.saving = False, False
        yield rx.redirect(f"/admin/models/{model_id}?tab=pricing")


LISTENERS["/admin/models"] = AdminModelsState.load


def read_lines(now: datetime) -> list[ModelLine]:
    """Every model as text."""
    house = services.current()
    with house.db.reading() as session:
        listed = _listings.read(session, now, house.editing.credit_value)
    return [line_of(one, now) for one in listed]


def line_of(one: Listed, now: datetime) -> ModelLine:
    """One line of the table."""
    seen, standing = one.row, one.standing
    saved = seen.draft_saved_at
    tone = {Status.LOSS: "loss", Status.THIN: "thin", Status.UNPRICED: "loss"}.get(
        standing.status or Status.GOOD, "good"
    )
    known = standing.margin is not None
    return ModelLine(
        model_id=seen.model_id,
        href=f"/admin/models/{seen.model_id}",
        alias=seen.alias,
        title=seen.title,
        modality=seen.modality,
        kinds=list(one.kinds),
        providers=", ".join(seen.providers),
        price=standing.price or t("admin_models.no_price"),
        margin=present.percent(standing.margin) if known else present.NOTHING,
        tone=tone if known or standing.status is Status.LOSS else "neutral",
        worst=standing.worst,
        version=f"v{seen.live_number}" if seen.live_number else present.NOTHING,
        enabled=seen.enabled,
        verified=seen.verified,
        draft=t("admin_models.draft_since", time=present.moment(saved, now)) if saved else "",
        needs=standing.losses > 0 or not seen.verified or not seen.live_number or not seen.providers,
    )


def create(form: dict[str, str], author: str) -> str:
    """The model, its route and a draft that could be published as it stands. Returns its id."""
    editing = services.current().editing
    price = form["price"].strip()
    if isinstance(figure_in(price), str):
        raise InvalidInput(t("admin_models.form.price_wrong"), param="price")
    details = Details(alias=form["alias"].strip(), title=form["title"], modality=form["modality"])
    model_id = editing.create(details, RouteForm(form["provider"], form["upstream"].strip()), author)
    rule = starting_rule(form["modality"], price)
    editing.save_draft(model_id, Draft(starting_schema(form["modality"]), None, rule, 0))
    return model_id


def alias_of(title: str) -> str:
    """`FLUX.1 schnell` → `flux.1-schnell`."""
    return re.sub(r"[^a-z0-9._]+", "-", title.casefold()).strip("-._")[:64]


def _shows(view: str, line: ModelLine) -> bool:
    match view:
        case "enabled":
            return line["enabled"]
        case "off":
            return not line["enabled"]
        case "draft":
            return bool(line["draft"])
        case "attention":
            return line["needs"]
        case _:
            return True


def _haystack(line: ModelLine) -> str:
    return f"{line['alias']} {line['title']} {line['providers']} {line['modality']} {line['price']}".casefold()


# ---- the page ----

#: For handlers that are given arguments.
on: Any = AdminModelsState
_offering: Any = OfferState


@page("/admin/models", title=t("admin_models.title"), role=Role.OPERATOR, on_load=AdminModelsState.load)
def admin_models() -> rx.Component:
    return shell(
        _filters(),
        rx.el.section(
            data_table(
                _columns(),
                AdminModelsState.lines,
                label=t("admin_models.title"),
                href=lambda line: line["href"],
                phone=_phone,
                loading=~var(AdminModelsState.ready),
                error=AdminModelsState.problem,
                on_retry=AdminModelsState.load,
                empty=rx.cond(AdminModelsState.has_any, _nothing_found(), _nothing()),
            ),
            class_name="fb-card fb-ed-models",
        ),
        offer_dialog(),
        _add_dialog(),
        here="admin_models",
        title=t("admin_models.title"),
        area=Role.OPERATOR,
        actions=[
            button(
                t("admin_models.add"),
                kind="solid",
                icon_name="plus",
                on_click=AdminModelsState.open_add,
                custom_attrs={"data-testid": "add-model"},
            )
        ],
    )


def _filters() -> rx.Component:
    counts = AdminModelsState.counts
    return row(
        filter_input(
            value=AdminModelsState.search, on_change=AdminModelsState.look_for, label=t("admin_models.search")
        ),
        segmented(
            [(view, t(f"admin_models.view.{view}"), counts[view]) for view in VIEWS],
            value=AdminModelsState.view,
            on_change=AdminModelsState.choose_view,
            label=t("admin_models.views"),
            full=False,
        ),
        rx.el.span(class_name="flex-1"),
        rx.el.span(
            select(
                [(ANY, t("admin_models.any")), *[(one, t(f"model_editor.modality.{one}")) for one in MODALITIES]],
                value=AdminModelsState.modality,
                on_change=AdminModelsState.choose_modality,
                label=t("admin_models.modality"),
            ),
            style={"width": "150px"},
        ),
        class_name="fb-ed-filters flex-wrap",
    )


def _columns() -> Sequence[Column]:
    return [
        Column(t("admin_models.model"), _name, grow=True),
        Column(t("admin_models.provider"), _providers, width="6rem", wide_only=True),
        Column(
            t("admin_models.price"), lambda line: rx.el.span(line["price"], class_name="fb-cut", title=line["price"])
        ),
        Column(t("admin_models.worst"), _margin, numeric=True, width="7rem"),
        Column(t("admin_models.version"), lambda line: line["version"], numeric=True, width="4.5rem", wide_only=True),
        Column(t("admin_models.offered"), _switch, width="5rem"),
    ]


def _name(line: Any) -> rx.Component:
    return rx.el.span(
        rx.el.span(modality_icon(line["modality"]), class_name="fb-text-3", title=line["modality"]),
        rx.el.span(line["title"], class_name="fb-medium fb-cut"),
        rx.el.span(line["alias"], class_name="fb-mono fb-small fb-cut"),
        rx.cond(line["draft"] != "", rx.el.span(chip(t("admin_models.draft"), tone="accent"), title=line["draft"])),
        rx.cond(line["verified"], None, chip(t("model_editor.unverified"), tone="outline")),
        class_name="fb-ed-model-name",
    )


def _providers(line: Any) -> rx.Component:
    return rx.el.span(
        rx.foreach(line["kinds"].to(list[str]), lambda kind: provider_tile(kind, size="small")),
        class_name="inline-flex gap-1",
        title=line["providers"],
    )


def _margin(line: Any) -> rx.Component:
    return rx.el.span(chip(line["margin"], tone=line["tone"]), title=line["worst"])


def _switch(line: Any) -> rx.Component:
    return rx.switch(
        checked=line["enabled"],
        on_change=lambda wanted: _offering.ask(line["model_id"], wanted),
        size="1",
        custom_attrs={"aria-label": t("admin_models.offer") + " " + line["alias"], "data-testid": "offer"},
    )


def _phone(line: Any) -> rx.Component:
    return two_line(
        line["title"],
        line["price"],
        line["margin"],
        rx.cond(line["enabled"], t("model_editor.enabled"), t("model_editor.disabled")),
        mark=modality_icon(line["modality"]),
        figure_tone=line["tone"],
    )


def _nothing() -> rx.Component:
    return empty_state(
        "box",
        t("admin_models.empty"),
        t("admin_models.empty_words"),
        button(t("admin_models.add"), kind="solid", icon_name="plus", on_click=AdminModelsState.open_add),
    )


def _nothing_found() -> rx.Component:
    return empty_state("search", t("admin_models.none_found"), t("admin_models.none_found_words"), compact=True)


def _add_dialog() -> rx.Component:
    form, wrong = AdminModelsState.form, AdminModelsState.wrong
    return dialog(
        field(
            t("admin_models.form.provider"),
            select(
                AdminModelsState.providers,
                value=form["provider"],
                on_change=lambda chosen: on.set_value("provider", chosen),
                label=t("admin_models.form.provider"),
            ),
            error=wrong["provider"],
        ),
        _input("upstream", t("admin_models.form.upstream_example"), mono=True),
        field(
            t("admin_models.form.modality"),
            segmented(
                [(one, t(f"model_editor.modality.{one}")) for one in MODALITIES],
                value=form["modality"],
                on_change=lambda chosen: on.set_value("modality", chosen),
                label=t("admin_models.form.modality"),
            ),
            error=wrong["modality"],
        ),
        rx.el.div(
            _input("title", t("admin_models.form.title_example")),
            _input("alias", "", mono=True),
            class_name="fb-form-pair",
        ),
        field(
            t("admin_models.form.price"),
            typed_input(
                value=form["price"],
                on_change=lambda text: on.set_value("price", text),
                id="add-price",
                input_mode="decimal",
                after=rx.match(
                    form["modality"], *[(name, t(f"model_editor.per.{key}")) for name, key in PRICE_UNIT.items()], ""
                ),
                delay=120,
            ),
            error=wrong["price"],
            hint=t("admin_models.form.price_hint"),
            for_id="add-price",
        ),
        rx.cond(AdminModelsState.refused != "", notice(AdminModelsState.refused)),
        title=t("admin_models.add"),
        detail=t("admin_models.form.words"),
        is_open=AdminModelsState.adding,
        on_open_change=AdminModelsState.set_adding,
        footer=[
            button(
                t("admin_models.form.act"),
                kind="solid",
                busy=AdminModelsState.saving,
                on_click=AdminModelsState.add,
                custom_attrs={"data-testid": "create-model"},
            )
        ],
    )


def _input(name: str, example: str, *, mono: bool = False) -> rx.Component:
    return field(
        t(f"admin_models.form.{name}"),
        typed_input(
            value=AdminModelsState.form[name],
            on_change=lambda text: on.set_value(name, text),
            placeholder=example,
            id=f"add-{name}",
            mono=mono,
            invalid=AdminModelsState.wrong[name] != "",
            delay=120,
        ),
        error=AdminModelsState.wrong[name],
        for_id=f"add-{name}",
    )
