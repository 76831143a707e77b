"""The demo's seller and the demo customer's billing profile. Run again, it changes nothing."""

from typing import Final

from app.invoicing.parties import Address, Bank, Seller
from app.invoicing.profiles import ProfileForm
from app.invoicing.service import Invoicing

SELLER: Final = Seller(
    entity_id="",
    version=1,
    name="Farebox Demo GmbH",
    address=Address("Torstraße 140", "Berlin", "DE", postcode="10119"),
    vat_id="DE136695976",
    email="billing@farebox.test",
    website="farebox.test",
    registration="Amtsgericht Charlottenburg HRB 000000 B\nGeschäftsführung: Alex Beispiel",
    series_prefix="FB",
    currency="EUR",
    bank=Bank("Farebox Demo GmbH", "DE02120300000000202051", "BYLADEM1001", "Demo bank"),
    time_zone="Europe/Berlin",
)
BUYER: Final = ProfileForm(
    kind="company",
    name="Demo customer",
    company="Halfmoon Studio GmbH",
    line1="Mönckebergstraße 7",
    postcode="20095",
    city="Hamburg",
    country="DE",
    tax_id="DE811569869",
    email="billing@halfmoon.test",
)


def seed_invoicing(invoicing: Invoicing, workspace_id: str, *, actor: str) -> None:
    """A seller where there is none, and a profile for a workspace that has none."""
    if not invoicing.sellers.all():
        invoicing.sellers.save(SELLER, author=actor)
    if invoicing.profiles.of(workspace_id) is None:
        invoicing.profiles.save(workspace_id, BUYER, actor=actor, ip_country="DE")
