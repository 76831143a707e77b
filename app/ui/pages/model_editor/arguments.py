"""What an event brings along, brought to a sane shape: any socket can call any handler with anything."""

import json
from typing import Any

from app.ui.guard import who

#: A rule or a schema is never longer.
LONGEST = 70_000
#: Figures and names are short; anything longer is not typed by a person.
SHORT = 200


def clipped(value: object, longest: int = LONGEST) -> str:
    """An argument of an event as text of a sane length."""
    return str(value)[:longest]


def whole(value: object) -> int:
    """An index out of an event; −1, which is nowhere, when it is none."""
    try:
        return int(str(value))
    except ValueError:
        return -1


def decoded(value: str) -> Any:
    """A parameter's value as the browser hands it back."""
    try:
        made = json.loads(clipped(value, 2_000))
    except ValueError:
        return clipped(value, SHORT)
    return made if isinstance(made, str | int | float | bool) or made is None else str(made)


def actor() -> str:
    """The operator whose event is being handled."""
    return who().user_id
