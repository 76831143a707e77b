"""Scripted faults do what they say, and the book says what was bought in spite of them."""

import io
import json
import time

import httpx
import pytest
from PIL import Image

from app.sandbox import faults
from tests.sandbox.callers import (
    BEARER,
    FAL,
    book,
    fal_result,
    fal_run,
    fal_submit,
    kie_end,
    kie_submit,
    replicate_end,
    replicate_submit,
    until,
)

SCHNELL = "fal-ai/flux/schnell"
REPLICATE_SCHNELL = "black-forest-labs/flux-schnell"
BANANA = "google/nano-banana"


def marked(fault, **given):
    return {"image_size": "square", **given, "prompt": f"a harbour [[fault:{fault}]]"}


def submit(http, provider, fault):
    """One raw submit with a fault, to any provider."""
    given = marked(fault, megapixels="0.25") | ({} if provider != "kie" else {"image_size": "1:1"})
    if provider == "fal":
        return http.post(f"/fal/{SCHNELL}", json=given, headers=FAL)
    if provider == "replicate":
        given.pop("image_size")
        return http.post(f"/replicate/v1/models/{REPLICATE_SCHNELL}/predictions", json={"input": given}, headers=BEARER)
    return http.post("/kie/api/v1/jobs/createTask", json={"model": BANANA, "input": given}, headers=BEARER)


PROVIDERS = ["fal", "replicate", "kie"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("fault", "code"),
    [("401", 401), ("402", 402), ("409", 409), ("500", 500), ("refuse-429=7", 429), ("refuse-503=7", 503)],
)
def test_a_refusal_buys_nothing(http, provider, fault, code):
    answer = submit(http, provider, fault)

    said = answer.json()["code"] if provider == "kie" else answer.status_code
    assert said == {("kie", 503): 455, ("fal", 402): 403}.get((provider, code), code)
    if "7" in fault and provider != "kie":
        assert answer.headers["retry-after"] == "7"
    assert book(http)["accepted"] == 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_drop_after_accept_buys_and_hangs_up(http, provider):
    with pytest.raises(httpx.RemoteProtocolError):
        submit(http, provider, "drop-after-accept")

    (job,) = until(lambda: book(http, provider=provider)["jobs"])
    assert job["faults"] == {"drop-after-accept": ""}
    assert until(lambda: book(http)["jobs"][0]["status"] == "succeeded")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_hang_before_accept_hangs_up_and_buys_nothing(http, provider):
    with pytest.raises(httpx.RemoteProtocolError):
        submit(http, provider, "hang-before-accept=0.1")

    assert book(http)["accepted"] == 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_hang_buys_at_once_and_answers_late(http, provider):
    began = time.monotonic()
    submit(http, provider, "hang=0.5").raise_for_status()

    assert time.monotonic() - began >= 0.5
    assert book(http)["accepted"] == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_500_after_accept_buys_and_denies_it(http, provider):
    answer = submit(http, provider, "500-after-accept")

    assert (answer.json()["code"] if provider == "kie" else answer.status_code) == 500
    assert book(http)["accepted"] == 1


def test_an_unknown_fault_in_a_prompt_is_a_422_that_lists_them_all(http):
    for provider in PROVIDERS:
        answer = submit(http, provider, "surprise")
        assert (answer.json()["code"] if provider == "kie" else answer.status_code) == 422
        assert "drop-after-accept" in answer.text
    assert book(http)["accepted"] == 0


@pytest.mark.parametrize(
    "order",
    [
        pytest.param({"provider": "fal", "fault": "surprise"}, id="an unknown fault"),
        pytest.param({"provider": "acme", "fault": "fail"}, id="an unknown provider"),
        pytest.param({"provider": "fal", "fault": "slow", "arg": "very"}, id="an argument that is no number"),
        pytest.param({"provider": "fal", "fault": "fail", "times": 0}, id="no times at all"),
    ],
)
def test_a_wrong_order_is_a_400_that_lists_them_all(http, order):
    answer = http.post("/faults", json=order)

    assert answer.status_code == 400
    assert answer.json()["known"] == sorted(faults.KNOWN)


def test_an_ordered_fault_strikes_the_providers_next_submits_and_no_others(http):
    http.post("/faults", json={"provider": "fal", "fault": "500", "times": 2}).raise_for_status()

    codes = [http.post(f"/fal/{SCHNELL}", json={"prompt": "x"}, headers=FAL).status_code for _ in range(3)]

    assert codes == [500, 500, 200]
    assert http.get("/faults").json()["pending"] == []


def test_ordered_faults_can_be_called_off(http):
    http.post("/faults", json={"fault": "500"})
    http.delete("/faults")

    assert submit(http, "kie", "slow=0").json()["code"] == 200


def test_completed_with_error_is_a_failed_result_of_a_completed_run(http):
    handle = fal_submit(http, SCHNELL, **marked("completed-with-error"))
    result = fal_result(http, handle)

    assert (result.status_code, result.json()["detail"][0]["type"]) == (422, "content_policy_violation")
    status = http.get(handle["status_url"], headers=FAL).json()
    assert (status["status"], status["error_type"]) == ("COMPLETED", "content_policy_violation")
    assert book(http)["total_cost_micros"] == 0


