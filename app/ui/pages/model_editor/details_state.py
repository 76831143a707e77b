"""Handlers of the Details tab. Names and limits take effect at once, so they are saved by a button, not as typed."""

import asyncio
from dataclasses import replace

import reflex as rx

from app import services
from app.catalogue.details import MODALITIES
from app.catalogue.offers import Limits
from app.catalogue.overview import ModelPage
from app.catalogue.routes import RouteForm
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.money import Money, exact, plain
from app.kernel.text import t
from app.ui.components import toast_done
from app.ui.pages.model_editor.rows import OptionRow
from app.ui.pages.model_editor.state import EditorState, actor, clipped, read_editor

FIELDS = ("title", "alias", "description", "modality", "upstream", "per_minute", "at_once", "per_day")
LONGEST_TEXT = 2_100


class DetailsState(EditorState):
    """`form` is what stands in the fields, `wrong` a sentence for each field that was refused."""

    form: dict[str, str] = dict.fromkeys(FIELDS, "")
    kept: dict[str, str] = dict.fromkeys(FIELDS, "")
    wrong: dict[str, str] = dict.fromkeys(FIELDS, "")
    dirty: bool = False
    refused: str = ""
    saving: bool = False
    provider_name: str = ""
    provider_kind: str = ""
    other_routes: str = ""
    modalities: list[OptionRow] = []

    @rx.event
    async def load_details(self):
        """What the model says about itself now."""
        if not self.model_id or self.missing:
            return
        loaded = await asyncio.to_thread(read_editor, self.model_id)
        page = loaded.page
        first = page.routes[0] if page.routes else None
        self.provider_name = first.provider_name if first else ""
        self.provider_kind = loaded.kinds.get(first.form.provider_id, "") if first else ""
        rest = [route.provider_name for route in page.routes[1:]]
        self.other_routes = t("model_editor.details.others", names=", ".join(rest)) if rest else ""
        self.kept = form_of(page)
        self.form, self.wrong, self.refused, self.dirty = dict(self.kept), _nothing_wrong(), "", False

    @rx.event
    def set_value(self, name: str, text: str):
        if name in FIELDS:
            self.form = {**self.form, name: clipped(text, LONGEST_TEXT)}
            self.wrong = {**self.wrong, name: ""}
            self.dirty = self.form != self.kept

    @rx.event
    def revert(self):
        self.form, self.wrong, self.refused, self.dirty = dict(self.kept), _nothing_wrong(), "", False

    @rx.event
    async def save(self):
        """Write the details down; customers see them from now on."""
        self.saving, self.wrong, self.refused = True, _nothing_wrong(), ""
        yield
        try:
            await asyncio.to_thread(save_details, self.model_id, dict(self.form), actor())
        except FareboxError as refused:
            self.saving = False
            if refused.param:
                self.wrong = {**self.wrong, _field(refused.param): refused.message}
            else:
                self.refused = refused.message
            return
        self.saving = False
        await self._reload(keep_draft=True)
        self.kept, self.dirty = dict(self.form), False
        yield toast_done(t("model_editor.details.saved"))


def form_of(page: ModelPage) -> dict[str, str]:
    """A model's details as the fields show them."""
    details, first = page.details, page.routes[0] if page.routes else None
    limits = details.limits
    per_day = limits.credits_per_day_micros
    return {
        "title": details.title,
        "alias": details.alias,
        "description": details.description,
        "modality": details.modality,
        "upstream": first.form.upstream_model if first else "",
        "per_minute": "" if limits.requests_per_minute is None else str(limits.requests_per_minute),
        "at_once": "" if limits.concurrent_jobs is None else str(limits.concurrent_jobs),
        "per_day": "" if per_day is None else plain(Money(per_day).amount),
    }


def save_details(model_id: str, form: dict[str, str], author: str) -> None:
    """The form's details and the first route's upstream id; InvalidInput names what cannot be."""
    editing = services.current().editing
    page = editing.read(model_id)
    if form["modality"] not in MODALITIES:
        raise InvalidInput(t("model_editor.details.modality_wrong"), param="modality")
    details = replace(
        page.details,
        title=form["title"],
        alias=form["alias"].strip(),
        description=form["description"],
        modality=form["modality"],
        limits=Limits(_count(form, "per_minute"), _count(form, "at_once"), _credits(form, "per_day")),
    )
    editing.edit_details(model_id, details, author)
    if page.routes and form["upstream"].strip() != page.routes[0].form.upstream_model:
        changed: RouteForm = replace(page.routes[0].form, upstream_model=form["upstream"].strip())
        editing.edit_route(page.routes[0].route_id, changed, author)


def _count(form: dict[str, str], name: str) -> int | None:
    text = form[name].strip()
    if not text:
        return None
    if not text.isdigit() or len(text) > 9:
        raise InvalidInput(t("model_editor.details.count_wrong"), param=name)
    return int(text)


def _credits(form: dict[str, str], name: str) -> int | None:
    text = form[name].strip()
    if not text:
        return None
    try:
        return Money.from_exact(exact(text)).micros
    except (ValueError, OverflowError):
        raise InvalidInput(t("model_editor.details.count_wrong"), param=name) from None


def _field(param: str | None) -> str:
    """Which field a refusal is about."""
    names = {
        "requests_per_minute": "per_minute",
        "concurrent_jobs": "at_once",
        "credits_per_day": "per_day",
        "upstream_model": "upstream",
    }
    return names.get(param or "", param or "")


def _nothing_wrong() -> dict[str, str]:
    return dict.fromkeys(FIELDS, "")
