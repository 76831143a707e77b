"""The provider form: what is typed becomes a checked form, keys stay hidden, errors stand under their field."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.identity import Who
from app.catalogue import provider_access
from app.catalogue.provider_access import ProviderCard
from app.generation.health import HEALTH
from app.kernel.errors import InvalidInput
from app.ui.guard import acting_as
from app.ui.pages.admin_providers.add import AddProviderState, add_dialog
from app.ui.pages.admin_providers.form import field_of, form_of, real, values_of
from app.ui.pages.admin_providers.state import ProvidersState
from tests.support.house import House
from tests.ui.screens import operator_of
from tests.ui.tabs import event_name, new_tab

CARD = ProviderCard(
    "fal",
    "fal",
    "fal",
    "http://127.0.0.1:5000/fal",
    "cret",
    False,
    {"output_hosts": ["http://127.0.0.1:5000"]},
    True,
    True,
)


@pytest.fixture
def home(own_house: House) -> House:
    return own_house


@pytest.fixture
def operator(home: House) -> Who:
    return operator_of(home.services)


@pytest.fixture
def page(home: House, operator: Who) -> Iterator[Any]:
    """The page's state after its visit."""
    with acting_as(operator):
        state = new_tab("operator", "/admin/providers").tree.get_substate(ProvidersState.get_full_name().split("."))
        asyncio.run(ProvidersState.load.fn(state))
        yield state


def access(home: House, provider_id: str) -> provider_access.ProviderAccess:
    return provider_access.access(home.services.db, home.services.vault, provider_id)


# ---- the form, pure ----


def test_an_empty_key_keeps_the_stored_one_and_a_removed_one_goes() -> None:
    values = values_of(CARD)
    assert values["api_key"] == ""
    assert form_of(values, CARD).api_key is None
    assert form_of(values, CARD, remove_key=True).api_key == ""
    assert form_of({**values, "api_key": " new "}, CARD).api_key == "new"


def test_settings_the_form_does_not_show_are_kept() -> None:
    card = ProviderCard("fal", "fal", "fal", "https://x.example", None, False, {"other": 1}, True, False)
    assert form_of(values_of(card), card).settings == {"other": 1}


@pytest.mark.parametrize(
    ("name", "text", "fits"),
    [
        pytest.param("output_hosts", "v3.fal.media\n*.fal.media", True, id="hosts, one a line"),
        pytest.param("output_hosts", "http://127.0.0.1:5031", True, id="a whole origin"),
        pytest.param("output_hosts", "*.com", False, id="everything under com"),
        pytest.param("output_hosts", "https://a.example/b", False, id="an address with a path"),
        pytest.param("output_hosts", "a.example:80", False, id="a host with a port"),
        pytest.param("unknown_deadline_seconds", "7200", True, id="seconds"),
        pytest.param("unknown_deadline_seconds", "0", False, id="no time at all"),
        pytest.param("unknown_deadline_seconds", "2 h", False, id="another unit"),
        pytest.param("submit_timeout_seconds", "99999999", False, id="more than a week"),
    ],
)
def test_settings_are_checked(name: str, text: str, fits: bool) -> None:
    values = {**values_of(CARD), name: text}
    if fits:
        assert form_of(values, CARD).settings[name]
        return
    with pytest.raises(InvalidInput) as refused:
        form_of(values, CARD)
    assert field_of(refused.value.param) == name


def test_the_real_address_comes_with_the_settings_of_the_real_service() -> None:
    values = real(values_of(CARD), "fal")
    assert values["base_url"] == "https://queue.fal.run"
    assert values["jwks_url"].startswith("https://rest.fal.ai/")
    assert "127.0.0.1" not in "".join(values.values())


# ---- the page ----


def test_a_stored_key_is_shown_by_its_last_letters_only(home: House, page: Any) -> None:
    key = access(home, "fal").api_key
    row = next(row for row in page.rows if row["id"] == "fal")
    assert row["key"].endswith(key[-4:])
    assert key not in str(page.rows)


def test_going_live_needs_the_key_for_the_new_host(home: House, page: Any) -> None:
    asyncio.run(ProvidersState.edit.fn(page, "fal"))
    ProvidersState.use_real.fn(page)
    asyncio.run(ProvidersState.save.fn(page))
    assert page.errors["api_key"] == "The address has a new host: enter the key for it as well."
    assert access(home, "fal").is_sandbox
    ProvidersState.write.fn(page, "api_key", "key-of-the-real-service")
    asyncio.run(ProvidersState.save.fn(page))
    assert page.editing == ""
    assert page.values["api_key"] == ""
    now = access(home, "fal")
    assert (now.base_url, now.is_sandbox, now.api_key) == ("https://queue.fal.run", False, "key-of-the-real-service")


