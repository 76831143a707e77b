"""What is in the form as a program would ask for it."""

from typing import Any

import reflex as rx

from app import services
from app.catalogue.offers import Offer
from app.ui.pages.playground import snippets
from app.ui.pages.playground.snippets import Piece


class Snippets(rx.State, mixin=True):
    """For a state that has `_offer()`, the model in its form, and keeps in `_given` what is asked of it."""

    language: str = "curl"
    dry_first: bool = True
    code: list[Piece] = []
    code_text: str = ""
    _given: dict[str, Any] = {}

    @rx.event
    def set_language(self, language: str):
        """Which program the request is shown as."""
        if language in snippets.LANGUAGES:
            self.language = language
            self._write_code()

    @rx.event
    def set_dry_first(self, on: bool):
        """Whether the program asks what it would cost before it runs."""
        self.dry_first = on is True
        self._write_code()

    def _offer(self) -> Offer | None:
        raise NotImplementedError

    def _write_code(self) -> None:
        offer = self._offer()
        if offer is None:
            return
        request = snippets.Request(
            services.current().settings.public_url,
            offer.alias,
            offer.operation,
            snippets.worth_saying(offer, self._given),
        )
        text = snippets.snippet(request, self.language, dry_run=self.dry_first)
        if text != self.code_text:
            self.code_text, self.code = text, snippets.pieces(text, self.language)
