"""The sandbox as fal: the queue's answers, its errors, and what the platform tells about prices."""

import httpx
import pytest

from tests.sandbox.callers import FAL, book, fal_result, fal_run, fal_submit, until
from tests.support.sandbox import running_sandbox

SCHNELL = "fal-ai/flux/schnell"
SMALL = {"prompt": "a harbour", "image_size": "square"}


def test_a_submit_answers_addresses_without_the_models_sub_path(http, sandbox_url):
    handle = fal_submit(http, SCHNELL, **SMALL)

    address = f"{sandbox_url}/fal/fal-ai/flux/requests/{handle['request_id']}"
    assert handle["status"] == "IN_QUEUE"
    assert handle["queue_position"] == 0
    assert handle["response_url"] == address
    assert handle["status_url"] == f"{address}/status"
    assert handle["cancel_url"] == f"{address}/cancel"


def test_the_status_is_202_until_it_is_completed(http):
    handle = fal_submit(http, SCHNELL, **SMALL | {"prompt": "slowly [[fault:slow=0.4]]"})
    seen = []

    def completed():
        answer = http.get(handle["status_url"], headers=FAL, params={"logs": 1})
        seen.append((answer.status_code, answer.json()))
        return answer.status_code == 200

    until(completed)

    assert {code for code, body in seen if body["status"] != "COMPLETED"} == {202}
    assert all({"queue_position", "logs"} <= body.keys() for _, body in seen)
    assert any(body["logs"] for _, body in seen if body["status"] == "IN_PROGRESS")
    assert seen[-1][1]["metrics"]["inference_time"] > 0


def test_logs_are_null_unless_asked_for(http):
    handle = fal_submit(http, SCHNELL, **SMALL)
    fal_result(http, handle)

    assert http.get(handle["status_url"], headers=FAL).json()["logs"] is None


def test_the_status_streams_until_it_is_completed(http):
    handle = fal_submit(http, SCHNELL, **SMALL)

    with http.stream("GET", f"{handle['status_url']}/stream", headers=FAL) as answer:
        events = [line for line in answer.iter_lines() if line.startswith("data: ")]

    assert '"COMPLETED"' in events[-1]


def test_a_result_says_how_many_units_it_bills(http):
    result = fal_result(http, fal_submit(http, SCHNELL, **SMALL, num_images=3))

    assert result.status_code == 200
    assert result.headers["x-fal-billable-units"] == "3"
    assert result.headers["x-fal-request-id"]
    assert len(result.json()["images"]) == 3


def test_a_result_that_is_not_ready_is_a_400(http):
    handle = fal_submit(http, SCHNELL, **SMALL | {"prompt": "[[fault:slow=2]] wait"})

    assert http.get(handle["response_url"], headers=FAL).status_code == 400


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param({"image_size": "square"}, "prompt", id="no prompt"),
        pytest.param({**SMALL, "num_images": 40}, "num_images", id="too many images"),
        pytest.param({**SMALL, "image_size": {"width": 20000, "height": 8}}, "image_size", id="an absurd size"),
        pytest.param({**SMALL, "image_size": "huge"}, "image_size", id="an unknown size"),
    ],
)
def test_a_bad_input_is_accepted_and_ends_completed_with_an_error(http, given, field):
    handle = fal_submit(http, SCHNELL, **given)
    result = fal_result(http, handle)

    assert result.status_code == 422
    assert result.json()["detail"][0]["loc"] == ["body", field]
    status = http.get(handle["status_url"], headers=FAL).json()
    assert status["status"] == "COMPLETED"
    assert status["error"]
    assert [job["billed"] for job in book(http)["jobs"]] == [False]


def test_a_queued_request_can_be_canceled_and_is_not_billed(tmp_path):
    with running_sandbox(tmp_path, speed=0.05) as base, httpx.Client(base_url=base, trust_env=False) as http:
        handle = fal_submit(http, SCHNELL, **SMALL)

        asked = http.put(handle["cancel_url"], headers=FAL)

        assert (asked.status_code, asked.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
        status = http.get(handle["status_url"], headers=FAL).json()
        assert (status["status"], status["error_type"]) == ("COMPLETED", "client_cancelled")
        assert [(job["status"], job["billed"]) for job in book(http)["jobs"]] == [("canceled", False)]


def test_a_running_request_goes_on_although_it_is_canceled(http):
    handle = fal_submit(http, SCHNELL, **SMALL | {"prompt": "[[fault:slow=0.7]] x"})
    until(lambda: book(http)["jobs"][0]["status"] == "running")

    asked = http.put(handle["cancel_url"], headers=FAL)

    assert (asked.status_code, asked.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert fal_result(http, handle).json()["images"]
    assert book(http)["billed"] == 1


def test_a_finished_request_cannot_be_canceled(http):
    handle = fal_submit(http, SCHNELL, **SMALL)
    fal_result(http, handle)

    asked = http.put(handle["cancel_url"], headers=FAL)

    assert (asked.status_code, asked.json()) == (400, {"status": "ALREADY_COMPLETED"})


def test_an_unknown_request_is_a_404(http):
    assert http.get("/fal/fal-ai/flux/requests/nobody/status", headers=FAL).status_code == 404
    assert http.put("/fal/fal-ai/flux/requests/nobody/cancel", headers=FAL).json() == {"status": "NOT_FOUND"}


def test_a_request_is_not_found_under_another_application(http):
    handle = fal_submit(http, SCHNELL, **SMALL)

    assert http.get(f"/fal/fal-ai/other/requests/{handle['request_id']}/status", headers=FAL).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer demo"}, {"authorization": "Key bad"}])
def test_a_missing_wrong_or_bad_key_is_a_401(http, headers):
    answer = http.post(f"/fal/{SCHNELL}", json=SMALL, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["detail"]
    assert book(http)["accepted"] == 0


def test_a_request_that_did_not_start_in_time_fails_as_a_platform_error(http):
    headers = {**FAL, "x-fal-request-timeout": "0.001"}
    handle = http.post(f"/fal/{SCHNELL}", json=SMALL, headers=headers).json()

    result = fal_result(http, handle)

    assert result.status_code == 504
    assert result.json()["error_type"] == "request_timeout"


def test_the_price_list_covers_several_endpoints(http):
    query = {"endpoint_id": f"{SCHNELL},fal-ai/veo3.1"}

    listed = http.get("/fal/v1/models/pricing", params=query, headers=FAL).json()["prices"]

    assert [(price["endpoint_id"], price["unit"]) for price in listed] == [
        (SCHNELL, "megapixels"),
        ("fal-ai/veo3.1", "seconds"),
    ]
    assert listed[0]["unit_price"] == 0.003


def test_billing_events_list_what_was_billed(http):
    fal_run(http, SCHNELL, **SMALL)

    events = http.get("/fal/v1/models/billing-events", headers=FAL).json()["billing_events"]

    assert [(event["endpoint_id"], event["cost_estimate_nano_usd"]) for event in events] == [(SCHNELL, 3_000_000)]


def test_minimax_speech_answers_hexadecimal_text_unless_a_url_is_asked_for(http):
    model = "fal-ai/minimax/speech-02-hd"

    assert bytes.fromhex(fal_run(http, model, text="hello")["audio"])
    assert fal_run(http, model, text="hello", output_format="url")["audio"]["url"]
