"""The providers as cards, one form at a time, and what each answered when it was asked."""

import asyncio
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.catalogue.provider_access import ProviderCard
from app.catalogue.provider_kinds import KINDS
from app.generation.connection_check import Checked
from app.generation.provider_health import models_served
from app.kernel.errors import FareboxError
from app.kernel.ids import new_id
from app.kernel.text import t
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_providers.checks import checks
from app.ui.pages.admin_providers.form import LONGEST, TEXTS, Values, field_of, form_of, real, switched, values_of
from app.ui.roles import Role

NAMED_MODELS = 6


class ProviderRow(TypedDict):
    id: str
    kind: str
    name: str
    base_url: str
    key: str
    has_key: bool
    secret: str
    takes_secret: bool
    hosts: str
    models: str
    served: str
    enabled: bool
    sandbox: bool
    checked: str  # "", "good" or "loss"
    sentence: str
    checking: bool


class ProvidersState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = (
        "editing",
        "values",
        "errors",
        "remove_key",
        "remove_secret",
        "saving",
        "switching",
    )

    ready: bool = False
    rows: list[ProviderRow] = []
    editing: str = ""  # the provider whose form is open
    kind: str = ""
    title: str = ""
    stamp: str = ""  # changes when the form is filled in from here
    values: Values = dict.fromkeys(TEXTS, "")
    errors: Values = dict.fromkeys((*TEXTS, ""), "")
    key_hint: str = ""
    secret_hint: str = ""
    remove_key: bool = False
    remove_secret: bool = False
    is_live: bool = False  # the form holds the public service's address
    saving: bool = False
    switching: str = ""  # the provider whose switch asks for confirmation
    switch_to: bool = False
    switch_title: str = ""
    switch_words: str = ""
    switch_error: str = ""

    @rx.event
    async def load(self):
        """A visit."""
        await self._show()

    @rx.event(background=True)
    async def check(self, provider_id: str):
        """Ask the provider whether address and key work."""
        async with self:
            if not self._mark(str(provider_id), checking=True):
                return
        answer = await checks().check(str(provider_id))
        async with self:
            self._mark(str(provider_id), checking=False, answer=answer)

    # ---- the form ----

    @rx.event
    async def edit(self, provider_id: str):
        """Open a provider's form."""
        card = await self._card(provider_id)
        if card is None:
            return
        self.editing, self.kind = card.provider_id, card.kind
        self.title = t("admin_providers.form.title", name=card.name)
        self.values, self.stamp = values_of(card), new_id("req")
        self.errors = dict.fromkeys((*TEXTS, ""), "")
        self.key_hint = t("admin_providers.form.stored", hint=card.key_hint) if card.key_hint else ""
        self.secret_hint = t("admin_providers.form.secret_stored") if card.has_callback_secret else ""
        self.remove_key = self.remove_secret = self.saving = False
        self.is_live = card.base_url == KINDS[card.kind].base_url

    @rx.event
    def opened(self, is_open: bool):
        """Esc and the cross close the form."""
        if not is_open:
            self.editing = ""
            self.values = dict.fromkeys(TEXTS, "")  # a key that was typed does not stay

    @rx.event
    def write(self, name: str, text: str):
        """A field changed."""
        if name in TEXTS:
            self.values[name] = str(text)[:LONGEST]
            self.errors[name] = ""
            if name == "base_url" and self.kind in KINDS:
                self.is_live = self.values[name].strip().rstrip("/") == KINDS[self.kind].base_url

    @rx.event
    def forget_key(self, chosen: bool):
        self.remove_key = chosen is True

    @rx.event
    def forget_secret(self, chosen: bool):
        self.remove_secret = chosen is True

    @rx.event
    def use_real(self):
        """Fill in the address of the public service; nothing is saved yet."""
        if self.kind in KINDS:
            self.values, self.stamp = real(self.values, self.kind), new_id("req")
            self.errors = dict.fromkeys((*TEXTS, ""), "")
            self.is_live = True

    @rx.event
    async def save(self):
        """Save the form; what is wrong stands under its field."""
        card = await self._card(self.editing)
        if card is None:
            return None
        actor, house = who().user_id, services.current()
        self.errors = dict.fromkeys((*TEXTS, ""), "")
        try:
            form = form_of(self.values, card, remove_key=self.remove_key, remove_secret=self.remove_secret)
            await asyncio.to_thread(house.editing.save_provider, card.provider_id, form, actor)
        except FareboxError as refused:
            self.errors[field_of(refused.param)] = refused.message
            return None
        checks().forget(card.provider_id)
        if form.api_key is not None or form.base_url != card.base_url:  # what kept it from being asked may be mended
            routes = [route.route_id for offer in await asyncio.to_thread(house.offers.list) for route in offer.routes
                      if route.provider_id == card.provider_id]  # fmt: skip
            await house.desk.router.health.try_now((card.provider_id, *routes), actor)
        self.editing = ""
        self.values = dict.fromkeys(TEXTS, "")
        await self._show()
        return toast_done(t("admin_providers.saved", name=form.name))

    # ---- on and off ----

    @rx.event
    async def ask_switch(self, provider_id: str):
        """The switch was touched: say what it means first."""
        card = await self._card(provider_id)
        if card is None:
            return
        served = await asyncio.to_thread(_served, services.current(), card.provider_id)
        self.switching, self.switch_to, self.switch_error = card.provider_id, not card.enabled, ""
        act = "on" if self.switch_to else "off"
        self.switch_title = t(f"admin_providers.switch.{act}", name=card.name)
        count = present.plural(len(served), t("admin_providers.model"), t("admin_providers.models"))
        self.switch_words = t(f"admin_providers.switch.{act}_words", name=card.name, models=count)

    @rx.event
    def switch_opened(self, is_open: bool):
        if not is_open:
            self.switching = ""

    @rx.event
    async def switch(self):
        """Confirmed."""
        card = await self._card(self.switching)
        if card is None:
            return None
        try:
            form = switched(card, self.switch_to)
            await asyncio.to_thread(services.current().editing.save_provider, card.provider_id, form, who().user_id)
        except FareboxError as refused:
            self.switch_error = refused.message
            return None
        self.switching = ""
        await self._show()
        return toast_done(
            t("admin_providers.switched.on" if self.switch_to else "admin_providers.switched.off", name=card.name)
        )

    # ---- inside ----

    async def _show(self) -> None:
        cards, served = await asyncio.to_thread(_read, services.current())
        cards.sort(key=lambda card: card.name.lower())
        self.rows = [_row(card, served.get(card.provider_id, []), checks().last(card.provider_id)) for card in cards]
        self.ready = True

    async def _card(self, provider_id: str) -> ProviderCard | None:
        """The provider, if there is one of that id: handlers take any argument."""
        cards, _ = await asyncio.to_thread(_read, services.current())
        return next((card for card in cards if card.provider_id == provider_id), None)

    def _mark(self, provider_id: str, *, checking: bool, answer: Checked | None = None) -> bool:
        found = False
        for row in self.rows:
            if row["id"] == provider_id:
                found = True
                row["checking"] = checking
                if answer is not None:
                    row["checked"], row["sentence"] = ("good" if answer.works else "loss"), answer.sentence
        return found


