"""The front page's example: a real model of this catalogue, priced by the real code. Shows prices, never our cost."""

from collections.abc import Iterator
from itertools import islice, permutations

from app.catalogue.offers import Offer
from app.catalogue.param_schema import coerce
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.pricing.parameters import Parameter
from app.pricing.quote import estimate
from app.services import Services
from app.ui import present
from app.ui.wiring import Showcase, ShowcaseCell

MOST_ROWS, MOST_COLUMNS = 5, 3


def showcase(services: Services) -> Showcase | None:
    """The image model and the two choices that tell most about its price; None when none has two that matter."""
    found = [shown for offer in services.offers.list("image") for shown in _all_of(offer)]
    return max(found, key=_telling, default=None)


def _telling(shown: Showcase) -> tuple[int, int]:
    prices = [cell.price for line in shown.cells for cell in line]
    return len(set(prices)), len(prices)


def _all_of(offer: Offer) -> Iterator[Showcase]:
    choices = [parameter for parameter in offer.schema.parameters if len(parameter.enum) >= 2]
    for row, column in permutations(choices, 2):
        if len(row.enum) >= len(column.enum) and (shown := _of(offer, row, column)):
            yield shown


def _of(offer: Offer, row: Parameter, column: Parameter) -> Showcase | None:
    rows, columns = list(islice(row.enum, MOST_ROWS)), list(islice(column.enum, MOST_COLUMNS))
    try:
        cells = [[_price(offer, {row.name: r, column.name: c}) for c in columns] for r in rows]
        count = next((p.name for p in offer.schema.parameters if p.meter == "image"), None)
        quote = estimate(offer.card, offer.schema, _params(offer, {count: 2} if count else {}))
    except FareboxError:
        return None
    if len({cell for line in cells for cell in line}) < 3:
        return None
    line = quote.lines[0].text if quote.lines else ""
    return Showcase(
        model=offer.title,
        request=", ".join(str(p.default) for p in (column, row) if p.default is not None),
        line=line,
        reason=quote.reason.removeprefix(line).lstrip(", ") or t("playground.slip.base"),
        amount=present.credits(quote.total),
        column_names=tuple(str(value) for value in columns),
        row_names=tuple(str(value) for value in rows),
        cells=tuple(tuple(ShowcaseCell(price) for price in line) for line in cells),
        provider=offer.routes[0].provider_name if offer.routes else "",
    )


def _price(offer: Offer, given: dict[str, object]) -> str:
    return present.credits(estimate(offer.card, offer.schema, _params(offer, given)).total)


def _params(offer: Offer, given: dict[str, object]) -> dict[str, object]:
    text = next((p.name for p in offer.schema.parameters if p.required), None)
    return coerce(offer.schema, {**({text: "A red tram"} if text else {}), **given})
