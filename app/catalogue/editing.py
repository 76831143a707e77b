"""The operator's side of the catalogue: one method per act, each one transaction, seen here at once.

    editing = Editing(db, vault, offers, credit_value=Decimal("0.001"))
    model_id = editing.create(details, RouteForm("fal", "fal-ai/flux/schnell"), actor)
    editing.publish(model_id, draft, "First price", actor)

`actor` is the operator's user id; every change leaves an audit line with it. The errors are those of the functions
behind each method.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from sqlmodel import Session

from app.catalogue import costs, details, drafts, overview, provider_access, routes
from app.catalogue import publish as publishing
from app.catalogue.assess import Assessment, assess, assess_live
from app.catalogue.costs import CostForm
from app.catalogue.details import Details
from app.catalogue.drafts import Draft
from app.catalogue.offers import Offers
from app.catalogue.overview import ModelPage, ModelRow
from app.catalogue.provider_access import ProviderCard, ProviderForm
from app.catalogue.publish import Publication
from app.catalogue.route_policy import RoutingPolicy
from app.catalogue.routes import Rank, RouteForm
from app.kernel.clock import Clock, now
from app.kernel.db import Database
from app.kernel.errors import Conflict
from app.kernel.secrets import Vault

T = TypeVar("T")

#: How often an act is assessed anew when the model changes under it.
TRIES = 3


@dataclass(frozen=True, slots=True)
class Editing:
    """`credit_value` is USD per credit; `allow_sandbox` admits provider addresses on this machine (demo mode)."""

    db: Database
    vault: Vault = field(repr=False)
    offers: Offers
    credit_value: Decimal
    clock: Clock = now
    allow_sandbox: bool = False

    # ── Models ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def models(self) -> list[ModelRow]:
        with self.db.reading() as session:
            return overview.list_models(session, self.clock())

    def read(self, model_id: str) -> ModelPage:
        with self.db.reading() as session:
            return overview.read_model(session, model_id, self.clock())

    def create(self, new: Details, route: RouteForm, actor: str) -> str:
        """A disabled model with its first route and an empty draft. Returns its id."""
        with self._changing() as session:
            model_id = details.create_model(session, new, actor, self.clock())
            routes.add_route(session, model_id, route, actor, self.clock())
            return model_id

    def edit_details(self, model_id: str, changed: Details, actor: str) -> None:
        with self._changing() as session:
            details.edit_details(session, model_id, changed, actor, self.clock())

    def enable(self, model_id: str, actor: str, *, sign_off: Collection[str] = ()) -> None:
        """Open the model to customers; refused while anything is unpriced, unsigned or unserved."""

        def act(session: Session, assessed: Assessment) -> None:
            publishing.enable(session, assessed, actor, self.clock(), sign_off=sign_off)

        self._assessed(lambda session: assess_live(session, model_id, self.credit_value, self.clock()), act)

    def disable(self, model_id: str, actor: str) -> None:
        with self._changing() as session:
            details.disable(session, model_id, actor, self.clock())

    # ── Drafts and versions ─────────────────────────────────────────────────────────────────────────────────────────

    def read_draft(self, model_id: str) -> Draft:
        with self.db.reading() as session:
            return drafts.read_draft(session, model_id)

    def save_draft(self, model_id: str, draft: Draft) -> None:
        with self.db.writing() as session:
            drafts.save_draft(session, model_id, draft, self.clock())

    def discard_draft(self, model_id: str) -> None:
        with self.db.writing() as session:
            drafts.discard_draft(session, model_id)

    def preview_publish(self, model_id: str, draft: Draft | None = None) -> Assessment:
        """What publishing would do: of the given draft, or of the saved one."""
        with self.db.reading() as session:
            chosen = draft or drafts.read_draft(session, model_id)
            return assess(session, model_id, chosen, self.credit_value, self.clock())

    def preview_rollback(self, model_id: str, number: int) -> Assessment:
        with self.db.reading() as session:
            return publishing.assess_restored(session, model_id, number, self.credit_value, self.clock())

    def publish(
        self, model_id: str, draft: Draft, note: str, actor: str, *, sign_off: Collection[str] = ()
    ) -> Publication:
        """Make the draft the next version and sell by it from now on."""

        def act(session: Session, assessed: Assessment) -> Publication:
            return publishing.publish(session, assessed, note, actor, self.clock(), sign_off=sign_off)

        return self._assessed(lambda session: assess(session, model_id, draft, self.credit_value, self.clock()), act)

    def rollback(
        self, model_id: str, number: int, note: str, actor: str, *, sign_off: Collection[str] = ()
    ) -> Publication:
        """Publish version `number` again as a new version."""

        def act(session: Session, assessed: Assessment) -> Publication:
            return publishing.publish(
                session, assessed, note, actor, self.clock(), sign_off=sign_off, restores_number=number
            )

        return self._assessed(
            lambda session: publishing.assess_restored(session, model_id, number, self.credit_value, self.clock()), act
        )

    # ── Routes and costs ────────────────────────────────────────────────────────────────────────────────────────────

    def add_route(self, model_id: str, form: RouteForm, actor: str) -> str:
        with self._changing() as session:
            return routes.add_route(session, model_id, form, actor, self.clock())

    def edit_route(self, route_id: str, form: RouteForm, actor: str) -> None:
        with self._changing() as session:
            routes.edit_route(session, route_id, form, actor, self.clock())

    def edit_routing(self, model_id: str, policy: RoutingPolicy, ranks: Mapping[str, Rank], actor: str) -> None:
        """The model's policy and its routes' priorities and weights, in one act."""
        with self._changing() as session:
            routes.edit_routing(session, model_id, policy, ranks, actor, self.clock())

    def add_cost(self, route_id: str, form: CostForm, actor: str) -> str:
        with self._changing() as session:
            return costs.add_cost(session, route_id, form, actor, self.clock())

    # ── Providers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def providers(self) -> list[ProviderCard]:
        return provider_access.list_providers(self.db, self.vault)

    def provider(self, provider_id: str) -> ProviderCard:
        return provider_access.read_provider(self.db, self.vault, provider_id)

    def add_provider(self, provider_id: str, kind: str, actor: str, name: str = "") -> None:
        with self._changing() as session:
            provider_access.add_provider(session, provider_id, kind, actor, self.clock(), name)

    def save_provider(self, provider_id: str, form: ProviderForm, actor: str) -> None:
        with self._changing() as session:
            provider_access.save_provider(
                session, self.vault, provider_id, form, actor, self.clock(), allow_sandbox=self.allow_sandbox
            )

    # ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _changing(self) -> Iterator[Session]:
        """A write transaction whose effect this process sees as soon as it has committed."""
        with self.db.writing() as session:
            yield session
        self.offers.forget()

    def _assessed(self, look: Callable[[Session], Assessment], act: Callable[[Session, Assessment], T]) -> T:
        """Do the arithmetic in a read, then act on it in a short write; again when the model moved in between."""
        for attempt in range(1, TRIES + 1):
            with self.db.reading() as session:
                assessed = look(session)
            try:
                with self._changing() as session:
                    return act(session, assessed)
            except Conflict as conflict:
                if conflict.stable_code != "assessment_stale" or attempt == TRIES:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")
