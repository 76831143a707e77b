"""What the frame shows on every page: who is here, what they can spend, and what the palette found."""

import asyncio
from typing import ClassVar, TypedDict

import reflex as rx

from app.accounts.identity import Who
from app.kernel.text import t
from app.ui import live, nav, present, wiring
from app.ui.guard import PageState, visitor, who
from app.ui.roles import Role, home_of

MAX_QUERY = 200


class FoundRow(TypedDict):
    kind: str
    label: str
    detail: str
    href: str


class BannerRow(TypedDict):
    name: str
    text: str
    tone: str
    href: str
    verb: str


class ShellState(PageState):
    """Loaded before every page that needs a signed-in person."""

    REQUIRED_ROLE: ClassVar[Role] = Role.SIGNED_IN

    name: str = ""
    email: str = ""
    initials: str = ""
    workspace: str = ""
    plan: str = ""
    has_workspace: bool = False
    is_operator: bool = False
    home: str = "/"
    available: str = ""
    available_brief: str = ""
    held: str = ""
    sandbox: bool = False
    banners: list[BannerRow] = []

    @rx.event
    async def enter(self):
        """First load event of every page: identity, balance, and what this tab wants to hear about."""
        person = who()
        self._show_person(person)
        self.sandbox = wiring.current().sandbox
        await self._load_balance()
        hub = wiring.current().live
        if hub is not None:
            tab = self.router.session.client_token
            hub.leave(tab)
            if person.workspace_id:
                hub.follow(tab, live.workspace(person.workspace_id), ShellState.refresh)

    @rx.event
    async def refresh(self):
        """Pushed when something moved credits, or somebody has another name."""
        self._show_person(who())
        await self._load_balance()

    def _show_person(self, person: Who) -> None:
        self.name, self.email = person.name, person.email
        self.initials = present.initials(person.name or person.email)
        self.workspace = person.workspace_name or ""
        self.has_workspace = bool(person.workspace_id)
        self.is_operator = person.is_operator
        self.home = home_of(person)

    async def _load_balance(self) -> None:
        workspace_id = who().workspace_id
        standing = await asyncio.to_thread(wiring.current().standing, workspace_id) if workspace_id else None
        if standing is None:
            self.available = self.available_brief = self.held = self.plan = ""
            self.banners = []
            return
        self.available = present.credits(standing.available)
        self.available_brief = present.credits_in_brief(standing.available)
        self.held = t("shell.held", amount=present.credits(standing.held))
        self.banners = [
            BannerRow(
                name=one.name,
                text=t(f"shell.banner.{one.name}.text", **one.words),
                tone=one.tone,
                href=one.href,
                verb=t(f"shell.banner.{one.name}.verb"),
            )
            for one in standing.banners
        ]
        self.plan = t("shell.postpaid") if standing.is_postpaid else t("shell.prepaid")


class PaletteState(PageState):
    """`⌘K`: pages and actions at once, ids and customers as soon as something is typed."""

    REQUIRED_ROLE: ClassVar[Role] = Role.SIGNED_IN

    places: list[FoundRow] = []
    found: list[FoundRow] = []
    nothing: str = ""

    @rx.event
    async def search(self, text: str):
        """Look for what was typed, in what this person may see."""
        await self._look_for(text)

    @rx.event
    async def begin(self, is_open: bool):
        """The palette opened: start from an empty line."""
        if is_open:
            await self._look_for("")

    async def _look_for(self, text: str) -> None:
        wanted = str(text)[:MAX_QUERY].strip()
        self.places = [row for row in _places() if wanted.lower() in row["label"].lower()]
        rows = await asyncio.to_thread(wiring.current().find, who(), wanted) if wanted else ()
        self.found = [
            FoundRow(kind=t(f"shell.kind.{row.kind}"), label=row.label, detail=row.detail, href=row.href)
            for row in rows
        ]
        is_empty = not self.found and not self.places
        self.nothing = t("shell.find.nothing", text=wanted) if is_empty else ""


def _places() -> list[FoundRow]:
    person = visitor()
    areas = [
        (Role.CUSTOMER, nav.CUSTOMER, bool(person and person.workspace_id), ""),
        (Role.OPERATOR, nav.OPERATOR, bool(person and person.is_operator), t("shell.operator")),
    ]
    return [
        FoundRow(kind=t("shell.kind.page"), label=t(f"shell.nav.{entry.key}"), detail=detail, href=entry.href)
        for _, entries, allowed, detail in areas
        if allowed
        for entry in entries
    ]
