"""What is being made and what was made: jobs, the result in view, the rail of history. The database is the truth; a
push says when to look."""

import asyncio
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.generation.follow import ask_cancel
from app.kernel.clock import now
from app.kernel.errors import NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.ui import present, wiring
from app.ui.guard import PageState, workspace_id
from app.ui.pages.playground import listening, work_reads
from app.ui.pages.playground.confirm import NOTHING_ASKED
from app.ui.pages.playground.form_state import FormState
from app.ui.pages.playground.seen import NO_RESULT, HistoryRow, JobRow, ResultRow, history_rows, job_row, result_row
from app.ui.pages.playground.slip import Shown
from app.ui.pages.playground.work_reads import Known, Work
from app.ui.roles import Role

#: Cards of jobs that ended badly, kept until they are put away.
MOST_ENDED = 3
OLDER = 30
ENDED = ("done", "failed", "released")
MOST_HISTORY = 180


class WorkState(PageState):
    """Of one tab; another tab of the same workspace shows the same from the same rows."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    jobs: list[JobRow] = []
    has_open: bool = False
    more_jobs: str = ""
    spoken: str = ""
    result: ResultRow = NO_RESULT
    again_label: str = ""
    again_ticket: str = ""
    history: list[HistoryRow] = []
    has_older: bool = False
    live_id: str = ""
    live_text: str = ""
    is_result_open: bool = False
    is_history_open: bool = False

    _open_ids: list[str] = []
    _ended: list[str] = []
    _picked: bool = False
    _shown_lines: int = work_reads.PAGE

    @rx.event
    async def load(self):
        """On every visit: jobs, history, and the result that was in view or the newest there is."""
        wiring.follow(self, workspace_id(), WorkState.refresh)
        self.is_result_open = self.is_history_open = False
        await self._look_at_everything()
        asked = self.router.url.query_parameters.get("from", "")
        if is_id(asked, "gen") and asked != self.result["id"]:
            await self._show(asked)
        if not self.result["id"]:
            await self._show_newest()
        self.ready = True
        coming = listening.any_of(workspace_id())
        return _listen(coming) if coming else None

    @rx.event(background=True)
    async def listen(self, generation_id: str):
        """Show an answer while it comes."""
        answer = listening.of(str(generation_id), workspace_id())
        while answer is not None and not answer.is_over:
            async with self:
                self.live_id, self.live_text = str(generation_id), answer.text
            await answer.more()
        async with self:
            await self._look_for_news()
            self.live_id = self.live_text = ""

    @rx.event
    async def refresh(self):
        """Something happened in the workspace, or it is time to look."""
        if self.ready:
            await self._look_for_news()

    @rx.event
    async def show(self, generation_id: str):
        """A line of history: its result in view and its parameters in the form."""
        known = await self._show(str(generation_id))
        self.is_history_open = False
        if known is None:
            return
        self._picked = True
        self.is_result_open = known.seen.finished
        form = await self.get_state(FormState)
        await form._take_over(known.seen)

    @rx.event
    async def run(self, ticket: str):
        """Start the form's request at the price on the button when it was pressed; `ticket` names it."""
        shown, form = Shown.of_ticket(ticket), await self.get_state(FormState)
        if shown is None or not form._can_be_pressed():
            return
        form.notice = ""
        if focus := form._complain():
            yield rx.call_script(focus)
            return
        if await form._asks_first(shown):
            return
        form.busy = True
        yield
        try:
            started = await form._start(shown)
        finally:
            form.busy = False
        if started:
            await self._begin(started)
            if listening.of(started, workspace_id()) is not None:
                yield _listen(started)

    @rx.event
    async def run_confirmed(self, ticket: str):
        """Yes to the question that is asked, and to no other."""
        form = await self.get_state(FormState)
        asked = form.question
        if not asked["ticket"] or asked["ticket"] != str(ticket):
            return None
        form.question, form._agreed = NOTHING_ASKED, asked["ticket"]
        event: Any = WorkState.run_again if asked["again"] else WorkState.run
        return event(asked["ticket"])

    @rx.event
    async def run_again(self, ticket: str):
        """The request in view once more, at the price that was on the button; `ticket` names it."""
        shown, generation_id = Shown.of_ticket(ticket), self.result["id"]
        if shown is None or not generation_id:
            return
        form = await self.get_state(FormState)
        if form.busy or await form._asks_first(shown, again=True):
            return
        known = await asyncio.to_thread(work_reads.find, generation_id, workspace_id())
        await form._take_over(known.seen)
        form.busy = True
        yield
        try:
            started = await form._run_at(shown)
        finally:
            form.busy = False
        if started:
            await self._begin(started)
            if listening.of(started, workspace_id()) is not None:
                yield _listen(started)

    @rx.event
    async def cancel(self, generation_id: str):
        """Stop a job; its credits come back. One that has just been made is charged and stays."""
        try:
            known = await asyncio.to_thread(work_reads.find, str(generation_id), workspace_id())
        except NotFound:
            return
        await ask_cancel(services.current().desk, known.seen.id)
        await self._look_at_everything()
        await self._balance_moved()

    @rx.event
    async def put_away(self, generation_id: str):
        """Close the card of a job that ended."""
        self._ended = [one for one in self._ended if one != generation_id]
        await self._look_at_everything()

    @rx.event
    async def older(self):
        """More of the rail."""
        self._shown_lines = min(self._shown_lines + OLDER, MOST_HISTORY)
        await self._look_at_everything()

    @rx.event
    def open_result(self):
        """On a small screen: the result over the form."""
        self.is_result_open = True

    @rx.event
    def close_result(self):
        self.is_result_open = False

    @rx.event
    def set_history_open(self, is_open: bool):
        self.is_history_open = is_open is True

    # ---- inside ----

    async def _begin(self, generation_id: str) -> None:
        """A generation was started from this tab: its result will be shown."""
        self._picked, self._ended = False, []
        self._open_ids = [*self._open_ids, generation_id]
        await self._look_at_everything()
        await self._balance_moved()

    async def _look_for_news(self) -> None:
        work = await asyncio.to_thread(work_reads.jobs_now, workspace_id(), list(self._ended))
        still_open = [known.seen.id for known in work.jobs if not known.seen.finished]
        before, after = set(self._open_ids), set(still_open)
        if before == after:
            self._put_jobs(work)
            return
        for finished in sorted(before - after):
            await self._finish(finished)
        await self._look_at_everything()
        await self._balance_moved()

    async def _balance_moved(self) -> None:
        """What is left after the next run is another figure now."""
        form = await self.get_state(FormState)
        await form._quote(keep_stale=True)

    async def _finish(self, generation_id: str) -> None:
        """A job that was open has ended: its result comes into view unless another one was picked."""
        try:
            known = await asyncio.to_thread(work_reads.find, generation_id, workspace_id())
        except NotFound:
            return
        if not known.seen.finished:
            return
        if known.seen.status != "completed":
            self._ended = [*self._ended, generation_id][-MOST_ENDED:]
        elif not self._picked:
            await self._put_result(known)

    async def _look_at_everything(self) -> None:
        work = await asyncio.to_thread(work_reads.work_now, workspace_id(), list(self._ended), self._shown_lines)
        self._put_jobs(work)
        self._open_ids = [known.seen.id for known in work.jobs if not known.seen.finished]
        rows = history_rows([(known.seen, known.schema) for known in work.history], work.now)
        if rows != self.history:
            self.history = rows
        self.has_older = work.has_older and self._shown_lines < MOST_HISTORY

    def _put_jobs(self, work: Work) -> None:
        rows = [job_row(known.seen, known.schema, work.now, known.usual) for known in work.jobs]
        if rows != self.jobs:
            self.jobs = rows
        self.has_open = any(not row["has_ended"] for row in rows)
        count = work.more_jobs
        self.more_jobs = t("playground.job.more", count=present.count(count)) if count else ""
        self.spoken = rows[-1]["spoken"] if rows else ""

    async def _show(self, generation_id: str) -> Known | None:
        try:
            known = await asyncio.to_thread(work_reads.find, generation_id, workspace_id())
        except NotFound:
            return None
        if known.seen.finished:
            await self._put_result(known)
        return known

    async def _show_newest(self) -> None:
        ended = [row["id"] for row in self.history if row["state"] in ENDED]
        newest = next((row["id"] for row in self.history if row["state"] == "done"), next(iter(ended), ""))
        if newest:
            await self._show(newest)

    async def _put_result(self, known: Known) -> None:
        words = await asyncio.to_thread(work_reads.words_of, known.seen)
        self.result = result_row(known.seen, known.schema, now(), words)
        price = await asyncio.to_thread(work_reads.again, known.seen, workspace_id())
        if price is None:
            self.again_label = self.again_ticket = ""
            return
        self.again_ticket = Shown(price.version_id, price.maximum).ticket
        key = "playground.result.again" if price.is_exact else "playground.result.again_at_most"
        self.again_label = t(key, amount=present.credits(price.maximum))


def _listen(generation_id: str) -> Any:
    """The event that shows an answer while it comes."""
    event: Any = WorkState.listen
    return event(generation_id)
