"""The sandbox as Replicate: predictions and their quirks, lists, models."""

import pytest

from tests.sandbox.callers import BEARER, book, replicate_end, replicate_submit

SCHNELL = "black-forest-labs/flux-schnell"
SMALL = {"prompt": "a harbour", "megapixels": "0.25"}
FIELDS = {
    "id", "model", "version", "status", "input", "output", "logs", "error", "metrics", "created_at", "started_at",
    "completed_at", "deadline", "deployment", "data_removed", "urls",
}  # fmt: skip


def create(http, body, **headers):
    return http.post(f"/replicate/v1/models/{SCHNELL}/predictions", json=body, headers={**BEARER, **headers})


def test_a_prediction_is_created_and_complete(http):
    prediction = replicate_submit(http, SCHNELL, **SMALL)

    assert prediction.keys() == FIELDS
    assert prediction["status"] == "starting"
    assert prediction["version"] == "hidden"
    ended = replicate_end(http, prediction)
    assert ended["status"] == "succeeded"
    assert len(ended["output"]) == 1
    assert ended["metrics"]["image_count"] == 1
    assert ended["metrics"]["predict_time"] <= ended["metrics"]["total_time"]


def test_a_video_reports_its_length(http):
    prediction = replicate_submit(http, "bytedance/seedance-1-lite", prompt="waves", duration=2, resolution="480p")

    ended = replicate_end(http, prediction)

    assert ended["output"].endswith(".mp4")
    assert ended["metrics"]["video_output_duration_seconds"] == 2


def test_a_version_is_run_by_its_id(http):
    version = http.get(f"/replicate/v1/models/{SCHNELL}", headers=BEARER).json()["latest_version"]["id"]

    body = {"version": version, "input": SMALL}
    prediction = http.post("/replicate/v1/predictions", json=body, headers=BEARER).json()

    assert (prediction["model"], prediction["version"]) == (SCHNELL, version)


def test_an_unknown_version_is_refused(http):
    answer = http.post("/replicate/v1/predictions", json={"version": "0" * 64, "input": SMALL}, headers=BEARER)

    assert (answer.status_code, answer.json()["title"]) == (422, "Invalid version or not permitted")
    assert book(http)["accepted"] == 0


def test_waiting_answers_a_finished_run_as_processing_with_its_output(http):
    answer = create(http, {"input": SMALL}, prefer="wait=30")

    assert answer.status_code == 201
    assert answer.json()["status"] == "processing"
    assert answer.json()["output"]


def test_waiting_in_vain_answers_starting(http):
    answer = create(http, {"input": {**SMALL, "prompt": "[[fault:slow=3]] wait"}}, prefer="wait=1")

    assert (answer.status_code, answer.json()["status"], answer.json()["output"]) == (202, "starting", None)


def test_a_canceled_prediction_is_billed(http):
    prediction = replicate_submit(http, SCHNELL, **SMALL | {"prompt": "[[fault:slow=5]] wait"})

    canceled = http.post(prediction["urls"]["cancel"], headers=BEARER).json()

    assert canceled["status"] == "canceled"
    assert [(job["status"], job["cost_micros"]) for job in book(http)["jobs"]] == [("canceled", 3000)]


def test_a_run_past_its_deadline_is_canceled(http):
    prediction = create(http, {"input": {**SMALL, "prompt": "[[fault:slow=5]]"}}, **{"cancel-after": "0.3s"}).json()

    assert replicate_end(http, prediction)["status"] == "canceled"


def test_an_aborted_prediction_is_not_billed(http):
    prediction = replicate_submit(http, SCHNELL, **SMALL | {"prompt": "[[fault:aborted]] now"})

    ended = replicate_end(http, prediction)

    assert (ended["status"], ended["started_at"], ended["output"]) == ("aborted", None, None)
    assert book(http)["total_cost_micros"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "input.input", id="no input"),
        pytest.param({"input": {}}, "input.prompt", id="no prompt"),
        pytest.param({"input": {**SMALL, "num_outputs": 99}}, "input.num_outputs", id="too many"),
        pytest.param({"input": SMALL, "webhook": "nowhere"}, "input.webhook", id="a webhook that is no address"),
        pytest.param({"input": SMALL, "webhook_events_filter": ["end"]}, "input.webhook_events_filter", id="an event"),
    ],
)
def test_a_bad_request_is_refused_before_anything_is_bought(http, body, field):
    answer = create(http, body)

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["invalid_fields"]] == [field]
    assert book(http)["accepted"] == 0


@pytest.mark.parametrize("headers", [{}, {"authorization": "Key demo"}, {"authorization": "Bearer bad"}])
def test_a_missing_wrong_or_bad_token_is_a_401(http, headers):
    answer = http.get("/replicate/v1/account", headers=headers)

    assert (answer.status_code, answer.json()["title"]) == (401, "Unauthenticated")


def test_predictions_are_listed_newest_first_in_pages_of_a_hundred(http):
    made = [create(http, {"input": {"prompt": f"number {n}", "width": 9, "height": 9}}).status_code for n in range(2)]
    assert made == [422, 422]
    ids = [replicate_submit(http, SCHNELL, **SMALL, seed=n)["id"] for n in range(3)]

    page = http.get("/replicate/v1/predictions", headers=BEARER).json()

    assert [row["id"] for row in page["results"]] == ids[::-1]
    assert {row["source"] for row in page["results"]} == {"api"}
    assert (page["next"], page["previous"]) == (None, None)


def test_a_list_goes_on_at_its_cursor(http):
    http.post("/faults", json={"provider": "replicate", "fault": "aborted", "times": 103})
    ids = [replicate_submit(http, SCHNELL, **SMALL, seed=n)["id"] for n in range(103)]

    first = http.get("/replicate/v1/predictions", headers=BEARER).json()
    second = http.get(first["next"], headers=BEARER).json()

    assert [row["id"] for row in first["results"] + second["results"]] == ids[::-1]
    assert second["next"] is None
    back = http.get(second["previous"], headers=BEARER).json()
    assert [row["id"] for row in back["results"]] == [row["id"] for row in first["results"]]


def test_a_list_can_be_bounded_by_time(http):
    created = replicate_submit(http, SCHNELL, **SMALL)["created_at"]

    def listed(**bounds):
        return len(http.get("/replicate/v1/predictions", params=bounds, headers=BEARER).json()["results"])

    assert listed(created_after=created, created_before=created) == 1
    assert listed(created_before="2020-01-01T00:00:00Z") == 0


def test_a_model_shows_its_inputs_as_cog_writes_them(http):
    model = http.get(f"/replicate/v1/models/{SCHNELL}", headers=BEARER).json()

    schemas = model["latest_version"]["openapi_schema"]["components"]["schemas"]
    assert schemas["Input"]["required"] == ["prompt"]
    assert schemas["Input"]["properties"]["output_format"]["allOf"] == [{"$ref": "#/components/schemas/output_format"}]
    assert schemas["output_format"]["enum"] == ["webp", "jpg", "png"]
    assert schemas["Output"]["type"] == "array"