def test_a_provider_whose_key_was_repaired_may_be_tried_at_once(home: House, page: Any) -> None:
    health = home.services.desk.router.health
    asyncio.run(health.provider_down("fal", "401"))
    with home.services.db.read() as connection:
        waits = select(HEALTH.c.retry_at).where(HEALTH.c.subject == "fal")
        assert connection.execute(waits).scalar_one() > home.services.desk.clock()
    asyncio.run(ProvidersState.edit.fn(page, "fal"))
    ProvidersState.write.fn(page, "api_key", "a-better-key")
    asyncio.run(ProvidersState.save.fn(page))
    with home.services.db.read() as connection:
        assert connection.execute(waits).scalar_one() <= home.services.desk.clock()


def test_a_wrong_address_stands_under_its_field(page: Any) -> None:
    asyncio.run(ProvidersState.edit.fn(page, "kie"))
    ProvidersState.write.fn(page, "base_url", "http://api.kie.ai")
    asyncio.run(ProvidersState.save.fn(page))
    assert page.errors["base_url"]


def test_a_provider_is_switched_off_only_after_the_confirmation(home: House, page: Any) -> None:
    asyncio.run(ProvidersState.ask_switch.fn(page, "kie"))
    assert home.services.editing.provider("kie").enabled
    assert "4 models" in page.switch_words
    asyncio.run(ProvidersState.switch.fn(page))
    assert not home.services.editing.provider("kie").enabled


@pytest.mark.parametrize("asked", ["", "nobody", "fal' --", None, 7, {"id": "fal"}])
def test_a_provider_nobody_knows_opens_nothing(page: Any, asked: Any) -> None:
    asyncio.run(ProvidersState.edit.fn(page, asked))
    asyncio.run(ProvidersState.ask_switch.fn(page, asked))
    assert (page.editing, page.switching) == ("", "")


class Proxy:
    """What a background handler holds: the state, entered and left."""

    def __init__(self, state: Any) -> None:
        object.__setattr__(self, "state", state)

    async def __aenter__(self) -> "Proxy":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.state, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.state, name, value)


def test_the_provider_is_asked_and_its_sentence_shown(page: Any) -> None:
    asyncio.run(ProvidersState.check.fn(Proxy(page), "fal"))
    row = next(row for row in page.rows if row["id"] == "fal")
    assert (row["checked"], row["checking"]) == ("good", False)
    assert row["sentence"]


def test_a_provider_that_does_not_answer_is_shown_plainly(home: House, page: Any) -> None:
    asyncio.run(ProvidersState.edit.fn(page, "fal"))
    ProvidersState.write.fn(page, "base_url", "http://127.0.0.1:9/fal")
    ProvidersState.write.fn(page, "api_url", "http://127.0.0.1:9/fal")
    ProvidersState.write.fn(page, "api_key", "a-key-for-nobody")
    asyncio.run(ProvidersState.save.fn(page))
    assert page.editing == "", page.errors
    asyncio.run(ProvidersState.check.fn(Proxy(page), "fal"))
    row = next(row for row in page.rows if row["id"] == "fal")
    assert row["checked"] == "loss"
    assert "a-key-for-nobody" not in row["sentence"]


@pytest.mark.anyio
@pytest.mark.parametrize("session", ["", "owner", "member", "homeless"])
@pytest.mark.parametrize(
    "handler", [ProvidersState.save, ProvidersState.check, ProvidersState.edit, ProvidersState.switch]
)
async def test_nobody_else_can_call_them(session: str, handler: Any) -> None:
    assert await new_tab(session).send(event_name(handler)) is not None


def test_a_host_of_the_openai_kind_is_added_switched_off_and_its_form_opens(page: Any, home: House) -> None:
    tree = new_tab("operator", "/admin/providers").tree
    dialog: Any = tree.get_substate(AddProviderState.get_full_name().split("."))
    AddProviderState.open_add.fn(dialog)
    AddProviderState.set_name.fn(dialog, "Deep Infra (EU)")
    following = asyncio.run(AddProviderState.add.fn(dialog))
    made = home.services.editing.provider("deep-infra-eu")
    assert (made.name, made.kind, made.enabled, made.key_hint) == ("Deep Infra (EU)", "openai_compatible", False, None)
    assert len(following) == 2
    assert not dialog.adding
    AddProviderState.set_name.fn(dialog, "Deep Infra EU")
    assert asyncio.run(AddProviderState.add.fn(dialog)) is None
    assert "already a provider" in dialog.refused
    assert add_dialog() is not None
