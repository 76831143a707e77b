"""Mails: listed, opened, sent again; refused addresses and messages that were given up."""

import asyncio
from datetime import datetime
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.notify.mail import STATES
from app.notify.mails import BrokenPromise, MailRow, Refusal
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState
from app.ui.paging import Paged
from app.ui.roles import Role

ALL = "all"
PAGE = 30
LONGEST = 200
TONES = {"sent": "good", "waiting": "accent", "refused": "loss", "failed": "loss", "suppressed": "thin"}


class Shown(TypedDict):
    id: str
    address: str
    subject: str
    template: str
    state: str
    words: str
    tone: str
    time: str
    full_time: str
    error: str
    attempts: str


class TroubleRow(TypedDict):
    id: str
    title: str
    detail: str
    age: str
    given_up: bool


class RefusalRow(TypedDict):
    address: str
    reason: str
    age: str


NO_MAIL: Shown = {
    "id": "", "address": "", "subject": "", "template": "", "state": "", "words": "", "tone": "neutral", "time": "",
    "full_time": "", "error": "", "attempts": "",
}  # fmt: skip


class MailState(Paged, PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = (
        "opened",
        "html",
        "text",
        "files",
        "problem",
        "test_address",
        "test_problem",
    )

    ready: bool = False
    sends: bool = True
    rows: list[Shown] = []
    state: str = ALL
    choices: list[dict[str, str]] = []
    search: str = ""
    filtered: bool = False
    trouble: list[TroubleRow] = []
    refused: list[RefusalRow] = []
    opened: Shown = NO_MAIL
    html: str = ""
    text: str = ""
    files: list[str] = []
    as_text: bool = False
    problem: str = ""
    test_address: str = ""
    test_problem: str = ""

    @rx.event
    async def load(self):
        """A visit."""
        self._starts = []
        await self._show()

    @rx.event
    async def choose_state(self, state: str):
        """Mails in one state, or all."""
        if state in (ALL, *STATES):
            self.state, self._starts = state, []
            await self._show()

    @rx.event
    async def look_for(self, text: str):
        """Part of an address, a subject, or an id."""
        self.search, self._starts = str(text)[:LONGEST], []
        await self._show()

    @rx.event
    async def clear(self):
        self.search, self.state, self._starts = "", ALL, []
        await self._show()

    # ---- one mail ----

    @rx.event
    async def open(self, mail_id: str):
        """Read a mail as it was written."""
        house = services.current()
        try:
            found = await asyncio.to_thread(house.notify.mails.find, str(mail_id)[:64])
        except FareboxError:
            return
        self.opened = _shown(found.row, house.desk.clock())
        self.html, self.text, self.as_text, self.problem = found.html, found.text, False, ""
        self.files = [str(file.get("name") or file.get("id") or "") for file in found.attachments]

    @rx.event
    def reading(self, is_open: bool):
        if not is_open:
            self.opened, self.html, self.text = NO_MAIL, "", ""

    @rx.event
    def choose_form(self, form: str):
        """As it looks, or its text twin."""
        self.as_text = form == "text"

    @rx.event
    async def resend(self):
        """Hand the mail to the mail server again."""
        if not self.opened["id"]:
            return None
        house, mail_id = services.current(), self.opened["id"]
        try:
            await asyncio.to_thread(house.notify.mails.resend, mail_id)
        except FareboxError as refused:
            self.problem = refused.message
            return None
        house.wake("mail.send")
        self.opened = NO_MAIL
        await self._show()
        return toast_done(t("admin_mail.again"))

    # ---- the rest ----

    @rx.event
    async def forgive(self, address: str):
        """Write to this address again from now on."""
        if not any(row["address"] == address for row in self.refused):
            return None
        await asyncio.to_thread(services.current().notify.mails.forgive, address)
        await self._show()
        return toast_done(t("admin_mail.forgiven", address=address))

    @rx.event
    async def try_again(self, promise_id: str):
        """Deliver a message that was given up."""
        house = services.current()
        try:
            await asyncio.to_thread(house.notify.mails.try_again, str(promise_id)[:64])
        except FareboxError:
            await self._show()  # delivered meanwhile
            return None
        house.wake("outbox.deliver")
        await self._show()
        return toast_done(t("admin_mail.tried"))

    @rx.event
    def write_test(self, text: str):
        self.test_address, self.test_problem = str(text)[:LONGEST], ""

    @rx.event
    async def test(self):
        """A short mail, to see that mail works."""
        address, house = self.test_address.strip(), services.current()
        name, _, host = address.partition("@")
        if not name or "." not in host or not address.isprintable() or " " in address:
            self.test_problem = t("admin_mail.wrong_address")
            return None
        await asyncio.to_thread(house.notify.mails.test, address)
        house.wake("outbox.deliver")
        return toast_done(t("admin_mail.tested", address=address))

    async def _show(self) -> None:
        house = services.current()
        at = house.desk.clock()
        state = None if self.state == ALL else self.state
        after = self._after()
        found, counts, trouble, refused = await asyncio.to_thread(_read, house, state, self.search, after)
        self.sends = house.notify.mails.sends
        self.rows, self.has_next = [_shown(row, at) for row in found[:PAGE]], len(found) > PAGE
        self.has_previous, self.filtered = bool(self._starts), self.state != ALL or bool(self.search.strip())
        self.shown = t("admin_orders.range", **self._range(PAGE)) if self.rows else ""
        self.choices = [
            {"value": ALL, "label": t("admin_mail.state.all")},
            *[
                {"value": name, "label": t("admin_mail.counted", state=t(f"admin_mail.state.{name}"), count=count)}
                for name, count in counts.items()
                if count or name == self.state
            ],
        ]
        self.trouble = [_trouble(one, at) for one in trouble]
        self.refused = [
            {"address": one.address, "reason": one.reason, "age": present.age(one.created_at, at)} for one in refused
        ]
        self.ready = True


def _read(
    house: Services, state: str | None, search: str, after: str | None
) -> tuple[list[MailRow], dict[str, int], list[BrokenPromise], list[Refusal]]:
    mails = house.notify.mails
    rows = mails.page(state=state, search=search, after=after, limit=PAGE + 1)
    return rows, mails.counts(), mails.broken_promises(), mails.refusals()


def _shown(row: MailRow, at: datetime) -> Shown:
    return {
        "id": row.id,
        "address": row.address,
        "subject": row.subject,
        "template": row.template.replace("_", " "),
        "state": row.state,
        "words": t(f"admin_mail.state.{row.state}"),
        "tone": TONES.get(row.state, "neutral"),
        "time": present.moment(row.created_at, at),
        "full_time": present.full_moment(row.created_at),
        "error": row.error or "",
        "attempts": present.plural(row.attempts, t("admin_mail.attempt"), t("admin_mail.attempts")),
    }


def _trouble(one: BrokenPromise, at: datetime) -> TroubleRow:
    return {
        "id": one.id,
        "title": f"{one.topic} {present.DOT} {one.key}",
        "detail": one.error or "",
        "age": present.age(one.created_at, at),
        "given_up": one.state == "failed",
    }
