"""Short ways to buy from the sandbox by plain HTTP."""

import time
from typing import Any

import httpx

FAL = {"authorization": "Key demo"}
BEARER = {"authorization": "Bearer demo"}
PATIENCE_SECONDS = 60


def fal_submit(http: httpx.Client, model: str, webhook: str | None = None, **given: Any) -> dict[str, Any]:
    query = {"fal_webhook": webhook} if webhook else None
    answer = http.post(f"/fal/{model}", json=given, headers=FAL, params=query)
    answer.raise_for_status()
    return answer.json()


def fal_result(http: httpx.Client, handle: dict[str, Any]) -> httpx.Response:
    until(lambda: http.get(handle["status_url"], headers=FAL).status_code == 200)
    return http.get(handle["response_url"], headers=FAL)


def fal_run(http: httpx.Client, model: str, **given: Any) -> dict[str, Any]:
    return fal_result(http, fal_submit(http, model, **given)).json()


def replicate_submit(http: httpx.Client, model: str, *, webhook: str | None = None, events=None, **given) -> dict:
    body: dict[str, Any] = {"input": given}
    if webhook:
        body["webhook"] = webhook
    if events:
        body["webhook_events_filter"] = events
    answer = http.post(f"/replicate/v1/models/{model}/predictions", json=body, headers=BEARER)
    answer.raise_for_status()
    return answer.json()


def replicate_end(http: httpx.Client, prediction: dict[str, Any]) -> dict[str, Any]:
    def ended() -> Any:
        now = http.get(prediction["urls"]["get"], headers=BEARER).json()
        return now if now["status"] not in {"starting", "processing"} else None

    return until(ended)


def kie_submit(http: httpx.Client, model: str, callback: str | None = None, **given: Any) -> str:
    body = {"model": model, "input": given, "callBackUrl": callback}
    answer = http.post("/kie/api/v1/jobs/createTask", json=body, headers=BEARER).json()
    assert answer["code"] == 200, answer
    return answer["data"]["taskId"]


def kie_record(http: httpx.Client, task: str, path: str = "jobs/recordInfo") -> dict[str, Any]:
    return http.get(f"/kie/api/v1/{path}", params={"taskId": task}, headers=BEARER).json()["data"]


def kie_end(http: httpx.Client, task: str) -> dict[str, Any]:
    def ended() -> Any:
        record = kie_record(http, task)
        return record if record["state"] in {"success", "fail"} else None

    return until(ended)


def book(http: httpx.Client, **filters: str) -> dict[str, Any]:
    return http.get("/book", params=filters).json()


def until(holds: Any) -> Any:
    """Ask again until the answer is true; what it said."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < patience:
        if said := holds():
            return said
        time.sleep(0.02)
    raise AssertionError("it never came true")
