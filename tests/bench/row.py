"""What a bench file's `run()` answers: a list of these."""

from typing import TypedDict


class Row(TypedDict):
    """One measured figure. `yardstick` is the figure it is held against, as text; `ratio` is None where the target
    is absolute; `ok` is None where there is no target."""

    name: str
    value: float
    unit: str
    yardstick: str | None
    ratio: float | None
    target: str | None
    ok: bool | None


class NotThere(Exception):
    """Something a measurement needs could not be had on this machine; it says what to do."""
