"""What attackers try at every door: a clean refusal, and not a word about anybody else.

The doors come from the API's own description, so a route that is added is attacked as well.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from app.api.billing.assemble import PREFIX, build_billing
from app.plans.keys import BillingKeys
from tests.security.conftest import World
from tests.security.routes import Door, doors
from tests.support.effort import sweep

JSON = {"Content-Type": "application/json"}
#: Where `model` is no secret and every customer may read the same.
PUBLIC = "/v1/models"
READS_NO_BODY = ("/v1/webhooks/secret",)
QUERIES = ("limit=-1", "limit=1e9", "before=%00", "before='--", "status=%27", "dryRun=maybe")
MORE = ("model=%00", "modality[]=x", "created_after=99999999999999", "format=%0d%0a", "x=" * 3_000)
LEAKS = ("Traceback", "sqlalchemy", "/home/", 'File "', "SELECT ")


@pytest.fixture(scope="module")
def every(world: World) -> list[Door]:
    found = doors(world.api)
    assert {door.path for door in found} >= {"/v1/generations", "/v1/webhooks/{endpoint_id}", "/files/{file_id}"}
    return found


def refused(answer: Any, *statuses: int) -> None:
    """A clean refusal: one of these statuses, in the API's own shape, without a word from inside."""
    where = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code in statuses, where
    said = answer.json()
    assert said["error"]["message"], where
    assert not [leak for leak in LEAKS if leak in answer.text], where


def no_fault(answer: Any, world: World) -> None:
    """Whatever it is, it is not our fault, and nobody else's business is in it."""
    where = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, where
    assert not [leak for leak in (*LEAKS, *world.victim.secrets) if leak in answer.text], where


@pytest.mark.parametrize("key", [None, "", "fbx_unknown", "revoked", "fbx_" + "x" * 5_000, "'; DROP TABLE api_key;--"])
def test_without_a_key_that_is_good_nothing_opens(world: World, every: list[Door], key: str | None) -> None:
    client = world.client(revoked(world) if key == "revoked" else key)
    for door in every:
        refused(client.request(door.method, door.at("x"), content=b"{}" if door.takes_body else None), 401)


def revoked(world: World) -> str:
    keys = world.home.services.accounts.keys
    actor = world.home.services.accounts.people.members(world.home.workspace_id)[0].user_id
    made = keys.create(world.home.workspace_id, "old", actor=actor)
    assert world.client(made.secret).get("/v1/balance").status_code == 200
    keys.revoke(world.home.workspace_id, made.info.id, actor=actor)
    return made.secret


def test_somebody_elses_ids_are_as_unknown_as_ids_that_never_were(world: World, every: list[Door]) -> None:
    client = world.client(world.key)
    for door in every:
        if not door.is_about_one or door.path.startswith(PUBLIC):
            continue
        for foreign in world.victim.ids.values():
            answer = client.request(door.method, door.at(foreign), json={} if door.takes_body else None)
            no_fault(answer, world)
            nobody = client.request(door.method, door.at(unknown(foreign)), json={} if door.takes_body else None)
            assert answer.status_code == nobody.status_code, (door, foreign, answer.text, nobody.text)
            if "payloads" not in door.path:  # deleting what is not there is fine
                refused(answer, 400, 404)
    survived(world)


def unknown(foreign: str) -> str:
    """An id of the same kind that nobody has."""
    return f"{foreign.partition('_')[0]}_{'0' * 26}"


def survived(world: World) -> None:
    """Bob's things are where they were."""
    ids, services = world.victim.ids, world.home.services
    assert services.files.open(ids["upload"])
    assert services.files.open(ids["output"])
    assert world.home.seen(ids["generation"]).status == "completed"


@pytest.mark.parametrize("name", ["image_url", "image_urls"])
def test_somebody_elses_file_is_no_input(world: World, name: str) -> None:
    foreign = world.victim.ids["upload"]
    given = {"prompt": "x", name: [foreign] if name.endswith("s") else foreign}
    for alias in [offer.alias for offer in world.home.services.offers.list() if offer.schema.get(name)]:
        answer = world.client(world.key).post("/v1/generations", json={"model": alias, "input": given})
        refused(answer, 400)
        assert f"there is no file {foreign}" in answer.text or "prompt" in answer.text, answer.text


@pytest.mark.parametrize(
    "value",
    [
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "....//....//etc/passwd",
        "..%5c..%5cwindows%5cwin.ini",
        "%00",
        "x%00.png",
        "%0d%0aSet-Cookie:%20a=b",
        "%ff%fe",
        "file:///etc/passwd",
        "x" * 8_000,
        "%25s%25n",
        "{{7*7}}",
        "' OR 1=1 --",
    ],
)
def test_a_path_that_leads_elsewhere_leads_nowhere(world: World, every: list[Door], value: str) -> None:
    client = world.client(world.key)
    for door in every:
        if not door.is_about_one:
            continue
        answer = client.request(door.method, door.at(value), json={} if door.takes_body else None)
        no_fault(answer, world)
        assert "root:" not in answer.text
        assert "set-cookie" not in answer.headers
        assert 400 <= answer.status_code < 500 or "payloads" in door.path, (door, value, answer.text)


def test_an_address_that_no_database_can_keep_is_refused_before_it_is_looked_up(
    world: World, every: list[Door]
) -> None:
    """PostgreSQL fails at a NUL where SQLite finds nothing."""
    client = world.client(world.key)
    for door in every:
        body = {} if door.takes_body else None
        if door.is_about_one:
            assert client.request(door.method, door.at("x%00"), json=body).status_code == 404, door
        elif door.method == "GET":
            assert client.get(f"{door.path}?after=%00").status_code == 400, door


