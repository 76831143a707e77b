"""Billing profiles: what may be written in them, what is kept, and that nothing issued ever follows them."""

from dataclasses import replace

import pytest

from app.invoicing.document import InvoiceDocument
from app.invoicing.parties import Evidence, TaxIdCheck
from app.invoicing.profiles import ProfileForm, ProfileNeeded, Profiles, note_evidence
from app.invoicing.taxes import Taxes
from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from tests.invoicing.support import NOON, Office, euros, together

PARIS = ProfileForm(
    kind="company",
    name="Ada Lovelace",
    company="Halfmoon SARL",
    line1="1 Rue de Rivoli",
    postcode="75001",
    city="Paris",
    country="FR",
    tax_id="fr 40 303 265 045",
    email="ada@halfmoon.test",
    reference="PO-77120",
)
HAMBURG = ProfileForm(
    kind="person", name="Mara Lind", line1="Lange Reihe 1", postcode="20095", city="Hamburg", country="DE"
)


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.fixture
def profiles(office: Office) -> Profiles:
    return Profiles(office.db, lambda: NOON)


@pytest.mark.one_engine
def test_a_workspace_begins_without_one(office, profiles):
    workspace = office.workspace()
    assert profiles.of(workspace) is None
    with pytest.raises(ProfileNeeded, match="billing profile"):
        Taxes(office.db, lambda: NOON).quote_tax(workspace, euros("10.00"))


def test_it_comes_back_as_it_was_given_and_tidied(office, profiles):
    workspace = office.workspace()
    kept = profiles.save(workspace, PARIS, actor="ada", ip_country="FR")
    assert kept == profiles.of(workspace)
    assert kept.form == replace(PARIS, tax_id="FR40303265045")
    assert kept.buyer.is_business
    assert kept.evidence == (Evidence("billing_country", "FR"), Evidence("ip_country", "FR"))


def test_every_save_is_a_new_version_and_evidence_is_the_latest_of_each_kind(office, profiles):
    workspace = office.workspace()
    profiles.save(workspace, PARIS, actor="ada", ip_country="FR")
    with office.db.write() as connection:
        note_evidence(connection, workspace, "card_country", "BE", NOON)
    kept = profiles.save(workspace, HAMBURG, actor="ada", ip_country="DE")
    assert kept.buyer.version == 2
    assert {(each.kind, each.country) for each in kept.evidence} == {
        ("billing_country", "DE"),
        ("ip_country", "DE"),
        ("card_country", "BE"),
    }


def test_first_saves_at_the_same_moment_are_two_versions(office, profiles):
    workspace = office.workspace()
    together(4, lambda index: profiles.save(workspace, replace(PARIS, reference=str(index)), actor="ada"))
    assert profiles.of(workspace).buyer.version == 4


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("changes", "param"),
    [
        pytest.param({"company": " "}, "company", id="a company without a name"),
        pytest.param({"kind": "person", "name": ""}, "name", id="a person without a name"),
        pytest.param({"line1": ""}, "line1", id="no street"),
        pytest.param({"city": "\x00\t"}, "city", id="a city of control characters"),
        pytest.param({"country": "XX"}, "country", id="no such country"),
        pytest.param({"country": ""}, "country", id="no country"),
        pytest.param({"country": "US", "tax_id": ""}, "state", id="the US without a state"),
        pytest.param({"country": "US", "state": "ZZ", "tax_id": ""}, "state", id="no such state"),
        pytest.param({"tax_id": "FR40303265046"}, "tax_id", id="a wrong check digit"),
        pytest.param({"tax_id": "DE136695977"}, "tax_id", id="another country's, written wrong"),
        pytest.param({"email": "ada"}, "email", id="no e-mail address"),
        pytest.param({"email": "ada@x.test\nBcc: all@x.test"}, "email", id="a header in the e-mail address"),
        pytest.param({"company": "x" * 201}, "company", id="a name of 201 letters"),
    ],
)
def test_what_is_wrong_is_named(office, profiles, changes, param):
    with pytest.raises(InvalidInput) as refused:
        profiles.save(office.workspace(), replace(PARIS, **changes), actor="ada")
    assert refused.value.param == param


