"""The billing details: what is shown of them, and the form that owners fill in."""

import pytest

from app.invoicing.parties import Address
from app.invoicing.profiles import ProfileForm
from app.invoicing.rates import RateBook
from app.invoicing.tax import decide
from app.ui.guard import acting_as, required_role
from app.ui.pages.billing.form import country_options, empty_values, form_of, is_written_right, state_options
from app.ui.pages.billing.state import BillingFormState, BillingState
from app.ui.pages.billing.words import address_lines, check_words, profile_card, tax_words
from app.ui.roles import Role
from tests.invoicing.support import TODAY, Office, company, euros, person, seller, tax_on
from tests.support.house import House
from tests.ui.screens import Screen, stranger
from tests.ui.tabs import event_name

pytestmark = pytest.mark.anyio


@pytest.fixture
def office(home: House) -> Office:
    return Office(home.services.db)


async def form_on(screen: Screen) -> BillingFormState:
    found: BillingFormState = await screen.tab.tree.get_state(BillingFormState)
    await screen.act(found.open_form(True))
    return found


async def fill(screen: Screen, form: BillingFormState, **values: str) -> None:
    for name, value in values.items():
        chosen = {"kind": form.choose_kind, "country": form.choose_country, "state": form.choose_state}.get(name)
        await screen.act(chosen(value) if chosen else form.write(name, value))


async def save(screen: Screen, form: BillingFormState) -> None:
    with acting_as(screen.person):
        async for _ in form.save():
            pass


FRENCH = {
    "company": "Halfmoon SARL",
    "name": "Ada",
    "country": "FR",
    "line1": "1 Rue de Rivoli",
    "postcode": "75001",
    "city": "Paris",
    "tax_id": "fr 40 303 265 045",
}


# ---- words ----


def test_an_address_is_read_from_the_street_to_the_country() -> None:
    assert address_lines(Address("1 Main St", "Springfield", "US", postcode="62701", state="IL")) == [
        "1 Main St",
        "62701 Springfield, Illinois",
        "United States",
    ]


def test_a_company_shows_its_name_its_contact_and_its_tax_id() -> None:
    shown = profile_card(company("FR", result="valid"))
    assert (shown["title"], shown["attention"]) == ("Halfmoon SARL", "Ada")
    assert (shown["tax_label"], shown["tax_id"]) == ("VAT ID", "FR40303265045")
    assert (shown["check"], shown["check_tone"]) == ("Confirmed", "good")


def test_a_person_has_one_name_and_no_tax_id() -> None:
    shown = profile_card(person())
    assert (shown["title"], shown["attention"], shown["tax_id"], shown["check"]) == ("Mara Lind", "", "", "")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("valid", ("Confirmed", "good")),
        ("invalid", ("Not confirmed", "loss")),
        ("unavailable", ("To be confirmed", "thin")),
        ("", ("Valid format", "neutral")),
    ],
)
def test_a_tax_id_says_whether_anybody_has_confirmed_it(result: str, words: tuple[str, str]) -> None:
    known = company("FR", result=result).tax_id
    assert known is not None
    assert check_words(known) == words


@pytest.mark.parametrize(
    ("sells", "buys", "headline", "detail"),
    [
        (seller(), person(), "19% VAT, Germany", ""),
        (seller(oss=True), person("FR"), "20% VAT, France", ""),
        (seller(), company("FR", result="valid"), "None: reverse charge", "Reverse charge: VAT is to be accounted for"),
        (seller(), company("FR"), "19% VAT, Germany", "has not been confirmed yet"),
        (seller(), person("US", state="IL"), "None", "outside the European Union"),
        (seller(vat_status="none", vat_id=""), person(), "None", "not registered"),
    ],
    ids=["domestic", "oss", "reverse charge", "unchecked id", "export", "no VAT"],
)
def test_the_tax_is_one_line_with_its_reason(sells, buys, headline: str, detail: str) -> None:
    words = tax_words(tax_on(sells=sells, buys=buys))
    assert words["headline"] == headline
    assert detail in words["detail"]


def test_a_price_that_includes_its_tax_says_so() -> None:
    found = decide(seller(), person(), (), euros("119.00"), RateBook(), TODAY, inclusive=True)
    assert tax_words(found)["detail"] == "Prices include it."


# ---- the form ----


def test_a_first_form_knows_the_person_and_guesses_no_country() -> None:
    values = empty_values(name="Mara", company="Halfmoon", email="mara@halfmoon.test")
    assert (values["name"], values["company"], values["country"]) == ("Mara", "Halfmoon", "")
    assert form_of(values) == ProfileForm(
        kind="company", name="Mara", company="Halfmoon", email="mara@halfmoon.test", line1="", city="", country=""
    )


