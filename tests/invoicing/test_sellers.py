"""Legal entities: versions, one default, and prefixes that can never give the same number twice."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.invoicing.parties import Seller
from app.invoicing.seller import SellerNeeded, Sellers
from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from tests.invoicing.support import NOON, Office, seller, together

STRIPE = {"tax_source": "stripe_tax"}


@pytest.fixture
def sellers(database: Database) -> Sellers:
    return Sellers(database, lambda: NOON)


@pytest.mark.one_engine
def test_before_there_is_one_nothing_can_be_sold(sellers):
    with pytest.raises(SellerNeeded, match="Settings"):
        sellers.current()


def test_the_first_is_the_default_and_every_version_is_kept(sellers):
    first = sellers.save(seller(registrations=("GB", "US-CA")), author="ops")
    assert sellers.current() == first
    second = sellers.save(replace(first, name="Lumen AG"), author="ops2")
    assert (second.entity_id, second.version) == (first.entity_id, 2)
    assert sellers.current() == second
    assert [(row["version"], row["author"]) for row in sellers.history(first.entity_id)] == [(2, "ops2"), (1, "ops")]
    assert Seller.from_json(sellers.history(first.entity_id)[1]["details"]) == first


def test_versions_saved_at_the_same_moment_are_all_kept(sellers):
    first = sellers.save(seller(), author="ops")
    together(4, lambda index: sellers.save(replace(first, phone=str(index)), author="ops"))
    assert [row["version"] for row in sellers.history(first.entity_id)] == [5, 4, 3, 2, 1]


@pytest.mark.one_engine
def test_another_entity_can_become_the_default(sellers):
    sellers.save(seller(), author="ops")
    other = sellers.save(seller("FR", series_prefix="FR"), author="ops")
    assert sellers.current().series_prefix == "LG"
    sellers.save(other, author="ops", make_default=True)
    assert [each.series_prefix for each in sellers.all()] == ["FR", "LG"]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("changes", "param"),
    [
        pytest.param({"name": " "}, "name", id="no name"),
        pytest.param({"series_prefix": "lg"}, "series_prefix", id="small letters"),
        pytest.param({"series_prefix": "L-G"}, "series_prefix", id="a dash"),
        pytest.param({"series_prefix": "TEST"}, "series_prefix", id="the prefix of test money"),
        pytest.param({"series_prefix": ""}, "series_prefix", id="no prefix"),
        pytest.param({"vat_id": "DE136695977"}, "vat_id", id="a wrong check digit"),
        pytest.param({"currency": "EURO"}, "currency", id="no such currency"),
        pytest.param({"time_zone": "Berlin"}, "time_zone", id="no such time zone"),
        pytest.param({"vat_status": "exempt"}, "exempt_reason", id="exempt without a reason"),
        pytest.param({**STRIPE, "stripe_tax_places": ("DE",)}, "stripe_tax_places", id="the Union is not Stripe's"),
        pytest.param({**STRIPE, "stripe_tax_places": ("XX",)}, "stripe_tax_places", id="no country is Stripe's"),
        pytest.param({**STRIPE, "stripe_tax_places": ()}, "stripe_tax_places", id="nowhere is Stripe's"),
        pytest.param({**STRIPE, "credits_tax_point": "redemption"}, "tax_source", id="Stripe's, taxed on redemption"),
        pytest.param({"stripe_tax_code": "software"}, "stripe_tax_code", id="no code of Stripe's"),
        pytest.param({"vies_policy": "hope"}, "vies_policy", id="no such policy"),
        pytest.param({"credits_tax_point": "never"}, "credits_tax_point", id="no such tax point"),
    ],
)
def test_what_is_wrong_is_named(sellers, changes, param):
    with pytest.raises(InvalidInput) as refused:
        sellers.save(seller(**changes), author="ops")
    assert refused.value.param == param


@pytest.mark.one_engine
@pytest.mark.parametrize("prefix", ["LG", "LGC", "LGR"])
def test_a_prefix_that_could_give_anothers_numbers_is_refused(sellers, prefix):
    sellers.save(seller(), author="ops")
    with pytest.raises(InvalidInput, match="same numbers"):
        sellers.save(seller(series_prefix=prefix), author="ops")


def test_a_prefix_given_up_stays_taken_once_numbers_carry_it(database):
    office = Office(database)
    office.issue(office.workspace(), "ord_1", at=datetime(2026, 2, 1, tzinfo=UTC))
    office.sellers.save(replace(office.seller, series_prefix="NEW"), author="ops")
    with pytest.raises(InvalidInput, match="same numbers"):
        office.sellers.save(seller(series_prefix="LG"), author="ops")
