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
    ],
)
def test_written_wrong(given, country):
    assert not read(given, country).syntax_ok


def test_another_member_states_number_says_whose_it_is():
    found = read("ATU13585627", "DE")
    assert (found.country, found.syntax_ok) == ("AT", True)


def test_every_member_state_has_a_checksum():
    assert {form_of(country).type for country in eu_members()} == {"eu_vat"}
    for country in eu_members():
        read("12345678", country)


def test_a_number_of_any_length_is_cut():
    assert len(read("9" * 10_000, "DE").value) <= 40