@pytest.mark.one_engine
def test_line_breaks_and_controls_never_get_in(office, profiles):
    kept = profiles.save(office.workspace(), replace(PARIS, company="Half\r\nBcc: x\x07moon\u202e 株式会社"), actor="a")
    assert kept.buyer.company == "Half Bcc: x moon 株式会社"


@pytest.mark.one_engine
def test_a_person_is_no_business_whatever_tax_id_is_given(office, profiles):
    kept = profiles.save(office.workspace(), replace(PARIS, kind="person"), actor="ada")
    assert not kept.buyer.is_business
    assert kept.buyer.company == ""


def test_the_newest_answer_about_a_tax_id_counts_and_an_outage_takes_none_back(office, profiles):
    workspace = office.workspace()
    profiles.save(workspace, PARIS, actor="ada")

    def answered(*results):
        for result in results:
            check = TaxIdCheck("vies", result, NOON.isoformat())
            profiles.record_check(workspace, check, "FR40303265045", actor="vies")
        return profiles.of(workspace).buyer.tax_id.check.result

    assert answered("unavailable") == "unavailable"
    assert answered("valid", "unavailable") == "valid"
    assert answered("invalid") == "invalid"
    changed = profiles.save(workspace, replace(PARIS, tax_id="FR23334175221"), actor="ada")
    assert changed.buyer.tax_id.check is None, "an answer belongs to the number it was about"


@pytest.mark.one_engine
def test_an_operator_accepts_an_exemption_and_it_survives_the_next_edit(office, profiles):
    workspace = office.workspace()
    profiles.save(workspace, PARIS, actor="ada")
    profiles.exempt(workspace, "Embassy, certificate 12", actor="operator")
    profiles.save(workspace, replace(PARIS, city="Lyon"), actor="ada")
    tax = Taxes(office.db, lambda: NOON).quote_tax(workspace, euros("10.00"))
    assert (tax.scheme, tax.rates[0].exemption_text) == ("exempt", "Exempt: Embassy, certificate 12")


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "other",
    [
        replace(PARIS, company="Someone Else SARL"),
        replace(PARIS, kind="person", name="Ada", company=""),
        replace(PARIS, tax_id="FR23334175221"),
        HAMBURG,
    ],
    ids=["another company", "a person", "another number", "another country"],
)
def test_an_exemption_is_not_handed_on_to_another_buyer(office, profiles, other):
    workspace = office.workspace()
    profiles.save(workspace, PARIS, actor="ada")
    profiles.exempt(workspace, "Embassy, certificate 12", actor="operator")
    profiles.save(workspace, other, actor="ada")
    assert Taxes(office.db, lambda: NOON).quote_tax(workspace, euros("10.00")).scheme != "exempt"


def test_case_37_an_issued_invoice_does_not_follow_the_profile(office, profiles):
    workspace = office.workspace()
    profiles.save(workspace, PARIS, actor="ada")
    tax = Taxes(office.db, lambda: NOON).quote_tax(workspace, euros("100.00"))
    invoice = office.issue(workspace, "ord_1", tax=tax)
    before = office.row(invoice.invoice_id)

    profiles.save(workspace, HAMBURG, actor="ada")
    office.sellers.save(replace(office.seller, name="Renamed AG", vies_policy="allow_and_recheck"), author="operator")

    after = office.row(invoice.invoice_id)
    document = InvoiceDocument.from_json(after.document)
    assert after == before
    assert (document.buyer.name, document.buyer.vat_id) == ("Halfmoon SARL", "FR40303265045")
    assert document.seller.name == "Lumen Gateway GmbH"
    note = office.row(office.credit(invoice.invoice_id, "re_1", str(tax.total_gross.amount)).invoice_id)
    assert InvoiceDocument.from_json(note.document).buyer.name == "Halfmoon SARL"
    assert office.issue(workspace, "ord_1").already


@pytest.mark.one_engine
def test_an_order_keeps_the_tax_it_was_shown(office, profiles):
    workspace = office.workspace()
    profiles.save(workspace, HAMBURG, actor="mara")
    shown = Taxes(office.db, lambda: NOON).quote_tax(workspace, euros("100.00"))
    profiles.save(workspace, replace(HAMBURG, country="CH"), actor="mara")
    row = office.row(office.issue(workspace, "ord_1", tax=shown).invoice_id)
    assert (row.country, row.tax) == ("DE", 1_900)
