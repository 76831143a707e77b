"""The operator's own rates: tax by place and day, exchange rates for the tax in the seller's currency."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.invoicing.profiles import Profiles
from app.invoicing.rate_store import RateStore
from app.invoicing.taxes import Taxes
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.fiat import Fiat
from tests.invoicing.support import NOON, TODAY, Office, euros
from tests.invoicing.test_profiles import HAMBURG


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.fixture
def rates(office: Office) -> RateStore:
    return RateStore(office.db, lambda: NOON)


@pytest.fixture
def workspace(office: Office) -> str:
    workspace = office.workspace()
    Profiles(office.db, lambda: NOON).save(workspace, HAMBURG, actor="mara")
    return workspace


def percent(office: Office, workspace: str, at: object = NOON) -> Decimal:
    return Taxes(office.db, lambda: at).quote_tax(workspace, euros("100.00")).percent  # type: ignore[arg-type,return-value]


def test_a_rate_applies_from_its_day_and_no_more_once_revoked(office, rates, workspace):
    row = rates.add("de", "VAT", "16", TODAY, author="ops", until=date(2027, 1, 1), note="relief")
    assert percent(office, workspace) == 16
    assert percent(office, workspace, NOON - timedelta(days=1)) == 19
    rates.revoke(row, author="ops")
    assert percent(office, workspace) == 19
    assert rates.overrides()[0]["revoked_by"] == "ops"
    with pytest.raises(NotFound):
        rates.revoke(row, author="ops")


@pytest.mark.one_engine
@pytest.mark.parametrize("rate", ["-1", "101", "8.87512", "a lot", "", "NaN"])
def test_a_rate_is_a_percentage(rates, rate):
    with pytest.raises(InvalidInput):
        rates.add("US-CA", "Sales tax", rate, TODAY, author="ops")


@pytest.mark.one_engine
def test_a_rate_ends_after_it_begins(rates):
    with pytest.raises(InvalidInput):
        rates.add("DE", "VAT", "16", TODAY, author="ops", until=TODAY)


def test_the_tax_of_a_sale_abroad_is_also_stated_at_home(office, rates, workspace):
    quote = Taxes(office.db, lambda: NOON).quote_tax
    assert quote(workspace, Fiat.parse("100.00", "USD")).fx is None
    rates.set_fx("USD", "EUR", TODAY - timedelta(days=2), "0.91954", source="ECB", author="ops")
    tax = quote(workspace, Fiat.parse("100.00", "USD"))
    assert (tax.total_tax, tax.tax_declared) == (Fiat(1_900, "USD"), Fiat(1_747, "EUR"))
    row = office.row(office.issue(workspace, "ord_1", tax=tax).invoice_id)
    assert row.document["foreign_tax"]["tax"] == "17.47"
    with pytest.raises(InvalidInput, match="known"):
        rates.set_fx("USD", "EUR", TODAY - timedelta(days=2), "0.9", source="me", author="ops")


@pytest.mark.one_engine
def test_an_old_exchange_rate_is_not_used(office, rates, workspace):
    rates.set_fx("USD", "EUR", TODAY - timedelta(days=60), "0.9", source="ECB", author="ops")
    assert Taxes(office.db, lambda: NOON).quote_tax(workspace, Fiat.parse("1.00", "USD")).fx is None
