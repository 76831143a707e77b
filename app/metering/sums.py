"""Sums of events by what they are alike in: for each customer and day, for all customers, for each month. PURE.

What is written is sorted, so that two who write it never wait for each other in a circle.
"""

from collections.abc import Mapping
from typing import Final

from app.metering.apart import Figures
from app.metering.events import BILLIONTHS

#: What an event adds: customer, day (as ISO has it), shape, figures. Many add the same, and to count those is the least
#: that can be done with an event.
Added = tuple[str, str, int, Figures]
#: Of the events of a customer, day and shape: how many have each figure, and what they come to.
Cells = dict[tuple[str, str, int], dict[str, list[int]]]
#: customer, day, shape, figure, events, whole, billionths
Rolled = tuple[str, str, int, str, int, int, int]
Daily = tuple[str, int, str, int, int, int]
Monthly = tuple[str, str, int, str, int, int, int]

#: The figure under which events are counted.
COUNT: Final = ""


def summed(counted: Mapping[Added, int]) -> Cells:
    """What events come to, of how many add the same."""
    cells: Cells = {}
    for (customer, day, shape, figures), times in counted.items():
        key = (customer, day, shape)
        cell = cells.get(key)
        if cell is None:
            cell = cells[key] = {COUNT: [0, 0]}
        cell[COUNT][0] += times
        for figure, billionths in figures:
            found = cell.get(figure)
            if found is None:
                cell[figure] = [times, billionths * times]
            else:
                found[0] += times
                found[1] += billionths * times
    return cells


def rows(cells: Cells) -> list[Rolled]:
    """By customer and day."""
    return [
        (*key, figure, events, *divmod(billionths, BILLIONTHS))
        for key in sorted(cells)
        for figure, (events, billionths) in sorted(cells[key].items())
    ]


def daily(cells: Cells) -> list[Daily]:
    """Over all customers."""
    found: dict[tuple[str, int, str], list[int]] = {}
    for (_, day, shape), cell in cells.items():
        for figure, (events, billionths) in cell.items():
            sums = found.setdefault((day, shape, figure), [0, 0])
            sums[0] += events
            sums[1] += billionths
    return [(*key, found[key][0], *divmod(found[key][1], BILLIONTHS)) for key in sorted(found)]


def monthly(cells: Cells) -> list[Monthly]:
    """Over all days of a month, which is kept as its first one."""
    found: dict[tuple[str, str, int, str], list[int]] = {}
    for (customer, day, shape), cell in cells.items():
        month = f"{day[:8]}01"
        for figure, (events, billionths) in cell.items():
            sums = found.setdefault((month, customer, shape, figure), [0, 0])
            sums[0] += events
            sums[1] += billionths
    return [(*key, found[key][0], *divmod(found[key][1], BILLIONTHS)) for key in sorted(found)]
