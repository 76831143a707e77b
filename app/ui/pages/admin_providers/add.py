"""Adding a provider: a further host that speaks OpenAI's protocol, or another account of a kind there is."""

import asyncio
import re
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.catalogue.provider_kinds import KINDS
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.ui.components import button, decision, dialog, field, notice, select
from app.ui.components.typed import typed_input
from app.ui.guard import PageState, who
from app.ui.pages.admin_providers.state import ProvidersState
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

LONGEST_NAME = 60
#: The type checker takes `ProvidersState.handler` for a namespace.
PAGE: Any = ProvidersState


class AddProviderState(PageState):
    """The dialog. A new provider has no key and is off; its form opens at once for both."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    adding: bool = False
    kind: str = "openai_compatible"
    name: str = ""
    refused: str = ""

    @rx.event
    def open_add(self):
        self.kind, self.name, self.refused, self.adding = "openai_compatible", "", "", True

    @rx.event
    def set_adding(self, is_open: bool):
        self.adding = is_open is True

    @rx.event
    def set_kind(self, kind: str):
        if kind in KINDS:
            self.kind = kind

    @rx.event
    def set_name(self, name: str):
        self.name, self.refused = str(name)[:LONGEST_NAME], ""

    @rx.event
    async def add(self):
        provider_id = id_of(self.name)
        if not provider_id:
            self.refused = t("admin_providers.add.name_wrong")
            return None
        try:
            await asyncio.to_thread(
                services.current().editing.add_provider, provider_id, self.kind, who().user_id, self.name
            )
        except FareboxError as refused:
            self.refused = refused.message
            return None
        self.adding = False
        return [PAGE.load, PAGE.edit(provider_id)]


def id_of(name: str) -> str:
    """`Deep Infra (EU)` → `deep-infra-eu`."""
    return re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")


#: For handlers that are given arguments: the type checker takes `AddProviderState.handler` for a namespace.
on: Any = AddProviderState


def add_button() -> rx.Component:
    return button(
        t("admin_providers.add.act"),
        icon_name="plus",
        kind="solid",
        on_click=AddProviderState.open_add,
        custom_attrs={"data-testid": "add-provider"},
    )


def add_dialog() -> rx.Component:
    return dialog(
        field(
            t("admin_providers.add.kind"),
            select(
                [(kind.kind, kind.name) for kind in reversed(KINDS.values())],
                value=AddProviderState.kind,
                on_change=on.set_kind,
                label=t("admin_providers.add.kind"),
            ),
        ),
        field(
            t("admin_providers.add.name"),
            typed_input(
                value=AddProviderState.name, on_change=on.set_name, placeholder="DeepInfra", id="add-name", delay=120
            ),
            hint=t("admin_providers.add.name_hint"),
            for_id="add-name",
        ),
        rx.cond(AddProviderState.refused != "", notice(AddProviderState.refused)),
        title=t("admin_providers.add.act"),
        detail=t("admin_providers.add.words"),
        is_open=AddProviderState.adding,
        on_open_change=AddProviderState.set_adding,
        footer=decision(t("admin_providers.add.act"), AddProviderState.add, test_id="create-provider"),
    )
