"""A tax that Stripe Tax worked out becomes a snapshot, and an invoice, like any other."""

from decimal import Decimal

import pytest

from app.invoicing.compose import DraftLine, Head, compose
from app.invoicing.document import Kind, problems
from app.invoicing.tax_elsewhere import ReportedTax, as_reported
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.fiat import Fiat
from tests.invoicing.support import NOON, TODAY, person, seller

USD = Fiat.parse("100.00", "USD")
NEW_YORK = (
    ReportedTax("US-NY", "Sales tax", Decimal(4), Fiat(400, "USD")),
    ReportedTax("US-NYC", "Sales tax", Decimal("4.875"), Fiat(488, "USD")),
)


def reported(*taxes: ReportedTax) -> TaxSnapshot:
    buyer = person("US", state="NY")
    return as_reported(seller("US", state="CA"), buyer, (), USD, taxes, by="stripe_tax", at=NOON)


def test_the_amounts_are_kept_as_they_were_told():
    tax = reported(*NEW_YORK)
    assert (tax.total_tax.minor, tax.total_gross.minor, tax.computed_by) == (888, 10_888, "stripe_tax")
    assert TaxSnapshot.from_json(tax.to_json()) == tax
    head = Head(Kind.INVOICE, "LG-1", TODAY, TODAY, is_test=False)
    assert problems(compose(head, tax, (DraftLine("Credits", USD),))) == []


@pytest.mark.parametrize(
    ("reason", "scheme", "category"),
    [
        ("reverse_charge", "reverse_charge", "AE"),
        ("not_collecting", "none", "O"),
        ("customer_exempt", "exempt", "E"),
        ("a_new_reason", "none", "O"),
    ],
)
def test_no_tax_says_why(reason, scheme, category):
    tax = reported(ReportedTax("US-NY", "Sales tax", Decimal("8.875"), Fiat.zero("USD"), reason))
    assert (tax.scheme, tax.rates[0].category, tax.percent) == (scheme, category, 0)
    assert tax.rates[0].exemption_text


def test_no_answer_at_all_is_no_tax():
    assert reported().scheme == "none"


def test_a_tax_in_another_currency_is_refused():
    with pytest.raises(ValueError, match="do not add up"):
        reported(ReportedTax("US-NY", "Sales tax", Decimal(4), Fiat(400, "EUR")))
