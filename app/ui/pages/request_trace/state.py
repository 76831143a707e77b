"""The trace of the request in the address, as the person who looks may see it."""

import asyncio
import json
from typing import ClassVar

import reflex as rx

from app import services
from app.accounts.identity import Who
from app.catalogue.offers import Offer
from app.generation import views
from app.generation.story import Story, story
from app.kernel.errors import FareboxError, NotFound
from app.kernel.ids import is_id
from app.services import Services
from app.ui import live, wiring
from app.ui.guard import PageState, who
from app.ui.pages.request_trace.facts import (
    NO_FACTS,
    AttemptRow,
    Facts,
    FileTile,
    IdRow,
    PaidFrom,
    Param,
    Posting,
    SlipLine,
    Told,
)
from app.ui.pages.request_trace.telling import Looker, tell
from app.ui.roles import Role

OPERATOR, CUSTOMER = "operator", "customer"


class TraceState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.SIGNED_IN

    ready: bool = False
    missing: bool = False
    may_switch: bool = False
    seen_as: str = OPERATOR
    facts: Facts = NO_FACTS
    params: list[Param] = []
    attempts: list[AttemptRow] = []
    files: list[FileTile] = []
    postings: list[Posting] = []
    slip: list[SlipLine] = []
    paid: list[PaidFrom] = []
    ids: list[IdRow] = []
    api_json: str = ""

    @rx.event
    async def load(self):
        """A visit: the request the address names."""
        self.ready = self.missing = False
        self.api_json = ""
        self.may_switch = who().is_operator
        workspace = await self._show()
        hub = wiring.current().live
        if workspace and hub is not None:
            hub.follow(self.router.session.client_token, live.workspace(workspace), TraceState.refresh)

    @rx.event
    async def refresh(self):
        """Pushed when something happened in the request's workspace."""
        if self.ready and not self.missing:
            await self._show()

    @rx.event
    async def look_as(self, chosen: str):
        """An operator looks as an operator, or sees what the customer sees."""
        if who().is_operator and chosen in (OPERATOR, CUSTOMER):
            self.seen_as = chosen
            await self._show()

    @rx.event
    async def show_json(self, is_open: bool):
        """The dialog with the API's answer opened."""
        if is_open:
            wanted, workspace = self._wanted(), reach(who())
            self.api_json = await asyncio.to_thread(_api_view, services.current(), wanted, workspace)

    async def _show(self) -> str:
        """Read and tell; answers the request's workspace, empty when there is no such request for this person."""
        person = who()
        try:
            found, offer = await asyncio.to_thread(read, services.current(), self._wanted(), reach(person))
        except NotFound:
            self._put(Told(NO_FACTS))
            self.missing = self.ready = True
            return ""
        parts = services.current()
        is_operator = person.is_operator and self.seen_as == OPERATOR
        looker = Looker(is_operator, parts.settings.credit_value_micros, parts.desk.clock())
        self._put(tell(found, offer, looker))
        self.ready = True
        return str(found.seen.row["workspace_id"])

    def _put(self, told: Told) -> None:
        self.facts = told.facts
        self.params, self.attempts, self.files = told.params, told.attempts, told.files
        self.postings, self.slip, self.paid, self.ids = told.postings, told.slip, told.paid, told.ids

    def _wanted(self) -> str:
        return self.router.url.path.rstrip("/").rpartition("/")[2]


def reach(person: Who) -> str | None:
    """The workspace whose requests this person may see: None is every one, "" none at all."""
    return None if person.is_operator else person.workspace_id or ""


def read(parts: Services, wanted: str, workspace: str | None) -> tuple[Story, Offer | None]:
    """The story and the version it was priced by. `NotFound` for anything this person may not see."""
    if not is_id(wanted, "gen"):
        raise NotFound("There is no such request.", code="generation_not_found")
    with parts.db.read() as connection:
        found = story(connection, wanted, workspace)
    try:
        return found, parts.offers.of_version(found.seen.row["version_id"])
    except FareboxError:
        return found, None  # a version that no longer compiles: the quote kept with the request explains itself


def _api_view(parts: Services, wanted: str, workspace: str | None) -> str:
    with parts.db.read() as connection:
        try:
            seen = views.find(connection, wanted, workspace)
        except NotFound:
            return ""
    return json.dumps(wiring.current().api_generation(seen), indent=2, ensure_ascii=False, default=str)
