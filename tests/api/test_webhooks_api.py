"""`/v1/webhooks`: what the page of that name does, for keys that may, and for their own workspace only."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api.assemble import build_api
from app.kernel import events
from tests.support.house import House, house, settings_for

URL = "https://hooks.example.com/farebox"


@pytest.fixture(scope="module")
def home(seeded_sqlite: Any, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    shutil.copyfile(seeded_sqlite, folder / "house.sqlite")
    settings = settings_for(folder / "home", f"sqlite:///{folder / 'house.sqlite'}", sandbox_url)
    with house(replace(settings, demo=False)) as built:  # where nothing inside may be named
        built.services.webhooks._wire._transport = lambda: httpx.MockTransport(lambda _: httpx.Response(500, text="no"))
        yield built


@pytest.fixture(scope="module")
def api(home: House) -> FastAPI:
    return build_api(home.services)


class Customer:
    """A workspace of its own and a client with a key that may manage webhooks."""

    def __init__(self, home: House, api: FastAPI, *, may: bool = True) -> None:
        self.house = home.newcomer()
        self.workspace_id, self.services = self.house.workspace_id, home.services
        actor = home.services.accounts.people.members(self.workspace_id)[0].user_id
        keys = home.services.accounts.keys
        made = keys.create(self.workspace_id, "hooks", actor=actor)
        keys.configure(
            self.workspace_id, made.info.id, expires_at=None, keeps_payloads=False, manages_webhooks=may, actor=actor
        )
        headers = {"Authorization": f"Bearer {made.secret}"}
        self.http = TestClient(api, base_url="http://127.0.0.1", headers=headers, raise_server_exceptions=False)

    def add(self, **given: Any) -> dict[str, Any]:
        answer = self.http.post("/v1/webhooks", json={"url": URL, **given})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@pytest.fixture
def customer(home: House, api: FastAPI) -> Customer:
    return Customer(home, api)


def test_an_endpoint_from_its_first_to_its_last_day(customer: Customer) -> None:
    made = customer.add(types=["balance.low", "generation.completed"], description=" Mine  ")
    assert made["secret"].startswith("whsec_")
    one = f"/v1/webhooks/{made['id']}"
    seen = customer.http.get(one).json()
    assert "secret" not in seen
    assert seen == {name: value for name, value in made.items() if name != "secret"}
    assert (seen["types"], seen["description"], seen["enabled"]) == (
        ["generation.completed", "balance.low"], "Mine", True
    )  # fmt: skip
    changed = customer.http.patch(one, json={"types": [], "description": "", "enabled": False}).json()
    assert (changed["types"], changed["enabled"], changed["disabled_reason"]) == (list(events.TYPES), False, "owner")
    assert customer.http.patch(one, json={"url": URL + "/2", "enabled": True}).json()["url"] == URL + "/2"
    rotated = customer.http.post(f"{one}/rotate").json()
    assert rotated["secret"] != made["secret"]
    assert rotated["previous_secret_until"] > rotated["created_at"]
    assert [entry["id"] for entry in customer.http.get("/v1/webhooks").json()["data"]] == [made["id"]]
    assert customer.http.delete(one).json()["deleted"]
    assert customer.http.get(one).status_code == 404
    assert customer.http.get("/v1/webhooks").json()["data"] == []


def test_what_was_sent_is_looked_at_and_sent_again(customer: Customer) -> None:
    made = customer.add()
    sent = customer.http.post(f"/v1/webhooks/{made['id']}/test")
    assert sent.status_code == 202
    delivery = f"/v1/webhooks/deliveries/{sent.json()['id']}"
    asyncio.run(customer.services.webhooks.send())
    found = customer.http.get(delivery).json()
    assert (found["status"], found["attempts"], len(found["tries"])) == ("failed", 1, 1)
    assert found["tries"][0]["request_headers"]["webhook-id"] == found["message_id"]
    again = customer.http.post(f"{delivery}/replay").json()
    assert (again["message_id"], again["replay"], again["status"]) == (found["message_id"], 1, "waiting")
    listed = customer.http.get("/v1/webhooks/deliveries", params={"endpoint": made["id"], "type": events.TEST}).json()
    assert [entry["id"] for entry in listed["data"]] == [again["id"], found["id"]]
    assert customer.http.get("/v1/webhooks/deliveries?status=failed").json()["last_id"] == found["id"]
    assert customer.http.get(f"/v1/webhooks/deliveries?before={again['id']}").json()["data"][0]["id"] == found["id"]


def test_nobody_presses_test_without_end(customer: Customer) -> None:
    path = f"/v1/webhooks/{customer.add()['id']}/test"
    assert [customer.http.post(path).status_code for _ in range(6)] == [202] * 5 + [429]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://metadata.google.internal/",
        "https://user:pass@hooks.example.com/",
        "https://hooks.example.com:22/",
        "ftp://hooks.example.com/",
        "https://hooks.example.com/\r\nX: y",
        "javascript:alert(1)",
        "x" * 5_000,
        "",
    ],
)
def test_an_address_that_leads_inside_is_never_kept(customer: Customer, url: str) -> None:
    for path in ("/v1/webhooks", "/v1/webhooks?dryRun=true"):
        answer = customer.http.post(path, json={"url": url})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "url"), answer.text
    one = f"/v1/webhooks/{customer.add()['id']}"
    assert customer.http.patch(one, json={"url": url}).status_code == 400
    assert customer.http.get(one).json()["url"] == URL


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"url": URL, "types": ["nothing.known"]}, "types"),
        ({"url": URL, "types": "balance.low"}, "types"),
        ({"url": URL, "types": [1]}, "types"),
        ({"url": URL, "description": "x" * 500}, "description"),
        ({"url": URL, "description": 5}, "description"),
        ({"url": 5}, "url"),
        ({"uri": URL}, "uri"),
    ],
)
def test_what_is_wrong_is_named(customer: Customer, body: dict[str, Any], param: str) -> None:
    answer = customer.http.post("/v1/webhooks", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_dry_run_changes_nothing(customer: Customer) -> None:
    assert customer.http.post("/v1/webhooks?dryRun=true", json={"url": URL}).json()["dry_run"]
    assert customer.http.get("/v1/webhooks").json()["data"] == []
    made = customer.add()
    for act in ("rotate", "test"):
        assert "secret" not in customer.http.post(f"/v1/webhooks/{made['id']}/{act}?dryRun=1").json()
    assert customer.http.post("/v1/webhooks/secret?dryRun=1").json() == {"dry_run": True}
    assert customer.http.get(f"/v1/webhooks/{made['id']}").json()["previous_secret_until"] is None
    assert customer.http.get("/v1/webhooks/deliveries").json()["data"] == []


def test_a_key_that_may_not_is_told_so_everywhere(home: House, api: FastAPI) -> None:
    plain = Customer(home, api, may=False)
    for method, path in (
        ("GET", "/v1/webhooks"),
        ("POST", "/v1/webhooks"),
        ("POST", "/v1/webhooks/secret"),
        ("GET", "/v1/webhooks/whe_x"),
        ("PATCH", "/v1/webhooks/whe_x"),
        ("DELETE", "/v1/webhooks/whe_x"),
        ("POST", "/v1/webhooks/whe_x/rotate"),
        ("POST", "/v1/webhooks/whe_x/test"),
        ("GET", "/v1/webhooks/deliveries"),
        ("GET", "/v1/webhooks/deliveries/whd_x"),
        ("POST", "/v1/webhooks/deliveries/whd_x/replay"),
    ):
        answer = plain.http.request(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "key_not_permitted"), (method, path)


def test_another_workspace_finds_nothing(customer: Customer, home: House, api: FastAPI) -> None:
    made = customer.add()
    sent = customer.http.post(f"/v1/webhooks/{made['id']}/test").json()["id"]
    other = Customer(home, api)
    for method, path in (
        ("GET", f"/v1/webhooks/{made['id']}"),
        ("PATCH", f"/v1/webhooks/{made['id']}"),
        ("DELETE", f"/v1/webhooks/{made['id']}"),
        ("POST", f"/v1/webhooks/{made['id']}/rotate"),
        ("POST", f"/v1/webhooks/{made['id']}/test"),
        ("GET", f"/v1/webhooks/deliveries/{sent}"),
        ("POST", f"/v1/webhooks/deliveries/{sent}/replay"),
    ):
        assert other.http.request(method, path, json={}).status_code == 404, (method, path)
    assert other.http.get(f"/v1/webhooks/deliveries?endpoint={made['id']}").json()["data"] == []
