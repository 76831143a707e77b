"""The demo can sell and be invoiced from the first minute."""

from app.invoicing.seed import seed_invoicing
from app.invoicing.service import Invoicing
from app.kernel.db import Database
from tests.invoicing.support import NOON, euros, new_workspace


def test_the_demo_has_a_seller_and_a_profile_once(database: Database) -> None:
    invoicing = Invoicing(database, lambda: NOON)
    workspace = new_workspace(database)
    seed_invoicing(invoicing, workspace, actor="demo")
    first = (invoicing.sellers.current(), invoicing.profiles.of(workspace))
    seed_invoicing(invoicing, workspace, actor="demo")
    assert (invoicing.sellers.current(), invoicing.profiles.of(workspace)) == first
    assert invoicing.taxes.quote_tax(workspace, euros("100.00")).total_gross == euros("119.00")
