"""Stripe Tax in the sandbox, asked by Stripe's own library: what is due where, what is refused, what is reported."""

from typing import Any

import pytest
import stripe

from tests.sandbox.stripe.test_shapes import differences

NEW_YORK = {"line1": "350 5th Ave", "city": "New York", "state": "NY", "postal_code": "10118", "country": "US"}
AUSTIN = {"line1": "1100 Congress Ave", "city": "Austin", "state": "TX", "postal_code": "78701", "country": "US"}
LOS_ANGELES = {"line1": "200 N Spring St", "city": "Los Angeles", "postal_code": "90012", "country": "US"}
PORTLAND = {"city": "Portland", "state": "OR", "postal_code": "97204", "country": "US"}
SEATTLE = {"city": "Seattle", "state": "WA", "postal_code": "98101", "country": "US"}
ZURICH = {"city": "Zürich", "country": "CH"}
GOODS, SERVICES = "txcd_99999999", "txcd_10000000"


def asked(address: dict[str, str], code: str = "", *, amount: int = 10_000, **more: Any) -> dict[str, Any]:
    line = {"amount": amount, "reference": "L1", "tax_behavior": more.pop("behaviour", "exclusive")}
    buyer = {"address": address, "address_source": "billing", **more}
    return {
        "currency": "usd",
        "customer_details": buyer,
        "line_items": [{**line, "tax_code": code} if code else line],
        "expand": ["line_items.data.tax_breakdown"],
    }


def calculate(client: stripe.StripeClient, address: dict[str, str], code: str = "", **more: Any) -> Any:
    return client.v1.tax.calculations.create(asked(address, code, **more))


def sold(client: stripe.StripeClient, reference: str, **more: Any) -> Any:
    made = calculate(client, NEW_YORK, **more)
    return client.v1.tax.transactions.create_from_calculation(
        {"calculation": made.id, "reference": reference, "expand": ["line_items"]}
    )


@pytest.mark.parametrize(
    ("address", "code", "tax", "reason", "levels"),
    [
        pytest.param(NEW_YORK, "", 888, "standard_rated", ["state", "city", "district"], id="New York City"),
        pytest.param(AUSTIN, "", 660, "taxable_basis_reduced", ["state", "city", "district"], id="Texas, four fifths"),
        pytest.param(AUSTIN, GOODS, 825, "standard_rated", ["state", "city", "district"], id="Texas, goods"),
        pytest.param(
            LOS_ANGELES, GOODS, 975, "standard_rated", ["state", "county", "city", "district"], id="California, goods"
        ),
        pytest.param(LOS_ANGELES, SERVICES, 0, "product_exempt", ["state"], id="California, electronic services"),
        pytest.param(PORTLAND, "", 0, "not_subject_to_tax", ["state"], id="Oregon"),
        pytest.param(SEATTLE, "", 0, "not_collecting", ["state"], id="where nobody is registered"),
        pytest.param(ZURICH, "", 0, "not_collecting", ["country"], id="another country"),
    ],
)
def test_what_is_due_where(client, address, code, tax, reason, levels):
    made = calculate(client, address, code)
    [line] = made.line_items.data
    assert (made.tax_amount_exclusive, made.amount_total, line.amount_tax) == (tax, 10_000 + tax, tax)
    assert {each.taxability_reason for each in line.tax_breakdown} == {reason}
    assert [each.jurisdiction.level for each in line.tax_breakdown] == levels
    assert sum(each.amount for each in line.tax_breakdown) == tax


def test_out_of_an_inclusive_amount_the_tax_is_taken(client):
    made = calculate(client, NEW_YORK, behaviour="inclusive")
    assert (made.amount_total, made.tax_amount_exclusive, made.tax_amount_inclusive) == (10_000, 0, 815)


@pytest.mark.parametrize("reason", ["customer_exempt", "reverse_charge"])
def test_a_buyer_may_be_exempt(client, reason):
    made = calculate(client, NEW_YORK, taxability_override=reason)
    assert (made.tax_amount_exclusive, made.tax_breakdown[0].taxability_reason) == (0, reason)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param({**NEW_YORK, "postal_code": "90012"}, id="a postcode of another state"),
        pytest.param({"country": "US", "state": "NY"}, id="no postcode"),
        pytest.param({"country": "US", "postal_code": "00001"}, id="a postcode of nowhere"),
    ],
)
def test_an_address_without_a_tax_location_is_refused(client, address):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        calculate(client, address)
    assert refused.value.code == "customer_tax_location_invalid"


def test_nothing_is_calculated_before_tax_is_active(client, sandbox):
    sandbox.ctl("tax", active=False)
    assert client.v1.tax.settings.retrieve().status == "pending"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        calculate(client, NEW_YORK)
    assert refused.value.code == "stripe_tax_inactive"


def test_a_calculation_that_ran_out_reports_nothing(client, sandbox):
    sandbox.ctl("tax", expires_after=60)
    made = calculate(client, NEW_YORK)
    sandbox.ctl("clock", advance=61)
    with pytest.raises(stripe.InvalidRequestError, match="expired"):
        client.v1.tax.transactions.create_from_calculation({"calculation": made.id, "reference": "R1"})


def test_a_reference_is_good_for_one_report(client):
    first = sold(client, "R1")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sold(client, "R1")
    assert refused.value.param == "reference"
    assert first.id in str(refused.value)


def test_parts_go_back_until_nothing_is_left(client):
    sale = sold(client, "R1")
    [line] = sale.line_items.data

    def back(reference: str, amount: int, tax: int) -> Any:
        given = {"original_line_item": line.id, "reference": "L1", "amount": -amount, "amount_tax": -tax}
        return client.v1.tax.transactions.create_reversal(
            {"mode": "partial", "original_transaction": sale.id, "reference": reference, "line_items": [given]}
        )

    assert back("C1", 6_000, 533).reversal.original_transaction == sale.id
    with pytest.raises(stripe.InvalidRequestError, match="more than is left"):
        back("C2", 4_001, 355)
    assert back("C2", 4_000, 355).type == "reversal"
    with pytest.raises(stripe.InvalidRequestError, match="in part"):
        client.v1.tax.transactions.create_reversal({"mode": "full", "original_transaction": sale.id, "reference": "C3"})


def test_a_sale_goes_back_in_full_once(client):
    sale = sold(client, "R1")
    given = {"mode": "full", "original_transaction": sale.id, "expand": ["line_items"]}
    back = client.v1.tax.transactions.create_reversal({**given, "reference": "C1"})
    [line] = back.line_items.data
    assert (line.amount, line.amount_tax) == (-10_000, -888)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.tax.transactions.create_reversal({**given, "reference": "C2"})


def test_the_shapes_are_those_the_library_declares(client):
    made = calculate(client, AUSTIN)
    sale = sold(client, "R1")
    shown = {
        "calculation": (stripe.tax.Calculation, client.v1.tax.calculations.retrieve(made.id).to_dict()),
        "line": (stripe.tax.CalculationLineItem, made.line_items.data[0].to_dict()),
        "sale": (stripe.tax.Transaction, client.v1.tax.transactions.retrieve(sale.id).to_dict()),
        "sold": (stripe.tax.TransactionLineItem, sale.line_items.data[0].to_dict()),
        "settings": (stripe.tax.Settings, client.v1.tax.settings.retrieve().to_dict()),
    }
    found = [
        difference
        for name, (declared, got) in shown.items()
        for difference in differences(declared, got, name, {"line_items"})
    ]
    assert not found, "\n".join(found)
