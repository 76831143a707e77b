"""The vendors' own clients, pointed at the sandbox, cannot tell."""

from collections.abc import Iterator

import fal_client
import fal_client.client as fal_module
import pytest
import replicate
from replicate.webhook import Webhooks

from tests.support.listener import listening


@pytest.fixture
def fal(sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[fal_client.SyncClient]:
    monkeypatch.setattr(fal_module, "QUEUE_URL_FORMAT", f"{sandbox_url}/fal/")
    client = fal_client.SyncClient(key="demo")
    yield client
    client._client.close()


@pytest.fixture
def client(sandbox_url: str) -> Iterator[replicate.Client]:
    opened = replicate.Client(api_token="demo", base_url=f"{sandbox_url}/replicate")
    yield opened
    opened._client.close()


def test_the_fal_client_completes_a_job(fal):
    handle = fal.submit("fal-ai/flux/schnell", {"prompt": "a harbour", "image_size": "square", "num_images": 2})

    result = handle.get()

    assert [(image["width"], image["height"]) for image in result["images"]] == [(512, 512)] * 2


def test_the_fal_client_sees_queue_progress_and_completion(fal):
    handle = fal.submit("fal-ai/flux/dev", {"prompt": "a harbour [[fault:slow=0.5]]", "image_size": "square"})

    seen = [type(event).__name__ for event in handle.iter_events(with_logs=True, interval=0.02)]

    assert seen[-1] == "Completed"
    assert "InProgress" in seen


def test_the_fal_client_raises_the_models_own_error(fal):
    handle = fal.submit("fal-ai/flux/dev", {"image_size": "square"})

    with pytest.raises(fal_client.FalClientHTTPError) as refused:
        handle.get()

    assert refused.value.status_code == 422
    assert refused.value.response.json()["detail"][0]["loc"] == ["body", "prompt"]


def test_the_replicate_client_completes_a_prediction(client):
    prediction = client.models.predictions.create("black-forest-labs/flux-schnell", {"prompt": "a harbour"})

    prediction.wait()

    assert prediction.status == "succeeded"
    assert prediction.progress.percentage == 1.0
    assert prediction.metrics["image_count"] == 1


def test_the_replicate_client_runs_and_waits(client, http):
    output = client.run("black-forest-labs/flux-schnell", input={"prompt": "a harbour", "output_format": "png"})

    assert http.get(output[0]).content.startswith(b"\x89PNG")


def test_the_replicate_client_lists_models_and_predictions(client):
    created = client.predictions.create(model="black-forest-labs/flux-dev", input={"prompt": "listed"})

    assert created.id in [prediction.id for prediction in client.predictions.list()]
    schema = client.models.get("black-forest-labs/flux-dev").latest_version.openapi_schema
    assert schema["components"]["schemas"]["Input"]["required"] == ["prompt"]
    assert client.accounts.current().username == "sandbox"


def test_the_replicate_client_accepts_the_webhooks_signature(client):
    with listening() as heard:
        client.predictions.create(
            model="black-forest-labs/flux-schnell",
            input={"prompt": "signed"},
            webhook=heard.url,
            webhook_events_filter=["completed"],
        )
        call = heard.next()

    Webhooks.validate(
        headers=call.headers, body=call.body.decode(), secret=client.webhooks.default.secret(), tolerance=60
    )
