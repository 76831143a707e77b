"""Values as PostgreSQL reads them from text. Handing lists to the driver costs more than everything else that is done
with an event: it looks at each value by itself. PURE."""

from collections.abc import Sequence


def array(values: Sequence[object]) -> str:
    """An array; text is quoted."""
    if not values or not isinstance(values[0], str):
        return f"{{{','.join(map(str, values))}}}"
    said = '","'.join(values)  # type: ignore[arg-type]
    if "\\" in said or said.count('"') != 2 * (len(values) - 1):
        said = '","'.join(str(each).replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return f'{{"{said}"}}'


def columns(*values: str) -> str:
    """Columns of a row that COPY reads; none of the values holds a NUL, as nothing PostgreSQL keeps does."""
    said = "\0".join(values)
    escaped = said.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return escaped.replace("\0", "\t")
