"""The price lists of the seeded models as text; `python -m tests.catalogue.golden` writes them anew.

One line for each combination that can differ: its values, the price in credits, the cost in USD and the margin.
"""

from decimal import Decimal
from pathlib import Path

from app.catalogue.compiled import cost_card, price_card
from app.catalogue.drafts import credits_of
from app.catalogue.param_schema import parse_schema
from app.catalogue.seed_files import SeedModel, seed_models
from app.kernel.money import Money, plain
from app.pricing.conditions import word
from app.pricing.matrix import Cell, Matrix, matrix, percent

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "catalogue"
CREDIT_VALUE = Decimal("0.001")


def matrix_of(model: SeedModel) -> Matrix:
    """Every combination of a seeded model against its cost."""
    schema = parse_schema(model.param_schema)
    card = price_card(model.pricing_rule, credits_of(model.credit_cost), schema)
    return matrix(card, schema, cost_card(model.cost.rule, schema), CREDIT_VALUE)


def price_list(model: SeedModel) -> str:
    """The golden text of a model."""
    priced = matrix_of(model)
    names = [axis.name for axis in priced.axes if axis.matters]
    rows = [[*names, "credits", "USD", "margin"]]
    for cell in priced.cells:
        row = [*(word(cell.params[name]) for name in names), *_figures(cell)]
        if row not in rows:
            rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths, len(names)) for row in rows]
    verified = "verified" if model.cost.verified else "unverified"
    head = [
        f"{model.alias}: {model.modality}, {model.provider} {model.upstream}",
        f"cost observed {model.cost.observed_at:%Y-%m-%d}, {verified}: {model.cost.source}",
        "",
    ]
    return "\n".join([*head, *lines]) + "\n"


def _figures(cell: Cell) -> list[str]:
    return [_figure(cell.price), _figure(cell.cost), percent(cell.margin)]


def _figure(amount: Money | None) -> str:
    return "–" if amount is None else plain(amount.amount)


def _line(row: list[str], widths: list[int], names: int) -> str:
    cells = [
        text.ljust(width) if column < names else text.rjust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def write() -> None:
    """Bring the folder to what the seed catalogue says now."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in FOLDER.glob("*.txt"):
        stale.unlink()
    for model in seed_models():
        (FOLDER / f"{model.alias}.txt").write_text(price_list(model), encoding="utf-8")


if __name__ == "__main__":
    write()