def _read(house: Services) -> tuple[list[ProviderCard], dict[str, list[str]]]:
    with house.db.read() as connection:
        served = models_served(connection)
    return house.editing.providers(), served


def _served(house: Services, provider_id: str) -> list[str]:
    return _read(house)[1].get(provider_id, [])


def _row(card: ProviderCard, served: list[str], last: Checked | None) -> ProviderRow:
    more = len(served) - NAMED_MODELS
    named = ", ".join(served[:NAMED_MODELS])
    key = t("admin_providers.key.none")
    if card.key_hint:
        key = t("admin_providers.key.set") if card.key_hint == "set" else f"••••••••{card.key_hint}"
    return {
        "id": card.provider_id,
        "kind": card.kind,
        "name": card.name,
        "base_url": card.base_url,
        "key": key,
        "has_key": card.key_hint is not None,
        "secret": t("admin_providers.secret.set" if card.has_callback_secret else "admin_providers.secret.none"),
        "takes_secret": card.kind in ("replicate", "kie"),  # fal signs with a public key, the others never call
        "hosts": ", ".join(card.settings.get("output_hosts") or []) or present.NOTHING,
        "models": present.plural(len(served), t("admin_providers.model"), t("admin_providers.models")),
        "served": t("admin_providers.served_more", names=named, count=more) if more > 0 else named,
        "enabled": card.enabled,
        "sandbox": card.is_sandbox,
        "checked": "" if last is None else "good" if last.works else "loss",
        "sentence": last.sentence if last else "",
        "checking": False,
    }
