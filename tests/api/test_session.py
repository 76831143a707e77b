"""Signing in and out with a browser's plain forms."""

from urllib.parse import parse_qs, urlsplit

import pytest

from app.api.session import safe_next
from tests.api.conftest import HOME, OURS, PASSWORD, World, build

GOOD = {"email": "ada@example.com", "password": PASSWORD}


def test_the_right_password_sets_a_cookie_and_goes_on(world: World) -> None:
    client = world.client()
    answer = client.post("/session", data={**GOOD, "next": "/gallery?kind=video"}, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/gallery?kind=video")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("farebox_session=", "httponly", "samesite=lax", "secure", "path=/"))
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/with-session").json() == "ada@example.com"


def test_without_tls_the_cookie_is_not_secure_or_it_would_never_come_back(world: World) -> None:
    home = "http://localhost:3000"
    world.app = build(world.accounts, world.files, home)
    client = world.client(home)
    answer = client.post("/session", data=GOOD, headers={"Origin": home})
    assert "secure" not in answer.headers["set-cookie"].lower()
    assert client.get("/with-session").json() == "ada@example.com"


@pytest.mark.parametrize(("email", "home"), [("ada@example.com", "/playground"), ("root@example.com", "/admin")])
def test_everyone_lands_where_their_work_is(world: World, email: str, home: str) -> None:
    answer = world.client().post("/session", data={"email": email, "password": PASSWORD}, headers=OURS)
    assert answer.headers["location"] == home


def test_a_wrong_password_goes_back_with_a_code_and_what_was_typed(world: World) -> None:
    form = {"email": "ada@example.com", "password": "wrong", "next": "/keys"}
    answer = world.client().post("/session", data=form, headers=OURS)
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers
    where = urlsplit(answer.headers["location"])
    assert where.path == "/login"
    assert parse_qs(where.query) == {"error": ["wrong_credentials"], "email": ["ada@example.com"], "next": ["/keys"]}


@pytest.mark.parametrize(
    ("referer", "lands_on"),
    [
        pytest.param(f"{HOME}/login?next=%2Fbalance%3Fx%3D1", "/balance?x=1", id="the page knew where to go"),
        pytest.param(f"{HOME}/login?next=https%3A%2F%2Fevil.example", "/playground", id="never to another site"),
        pytest.param(f"{HOME}/gallery?next=%2Fbalance", "/playground", id="only the sign-in page is asked"),
        pytest.param("http://[", "/playground", id="an address nobody can read"),
    ],
)
def test_a_form_sent_before_its_scripts_ran_still_goes_where_one_wanted(
    world: World, referer: str, lands_on: str
) -> None:
    answer = world.client().post("/session", data=GOOD, headers={**OURS, "Referer": referer})
    assert (answer.status_code, answer.headers["location"]) == (303, lands_on)


def test_too_many_attempts_have_their_own_code(world: World) -> None:
    client = world.client()
    for _ in range(5):
        client.post("/session", data={**GOOD, "password": "wrong"}, headers=OURS)
    answer = client.post("/session", data=GOOD, headers=OURS)
    assert "error=too_many_attempts" in answer.headers["location"]


def test_a_disabled_account_has_its_own_code(world: World) -> None:
    world.accounts.people.disable_user(world.ada.id)
    answer = world.client().post("/session", data=GOOD, headers=OURS)
    assert "error=account_disabled" in answer.headers["location"]


@pytest.mark.parametrize(
    ("wanted", "safe"),
    [
        ("/keys", True),
        ("/models?q=a%20b#top", True),
        ("", False),
        ("keys", False),
        ("//evil.example", False),
        ("///evil.example", False),
        ("/\\evil.example", False),
        ("\\\\evil.example", False),
        ("/\t/evil.example", False),
        ("/\n/evil.example", False),
        ("/%0d%0aSet-Cookie:x=y", True),
        ("/a\r\nSet-Cookie: x=y", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
        (" /keys", False),
        ("/session/end", False),
        ("/" + "x" * 3000, False),
    ],
)
def test_only_a_path_of_this_site_is_gone_on_to(wanted: str, safe: bool) -> None:
    assert (safe_next(wanted) == wanted) is safe


def test_another_site_is_not_gone_on_to(world: World) -> None:
    answer = world.client().post("/session", data={**GOOD, "next": "//evil.example"}, headers=OURS)
    assert answer.headers["location"] == "/playground"


@pytest.mark.parametrize(
    ("headers", "welcome"),
    [
        pytest.param({"Origin": HOME}, True, id="our origin"),
        pytest.param({"Origin": HOME + ":443"}, True, id="our origin, port spelled out"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True, id="no origin told, same site"),
        pytest.param({"Referer": HOME + "/login"}, True, id="an old browser"),
        pytest.param({"Origin": "https://evil.example"}, False, id="another site"),
        pytest.param({"Origin": "http://ai.example.com"}, False, id="our name without TLS"),
        pytest.param({"Origin": HOME + ":8443"}, False, id="our name at another port"),
        pytest.param({"Origin": "https://ai.example.com.evil.example"}, False, id="a name that begins like ours"),
        pytest.param({"Origin": "null"}, False, id="a sandboxed frame"),
        pytest.param({"Origin": "https://[broken"}, False, id="nonsense"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, False, id="cross-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, False, id="a sister domain"),
        pytest.param({"Sec-Fetch-Site": "same-origin", "Host": "rebound.example"}, False, id="a rebound name"),
        pytest.param({"Referer": "https://evil.example/" + HOME}, False, id="another site's referer"),
        pytest.param({}, False, id="nothing told"),
    ],
)
@pytest.mark.parametrize("path", ["/session", "/session/end", "/with-session"])
def test_a_post_must_come_from_our_own_pages(world: World, path: str, headers: dict[str, str], welcome: bool) -> None:
    client = world.signed_in(world.ada)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    answer = client.post(path, data=GOOD, headers={**headers, "Cookie": cookie})
    assert (answer.status_code != 403) is welcome
    if not welcome:
        assert answer.json()["error"]["code"] == "cross_origin"
        assert client.get("/with-session").status_code == 200


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_on_loopback_every_name_of_it_is_ours(world: World, name: str) -> None:
    world.app = build(world.accounts, world.files, "http://localhost:3000")
    answer = world.client("http://localhost:3000").post(
        "/session", data=GOOD, headers={"Origin": f"http://{name}:3000"}
    )
    assert answer.status_code == 303


def test_signing_out_ends_the_session_and_takes_the_cookie(world: World) -> None:
    client = world.client()
    client.post("/session", data=GOOD, headers=OURS)
    token = client.cookies["farebox_session"]
    answer = client.post("/session/end", headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "farebox_session" not in client.cookies
    assert world.accounts.look_up(token) is None
    assert client.post("/session/end", headers=OURS).status_code == 303


def test_a_new_sign_in_ends_the_one_before(world: World) -> None:
    client = world.client()
    client.post("/session", data=GOOD, headers=OURS)
    before = client.cookies["farebox_session"]
    client.post("/session", data=GOOD, headers=OURS)
    assert client.cookies["farebox_session"] != before
    assert world.accounts.look_up(before) is None


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(50)), "application/x-www-form-urlencoded"),
        (b"email=\xff\xfe", "application/x-www-form-urlencoded"),
    ],
    ids=["no form", "endless", "too many fields", "no text"],
)
def test_a_form_is_read_within_bounds(world: World, content: bytes, kind: str) -> None:
    answer = world.client().post("/session", content=content, headers={**OURS, "Content-Type": kind})
    assert answer.status_code == 400


def test_one_click_signs_in_where_there_is_a_demo(world: World) -> None:
    logins = {"operator": "root@example.com", "customer": "ada@example.com"}
    world.app = build(world.accounts, world.files, HOME, lambda: logins)
    for role, email, home in (
        ("operator", "root@example.com", "/admin"),
        ("customer", "ada@example.com", "/playground"),
    ):
        client = world.client()
        answer = client.post("/session/demo", data={"role": role}, headers=OURS)
        assert answer.headers["location"] == home
        assert client.get("/with-session").json() == email
    assert world.client().post("/session/demo", data={"role": "god"}, headers=OURS).status_code == 400
    assert world.client().post("/session/demo", data={"role": "operator"}).status_code == 403


def test_there_is_no_one_click_anywhere_else(world: World) -> None:
    answer = world.client().post("/session/demo", data={"role": "operator"}, headers=OURS)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_demo")
