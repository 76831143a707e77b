"""Adding a model: disabled, with a route, starting parameters and a starting price as its draft."""

import asyncio
import re
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.catalogue.details import Details
from app.catalogue.drafts import Draft
from app.catalogue.routes import RouteForm
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.text import t
from app.ui.guard import PageState, who
from app.ui.pages.model_editor.json_values import figure_in
from app.ui.pages.model_editor.rows import OptionRow
from app.ui.pages.model_editor.starters import starting_rule, starting_schema
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

FIELDS = ("title", "alias", "provider", "upstream", "modality", "price")
LONGEST = 200


class AddModelState(PageState):
    """The dialog's form; `wrong` has a sentence for each field that was refused."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    adding: bool = False
    providers: list[OptionRow] = []
    form: dict[str, str] = dict.fromkeys(FIELDS, "")
    wrong: dict[str, str] = dict.fromkeys(FIELDS, "")
    refused: str = ""
    saving: bool = False
    _typed_alias: bool = False

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


#: For handlers that are given arguments: the type checker takes `AddModelState.handler` for a namespace.
on: Any = AddModelState


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