def test_a_state_counts_only_where_there_are_states() -> None:
    values = {**empty_values(), "country": "DE", "state": "CA"}
    assert form_of(values).state == ""
    assert form_of({**values, "country": "US"}).state == "CA"


def test_countries_and_states_are_chosen_by_name() -> None:
    names = [name for _, name in country_options()]
    assert names == sorted(names)
    assert ("DE", "Germany") in country_options()
    assert state_options("CA")[0] == {"value": "AB", "label": "Alberta"}
    assert state_options("DE") == []


@pytest.mark.parametrize(
    ("tax_id", "country", "right"),
    [("DE136695976", "DE", True), ("DE136695975", "DE", False), ("", "DE", False), ("DE136695976", "", False)],
)
def test_a_tax_id_is_checked_while_it_is_typed(tax_id: str, country: str, right: bool) -> None:
    assert is_written_right(tax_id, country) is right


# ---- the states ----


async def test_before_there_is_a_profile_the_owner_is_asked_for_one(screen: Screen, office: Office) -> None:
    page = await screen.open(BillingState, "/invoices")
    assert (page.ready, page.has_profile, page.may_edit) == (True, False, True)
    member = await screen.as_member().open(BillingState, "/invoices")
    assert member.may_edit is False


async def test_a_profile_is_filled_in_checked_and_shown(screen: Screen, home: House, office: Office) -> None:
    page = await screen.open(BillingState, "/invoices")
    form = await form_on(screen)
    await fill(screen, form, **FRENCH)
    assert form.tax_id_right
    await save(screen, form)
    assert form.is_open is False
    assert page.has_profile
    assert page.profile["title"] == "Halfmoon SARL"
    assert page.profile["tax_id"] == "FR40303265045"
    assert page.tax["headline"] == "19% VAT, Germany"  # nobody has confirmed the id
    kept = home.services.invoicing.profiles.of(home.workspace_id)
    assert kept is not None
    assert kept.buyer.is_business

    again = await form_on(screen)
    assert again.values["company"] == "Halfmoon SARL"
    assert again.tax_label == "VAT ID"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"company": ""}, "company"),
        ({"city": " "}, "city"),
        ({"country": ""}, "country"),
        ({"tax_id": "FR40303265046"}, "tax_id"),
        ({"email": "ada at halfmoon"}, "email"),
        ({"country": "US"}, "state"),
        ({"line1": "x" * 201}, "line1"),
    ],
)
async def test_what_is_wrong_is_said_under_its_field(screen: Screen, office: Office, wrong, field: str) -> None:
    form = await form_on(screen)
    for name, value in {**FRENCH, **wrong}.items():
        await fill(screen, form, **{name: value})
    await save(screen, form)
    assert form.is_open
    assert form.errors[field]
    assert [name for name, error in form.errors.items() if error] == [field]
    assert form.busy is False


async def test_a_changed_country_asks_for_its_own_id_and_states(screen: Screen, office: Office) -> None:
    form = await form_on(screen)
    await fill(screen, form, country="AU")
    assert (form.tax_label, form.states) == ("ABN", [])
    await fill(screen, form, country="CA", state="QC")
    assert form.values["state"] == "QC"
    await fill(screen, form, country="US")
    assert form.values["state"] == ""
    assert len(form.states) > 50


async def test_what_no_form_offers_is_not_taken(screen: Screen, office: Office) -> None:
    form = await form_on(screen)
    before = dict(form.values)
    await fill(screen, form, kind="charity", country="ZZ", state="QQ", workspace_id="ws_other")
    assert form.values == before


async def test_saving_without_the_dialog_changes_nothing(screen: Screen, home: House, office: Office) -> None:
    form: BillingFormState = await screen.tab.tree.get_state(BillingFormState)
    await save(screen, form)
    assert home.services.invoicing.profiles.of(home.workspace_id) is None


async def test_another_workspace_s_details_stay_theirs(screen: Screen, home: House, office: Office) -> None:
    form = await form_on(screen)
    await fill(screen, form, **FRENCH)
    await save(screen, form)
    other = Screen(home, stranger(home.newcomer().workspace_id))
    page = await other.open(BillingState, "/invoices")
    assert page.has_profile is False
    assert page.profile["title"] == ""


def test_only_owners_reach_the_form() -> None:
    for handler in ("open_form", "write", "choose_kind", "choose_country", "choose_state", "save"):
        assert required_role(event_name(getattr(BillingFormState, handler))) is Role.OWNER
