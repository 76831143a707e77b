"""Values as PostgreSQL reads them from text. Handing lists to the driver costs more than everything else that is done
with an event: it looks at each value by itself. PURE."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

#: A column that has no value, in lines for `copied`.
NOTHING: Final = "\0"


def array(values: Sequence[object]) -> str:
    """An array; text is quoted."""
    if not values or not isinstance(values[0], str):
        return f"{{{','.join(map(str, values))}}}"
    said = '","'.join(values)  # type: ignore[arg-type]
    if "\\" in said or said.count('"') != 2 * (len(values) - 1):
        said = '","'.join(str(each).replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return f'{{"{said}"}}'


@lru_cache(maxsize=50_000)
def column(value: str) -> str:
    """Any text as a column that COPY reads."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def copied(lines: Iterable[str]) -> str:
    """Lines that COPY reads, each of columns with tabs between them and an end. No column holds a control character:
    names are printable, and JSON writes them out. So a backslash is all that must be told apart, in all lines at
    once."""
    return "".join(lines).replace("\\", "\\\\").replace(NOTHING, "\\N")
