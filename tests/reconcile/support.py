"""Short words for what tests of reconciling do again and again."""

from sqlalchemy import text

from app.payments.views import OrderView
from app.reconcile.findings import Code
from app.reconcile.runs import Depth, Run
from tests.support.lawless import lawless
from tests.support.till import Till


def reconcile(till: Till, depth: Depth = Depth.FULL) -> Run:
    return till.run(till.services.reconcile.run(depth))


def open_codes(run: Run) -> list[Code]:
    return [one.code for one in run.open]


def healed_codes(run: Run) -> set[Code]:
    return {one.code for one in run.healed}


def paid(till: Till) -> OrderView:
    """An order bought, paid and credited in the ordinary way."""
    order = till.buy()
    till.pay(order)
    return till.settle(order)


def behind_its_back(till: Till, *statements: str, **values: object) -> None:
    """Change the database as nobody may."""
    with lawless(till.services.db) as connection:
        for statement in statements:
            connection.execute(text(statement), values)
