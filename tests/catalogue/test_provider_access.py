"""Provider accounts: keys go in and never come out, and travel only to addresses they were entered for."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from app.catalogue.editing import Editing
from app.catalogue.provider_access import ProviderForm, access, checked_base_url
from app.catalogue.provider_kinds import KINDS
from app.catalogue.tables import ProviderRow
from app.kernel.errors import InvalidInput, NotFound
from tests.catalogue.conftest import ACTOR, Shop

KEY = "key-0123456789"
FORM = ProviderForm("fal", "https://queue.fal.run")


@pytest.mark.parametrize(
    ("url", "sandbox", "answer"),
    [
        pytest.param("https://api.example.com/v1/", False, "https://api.example.com/v1", id="https, slash cut off"),
        pytest.param(" https://api.example.com:8443 ", False, "https://api.example.com:8443", id="a port of its own"),
        pytest.param("http://127.0.0.1:4010/fal", True, "http://127.0.0.1:4010/fal", id="the sandbox"),
        pytest.param("http://localhost:4010", True, "http://localhost:4010", id="the sandbox by name"),
        pytest.param("http://[::1]:4010", True, "http://[::1]:4010", id="the sandbox on IPv6"),
        pytest.param("http://127.0.0.1:4010", False, None, id="loopback outside the demo"),
        pytest.param("http://api.example.com", True, None, id="plain http elsewhere"),
        pytest.param("http://127.0.0.1.example.com", True, None, id="a name that looks like loopback"),
        pytest.param("https://user:secret@api.example.com", False, None, id="a password in the address"),
        pytest.param("https://api.example.com?key=1", False, None, id="a query"),
        pytest.param("https://", False, None, id="no host"),
        pytest.param("ftp://api.example.com", False, None, id="another scheme"),
        pytest.param("https://api.example.com:port", False, None, id="a port that is no number"),
        pytest.param("https://[::1", False, None, id="half an address"),
    ],
)
def test_an_address_is_https_or_the_sandbox(url: str, sandbox: bool, answer: str | None):
    if answer is not None:
        assert checked_base_url(url, allow_sandbox=sandbox) == answer
        return
    with pytest.raises(InvalidInput):
        checked_base_url(url, allow_sandbox=sandbox)


def test_a_key_is_sealed_and_only_its_end_is_shown(shop: Shop):
    assert shop.editing.provider("fal").key_hint == "6789"
    assert access(shop.db, shop.vault, "fal").api_key == KEY
    with shop.db.reading() as session:
        stored = session.exec(select(ProviderRow)).one()
    assert stored.api_key_sealed is not None
    assert KEY not in stored.api_key_sealed
    assert KEY not in repr(access(shop.db, shop.vault, "fal"))
    assert KEY not in repr(replace(FORM, api_key=KEY))
    assert not any(KEY in detail for _, detail in shop.audit())


@pytest.mark.one_engine
def test_a_short_key_is_not_half_given_away(editing: Editing):
    editing.save_provider("fal", replace(FORM, api_key="short"), ACTOR)
    assert editing.provider("fal").key_hint == "set"


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param(None, KEY, id="None keeps it"),
        pytest.param("key-9876543210", "key-9876543210", id="another replaces it"),
    ],
)
def test_saving_a_key(editing: Editing, given: str | None, kept: str):
    editing.save_provider("fal", replace(FORM, api_key=given, callback_secret="whsec_c2VjcmV0"), ACTOR)
    found = access(editing.db, editing.vault, "fal")
    assert (found.api_key, found.callback_secret) == (kept, "whsec_c2VjcmV0")


@pytest.mark.one_engine
def test_an_empty_key_removes_it(editing: Editing):
    editing.save_provider("fal", replace(FORM, api_key=" "), ACTOR)
    assert editing.provider("fal").key_hint is None
    with pytest.raises(InvalidInput) as refused:
        access(editing.db, editing.vault, "fal")
    assert refused.value.stable_code == "provider_without_key"


@pytest.mark.one_engine
@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel-0123"])
def test_a_key_that_was_pasted_wrong_is_refused(editing: Editing, key: str):
    with pytest.raises(InvalidInput, match="pasted"):
        editing.save_provider("fal", replace(FORM, api_key=key), ACTOR)


@pytest.mark.one_engine
def test_a_stored_key_is_not_sent_to_a_new_host(editing: Editing):
    moved = replace(FORM, base_url="https://elsewhere.example.com")
    with pytest.raises(InvalidInput, match="enter the key"):
        editing.save_provider("fal", moved, ACTOR)
    editing.save_provider("fal", replace(FORM, base_url="https://queue.fal.run/v2"), ACTOR)  # same host
    editing.save_provider("fal", replace(moved, api_key="its-own-key-1234"), ACTOR)
    assert access(editing.db, editing.vault, "fal").base_url == "https://elsewhere.example.com"


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"jwks_url": "http://rest.fal.ai/jwks.json"}, id="plain http"),
        pytest.param({"jwks_url": "http://127.0.0.1:9/jwks.json"}, id="loopback beside a real base address"),
    ],
)
def test_addresses_among_the_settings_are_checked_too(editing: Editing, settings: dict[str, Any]):
    with pytest.raises(InvalidInput) as refused:
        editing.save_provider("fal", replace(FORM, settings=settings), ACTOR)
    assert refused.value.param == "settings.jwks_url"


def test_settings_are_kept_unless_given(editing: Editing):
    editing.save_provider("fal", FORM, ACTOR)
    assert editing.provider("fal").settings == KINDS["fal"].settings
    mine = {"output_hosts": ["files.example.com"], "jwks_url": "https://keys.example.com/jwks.json"}
    editing.save_provider("fal", replace(FORM, settings=mine), ACTOR)
    assert editing.provider("fal").settings == mine


@pytest.mark.one_engine
def test_a_real_key_and_address_is_all_it_takes_to_leave_the_sandbox(editing: Editing):
    demo = replace(editing, allow_sandbox=True)
    sandbox = {"output_hosts": ["http://127.0.0.1:4010"], "jwks_url": "http://127.0.0.1:4010/fal/jwks.json"}
    demo.save_provider(
        "fal", ProviderForm("fal", "http://127.0.0.1:4010/fal", api_key="sandbox-key-1", settings=sandbox), ACTOR
    )
    assert editing.provider("fal").is_sandbox
    editing.save_provider("fal", replace(FORM, api_key=KEY), ACTOR)
    card = editing.provider("fal")
    assert (card.is_sandbox, card.base_url, card.settings) == (False, FORM.base_url, KINDS["fal"].settings)


def test_the_audit_says_what_changed_without_the_secrets(shop: Shop):
    form = ProviderForm("Fal", "https://queue.fal.run/v2", api_key="key-9876543210", callback_secret="s", enabled=False)
    shop.editing.save_provider("fal", form, ACTOR)
    assert shop.audit()[-1] == (
        "provider.saved",
        "address https://queue.fal.run → https://queue.fal.run/v2, key replaced, callback secret replaced, disabled, "
        "name Fal",
    )


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("provider_id", "kind"),
    [("fal", "fal"), ("Fal 2", "fal"), ("", "fal"), ("acme", "acme")],
    ids=["already there", "no id", "empty", "no adapter"],
)
def test_adding_a_provider_refuses(editing: Editing, provider_id: str, kind: str):
    with pytest.raises(InvalidInput):
        editing.add_provider(provider_id, kind, ACTOR)


@pytest.mark.one_engine
def test_an_added_provider_waits_for_its_key(editing: Editing):
    editing.add_provider("fal-eu", "fal", ACTOR)
    card = editing.provider("fal-eu")
    assert (card.enabled, card.key_hint, card.base_url) == (False, None, "https://queue.fal.run")
    assert [card.provider_id for card in editing.providers()] == ["fal", "fal-eu"]
    with pytest.raises(NotFound):
        editing.provider("nobody")
