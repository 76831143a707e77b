"""Who may call what."""

import pytest

from tests.api.conftest import OURS, World


def test_a_key_opens_by_either_header(world: World) -> None:
    secret = world.accounts.keys.create(world.ada_workspace.id, "test", actor=world.ada.id).secret
    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"authorization": f"bearer {secret}"},
        {"x-api-key": secret},
    ):
        answer = world.client().get("/with-key", headers=headers)
        assert answer.json() == world.ada_workspace.id


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"Authorization": "Bearer fbx_unknown"}, "invalid_api_key"),
        ({"Authorization": "Bearer"}, "invalid_api_key"),
        ({"Authorization": "Basic YTpi"}, "invalid_api_key"),
        ({"x-api-key": ""}, "invalid_api_key"),
    ],
)
def test_no_key_no_entry(world: World, headers: dict[str, str], code: str) -> None:
    answer = world.client().get("/with-key", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["type"] == "authentication_error"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_key_is_refused_on_the_next_request(world: World) -> None:
    key = world.accounts.keys.create(world.ada_workspace.id, "test", actor=world.ada.id)
    client = world.client(headers={"x-api-key": key.secret})
    assert client.get("/with-key").status_code == 200
    world.accounts.keys.revoke(world.ada_workspace.id, key.info.id, actor=world.ada.id)
    assert client.get("/with-key").status_code == 401


def test_a_suspended_workspace_is_told_so(world: World) -> None:
    client = world.with_key(world.ada_workspace, world.ada)
    world.accounts.people.suspend(world.ada_workspace.id)
    answer = client.get("/with-key")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "workspace_suspended")


def test_a_session_is_not_a_key_and_a_key_is_not_a_session(world: World) -> None:
    assert world.signed_in(world.ada).get("/with-key").status_code == 401
    assert world.with_key(world.ada_workspace, world.ada).get("/with-session").status_code == 401


def test_an_ended_session_is_refused(world: World) -> None:
    client = world.signed_in(world.ada)
    assert client.get("/with-session").status_code == 200
    world.accounts.sign_ins.sign_out_everywhere(world.ada.id)
    answer = client.get("/with-session")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "session_ended")


def test_only_an_operator_is_an_operator(world: World) -> None:
    assert world.client().get("/as-operator").status_code == 401
    assert world.signed_in(world.ada).get("/as-operator").status_code == 403
    assert world.signed_in(world.root).get("/as-operator").json() == "root@example.com"


def test_a_session_posts_only_from_our_own_pages(world: World) -> None:
    client = world.signed_in(world.ada)
    assert client.post("/with-session").status_code == 403
    assert client.post("/with-session", headers=OURS).status_code == 200
