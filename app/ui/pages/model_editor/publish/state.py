"""Publishing: the dialog's state, and the way back."""

import asyncio
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.catalogue.assess import Assessment
from app.catalogue.drafts import Draft, json_of
from app.kernel.errors import Conflict, FareboxError, NotFound
from app.kernel.text import t
from app.ui.components import toast_done
from app.ui.components.typed import focus_field
from app.ui.pages.model_editor.arguments import SHORT, actor, clipped, whole
from app.ui.pages.model_editor.publish.assessed import PublishView, publish_view
from app.ui.pages.model_editor.state import EditorState
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

#: Events of other tabs that want to hear of a new version.
AFTER: list[Any] = []


FILTERS = ("worst", "cheaper", "dearer", "all")
LONGEST_NOTE = 500
#: Publications and their undoing share one toast: an older one would take back the wrong version.
TOAST = "published"


class PublishState(EditorState):
    """One dialog for publishing the draft and for bringing version `restores` back."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    is_open: bool = False
    restores: int = 0
    heading: str = ""
    act: str = ""
    note: str = ""
    note_problem: str = ""
    refusal: str = ""
    is_stale: bool = False
    publishing: bool = False
    can_open: bool = False
    opens_too: bool = True  # offer the model to customers as well
    chosen: str = "worst"
    shows_all: bool = False
    signed: bool = False
    sign_problem: str = ""
    assessed: PublishView = PublishView()

    # ---- opening ----

    @rx.event
    async def open_publish(self):
        """⌘S: the dialog, or the first error where there is one. An open dialog keeps what stands in it."""
        if self.is_open:
            return None
        if self.header.errors:
            return self._to_first_error()
        await self._open(0)
        return None

    @rx.event
    async def open_restore(self, number: int):
        """The same dialog for an old version."""
        await self._open(max(whole(number), 0))

    async def _open(self, restores: int) -> None:
        self.restores = restores
        number = self.next_number
        self.heading = t("model_editor.publish.title", number=number, alias=self.alias)
        self.act = t("model_editor.publish.act", number=number)
        if restores:
            self.heading = t("model_editor.publish.restore_title", old=restores, alias=self.alias)
            self.act = t("model_editor.publish.restore_act", old=restores, number=number)
        self.note = t("model_editor.publish.restore_note", old=restores) if restores else ""
        self.note_problem, self.refusal, self.sign_problem = "", "", ""
        self.chosen, self.shows_all, self.signed, self.is_stale, self.publishing = "worst", False, False, False, False
        self.can_open, self.opens_too = not self.enabled, not self.live_number
        await self._assess()
        self.is_open = True

    @rx.event
    def set_open(self, is_open: bool):
        """Esc and the cross keep the draft."""
        self.is_open = is_open is True

    # ---- looking ----

    async def _assess(self) -> Assessment | None:
        """What it would do, as of now."""
        try:
            assessed = await asyncio.to_thread(self._look_up, self.restores)
        except FareboxError as refused:
            self.refusal, self.assessed = refused.message, PublishView()
            return None
        self.refusal = t("model_editor.publish.unchanged_words") if assessed.is_unchanged else ""
        if assessed.unpriced:
            self.refusal = t("model_editor.publish.unpriced", count=len(assessed.unpriced), first=assessed.unpriced[0])
        self.is_stale = assessed.base_number != assessed.live_number
        if self.is_stale:
            self.refusal = t("model_editor.publish.stale", number=assessed.live_number)
        self.assessed = publish_view(assessed, self.chosen, all_rows=self.shows_all)
        return assessed

    def _look_up(self, restores: int) -> Assessment:
        editing = services.current().editing
        if restores:
            return editing.preview_rollback(self.model_id, restores)
        return editing.preview_publish(self.model_id, self._draft_now())

    def _draft_now(self) -> Draft:
        rule = None if self.is_fixed else json_of(self.rule_text, "pricing_rule")
        schema = json_of(self.schema_text, "param_schema")
        return Draft(schema, self.credit_cost or None, rule, self._base_number)

    @rx.event
    async def choose_filter(self, chosen: str):
        if chosen in FILTERS:
            self.chosen, self.shows_all = chosen, False
            await self._assess()

    @rx.event
    async def show_all(self):
        self.shows_all = True
        await self._assess()

    @rx.event
    def set_note(self, note: str):
        self.note, self.note_problem = clipped(note, LONGEST_NOTE), ""

    @rx.event
    def sign(self, on: bool):
        self.signed, self.sign_problem = on is True, ""

    @rx.event
    def set_opens_too(self, on: bool):
        self.opens_too = on is True

    @rx.event
    async def continue_on_top(self):
        """Keep the draft although somebody published meanwhile."""
        await self._reload(keep_draft=True)
        self._base_number = self.live_number
        await self._changed()
        await self._open(self.restores)

    # ---- acting ----

    @rx.event
    async def publish(self):
        """Publish what the dialog shows; everything it asks for must be there."""
        if not self.note.strip():
            self.note_problem = t("model_editor.publish.note_missing")
            return focus_field("publish-note")
        losing = [one["key"] for one in self.assessed.losses]
        if losing and not self.signed:
            self.sign_problem = t("model_editor.publish.sign_missing")
            return None
        self.publishing = True
        try:
            number = await asyncio.to_thread(self._publish, losing, actor())
        except FareboxError as refused:
            await self._refused(refused)
            return None
        before = self.live_number
        self.is_open, self.publishing, self._undo, self.can_undo = False, False, [], False
        await self._reload()
        message = t("model_editor.publish.done", number=number)
        if not before:
            return [toast_done(message, about=TOAST), *AFTER]
        message = t("model_editor.publish.done_undo", number=number, before=before)
        return [toast_done(message, undo=on.take_back(self.model_id, before), about=TOAST), *AFTER]

    def _publish(self, losing: list[str], author: str) -> int:
        editing = services.current().editing
        if self.restores:
            made = editing.rollback(self.model_id, self.restores, self.note, author, sign_off=losing)
        else:
            made = editing.publish(self.model_id, self._draft_now(), self.note, author, sign_off=losing)
        if self.can_open and self.opens_too:
            editing.enable(self.model_id, author, sign_off=losing)
        return made.number

    async def _refused(self, refused: FareboxError) -> None:
        self.publishing = False
        await self._assess()
        self.refusal = refused.message
        if isinstance(refused, Conflict) and refused.stable_code in ("no_route", "model_disabled"):
            await self._reload()  # it was published; only offering it was refused

    @rx.event
    async def take_back(self, model_id: str, number: int):
        """Undo of a publication: the version before it, published again. Losses it was signed for need no new sign.

        The page may show another model by now.
        """
        model, restored = clipped(model_id, SHORT), whole(number)
        is_here = model == self.model_id
        try:
            now_live = await asyncio.to_thread(_take_back, model, restored, actor())
        except FareboxError as refused:
            if not is_here:
                return rx.toast(refused.message)
            await self._open(restored)  # something has to be decided: the dialog says what
            return None
        done = toast_done(t("model_editor.publish.taken_back", old=restored, number=now_live), about=TOAST)
        if not is_here:
            return done
        await self._reload()
        return [done, *AFTER]


#: For handlers that are given arguments: the type checker takes `PublishState.handler` for a namespace.
on: Any = PublishState


def _take_back(model_id: str, number: int, author: str) -> int:
    editing = services.current().editing
    page = editing.read(model_id)
    old = next((version for version in page.versions if version.number == number), None)
    if old is None:
        raise NotFound(t("model_editor.missing"))
    signed = set((old.sign_off or {}).get("combinations", ()))
    losing = {one.key for one in editing.preview_rollback(model_id, number).losses}
    note = t("model_editor.publish.undo_note", number=page.live_number)
    return editing.rollback(model_id, number, note, author, sign_off=losing & signed).number
