"""What stands before the static files."""

import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.ui.front import Front
from app.ui.guard import SESSION_COOKIE

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def echo(request):
    return PlainTextResponse(request.url.path, status_code=404 if "missing" in request.url.path else 200)


@pytest.fixture
def client(tmp_path):
    for page in ("login", "admin/models"):
        (tmp_path / page).mkdir(parents=True)
        (tmp_path / page / "index.html").touch()
    (tmp_path / "index.html").touch()
    inner = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
    front = Front(inner, built=tmp_path, is_private=lambda path: path.startswith("/admin"))
    return TestClient(front, follow_redirects=False, cookies={})


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        pytest.param("/login", "/login/", id="a page of the bundle is found without its slash"),
        pytest.param("/login/", "/login/", id="with the slash nothing changes"),
        pytest.param("/", "/", id="nor for the start page"),
        pytest.param("/v1/models", "/v1/models", id="nor for the API"),
        pytest.param("/logs/gen_1", "/logs/gen_1", id="nor for an address that varies"),
        pytest.param("/../etc", "/etc", id="nor for an address that climbs"),
    ],
)
def test_a_page_has_no_trailing_slash(client, asked, served):
    answer = client.get(asked)
    assert answer.status_code == 200
    assert answer.text == served


def test_a_private_page_without_a_session_leads_to_sign_in_and_back(client):
    answer = client.get("/admin/models?x=1&y=a b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fadmin%2Fmodels%3Fx%3D1%26y%3Da%2520b"


def test_a_private_page_with_a_session_is_served(client):
    client.cookies.set(SESSION_COOKIE, "anything")  # whether it is any good, the guard decides
    assert client.get("/admin/models").text == "/admin/models/"


def test_posts_pass_untouched(client):
    assert client.post("/login").text == "/login"


def test_named_files_are_kept_for_ever_and_pages_are_asked_for_again(client):
    assert "immutable" in client.get("/assets/a-1x2y.js").headers["cache-control"]
    assert client.get("/assets/missing.js").headers["cache-control"] == "no-cache"
    assert client.get("/login").headers["cache-control"] == "no-cache"
    assert "cache-control" not in client.get("/v1/models").headers


def test_pages_cannot_be_framed(client):
    headers = client.get("/login").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("path", "vary"),
    [
        pytest.param("/v1/models", "Origin", id="the API"),
        pytest.param("/files/one", "Cookie, Origin", id="what varies by more"),
    ],
)
def test_rules_for_other_origins_inside_and_around_are_told_once(tmp_path, method, path, vary):
    async def answer(request):
        return PlainTextResponse("", headers={"Vary": "Cookie"} if "files" in request.url.path else {})

    rules = {"allow_origins": ["https://shop.example"], "allow_credentials": True}
    inside = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    inside.add_middleware(CORSMiddleware, **rules)
    around = Starlette()
    around.mount("", Front(inside, built=tmp_path, is_private=lambda _: False))
    around.add_middleware(CORSMiddleware, **rules)

    said = TestClient(around).request(method, path, headers={"Origin": "https://shop.example"}).headers

    assert said.get_list("vary") == [vary]
    assert said.get_list("access-control-allow-origin") == ["https://shop.example"]


def test_without_a_bundle_nothing_is_rewritten(tmp_path):
    inner = Starlette(routes=[Route("/{path:path}", echo)])
    front = Front(inner, built=tmp_path / "nowhere", is_private=lambda path: False)
    assert TestClient(front).get("/login").text == "/login"
