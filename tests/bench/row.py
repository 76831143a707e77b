"""What a bench file's `run()` answers: a list of these."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
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


def figure(
    name: str,
    value: float,
    unit: str,
    ratio: float | None = None,
    *,
    yardstick: str | None = None,
    target: str | None = None,
    ok: bool | None = None,
) -> Row:
    """A row, of what there is to say."""
    return Row(name=name, value=value, unit=unit, yardstick=yardstick, ratio=ratio, target=target, ok=ok)


def missing(name: str, why: str) -> Row:
    """The row of a figure that could not be had."""
    return figure(name, 0, f"(not measured: {why})", ok=False)


def in_parts(parts: Mapping[str, Callable[[], Iterable[Row]]]) -> Iterator[Row]:
    """The rows of each part, by its name; one that fails takes no other with it."""
    for name, part in parts.items():
        try:
            yield from part()
        except NotThere as failed:
            yield missing(name, str(failed))
        except Exception as failed:  # the other parts have figures to give
            traceback.print_exc()
            yield missing(name, f"{type(failed).__name__}: {failed}".partition("\n")[0])
