"""A visit begins with every dialog closed: what was typed, asked or shown once does not wait for the next one.

A state says in `ONE_VISIT` which of its variables that concerns; the guard starts them again when a page is opened. A
socket that connects again on the same page is no new visit: a dialog somebody is writing in stays as it is.
"""

from reflex.state import BaseState

EVERYTHING = ("*",)


def of_one_visit(state: type[BaseState]) -> tuple[str, ...]:
    """The variables of this class, and not of what it inherits from, that last for one visit."""
    named: tuple[str, ...] = state.__dict__.get("ONE_VISIT", ())
    return own_variables(state) if named == EVERYTHING else named


def own_variables(state: type[BaseState]) -> tuple[str, ...]:
    """Every variable the class itself declares."""
    return tuple(name for name, each in state.__fields__.items() if each._owner is state)


def start_afresh(state: BaseState) -> None:
    """Put what lasted for one visit back to its defaults."""
    fields = type(state).__fields__
    for name in of_one_visit(type(state)):
        setattr(state, name, fields[name].default_value())