def test_fail_is_a_failed_prediction_that_costs_nothing(http):
    ended = replicate_end(http, replicate_submit(http, REPLICATE_SCHNELL, prompt="x [[fault:fail]]"))

    assert (ended["status"], bool(ended["error"]), ended["output"]) == ("failed", True, None)
    assert book(http)["total_cost_micros"] == 0


@pytest.mark.parametrize(("fault", "code"), [("poll-429=2", 429), ("poll-500=2", 500)])
def test_the_first_polls_can_be_spoilt(http, fault, code):
    handle = fal_submit(http, SCHNELL, **marked(fault))

    codes = [http.get(handle["status_url"], headers=FAL).status_code for _ in range(3)]

    assert codes[:2] == [code, code]
    assert codes[2] in {200, 202}


def test_result_404_is_billed_and_gone(http):
    assert fal_result(http, fal_submit(http, SCHNELL, **marked("result-404"))).status_code == 404
    assert book(http)["billed"] == 1


def test_file_404_loses_the_file_only(http):
    (image,) = fal_run(http, SCHNELL, **marked("file-404"))["images"]

    assert http.get(image["url"]).status_code == 404


@pytest.mark.parametrize("damage", ["garbage", "truncated"])
def test_corrupt_file_cannot_be_opened(http, damage):
    (image,) = fal_run(http, SCHNELL, **marked(f"corrupt-file={damage}"))["images"]
    content = http.get(image["url"]).content

    with pytest.raises(OSError):  # noqa: SIM117
        with Image.open(io.BytesIO(content)) as opened:
            opened.load()


@pytest.mark.parametrize(
    ("arg", "status_elsewhere", "file_elsewhere"),
    [("status", True, False), ("file", False, True), ("both", True, True)],
)
def test_other_host_url_points_elsewhere(http, sandbox_url, arg, status_elsewhere, file_elsewhere):
    handle = fal_submit(http, SCHNELL, **marked(f"other-host-url={arg}"))
    assert handle["status_url"].startswith("http://elsewhere.invalid/") is status_elsewhere

    address = f"{sandbox_url}/fal/fal-ai/flux/requests/{handle['request_id']}"
    result = fal_result(http, {"status_url": f"{address}/status", "response_url": address})
    assert result.json()["images"][0]["url"].startswith("http://elsewhere.invalid/") is file_elsewhere


def test_missing_usage_leaves_the_header_out_and_zero_usage_says_zero(http):
    missing = fal_result(http, fal_submit(http, SCHNELL, **marked("missing-usage")))
    zero = fal_result(http, fal_submit(http, SCHNELL, **marked("zero-usage")))

    assert "x-fal-billable-units" not in missing.headers
    assert zero.headers["x-fal-billable-units"] == "0"
    assert [job["cost_micros"] for job in book(http)["jobs"]] == [3000, 0]


def test_replicate_metrics_can_lack_or_deny_usage(http):
    missing = replicate_end(http, replicate_submit(http, REPLICATE_SCHNELL, prompt="x [[fault:missing-usage]]"))
    zero = replicate_end(http, replicate_submit(http, REPLICATE_SCHNELL, prompt="x [[fault:zero-usage]]"))

    assert "image_count" not in missing["metrics"]
    assert zero["metrics"]["image_count"] == 0


@pytest.mark.parametrize(("fault", "seconds"), [("long-output", "2.008"), ("long-output=2.54", "2.54")])
def test_long_output_is_longer_and_billed_as_it_is(http, fault, seconds):
    given = marked(fault, duration=2, resolution="480p")
    result = fal_result(http, fal_submit(http, "fal-ai/kling-video/v2.1/pro/text-to-video", **given))

    assert result.headers["x-fal-billable-units"] == seconds
    assert book(http)["total_cost_micros"] == round(float(seconds) * 98_000)


def test_fewer_images_come_and_are_billed(http):
    result = fal_result(http, fal_submit(http, SCHNELL, **marked("fewer=2", num_images=3)))

    assert (len(result.json()["images"]), result.headers["x-fal-billable-units"]) == (1, "1")
    assert book(http)["total_cost_micros"] == 3000


def test_none_is_success_without_any_output(http):
    assert fal_run(http, SCHNELL, **marked("none"))["images"] == []
    assert replicate_end(http, replicate_submit(http, REPLICATE_SCHNELL, prompt="x [[fault:none]]"))["output"] == []
    record = kie_end(http, kie_submit(http, BANANA, prompt="x [[fault:none]]"))
    assert (record["state"], json.loads(record["resultJson"])) == ("success", {"resultUrls": []})
    assert book(http)["total_cost_micros"] == 0


def test_quality_resolved_reports_and_bills_what_was_used(http):
    given = marked("quality-resolved", image_size="1024x1024", quality="low")

    assert fal_run(http, "openai/gpt-image-2", **given)["quality"] == "high"
    assert book(http)["total_cost_micros"] == 211_000


def test_quality_auto_is_resolved_without_any_fault(http):
    prediction = replicate_submit(http, REPLICATE_SCHNELL, prompt="x", quality="auto", megapixels="0.25")

    assert prediction["input"]["quality"] == "auto"
    assert replicate_end(http, prediction)["input"]["quality"] == "high"


def test_the_caption_leaves_the_marker_out():
    assert faults.without_markers("a harbour [[fault:slow=3]] at dawn") == "a harbour at dawn"
