"""A browser changes a password, chooses one by a link, and asks for such a link."""

import pytest

from app.accounts.links import FORGOTTEN_FOR
from app.accounts.tables import User
from tests.api.conftest import OURS, PASSWORD, World

NEW = "a password never used before"


def test_a_changed_password_keeps_this_browser_and_ends_the_others(world: World) -> None:
    here, elsewhere = world.signed_in(world.ada), world.signed_in(world.ada)
    before = here.cookies["farebox_session"]
    answer = here.post("/session/password", data={"current": PASSWORD, "password": NEW}, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/password?done=1")
    assert here.cookies["farebox_session"] != before
    assert [one.get("/with-session").status_code for one in (here, elsewhere)] == [200, 401]
    answer = elsewhere.post("/session/password", data={"current": NEW, "password": PASSWORD}, headers=OURS)
    assert answer.headers["location"].startswith("/login?error=session_ended")


@pytest.mark.parametrize(
    ("current", "password", "code"),
    [("wrong", NEW, "wrong_credentials"), (PASSWORD, "short", "password_too_short"), ("", "", "wrong_credentials")],
)
def test_a_refused_change_says_why_and_changes_nothing(world: World, current: str, password: str, code: str) -> None:
    client = world.signed_in(world.ada)
    answer = client.post("/session/password", data={"current": current, "password": password}, headers=OURS)
    assert answer.headers["location"] == f"/password?error={code}"
    assert world.accounts.sign_ins.sign_in(world.ada.email, PASSWORD)


def test_the_present_password_cannot_be_tried_without_end(world: World) -> None:
    client = world.signed_in(world.ada)
    for _ in range(5):
        client.post("/session/password", data={"current": "wrong", "password": NEW}, headers=OURS)
    answer = client.post("/session/password", data={"current": PASSWORD, "password": NEW}, headers=OURS)
    assert answer.headers["location"] == "/password?error=too_many_attempts"


def test_a_link_signs_in_once(world: World) -> None:
    with world.accounts.people._db.reading() as session:
        user = session.get_one(User, world.ada.id)
    link = world.accounts.links.make(user, FORGOTTEN_FOR)[0].partition("link=")[2]
    client = world.client()
    form = {"link": link, "password": "short"}
    answer = client.post("/session/choose-password", data=form, headers=OURS)
    assert answer.headers["location"] == f"/choose-password?link={link}&error=password_too_short"
    answer = client.post("/session/choose-password", data={**form, "password": NEW}, headers=OURS)
    assert (answer.headers["location"], client.get("/with-session").json()) == ("/playground", world.ada.email)
    answer = world.client().post("/session/choose-password", data={**form, "password": NEW}, headers=OURS)
    assert answer.headers["location"].endswith("error=link_ended")


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_asking_for_a_link_says_the_same_to_everybody(world: World, email: str) -> None:
    answer = world.client().post("/session/forgot-password", data={"email": email}, headers=OURS)
    assert answer.headers["location"] == "/forgot-password?done=1"


@pytest.mark.parametrize("path", ["/session/password", "/session/choose-password", "/session/forgot-password"])
def test_another_site_changes_no_password(world: World, path: str) -> None:
    form = {"current": PASSWORD, "password": NEW, "email": world.ada.email, "link": ""}
    answer = world.signed_in(world.ada).post(path, data=form, headers={"Origin": "https://evil.example"})
    assert answer.json()["error"]["code"] == "cross_origin"
    assert world.accounts.sign_ins.sign_in(world.ada.email, PASSWORD)
