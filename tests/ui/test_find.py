"""Any id leads to its page, and only for those who may see it."""

from dataclasses import replace

import pytest

from app.accounts.identity import Who
from app.kernel.ids import new_id
from app.ui.find import find
from tests.invoicing.support import Office
from tests.support.house import House, house, settings_for
from tests.ui.people import HOMELESS, OPERATOR, OWNER, STRANGER

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(seeded_url, sandbox_url, tmp_path):
    with house(settings_for(tmp_path / "home", seeded_url, sandbox_url)) as built:
        yield built


def customer_of(home: House) -> Who:
    return replace(OWNER, workspace_id=home.workspace_id)


def hrefs(home: House, person: Who, text: str) -> list[str]:
    return [found.href for found in find(home.services, person, text)]


async def test_every_id_of_a_request_leads_to_its_trace(home):
    seen = await home.run("flux-schnell", prompt="A red tram")
    page = f"/logs/{seen.id}"
    assert seen.attempt is not None
    ids = [seen.id, seen.row["request_id"], seen.attempt["id"], seen.attempt["upstream_id"], seen.files[0]["id"]]
    with home.services.db.read() as connection:
        journals = connection.exec_driver_sql("SELECT id FROM journal WHERE generation_id IS NOT NULL").scalars().all()
    for identifier in [*ids, *journals]:
        assert hrefs(home, customer_of(home), identifier) == [page], identifier
        assert hrefs(home, OPERATOR, f"  {identifier} ") == [page], identifier
        assert hrefs(home, STRANGER, identifier) == [], identifier
        assert hrefs(home, HOMELESS, identifier) == [], identifier


async def test_a_key_is_found_by_its_id_its_name_and_its_last_characters(home):
    owner = home.services.accounts.people.members(home.workspace_id)[0]
    key = home.services.accounts.keys.create(home.workspace_id, "web-prod", actor=owner.user_id)
    for text in (key.info.id, "Web-prod", key.info.hint):
        assert hrefs(home, customer_of(home), text) == ["/keys"]
        assert hrefs(home, OPERATOR, text) == [f"/admin/customers/{home.workspace_id}"]
        assert hrefs(home, STRANGER, text) == []
    assert hrefs(home, OPERATOR, key.secret) == []


async def test_an_invoice_is_found_by_its_number_and_its_id(home):
    issued = Office(home.services.db).issue(home.workspace_id, "ord_1")
    for text in (issued.invoice_id, issued.number, issued.number.lower()):
        assert hrefs(home, customer_of(home), text) == [f"/invoices/{issued.invoice_id}"]
        assert hrefs(home, OPERATOR, text) == [f"/invoices/{issued.invoice_id}"]
        assert hrefs(home, STRANGER, text) == []


async def test_an_operator_finds_customers_by_id_name_and_address(home):
    page = f"/admin/customers/{home.workspace_id}"
    email = home.services.accounts.people.members(home.workspace_id)[0].email
    for text in (home.workspace_id, "halfmoon", email):
        assert page in hrefs(home, OPERATOR, text)
        assert hrefs(home, customer_of(home), text) == []


async def test_models_lead_a_customer_to_the_playground_and_an_operator_to_the_editor(home):
    assert "/playground?model=flux-schnell" in hrefs(home, customer_of(home), "flux")
    assert all(href.startswith("/admin/models/mdl_") for href in hrefs(home, OPERATOR, "flux"))


async def test_what_is_no_id_and_an_unknown_one_find_nothing(home):
    for text in ("", "   ", "%", "_", "\\", "gen_", "'; drop table journal; --", new_id("gen")):
        assert hrefs(home, OPERATOR, text) == [], text
