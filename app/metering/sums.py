"""Sums of events by what they are alike in: for each customer and day, for all customers, for each month. PURE."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

from app.metering.events import BILLIONTHS

#: customer, day, shape, figure, events, whole, billionths
Rolled = tuple[str, date, int, str, int, int, int]
Daily = tuple[date, int, str, int, int, int]
Monthly = tuple[date, str, int, str, int, int, int]

#: The figure under which events are counted.
COUNT: Final = ""


class Counted(NamedTuple):
    """What an event adds."""

    customer: str
    day: date
    shape: int
    figures: Mapping[str, int]


class Sums:
    """Adds up events; `rows`, `daily` and `monthly` are sorted, so that two who write them never wait in a circle."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, date, int], dict[str, list[int]]] = {}
        self.events = 0

    def add(self, events: Iterable[Counted]) -> None:
        cells = self._cells
        for customer, day, shape, figures in events:
            self.events += 1
            key = (customer, day, shape)
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = {COUNT: [0, 0]}
            cell[COUNT][0] += 1
            for figure, billionths in figures.items():
                found = cell.get(figure)
                if found is None:
                    cell[figure] = [1, billionths]
                else:
                    found[0] += 1
                    found[1] += billionths

    def rows(self) -> list[Rolled]:
        return [
            (*key, figure, events, *divmod(billionths, BILLIONTHS))
            for key in sorted(self._cells)
            for figure, (events, billionths) in sorted(self._cells[key].items())
        ]

    def daily(self) -> list[Daily]:
        found: dict[tuple[date, int, str], list[int]] = {}
        for (_, day, shape), cell in self._cells.items():
            for figure, (events, billionths) in cell.items():
                sums = found.setdefault((day, shape, figure), [0, 0])
                sums[0] += events
                sums[1] += billionths
        return [(*key, found[key][0], *divmod(found[key][1], BILLIONTHS)) for key in sorted(found)]

    def monthly(self) -> list[Monthly]:
        found: dict[tuple[date, str, int, str], list[int]] = {}
        for (customer, day, shape), cell in self._cells.items():
            month = day.replace(day=1)
            for figure, (events, billionths) in cell.items():
                sums = found.setdefault((month, customer, shape, figure), [0, 0])
                sums[0] += events
                sums[1] += billionths
        return [(*key, found[key][0], *divmod(found[key][1], BILLIONTHS)) for key in sorted(found)]
