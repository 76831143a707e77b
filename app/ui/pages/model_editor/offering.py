"""Offering a model to customers, or no longer: asked for first, refused with the reason, signed for where it loses."""

import asyncio
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError, Rejected
from app.kernel.text import t
from app.ui.components import button, check, closes, dialog, notice, toast_done, var
from app.ui.guard import PageState, who
from app.ui.roles import Role
from app.ui.visits import EVERYTHING


class OfferState(PageState):
    """One dialog for the table and the editor."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    is_open: bool = False
    model: str = ""
    alias: str = ""
    wants: bool = False
    refusal: str = ""
    losses: list[str] = []
    signed: bool = False
    working: bool = False

    @rx.event
    async def ask(self, model_id: str, wanted: bool):
        """Switching off is confirmed; switching on is tried, and asks only where something has to be signed."""
        self.model, self.wants = str(model_id)[:40], wanted is True
        self.refusal, self.losses, self.signed, self.working = "", [], False, False
        rows = await asyncio.to_thread(services.current().editing.models)
        found = next((row for row in rows if row.model_id == self.model), None)
        if found is None:
            return None
        self.alias = found.alias
        if self.wants:
            return await self._try(())
        self.is_open = True
        return None

    @rx.event
    async def confirm(self):
        """Do what was asked for."""
        if self.wants and self.losses and not self.signed:
            return None
        return await self._try(tuple(self.losses))

    @rx.event
    def sign(self, on: bool):
        self.signed = on is True

    @rx.event
    def set_open(self, is_open: bool):
        self.is_open = is_open is True

    async def _try(self, signed: tuple[str, ...]) -> Any:
        editing, author = services.current().editing, who().user_id
        try:
            if self.wants:
                await asyncio.to_thread(lambda: editing.enable(self.model, author, sign_off=signed))
            else:
                await asyncio.to_thread(editing.disable, self.model, author)
        except Rejected as refused:
            self.refusal = refused.message
            if refused.stable_code == "sign_off_needed":
                self.losses = [str(one) for one in refused.details.get("unsigned", ())]
            self.is_open = True
            return None
        except FareboxError as refused:
            self.refusal, self.is_open = refused.message, True
            return None
        self.is_open, self.refusal = False, ""
        key = "model_editor.offer.is_on" if self.wants else "model_editor.offer.is_off"
        return [*self._listeners(), toast_done(t(key, alias=self.alias))]

    def _listeners(self) -> list[Any]:
        here = self.router.url.path
        return [LISTENERS[path] for path in sorted(LISTENERS, key=len, reverse=True) if here.startswith(path)][:1]


#: For handlers that are given arguments: the type checker takes `OfferState.handler` for a namespace.
on: Any = OfferState

#: Where the switch stands → the event that shows the change there; each page adds itself.
LISTENERS: dict[str, Any] = {}


def offer_dialog() -> rx.Component:
    """What the switch asks before it acts."""
    return dialog(
        rx.cond(
            OfferState.wants,
            rx.fragment(
                notice(OfferState.refusal),
                rx.cond(
                    var(OfferState.losses).length() > 0,
                    rx.fragment(
                        rx.el.ul(
                            rx.foreach(OfferState.losses, lambda one: rx.el.li(one, class_name="fb-mono")),
                            class_name="fb-sign-list fb-scroll",
                        ),
                        check(
                            t("model_editor.publish.sign_many"),
                            checked=OfferState.signed,
                            on_change=OfferState.sign,
                            detail=t("model_editor.publish.recorded"),
                        ),
                    ),
                ),
            ),
            rx.fragment(
                rx.el.p(t("model_editor.offer.off_words")),
                rx.cond(OfferState.refusal != "", notice(OfferState.refusal)),
            ),
        ),
        title=rx.cond(
            OfferState.wants,
            t("model_editor.offer.on_title") + " " + OfferState.alias,
            t("model_editor.offer.off_title") + " " + OfferState.alias,
        ),
        is_open=OfferState.is_open,
        on_open_change=OfferState.set_open,
        footer=[
            closes(button(t("common.close"))),
            rx.cond(
                ~OfferState.wants | (var(OfferState.losses).length() > 0),
                button(
                    rx.cond(OfferState.wants, t("model_editor.offer.on_act"), t("model_editor.offer.off_act")),
                    kind="solid",
                    on_click=OfferState.confirm,
                    disabled=OfferState.wants & ~OfferState.signed,
                    custom_attrs={"data-testid": "offer-confirm"},
                ),
            ),
        ],
    )
