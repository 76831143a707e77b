"""A month as the documentation tells it: its bodies posted as they are, then events in the shapes that clients send,
and every line of the bill worked out by hand."""

import json
from pathlib import Path
from typing import Any

import httpx

VECTORS = Path(__file__).parents[1] / "vectors" / "billing_requests.json"
BODIES = json.loads(VECTORS.read_text(encoding="utf-8"))
IMAGE, VIDEO = "image_generated", "video_generated"
SEEDANCE, HORSE = {"model": "seedance-1-5-pro-251215"}, {"provider": "alibaba", "model": "happyhorse", "mode": "std"}

#: What clients send beside the documented events: figures as numbers and texts, flags, counts that are not said.
MORE: list[tuple[str, dict[str, Any]]] = [
    (IMAGE, {"model": "dall-e-3", "size": "1024x1024", "quality": "hd"}),
    (IMAGE, {"model": "dall-e-3", "size": "1024x1024", "quality": "standard", "image_count": "3"}),
    (IMAGE, {"model": "gpt-image-1", "input_tokens": "1200.5", "output_tokens": "1e3"}),
    (VIDEO, {"model": "veo-3.1-generate-001", "resolution": "4k", "quality": "standard", "video_seconds": 7.5}),
    (VIDEO, {"model": "kling-v2-5-turbo", "mode": "std", "resolution": "720p", "input_type": "image",
             "duration_seconds": "5"}),
    (VIDEO, {"model": "kling-video-o1", "mode": "pro", "resolution": "1080p", "video_seconds": 10,
             "duration_seconds": 99}),
    (VIDEO, {**SEEDANCE, "generate_audio": True, "video_tokens": 100_000}),
    (VIDEO, {**SEEDANCE, "generate_audio": "false", "completion_tokens": "100000"}),
    (VIDEO, HORSE),
    (VIDEO, {**HORSE, "video_jobs": 2}),
    (IMAGE, {"model": "nobody-sells-this"}),
]  # fmt: skip
LINES = {
    "DALL-E 3 1024 standard": ("4", "0.16"),  # 1 documented + 3, at 0.04
    "DALL-E 3 1024 HD": ("1", "0.08"),
    "GPT Image input tokens": ("2400.5", "0.02"),  # 0.024005
    "GPT Image output tokens": ("5160", "0.21"),  # 0.2064
    "Veo 3.1 Lite 1080p per second": ("8", "0.64"),
    "Veo 3.1 4k per second": ("7.5", "4.5"),
    "Kling v2.5 Turbo std per second": ("5", "0.25"),
    "Kling Omni pro per second": ("10", "1.2"),  # video_seconds go before duration_seconds
    "Seedance 1.5 Pro tokens": ("1082344", "1.3"),  # 982,344 documented + 100,000: 1.2988128
    "Seedance 1.5 Pro tokens with audio": ("100000", "0.24"),
    "HappyHorse standard job": ("3", "5.4"),  # one that says nothing and one of two
}


def test_a_documented_month_comes_to_what_a_hand_works_out(http: httpx.Client) -> None:
    ids: dict[str, str] = {}
    for each in (one for one in BODIES if one["path"] != "/subscriptions"):
        body = json.loads(json.dumps(each["body"]).replace("<plan_id>", ids.get("/plans", "")))
        answer = http.post(each["path"], json=body)
        assert answer.status_code == (202 if each["path"].startswith("/events") else 201), (each["title"], answer.text)
        ids.setdefault(each["path"], str(answer.json().get("id")))
    agreed = next(each["body"] for each in BODIES if each["path"] == "/subscriptions")
    named = {"plan_id": ids["/plans"], "customer_id": ids["/customers"], "start_date": "2026-04-01T00:00:00Z"}
    made = http.post("/subscriptions", json={**agreed, **named})
    assert made.status_code == 201, made.text
    for number, (event_name, properties) in enumerate(MORE):
        event = {"event_name": event_name, "external_customer_id": "cust_001", "event_id": f"more_{number}",
                 "timestamp": f"2026-04-20T10:{number:02d}:00+02:00", "properties": properties}  # fmt: skip
        assert http.post("/events", json=event).status_code == 202

    april = {"period_start": "2026-04-01T00:00:00Z", "period_end": "2026-05-01T00:00:00Z"}
    bill = http.post("/invoices/preview", json={"subscription_id": made.json()["id"], **april}).json()
    said = {line["display_name"]: (line["quantity"], line["amount"]) for line in bill["line_items"]}
    assert {name: line for name, line in said.items() if line[0] != "0"} == LINES
    assert bill["total"] == "14"
    events = http.post("/events/query", json={"external_customer_id": "cust_001", "page_size": 100}).json()["events"]
    unpaid = {each["id"] for each in events if each["unrated"]}
    assert unpaid == {"more_10", "evt_world_0001", "evt_vid_0002"}, "a model, a world and Kling 2.6 have no price here"
