"""An operator's acts on a customer: credits given once however often they are confirmed, people, suspension."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.accounts.audit import recent
from app.accounts.identity import Role as MemberRole
from app.accounts.identity import Who
from app.files.keeping import FILE, Own
from app.kernel.errors import InvalidInput, NotAllowed
from app.kernel.money import Money
from app.ui.guard import acting_as
from app.ui.pages.admin_customers.detail_state import LOTS, CustomerState
from app.ui.pages.admin_customers.files_state import CustomerFilesState
from app.ui.pages.admin_customers.list_state import CustomersState
from app.ui.pages.admin_customers.people_state import CustomerPeopleState
from app.ui.pages.admin_customers.rows import credits_of, end_of
from tests.files.samples import picture_bytes
from tests.support.house import House
from tests.ui.screens import operator_of
from tests.ui.tabs import event_name, new_tab


@pytest.fixture
def home(own_house: House) -> House:
    return own_house


@pytest.fixture
def operator(home: House) -> Who:
    return operator_of(home.services)


def state_at(path: str, kind: Any) -> Any:
    """The state of a page opened at `path`."""
    tab = new_tab("operator", path)
    return tab.tree.get_substate(kind.get_full_name().split("."))


def customer_page(home: House) -> Any:
    state = state_at(f"/admin/customers/{home.workspace_id}", CustomerState)
    asyncio.run(CustomerState.load.fn(state))
    return state


def fill(state: Any, doing: str, amount: str, words: str) -> None:
    CustomerState.begin.fn(state, doing)
    CustomerState.write_amount.fn(state, amount)
    CustomerState.write_words.fn(state, words)


def create(state: Any) -> None:
    async def every_step() -> None:
        async for _ in CustomersState.create.fn(state):
            pass

    asyncio.run(every_step())


def notes(home: House) -> list[tuple[str, str, str | None]]:
    with home.services.db.reading() as session:
        found = recent(session, subject=home.workspace_id)
        return [(note.action, note.detail, note.actor_id) for note in found]


# ---- credits ----


def test_the_dialog_says_what_the_balance_becomes(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = customer_page(home)
        fill(state, "grant", "5,000", "Welcome")
        assert (state.act, state.after) == ("Grant 5,000 credits", "10,000 → 15,000")


def test_a_grant_confirmed_twice_grants_once(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = customer_page(home)
        fill(state, "grant", "5,000", "Welcome")
        asyncio.run(CustomerState.move.fn(state))
        asyncio.run(CustomerState.move.fn(state))  # the second click of a double click
        assert home.available == Money.from_exact(15_000)
        # The answer to the first was lost and the dialog is still open: the occasion is the same.
        state.doing = "grant"
        asyncio.run(CustomerState.move.fn(state))
    assert home.available == Money.from_exact(15_000)
    assert [note for note in notes(home) if note[0] == "credits.granted"] == [
        ("credits.granted", "5000 credits, promo: Welcome", operator.user_id)
    ]
    home.assert_books_balance()


def test_the_next_dialog_is_another_occasion(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = customer_page(home)
        for _ in range(2):
            fill(state, "grant", "10", "Again")
            asyncio.run(CustomerState.move.fn(state))
    assert home.available == Money.from_exact(10_020)


@pytest.mark.parametrize(
    ("amount", "words", "field"),
    [
        pytest.param("", "x", "amount", id="no amount"),
        pytest.param("0", "x", "amount", id="nothing"),
        pytest.param("-5", "x", "amount", id="below zero"),
        pytest.param("ten", "x", "amount", id="a word"),
        pytest.param("1e3", "x", "", id="an exponent is a number too"),
        pytest.param("0.0000001", "x", "amount", id="finer than a micro-credit"),
        pytest.param("99999999999999999999", "x", "amount", id="more than an account holds"),
        pytest.param("5", "  ", "label", id="no label"),
    ],
)
def test_what_is_wrong_with_a_grant_stands_under_its_field(
    home: House, operator: Who, amount: str, words: str, field: str
) -> None:
    with acting_as(operator):
        state = customer_page(home)
        fill(state, "grant", amount, words)
        asyncio.run(CustomerState.move.fn(state))
        assert bool(field) == any(state.errors.values())
        if field:
            assert state.errors[field]
            assert home.available == Money.from_exact(10_000)


def test_credits_are_taken_back_down_to_what_is_free(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = customer_page(home)
        fill(state, "take", "10,001", "Granted by mistake")
        asyncio.run(CustomerState.move.fn(state))
        assert state.errors["amount"] == "At most 10,000 credits can be taken back; held credits stay."
        CustomerState.write_amount.fn(state, "4,000")
        asyncio.run(CustomerState.move.fn(state))
    assert home.available == Money.from_exact(6_000)
    assert ("credits.taken_back", "4000 credits: Granted by mistake", operator.user_id) in notes(home)
    home.assert_books_balance()


def test_an_expiry_in_the_past_is_refused_and_a_day_counts_whole(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = customer_page(home)
        fill(state, "grant", "5", "Trial")
        CustomerState.choose_end.fn(state, "2020-01-31")
        asyncio.run(CustomerState.move.fn(state))
        assert state.errors["expires_at"]
    assert str(end_of("2026-11-30")) == "2026-12-01 00:00:00+00:00"
    assert end_of(" ") is None
    with pytest.raises(InvalidInput):
        end_of("30.11.2026")


def test_an_amount_is_read_as_people_write_it() -> None:
    assert credits_of(" 5,000 ") == Money.from_exact(5_000)
    assert credits_of("0.75").micros == 750_000


# ---- the page ----


def test_the_page_shows_what_the_customer_has(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = customer_page(home)
    assert (state.customer["name"], state.customer["available"]) == ("Halfmoon Studio", "10,000")
    assert [lot["label"] for lot in state.lots] == ["Test credits"]
    assert [line["moved"] for line in state.ledger] == ["+10,000"]
    assert [person["role"] for person in state.members] == ["Owner"]


def test_hundreds_of_lots_are_shown_a_few_at_a_time(home: House, operator: Who) -> None:
    async def give() -> None:
        for number in range(LOTS):
            await home.services.ledger.grant(
                home.workspace_id, Money.from_exact(5), kind="promo", label="More", ref=f"{number}", actor="test"
            )

    asyncio.run(give())
    with acting_as(operator):
        state = customer_page(home)
        assert (len(state.lots), state.more_lots) == (LOTS, "Show more of the other 1")
        asyncio.run(CustomerState.show_more_lots.fn(state))
    assert (len(state.lots), state.more_lots) == (LOTS + 1, "")


@pytest.mark.parametrize("wanted", ["ws_01AAAAAAAAAAAAAAAAAAAAAAAA", "nonsense", "ws_1'; DROP"])
def test_a_customer_nobody_knows_is_said_to_be_missing(home: House, operator: Who, wanted: str) -> None:
    with acting_as(operator):
        state = state_at(f"/admin/customers/{wanted}", CustomerState)
        asyncio.run(CustomerState.load.fn(state))
        CustomerState.begin.fn(state, "grant")
        assert state.missing
        assert state.doing == ""


def test_suspending_needs_a_reason_and_is_lifted_again(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = customer_page(home)
        CustomerState.confirm_opened.fn(state, True)
        asyncio.run(CustomerState.set_suspended.fn(state))
        assert state.confirm_error
        CustomerState.write_why.fn(state, "Unpaid")
        asyncio.run(CustomerState.set_suspended.fn(state))
        assert state.customer["suspended"]
        assert ("workspace.suspended", "Unpaid", operator.user_id) in notes(home)
        CustomerState.confirm_opened.fn(state, True)
        asyncio.run(CustomerState.set_suspended.fn(state))
    assert not home.services.accounts.people.workspace(home.workspace_id).is_suspended


# ---- the table and a new customer ----


def test_a_customer_is_made_with_a_password_that_is_shown_once(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = state_at("/admin/customers", CustomersState)
        asyncio.run(CustomersState.load.fn(state))
        CustomersState.creating_opened.fn(state, True)
        for name, text in {"workspace": "Kestrel Films", "name": "Lea Novak", "email": "lea@kestrel.example"}.items():
            CustomersState.write.fn(state, name, text)
        create(state)
        password = state.password
        create(state)  # the second of two clicks
        assert home.services.accounts.sign_ins.sign_in("lea@kestrel.example", password)
        assert sorted(row["name"] for row in state.rows) == ["Halfmoon Studio", "Kestrel Films"]
        CustomersState.creating_opened.fn(state, False)
        assert state.password == ""


def test_a_known_address_is_refused_under_its_field(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = state_at("/admin/customers", CustomersState)
        CustomersState.creating_opened.fn(state, True)
        for name, text in {"workspace": "X", "name": "Y", "email": operator.email}.items():
            CustomersState.write.fn(state, name, text)
        create(state)
        assert state.errors["email"]
        assert not state.password


def test_the_table_is_searched_by_name(home: House, operator: Who) -> None:
    with acting_as(operator):
        state = state_at("/admin/customers", CustomersState)
        asyncio.run(CustomersState.look_for.fn(state, "nobody by that name"))
        assert state.rows == []
        asyncio.run(CustomersState.look_for.fn(state, "halfmoon"))
        assert [row["name"] for row in state.rows] == ["Halfmoon Studio"]


# ---- who may ----


@pytest.mark.anyio
@pytest.mark.parametrize("session", ["", "owner", "member", "homeless"])
@pytest.mark.parametrize(
    "handler",
    [CustomerState.move, CustomerState.begin, CustomerState.set_suspended, CustomerState.load, CustomersState.create],
    ids=lambda handler: handler.fn.__qualname__,
)
async def test_nobody_else_can_call_them(session: str, handler: Any) -> None:
    assert await new_tab(session).send(event_name(handler)) is not None


def test_files_have_a_time_and_a_room_that_an_operator_gives_after_being_told_what_goes(
    home: House, operator: Who, tmp_path: Path
) -> None:
    files, keepings = home.services.files, home.services.files.keepings
    (tmp_path / "in.png").write_bytes(picture_bytes())
    kept = files.keep_now(tmp_path / "in.png", workspace_id=home.workspace_id)
    with home.services.db.write() as connection:
        old = home.services.desk.clock() - timedelta(days=40)
        connection.execute(FILE.update().where(FILE.c.id == kept.id).values(created_at=old))
    page = state_at(f"/admin/customers/{home.workspace_id}", CustomerFilesState)

    async def fill(days: str, uploads: str) -> None:
        await CustomerFilesState.load.fn(page)
        await CustomerFilesState.begin.fn(page)
        await CustomerFilesState.write.fn(page, "days", days)
        await CustomerFilesState.write.fn(page, "uploads_mb", uploads)

    with acting_as(operator):
        for days, field in (("x", "days"), ("0", "days"), ("99999", "days"), ("-3", "days")):
            asyncio.run(fill(days, ""))
            asyncio.run(CustomerFilesState.save.fn(page))
            assert page.errors[field], days
        asyncio.run(fill("30", "200"))
        asyncio.run(CustomerFilesState.save.fn(page))
        assert (page.open, page.warning[:1], keepings.own(home.workspace_id)) == (True, "1", Own())
        asyncio.run(CustomerFilesState.save.fn(page))
        assert (page.open, page.summary) == (False, "30 days")
        assert keepings.own(home.workspace_id) == Own(30, 200)
        asyncio.run(fill("", ""))
        asyncio.run(CustomerFilesState.save.fn(page))
        assert keepings.own(home.workspace_id) == Own()
    with home.services.db.reading() as session:
        notes = [note for note in recent(session, subject=home.workspace_id) if note.action == "workspace.files"]
    assert [note.actor_id for note in notes] == [operator.user_id, operator.user_id]


# ---- who they are ----


async def opened_people(home: House) -> tuple[Any, Any]:
    """Both states of one tab on a customer's page."""
    tab = new_tab("operator", f"/admin/customers/{home.workspace_id}")
    page = await tab.tree.get_state(CustomerState)
    await CustomerState.load.fn(page)
    return page, await tab.tree.get_state(CustomerPeopleState)


