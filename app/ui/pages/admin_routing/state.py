"""The handlers of `/admin/routing`: the list, the picture of one model, its edit, and the simulator."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx
from sqlalchemy import select

from app import services
from app.accounts.tables import Workspace
from app.catalogue.offers import Offer
from app.catalogue.route_policy import BASIS_POINTS, PolicyKind, RoutingPolicy, checked
from app.catalogue.routes import Rank
from app.generation.health import Standing
from app.generation.provider_health import PROVIDER
from app.generation.routing_picture import ModelPicture, pictures
from app.generation.simulate import Simulated, simulate
from app.kernel.db import metadata
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.ids import new_id
from app.kernel.money import exact
from app.kernel.text import t
from app.pricing.parameters import Kind
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_routing.rows import (
    AliasRow,
    CardRow,
    DecisionRow,
    alias_row,
    card_rows,
    changes,
    decision_rows,
    guard_text,
    height,
)
from app.ui.roles import Role

SHORT = 200
LONGEST = 20_000
ANYONE = "anyone"
ANY_PROVIDER = "any"
MOST_WORKSPACES = 200
SOME_FILE = "https://example.com/file"
WORKSPACE = metadata.tables[str(Workspace.__tablename__)]


@dataclass(frozen=True, slots=True)
class _Read:
    """Everything one look at the page needs."""

    models: list[ModelPicture]
    standing: Mapping[str, Standing]
    names: Mapping[str, tuple[str, str]]
    workspaces: list[tuple[str, str]]


class RoutingState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("confirming", "change_list")

    ready: bool = False
    error: str = ""
    query: str = ""
    aliases: list[AliasRow] = []
    model_id: str = ""
    alias: str = ""
    subtitle: str = ""
    is_off: bool = False
    cards: list[CardRow] = []
    size: str = "0"
    policy: str = str(PolicyKind.PRIORITY)
    policy_words: str = ""
    guard: str = ""
    stamp: str = ""  # changes when the fields are filled in from here
    dirty: bool = False
    problem: str = ""
    confirming: bool = False
    change_list: list[str] = []

    workspaces: list[dict[str, str]] = []
    providers: list[dict[str, str]] = []
    sim_text: str = "{}"
    sim_workspace: str = ANYONE
    sim_provider: str = ANY_PROVIDER
    sim_problem: str = ""
    sim_refusal: str = ""
    sim_price: str = ""
    sim_reason: str = ""
    sim_cost: str = ""
    sim_margin: str = ""
    sim_margin_tone: str = "unpriced"
    sim_answer: str = ""
    decisions: list[DecisionRow] = []

    @rx.event
    async def load(self):
        """A visit: the model in the address, or the first of the list."""
        self.query = ""
        asked = str(self.router.url.query_parameters.get("model", ""))[:SHORT]
        await self._show(asked or self.model_id, afresh=True)

    @rx.event
    async def refresh(self):
        """Look again; what is being edited stays."""
        await self._show(self.model_id, afresh=not self.dirty)

    @rx.event
    async def search(self, text: str):
        self.query = str(text)[:SHORT]
        await self._show(self.model_id, afresh=False)

    @rx.event
    async def choose(self, model_id: str):
        """Another model's picture."""
        await self._show(str(model_id)[:SHORT], afresh=True)

    # ---- the edit ----

    @rx.event
    def set_policy(self, kind: str):
        if str(kind) in set(PolicyKind):
            self.policy, self.dirty, self.problem = str(kind), True, ""
            self.policy_words = t(f"admin_routing.policy.{self.policy}_words")

    @rx.event
    def set_guard(self, text: str):
        self.guard, self.dirty, self.problem = str(text)[:SHORT], True, ""

    @rx.event
    def set_rank(self, route_id: str, name: str, text: str):
        for card in self.cards:
            if card["route_id"] == route_id and name == "priority":
                card["priority"] = str(text)[:12]
            elif card["route_id"] == route_id and name == "weight":
                card["weight"] = str(text)[:12]
        self.dirty, self.problem = True, ""

    @rx.event
    async def discard(self):
        await self._show(self.model_id, afresh=True)

    @rx.event
    async def ask_save(self):
        """Say what would change before it does."""
        model = await self._model()
        if model is None:
            return
        try:
            policy, ranks = self._edited()
        except InvalidInput as wrong:
            self.problem = wrong.message
            return
        self.change_list = list(changes(model, policy, ranks))
        if not self.change_list:
            self.problem, self.dirty = "", False
            return
        self.problem, self.confirming = "", True

    @rx.event
    def confirm_opened(self, is_open: bool):
        self.confirming = is_open is True

    @rx.event
    async def save(self):
        """Confirmed: one act, at once, with an audit line."""
        try:
            policy, ranks = self._edited()
            wanted = {route_id: Rank(*rank) for route_id, rank in ranks.items()}
            editing = services.current().editing
            await asyncio.to_thread(editing.edit_routing, self.model_id, policy, wanted, who().user_id)
        except FareboxError as refused:
            self.problem, self.confirming = refused.message, False
            return None
        self.confirming = False
        await self._show(self.model_id, afresh=True)
        return toast_done(t("admin_routing.saved", alias=self.alias))

    @rx.event
    async def try_now(self, route_id: str):
        """Let the next request try a route whose breaker is open."""
        model = await self._model()
        found = next((one for one in model.routes if one.route_id == route_id), None) if model else None
        if found is None:
            return None
        await services.current().desk.router.health.try_now((found.route_id, found.provider_id), who().user_id)
        await self._show(self.model_id, afresh=not self.dirty)
        return toast_done(t("admin_routing.tried", provider=found.provider_name))

    # ---- the simulator ----

    @rx.event
    async def set_sim(self, name: str, text: str):
        """A field of the simulator; the answer follows."""
        if name in ("workspace", "provider"):
            setattr(self, f"sim_{name}", str(text)[:SHORT])
        elif name == "text":
            self.sim_text = str(text)[:LONGEST]
        await self._simulate()

    async def _simulate(self) -> None:
        model = await self._model()
        if model is None or model.version_id is None:
            self.decisions, self.sim_problem = [], t("admin_routing.sim.no_version")
            return
        try:
            given = json.loads(self.sim_text or "{}", parse_float=Decimal)
            if not isinstance(given, dict):
                raise ValueError
        except ValueError:
            self.sim_problem, self.decisions = t("admin_routing.sim.not_json"), []
            return
        known = {row["value"] for row in self.workspaces}
        workspace = self.sim_workspace if self.sim_workspace in known - {ANYONE} else None
        forced = self.sim_provider if self.sim_provider in {row["value"] for row in self.providers} else ANY_PROVIDER
        desk = services.current().desk
        done = await asyncio.to_thread(
            lambda: simulate(
                desk,
                str(model.version_id),
                given,
                workspace_id=workspace,
                forced=None if forced == ANY_PROVIDER else forced,
            )
        )
        self._answer(done)

    def _answer(self, done: Simulated) -> None:
        names = {route.provider_id: (route.provider_kind, route.provider_name) for route in done.offer.routes}
        self.decisions = decision_rows(done, names)
        self.sim_problem = done.refusal if done.quote is None else ""
        self.sim_refusal = done.refusal if done.quote is not None else ""
        self.sim_price = present.credits(done.quote.total) if done.quote else ""
        self.sim_reason = done.quote.reason if done.quote else ""
        first = next((one for one in self.decisions if one["place"] == "1"), None)
        self.sim_cost, self.sim_margin = (first["cost"], first["margin"]) if first else ("", "")
        self.sim_margin_tone = first["margin_tone"] if first else "unpriced"
        self.sim_answer = t("admin_routing.sim.answer", provider=first["provider"], why=first["why"]) if first else ""

    # ---- inside ----

    async def _show(self, model_id: str, *, afresh: bool) -> None:
        try:
            read = await asyncio.to_thread(_read, services.current())
        except FareboxError as refused:
            self.error = refused.message
            return
        self.error, self.ready = "", True
        words = self.query.casefold().split()
        shown = [one for one in read.models if all(word in f"{one.alias} {one.title}".casefold() for word in words)]
        self.aliases = [alias_row(one, read.standing) for one in shown]
        chosen = next((one for one in read.models if model_id in (one.model_id, one.alias)), None)
        chosen = chosen or (read.models[0] if read.models else None)
        if chosen is None:
            self.model_id, self.cards = "", []
            return
        self.workspaces = [
            {"value": ANYONE, "label": t("admin_routing.sim.anyone")},
            *({"value": one, "label": name} for one, name in read.workspaces),
        ]
        await self._picture(chosen, read, afresh=afresh or chosen.model_id != self.model_id)

    async def _picture(self, model: ModelPicture, read: _Read, *, afresh: bool) -> None:
        edited = {card["route_id"]: (card["priority"], card["weight"]) for card in self.cards}
        self.model_id, self.alias, self.is_off = model.model_id, model.alias, not model.enabled
        house = services.current()
        offer = await asyncio.to_thread(house.offers.of_version, model.version_id) if model.version_id else None
        example = await asyncio.to_thread(_example, house, offer) if offer else None
        self.cards = card_rows(model, read.standing, example, house.desk.clock())
        self.size = str(height(len(self.cards)))
        self.subtitle = _subtitle(model, example)
        self.providers = [
            {"value": ANY_PROVIDER, "label": t("admin_routing.sim.any_provider")},
            *({"value": one, "label": read.names[one][1]} for one in sorted({r.provider_id for r in model.routes})),
        ]
        if not afresh:
            for card in self.cards:
                card["priority"], card["weight"] = edited.get(card["route_id"], (card["priority"], card["weight"]))
            await self._simulate()
            return
        self.policy, self.guard = str(model.policy.kind), guard_text(model.policy)
        self.policy_words = t(f"admin_routing.policy.{self.policy}_words")
        self.stamp, self.dirty, self.problem = new_id("req"), False, ""
        self.sim_provider = ANY_PROVIDER
        given = given_for(offer) if offer else {}
        self.sim_text = json.dumps(given, indent=2, ensure_ascii=False)
        await self._simulate()

    async def _model(self) -> ModelPicture | None:
        """The model that is shown, as it is now."""
        read = await asyncio.to_thread(_read, services.current())
        return next((one for one in read.models if one.model_id == self.model_id), None)

    def _edited(self) -> tuple[RoutingPolicy, dict[str, tuple[int, int]]]:
        """The fields as values, or InvalidInput with what to correct."""
        policy = checked(RoutingPolicy(PolicyKind(self.policy), _basis_points(self.guard)))
        ranks = {}
        for card in self.cards:
            priority, weight = _whole(card["priority"]), _whole(card["weight"])
            if priority is None or weight is None:
                raise InvalidInput(t("admin_routing.not_whole", provider=card["provider"]))
            ranks[card["route_id"]] = (priority, weight)
        return policy, ranks


