"""People and workspaces."""

import pytest

from app.accounts import audit
from app.accounts.identity import Role
from app.accounts.people import Person, WorkspaceInfo
from app.accounts.service import Accounts
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, NotFound
from tests.accounts.conftest import PASSWORD

Customer = tuple[Person, WorkspaceInfo]


def test_a_customer_is_a_person_a_workspace_and_its_wallet(
    accounts: Accounts, customer: Customer, opened: list[str]
) -> None:
    person, workspace = customer
    assert opened == [workspace.id]
    assert accounts.people.workspaces_of(person.id) == [workspace]
    [member] = accounts.people.members(workspace.id)
    assert (member.email, member.role) == ("ada@example.com", Role.OWNER)


def test_an_address_is_one_whatever_its_case(accounts: Accounts, customer: Customer) -> None:
    with pytest.raises(Conflict) as refused:
        accounts.people.create_user(" ADA@Example.com ", "Other", PASSWORD)
    assert refused.value.stable_code == "email_taken"
    assert accounts.people.by_email("Ada@EXAMPLE.com") == customer[0]


def test_a_taken_address_leaves_no_workspace_behind(accounts: Accounts, customer: Customer) -> None:
    with pytest.raises(Conflict):
        accounts.people.create_customer("ada@example.com", "Ada", PASSWORD, "Second")
    assert [workspace.name for workspace in accounts.people.workspaces()] == ["Ada & Co"]


def test_a_wallet_that_cannot_be_opened_leaves_nobody_behind(database: Database, clock: object) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no wallet")

    broken = Accounts(database, clock, opened=fails)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        broken.people.create_customer("bo@example.com", "Bo", PASSWORD, "Bo Ltd")
    assert broken.people.by_email("bo@example.com") is None
    assert broken.people.workspaces() == []


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "email", ["", "ada", "@example.com", "ada@", "ada@example", "a b@example.com", "a@b@c.de", "a@" + "b" * 300 + ".de"]
)
def test_what_is_no_address_is_refused(accounts: Accounts, email: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.people.create_user(email, "Ada", PASSWORD)
    assert refused.value.param == "email"


@pytest.mark.one_engine
@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "tab\x07bell"])
def test_what_is_no_name_is_refused(accounts: Accounts, customer: Customer, name: str) -> None:
    with pytest.raises(InvalidInput):
        accounts.people.rename_workspace(customer[1].id, name)


@pytest.mark.one_engine
@pytest.mark.parametrize("password", ["short", "x" * 257], ids=["too short", "too long"])
def test_a_poor_password_is_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.people.create_user("eve@example.com", "Eve", password)
    assert refused.value.param == "password"


def test_a_second_person_joins_once(accounts: Accounts, customer: Customer) -> None:
    bob = accounts.people.create_user("bob@example.com", "Bob", PASSWORD)
    accounts.people.add_member(customer[1].id, bob.id, Role.MEMBER)
    assert [member.role for member in accounts.people.members(customer[1].id)] == [Role.OWNER, Role.MEMBER]
    with pytest.raises(Conflict):
        accounts.people.add_member(customer[1].id, bob.id, Role.OWNER)


@pytest.mark.one_engine
def test_nobody_joins_what_does_not_exist(accounts: Accounts, customer: Customer) -> None:
    with pytest.raises(NotFound):
        accounts.people.add_member("ws_none", customer[0].id, Role.MEMBER)
    with pytest.raises(NotFound):
        accounts.people.create_workspace("Ghost", owner_id="usr_none")


@pytest.mark.parametrize(
    ("search", "found"),
    [("ada", True), ("& co", True), ("ADA@EXAMPLE", True), ("%", False), ("zoe", False)],
    ids=["name", "part of a name", "a member's address", "no wildcard", "nobody"],
)
def test_customers_are_found(accounts: Accounts, customer: Customer, search: str, found: bool) -> None:
    assert bool(accounts.people.workspaces(search)) is found


@pytest.mark.one_engine
def test_a_customer_is_found_by_its_id(accounts: Accounts, customer: Customer) -> None:
    assert accounts.people.workspaces(customer[1].id) == [customer[1]]


@pytest.mark.one_engine
def test_operators_are_listed(accounts: Accounts, customer: Customer) -> None:
    root = accounts.people.create_operator("root@example.com", "Root", PASSWORD)
    assert accounts.people.operators() == [root]


def test_every_change_is_on_record(accounts: Accounts, customer: Customer, database: Database) -> None:
    person, workspace = customer
    accounts.people.rename_workspace(workspace.id, "Lovelace", actor=person.id)
    accounts.people.suspend(workspace.id, actor=person.id, reason="unpaid")
    with database.reading() as session:
        notes = audit.recent(session, subject=workspace.id)
    assert [(note.action, note.detail, note.actor_id) for note in notes] == [
        ("workspace.suspended", "unpaid", person.id),
        ("workspace.renamed", "Lovelace", person.id),
        ("member.added", f"{person.id} as owner", None),
        ("workspace.created", "Ada & Co", None),
    ]


@pytest.mark.one_engine
def test_a_customer_is_told_which_of_the_two_names_is_none(accounts: Accounts) -> None:
    for workspace, name, wrong in (("W" * 81, "Ada", "workspace"), ("Ada & Co", "A" * 81, "name")):
        with pytest.raises(InvalidInput) as refused:
            accounts.people.create_customer("ada@example.com", name, "correct horse battery", workspace)
        assert refused.value.param == wrong
