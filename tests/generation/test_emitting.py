"""Every settled generation is told as one usage event, whatever road it came by, and never as two."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, insert, select, text

from app.generation.audit import run_audit
from app.generation.emitting import DUE, events_of, properties_of
from app.kernel.clock import now
from app.metering import tables
from app.metering.events import read_event
from tests.support.house import House


def told(house: House) -> dict[str, dict[str, Any]]:
    """The events of this house's customer, by their ids."""
    house.services.emitting.emit()
    event = tables.event.c
    with house.services.db.read() as connection:
        found = connection.execute(
            select(event.event_id, event.properties, event.generation_id).where(event.customer == house.workspace_id)
        )
        return {row.event_id: {**orjson.loads(row.properties), "generation_id": row.generation_id} for row in found}


def breaches(house: House, generation_id: str) -> list[str]:
    """Which invariants of usage this generation breaks, whatever else is in the shared house."""
    return [
        breach.name
        for breach in run_audit(house.services.db)
        for row in breach.rows
        if row["generation_id"] == generation_id
    ]


def test_a_delivered_job_is_told_once(customer: House) -> None:
    seen = asyncio.run(customer.run("flux-schnell", prompt="A red tram", num_images=2))
    event = told(customer)[f"{seen.row['id']}_final"]
    assert told(customer).keys() == {f"{seen.row['id']}_final"}
    expected = {
        "model": "flux-schnell",
        "provider": "fal",
        "operation": "images",
        "image_count": 2,
        "output_count": 2,
        "settled_by": "ledger",
        "status": "delivered",
        "origin": "api",
        "generation_id": seen.row["id"],
    }
    assert event.items() >= expected.items()
    assert float(event["credits"]) * 1_000_000 == seen.row["charged_micros"]
    assert "prompt" not in event
    assert breaches(customer, seen.row["id"]) == []


@pytest.mark.one_engine
def test_what_was_given_back_is_not_told(customer: House) -> None:
    seen = asyncio.run(customer.run("flux-schnell", prompt="A red tram [[fault:fail]]"))
    assert seen.status == "failed"
    assert told(customer) == {}


def test_a_promise_is_kept_once_whoever_keeps_it_twice(customer: House) -> None:
    seen = asyncio.run(customer.run("flux-schnell", prompt="A red tram"))
    told(customer)
    db = customer.services.db
    with db.write() as connection:  # as after a crash between the event and the end of the promise
        connection.execute(insert(DUE).values(generation_id=seen.row["id"]))
    assert customer.services.emitting.emit() == 1
    assert len(told(customer)) == 1
    with db.read() as connection:
        assert connection.execute(select(DUE)).first() is None
        known = tables.conflict.c.event_id == f"{seen.row['id']}_final"
        assert connection.execute(select(tables.conflict).where(known)).first() is None


def test_the_audit_finds_a_missing_event_and_one_too_many(customer: House) -> None:
    seen = asyncio.run(customer.run("flux-schnell", prompt="A red tram"))
    told(customer)
    db = customer.services.db
    with db.write() as connection:
        (kept,) = events_of(connection, [seen.row["id"]], now())
        connection.execute(delete(tables.event).where(tables.event.c.generation_id == seen.row["id"]))
    assert breaches(customer, seen.row["id"]) == ["settled_generations_are_told"]
    with db.write() as connection:
        connection.execute(text("UPDATE generation SET state = 'released' WHERE id = :id"), {"id": seen.row["id"]})
        values = {"event_id": "gen_other_final", "customer": customer.workspace_id, "shape_id": 1, "at": kept.at}
        more = {"properties": "{}", "source": "", "digest": 1, "received_at": kept.at, "generation_id": seen.row["id"]}
        connection.execute(insert(tables.event).values(**values, **more))
    assert breaches(customer, seen.row["id"]) == ["told_generations_are_settled"]
    with db.write() as connection:  # the house is shared: leave it as it was
        connection.execute(delete(tables.event).where(tables.event.c.event_id == "gen_other_final"))


ROW: dict[str, Any] = {
    "alias": "m", "provider_id": "p", "upstream_model": "u", "modality": "video", "operation": "", "origin": "api",
    "error_code": None, "resolved": {"quality": "high"},
    "params": {"prompt": "secret", "resolution": "1080p", "generate_audio": False, "image_url": "x"},
    "usage": {"reported": {"seconds": "8.0"}}, "final": {"lines": []},
    "charged_micros": 1_500_000, "cost_micros": 120_000,
}  # fmt: skip
VIDEO = {"kind": "video", "duration_micros": 7_960_000}


@pytest.mark.parametrize(
    ("changes", "files", "said"),
    [
        pytest.param({}, [VIDEO], {"video_count": 1, "video_seconds": "8.0"}, id="a length as the provider told it"),
        pytest.param({"usage": None}, [VIDEO, VIDEO], {"video_seconds": "15.92"}, id="lengths as the files have them"),
        pytest.param({}, [VIDEO], {"resolution": "1080p", "generate_audio": False, "quality": "high"}, id="dimensions"),
        pytest.param({}, [VIDEO], {"credits": "1.5", "cost_usd": "0.12"}, id="what was charged and what it cost"),
        pytest.param({"error_code": "upstream_failed"}, [], {"status": "failed", "output_count": 0}, id="a forfeit"),
        pytest.param(
            {"modality": "text", "usage": {"reported": {"input_tokens": "12", "image_input_tokens": "3"}},
             "final": {"lines": [{"metric": "output_tokens", "quantity": "40"}]}},
            [], {"input_tokens": "15", "output_tokens": "40", "output_count": 1}, id="tokens told, and tokens counted",
        ),
    ],
)  # fmt: skip
def test_what_an_event_says(changes: dict[str, Any], files: list[dict[str, Any]], said: dict[str, Any]) -> None:
    found = properties_of({**ROW, **changes}, files)
    assert found.items() >= said.items()
    assert not {"prompt", "image_url"} & found.keys()


@pytest.mark.one_engine
def test_a_stranger_cannot_take_the_id_of_a_generation_unseen(customer: House) -> None:
    seen = asyncio.run(customer.run("flux-schnell", prompt="A red tram"))
    foreign = {"event_name": "x", "external_customer_id": "cust", "event_id": f"{seen.row['id']}_final"}
    customer.services.ingest.accept([read_event(foreign, now(), "")])
    told(customer)
    with customer.services.db.read() as connection:
        mine = select(tables.conflict.c.body).where(tables.conflict.c.event_id == foreign["event_id"])
        assert len(connection.execute(mine).all()) == 1
    assert breaches(customer, seen.row["id"]) == ["settled_generations_are_told"]
