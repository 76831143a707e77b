"""API keys: made and shown once, renamed, revoked, and only by an owner of their workspace."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app.kernel.clock import now
from app.ui.guard import required_role
from app.ui.pages.keys.limits_state import KeyLimitsState, KeyRotationState
from app.ui.pages.keys.rows import curl_example, key_row
from app.ui.pages.keys.state import KeyOwnerState, KeysState
from app.ui.roles import Role
from tests.support.house import House
from tests.ui.screens import Screen, stranger
from tests.ui.tabs import event_name

pytestmark = pytest.mark.anyio


async def owners(screen: Screen) -> KeyOwnerState:
    found: KeyOwnerState = await screen.tab.tree.get_state(KeyOwnerState)
    return found


async def make(screen: Screen, name: str) -> KeyOwnerState:
    dialog = await owners(screen)
    await screen.act(dialog.open_create(True))
    await screen.act(dialog.write_name(name))
    await screen.act(dialog.create_key())
    return dialog


async def test_a_new_key_is_shown_once_and_works(screen: Screen, home: House) -> None:
    page = await screen.open(KeysState, "/keys")
    assert not page.has_any

    dialog = await make(screen, "  web-prod ")

    secret = dialog.secret
    holder = home.services.accounts.keys.look_up(secret)
    assert holder is not None
    assert holder.workspace_id == home.workspace_id
    assert secret in dialog.example
    (row,) = page.rows
    assert (row["name"], row["hint"], row["created_by"], row["word"]) == (
        "web-prod",
        f"fbx_…{secret[-4:]}",
        "Mara",
        "Never used",
    )
    await screen.act(dialog.open_create(False))
    assert secret not in json.dumps([dialog.dict(), page.dict()], default=str)


async def test_pressing_twice_makes_one_key(screen: Screen) -> None:
    page = await screen.open(KeysState, "/keys")
    dialog = await make(screen, "web-prod")
    await screen.act(dialog.create_key())
    assert len(page.rows) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "two\x07bells"])
async def test_a_name_that_is_none_is_refused_where_it_was_typed(screen: Screen, name: str) -> None:
    page = await screen.open(KeysState, "/keys")
    dialog = await make(screen, name)
    assert dialog.error.startswith("A key's name")
    assert dialog.secret == ""
    assert dialog.creating
    assert page.rows == []


async def test_a_key_is_renamed(screen: Screen) -> None:
    page = await screen.open(KeysState, "/keys")
    dialog = await make(screen, "web-prod")
    await screen.act(dialog.open_rename(page.rows[0]["id"]))
    assert dialog.name == "web-prod"
    await screen.act(dialog.write_name(""))
    await screen.act(dialog.rename_key())
    assert dialog.error
    await screen.act(dialog.write_name("web-staging"))
    await screen.act(dialog.rename_key())
    assert (page.rows[0]["name"], dialog.renaming) == ("web-staging", "")


async def test_a_revoked_key_stops_working_and_leaves_the_list(screen: Screen, home: House) -> None:
    page = await screen.open(KeysState, "/keys")
    dialog = await make(screen, "web-prod")
    secret, key_id = dialog.secret, page.rows[0]["id"]
    await screen.act(dialog.open_create(False))
    await screen.act(dialog.revoke_key())  # nothing was asked yet
    assert home.services.accounts.keys.look_up(secret) is not None

    await screen.act(dialog.open_revoke(key_id))
    assert dialog.subject == "web-prod"
    await screen.act(dialog.revoke_key())

    assert home.services.accounts.keys.look_up(secret) is None
    assert (page.rows, page.has_revoked, page.has_any, page.in_use) == ([], True, True, "0 in use")
    await screen.act(page.choose_revoked(True))
    assert [row["word"] for row in page.rows] == ["Revoked"]


async def test_closing_a_dialog_changes_nothing(screen: Screen, home: House) -> None:
    page = await screen.open(KeysState, "/keys")
    dialog = await make(screen, "web-prod")
    key_id = page.rows[0]["id"]
    for opened, closed, act in (
        ("open_revoke", "close_revoke", "revoke_key"),
        ("open_rename", "close_rename", "rename_key"),
    ):
        await screen.act(getattr(dialog, opened)(key_id))
        await screen.act(getattr(dialog, closed)(False))
        await screen.act(getattr(dialog, act)())
    assert [(row["name"], row["word"]) for row in page.rows] == [("web-prod", "Never used")]


async def test_another_workspaces_key_cannot_be_touched(screen: Screen, home: House) -> None:
    page = await screen.open(KeysState, "/keys")
    dialog = await make(screen, "web-prod")
    secret, key_id = dialog.secret, page.rows[0]["id"]

    theirs = Screen(home, stranger(home.newcomer().workspace_id))
    their_page = await theirs.open(KeysState, "/keys")
    their_dialog = await owners(theirs)
    assert their_page.rows == []
    for wanted in (key_id, "key_0", ["key"], None):
        await theirs.act(their_dialog.open_revoke(wanted))
        await theirs.act(their_dialog.open_rename(wanted))
        assert (their_dialog.revoking, their_dialog.renaming) == ("", "")
    their_dialog.revoking = key_id  # as if a socket had got past the first step
    await theirs.act(their_dialog.revoke_key())
    assert home.services.accounts.keys.look_up(secret) is not None


async def test_a_member_looks_and_cannot_touch(screen: Screen) -> None:
    await screen.open(KeysState, "/keys")
    await make(screen, "web-prod")
    member = screen.as_member()
    page = await member.open(KeysState, "/keys")
    assert not page.may_manage
    assert [row["name"] for row in page.rows] == ["web-prod"]
    acts = [name for name in KeyOwnerState.event_handlers if not name.startswith("set")]
    assert {"create_key", "rename_key", "revoke_key"} <= set(acts)
    for name in ("create_key", "rename_key", "revoke_key", "open_create", "open_rename", "open_revoke"):
        assert required_role(event_name(KeyOwnerState.event_handlers[name])) is Role.OWNER


def test_the_last_use_is_told_in_one_unit(screen: Screen, home: House) -> None:
    made = home.services.accounts.keys.create(home.workspace_id, "k", actor=screen.person.user_id).info
    moment = now()
    for ago, words in ((timedelta(seconds=30), "just now"), (timedelta(hours=3), "3 h ago"), (None, "never")):
        used = None if ago is None else moment - ago
        assert key_row(replace(made, last_used_at=used), {}, moment)["used"] == words


def test_the_example_asks_for_a_price_and_can_be_pasted() -> None:
    example = curl_example("https://ai.example.com", "fbx_secret", "flux-schnell")
    assert "dryRun=true" in example
    body = example.partition("-d '")[2].rstrip("'")
    assert json.loads(body)["model"] == "flux-schnell"


# --- limits and rotation


async def limits_of(screen: Screen) -> KeyLimitsState:
    found: KeyLimitsState = await screen.tab.tree.get_state(KeyLimitsState)
    return found


async def test_a_key_is_limited_and_says_so(screen: Screen, home: House) -> None:
    page = await screen.open(KeysState, "/keys")
    made = await make(screen, "web-prod")
    secret, key_id = made.secret, page.rows[0]["id"]
    await screen.act(made.open_create(False))
    dialog = await limits_of(screen)
    await screen.act(dialog.open_limits(key_id))
    await screen.act(dialog.write("requests_per_minute", "6o"))
    await screen.act(dialog.save())
    assert dialog.errors["requests_per_minute"].startswith("A limit is a number")

    await screen.act(dialog.write("requests_per_minute", "60"))
    await screen.act(dialog.write("credits_per_month_micros", "5,000"))
    await screen.act(dialog.choose_alert("80"))
    await screen.act(dialog.choose_payloads(True))
    await screen.act(dialog.write_expiry("2090-12-31"))
    await screen.act(dialog.save())

    assert dialog.editing == ""
    row = page.rows[0]
    assert (row["limits"], row["budget"]) == ("60 requests/min · 5,000 cr/month", " of 5,000")
    assert row["ends"] == "until 31 Dec 2090"
    kept = home.services.accounts.allowances.of(home.workspace_id, key_id).key
    assert (kept.credits_per_month_micros, kept.alert_percent) == (5_000_000_000, 80)
    holder = home.services.accounts.keys.look_up(secret)
    assert holder is not None
    assert holder.keeps_payloads


async def test_what_would_refuse_requests_at_once_is_asked_about_first(screen: Screen, home: House) -> None:
    page = await screen.open(KeysState, "/keys")
    await make(screen, "web-prod")
    key_id = page.rows[0]["id"]
    dialog = await limits_of(screen)
    await screen.act(dialog.open_limits(key_id))
    await screen.act(dialog.choose_every(False))
    for choice in dialog.models[1:]:
        await screen.act(dialog.choose_model(choice["id"], False))
    await screen.act(dialog.save())

    book = home.services.accounts.allowances
    assert dialog.warning.startswith("Requests for any other than these 1 models")
    assert book.of(home.workspace_id, key_id).key.allowed_models is None
    await screen.act(dialog.save())
    assert book.of(home.workspace_id, key_id).key.allowed_models == frozenset({dialog.models[0]["id"]})


async def test_a_new_secret_beside_the_old(screen: Screen, home: House) -> None:
    page = await screen.open(KeysState, "/keys")
    old = (await make(screen, "web-prod")).secret
    dialog: KeyRotationState = await screen.tab.tree.get_state(KeyRotationState)
    await screen.act(dialog.open_rotate(page.rows[0]["id"]))
    await screen.act(dialog.choose_grace("for ever"))
    await screen.act(dialog.choose_grace("hour"))
    await screen.act(dialog.rotate())

    new, keys = dialog.secret, home.services.accounts.keys
    assert new != old
    assert keys.look_up(new) == keys.look_up(old)
    assert page.rows[0]["ends"].startswith("old secret until")
    await screen.act(dialog.close_rotate(False))
    assert new not in json.dumps([dialog.dict(), page.dict()], default=str)


async def test_another_workspaces_key_is_not_limited(screen: Screen, home: House) -> None:
    other = home.newcomer()
    owner = home.services.accounts.people.members(other.workspace_id)[0].user_id
    theirs = home.services.accounts.keys.create(other.workspace_id, "theirs", actor=owner).info.id
    await screen.open(KeysState, "/keys")
    dialog = await limits_of(screen)
    await screen.act(dialog.open_limits(theirs))
    assert dialog.editing == ""
    dialog.editing = theirs  # as a forged socket would have it
    await screen.act(dialog.write("requests_per_minute", "1"))
    await screen.act(dialog.save())
    assert home.services.accounts.allowances.of(other.workspace_id, theirs).key.requests_per_minute is None