def endless() -> Iterator[bytes]:
    """More than any door takes, and no length beforehand."""
    yield b'{"model": "'
    for _ in range(25 * 16):
        yield b"x" * 65_536


@pytest.mark.parametrize("told", ["the truth", "nothing"])
def test_a_body_that_is_too_large_is_broken_off(world: World, every: list[Door], told: str) -> None:
    client = world.client(world.key)
    for door in every:
        if not door.takes_body or door.path in READS_NO_BODY:
            continue
        honest = {"Content-Length": str(10**13)} if told == "the truth" else {}
        body: Any = b"{" if honest else endless()
        answer = client.request(door.method, door.at("x"), content=body, headers=JSON | honest)
        no_fault(answer, world)
        assert 400 <= answer.status_code < 500, (door, answer.text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"model": {"$ne": null}}',
        b'{"model": "flux-schnell", "input": {"prompt": {"a": [1]}}}',
        b'{"url": ["https://example.com"], "model": 1e400, "messages": {}, "input": null}',
        b"[" * 50_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    ],
    ids=range(11),
)
@pytest.mark.parametrize(
    "kind", sweep(["application/json", "multipart/form-data; boundary=x", "text/plain", ""], "application/json", "")
)
def test_a_body_that_makes_no_sense_is_refused(world: World, every: list[Door], body: bytes, kind: str) -> None:
    client = world.client(world.key)
    for door in every:
        if door.takes_body:
            headers = {"Content-Type": kind} if kind else {}
            no_fault(client.request(door.method, door.at("x"), content=body, headers=headers), world)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Idempotency-Key", "a" * 100_000),
        ("Idempotency-Key", "\u00ff\u00fe"),
        ("Content-Length", "\u00b2"),
        ("Content-Length", "9" * 5_000),
        ("Content-Type", "multipart/form-data"),
        ("Content-Type", "application/json; charset=utf-7"),
        ("Content-Encoding", "gzip"),
        ("Range", "bytes=0-99999999999999999999,1-,-1"),
        ("If-None-Match", '"' * 5_000),
        ("Host", "evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Cookie", "farebox_session=" + "x" * 5_000),
        ("Origin", "https://evil.example"),
        ("anthropic-version", "\u00e9"),
    ],
)
def test_a_header_that_is_made_up_does_no_harm(world: World, every: list[Door], name: str, value: str) -> None:
    client = world.client(world.key)
    for door in every:
        headers = [(name.encode(), value.encode("latin-1"))]
        answer = client.request(door.method, door.at("x"), content=b"{}" if door.takes_body else None, headers=headers)
        no_fault(answer, world)
        assert "evil.example" not in answer.text + str(answer.headers), door


@pytest.mark.parametrize(
    ("query", "more"), sweep(itertools.product(QUERIES, MORE), *zip(QUERIES, itertools.cycle(MORE), strict=False))
)
def test_a_query_that_makes_no_sense_does_no_harm(world: World, every: list[Door], query: str, more: str) -> None:
    client = world.client(world.key)
    for door in every:
        if door.method == "GET":
            no_fault(client.get(f"{door.at('x')}?{query}&{more}"), world)


# --- the billing API: an application of its own, with keys of its own

BILLING_BODIES = (
    b"[]",
    b'{"customer_id": {"$ne": null}, "items": {}, "limit": 1e400, "filters": "x", "sort": [[]], "metadata": 7}',
    b'{"customer_id": ["x"], "name": 1, "type": [], "events": [null], "amount": "1e999999999", "line_items": ["x"],'
    b' "id": "\\u0000", "start_time": 5, "currency": {}, "subscription_id": 9, "plan_id": false, "expand": [1]}',
)  # fmt: skip
BILLING_QUERIES = ("limit=-1&offset=1e9&start_time=%00", "limit=%27&order=up&expand=%3Cx%3E&sort=id;--")


@pytest.fixture(scope="module")
def billing_doors(world: World) -> list[Door]:
    found = doors(build_billing(world.home.services))
    assert {door.path for door in found} >= {"/customers", "/invoices/{invoice_id}", "/wallets/{wallet_id}/top-up"}
    return [door._replace(path=PREFIX + door.path) for door in found]


def sound(answer: Any, *statuses: int) -> None:
    """Not our fault, nothing from inside in it, and in the shape that billing clients read."""
    where = f"{answer.request.method} {str(answer.request.url)[:300]}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code in statuses if statuses else answer.status_code < 500, where
    assert not [leak for leak in LEAKS if leak in answer.text], where
    if answer.status_code >= 400:
        assert set(answer.json()) == {"code", "message", "http_status_code", "details"}, where


def test_without_a_key_of_billing_nothing_opens(world: World, billing_doors: list[Door]) -> None:
    for told in ({"x-api-key": world.key}, {"Authorization": f"Bearer {world.key}"}):
        client = world.client(**told)
        for door in billing_doors:
            sound(client.request(door.method, door.at("x"), content=b"{}" if door.takes_body else None), 401)


def test_what_makes_no_sense_to_billing_is_refused(world: World, billing_doors: list[Door]) -> None:
    services = world.home.services
    made = BillingKeys(services.db, services.desk.clock).issue("attacker", actor="test")
    client = world.client(**{"x-api-key": made.secret})
    for door in billing_doors:
        for body in BILLING_BODIES if door.takes_body else ():
            sound(client.request(door.method, door.at("x"), content=body))
        for path in ("x%00", "..%2f..%2fetc%2fpasswd") if door.is_about_one else ():
            sound(client.request(door.method, door.at(path), json={} if door.takes_body else None))
        for query in BILLING_QUERIES if door.method == "GET" else ():
            sound(client.get(f"{door.at('x')}?{query}"))
