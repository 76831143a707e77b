"""The prices of a model side by side, where they are few enough to look at. Prices only, never cost or margin. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, TypedDict

from app.catalogue.offers import Offer
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.pricing.conditions import PRESENT
from app.pricing.parameters import Kind, Meter, Parameter, ParamSchema
from app.pricing.quote import estimate
from app.ui import present
from app.ui.pages.playground.labels import is_shape, shape_label, value_label

MOST_CELLS = 96
MOST_AXES = 3
MOST_COLUMNS = 6
Prices = Mapping[tuple[Any, ...], str]
SHAPES = (Meter.SECOND, Meter.WIDTH, Meter.HEIGHT, Meter.FPS)


class PriceRow(TypedDict):
    name: str
    cells: list[str]


class PriceGrid(TypedDict):
    """One block: `caption` names the value of the third parameter, empty where there is none."""

    caption: str
    corner: str
    columns: list[str]
    rows: list[PriceRow]


def price_grids(offer: Offer) -> list[PriceGrid]:
    """The price of every combination of what decides it, one to three parameters; empty where that is too much."""
    if _depends_on_input(offer.schema):
        return []
    axes = _axes(offer)
    if not axes or prod(len(_values(axis)) for axis in axes) > MOST_CELLS:
        return []
    prices: Prices = {values: _price(offer, axes, values) for values in product(*map(_values, axes))}
    axes, prices = _without_idle(axes, prices)
    if not 1 <= len(axes) <= MOST_AXES:
        return []
    return _grids(offer.schema, axes, prices)


def _depends_on_input(schema: ParamSchema) -> bool:
    """Text charged by its length, or a file by its own: no table can say what that comes to."""
    return any(
        parameter.meter is Meter.CHARACTER or (parameter.meter is Meter.SECOND and parameter.kind is Kind.FILE)
        for parameter in schema.parameters
    )


def _axes(offer: Offer) -> list[Parameter]:
    return [
        parameter
        for parameter in offer.schema.parameters
        if (parameter.enum or parameter.kind is Kind.BOOLEAN)
        and (
            parameter.name in offer.card.params or parameter.meter in SHAPES or parameter.name in offer.schema.shaped_by
        )
    ]


def _values(parameter: Parameter) -> tuple[Any, ...]:
    return parameter.enum or (False, True)


def _price(offer: Offer, axes: Sequence[Parameter], values: Sequence[Any]) -> str:
    asked = {**_usual(offer.schema), **dict(zip((axis.name for axis in axes), values, strict=True))}
    try:
        quote = estimate(offer.card, offer.schema, asked)
    except FareboxError:
        return t("models.price.none")  # a combination that is not sold
    if quote.is_exact:
        return present.credits(quote.total)
    return t("models.price.between", low=present.credits(quote.total), high=present.credits(quote.maximum))


def _usual(schema: ParamSchema) -> dict[str, Any]:
    """Every parameter at its default; what is required is there."""
    found = {}
    for parameter in schema.parameters:
        if parameter.default is not None:
            found[parameter.name] = parameter.default
        elif parameter.required:
            found[parameter.name] = PRESENT if parameter.is_presence else "…"
    return found


def _without_idle(axes: list[Parameter], prices: Prices) -> tuple[list[Parameter], Prices]:
    """Drop the parameters that change nothing after all."""
    busy = [place for place in range(len(axes)) if _moves(prices, place)]
    kept = {tuple(values[place] for place in busy): price for values, price in prices.items()}
    return [axes[place] for place in busy], kept


def _moves(prices: Prices, place: int) -> bool:
    seen: dict[tuple[Any, ...], str] = {}
    for values, price in prices.items():
        rest = values[:place] + values[place + 1 :]
        if seen.setdefault(rest, price) != price:
            return True
    return False


def _grids(schema: ParamSchema, axes: list[Parameter], prices: Prices) -> list[PriceGrid]:
    """The parameter with most values makes the rows, the next the columns, the last one a block for each value."""
    order = sorted(range(len(axes)), key=lambda place: -len(_values(axes[place])))
    across = order[1] if len(order) > 1 and len(_values(axes[order[1]])) <= MOST_COLUMNS else None
    blocks = [place for place in order[1:] if place != across]
    if len(blocks) > 1:
        return []
    layout = _Layout(schema, axes, prices, order[0], across, blocks[0] if blocks else None)
    return [layout.grid(value) for value in (_values(axes[blocks[0]]) if blocks else (None,))]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which parameter runs down, which across (None: one column), and which makes a block of its own."""

    schema: ParamSchema
    axes: list[Parameter]
    prices: Prices
    down: int
    across: int | None
    block: int | None

    def grid(self, value: Any) -> PriceGrid:
        """The block of one value of the third parameter."""
        columns = (None,) if self.across is None else _values(self.axes[self.across])
        title = _title(self.axes[self.down])
        return PriceGrid(
            caption="" if self.block is None else self._caption(self.axes[self.block], value),
            corner=title if self.across is None else f"{title} / {_title(self.axes[self.across])}",
            columns=[self._column(column) for column in columns],
            rows=[
                PriceRow(
                    name=self._label(self.axes[self.down], row),
                    cells=[self._price({self.down: row, self.across: column, self.block: value}) for column in columns],
                )
                for row in _values(self.axes[self.down])
            ],
        )

    def _price(self, chosen: Mapping[int | None, Any]) -> str:
        return self.prices[tuple(chosen[place] for place in range(len(self.axes)))]

    def _caption(self, parameter: Parameter, value: Any) -> str:
        return t("models.price.group", param=_title(parameter), value=self._label(parameter, value))

    def _column(self, value: Any) -> str:
        return t("models.price.price") if self.across is None else self._label(self.axes[self.across], value)

    def _label(self, parameter: Parameter, value: Any) -> str:
        """A value as the playground's form writes it."""
        return shape_label(str(value)) if is_shape(parameter, self.schema) else value_label(value)


def _title(parameter: Parameter) -> str:
    return parameter.title or parameter.name
