"""Signing in, staying signed in, and no longer being signed in."""

from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlmodel import select

from app.accounts import sign_in as sign_in_module
from app.accounts import throttle
from app.accounts.identity import Role
from app.accounts.passwords import Passwords
from app.accounts.people import Person, WorkspaceInfo
from app.accounts.service import Accounts
from app.accounts.sign_in import SignIns
from app.accounts.tables import SignIn, User
from app.kernel.db import Database
from app.kernel.errors import Conflict, LimitReached, NotAllowed, NotSignedIn
from tests.accounts.conftest import CHEAP, PASSWORD, HandClock

Customer = tuple[Person, WorkspaceInfo]


def signed_in(accounts: Accounts) -> str:
    return accounts.sign_ins.sign_in("ada@example.com", PASSWORD)


def test_the_right_password_opens_a_session(accounts: Accounts, customer: Customer) -> None:
    who = accounts.look_up(signed_in(accounts))
    assert who is not None
    assert (who.user_id, who.workspace_id, who.role, who.is_operator) == (
        customer[0].id,
        customer[1].id,
        Role.OWNER,
        False,
    )


def test_the_token_itself_is_nowhere_in_the_database(
    accounts: Accounts, customer: Customer, database: Database
) -> None:
    token = signed_in(accounts)
    with database.reading() as session:
        [row] = session.exec(select(SignIn))
    assert token not in repr(row)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong password"),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("ada@example.com", "x" * 9999),
    ],
    ids=["wrong password", "unknown e-mail", "nothing", "endless password"],
)
def test_anything_else_is_refused_in_the_same_words(
    accounts: Accounts, customer: Customer, email: str, password: str
) -> None:
    with pytest.raises(NotSignedIn) as refused:
        accounts.sign_ins.sign_in(email, password)
    assert refused.value.stable_code == "wrong_credentials"
    assert refused.value.message == "That e-mail and password do not match."


class CountingHasher(PasswordHasher):
    """Counts the slow work."""

    checks = 0

    def verify(self, *args: object, **kwargs: object) -> bool:  # type: ignore[override]
        self.checks += 1
        return super().verify(*args, **kwargs)  # type: ignore[arg-type]


@pytest.mark.one_engine
def test_an_unknown_address_costs_as_much_work_as_a_wrong_password(
    database: Database, clock: HandClock, customer: Customer
) -> None:
    hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    sign_ins = SignIns(database, clock, Passwords(hasher))
    for email in ("ada@example.com", "nobody@example.com"):
        hasher.checks = 0
        with pytest.raises(NotSignedIn):
            sign_ins.sign_in(email, "wrong password")
        assert hasher.checks == 1


@pytest.mark.one_engine
def test_a_password_hashed_at_an_old_cost_is_hashed_anew(
    database: Database, clock: HandClock, customer: Customer
) -> None:
    dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    SignIns(database, clock, Passwords(dearer)).sign_in("ada@example.com", PASSWORD)
    with database.reading() as session:
        stored = session.exec(select(User)).one().password_hash
    assert not dearer.check_needs_rehash(stored)
    assert dearer.verify(stored, PASSWORD)


def test_five_failures_close_the_door_even_to_the_right_password(accounts: Accounts, customer: Customer) -> None:
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            accounts.sign_ins.sign_in("ada@example.com", "wrong password", address="192.0.2.1")
    with pytest.raises(LimitReached) as refused:
        accounts.sign_ins.sign_in("ADA@example.com", PASSWORD, address="192.0.2.1")
    assert 0 < refused.value.details["retry_after_seconds"] <= 300
    assert accounts.sign_ins.sign_in("ada@example.com", PASSWORD, address="192.0.2.2")


