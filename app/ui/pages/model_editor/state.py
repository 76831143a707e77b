"""The model editor's state: the draft, saved as it is typed, and the picture of it. The tabs' handlers are in states of
their own, each a child of `EditorState`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.catalogue.drafts import Draft, json_of
from app.catalogue.judging import Good, Judged, Written, judge, text_of
from app.catalogue.workbench import Bench
from app.kernel import clock
from app.kernel.errors import FareboxError, NotFound, RuleRefused
from app.kernel.text import t
from app.pricing.editor_text import pretty, read_json
from app.pricing.parameters import ParamSchema
from app.ui import present
from app.ui.components import toast_done
from app.ui.components.code import focus_line
from app.ui.components.typed import focus_field
from app.ui.guard import PageState
from app.ui.pages.model_editor.matrix.calculator import Answer
from app.ui.pages.model_editor.matrix.matrix_view import MatrixView
from app.ui.pages.model_editor.matrix.rows import CalcRow
from app.ui.pages.model_editor.offering import LISTENERS
from app.ui.pages.model_editor.parameters.parameter_rows import ParametersView
from app.ui.pages.model_editor.picture import Header, Picture, Wish, picture
from app.ui.pages.model_editor.pricing.price_view import PriceView
from app.ui.pages.model_editor.pricing.rule_edits import Rule
from app.ui.pages.model_editor.pricing.rule_view import RuleView
from app.ui.pages.model_editor.reading import Loaded, keep, read_editor
from app.ui.pages.model_editor.starters import starting_rule
from app.ui.roles import Role
from app.ui.tabs import asked_tab, name_tab

TABS = ("details", "parameters", "pricing", "routing", "versions")
#: Steps that can be taken back.
MOST_UNDO = 100


class EditorState(PageState):
    """What every tab shares. Vars named as in `Picture` are drawn by `_draw` and nowhere else."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    missing: str = ""
    tab: str = "pricing"
    shows: str = "form"  # in a narrow window the form and the JSON take turns
    # the model
    model_id: str = ""
    alias: str = ""
    title: str = ""
    letter: str = ""
    modality: str = ""
    enabled: bool = False
    upstream: str = ""
    route_words: str = ""
    route_count: str = ""
    version_count: str = ""
    live_number: int = 0
    next_number: int = 1
    # the draft
    schema_text: str = ""
    rule_text: str = ""
    credit_cost: str = ""
    is_fixed: bool = False
    rule_heard: int = 0  # how often the editors have told us what is typed in them
    schema_heard: int = 0
    draft_words: str = ""
    has_draft: bool = False
    can_undo: bool = False
    stale_words: str = ""
    save_problem: str = ""
    # the picture
    header: Header = Header()
    price: PriceView = PriceView()
    rule: RuleView = RuleView()
    parameters: ParametersView = ParametersView()
    matrix: MatrixView = MatrixView()
    calc_rows: list[CalcRow] = []
    answer: Answer = Answer()
    # kept on the server
    _bench: Bench | None = None
    _good: Good | None = None
    _wish: Wish = Wish()
    _undo: list[tuple[str, str, str, bool]] = []
    _kept_rule: str = ""
    _base_number: int = 0

    # ---- loading ----

    @rx.event
    async def load(self):
        """The model in the address, its draft or its live version."""
        wanted = self.router.url.path.rstrip("/").rpartition("/")[2][:80]
        if wanted not in (self.alias, self.model_id):
            self.ready = False
        self.tab = asked_tab(self, TABS, usual="pricing")
        self._undo, self._wish, self._good, self._kept_rule = [], Wish(), None, ""
        self.can_undo, self.save_problem = False, ""
        yield
        await self._load(wanted)

    async def _load(self, wanted: str) -> None:
        try:
            loaded = await asyncio.to_thread(read_editor, wanted)
        except NotFound as gone:
            self.missing, self.ready = gone.message, True
            return
        self.missing = ""
        self._take(loaded)
        self._take_draft(loaded.page.draft)
        await self._draw()
        self.ready = True

    async def _reload(self, *, keep_draft: bool = False) -> None:
        """Read the model again after something but the draft was changed."""
        loaded = await asyncio.to_thread(read_editor, self.model_id)
        self._take(loaded)
        if not keep_draft:
            self._take_draft(loaded.page.draft)
        await self._draw()

    def _take(self, loaded: Loaded) -> None:
        page = loaded.page
        self._bench = loaded.bench
        self.model_id, self.alias, self.title = page.model_id, page.details.alias, page.details.title
        self.letter = (page.details.title or page.details.alias)[:1].upper()
        self.modality, self.enabled = page.details.modality, page.enabled
        on = [route for route in page.routes if route.form.enabled]
        self.upstream = on[0].form.upstream_model if on else ""
        self.route_words = t("model_editor.then").join(route.provider_name for route in on)
        self.route_count, self.version_count = str(len(page.routes)), str(len(page.versions))
        self.live_number, self.next_number = page.live_number, page.live_number + 1

    def _take_draft(self, draft: Draft) -> None:
        self.schema_text = text_of(draft.param_schema)
        self.is_fixed = draft.pricing_rule is None
        self.rule_text = "" if self.is_fixed else text_of(draft.pricing_rule)
        self.credit_cost = draft.credit_cost or ""
        self._base_number = draft.base_number
        self._say_saved(draft)

    # ---- the draft ----

    def _written(self) -> Written:
        return Written(self.schema_text, None if self.is_fixed else self.rule_text, self.credit_cost)

    async def _changed(self) -> None:
        """The draft is another: judge it, draw it, save it."""
        judged = await self._draw()
        await self._save(judged)

    def _remember(self) -> None:
        """Keep the draft as it stands, before it changes."""
        now = (self.schema_text, self.rule_text, self.credit_cost, self.is_fixed)
        if not self._undo or self._undo[-1] != now:
            self._undo = [*self._undo[-MOST_UNDO:], now]
        self.can_undo = True

    async def _rewrite(self, change: Callable[[Rule], Rule | None]) -> None:
        """Change the rule by one of `rule_edits`; nothing happens while its JSON cannot be read."""
        raw = self._rule()
        if raw is None:
            return
        made = change(raw)
        if made is None or made == raw:
            await self._draw()
            return
        self._remember()
        self.rule_text = pretty(made)
        await self._changed()

    def _rule(self) -> Rule | None:
        """The rule's JSON, if it is JSON."""
        return object_in(self.rule_text)

    def _schema(self) -> Rule | None:
        return object_in(self.schema_text)

    async def _draw(self) -> Judged:
        """Judge the draft off the event loop and show what has changed."""
        bench = self._known_bench()
        drawn, judged = await asyncio.to_thread(
            picture, self._written(), bench, self._good, self._wish, self._credit_value()
        )
        self._good = judged.good
        self._show(drawn)
        return judged

    def _show(self, drawn: Picture) -> None:
        for one in fields(drawn):
            value = getattr(drawn, one.name)
            if getattr(self, one.name) != value:
                setattr(self, one.name, value)

    async def _look(self, **wishes: Any) -> None:
        """Look at the same draft in another way."""
        self._wish = replace(self._wish, **wishes)
        await self._draw()

    async def _save(self, judged: Judged) -> None:
        draft = Draft(
            param_schema=judged.raw_schema if judged.raw_schema is not None else self.schema_text,
            credit_cost=self.credit_cost or None,
            pricing_rule=None if self.is_fixed else judged.raw_rule if judged.raw_rule is not None else self.rule_text,
            base_number=self._base_number,
        )
        try:
            saved = await asyncio.to_thread(keep, self.model_id, draft, self.header.is_changed)
        except FareboxError as refused:
            self.save_problem = refused.message
            return
        self.save_problem = ""
        self._say_saved(saved)

    def _say_saved(self, draft: Draft) -> None:
        live = t("model_editor.live", number=self.live_number) if self.live_number else t("model_editor.not_live")
        self.has_draft = draft.saved_at is not None
        if draft.saved_at is None:
            self.draft_words = live
        else:
            when = present.moment(draft.saved_at, clock.now())
            self.draft_words = t("model_editor.draft", number=self.next_number, time=when, live=live)
        is_stale = self.has_draft and self._base_number != self.live_number
        self.stale_words = t("model_editor.stale", number=self.live_number, base=self._base_number) if is_stale else ""

    def _known_bench(self) -> Bench:
        if self._bench is None:
            raise NotFound(t("model_editor.missing"))
        return self._bench

    def _credit_value(self) -> Decimal:
        return services.current().editing.credit_value

    async def _judged(self) -> Judged:
        return await asyncio.to_thread(judge, self._written(), self._known_bench(), self._credit_value(), self._good)

    async def _parameters_now(self) -> ParamSchema:
        return (await self._judged()).schema

    # ---- the header ----

    @rx.event
    async def refresh(self):
        """Something beside the draft has changed: offered or not, routes, costs."""
        await self._reload(keep_draft=True)

    @rx.event
    async def choose_tab(self, tab: str):
        """Another tab; the address follows, so that a reload comes back to it."""
        if tab not in TABS:
            return None
        self.tab = tab
        return name_tab(tab)

    @rx.event
    async def undo(self):
        """Take the last change of the draft back."""
        if not self._undo:
            return
        self.schema_text, self.rule_text, self.credit_cost, self.is_fixed = self._undo[-1]
        self._undo = self._undo[:-1]
        self.can_undo = bool(self._undo)
        await self._changed()

    @rx.event
    async def discard(self):
        """Back to the live version; this too can be undone."""
        self._remember()
        await asyncio.to_thread(services.current().editing.discard_draft, self.model_id)
        await self._reload()
        return toast_done(t("model_editor.discarded"), undo=EditorState.undo)

    @rx.event
    async def catch_up(self):
        """Keep the draft, but on top of the version that was published meanwhile."""
        self._base_number = self.live_number
        await self._changed()

    @rx.event
    async def first_error(self):
        """Go to the first thing that is wrong."""
        return self._to_first_error()

    def _to_first_error(self) -> Any:
        if self.parameters.problems:
            self.tab = "parameters"
            return focus_line("schema", int(self.parameters.problems[0]["line"]))
        self.tab = "pricing"
        if self.rule.problems:
            self.shows = "json"
            return focus_line("rule", int(self.rule.problems[0]["line"]))
        return focus_field("credit-cost")

    @rx.event
    async def open_loss(self):
        """Show the findings."""
        self.tab = "pricing"
        return rx.call_script("document.getElementById('findings')?.scrollIntoView({block: 'center'})")

    def _start_rule(self) -> str:
        return pretty(starting_rule(self.modality or "image", self.credit_cost))


LISTENERS["/admin/models/"] = EditorState.refresh


#: For handlers that are given arguments: the type checker takes `EditorState.handler` for a namespace.
on: Any = EditorState


def object_in(text: str) -> Rule | None:
    try:
        raw = read_json(text)
    except RuleRefused:
        return None
    return json_of(raw, "pricing_rule") if isinstance(raw, dict) else None
