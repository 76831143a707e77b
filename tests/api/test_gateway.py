"""The API as customers use it: the official OpenAI SDK and plain HTTP, against a running API."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_server import running_api
from tests.support.house import House, house, settings_for
from tests.support.late import Late

openai = Late("openai")

PROMPT = "A red tram on a viaduct"


@pytest.fixture(scope="module")
def served(
    seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, House]]:
    folder = tmp_path_factory.mktemp("gateway")
    path = folder / "gateway.sqlite"
    shutil.copyfile(seeded_sqlite, path)
    url = f"sqlite:///{path}"
    with (
        house(settings_for(folder / "home", url, sandbox_url)) as home,
        running_api(folder / "home", url, sandbox_url, carry=True, reachable=True) as api,
    ):
        yield api.url, home


@pytest.fixture(scope="module")
def url(served: tuple[str, House]) -> str:
    return served[0]


@pytest.fixture(scope="module")
def key(served: tuple[str, House]) -> str:
    return served[1].key()


@pytest.fixture(scope="module")
def http(url: str, key: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{url}/v1", headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def sdk(url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        yield client


def credits(http: httpx.Client) -> float:
    return float(http.get("/balance").json()["credits"]["available"])


def finished(http: httpx.Client, generation_id: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        said = dict(http.get(f"/generations/{generation_id}").json())
        if said["status"] not in ("queued", "running"):
            return said
        time.sleep(0.1)
    raise AssertionError("it never finished")


def refusal(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json()["error"])


def test_the_openai_sdk_makes_images(sdk: openai.OpenAI, http: httpx.Client) -> None:
    before = credits(http)

    made = sdk.images.generate(model="flux-schnell", prompt=PROMPT, n=2)

    said = made.model_extra["metadata"] if made.model_extra else {}
    assert [httpx.get(str(image.url)).headers["content-type"] for image in made.data or []] == ["image/jpeg"] * 2
    assert said["executed_model"] == "fal/fal-ai/flux/schnell"
    assert credits(http) == before - said["credits"]


def test_the_openai_sdk_gets_images_inline(sdk: openai.OpenAI) -> None:
    made = sdk.images.generate(model="flux-schnell", prompt=PROMPT, response_format="b64_json")

    assert made.data
    assert made.data[0].b64_json


def test_the_openai_sdk_makes_a_video(sdk: openai.OpenAI) -> None:
    video = sdk.videos.create(model="veo3.1", prompt=PROMPT, seconds="4", size="1280x720")
    while video.status in ("queued", "in_progress"):
        time.sleep(0.2)
        video = sdk.videos.retrieve(video.id)

    assert video.status == "completed", video.error
    assert sdk.videos.download_content(video.id).read()[4:8] == b"ftyp"
    assert video.size == "1280x720"
    assert float(video.seconds) == pytest.approx(4, abs=0.1)


def test_the_openai_sdk_lists_models(sdk: openai.OpenAI) -> None:
    assert "flux-schnell" in {model.id for model in sdk.models.list()}


def test_wrong_requests_raise_the_sdks_own_errors(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Did you mean flux-schnell"):
        sdk.images.generate(model="flux-schnel", prompt=PROMPT)
    with pytest.raises(openai.BadRequestError, match="num_images"):
        sdk.images.generate(model="flux-schnell", prompt=PROMPT, n=40)
    with pytest.raises(openai.BadRequestError, match="Sizes it makes"):
        sdk.images.generate(model="flux-schnell", prompt=PROMPT, size="17x19")


def test_a_dry_run_answers_the_price_and_changes_nothing(http: httpx.Client) -> None:
    before = credits(http)
    body = {"model": "flux-schnell", "input": {"prompt": PROMPT, "num_images": 2}}

    said = http.post("/generations?dryRun=true", json=body).json()

    assert said["estimated"] is True
    assert said["total_cost_micros"] == sum(part["total_cost"] for part in said["components"])
    documented = {"type", "metric", "quantity", "billable_quantity", "unit_price", "total_cost"}
    assert documented <= said["components"][0].keys()
    assert credits(http) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/images/generations", {"model": "flux-schnell", "prompt": PROMPT}, id="images"),
        pytest.param("/videos", {"model": "veo3-fast", "prompt": PROMPT}, id="videos"),
    ],
)
def test_every_post_has_a_dry_run(http: httpx.Client, path: str, body: dict[str, Any]) -> None:
    said = http.post(f"{path}?dryRun=true", json=body).json()

    assert said["metadata"]["cost_estimate"] * 1_000_000 == pytest.approx(said["total_cost_micros"])


def test_the_estimate_is_what_is_charged(http: httpx.Client) -> None:
    body = {"model": "minimax-speech-02-hd", "input": {"text": "Mind the gap between the train and the platform."}}
    estimate = http.post("/generations?dryRun=true", json=body).json()

    started = http.post("/generations", json=body)
    done = finished(http, started.json()["id"])

    assert started.status_code == 202
    assert started.json()["metadata"]["cost_estimate"] == estimate["metadata"]["cost_estimate"]
    assert done["status"] == "completed", done["error"]
    assert done["metadata"]["credits"] == estimate["credits"]
    assert done["output"][0]["kind"] == "audio"


def test_a_repeated_key_gets_the_first_answer(http: httpx.Client) -> None:
    body = {"model": "flux-schnell", "input": {"prompt": PROMPT}}
    headers = {"Idempotency-Key": "order-1"}

    first, again = (http.post("/generations", json=body, headers=headers) for _ in range(2))
    other = http.post("/generations", json=body | {"input": {"prompt": "Another"}}, headers=headers)

    assert first.json()["id"] == again.json()["id"]
    assert refusal(other, 409)["code"] == "idempotency_conflict"


def test_a_price_above_the_maximum_is_refused(http: httpx.Client) -> None:
    body = {"model": "flux-schnell", "input": {"prompt": PROMPT}, "max_credits": 1}

    assert refusal(http.post("/generations", json=body), 409)["code"] == "price_above_max"


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        pytest.param({"model": "nope", "input": {}}, 404, "model_not_found", "model", id="unknown model"),
        pytest.param(
            {"model": "flux-schnell", "input": {"prompt": PROMPT, "num_image": 1}},
            400,
            "unknown_parameter",
            "num_image",
            id="unknown parameter",
        ),
        pytest.param(
            {"model": "flux-schnell", "input": {"prompt": PROMPT, "image_size": "huge"}},
            400,
            "invalid_input",
            "image_size",
            id="unknown value",
        ),
        pytest.param({"model": "flux-schnell", "imput": {}}, 400, "invalid_input", "imput", id="unknown field"),
        pytest.param({"model": "flux-schnell"}, 400, "invalid_input", "prompt", id="missing parameter"),
    ],
)
def test_refusals_name_what_is_wrong(
    http: httpx.Client, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    said = refusal(http.post("/generations", json=body), status)

    assert (said["code"], said["param"]) == (code, param)
    assert said["message"]


def test_without_enough_credits_the_answer_says_what_to_do(http: httpx.Client) -> None:
    body = {"model": "veo3.1", "input": {"prompt": f"{PROMPT} [[fault:slow]]", "duration": "8s", "resolution": "4k"}}
    answers = [http.post("/generations", json=body) for _ in range(3)]
    short = next(answer for answer in answers if answer.status_code == 402)

    said = refusal(short, 402)

    assert (said["type"], said["code"]) == ("billing_error", "INSUFFICIENT_BALANCE")
    assert said["required"] > said["available"]
    assert said["top_up_url"].startswith("http")
    for answer in answers:
        if answer.status_code == 202:
            http.post(f"/generations/{answer.json()['id']}/cancel")


def test_nobody_sees_a_strangers_generation_or_calls_without_a_key(url: str, http: httpx.Client) -> None:
    assert refusal(http.get("/generations/gen_01KAJ8M4ZDAAAAAAAAAAAAAAAA"), 404)["code"] == "generation_not_found"
    assert refusal(httpx.get(f"{url}/v1/balance"), 401)["type"] == "authentication_error"
    wrong = {"Authorization": "Bearer fbx_wrong"}
    assert refusal(httpx.get(f"{url}/v1/models", headers=wrong), 401)


def test_cost_never_leaves(http: httpx.Client) -> None:
    for said in (http.get("/models/flux-schnell").text, http.get("/generations").text, http.get("/models").text):
        assert "cost_profile" not in said
        assert "cost_micros" not in said


def test_the_audit_is_clean_afterwards(served: tuple[str, House]) -> None:
    served[1].assert_books_balance()
