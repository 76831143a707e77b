"""The form: a model, its parameters, the live price, and running at the price that is shown."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.catalogue.offers import Offer
from app.generation.dialogue import ask_dialogue, is_dialogue
from app.generation.start import Ask, start
from app.generation.views import Seen
from app.kernel.errors import FareboxError, InsufficientCredits, InvalidInput, LimitReached, NotFound, PriceChanged
from app.kernel.ids import new_id
from app.kernel.text import t
from app.pricing.parameters import Parameter
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.playground import fields, listening, look, slip, starters, work_reads
from app.ui.pages.playground.confirm import CHOICES, NEVER, NOTHING_ASKED, USUAL, Question, must_ask, question
from app.ui.pages.playground.fields import FieldRow
from app.ui.pages.playground.labels import pixels_of
from app.ui.pages.playground.opening import Kept, form_of, kept_of
from app.ui.pages.playground.slip import QUOTING, Shown, Slip, Stale
from app.ui.pages.playground.snippet_state import Snippets
from app.ui.roles import Role

LONGEST_VALUE = 100_000
LONGEST_NAME = 120


class FormState(Snippets, PageState):
    """One draft per tab. What was typed is kept from model to model where it still fits."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    models: list[dict[str, str]] = []
    alias: str = ""
    fields: list[FieldRow] = []
    advanced: list[FieldRow] = []
    fold_label: str = ""
    folds: bool = False
    unfolded: bool = False
    values: dict[str, str] = {}
    files: dict[str, list[dict[str, str]]] = {}
    errors: dict[str, str] = {}
    hints: dict[str, str] = {}
    asides: dict[str, str] = {}
    prices: dict[str, dict[str, str]] = {}
    slip: Slip = QUOTING
    slip_open: bool = False
    busy: bool = False
    notice: str = ""
    notice_tone: str = "loss"
    question: Question = NOTHING_ASKED
    confirm_choice: str = rx.LocalStorage(USUAL, name="fb-confirm-runs")

    _kept: dict[str, str] = {}
    _kept_files: dict[str, list[dict[str, str]]] = {}
    _tried: bool = False
    _missing: tuple[str, ...] = ()
    _stale: Stale | None = None
    _segments: dict[str, bool] = {}
    _visit: tuple[str, str] = ("", "")
    _less: bool = False
    _agreed: str = ""

    # ---- arriving ----

    @rx.event
    async def load(self):
        """On every visit: the models, and what the address asks for. A reload keeps the draft."""
        self.models = await asyncio.to_thread(look.model_rows)
        query = self.router.url.query_parameters
        visit = (self.router.session.session_id, json.dumps(dict(query), sort_keys=True))
        is_reload = visit[1] == self._visit[1] and visit[0] != self._visit[0]
        self._visit, self.question = visit, NOTHING_ASKED
        if not (is_reload and self._offer()):
            await self._arrive(query)
        await self._quote()
        self.ready = True

    async def _arrive(self, query: Mapping[str, str]) -> None:
        self.notice = ""
        if (from_id := query.get("from", "")[:LONGEST_NAME]) and await self._from(from_id):
            return
        if one := starters.starter(query.get("start", "")):
            offer = starters.model_for(one, await asyncio.to_thread(services.current().offers.list))
            if offer is not None:
                self._fill(offer, starters.params_for(one, offer))
                return
        wanted = query.get("model", "")[:LONGEST_NAME] or self.alias
        if any(row["alias"] == wanted for row in self.models):
            self._open(wanted)
        elif self.models:
            self._open(self.models[0]["alias"])
        if query.get("model") and self.alias != wanted:
            self._refuse(t("playground.notice.no_model", model=wanted), "thin")

    async def _from(self, generation_id: str) -> bool:
        """Take over a generation's request; False when there is no such generation here or its model is gone."""
        try:
            known = await asyncio.to_thread(work_reads.find, generation_id, workspace_id())
            self._adopt(known.seen)
        except FareboxError as refused:
            self._refuse(refused.message, "thin")
            return False
        return True

    # ---- changing ----

    @rx.event
    async def choose(self, alias: str):
        """Another model; values that it takes too stay."""
        if any(row["alias"] == alias for row in self.models):
            self.notice = ""
            self._open(str(alias))
            await self._quote()

    @rx.event
    async def set_value(self, name: str, value: str):
        """A new value of a parameter, as text."""
        parameter = self._parameter(name)
        if parameter is not None and not fields.is_files(parameter):
            text = str(value)[:LONGEST_VALUE]
            self._put(parameter.name, "" if text == fields.NOTHING else text)
        await self._quote()

    @rx.event
    async def set_switch(self, name: str, on: bool):
        """A switch turned."""
        parameter = self._parameter(name)
        if parameter is not None and not fields.is_files(parameter):
            self._put(parameter.name, "true" if on is True else "false")
            await self._quote()

    @rx.event
    async def add_file(self, name: str, value: str, label: str):
        """An uploaded file's id or an https address for a file parameter."""
        parameter = self._parameter(name)
        if parameter is None or not fields.is_files(parameter):
            return
        text, name = str(value)[:2_048], parameter.name
        try:
            one = parameter.item or parameter
            one.canonical(text)
            media = fields.media_of(parameter)
            row = await asyncio.to_thread(look.file_row, text, workspace_id(), media, str(label)[:LONGEST_NAME])
        except (ValueError, InvalidInput) as wrong:
            self.errors = {**self.errors, name: str(wrong)}
            return
        others = [kept for kept in self.files.get(name, []) if kept["value"] != text]
        self._put_files(name, [*others, row][-fields.most_files(parameter) :])
        await self._quote()

    @rx.event
    async def remove_file(self, name: str, value: str):
        """Take a file out again."""
        parameter = self._parameter(name)
        if parameter is not None and parameter.name in self.files:
            self._put_files(name, [row for row in self.files[name] if row["value"] != value])
            await self._quote()

    @rx.event
    async def use_example(self):
        """Fill in the model's own example."""
        offer = self._offer()
        if offer is not None and offer.example:
            self._fill(offer, offer.example)
            await self._quote()

    @rx.event
    def toggle_fold(self):
        self.unfolded = not self.unfolded

    @rx.event
    def toggle_slip(self):
        """On a small screen: the whole slip, or its one line."""
        self.slip_open = not self.slip_open

    @rx.event
    def close_notice(self):
        self.notice = ""

    # ---- asking before something costly ----

    @rx.event
    def choose_confirm(self, choice: str):
        """How often to ask; kept in this browser."""
        if choice in CHOICES:
            self.confirm_choice = str(choice)

    @rx.event
    def answer_no(self):
        """Nothing runs; the form stays as it is."""
        self.question = NOTHING_ASKED

    async def _asks_first(self, shown: Shown, *, again: bool = False) -> bool:
        """Whether a question stands before this run now; a price that was agreed to is not asked about twice."""
        agreed, self._agreed = self._agreed, ""
        if agreed == shown.ticket or self.confirm_choice == NEVER:
            return False
        above, worth = await asyncio.to_thread(look.costliness, workspace_id(), shown.maximum)
        if not must_ask(shown, self.confirm_choice, above):
            return False
        offer = self._offer()
        title = offer.title if offer else self.alias
        self.question = question(title, shown, worth, again=again)
        return True

    # ---- running ----

    def _can_be_pressed(self) -> bool:
        return not self.busy and self.slip["status"] in ("priced", "stale")

    def _complain(self) -> str:
        """Mark what is missing; the script that brings the first of it into view. Prices nothing anew: a press must
        not change the price it agrees to."""
        self._tried = True
        self._differ("errors", {**self.errors, **dict.fromkeys(self._missing, t("playground.field.required"))})
        wrong = next((row["name"] for row in [*self.fields, *self.advanced] if self.errors.get(row["name"])), "")
        if wrong and any(row["name"] == wrong for row in self.advanced):
            self.unfolded = True
        return f"document.getElementById({json.dumps(fields.control_id(wrong))})?.focus()" if wrong else ""

    async def _take_over(self, seen: Seen) -> None:
        """Put a generation's request into the form, and say so when its model is gone."""
        self.notice = ""
        try:
            self._adopt(seen)
        except FareboxError as refused:
            self._refuse(refused.message, "thin")
        await self._quote()

    async def _run_at(self, shown: Shown) -> str:
        """Start what is in the form at a price shown elsewhere; "" when that is refused, as `_start` does."""
        return "" if self.slip["status"] in ("short", "cannot") else await self._start(shown)

    async def _start(self, shown: Shown, *, again: bool = False) -> str:
        """The generation's id, or "" when the notice or the slip says why not."""
        if who().is_suspended:
            self._refuse(t("playground.suspended"))
            return ""
        try:
            return await self._begin(self._ask(shown))
        except PriceChanged:
            return await self._price_changed(shown, again=again)
        except InsufficientCredits as refused:
            await self._quote()
            if self.slip["status"] != "short":
                self._refuse(refused.message)
        except LimitReached as limit:
            self._refuse(limit.message, "thin")
        except InvalidInput as wrong:
            await self._quote()
            self._refuse(wrong.message)
        except FareboxError as refused:
            self._refuse(refused.message)
        return ""

    async def _begin(self, ask: Ask) -> str:
        offer, desk = self._offer(), services.current().desk
        if offer is not None and is_dialogue(offer):
            return listening.begin(await ask_dialogue(desk, ask), ask.workspace_id)
        return (await start(desk, ask)).generation_id

    def _ask(self, shown: Shown) -> Ask:
        return Ask(
            workspace_id=workspace_id(),
            model=self.alias,
            input=dict(self._given),
            origin=work_reads.ORIGIN,
            request_id=new_id("req"),
            user_id=who().user_id,
            shown=shown.pair,
        )

    async def _price_changed(self, shown: Shown, *, again: bool) -> str:
        """Another version is on sale. At the same price nothing changed for the customer; else they are asked again."""
        await self._quote()
        now = Shown.of_ticket(self.slip["ticket"])
        if now is not None and now.maximum == shown.maximum and not again:
            return await self._start(now, again=True)
        self._stale = Stale(shown.maximum)
        await self._quote(keep_stale=True)
        return ""

    def _refuse(self, message: str, tone: str = "loss") -> None:
        self.notice, self.notice_tone = message, tone

    # ---- inside ----

    def _offer(self) -> Offer | None:
        try:
            return services.current().offers.find(self.alias) if self.alias else None
        except FareboxError:
            return None

    def _parameter(self, name: str) -> Parameter | None:
        offer = self._offer()
        return offer.schema.get(str(name)) if offer else None

    def _put(self, name: str, text: str) -> None:
        self.values = {**self.values, name: text}
        self._kept = {**self._kept, name: text}

    def _put_files(self, name: str, rows: list[dict[str, str]]) -> None:
        self.files = {**self.files, name: rows}
        self._kept_files = {**self._kept_files, name: rows}

    def _open(self, alias: str) -> None:
        """Show the form of a model, with every kept value that it takes."""
        offer = services.current().offers.find(alias)
        form = form_of(offer, Kept(self._kept, self._kept_files))
        self.alias = alias
        self.fields, self.advanced = form.fields, form.advanced
        self.folds, self.fold_label = form.folds, form.fold_label
        self.unfolded = self._tried = False
        self._segments, self.values, self.files = form.segments, form.values, form.files
        self.errors = dict.fromkeys(offer.schema.names, "")
        self.hints, self.asides, self.prices = {}, {}, {}

    def _fill(self, offer: Offer, params: Mapping[str, Any]) -> None:
        """This model with these values and, for everything else, its defaults."""
        kept = kept_of(offer, params, workspace_id())
        if kept.gone:
            self._refuse(t("playground.file.gone"), "thin")
        self._kept, self._kept_files = kept.values, kept.files
        self._open(offer.alias)

    def _adopt(self, seen: Seen) -> None:
        """The request of a generation; NotFound when its model is no longer offered."""
        self._fill(services.current().offers.find(seen.alias), seen.row["params"])

    async def _quote(self, *, keep_stale: bool = False) -> None:
        """Price the draft anew and show it."""
        if not self.alias:
            return
        if not keep_stale:
            self._stale = None
        chosen = {name: [row["value"] for row in rows] for name, rows in self.files.items()}
        draft = look.Draft(self.alias, dict(self.values), chosen)
        try:
            looked = await asyncio.to_thread(look.look, draft, workspace_id(), dict(self._segments))
        except NotFound as gone:
            self.slip = {**QUOTING, "status": "cannot", "message": gone.message, "button": t("playground.run.plain")}
            return
        self._show(looked)

    def _show(self, looked: look.Looked) -> None:
        found = looked.found
        self.slip = slip.slip_of(found, looked.available, self._stale, who().is_suspended)
        self._missing = found.missing
        self._given = dict(looked.given)
        self._tell_what_is_less([change.sentence for change in found.less])
        self._differ("prices", {name: dict(row) for name, row in looked.prices.items()})
        self._differ("asides", dict(looked.asides))
        schema, params = found.offer.schema, dict(found.params)
        sizes = {one.name: pixels_of(schema, params, one.name) for one in schema.parameters if one.enum}
        self._differ("hints", {name: words for name, words in sizes.items() if words})
        missing = {name: t("playground.field.required") for name in found.missing} if self._tried else {}
        self._differ("errors", {name: found.problems.get(name) or missing.get(name, "") for name in schema.names})
        self._write_code()

    def _tell_what_is_less(self, sentences: list[str]) -> None:
        """What the workspace's plan makes less than the form asks for, as long as it does."""
        if sentences:
            self._refuse(" ".join(sentences), "thin")
        elif self._less:
            self.notice = ""
        self._less = bool(sentences)

    def _differ(self, name: str, value: Any) -> None:
        """Set a var only where it changes: what did not change is not sent."""
        if getattr(self, name) != value:
            setattr(self, name, value)
