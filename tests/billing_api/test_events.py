"""Usage events through the official SDK and by plain HTTP: sent, sent again, looked up, added up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.late import Late

sdk_models = Late("flexprice.models")
sdk_errors = Late("flexprice.models.errors")

if TYPE_CHECKING:
    from flexprice import Flexprice

DOCUMENTED = json.loads((Path(__file__).parents[1] / "vectors" / "billing_requests.json").read_text(encoding="utf-8"))
APRIL = {"start_time": datetime(2026, 4, 1, tzinfo=UTC), "end_time": datetime(2026, 5, 1, tzinfo=UTC)}
SPAN = {name: moment.isoformat() for name, moment in APRIL.items()}


def event(event_id: str, customer: str, **more: Any) -> dict[str, Any]:
    properties = more.pop("properties", {"model": "veo-3", "provider": "google", "video_seconds": "8"})
    base = {"event_name": "video_generated", "external_customer_id": customer, "event_id": event_id}
    return {**base, "source": "gateway", "timestamp": "2026-04-14T15:00:00Z", "properties": properties, **more}


def test_an_event_is_sent_and_found(sdk: Flexprice) -> None:
    said = sdk.events.ingest_event(**event("sdk-1", "sdk-customer"))
    assert said["event_id"] == "sdk-1"
    found = sdk.events.get_event(id="sdk-1", external_customer_id="sdk-customer")
    assert found.event is not None
    assert (found.event.event_name, found.event.external_customer_id) == ("video_generated", "sdk-customer")
    assert (found.event.properties or {})["video_seconds"] == "8"
    generated = sdk.events.ingest_event(event_name="x", external_customer_id="sdk-customer")
    assert generated["event_id"].startswith("event_")


def test_many_events_are_sent_at_once_and_counted_once(sdk: Flexprice, http: httpx.Client) -> None:
    events = [sdk_models.IngestEventRequest(**event(f"bulk-{number}", "bulk-customer")) for number in range(20)]
    assert sdk.events.ingest_events_bulk(events=events)["accepted"] == "20"
    later = [event(f"bulk-{number}", "bulk-customer", timestamp="2026-04-20T01:00:00Z") for number in range(25)]
    later[3]["properties"] = {"model": "other"}
    again = http.post("/events/bulk", json={"events": later})
    assert again.status_code == 202
    assert again.json() | {"message": ""} == {
        "message": "", "accepted": "5", "repeated": "20", "conflicts": "1", "conflicting_event_ids": "bulk-3",
    }  # fmt: skip
    used = sdk.events.get_usage_statistics(
        event_name="video_generated", aggregation_type="SUM", property_name="video_seconds",
        external_customer_id="bulk-customer", **APRIL,
    )  # fmt: skip
    assert used.value == 200.0
    assert http.post("/events/raw/bulk", json=[event("raw-1", "raw-customer")]).json()["accepted"] == "1"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"events": []}, "events", id="no events"),
        pytest.param({"events": [{}] * 1001}, "events", id="too many"),
        pytest.param({}, "events", id="none at all"),
        pytest.param(
            {"events": [event("a", "c"), {"event_name": "x"}]}, "events.1.external_customer_id", id="one wrong"
        ),
    ],
)
def test_what_is_refused_says_where(http: httpx.Client, body: dict[str, Any], param: str) -> None:
    refused = http.post("/events/bulk", json=body)
    assert (refused.status_code, refused.json()["details"]["param"]) == (400, param)
    assert refused.json()["http_status_code"] == 400


def test_the_documented_events_are_taken_as_they_are(http: httpx.Client, sdk: Flexprice) -> None:
    bodies = [each for each in DOCUMENTED if each["path"].startswith("/events")]
    assert bodies
    for each in bodies:
        answer = http.request(each["method"], each["path"], json=each["body"])
        assert answer.status_code == 202, answer.text
    usage = {
        meter: sdk.events.get_usage_by_meter(meter_id=meter, external_customer_id="cust_001", **APRIL).value
        for meter in (
            "meter_img_count",
            "meter_gpt_image_output_tokens",
            "meter_video_seconds",
            "meter_seedance_tokens",
        )
    }
    assert usage == {
        "meter_img_count": 2.0,  # the one without a count is one image
        "meter_gpt_image_output_tokens": 4160.0,
        "meter_video_seconds": 23.0,
        "meter_seedance_tokens": 982344.0,
    }


def test_events_are_turned_over_page_by_page(http: httpx.Client) -> None:
    sent = [
        event(f"page-{number}", "pages", timestamp=f"2026-04-10T{number:02d}:00:00Z",
              properties={"model": "a" if number % 2 else "b", "image_count": 1})
        for number in range(12)
    ]  # fmt: skip
    http.post("/events/bulk", json={"events": sent})
    wanted = {"external_customer_id": "pages", "page_size": 5}
    first = http.post("/events/query", json=wanted).json()
    second = http.post("/events/query", json={**wanted, "iter_last_key": first["iter_last_key"]}).json()
    third = http.post("/events/query", json={**wanted, "iter_last_key": second["iter_last_key"]}).json()
    ids = [each["id"] for page in (first, second, third) for each in page["events"]]
    assert ids == [f"page-{number}" for number in reversed(range(12))]
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]
    back = http.post("/events/query", json={**wanted, "iter_first_key": second["iter_first_key"]}).json()
    assert [each["id"] for each in back["events"]] == [each["id"] for each in first["events"]]
    odd = http.post(
        "/events/query", json={"external_customer_id": "pages", "property_filters": {"model": ["a"]}}
    ).json()
    assert (len(odd["events"]), odd["total_count"]) == (6, 6)
    assert all(each["unrated"] for each in odd["events"])


def test_usage_is_broken_down(sdk: Flexprice, http: httpx.Client) -> None:
    sent = [
        event(f"split-{number}", "split", timestamp=f"2026-04-{1 + number:02d}T12:00:00Z", source=f"s{number % 2}",
              properties={"model": f"m{number % 3}", "video_seconds": "2.5"})
        for number in range(6)
    ]  # fmt: skip
    http.post("/events/bulk", json={"events": sent})
    found = sdk.events.get_usage_analytics(
        external_customer_id="split", group_by=["properties.model"], window_size="DAY", **APRIL
    )
    seconds = {
        (each.properties or {})["model"]: each for each in found.items or [] if each.meter_id == "meter_video_seconds"
    }
    assert {model: each.total_usage for model, each in seconds.items()} == {"m0": "5", "m1": "5", "m2": "5"}
    assert [(each.timestamp, each.usage) for each in seconds["m1"].points or []] == [
        ("2026-04-02T00:00:00Z", "2.5"),
        ("2026-04-05T00:00:00Z", "2.5"),
    ]
    by_source = http.post(
        "/events/analytics", json={"external_customer_id": "split", "group_by": ["source"], **SPAN}
    ).json()
    counts = {
        each["source"]: each["event_count"] for each in by_source["items"] if each["meter_id"] == "meter_video_jobs"
    }
    assert counts == {"s0": 3, "s1": 3}
    hours = sdk.events.get_usage_by_meter(
        meter_id="meter_video_seconds", external_customer_id="split", window_size="HOUR", **APRIL
    )
    assert [(each.window_size, each.value) for each in hours.results or []][:1] == [("2026-04-01T12:00:00Z", 2.5)]
    largest = sdk.events.get_usage_statistics(
        event_name="video_generated", aggregation_type="COUNT_UNIQUE", property_name="model",
        external_customer_id="split", **APRIL,
    )  # fmt: skip
    assert largest.value == 3.0


def test_an_event_tells_why_nothing_pays_for_it(sdk: Flexprice, http: httpx.Client) -> None:
    sdk.events.ingest_event(**event("why-1", "why"))
    found = http.get("/events/lookup", params={"id": "why-1", "external_customer_id": "why"}).json()
    assert found["unrated"] is True
    assert found["debug_tracker"]["failure_point"] == {"failure_point_type": "price_lookup"}
    assert {each["meter_id"] for each in found["debug_tracker"]["meter_matching"]["matched_meters"]} >= {
        "meter_video_seconds"
    }
    with pytest.raises(sdk_errors.ErrorResponse) as refused:
        sdk.events.get_event(id="why-1", external_customer_id="somebody-else")
    assert refused.value.data.code == "not_found"
