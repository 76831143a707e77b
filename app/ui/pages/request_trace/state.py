"""The trace of the request in the address, as the person who looks may see it."""

import asyncio
import json
from contextlib import suppress
from typing import ClassVar

import reflex as rx

from app import services
from app.accounts.identity import Who
from app.catalogue.offers import Offer
from app.generation import requests, views
from app.generation.request_log import Payload
from app.generation.requests import Line
from app.generation.story import Story, story
from app.kernel.errors import FareboxError, NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.services import Services
from app.ui import present, wiring
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.request_trace.facts import (
    NO_FACTS,
    NO_REFUSAL,
    AttemptRow,
    Facts,
    FileTile,
    IdRow,
    PaidFrom,
    Param,
    Posting,
    Refusal,
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
    refused: Refusal = NO_REFUSAL
    kept_request: str = ""
    kept_response: str = ""
    may_delete: bool = False

    @rx.event
    async def load(self):
        """A visit: the request the address names."""
        self.ready = self.missing = False
        self.api_json, self.refused = "", NO_REFUSAL
        self.may_switch = who().is_operator
        workspace = await self._show()
        if workspace:
            wiring.follow(self, workspace, TraceState.refresh)
            await self._show()  # what happened between reading and following is told by nobody

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

    @rx.event
    async def delete_payload(self):
        """Delete what was kept of this request; a member of its workspace may."""
        person = who()
        if person.is_operator or not person.workspace_id or not self.may_delete:
            return None
        await asyncio.to_thread(_delete_kept, services.current(), person.workspace_id, self._wanted())
        self.kept_request = self.kept_response = ""
        return toast_done(t("trace.payloads.deleted"))

    async def _show(self) -> str:
        """Read and tell; answers the request's workspace, empty when there is no such request for this person."""
        person = who()
        try:
            line, kept = await asyncio.to_thread(_line, services.current(), self._wanted(), reach(person))
            self.kept_request, self.kept_response = (kept.request, kept.response) if kept else ("", "")
            self.may_delete = kept is not None and not person.is_operator
            if line.seen is None:
                self.refused = await asyncio.to_thread(told_refusal, services.current(), line)
                self.ready = True
                return ""
            found, offer = await asyncio.to_thread(read, services.current(), line.seen.id, reach(person))
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


def _line(parts: Services, wanted: str, workspace: str | None) -> tuple[Line, Payload | None]:
    """The request of that id, and what was kept of it. `NotFound` for anything this person may not see."""
    with parts.db.read() as connection:
        line = requests.find(connection, workspace, wanted)
    return line, parts.request_log.payload(str(line.row["workspace_id"]), line.request_id)


def _delete_kept(parts: Services, workspace: str, wanted: str) -> None:
    line, _kept = _line(parts, wanted, workspace)
    with suppress(NotFound):  # somebody else was quicker, and it is gone
        parts.request_log.delete_payload(workspace, line.request_id)


def told_refusal(parts: Services, line: Line) -> Refusal:
    """A refused request in words."""
    row, now = line.row, parts.desk.clock()
    keys = {key.id: key.name for key in parts.accounts.keys.list(str(row["workspace_id"]), with_revoked=True)}
    return Refusal(
        id=line.id,
        short_id=present.short_id(line.id),
        message=row["message"],
        code=row["code"],
        path=row["path"],
        model=row["model"] or present.NOTHING,
        key=keys.get(row["api_key_id"], present.NOTHING),
        when=present.moment(row["created_at"], now),
        whole_when=present.full_moment(row["created_at"]),
        repeats="" if row["repeats"] == 1 else f"{row['repeats']:,}",
    )


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
