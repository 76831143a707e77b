"""Lines of a CSV file that a spreadsheet opens without running anything: RFC 4180, and no cell is a formula."""

import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

#: A spreadsheet takes text that begins like this for a formula; some also take the wide forms of these signs.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", *"＝＋－＠")
#: Where half the world's spreadsheets begin a cell: they separate by semicolons, and to them our quotes mean nothing.
INNER_FORMULA: Final = re.compile(r"([;\t\r\n][ \"]*)(?=[=+\-@＝＋－＠])")


def csv_row(cells: Sequence[str | int | Decimal | None]) -> str:
    """One line with its end. Text that would be a formula gets an apostrophe in front; numbers stay numbers."""
    line = io.StringIO()
    csv.writer(line).writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(cell: str | int | Decimal | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return INNER_FORMULA.sub(r"\1'", f"'{cell}" if cell.startswith(FORMULA) else cell)
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
