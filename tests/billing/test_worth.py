"""What credits are worth to a customer, in the currency that customer pays in."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from app.billing import postpaid
from app.billing.postpaid import Agreed
from app.billing.worth import worth_of
from app.invoicing.rate_store import RateStore
from app.kernel.db import Database
from app.kernel.money import Money
from app.plans import customers
from tests.billing.world import World

LIST_VALUE = Decimal("0.001")


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def worth(world: World, workspace_id: str) -> str:
    with world.db.read() as connection:
        return str(worth_of(connection, workspace_id, Money.from_exact(384), LIST_VALUE, world.now))


def billed_in(world: World, name: str, currency: str | None) -> str:
    """The workspace of a new customer."""
    world.customer(name, **({"billing_currency": currency} if currency else {}))
    with world.db.read() as connection:
        return customers.by_external_id(connection, name).workspace_id


def test_in_the_currency_the_customer_pays_in(world: World) -> None:
    assert worth(world, billed_in(world, "nobody said", None)) == "0.38 USD"
    euro = billed_in(world, "euro", "EUR")
    assert worth(world, euro) == "0.38 USD"  # nothing is sold in it, and no rate is known
    rates = RateStore(world.db, world.clock)
    rates.set_fx("EUR", "USD", world.now.date(), "1.25", source="bank", author="test")
    assert worth(world, euro) == "0.31 EUR"
    rates.set_fx("USD", "EUR", world.now.date(), "0.5", source="bank", author="test")
    assert worth(world, euro) == "0.19 EUR"


def test_at_the_agreed_price_where_they_pay_afterwards(world: World) -> None:
    workspace = billed_in(world, "afterwards", "USD")
    with world.db.write() as connection:
        agreed = Agreed("GBP", Decimal("0.01"))
        postpaid.switch_on(connection, workspace, Money.from_exact(10), agreed, actor="test", now=world.now)
    assert worth(world, workspace) == "3.84 GBP"
    with world.db.write() as connection:
        postpaid.switch_off(connection, workspace, actor="test", now=world.now)
    assert worth(world, workspace) == "0.38 USD"