#: For handlers that are given arguments: the type checker takes `RoutingState.handler` for a namespace.
on: Any = RoutingState


def _read(house: services.Services) -> _Read:
    with house.db.read() as connection:
        models = pictures(connection, house.desk.clock())
        providers = connection.execute(select(PROVIDER.c.id, PROVIDER.c.kind, PROVIDER.c.name)).all()
        people = select(WORKSPACE.c.id, WORKSPACE.c.name).order_by(WORKSPACE.c.name).limit(MOST_WORKSPACES)
        workspaces = [(row.id, row.name) for row in connection.execute(people)]
    standing = house.desk.router.health.of([route for model in models for route in model.routes])
    return _Read(models, standing, {row.id: (row.kind, row.name) for row in providers}, workspaces)


def _example(house: services.Services, offer: Offer) -> Simulated:
    return simulate(house.desk, offer.version_id, given_for(offer))


def given_for(offer: Offer) -> dict[str, Any]:
    """The model's example, with a word or an address for what it leaves out and must be there."""
    stands_in = {Kind.STRING: t("admin_routing.sim.word"), Kind.FILE: SOME_FILE, Kind.ARRAY: [SOME_FILE]}
    missing = [one for one in offer.schema.parameters if one.required and not one.enum and one.kind in stands_in]
    return {**{one.name: stands_in[one.kind] for one in missing}, **(offer.example or {})}


def _subtitle(model: ModelPicture, example: Simulated | None) -> str:
    """What the figures beside the routes are for."""
    sent = t("admin_routing.sent", count=present.count(model.sent)) if model.sent else t("admin_routing.nothing_sent")
    if example is None or example.quote is None:
        return sent
    return f"{sent} · {t('admin_routing.example', price=present.credit_words(example.quote.total))}"


def _whole(text: str) -> int | None:
    text = text.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and len(digits) <= 6 else None


def _basis_points(text: str) -> int | None:
    """A percentage as it was typed; None for an empty field."""
    text = text.strip().removesuffix("%").strip().replace("−", "-")
    if not text:
        return None
    try:
        points = exact(text) * BASIS_POINTS / 100
    except ValueError:
        raise InvalidInput(t("admin_routing.not_percent")) from None
    if points != points.to_integral_value():
        raise InvalidInput(t("admin_routing.not_percent"))
    return int(points)
