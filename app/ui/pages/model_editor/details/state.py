"""Handlers of the Details tab. Names and limits take effect at once, so they are saved by a button, not as typed."""

import asyncio
from typing import Any

import reflex as rx

from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.ui.components import toast_done
from app.ui.pages.model_editor.arguments import actor, clipped
from app.ui.pages.model_editor.details.form import FIELDS, changed, field_of, form_of, nothing_wrong, save_details
from app.ui.pages.model_editor.reading import read_editor
from app.ui.pages.model_editor.rows import OptionRow
from app.ui.pages.model_editor.state import EditorState

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
        self.form, self.wrong, self.refused, self.dirty = dict(self.kept), nothing_wrong(), "", False

    @rx.event
    def set_value(self, name: str, text: str):
        if name in FIELDS:
            self.form = changed(self.form, name, clipped(text, LONGEST_TEXT))
            self.wrong = {**self.wrong, name: ""}
            self.dirty = self.form != self.kept

    @rx.event
    def revert(self):
        self.form, self.wrong, self.refused, self.dirty = dict(self.kept), nothing_wrong(), "", False

    @rx.event
    async def save(self):
        """Write the details down; customers see them from now on."""
        self.saving, self.wrong, self.refused = True, nothing_wrong(), ""
        yield
        try:
            await asyncio.to_thread(save_details, self.model_id, dict(self.form), actor())
        except FareboxError as refused:
            self.saving = False
            if refused.param:
                self.wrong = {**self.wrong, field_of(refused.param): refused.message}
            else:
                self.refused = refused.message
            return
        self.saving = False
        await self._reload(keep_draft=True)
        self.kept, self.dirty = dict(self.form), False
        yield toast_done(t("model_editor.details.saved"))


#: For handlers that are given arguments: the type checker takes `DetailsState.handler` for a namespace.
on: Any = DetailsState
