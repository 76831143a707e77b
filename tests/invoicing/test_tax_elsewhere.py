"""A tax that Stripe Tax worked out: what it is asked, which answer is taken, what snapshot and invoice say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.invoicing.compose import DraftLine, Head, compose
from app.invoicing.document import Kind, problems
from app.invoicing.parties import Buyer
from app.invoicing.rates import NoTaxRate
from app.invoicing.tax_elsewhere import Calculation, Question, ReportedTax, TaxNotCalculated, question
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.fiat import Fiat
from tests.invoicing.support import NOON, company, person, seller, tax_on

USD = Fiat.parse("100.00", "USD")
SELLER = seller("DE", tax_source="stripe_tax")
AMERICAN = seller("US", state="CA", tax_source="stripe_tax", registrations=("US-NY",))
NEW_YORKER = person("US", state="NY", postcode="10118")
STATE = ReportedTax("US-NY", "Sales tax", Decimal(4), 10_000, 400, "standard_rated", "New York")
CITY = ReportedTax("US-NY", "Sales tax", Decimal("4.875"), 10_000, 488, "standard_rated", "New York City")


def asked_of(sells: Any = SELLER, buys: Buyer = NEW_YORKER, net: Fiat = USD) -> Question:
    found = question(sells, buys, net)
    assert found is not None
    return found


def answered(asked: Question, *taxes: ReportedTax, net: int = 10_000, **more: Any) -> Calculation:
    answer = Calculation(
        "stripe_tax",
        "taxcalc_1",
        asked.fingerprint,
        asked.currency,
        net,
        taxes,
        NOON.isoformat(),
        (NOON + timedelta(days=90)).isoformat(),
    )
    return replace(answer, **more)


def sold(*taxes: ReportedTax, sells: Any = SELLER, buys: Buyer = NEW_YORKER, net: int = 10_000) -> TaxSnapshot:
    answer = answered(asked_of(sells, buys), *taxes, net=net)
    inclusive = sells.prices_include_tax
    return tax_on("100.00", sells, buys, currency="USD", at=NOON, calculation=answer, inclusive=inclusive)


@pytest.mark.parametrize(
    ("sells", "buys"),
    [
        pytest.param(seller("DE"), NEW_YORKER, id="it is off unless it was switched on"),
        pytest.param(SELLER, person("DE"), id="our own rules know the home country"),
        pytest.param(SELLER, company("FR", result="valid"), id="and the Union"),
        pytest.param(SELLER, person("CH"), id="and every place that was not left to it"),
        pytest.param(
            seller("DE", tax_source="stripe_tax", vat_status="none"), NEW_YORKER, id="no tax is charged at all"
        ),
    ],
)
def test_nobody_is_asked_where_our_own_rules_decide(sells, buys):
    assert question(sells, buys, USD) is None
    assert tax_on("100.00", sells, buys, currency="USD").calculation is None


def test_the_question_is_everything_the_tax_depends_on():
    asked = asked_of()
    assert (asked.amount, asked.currency, asked.inclusive, asked.exempt) == (10_000, "USD", False, False)
    others = [
        asked_of(net=Fiat(10_001, "USD")),
        asked_of(net=Fiat(10_000, "EUR")),
        asked_of(buys=person("US", state="NY", postcode="10119")),
        asked_of(buys=replace(NEW_YORKER, exempt_reason="a school")),
        asked_of(buys=company("US", "91-1144442", state="NY", type_="us_ein")),
        asked_of(replace(SELLER, prices_include_tax=True)),
        asked_of(replace(SELLER, stripe_tax_code="txcd_10103001")),
    ]
    assert len({each.fingerprint for each in [asked, *others]}) == len(others) + 1
    assert asked_of(buys=replace(NEW_YORKER, name="Somebody Else", version=9)).fingerprint == asked.fingerprint


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(None, id="none"),
        pytest.param({"question": "0" * 64}, id="one to another question"),
        pytest.param({"expires_at": NOON.isoformat()}, id="one that has run out"),
    ],
)
def test_without_the_answer_to_this_question_nothing_is_decided(wrong):
    answer = answered(asked_of(), STATE, **wrong) if wrong is not None else None
    with pytest.raises(TaxNotCalculated) as missing:
        tax_on("100.00", SELLER, NEW_YORKER, currency="USD", at=NOON, calculation=answer)
    assert missing.value.question == asked_of()
    assert isinstance(missing.value, NoTaxRate)


def test_the_amounts_are_kept_as_they_were_told():
    tax = sold(STATE, CITY)
    assert (tax.total_net.minor, tax.total_tax.minor, tax.computed_by) == (10_000, 888, "stripe_tax")
    assert (tax.scheme, tax.percent, tax.calculation.id) == ("domestic", Decimal("8.875"), "taxcalc_1")
    assert TaxSnapshot.from_json(tax.to_json()) == tax


def test_the_invoice_names_every_jurisdiction():
    document = drawn(sold(STATE, CITY))
    assert [(group.name, str(group.rate), str(group.tax)) for group in document.taxes] == [
        ("Sales tax, New York", "4", "4.00"),
        ("Sales tax, New York City", "4.875", "4.88"),
    ]


def test_a_tax_on_a_part_says_of_what():
    tax = sold(replace(STATE, base=8_000, tax=320, reason="taxable_basis_reduced"))
    assert drawn(tax).taxes[0].name == "Sales tax, New York 4% of 80.00"
    half = tax.share(Fiat(5_160, "USD"), Fiat.zero("USD"))
    assert (half.net, half.rates[0].base, half.rates[0].amount) == (5_000, 4_000, 160)


def test_out_of_an_inclusive_price_the_net_is_what_they_said():
    sells = replace(SELLER, prices_include_tax=True)
    tax = sold(replace(STATE, base=9_615, tax=385), sells=sells, net=9_615)
    assert (tax.total_net.minor, tax.total_gross.minor, tax.rates[0].inclusive) == (9_615, 10_000, True)
    assert drawn(tax).totals.gross == Decimal("100.00")


@pytest.mark.parametrize(
    ("reason", "sells", "buys", "scheme", "category"),
    [
        pytest.param("reverse_charge", SELLER, NEW_YORKER, "reverse_charge", "AE", id="reverse charge"),
        pytest.param("not_collecting", SELLER, NEW_YORKER, "export", "O", id="not registered there, from abroad"),
        pytest.param("not_collecting", AMERICAN, NEW_YORKER, "none", "O", id="not registered there, at home"),
        pytest.param("not_subject_to_tax", AMERICAN, NEW_YORKER, "none", "O", id="a place without tax"),
        pytest.param("product_exempt", AMERICAN, NEW_YORKER, "exempt", "E", id="not taxed there"),
        pytest.param("zero_rated", AMERICAN, NEW_YORKER, "domestic", "Z", id="zero rated"),
        pytest.param("a_new_reason", AMERICAN, NEW_YORKER, "none", "O", id="a reason nobody knew"),
        pytest.param(
            "customer_exempt", AMERICAN, replace(NEW_YORKER, exempt_reason="a school"), "exempt", "E", id="the buyer"
        ),
    ],
)
def test_no_tax_says_why(reason, sells, buys, scheme, category):
    tax = sold(ReportedTax("US-NY", "tax", Decimal(0), 0, 0, reason, "NY"), sells=sells, buys=buys)
    [rate] = tax.rates
    assert (tax.scheme, rate.category, tax.percent, tax.total_tax.minor) == (scheme, category, 0, 0)
    assert ("a school" in rate.exemption_text) == bool(buys.exempt_reason)
    assert rate.exemption_code == ("VATEX-EU-O" if scheme == "export" else "")
    assert rate.exemption_text
    assert drawn(tax).totals.tax == 0


def drawn(tax: TaxSnapshot) -> Any:
    head = Head(Kind.INVOICE, "LG-1", NOON.date(), NOON.date(), is_test=False)
    document = compose(head, tax, (DraftLine("Credits", tax.total_net),))
    assert problems(document) == []
    return document
