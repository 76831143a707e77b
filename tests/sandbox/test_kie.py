"""The sandbox as kie.ai: one envelope, three families, credits taken and given back."""

import json

import pytest

from tests.sandbox.callers import BEARER, book, kie_end, kie_record, kie_submit, until

BANANA = "google/nano-banana"


def post(http, path, headers=BEARER, **body):
    answer = http.post(f"/kie/api/v1/{path}", json=body, headers=headers)
    assert answer.status_code == 200
    return answer.json()


def credit(http):
    return http.get("/kie/api/v1/chat/credit", headers=BEARER).json()["data"]


def test_a_market_task_ends_with_its_result_as_json_in_a_string(http):
    record = kie_end(http, kie_submit(http, BANANA, prompt="a harbour", image_size="1:1"))

    assert record["state"] == "success"
    (address,) = json.loads(record["resultJson"])["resultUrls"]
    assert http.get(address).headers["content-type"] == "image/png"
    assert json.loads(record["param"])["input"]["prompt"] == "a harbour"
    assert record["createTime"] <= record["completeTime"]


def test_a_failed_task_gives_the_credits_back(http):
    before = credit(http)
    record = kie_end(http, kie_submit(http, BANANA, prompt="a harbour [[fault:fail]]"))

    assert (record["state"], record["resultJson"]) == ("fail", "")
    assert (record["failCode"], bool(record["failMsg"])) == ("500", True)
    assert credit(http) == before
    assert [(job["billed"], job["refunded"], job["cost_micros"]) for job in book(http)["jobs"]] == [(True, True, 0)]


def test_credits_are_taken_when_a_task_is_accepted(http):
    before = credit(http)
    kie_submit(http, BANANA, prompt="[[fault:slow=1]] a harbour")

    assert credit(http) == before - 4


def test_veo_has_a_family_of_its_own(http):
    task = post(http, "veo/generate", model="veo3_fast", prompt="a harbour", aspectRatio="9:16")["data"]["taskId"]

    record = until(lambda: (found := kie_record(http, task, "veo/record-info"))["successFlag"] == 1 and found)

    assert record["response"]["resultUrls"][0].endswith(".mp4")
    assert record["response"]["resolution"] == "720p"
    assert [(job["quantity"], job["cost_micros"]) for job in book(http)["jobs"]] == [("1", 300_000)]


def test_kontext_has_a_family_of_its_own(http):
    body = {"model": "flux-kontext-pro", "prompt": "a harbour", "aspectRatio": "16:9", "outputFormat": "jpeg"}
    task = post(http, "flux/kontext/generate", **body)["data"]["taskId"]
    path = "flux/kontext/record-info"

    record = until(lambda: (found := kie_record(http, task, path))["successFlag"] == 1 and found)

    assert http.get(record["response"]["resultImageUrl"]).headers["content-type"] == "image/jpeg"


def test_a_family_does_not_know_the_tasks_of_another(http):
    task = kie_submit(http, BANANA, prompt="a harbour")

    answer = http.get("/kie/api/v1/veo/record-info", params={"taskId": task}, headers=BEARER)

    assert (answer.status_code, answer.json()["code"]) == (200, 422)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"input": {"prompt": "x"}}, 422, id="no model"),
        pytest.param({"model": BANANA}, 422, id="no input"),
        pytest.param({"model": BANANA, "input": {}}, 422, id="no prompt"),
        pytest.param({"model": "no-such/model", "input": {"prompt": "x"}}, 422, id="no such model"),
        pytest.param({"model": BANANA, "input": {"prompt": "x [[fault:402]]"}}, 402, id="no credits"),
        pytest.param({"model": BANANA, "input": {"prompt": "x [[fault:refuse-429]]"}}, 429, id="too often"),
        pytest.param({"model": BANANA, "input": {"prompt": "x [[fault:refuse-503]]"}}, 455, id="maintenance"),
    ],
)
def test_a_refusal_is_a_code_in_a_200(http, body, code):
    answer = post(http, "jobs/createTask", **body)

    assert (answer["code"], bool(answer["msg"]), answer["data"]) == (code, True, None)
    assert book(http)["accepted"] == 0


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer bad"}, {"authorization": "Key demo"}])
def test_a_missing_or_bad_key_is_code_401(http, headers):
    assert post(http, "jobs/createTask", headers=headers, model=BANANA, input={"prompt": "x"})["code"] == 401