@pytest.mark.one_engine
def test_the_door_opens_again(accounts: Accounts, customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            accounts.sign_ins.sign_in("ada@example.com", "wrong password")
    later = throttle.time.time() + 301
    monkeypatch.setattr("time.time", lambda: later)
    assert accounts.sign_ins.sign_in("ada@example.com", PASSWORD)


@pytest.mark.one_engine
def test_a_success_forgives_earlier_failures(accounts: Accounts, customer: Customer) -> None:
    for _ in range(4):
        for _ in range(4):
            with pytest.raises(NotSignedIn):
                accounts.sign_ins.sign_in("ada@example.com", "wrong password")
        signed_in(accounts)


@pytest.mark.one_engine
def test_signing_out_is_immediate_also_for_what_is_remembered(accounts: Accounts, customer: Customer) -> None:
    token = signed_in(accounts)
    assert accounts.look_up(token)
    accounts.sign_ins.sign_out(token)
    assert accounts.look_up(token) is None
    assert accounts.sign_ins.peek(token) is None
    accounts.sign_ins.sign_out(token)


@pytest.mark.one_engine
def test_a_look_up_overtaken_by_a_sign_out_is_not_remembered(
    accounts: Accounts, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed_in(accounts)
    genuine = sign_in_module._load

    def overtaken(session: object, key: str, now: object) -> object:
        found = genuine(session, key, now)  # type: ignore[arg-type]
        accounts.sign_ins.forget()
        return found

    monkeypatch.setattr(sign_in_module, "_load", overtaken)
    accounts.look_up(token)
    assert accounts.sign_ins.peek(token) is None


def test_another_process_notices_a_sign_out_within_seconds(
    accounts: Accounts, customer: Customer, database: Database, clock: HandClock
) -> None:
    token = signed_in(accounts)
    other = SignIns(database, clock, Passwords(CHEAP))
    assert other.look_up(token)
    accounts.sign_ins.sign_out(token)
    clock.turn(seconds=5)
    assert other.look_up(token) is None


@pytest.mark.one_engine
def test_signing_out_everywhere_ends_every_session_of_that_person(accounts: Accounts, customer: Customer) -> None:
    accounts.people.create_customer("bob@example.com", "Bob", PASSWORD, "Bob Ltd")
    mine, also_mine = signed_in(accounts), signed_in(accounts)
    theirs = accounts.sign_ins.sign_in("bob@example.com", PASSWORD)
    assert accounts.sign_ins.sign_out_everywhere(customer[0].id) == 2
    assert [accounts.look_up(token) is not None for token in (mine, also_mine, theirs)] == [False, False, True]


@pytest.mark.one_engine
def test_a_session_unused_for_a_fortnight_is_over(accounts: Accounts, customer: Customer, clock: HandClock) -> None:
    token = signed_in(accounts)
    clock.turn(days=14)
    assert accounts.look_up(token) is None


@pytest.mark.one_engine
def test_a_session_in_use_slides_but_not_beyond_sixty_days(
    accounts: Accounts, customer: Customer, clock: HandClock
) -> None:
    token = signed_in(accounts)
    for _ in range(5):
        clock.turn(days=11)
        assert accounts.look_up(token), clock.now
    clock.turn(days=5, seconds=-1)
    assert accounts.look_up(token)
    clock.turn(seconds=1)
    assert accounts.look_up(token) is None


def test_expired_sessions_are_swept_by_the_next_sign_in(
    accounts: Accounts, customer: Customer, clock: HandClock, database: Database
) -> None:
    signed_in(accounts)
    clock.turn(days=15)
    signed_in(accounts)
    with database.reading() as session:
        assert len(session.exec(select(SignIn)).all()) == 1


@pytest.mark.one_engine
def test_a_disabled_person_is_out_at_once_and_stays_out(accounts: Accounts, customer: Customer) -> None:
    token = signed_in(accounts)
    assert accounts.look_up(token)
    accounts.disable(customer[0].id)
    assert accounts.look_up(token) is None
    with pytest.raises(NotAllowed):
        signed_in(accounts)
    with pytest.raises(NotSignedIn):
        accounts.sign_ins.begin(customer[0].id)
    accounts.people.enable_user(customer[0].id)
    assert accounts.look_up(token) is None, "the old session is over"
    assert accounts.look_up(signed_in(accounts))


@pytest.mark.one_engine
def test_nobody_disables_their_own_account(accounts: Accounts) -> None:
    root = accounts.people.create_operator("root@example.com", "Root", PASSWORD)
    with pytest.raises(Conflict) as refused:
        accounts.disable(root.id, actor=root.id)
    assert refused.value.stable_code == "own_account"
    assert accounts.sign_ins.sign_in("root@example.com", PASSWORD)


@pytest.mark.one_engine
def test_an_operator_needs_no_workspace(accounts: Accounts) -> None:
    operator = accounts.people.create_operator("root@example.com", "Root", PASSWORD)
    who = accounts.look_up(accounts.sign_ins.begin(operator.id))
    assert who is not None
    assert (who.is_operator, who.workspace_id, who.role) == (True, None, None)


@pytest.mark.one_engine
def test_a_new_name_and_a_suspension_show_at_once(accounts: Accounts, customer: Customer) -> None:
    token = signed_in(accounts)
    accounts.look_up(token)
    accounts.people.rename_user(customer[0].id, "Countess")
    accounts.people.suspend(customer[1].id)
    who = accounts.look_up(token)
    assert who is not None
    assert (who.name, who.is_suspended) == ("Countess", True)


def test_a_reset_password_ends_all_sessions(accounts: Accounts, customer: Customer) -> None:
    token = signed_in(accounts)
    accounts.reset_password("ADA@example.com", "a different password")
    assert accounts.look_up(token) is None
    with pytest.raises(NotSignedIn):
        signed_in(accounts)
    assert accounts.sign_ins.sign_in("ada@example.com", "a different password")


@pytest.mark.parametrize("meanwhile", ["another password", "disabled"])
def test_what_changes_while_a_password_is_checked_counts(
    accounts: Accounts, customer: Customer, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    genuine = accounts.sign_ins._verified

    def overtaken(*given: str) -> Any:
        found = genuine(*given)
        if meanwhile == "disabled":
            accounts.disable(customer[0].id)
        else:
            accounts.reset_password("ada@example.com", meanwhile)
        return found

    monkeypatch.setattr(accounts.sign_ins, "_verified", overtaken)
    with pytest.raises((NotSignedIn, NotAllowed)):
        signed_in(accounts)


@pytest.mark.one_engine
@pytest.mark.parametrize("token", ["", "x", "x" * 10_000])
def test_nonsense_is_nobody(accounts: Accounts, token: str) -> None:
    assert accounts.look_up(token) is None
