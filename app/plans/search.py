"""Searching as integrators know it: ids, moments, conditions on any field, an order, and a page of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    Numeric,
    String,
    Table,
    func,
    or_,
    select,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.kernel.errors import InvalidInput
from app.kernel.given import Given
from app.plans.tables import DELETED

MOST: Final = 1_000
USUAL: Final = 50
MOST_CONDITIONS: Final = 50
LONGEST_LIST: Final = 16_000
LARGEST_WHOLE: Final = 2**63
#: JSON is kept, but neither database orders it as the other does.
COMPARABLE: Final = (String, Numeric, Integer, DateTime, Boolean)
STATUSES: Final = ("published", "deleted", "archived")

Condition = ColumnElement[bool]
#: What a search calls something that is no column of that name.
Names = Mapping[str, ColumnElement[Any]]


class Amount(TypeDecorator[int]):
    """Money in thousandths of its currency: figures that are compared with it are in the currency itself."""

    impl = BigInteger
    cache_ok = True


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was found, and how much there is."""

    items: Sequence[Mapping[str, Any]]
    total: int
    limit: int
    offset: int


def search(connection: Connection, table: Table, given: Given, *wanted: Condition, names: Names | None = None) -> Page:
    """The page of `table` that `given` asks for, of what is `wanted`: newest first unless it says otherwise. A field
    is what the `names` say, else the column of that name."""
    fields = {**table.c, **(names or {})}
    conditions = [*wanted, *narrowed(table, given, fields)]
    limit, offset = bounds(given)
    total = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
    query = select(table).where(*conditions).order_by(*ordered(table, given, fields)).limit(limit).offset(offset)
    return Page([dict(row) for row in connection.execute(query).mappings()], total, limit, offset)


def bounds(given: Given) -> tuple[int, int]:
    """`limit` (1 to 1,000, usually 50) and `offset`."""
    limit = given.integer("limit", least=1, most=MOST) if given.has("limit") else USUAL
    return limit, given.integer("offset", most=2**31) if given.has("offset") else 0


def chosen(column: ColumnElement[Any], given: Given, name: str) -> list[Condition]:
    """`column` is one of the values in the list `name`, or equal to the one text there; nothing given is no wish."""
    found = given.raw.get(name)
    if found is None or found in ("", []):
        return []
    if isinstance(found, list):
        values = given.texts(name)
    else:  # a query string writes a list with commas
        values = tuple(given.text(name, longest=LONGEST_LIST).split(",")) if name.endswith("s") else (given.text(name),)
    return [column.in_(sorted(set(values)))]


def narrowed(table: Table, given: Given, fields: Names) -> list[Condition]:
    """What every search can ask: status, when it was made, metadata, and `filters`."""
    found: list[Condition] = []
    if "status" in table.c:
        status = given.maybe_choice("status", STATUSES)
        found.append(table.c.status != DELETED if status is None else table.c.status == status)
    if (start := given.maybe_moment("start_time")) is not None:
        found.append(table.c.created_at >= start)
    if (end := given.maybe_moment("end_time")) is not None:
        found.append(table.c.created_at <= end)
    if "metadata" in table.c:
        found += [table.c.metadata[key].as_string() == value for key, value in given.labels().items()]
    return found + [_condition(fields, each) for each in given.objects("filters", most=MOST_CONDITIONS)]


def ordered(table: Table, given: Given, fields: Names) -> list[ColumnElement[Any]]:
    """`sort` (a field, or a list of fields with a direction) and `order`; ties by id, so that pages do not overlap."""
    down = given.maybe_choice("order", ("asc", "desc")) != "asc"
    wish = given.raw.get("sort")
    if isinstance(wish, str) and wish:
        return [_way(_column(fields, given, "sort"), down), _way(table.c.id, down)]
    found = [
        _way(_column(fields, each, "field"), each.choice("direction", ("asc", "desc"), "asc") == "desc")
        for each in (given.objects("sort", most=10) if isinstance(wish, list) else [])
    ]
    return [*(found or [_way(table.c.created_at, down)]), _way(table.c.id, down)]


def _way(column: ColumnElement[Any], down: bool) -> ColumnElement[Any]:
    return column.desc() if down else column.asc()


def _column(fields: Names, given: Given, name: str) -> ColumnElement[Any]:
    field = given.text(name)
    if field not in fields or not isinstance(_kind(fields[field]), COMPARABLE):
        raise given.wrong(name, f"names no field of this that can be compared: {field!r}.")
    return fields[field]


def _kind(column: ColumnElement[Any]) -> TypeEngine[Any]:
    """What the database keeps in it."""
    kind: TypeEngine[Any] = column.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


_COMPARED: Final[Mapping[str, Callable[[ColumnElement[Any], Any], Condition]]] = {
    "eq": lambda column, value: column == value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "after": lambda column, value: column > value,
    "before": lambda column, value: column < value,
}
_LISTED: Final = ("in", "not_in")
_TEXTUAL: Final = ("contains", "not_contains")


def _condition(fields: Names, given: Given) -> Condition:
    column = _column(fields, given, "field")
    operator = given.choice("operator", (*_COMPARED, *_LISTED, *_TEXTUAL), "eq")
    value = given.object("value")
    if operator in _LISTED:
        listed = column.in_([_as(column, each, value) for each in value.texts("array")])
        return listed if operator == "in" else or_(~listed, column.is_(None))
    if operator in _TEXTUAL:
        if not isinstance(_kind(column), String):
            raise given.wrong("operator", f"{operator} is for texts.")
        found = func.lower(column).contains(value.text("string").lower(), autoescape=True)
        return found if operator == "contains" else or_(~found, column.is_(None))
    return _COMPARED[operator](column, _as(column, _one(value), value))


def _one(value: Given) -> object:
    """The one of `string`, `number`, `date`, `boolean` that is given."""
    said = [value.raw[name] for name in ("string", "number", "date", "boolean") if value.has(name)]
    if len(said) != 1:
        raise InvalidInput(
            f"{value.place} must hold one of string, number, date and boolean.", param=value.place or None
        )
    return said[0]


def lowered(column: ColumnElement[str]) -> ColumnElement[str]:
    """What is kept in capitals and said without."""
    return func.lower(column, type_=String())


def more_than(column: ColumnElement[Any], figure: Decimal) -> Condition:
    """Where an `Amount` is more than that."""
    return column > _whole(figure * 1_000)


def _whole(figure: Decimal) -> int | float:
    """As a column of whole numbers is compared with it: what no column holds is only larger or smaller."""
    whole = figure == figure.to_integral_value() and abs(figure) < LARGEST_WHOLE
    return int(figure) if whole else float(figure)


def _as(column: ColumnElement[Any], said: object, value: Given) -> object:
    """The value as the column holds it."""
    kind = _kind(column)
    asked = Given({"value": said}, value.place)
    if isinstance(kind, DateTime):
        moment: datetime = asked.moment("value")
        return moment
    if isinstance(kind, Boolean):
        return asked.flag("value")
    if isinstance(kind, Integer):
        figure: Decimal = asked.decimal("value", least=None) * (1_000 if isinstance(column.type, Amount) else 1)
        return _whole(figure)
    return asked.text("value")