def test_a_member_is_shut_out_after_being_told_what_it_means_and_let_in_again(home: House, operator: Who) -> None:
    accounts, password = home.services.accounts, "correct horse battery"
    [member] = accounts.people.members(home.workspace_id)
    session, key = accounts.sign_ins.sign_in(member.email, password), home.key("goes on")

    async def decide() -> None:
        page, people = await opened_people(home)
        await CustomerPeopleState.ask.fn(people, member.user_id)
        assert "API keys" in people.person["words"] or page.members[0]["disabled"]
        await CustomerPeopleState.set_disabled.fn(people)
        await CustomerPeopleState.set_disabled.fn(people)  # the second of two clicks
        assert people.person["id"] == ""

    with acting_as(operator):
        asyncio.run(decide())
        assert accounts.look_up(session) is None
        with pytest.raises(NotAllowed):
            accounts.sign_ins.sign_in(member.email, password)
        assert accounts.keys.look_up(key)
        asyncio.run(decide())
    assert accounts.look_up(session) is None
    assert accounts.look_up(accounts.sign_ins.sign_in(member.email, password))
    with home.services.db.reading() as db:
        found = [(note.action, note.actor_id) for note in recent(db, subject=member.user_id)]
    assert found[:2] == [("user.enabled", operator.user_id), ("user.disabled", operator.user_id)]


