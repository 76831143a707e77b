"""Traps of the framework that pages must not step into; `tests/browser` shows what they did to people."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from functools import cache

import reflex as rx
from reflex_base.components.component import Component

from app.ui.components.typed import TypedInput
from app.ui.connection import OVERLAY, connection_lost
from tests.support.sources import APP, FILES, nodes

UI = APP / "ui"
#: What Reflex ties to the state when it is given both a value and a handler: each answer then rewrites the field.
TIED = {"input", "textarea", "text_input", "text_area", "text_field"}
CHOSEN_NOT_TYPED = {"radio", "checkbox", "range", "file", "hidden"}


def calls(*names: str) -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """Every call of a function of one of these names: where, and its keywords."""
    for where, node in _every_call():
        if _name(node.func) in names:
            yield where, {word.arg: word.value for word in node.keywords if word.arg}


@cache
def _every_call() -> list[tuple[str, ast.Call]]:
    return [
        (f"{path.name}:{node.lineno}", node)
        for path in FILES
        if path.is_relative_to(UI)
        for node in nodes(path)
        if isinstance(node, ast.Call)
    ]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_what_is_typed_is_never_tied_to_the_state():
    tied = [
        where
        for where, words in calls(*TIED)
        if {"value", "on_change"} <= words.keys()
        and not (isinstance(kind := words.get("type"), ast.Constant) and kind.value in CHOSEN_NOT_TYPED)
    ]
    assert tied == [], "give these `default_value`, or use typed_input or filter_input"


def test_a_typed_field_knows_everything_it_is_told():
    known = {*TypedInput.get_fields(), *Component.get_fields()}  # Reflex takes any other word for a style
    told = {word: where for where, words in calls("typed_input", "filter_input") for word in words}
    assert {word: where for word, where in told.items() if word not in {*known, "on_change"}} == {}


def test_only_base_makes_the_routers_links():
    """A file or the API's pages behind one of these end at "There is no page here"."""
    loose = [
        where
        for where, words in calls("a")
        if "reload_document" not in words
        and not (isinstance(href := words.get("href"), ast.Constant) and str(href.value).startswith("#"))
    ]
    assert loose == [], "use route_link for a page of the app, plain_link for anything else"


def test_what_is_said_of_a_lost_connection_stands_in_place_of_reflex_s_words():
    """Under a key Reflex does not have, both would be shown."""
    [wraps] = [field for field in fields(rx.App) if field.name == "app_wraps"]
    assert callable(wraps.default_factory)
    assert OVERLAY in wraps.default_factory()
    line = connection_lost(True)
    assert "No connection." in str(line)
    assert connection_lost(False) is None
