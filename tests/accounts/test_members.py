"""Somebody is invited, chooses a password by the link of the mail, becomes an owner, and is removed."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.identity import Role
from app.accounts.members import Invitation
from app.accounts.people import Person, WorkspaceInfo
from app.accounts.service import Accounts
from app.kernel.db import Database
from app.kernel.errors import Conflict, FareboxError, InvalidInput, LimitReached, NotAllowed, NotSignedIn
from app.kernel.tables import outbox
from tests.accounts.conftest import PASSWORD, HandClock

Customer = tuple[Person, WorkspaceInfo]
BEN = Invitation("Ben@example.com", "Ben")


def mails(database: Database) -> list[dict[str, Any]]:
    """What is promised so far, the oldest first."""
    with database.read() as connection:
        return [dict(row) for row in connection.execute(select(outbox.c.payload).order_by(outbox.c.id)).scalars()]


def link_of(database: Database) -> str:
    """The link of the newest mail."""
    return str(mails(database)[-1]["params"]["link"]).partition("link=")[2]


def invited(accounts: Accounts, customer: Customer, wanted: Invitation = BEN) -> str:
    return accounts.members.invite(customer[1].id, wanted, actor=customer[0].id)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(FareboxError) as seen:
        act()
    return seen.value.stable_code


def test_who_is_invited_comes_in_by_the_mail_alone_and_once(
    accounts: Accounts, customer: Customer, database: Database
) -> None:
    user_id = invited(accounts, customer)
    [mail] = mails(database)
    assert (mail["template"], mail["to"]) == ("invited", "ben@example.com")
    with pytest.raises(NotSignedIn):
        accounts.sign_ins.sign_in("ben@example.com", "")
    link = link_of(database)
    with pytest.raises(InvalidInput):
        accounts.choose_password(link, "short")
    who = accounts.look_up(accounts.choose_password(link, PASSWORD))
    assert who is not None
    assert (who.user_id, who.workspace_id, who.role) == (user_id, customer[1].id, Role.MEMBER)
    assert refused(lambda: accounts.choose_password(link, PASSWORD + "!")) == "link_ended"
    assert accounts.sign_ins.sign_in("ben@example.com", PASSWORD)
    assert len(mails(database)) == 1, "a first password is no changed password"


def test_the_link_of_an_earlier_mail_ends_with_the_next_and_with_the_invitation(
    accounts: Accounts, customer: Customer, database: Database
) -> None:
    user_id, first = invited(accounts, customer), link_of(database)
    accounts.members.invite_again(customer[1].id, user_id, actor=customer[0].id)
    second = link_of(database)
    assert refused(lambda: accounts.choose_password(first, PASSWORD)) == "link_ended"
    accounts.members.remove(customer[1].id, user_id, actor=customer[0].id)
    assert refused(lambda: accounts.choose_password(second, PASSWORD)) == "link_ended"
    assert invited(accounts, customer) == user_id, "the same person, asked once more"
    assert accounts.choose_password(link_of(database), PASSWORD)
    assert refused(lambda: accounts.members.invite_again(customer[1].id, user_id, actor="")) == "already_member"


@pytest.mark.one_engine
@pytest.mark.parametrize("how", ["one letter", "another end", "no signature", "nothing"])
def test_a_link_that_nobody_made_opens_nothing(
    accounts: Accounts, customer: Customer, database: Database, how: str
) -> None:
    invited(accounts, customer)
    user, ends, signature = link_of(database).split(".")
    spoilt = {
        "one letter": f"{user}.{ends}.{signature[:-1]}x",
        "another end": f"{user}.9{ends}.{signature}",
        "no signature": f"{user}.{ends}",
        "nothing": "",
    }
    with pytest.raises(NotAllowed):
        accounts.links.open(spoilt[how])


@pytest.mark.one_engine
def test_a_link_ends_after_its_time(
    accounts: Accounts, customer: Customer, database: Database, clock: HandClock
) -> None:
    accounts.forgot_password("ADA@example.com")
    link = link_of(database)
    assert accounts.links.open(link).id == customer[0].id
    clock.turn(hours=2)
    assert refused(lambda: accounts.links.open(link)) == "link_ended"


@pytest.mark.one_engine
def test_who_forgot_a_password_gets_a_mail_and_nobody_learns_who_has_an_account(
    accounts: Accounts, customer: Customer, database: Database
) -> None:
    token = accounts.sign_ins.sign_in("ada@example.com", PASSWORD)
    accounts.forgot_password("nobody@example.com")
    assert mails(database) == []
    accounts.forgot_password("ada@example.com")
    assert accounts.choose_password(link_of(database), "another password")
    assert accounts.look_up(token) is None, "whoever was signed in is out"
    assert mails(database)[-1]["template"] == "password_changed"
    for _ in range(4):
        accounts.forgot_password("ada@example.com")
    with pytest.raises(LimitReached):
        accounts.forgot_password("ada@example.com")


def test_an_address_belongs_to_one_workspace(accounts: Accounts, customer: Customer) -> None:
    accounts.people.create_customer("cleo@example.com", "Cleo", PASSWORD, "Elsewhere")
    accounts.people.create_operator("root@example.com", "Root", PASSWORD)
    for email, code in (
        ("cleo@example.com", "email_taken"),
        ("root@example.com", "email_taken"),
        ("ada@example.com", "already_member"),
        ("no address", "invalid_input"),
    ):
        assert refused(lambda email=email: invited(accounts, customer, Invitation(email, "X"))) == code


def test_an_owner_who_can_sign_in_always_stays(accounts: Accounts, customer: Customer, database: Database) -> None:
    (ada, workspace), members = customer, accounts.members
    ben = invited(accounts, customer, Invitation("ben@example.com", "Ben", Role.OWNER))
    for act in (
        lambda: members.set_role(workspace.id, ada.id, Role.MEMBER, actor=ada.id),
        lambda: members.remove(workspace.id, ada.id, actor=ada.id),
    ):
        assert refused(act) == "last_owner", "an owner who never came in manages nothing"
    accounts.choose_password(link_of(database), PASSWORD)
    members.set_role(workspace.id, ada.id, Role.MEMBER, actor=ben)
    with pytest.raises(Conflict):
        members.remove(workspace.id, ben, actor=ben)


def test_who_is_removed_is_out_at_once_and_their_keys_stay_unless_chosen(
    accounts: Accounts, customer: Customer, database: Database
) -> None:
    (ada, workspace), keys = customer, accounts.keys
    ben = invited(accounts, customer)
    token = accounts.choose_password(link_of(database), PASSWORD)
    made, kept = keys.create(workspace.id, "Ben's", actor=ben), keys.create(workspace.id, "Ada's", actor=ada.id)
    assert accounts.look_up(token)
    accounts.members.remove(workspace.id, ben, actor=ada.id)
    assert accounts.look_up(token) is None
    assert keys.look_up(made.secret), "keys are the workspace's"
    invited(accounts, customer)
    assert mails(database)[-1]["params"]["link"].endswith("/login"), "they have a password"
    accounts.members.remove(workspace.id, ben, with_keys=True, actor=ada.id)
    assert (keys.look_up(made.secret), keys.look_up(kept.secret) is None) == (None, False)
    assert [member.user_id for member in accounts.people.members(workspace.id)] == [ada.id]


@pytest.mark.one_engine
def test_a_password_is_changed_by_who_knows_it(accounts: Accounts, customer: Customer, database: Database) -> None:
    token, other = (accounts.sign_ins.sign_in("ada@example.com", PASSWORD) for _ in range(2))
    who = accounts.look_up(token)
    assert who is not None
    assert refused(lambda: accounts.change_password(who, "a wrong password", "a new password")) == "wrong_credentials"
    assert refused(lambda: accounts.change_password(who, PASSWORD, PASSWORD)) == "same_password"
    assert refused(lambda: accounts.change_password(who, PASSWORD, "short")) == "password_too_short"
    assert accounts.look_up(other) == who, "nothing has changed"
    fresh = accounts.change_password(who, PASSWORD, "a new password")
    assert [accounts.look_up(one) for one in (token, other, fresh)] == [None, None, who]
    [mail] = mails(database)
    assert (mail["template"], mail["to"]) == ("password_changed", "ada@example.com")
