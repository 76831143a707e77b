"""Tax ids: how they are kept, and which are written wrong."""

import pytest

from app.invoicing.rates import eu_members
from app.invoicing.tax_ids import form_of, read


@pytest.mark.parametrize(
    ("given", "country", "kept", "type_"),
    [
        pytest.param("de 136 695 976", "DE", "DE136695976", "eu_vat", id="spaces and small letters"),
        pytest.param("136695976", "DE", "DE136695976", "eu_vat", id="without the country's letters"),
        pytest.param("094259216", "GR", "EL094259216", "eu_vat", id="Greece is EL"),
        pytest.param("U13585627", "AT", "ATU13585627", "eu_vat", id="Austria's U"),
        pytest.param("FR40303265045", "MC", "FR40303265045", "eu_vat", id="Monaco's are French"),
        pytest.param("980780684", "GB", "GB980780684", "gb_vat", id="United Kingdom"),
        pytest.param("CHE-107.787.577 MWST", "CH", "CHE107787577MWST", "ch_vat", id="Switzerland"),
        pytest.param("NO 995 525 828 MVA", "NO", "995525828MVA", "no_vat", id="Norway"),
        pytest.param("83 914 571 673", "AU", "83914571673", "au_abn", id="Australia"),
        pytest.param("T1234567890123", "JP", "T1234567890123", "jp_trn", id="Japan"),
        pytest.param("27AAPFU0939F1ZV", "IN", "27AAPFU0939F1ZV", "in_gst", id="India"),
        pytest.param("M9-0367322-K", "SG", "M9-0367322-K", "sg_gst", id="Singapore, for the tax alone"),
        pytest.param("12-3456789", "US", "123456789", "us_ein", id="United States"),
        pytest.param("AB/12.3-4", "AE", "AB/12.3-4", "other", id="a country without a rule of ours"),
    ],
)
def test_written_right(given, country, kept, type_):
    found = read(given, country)
    assert (found.value, found.type, found.syntax_ok, found.check) == (kept, type_, True, None)


@pytest.mark.parametrize(
    ("given", "country"),
    [
        ("DE136695977", "DE"),
        ("FR4030326504", "FR"),
        ("", "DE"),
        ("GB980780685", "GB"),
        ("T123", "JP"),
        ("136٦95976", "DE"),
        ("<b>1</b>", "AE"),
        ("", "AE"),
        ("M9036732K", "SG"),
    ],
)
def test_written_wrong(given, country):
    assert not read(given, country).syntax_ok


def test_another_member_states_number_says_whose_it_is():
    found = read("ATU13585627", "DE")
    assert (found.country, found.syntax_ok) == ("AT", True)


#: One that is right, of each member state.
RIGHT = [
    "ATU13585627", "BE0428759497", "BG175074752", "CY10259033P", "CZ25123891", "DE136695976",
    "DK13585628", "EE100931558", "EL094259216", "ESJ99216582", "FI20774740", "FR40303265045",
    "HR33392005961", "HU12892312", "IE6433435F", "IT00743110157", "LT119511515", "LU15027442",
    "LV40003521600", "MT11679112", "NL004495445B01", "PL8567346215", "PT501964843", "RO18547290",
    "SE123456789701", "SI50223054", "SK2022749619",
]  # fmt: skip


@pytest.mark.parametrize("number", RIGHT)
def test_a_number_with_another_countrys_letters_is_not_taken_for_ones_own(number):
    country = {"EL": "GR"}.get(number[:2], number[:2])
    assert [read(each, country).value for each in (number, number[2:], number.lower())] == [number] * 3
    for letters in ("CH", "US", "XX"):
        assert not read(letters + number[2:], country).syntax_ok


def test_every_member_state_has_a_checksum():
    assert {{"EL": "GR"}.get(number[:2], number[:2]) for number in RIGHT} == eu_members()
    assert {form_of(country).type for country in eu_members()} == {"eu_vat"}
    for country in eu_members():
        read("12345678", country)


def test_a_number_of_any_length_is_cut():
    assert len(read("9" * 10_000, "DE").value) <= 40
