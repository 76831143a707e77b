"""Who writes the mails: the name customers know, and the seller's address under them, as it stands now."""

from collections.abc import Callable

from babel import Locale

from app.invoicing import seller as sellers
from app.invoicing.parties import Seller
from app.invoicing.seller import SellerNeeded
from app.kernel.db import Database
from app.notify.compose import House


def house_of(db: Database, name: str, public_url: str) -> Callable[[], House]:
    """Reads the seller anew for each mail; before there is one, mails have no address under them."""

    def read() -> House:
        try:
            with db.read() as connection:
                return House(name, public_url, imprint(sellers.current(connection)))
        except SellerNeeded:
            return House(name, public_url)

    return read


def imprint(seller: Seller, language: str = "en") -> tuple[str, ...]:
    """Name, postal address and tax id, a line each."""
    address = seller.address
    country = Locale.parse(language).territories.get(address.country, address.country)
    town = " ".join(filter(None, (address.postcode, address.city)))
    where = ", ".join(filter(None, (address.line1, address.line2, town, address.state, country)))
    return tuple(filter(None, (seller.name, where, seller.vat_id, seller.email)))
