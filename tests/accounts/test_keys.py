"""API keys."""

import pytest
from sqlmodel import select

from app.accounts.keys import Keys, NewKey
from app.accounts.people import Person, WorkspaceInfo
from app.accounts.service import Accounts
from app.accounts.tables import ApiKey
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, LimitReached, NotAllowed, NotFound
from tests.accounts.conftest import PASSWORD, HandClock

Customer = tuple[Person, WorkspaceInfo]


@pytest.fixture
def key(accounts: Accounts, customer: Customer) -> NewKey:
    return accounts.keys.create(customer[1].id, "backend", actor=customer[0].id)


def test_a_key_speaks_for_its_workspace(accounts: Accounts, customer: Customer, key: NewKey) -> None:
    holder = accounts.keys.look_up(key.secret)
    assert holder is not None
    assert (holder.key_id, holder.workspace_id) == (key.info.id, customer[1].id)
    assert key.secret.startswith("fbx_")
    assert len(key.secret) > 40


def test_only_a_hint_of_the_secret_is_kept(accounts: Accounts, key: NewKey, database: Database) -> None:
    with database.reading() as session:
        [row] = session.exec(select(ApiKey))
    assert key.secret not in repr(row)
    assert row.hint == key.secret[-4:]


@pytest.mark.one_engine
@pytest.mark.parametrize("secret", ["", "fbx_", "fbx_wrong", "sk-other", "fbx_" + "x" * 500])
def test_anything_else_is_nobody(accounts: Accounts, key: NewKey, secret: str) -> None:
    assert accounts.keys.look_up(secret) is None


def test_a_revoked_key_stops_at_once(accounts: Accounts, customer: Customer, key: NewKey) -> None:
    assert accounts.keys.look_up(key.secret)
    accounts.keys.revoke(customer[1].id, key.info.id, actor=customer[0].id)
    assert accounts.keys.peek(key.secret) is None
    assert accounts.keys.look_up(key.secret) is None
    accounts.keys.revoke(customer[1].id, key.info.id, actor=customer[0].id)
    assert accounts.keys.list(customer[1].id) == []
    assert [info.is_revoked for info in accounts.keys.list(customer[1].id, with_revoked=True)] == [True]


def test_another_process_notices_within_two_seconds(
    accounts: Accounts, customer: Customer, key: NewKey, database: Database, clock: HandClock
) -> None:
    other = Keys(database, clock, lambda chore: chore())
    assert other.look_up(key.secret)
    accounts.keys.revoke(customer[1].id, key.info.id, actor=customer[0].id)
    clock.turn(seconds=2)
    assert other.look_up(key.secret) is None


@pytest.mark.one_engine
def test_a_suspended_workspace_is_refused_at_once(accounts: Accounts, customer: Customer, key: NewKey) -> None:
    assert accounts.keys.look_up(key.secret)
    accounts.people.suspend(customer[1].id)
    for _ in range(2):
        with pytest.raises(NotAllowed) as refused:
            accounts.keys.look_up(key.secret)
        assert refused.value.stable_code == "workspace_suspended"
    accounts.people.resume(customer[1].id)
    assert accounts.keys.look_up(key.secret)


@pytest.mark.one_engine
def test_a_foreign_key_can_be_neither_renamed_nor_revoked(accounts: Accounts, key: NewKey) -> None:
    stranger, other = accounts.people.create_customer("bob@example.com", "Bob", PASSWORD, "Bob Ltd")
    with pytest.raises(NotFound):
        accounts.keys.revoke(other.id, key.info.id, actor=stranger.id)
    with pytest.raises(NotFound):
        accounts.keys.rename(other.id, key.info.id, "mine", actor=stranger.id)
    assert accounts.keys.look_up(key.secret)
    assert accounts.keys.list(other.id) == []


@pytest.mark.one_engine
def test_a_new_name_shows(accounts: Accounts, customer: Customer, key: NewKey) -> None:
    accounts.keys.look_up(key.secret)
    assert accounts.keys.rename(customer[1].id, key.info.id, "  front   end ", actor=customer[0].id).name == "front end"
    holder = accounts.keys.look_up(key.secret)
    assert holder is not None
    assert holder.key_name == "front end"


@pytest.mark.one_engine
@pytest.mark.parametrize("name", ["", " ", "x" * 81])
def test_a_key_needs_a_name(accounts: Accounts, customer: Customer, name: str) -> None:
    with pytest.raises(InvalidInput):
        accounts.keys.create(customer[1].id, name, actor=customer[0].id)


@pytest.mark.one_engine
def test_there_is_an_end_to_keys(
    accounts: Accounts, customer: Customer, key: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.accounts.keys.MOST_KEYS", 1)
    with pytest.raises(LimitReached):
        accounts.keys.create(customer[1].id, "one more", actor=customer[0].id)
    accounts.keys.revoke(customer[1].id, key.info.id, actor=customer[0].id)
    assert accounts.keys.create(customer[1].id, "one more", actor=customer[0].id)


def test_its_last_use_is_noted_once_a_minute(
    accounts: Accounts, customer: Customer, key: NewKey, clock: HandClock
) -> None:
    start = clock.now
    seen = []
    for seconds in (0, 30, 29, 1):
        clock.turn(seconds=seconds)
        accounts.keys.look_up(key.secret)
        [info] = accounts.keys.list(customer[1].id)
        assert info.last_used_at is not None
        seen.append((info.last_used_at - start).seconds)
    assert seen == [0, 0, 0, 60]


@pytest.mark.one_engine
def test_noting_it_is_not_on_the_way_of_the_request(
    database: Database, clock: HandClock, key: NewKey, customer: Customer
) -> None:
    chores = []
    keys = Keys(database, clock, chores.append)
    assert keys.look_up(key.secret)
    assert keys.list(customer[1].id)[0].last_used_at is None
    assert len(chores) == 1


def test_a_second_process_does_not_note_the_same_minute(
    accounts: Accounts, database: Database, clock: HandClock, key: NewKey, customer: Customer
) -> None:
    accounts.keys.look_up(key.secret)
    first = accounts.keys.list(customer[1].id)[0].last_used_at
    clock.turn(seconds=10)
    Keys(database, clock, lambda chore: chore()).look_up(key.secret)
    assert accounts.keys.list(customer[1].id)[0].last_used_at == first


@pytest.mark.one_engine
def test_its_own_thread_finishes_what_it_began(database: Database, clock: HandClock, key: NewKey) -> None:
    keys = Keys(database, clock)
    keys.look_up(key.secret)
    keys.close()
    with database.reading() as session:
        assert session.exec(select(ApiKey)).one().last_used_at == clock.now
