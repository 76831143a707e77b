"""Who stands under a mail: nobody before there is a seller, then the seller as it is now."""

from datetime import UTC, datetime

from app.invoicing.parties import Address, Seller
from app.invoicing.seller import Sellers
from app.kernel.db import Database
from app.notify.house import house_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_the_sellers_address_is_read_anew(database: Database) -> None:
    read = house_of(database, "Farebox", "https://ai.example.com")
    assert read().address == ()
    sellers = Sellers(database, lambda: NOW)
    seller = Seller("", 0, "Example AI GmbH", Address("Lindenstraße 4", "Berlin", "DE", postcode="10969"))
    kept = sellers.save(seller, author="Olga")
    assert read().address == ("Example AI GmbH", "Lindenstraße 4, 10969 Berlin, Germany")
    assert kept.version == 1
