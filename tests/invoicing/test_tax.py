"""Which tax is due: every rule as a row, and the sums."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from app.invoicing.parties import Evidence
from app.invoicing.rates import NoTaxRate, RateBook, Row, eu_members
from app.invoicing.tax_snapshot import Fx, TaxSnapshot
from app.kernel.fiat import Fiat
from tests.invoicing.support import company, person, seller, tax_on

OSS = {"oss": True}
LENIENT = {"vies_policy": "allow_and_recheck"}
US_RATES = RateBook((Row("US-CA", "Sales tax", Decimal("8.875"), date(2026, 1, 1)),))


@pytest.mark.parametrize(
    ("sells", "buys", "scheme", "rule", "category", "percent", "jurisdiction"),
    [
        pytest.param(seller(), person("DE"), "domestic", "domestic", "S", "19", "DE", id="at home"),
        pytest.param(seller(), company("DE"), "domestic", "domestic", "S", "19", "DE", id="a company at home"),
        pytest.param(
            seller(), company("FR", result="valid"), "reverse_charge", "eu_business", "AE", "0", "FR", id="EU business"
        ),
        pytest.param(seller(**OSS), person("FI"), "oss", "eu_consumer", "S", "25.5", "FI", id="EU consumer under OSS"),
        pytest.param(
            seller(),
            person("FI"),
            "domestic",
            "eu_consumer_below_threshold",
            "S",
            "19",
            "DE",
            id="EU consumer of a seller below the threshold",
        ),
        pytest.param(
            seller(), company("US", "", state="CA"), "export", "outside_eu", "O", "0", "US", id="outside the EU"
        ),
        pytest.param(seller(), person("CH"), "export", "outside_eu", "O", "0", "CH", id="Switzerland"),
        pytest.param(
            seller(), person("ES", postcode="35001"), "export", "outside_eu", "O", "0", "ES", id="the Canary Islands"
        ),
        pytest.param(
            seller("ES"),
            person("ES", postcode="38001"),
            "export",
            "outside_eu",
            "O",
            "0",
            "ES",
            id="the Canary Islands from the mainland",
        ),
        pytest.param(
            seller(**OSS), person("FR", postcode="97400"), "export", "outside_eu", "O", "0", "FR", id="La Réunion"
        ),
        pytest.param(
            seller(**OSS), person("IT", postcode="23041"), "export", "outside_eu", "O", "0", "IT", id="Livigno"
        ),
        pytest.param(
            seller(), person("DE", postcode="78266"), "export", "outside_eu", "O", "0", "DE", id="Büsingen from Berlin"
        ),
        pytest.param(
            seller(**OSS), person("GR", postcode="630 86"), "export", "outside_eu", "O", "0", "GR", id="Mount Athos"
        ),
        pytest.param(seller(**OSS), person("GR"), "oss", "eu_consumer", "S", "24", "GR", id="Greece"),
        pytest.param(
            seller(**OSS),
            person("GB", postcode="BT1 5GS"),
            "export",
            "outside_eu",
            "O",
            "0",
            "GB",
            id="Northern Ireland, where services are British",
        ),
        pytest.param(
            seller(**OSS),
            person("MC", postcode="98000"),
            "oss",
            "eu_consumer",
            "S",
            "20",
            "FR",
            id="Monaco's postcodes are no island's",
        ),
        pytest.param(seller(**OSS), person("MC"), "oss", "eu_consumer", "S", "20", "FR", id="Monaco is France"),
        pytest.param(
            seller(registrations=("GB",)),
            person("GB"),
            "domestic",
            "registered_abroad",
            "S",
            "20",
            "GB",
            id="registered in the United Kingdom",
        ),
        pytest.param(
            seller(registrations=("GB",)),
            company("GB", "GB980780684", type_="gb_vat"),
            "reverse_charge",
            "business_abroad",
            "AE",
            "0",
            "GB",
            id="a British business accounts for it itself",
        ),
        pytest.param(
            seller("GB"), person("GB"), "domestic", "domestic", "S", "20", "GB", id="a British seller at home"
        ),
        pytest.param(
            seller("GB"),
            company("FR", result="valid"),
            "reverse_charge",
            "eu_business",
            "AE",
            "0",
            "FR",
            id="a British seller to an EU business",
        ),
        pytest.param(
            seller("GB", **OSS),
            person("FR"),
            "oss",
            "eu_consumer",
            "S",
            "20",
            "FR",
            id="a British seller with the One Stop Shop",
        ),
        pytest.param(
            seller("GB"), person("FR"), "none", "not_registered", "O", "0", "FR", id="not registered in the EU"
        ),
        pytest.param(seller("JP"), person("JP"), "domestic", "domestic", "S", "10", "JP", id="Japan"),
        pytest.param(seller("AU"), person("AU"), "domestic", "domestic", "S", "10", "AU", id="Australia"),
        pytest.param(seller("AU"), person("NZ"), "export", "abroad", "O", "0", "NZ", id="from Australia abroad"),
        pytest.param(seller("SG"), person("SG"), "domestic", "domestic", "S", "9", "SG", id="Singapore"),
        pytest.param(
            seller("CH"), person("LI"), "export", "abroad", "O", "0", "LI", id="Liechtenstein is not Switzerland"
        ),
        pytest.param(
            seller("IN", state="KA"),
            person("IN", state="MH"),
            "domestic",
            "domestic",
            "S",
            "18",
            "IN",
            id="across India's states",
        ),
        pytest.param(
            seller("CA", state="BC"),
            person("CA", state="ON"),
            "domestic",
            "domestic",
            "S",
            "13",
            "CA-ON",
            id="Ontario is harmonised",
        ),
        pytest.param(
            seller("CA", state="ON"), person("CA", state="AB"), "domestic", "domestic", "S", "5", "CA", id="Alberta"
        ),
        pytest.param(
            seller("US", state="NY"),
            person("US", state="TX"),
            "none",
            "not_registered",
            "O",
            "0",
            "US",
            id="no nexus in that state",
        ),
        pytest.param(
            seller(vat_status="exempt", exempt_reason="§ 19 UStG"),
            person(),
            "exempt",
            "seller_exempt",
            "E",
            "0",
            "DE",
            id="a small business",
        ),
        pytest.param(
            seller(vat_status="none"),
            person(),
            "none",
            "seller_unregistered",
            "O",
            "0",
            "DE",
            id="not registered at all",
        ),
        pytest.param(
            seller(),
            replace(company("FR"), exempt_reason="embassy"),
            "exempt",
            "buyer_exempt",
            "E",
            "0",
            "FR",
            id="an embassy",
        ),
    ],
)
def test_which_tax_is_due(sells, buys, scheme, rule, category, percent, jurisdiction):
    tax = tax_on("100.00", sells, buys)
    rate = tax.rates[0]
    assert (tax.scheme, tax.rule_id, rate.category, tax.percent, rate.jurisdiction) == (
        scheme,
        rule,
        category,
        Decimal(percent),
        jurisdiction,
    )
    assert tax.total_tax.minor == 100 * tax.percent
    assert bool(rate.exemption_text) == (category != "S")


@pytest.mark.parametrize(
    ("buys", "more", "reason"),
    [
        pytest.param(company("FR", result="invalid"), LENIENT, "vat_id_invalid", id="written right but nobody's"),
        pytest.param(company("FR", result="unavailable"), {}, "vat_id_unavailable", id="VIES is down"),
        pytest.param(company("FR"), {}, "vat_id_unchecked", id="nobody asked"),
        pytest.param(
            company("FR", "DE136695976", "valid", tax_id_country="DE"),
            LENIENT,
            "vat_id_of_sellers_country",
            id="the seller's own country",
        ),
        pytest.param(
            company("FR", "ATU13585627", "valid", tax_id_country="AT"),
            LENIENT,
            "vat_id_of_another_country",
            id="a third country's",
        ),
        pytest.param(company("FR", "FR123", syntax_ok=False), LENIENT, "vat_id_syntax", id="written wrong"),
        pytest.param(replace(company("FR"), tax_id=None), LENIENT, "vat_id_missing", id="none given"),
        pytest.param(
            replace(company("FR", result="valid"), is_business=False), LENIENT, "not_a_business", id="a person's"
        ),
    ],
)
def test_case_36_a_vat_id_that_proves_nothing_is_charged_vat(buys, more, reason):
    tax = tax_on("100.00", seller(**more), buys)
    assert (tax.scheme, tax.total_tax) == ("domestic", Fiat(1_900, "EUR"))
    assert reason in tax.reasons
    assert tax_on("100.00", seller(oss=True, **more), buys).scheme in {"oss", "domestic"}


@pytest.mark.parametrize("result", ["", "unavailable"])
def test_case_36_by_the_lenient_policy_it_is_trusted_and_marked_for_later(result):
    tax = tax_on("100.00", seller(**LENIENT), company("FR", result=result))
    assert (tax.scheme, tax.reasons) == ("reverse_charge", ("vat_id_to_be_checked",))


def test_case_36_what_vies_said_is_in_the_snapshot():
    kept = tax_on("100.00", seller(), company("FR", result="valid")).to_json()
    assert kept["vat_id"]["check"]["source"] == "vies"
    assert kept["vat_id"]["check"]["result"] == "valid"
    assert kept["rates"][0]["exemption_code"] == "VATEX-EU-AE"


def test_a_consumer_abroad_wants_two_pieces_of_evidence_that_agree():
    home, ip, card = Evidence("billing_country", "FR"), Evidence("ip_country", "FR"), Evidence("card_country", "BE")
    sells, buys = seller(oss=True), person("FR")

    def reasons(*evidence):
        return tax_on("1.00", sells, buys, evidence=evidence).reasons

    assert reasons(home, ip) == ()
    assert reasons(home, ip, card) == ()
    assert reasons(home) == ("location_single_evidence",)
    assert reasons(home, card) == ("location_conflict",)


@pytest.mark.parametrize(
    ("net", "currency", "more", "expected"),
    [
        pytest.param("33.33", "EUR", {}, (3333, 633, 3966), id="6.3327 rounds down"),
        pytest.param("0.13", "EUR", {}, (13, 2, 15), id="0.0247 rounds to 0.02"),
        pytest.param("0.50", "EUR", {}, (50, 10, 60), id="0.095 rounds half up"),
        pytest.param("119.00", "EUR", {"inclusive": True}, (10000, 1900, 11900), id="out of the price"),
        pytest.param("9.99", "EUR", {"inclusive": True}, (839, 160, 999), id="out of a crooked price"),
        pytest.param("1500", "JPY", {}, (1500, 285, 1785), id="yen"),
        pytest.param("1.005", "BHD", {}, (1005, 191, 1196), id="dinars"),
    ],
)
def test_tax_is_rounded_once_on_the_whole_base(net, currency, more, expected):
    tax = tax_on(net, currency=currency, **more)
    assert (tax.total_net.minor, tax.total_tax.minor, tax.total_gross.minor) == expected


@pytest.mark.parametrize("minor", range(0, 400, 7))
def test_an_inclusive_price_is_never_changed(minor):
    tax = tax_on(str(Fiat(minor, "EUR").amount), inclusive=True)
    assert tax.total_gross == Fiat(minor, "EUR")


def test_two_taxes_are_each_rounded_on_the_base():
    book = RateBook((Row("CA-QC", "QST", Decimal("9.975"), date(2026, 1, 1)),))
    sells = seller("CA", state="ON", registrations=("CA-QC",))
    tax = tax_on("10.10", sells, person("CA", state="QC"), currency="CAD", rates=book)
    assert [(each.type, each.rate, each.amount) for each in tax.rates] == [
        ("GST", Decimal(5), 51),
        ("QST", Decimal("9.975"), 101),
    ]
    unregistered = replace(sells, registrations=())
    assert [
        each.type for each in tax_on("10.10", unregistered, person("CA", state="QC"), currency="CAD", rates=book).rates
    ] == ["GST"]


def test_a_seller_abroad_charges_the_taxes_it_is_registered_for():
    book = RateBook((Row("CA-QC", "QST", Decimal("9.975"), date(2026, 1, 1)),))

    def charged(*places: str, state: str = "QC") -> list[str]:
        sells = seller(registrations=places)
        return [each.type for each in tax_on("10.10", sells, person("CA", state=state), rates=book).rates if each.rate]

    assert charged("CA-QC") == ["QST"]
    assert charged("CA") == ["GST"]
    assert charged("CA", "CA-QC") == ["GST", "QST"]
    assert (charged("CA", state="ON"), charged("CA-QC", state="ON")) == (["HST"], [])


@pytest.mark.parametrize("home", ["CA", "DE"])
def test_a_province_with_a_registration_and_no_rate_is_refused(home):
    with pytest.raises(NoTaxRate, match="CA-QC"):
        tax_on("10.10", seller(home, registrations=("CA", "CA-QC")), person("CA", state="QC"))


def test_a_state_of_the_us_has_the_rate_the_operator_entered():
    tax = tax_on("100.00", seller("US", state="CA"), person("US", state="CA"), currency="USD", rates=US_RATES)
    assert (tax.rates[0].jurisdiction, tax.total_tax.minor) == ("US-CA", 888)


def test_no_rate_is_made_up():
    with pytest.raises(NoTaxRate, match="US-NY"):
        tax_on("1.00", seller("US", state="NY"), person("US", state="NY"))
    with pytest.raises(NoTaxRate, match="BR"):
        tax_on("1.00", seller("BR"), person("BR"))


def test_an_operators_rate_wins_from_its_day_until_its_end():
    book = RateBook((Row("DE", "VAT", Decimal(16), date(2026, 7, 1), date(2027, 1, 1)),))
    days = {date(2026, 6, 30): 19, date(2026, 7, 1): 16, date(2026, 12, 31): 16, date(2027, 1, 1): 19}
    assert {day: tax_on(rates=book, on=day).percent for day in days} == days


def test_every_member_state_has_a_rate_and_names_its_data():
    assert len(eu_members()) == 27
    assert {tax_on("1.00", seller(oss=True), person(code)).scheme for code in eu_members()} == {"oss", "domestic"}
    assert tax_on().rates_version.startswith("eu-vat-rates-data 2026-")


def test_a_snapshot_comes_back_as_it_was():
    fx = Fx("USD", Decimal("1.0875"), "ECB", "2026-11-20")
    tax = tax_on(
        "33.33", seller(oss=True), company("FR", result="invalid"), fx=fx, evidence=(Evidence("ip_country", "FR"),)
    )
    again = TaxSnapshot.from_json(tax.to_json())
    assert again == tax
    assert again.hash == tax.hash
    assert replace(again, net=again.net + 1).hash != tax.hash
    assert tax.tax_declared == Fiat(725, "USD")


@pytest.mark.parametrize("parts", [[1] * 11, [3, 8], [11], [5, 1, 5]], ids=str)
def test_parts_of_a_tax_add_up_to_it(parts):
    whole = tax_on("33.33")  # 39.66
    step = whole.total_gross.minor // 11
    amounts = [step * part for part in parts]
    amounts[-1] += whole.total_gross.minor - sum(amounts)
    given, shares = Fiat.zero("EUR"), []
    for amount in amounts:
        shares.append(whole.share(Fiat(amount, "EUR"), given))
        given += Fiat(amount, "EUR")
        assert shares[-1].total_gross.minor == amount
    assert sum(share.net for share in shares) == whole.net
    assert sum(share.total_tax.minor for share in shares) == whole.total_tax.minor
    assert all(share.net >= 0 and share.total_tax.minor >= 0 for share in shares)