def test_nobody_of_another_workspace_and_not_oneself_is_shut_out_here(home: House, operator: Who) -> None:
    accounts = home.services.accounts
    other, _ = accounts.people.create_customer("lea@kestrel.example", "Lea", "a long password 2", "Kestrel")
    accounts.people.add_member(home.workspace_id, operator.user_id, MemberRole.MEMBER)

    async def ask_both() -> None:
        _, people = await opened_people(home)
        await CustomerPeopleState.ask.fn(people, other.id)
        assert people.person["id"] == ""
        people.person = {**people.person, "id": other.id}  # as a socket might have it
        await CustomerPeopleState.set_disabled.fn(people)
        assert people.problem
        await CustomerPeopleState.ask.fn(people, operator.user_id)
        await CustomerPeopleState.set_disabled.fn(people)
        assert people.problem == "You cannot disable your own account."

    with acting_as(operator):
        asyncio.run(ask_both())
    assert accounts.sign_ins.sign_in("lea@kestrel.example", "a long password 2")


def test_a_workspace_gets_another_name(home: House, operator: Who) -> None:
    async def rename() -> None:
        page, people = await opened_people(home)
        await CustomerPeopleState.begin_rename.fn(people)
        assert people.name == page.customer["name"]
        CustomerPeopleState.write_name.fn(people, "   ")
        await CustomerPeopleState.rename.fn(people)
        assert people.name_error
        CustomerPeopleState.write_name.fn(people, "Halfmoon & Daughters")
        await CustomerPeopleState.rename.fn(people)
        assert not people.renaming

    with acting_as(operator):
        asyncio.run(rename())
    assert home.services.accounts.people.workspace(home.workspace_id).name == "Halfmoon & Daughters"
    assert ("workspace.renamed", "Halfmoon & Daughters", operator.user_id) in notes(home)


def test_a_workspace_that_nobody_belongs_to_gets_an_owner(home: House, operator: Who) -> None:
    async def invite(email: str) -> Any:
        _, people = await opened_people(home)
        CustomerPeopleState.open_invite.fn(people, True)
        CustomerPeopleState.write_invited.fn(people, "email", email)
        CustomerPeopleState.write_invited.fn(people, "name", "Noa")
        await CustomerPeopleState.invite.fn(people)
        await CustomerPeopleState.invite.fn(people)  # the second of two clicks
        return people

    with acting_as(operator):
        assert asyncio.run(invite("nobody")).errors["email"]
        assert not asyncio.run(invite(f"noa-{home.workspace_id.lower()}@example.com")).inviting
        found = [(row["name"], row["role"], row["invited"]) for row in customer_page(home).members]
    assert ("Noa", "Owner", True) in found
    assert len(found) == 2
