"""Rows that several tabs show: plain text, made for the components."""

from typing import TypedDict


class OptionRow(TypedDict):
    value: str
    label: str


class ProblemRow(TypedDict):
    """A card under a line of the JSON."""

    id: str
    line: int
    path: str
    message: str
    fix: str


def option(name: str) -> OptionRow:
    return OptionRow(value=name, label=name)
