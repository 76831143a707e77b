"""Callbacks: signed as each provider signs, in order, again and again, or wrong when asked."""

import base64
import hashlib
import hmac
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.sandbox.callers import book, fal_result, fal_submit, kie_end, kie_record, kie_submit, replicate_end
from tests.sandbox.callers import replicate_submit as replicate
from tests.support.listener import listening

SCHNELL = "fal-ai/flux/schnell"
REPLICATE_SCHNELL = "black-forest-labs/flux-schnell"
BANANA = "google/nano-banana"
SMALL = {"prompt": "a harbour", "image_size": "square"}
QUIET_SECONDS = 0.6


def marked(fault, **given):
    return {**given, "prompt": f"a harbour [[fault:{fault}]]"}


def fal_key(http):
    (key,) = http.get("/fal/.well-known/jwks.json").json()["keys"]
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))


def verify_fal(http, call):
    lines = [
        call.headers["x-fal-webhook-request-id"],
        call.headers["x-fal-webhook-user-id"],
        call.headers["x-fal-webhook-timestamp"],
        hashlib.sha256(call.body).hexdigest(),
    ]
    fal_key(http).verify(bytes.fromhex(call.headers["x-fal-webhook-signature"]), "\n".join(lines).encode())


def kie_signature(http, task, call):
    key = http.get("/secrets").json()["kie"].encode()
    content = f"{task}.{call.headers['x-webhook-timestamp']}".encode()
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_fal_calls_back_once_signed_with_its_published_key(http):
    with listening() as heard:
        handle = fal_submit(http, SCHNELL, heard.url, **SMALL)
        (call,) = [heard.next(), *heard.all(QUIET_SECONDS)]

    verify_fal(http, call)
    body = call.json()
    assert (body["request_id"], body["gateway_request_id"], body["status"]) == (*[handle["request_id"]] * 2, "OK")
    assert body["payload"] == fal_result(http, handle).json()
    assert abs(time.time() - int(call.headers["x-fal-webhook-timestamp"])) < 30


def test_fal_says_what_went_wrong(http):
    with listening() as heard:
        fal_submit(http, SCHNELL, heard.url, image_size="square")
        body = heard.next().json()

    assert (body["status"], body["error"]) == ("ERROR", "Invalid status code: 422")
    assert body["payload"]["detail"][0]["loc"] == ["body", "prompt"]


def test_replicate_tells_the_whole_way_when_asked(http):
    events = ["start", "logs", "output", "completed"]
    with listening() as heard:
        prediction = replicate(http, REPLICATE_SCHNELL, webhook=heard.url, events=events, prompt="x", megapixels="0.25")
        calls = [heard.next() for _ in range(4)]

    assert [call.json()["status"] for call in calls] == ["processing", "processing", "processing", "succeeded"]
    assert [bool(call.json()["output"]) for call in calls] == [False, False, True, True]
    assert {call.json()["id"] for call in calls} == {prediction["id"]}
    assert len({call.headers["webhook-id"] for call in calls}) == 4


def test_replicate_tells_outputs_and_the_end_by_default(http):
    with listening() as heard:
        replicate(http, REPLICATE_SCHNELL, webhook=heard.url, prompt="x", megapixels="0.25")
        calls = [heard.next(), *heard.all(QUIET_SECONDS)]

    assert [call.json()["status"] for call in calls] == ["processing", "succeeded"]


def test_kie_signs_the_task_and_the_time_only(http):
    with listening() as heard:
        task = kie_submit(http, BANANA, heard.url, prompt="a harbour")
        call = heard.next()

    assert call.headers["x-webhook-signature"] == kie_signature(http, task, call)
    assert (call.json()["code"], call.json()["data"]) == (200, kie_record(http, task))


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        pytest.param("callback-snake-id", lambda body: body["data"]["task_id"], id="data.task_id"),
        pytest.param("callback-top-level-id", lambda body: body["taskId"], id="taskId at the top"),
    ],
)
def test_kie_may_name_the_task_elsewhere(http, fault, found):
    with listening() as heard:
        task = kie_submit(http, BANANA, heard.url, **marked(fault))
        body = heard.next().json()

    assert found(body) == task
    assert "taskId" not in body["data"]


def test_a_forged_kie_callback_has_a_valid_signature_and_comes_before_the_truth(http):
    with listening() as heard:
        task = kie_submit(http, BANANA, heard.url, **marked("webhook-forged,fail"))
        forged, truth = heard.next(), heard.next()

    assert forged.headers["x-webhook-signature"] == kie_signature(http, task, forged)
    assert (forged.json()["data"]["state"], truth.json()["data"]["state"]) == ("success", "fail")
    assert kie_end(http, task)["state"] == "fail"


def test_a_forged_fal_callback_does_not_verify(http):
    with listening() as heard:
        fal_submit(http, SCHNELL, heard.url, **marked("webhook-forged", image_size="square"))
        call = heard.next()

    with pytest.raises(InvalidSignature):
        verify_fal(http, call)


def test_a_callback_that_is_not_taken_is_tried_again_under_the_same_id(http):
    with listening() as heard:
        heard.status = 500
        replicate(http, REPLICATE_SCHNELL, webhook=heard.url, events=["completed"], prompt="x", megapixels="0.25")
        first = heard.next()
        heard.status = 200
        later = [heard.next(), *heard.all(QUIET_SECONDS)]

    assert {call.headers["webhook-id"] for call in later} == {first.headers["webhook-id"]}
    assert [job["called_back"] for job in book(http)["jobs"]] == [True]


def test_webhook_duplicate_delivers_eleven_times(http):
    with listening() as heard:
        fal_submit(http, SCHNELL, heard.url, **marked("webhook-duplicate", image_size="square"))
        calls = [heard.next() for _ in range(11)]
        assert heard.all(QUIET_SECONDS) == []

    assert len({call.json()["request_id"] for call in calls}) == 1


def test_webhook_none_stays_silent(http):
    with listening() as heard:
        fal_result(http, fal_submit(http, SCHNELL, heard.url, **marked("webhook-none", image_size="square")))
        assert heard.all(QUIET_SECONDS) == []


def test_webhook_before_answer_calls_back_first(http):
    with listening() as heard:
        handle = fal_submit(http, SCHNELL, heard.url, **marked("webhook-before-answer", image_size="square"))
        (call,) = heard.all(0.05)

    assert call.json()["request_id"] == handle["request_id"]


def test_webhook_out_of_order_comes_while_the_status_still_says_running(http):
    with listening() as heard:
        handle = fal_submit(http, SCHNELL, heard.url, **marked("webhook-out-of-order", image_size="square"))
        early = heard.next().json()
        status = http.get(handle["status_url"], headers={"authorization": "Key demo"}).json()["status"]
        late = heard.next().json()

    assert (early["status"], status, late["status"]) == ("OK", "IN_PROGRESS", "OK")


def test_replicate_webhooks_out_of_order_end_with_the_beginning(http):
    with listening() as heard:
        given = marked("webhook-out-of-order", megapixels="0.25")
        prediction = replicate(http, REPLICATE_SCHNELL, webhook=heard.url, events=["start", "completed"], **given)
        statuses = [heard.next().json()["status"] for _ in range(2)]

    assert statuses == ["succeeded", "processing"]
    assert replicate_end(http, prediction)["status"] == "succeeded"
