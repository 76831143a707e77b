"""What no well-meaning client sends: answered with a refusal, at once, on both databases."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.assemble import build_api
from app.api.gateway.common import MAX_BODY_BYTES
from app.generation.advance import advance
from tests.support.house import House, house, settings_for

MODEL = '"model": "flux-schnell"'
INPUT = '"input": {"prompt": "A red tram"}'


@pytest.fixture
def world(seeded_url: str, sandbox_url: str, tmp_path: Path) -> Iterator[tuple[House, TestClient]]:
    with house(settings_for(tmp_path / "home", seeded_url, sandbox_url)) as home:
        people = home.services.accounts.people
        maker = people.create_user("maker@example.com", "Maker", "correct horse battery")
        key = home.services.accounts.keys.create(home.workspace_id, "test", actor=maker.id)
        api = build_api(home.services)
        yield home, TestClient(api, headers={"Authorization": f"Bearer {key.secret}"}, raise_server_exceptions=False)


@pytest.fixture
def client(world: tuple[House, TestClient]) -> TestClient:
    return world[1]


def post(client: TestClient, body: str | bytes, path: str = "/v1/generations", **headers: str) -> Any:
    return client.post(path, content=body, headers={"Content-Type": "application/json", **headers})


@pytest.mark.parametrize(
    "figure", ["1e30", '"1e30"', '"1e999999999"', '"1e-999999999"', "9" * 40, '"sNaN"', "NaN", "1e400", "-1", "true"]
)
def test_a_maximum_beyond_reason_is_refused_at_once(client: TestClient, figure: str) -> None:
    began = time.monotonic()

    answer = post(client, f'{{{MODEL}, {INPUT}, "max_credits": {figure}}}')

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == "max_credits"
    assert time.monotonic() - began < 60  # a number with as many digits as it says would take years


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"model": "\\ud800", "input": {}}', id="half a pair in the model"),
        pytest.param(f'{{{MODEL}, "input": {{"\\uD800": 1}}}}', id="half a pair in a name"),
        pytest.param(f'{{{MODEL}, {INPUT}, "idempotency_key": "\\udfff"}}', id="half a pair in the key"),
        pytest.param(f'{{{MODEL}, {INPUT}, "idempotency_key": "a\\u0000"}}', id="NUL in the key"),
        pytest.param(b'{"model": "\xed\xa0\x80", "input": {}}', id="half a pair in bytes"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param(b'{"model": "' + b"x" * MAX_BODY_BYTES + b'"}', id="too long"),
    ],
)
def test_a_body_that_is_no_text_is_refused(client: TestClient, body: str | bytes) -> None:
    assert post(client, body).status_code == 400


def test_a_body_without_a_length_is_broken_off(client: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 4 * MAX_BODY_BYTES:
            sent += 65_536
            yield b"x" * 65_536

    assert client.post("/v1/videos", content=endless()).status_code == 400


def test_a_whole_pair_is_a_letter(client: TestClient) -> None:
    answer = post(client, f'{{{MODEL}, "input": {{"prompt": "\\ud83d\\ude8b"}}}}', "/v1/generations?dryRun=true")

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("size", ["²x²", "1" * 5_000 + "x1", "0x0", "-1x1", "1024"])
def test_a_size_that_is_none_is_refused(client: TestClient, size: str) -> None:
    answer = client.post("/v1/images/generations", json={"model": "flux-schnell", "prompt": "A tram", "size": size})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "size")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/generations/%00", 404),
        ("/v1/videos/%00/content", 404),
        ("/v1/models/%00", 404),
        ("/v1/generations?before=%00", 400),
        ("/v1/generations?model=%00", 400),
        ("/files/%00", 404),
    ],
)
def test_no_database_is_asked_for_what_it_cannot_hold(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_a_sign_in_form_with_a_nul_is_refused(client: TestClient) -> None:
    form = {"email": "a\0@example.com", "password": "x"}

    assert client.post("/session", data=form, headers={"Origin": "http://127.0.0.1:9"}).status_code == 400


def test_a_video_that_is_kept_but_not_charged_is_not_handed_out(
    world: tuple[House, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, client = world

    async def dies(*_: Any) -> None:
        raise RuntimeError("killed between keeping the file and charging for it")

    async def scenario() -> str:
        generation_id = (await home.start("veo3-fast", prompt="A red tram")).generation_id
        await home.step_until(generation_id, "storing")
        monkeypatch.setattr("app.generation.deliver.settle", dies)
        with pytest.raises(RuntimeError):
            await advance(home.services.desk, generation_id)
        monkeypatch.undo()
        return generation_id

    path = f"/v1/videos/{asyncio.run(scenario())}"

    assert client.get(f"{path}/content").status_code == 409
    assert client.get(path).json()["output"] is None
